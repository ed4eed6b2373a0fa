"""The gradient check: it passes on every part and combination, and finds what has been spoilt.

The first half checks the engine: the whole product of layers, activations, losses, penalties,
weights and depths. The second half checks the checker.
"""

import pickle
import warnings
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier
from skdeep._engine.activations import ACTIVATIONS
from skdeep._engine.backend import spawn_streams
from skdeep._engine.data import Rows
from skdeep._engine.layers import Activation, Dense, Dropout
from skdeep._engine.losses import (
    LOSSES as LOSS_CLASSES,
)
from skdeep._engine.losses import (
    AbsoluteError,
    Gamma,
    Huber,
    LogisticCrossEntropy,
    Loss,
    Poisson,
    Quantile,
    SoftmaxCrossEntropy,
    SquaredError,
)
from skdeep._engine.network import Network, build_network
from skdeep._engine.norms import BatchNorm, LayerNorm
from skdeep._engine.objective import Problem
from skdeep._engine.penalties import ElasticNet
from skdeep._engine.training import TrainingState, stream_names
from skdeep.inspection import _gradient_check as module
from skdeep.inspection import gradient_check

EPSILON, GREAT, KINK = 1e-5, 1e-7, 1e-3
N_ROWS, N_FEATURES, WIDTH = 8, 3, 3

# A large ε keeps batch norm from dividing by next to nothing: curvature would drown the check.
BATCH_NORM = {"batch_norm": True, "batch_norm_epsilon": 0.1}
LAYER_NORM = {"layer_norm": True, "layer_norm_epsilon": 0.1}
KINDS = {
    "dense": {},
    "batch norm": BATCH_NORM,
    "layer norm": LAYER_NORM,
    "dropout": {"dropout": 0.3},
    "input dropout": {"input_dropout": 0.3},
    "all": {**BATCH_NORM, "dropout": 0.3, "input_dropout": 0.3},
}
RNG = np.random.default_rng(0)
CODES = np.arange(N_ROWS) % 3
LABELS = RNG.integers(2, size=(N_ROWS, 2)).astype(float)
NUMBERS = 2 * RNG.normal(size=(N_ROWS, 2))
LOSSES = {
    "logistic": (LogisticCrossEntropy(), LABELS[:, :1]),
    "smoothed multilabel": (LogisticCrossEntropy(0.2), LABELS),
    "softmax": (SoftmaxCrossEntropy(3), CODES),
    "smoothed softmax": (SoftmaxCrossEntropy(3, 0.2), CODES),
    "squared": (SquaredError(), NUMBERS),
    "absolute": (AbsoluteError(), NUMBERS),
    "huber": (Huber(0.7), NUMBERS),
    "poisson": (Poisson(), np.abs(np.rint(NUMBERS))),
    "quantile": (Quantile(0.3), NUMBERS),
    "gamma": (Gamma(), np.abs(NUMBERS) + 0.1),
}
PENALTIES = {"none": (0.0, 0.0), "L2": (2.0, 0.0), "L1": (2.0, 1.0), "elastic net": (2.0, 0.5)}
WEIGHTS = {
    "none": None,
    "random": RNG.uniform(0.2, 2, N_ROWS),
    "integers": np.array([1.0, 0, 2, 1, 3, 0, 1, 2]),
}


def make_problem(depth, activation, kind, loss, penalty, weights, seed):
    """A small problem at a random point: also its biases, and batch norm's γ and β, are random."""
    rng = np.random.default_rng(seed)
    loss, y = LOSSES[loss]
    options = dict(KINDS[kind])
    options["dropout"] = [options.get("dropout", 0.0)] * depth
    network = build_network(
        N_FEATURES,
        (WIDTH,) * depth,
        3 if y.ndim == 1 else y.shape[1],
        activations=[activation] * depth,
        **options,
    )
    data = Rows(rng.normal(size=(N_ROWS, N_FEATURES)), y, WEIGHTS[weights])
    streams = spawn_streams([seed], stream_names(depth))
    used = {layer.name: streams[layer.name] for layer in network.dropout_layers}
    theta = 0.8 * rng.normal(size=network.layout.size)
    state = TrainingState(theta, np.zeros(network.statistics_layout.size), used)
    penalty = ElasticNet.of(*PENALTIES[penalty], data.total_weight)
    return Problem(network, loss, penalty, data), state


@pytest.fixture
def check(monkeypatch):
    """The gradient check of a problem of the engine."""

    def check(problem, state, **arguments):
        monkeypatch.setattr(module, "problem_at", lambda *estimator_and_data: (problem, state))
        return gradient_check(DeepMLPRegressor(), None, None, epsilon=EPSILON, **arguments)

    return check


# ------------------------------------------------------------------------------ the whole product


@dataclass
class WatchedLoss:
    """A loss that notes how near to its kink it is evaluated."""

    loss: Loss
    seen: list

    def __getattr__(self, name):
        return getattr(self.loss, name)

    def value_and_gradient(self, z, t, dz):
        kink = getattr(self.loss, "delta", 0.0)
        self.seen.append(np.abs(np.abs(z - t) - kink).min())
        return self.loss.value_and_gradient(z, t, dz)


@pytest.fixture
def seen(monkeypatch):
    """Distances from kinks, noted at every evaluation of an activation that has one."""
    distances = []
    for name in ("relu", "leaky_relu", "elu", "selu"):
        function = ACTIVATIONS[name]

        def value(z, a, function=function):
            distances.append(np.abs(z).min())
            function.value(z, a)

        monkeypatch.setitem(ACTIVATIONS, name, replace(function, value=value))
    return distances


def assert_great_everywhere(depth, activation, kind, check, seen):
    for loss, penalty, weights in product(LOSSES, PENALTIES, WEIGHTS):
        # The first point at which no unit and no residual is near a kink.
        for seed in range(20):
            problem, state = make_problem(depth, activation, kind, loss, penalty, weights, seed)
            if loss in ("absolute", "huber", "quantile"):
                problem = replace(problem, loss=WatchedLoss(problem.loss, seen))
            seen.clear()
            result = check(problem, state)
            if min(seen, default=1) > KINK:
                break
        else:
            pytest.fail("no point away from kinks")
        assert result.relative_difference < GREAT, (loss, penalty, weights, str(result))
        assert (result.verdict, result.suspect) == ("great", None)


@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - {"sigmoid"}))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_networks_of_all_layers_losses_penalties_and_weights(depth, kind, activation, check, seen):
    assert_great_everywhere(depth, activation, kind, check, seen)


@pytest.mark.parametrize("kind", ["dense", "input dropout"])
def test_linear_models_with_all_losses_penalties_and_weights(kind, check, seen):
    assert_great_everywhere(0, "identity", kind, check, seen)


def test_every_loss_takes_part():
    assert {type(loss) for loss, _ in LOSSES.values()} == set(LOSS_CLASSES)


# ------------------------------------------------------------------------- what has been spoilt


def spoil_layer(monkeypatch, layer_class, name, damage):
    """After the backward of the layer of that name, `damage(binding, what it returned)` follows."""
    bind = layer_class.bind_training

    def bind_training(self, binding):
        forward, backward = bind(self, binding)
        if self.name != name:
            return forward, backward

        def wrong(d):
            d_x = backward(d)
            damage(binding, d_x)
            return d_x

        return forward, wrong

    monkeypatch.setattr(layer_class, "bind_training", bind_training)


def gradient_of(name, slot):
    """Damage to a layer's own gradient."""

    def damage(binding, d_x):
        binding.grads[name, slot] *= 1.01

    return damage


def input_gradient(binding, d_x):
    """Damage to what a layer hands on to those before it."""
    d_x *= 1.01


@pytest.mark.parametrize(
    ("layer_class", "name", "damage", "suspect"),
    [
        (Dense, "hidden 2", gradient_of("hidden 2", "W"), "hidden 2"),
        (Dense, "output", gradient_of("output", "b"), "output"),
        (Dense, "hidden 3", input_gradient, "batch norm 2"),
        (BatchNorm, "batch norm 2", gradient_of("batch norm 2", "gamma"), "batch norm 2"),
        (BatchNorm, "batch norm 2", gradient_of("batch norm 2", "beta"), "batch norm 2"),
        (BatchNorm, "batch norm 2", input_gradient, "hidden 2"),
        (Activation, "activation 2", input_gradient, "batch norm 2"),
        (Dropout, "dropout 1", input_gradient, "batch norm 1"),
    ],
)
def test_a_wrong_derivative_of_a_layer_is_caught(
    layer_class, name, damage, suspect, check, monkeypatch
):
    problem, state = make_problem(3, "tanh", "all", "softmax", "L2", "random", 0)
    assert check(problem, state).verdict == "great"
    spoil_layer(monkeypatch, layer_class, name, damage)
    result = check(problem, state)
    assert result.verdict in ("look closer", "worry")
    assert result.suspect == suspect


@pytest.mark.parametrize(
    ("name", "damage", "suspect"),
    [
        ("layer norm 2", gradient_of("layer norm 2", "gamma"), "layer norm 2"),
        ("layer norm 2", gradient_of("layer norm 2", "beta"), "layer norm 2"),
        ("layer norm 2", input_gradient, "hidden 2"),
    ],
)
def test_a_wrong_derivative_of_layer_norm_is_caught(name, damage, suspect, check, monkeypatch):
    problem, state = make_problem(3, "tanh", "layer norm", "softmax", "L2", "random", 0)
    assert check(problem, state).verdict == "great"
    spoil_layer(monkeypatch, LayerNorm, name, damage)
    result = check(problem, state)
    assert result.verdict in ("look closer", "worry")
    assert result.suspect == suspect


@pytest.mark.parametrize("kind", ["dense", "batch norm"])
@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - {"sigmoid"}))
def test_a_wrong_derivative_of_an_activation_is_caught(activation, kind, check, monkeypatch):
    def wrong(d, z, a):
        function.chain(d, z, a)
        d *= 1.01

    function = ACTIVATIONS[activation]
    # The spoilt one is the first of two; the second stays whole.
    problem, state = make_problem(2, "tanh", kind, "softmax", "L2", "none", 0)
    position = [layer.name for layer in problem.network.layers].index("activation 1")
    for chain, verdict, suspect in [
        (function.chain, "great", None),
        (wrong, "worry", "batch norm 1" if kind == "batch norm" else "hidden 1"),
    ]:
        layers = list(problem.network.layers)
        layers[position] = replace(layers[position], function=replace(function, chain=chain))
        result = check(replace(problem, network=Network(layers)), state)
        assert (result.verdict, result.suspect) == (verdict, suspect)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_wrong_derivative_of_a_loss_is_caught(loss, check, monkeypatch):
    problem, state = make_problem(2, "tanh", "dense", loss, "none", "random", 0)
    right = type(problem.loss).value_and_gradient

    def wrong(self, z, t, dz):
        losses = right(self, z, t, dz)
        dz *= 1.01
        return losses

    monkeypatch.setattr(type(problem.loss), "value_and_gradient", wrong)
    result = check(problem, state)
    assert (result.verdict, result.suspect) == ("worry", "output")


def test_a_wrong_derivative_of_the_penalty_is_caught(check, monkeypatch):
    problem, state = make_problem(2, "tanh", "dense", "softmax", "L2", "none", 0)
    right = ElasticNet.add_gradient

    def wrong(self, weights, grad, scratch):
        right(replace(self, l2=1.05 * self.l2), weights, grad, scratch)

    monkeypatch.setattr(ElasticNet, "add_gradient", wrong)
    result = check(problem, state)
    assert (result.verdict, result.suspect) == ("worry", "output")


@pytest.mark.parametrize(
    ("damage", "verdict"),
    [(2e-9, "great"), (2e-7, "great"), (2e-5, "look closer"), (2e-3, "worry"), (1, "worry")],
)
def test_the_verdict_is_the_courses_reading(damage, verdict, check, monkeypatch):
    problem, state = make_problem(2, "tanh", "dense", "softmax", "none", "none", 0)
    right = SoftmaxCrossEntropy.value_and_gradient

    def wrong(self, z, t, dz):
        losses = right(self, z, t, dz)
        dz *= 1 + damage
        return losses

    monkeypatch.setattr(SoftmaxCrossEntropy, "value_and_gradient", wrong)
    result = check(problem, state)
    # A gradient too long by δ differs by δ / 2.
    assert result.relative_difference == pytest.approx(damage / (2 + damage), rel=0.1, abs=1e-9)
    assert result.verdict == verdict


# --------------------------------------------------------------------------------- the estimators

X, Y = make_classification(60, 5, n_informative=4, n_redundant=0, n_classes=3, random_state=0)
REAL = X @ np.arange(1.0, 6) / 5 + 0.1 * Y
ESTIMATORS = {
    "logistic": (LogisticRegressionGD(), Y == 1),
    "multinomial": (LogisticRegressionGD(l1_ratio=0.5), Y),
    "softmax": (SoftmaxClassifier(class_weight="balanced"), Y),
    "classifier": (DeepMLPClassifier((4, 3), activation="tanh", random_state=0), Y),
    "multilabel": (
        DeepMLPClassifier((4,), activation="gelu", label_smoothing=0.1, random_state=0),
        np.column_stack([Y == 0, Y == 2]).astype(int),
    ),
    "batch norm and dropout": (
        DeepMLPClassifier((4,), activation="silu", batch_norm=True, dropout=0.3, random_state=0),
        Y,
    ),
    "float32": (DeepMLPClassifier((4,), activation="elu", dtype="float32", random_state=0), Y),
    "early stopping": (
        DeepMLPClassifier((4,), activation="tanh", early_stopping=True, random_state=0),
        Y,
    ),
    "lbfgs": (DeepMLPClassifier((4,), activation="tanh", solver="lbfgs", random_state=0), Y),
    "regressor": (DeepMLPRegressor("huber", (4,), activation="mish", random_state=0), REAL),
    "outputs": (
        DeepMLPRegressor("poisson", (4,), activation="softplus", alpha=1.0, random_state=0),
        np.abs(np.column_stack([REAL, Y])),
    ),
}
each_estimator = pytest.mark.parametrize("name", ESTIMATORS)


def contents(estimator):
    """All that an estimator is, to the last bit."""
    return pickle.dumps(estimator)


def fitted(estimator, y, **changes):
    """A clone after a few epochs, where the gradient is far from zero."""
    estimator = clone(estimator).set_params(max_iter=4, **changes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y)


@each_estimator
@pytest.mark.parametrize("weighted", [False, True])
def test_every_estimator_passes_before_and_after_its_fit(name, weighted):
    estimator, y = ESTIMATORS[name]
    w = WEIGHTS["random"][np.arange(60) % N_ROWS] if weighted else None
    for subject in (estimator, fitted(estimator, y)):
        result = gradient_check(subject, X, y, w, epsilon=EPSILON)
        assert result.relative_difference < GREAT, str(result)
        assert result.verdict == "great"
        assert all(difference < 1e-6 for difference in result.per_layer.values())


@each_estimator
def test_the_estimator_is_left_as_it_was(name):
    estimator, y = ESTIMATORS[name]
    for subject in (clone(estimator), fitted(estimator, y)):
        before = contents(subject)
        gradient_check(subject, X, y)
        assert contents(subject) == before


def test_a_fitted_estimator_is_checked_at_its_parameters():
    estimator, y = ESTIMATORS["classifier"]
    start, end = gradient_check(estimator, X, y), gradient_check(fitted(estimator, y), X, y)
    assert end.objective < start.objective
    # More epochs, lower still.
    longer = fitted(estimator, y).set_params(max_iter=50, warm_start=True)
    with pytest.warns(ConvergenceWarning):
        longer.fit(X, y)
    assert gradient_check(longer, X, y).objective < end.objective


def test_the_check_is_of_the_objective_that_training_descends():
    # The loss that a full-batch epoch reports is J at the start of it.
    estimator = DeepMLPClassifier(
        (4,), activation="tanh", alpha=30.0, l1_ratio=0.4, batch_size="full", random_state=0
    )
    result = gradient_check(estimator, X, Y)
    assert result.objective == pytest.approx(fitted(estimator, Y).loss_curve_[0], rel=1e-12)


def test_adamw_has_no_l2_in_its_objective():
    J = {}
    for solver, alpha in product(("adam", "adamw"), (0.0, 30.0)):
        estimator = DeepMLPClassifier(
            (4,), activation="tanh", solver=solver, alpha=alpha, random_state=0
        )
        result = gradient_check(estimator, X, Y, epsilon=EPSILON)
        assert result.verdict == "great"
        J[solver, alpha] = result.objective
    assert J["adamw", 30.0] == J["adamw", 0.0] == J["adam", 0.0] < J["adam", 30.0]


def test_sparse_rows_give_what_dense_rows_give():
    estimator, y = ESTIMATORS["classifier"]
    holed = np.where(np.abs(X) > 0.5, X, 0)
    dense = gradient_check(estimator, holed, y, epsilon=EPSILON)
    sparse = gradient_check(estimator, scipy.sparse.csr_array(holed), y, epsilon=EPSILON)
    assert sparse.verdict == "great"
    np.testing.assert_allclose(sparse.gradient, dense.gradient, rtol=1e-9, atol=1e-14)


def test_sparse_rows_with_input_dropout_keep_their_masks():
    estimator = DeepMLPClassifier((3,), activation="tanh", input_dropout=0.3, random_state=0)
    holed = scipy.sparse.csr_array(np.where(np.abs(X) > 0.5, X, 0))
    assert gradient_check(estimator, holed, Y, epsilon=EPSILON).relative_difference < GREAT


def test_dropout_is_held_fixed_or_left_out():
    estimator = DeepMLPClassifier(
        (4,), activation="tanh", dropout=0.5, input_dropout=0.2, random_state=0
    )
    without = clone(estimator).set_params(dropout=0.0, input_dropout=0.0)
    fixed, off = (
        gradient_check(estimator, X, Y, epsilon=EPSILON, dropout=dropout)
        for dropout in ("fixed", "off")
    )
    assert fixed.verdict == off.verdict == "great"
    assert off.objective == gradient_check(without, X, Y).objective != fixed.objective
    again = gradient_check(estimator, X, Y, epsilon=EPSILON)
    np.testing.assert_array_equal(again.gradient, fixed.gradient)


@pytest.mark.parametrize("n_rows", [500, 501])
def test_dropout_is_held_fixed_whatever_the_number_of_rows(n_rows):
    # The perturbed models are many: their rows come in smaller chunks than the one model's.
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n_rows, 20)), rng.normal(size=n_rows)
    estimator = DeepMLPRegressor("squared_error", (21, 19), activation="tanh", random_state=0)
    estimator.set_params(dropout=0.3, input_dropout=0.1)
    assert gradient_check(estimator, x, y, epsilon=EPSILON).relative_difference < GREAT


# ------------------------------------------------------------------------------------- the result


def test_at_an_optimum_the_check_is_inconclusive():
    model = LogisticRegressionGD(tol=1e-12, max_iter=20000).fit(X, Y)
    result = gradient_check(model, X, Y)
    assert result.verdict == "inconclusive"
    assert result.suspect is None
    assert np.linalg.norm(result.gradient) < result.resolution
    assert "within rounding" in str(result)
    machine = np.finfo(float).eps * result.objective / 1e-7
    assert result.resolution == pytest.approx(np.sqrt(result.checked.size) * machine)


def test_a_sample_of_the_parameters():
    estimator, y = ESTIMATORS["classifier"]
    full = gradient_check(estimator, X, y)
    some = gradient_check(estimator, X, y, n_parameters=9, random_state=3)
    again = gradient_check(estimator, X, y, n_parameters=9, random_state=3)
    other = gradient_check(estimator, X, y, n_parameters=9, random_state=4)
    assert some.checked.size == np.unique(some.checked).size == 9
    np.testing.assert_array_equal(some.checked, again.checked)
    assert (some.checked != other.checked).any()
    np.testing.assert_allclose(some.gradient, full.gradient[some.checked], rtol=1e-12)
    np.testing.assert_allclose(some.approximation, full.approximation[some.checked], atol=1e-7)
    everything = gradient_check(estimator, X, y, n_parameters=10**6)
    np.testing.assert_array_equal(everything.checked, np.arange(full.gradient.size))


def test_a_sample_may_miss_a_layer():
    estimator, y = ESTIMATORS["classifier"]
    result = gradient_check(estimator, X, y, n_parameters=1, random_state=0)
    assert len(result.per_layer) == 1
    assert "1 parameters" in str(result)


def test_the_result_is_the_definition():
    estimator, y = ESTIMATORS["classifier"]
    result = gradient_check(estimator, X, y)
    difference = np.linalg.norm(result.approximation - result.gradient)
    size = np.linalg.norm(result.approximation) + np.linalg.norm(result.gradient)
    assert result.relative_difference == pytest.approx(difference / size)
    assert list(result.per_layer) == ["hidden 1", "hidden 2", "output"]
    assert result.epsilon == 1e-7


def test_the_result_reads_well(check, monkeypatch):
    problem, state = make_problem(2, "tanh", "batch norm", "softmax", "L2", "none", 0)
    good = str(check(problem, state))
    assert "great" in good
    assert "look at" not in good
    for layer in ("hidden 1", "batch norm 1", "hidden 2", "batch norm 2", "output"):
        assert layer in good
    spoil_layer(monkeypatch, Dense, "hidden 2", gradient_of("hidden 2", "W"))
    bad = str(check(problem, state))
    assert "worry" in bad
    assert "look at 'hidden 2' and what acts on its output" in bad
    assert max(map(len, bad.splitlines())) <= 100


# ---------------------------------------------------------------------------------- bad arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epsilon": 0}, "epsilon must be a finite number > 0, got 0"),
        ({"epsilon": np.inf}, "epsilon must be .* got inf"),
        ({"epsilon": np.nan}, "epsilon must be .* got nan"),
        ({"epsilon": "small"}, "epsilon must be .* got 'small'"),
        ({"n_parameters": 0}, "n_parameters must be an integer >= 1 or None, got 0"),
        ({"n_parameters": 2.5}, "n_parameters must be .* got 2.5"),
        ({"dropout": "on"}, r"dropout must be one of \['fixed', 'off'\], got 'on'"),
        ({"sample_weight": -np.ones(60)}, "sample_weight must not be negative"),
        ({"sample_weight": np.ones(3)}, "sample_weight must have one value per row"),
        ({"y": Y[:30]}, "inconsistent numbers of samples"),
        ({"X": np.full_like(X, np.nan)}, "contains NaN"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    estimator, y = ESTIMATORS["classifier"]
    with pytest.raises(ValueError, match=message):
        gradient_check(**{"estimator": estimator, "X": X, "y": y, **arguments})


def test_bad_parameters_of_the_estimator_are_named():
    with pytest.raises(ValueError, match="alpha"):
        gradient_check(DeepMLPClassifier(alpha=-1), X, Y)
    with pytest.raises(ValueError, match="dropout"):
        gradient_check(DeepMLPClassifier((4,), dropout=[0.1, 0.1]), X, Y)


def test_a_fitted_estimator_wants_the_features_it_was_fitted_on():
    estimator, y = ESTIMATORS["classifier"]
    with pytest.raises(ValueError, match="features"):
        gradient_check(fitted(estimator, y), X[:, :3], y)


@pytest.mark.parametrize(
    "other", [make_pipeline(StandardScaler(), DeepMLPClassifier()), DeepMLPClassifier, None]
)
def test_other_estimators_are_refused(other):
    with pytest.raises(TypeError, match="estimator must be one of skdeep's"):
        gradient_check(other, X, Y)
