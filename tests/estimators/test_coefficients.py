"""coef_, intercept_, coefs_ and intercepts_ that are set: the model predicts and trains on."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale

from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier
from skdeep.inspection import gradient_check

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]

X, Y = load_iris(return_X_y=True)
X = scale(X)
TWO = (Y > 0).astype(int)
LINEAR = {
    "logistic": (LogisticRegressionGD(solver="sgd", momentum=0.0, random_state=0), TWO),
    "softmax": (SoftmaxClassifier(solver="sgd", momentum=0.0, random_state=0), Y),
    "no intercept": (
        LogisticRegressionGD(solver="sgd", momentum=0.0, fit_intercept=False, random_state=0),
        TWO,
    ),
}
DEEP = {
    "classifier": (DeepMLPClassifier((5, 3), max_iter=3, random_state=0), Y),
    "regressor": (DeepMLPRegressor(hidden_layer_sizes=(5,), max_iter=3, random_state=0), Y * 1.0),
    "batch norm": (DeepMLPClassifier((5,), batch_norm=True, max_iter=3, random_state=0), Y),
    "no hidden layer": (DeepMLPClassifier((), max_iter=3, random_state=0), Y),
}


def begun(model, y):
    kwargs = {"classes": np.unique(y)} if hasattr(model, "predict_proba") else {}
    return clone(model).partial_fit(X, y, **kwargs)


# ---------------------------------------------------------------------------------- linear models


@pytest.mark.parametrize("how", ["set", "in place", "sparse"])
@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_model_goes_on_from_what_was_set(name, how):
    model, y = LINEAR[name]
    model = begun(model, y)
    rng = np.random.default_rng(0)
    coef = rng.normal(size=model.coef_.shape)
    intercept = rng.normal(size=model.intercept_.shape) * model.fit_intercept
    if how == "in place":
        model.coef_[...], model.intercept_[...] = coef, intercept
    else:
        model.coef_ = csr_matrix(coef) if how == "sparse" else coef.copy()
        model.intercept_ = intercept.copy()
    before = model.predict_proba(X)
    # A step of plain descent, by hand, from there.
    z = X @ coef.T + intercept
    if len(coef) == 1:
        p = 1 / (1 + np.exp(-z))
        assert_allclose(before[:, 1:], p)
        error = p - y[:, np.newaxis]
    else:
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        assert_allclose(before, p)
        error = p - np.eye(3)[y]
    model.set_params(alpha=0.0, batch_size="full", learning_rate_init=0.5)
    model.partial_fit(X, y)
    assert_allclose(model.coef_, coef - 0.5 * error.T @ X / len(X), atol=1e-12)
    if model.fit_intercept:
        moved = intercept - 0.5 * error.mean(axis=0)
        if len(coef) > 1:
            moved -= moved.mean()
        assert_allclose(model.intercept_, moved, atol=1e-12)


def test_averaging_over_clients_goes_as_in_scikit_learn():
    """Rounds of training on shards, whose mean each goes on from."""
    shards = [np.arange(start, 150, 3) for start in range(3)]

    def rounds(make, n=15):
        clients = [make().partial_fit(X[s], TWO[s], classes=[0, 1]) for s in shards]
        for _ in range(n):
            coef = np.mean([one.coef_ for one in clients], axis=0)
            intercept = np.mean([one.intercept_ for one in clients], axis=0)
            for one, s in zip(clients, shards, strict=True):
                one.coef_, one.intercept_ = coef.copy(), intercept.copy()
                one.partial_fit(X[s], TWO[s])
        clients[0].coef_, clients[0].intercept_ = coef, intercept
        return clients[0].score(X, TWO)

    ours = rounds(lambda: LogisticRegressionGD(solver="sgd", random_state=0))
    theirs = rounds(lambda: SGDClassifier(loss="log_loss", random_state=0))
    assert ours >= theirs - 0.02
    assert ours > 0.95


@pytest.mark.parametrize("solver", ["gd", "lbfgs", "adam"])
@pytest.mark.parametrize("kind", [LogisticRegressionGD, SoftmaxClassifier])
def test_a_warm_start_goes_on_from_what_was_set(kind, solver):
    y = TWO if kind is LogisticRegressionGD else Y
    model = kind(solver=solver, warm_start=True, max_iter=3, random_state=0).fit(X, y)
    rng = np.random.default_rng(0)
    model.coef_ = rng.normal(size=model.coef_.shape)
    model.intercept_ = model.intercept_ * 0
    cost = log_loss(y, model.predict_proba(X))
    before = len(model.loss_curve_)
    model.set_params(max_iter=1, alpha=0.0).fit(X, y)
    # Of lbfgs the cost after its first iteration is recorded, of the others that before.
    if solver == "gd":
        assert model.loss_curve_[before] == pytest.approx(cost, rel=1e-6)
    else:
        assert model.loss_curve_[before] < 1.5 * cost
        assert model.loss_curve_[before] != pytest.approx(model.loss_curve_[before - 1], rel=0.01)


def test_what_is_inspected_is_what_was_set():
    model = begun(*LINEAR["logistic"])
    model.coef_ = model.coef_ + 1
    found = gradient_check(model, X, TWO)
    p = model.predict_proba(X)
    decay = model.alpha / len(X) * model.coef_[0]
    cost = log_loss(TWO, p) + decay @ model.coef_[0] / 2
    assert found.objective == pytest.approx(cost, rel=1e-9)
    assert_allclose(found.gradient[:4], (p[:, 1] - TWO) @ X / len(X) + decay, rtol=1e-9)


@pytest.mark.parametrize("name", LINEAR)
def test_what_was_not_set_goes_on_to_the_last_bit(name):
    model, y = LINEAR[name]
    whole, parts = begun(model, y), begun(model, y)
    for _ in range(4):
        whole.partial_fit(X, y)
        # Reading, copying and predicting change nothing.
        parts = pickle.loads(pickle.dumps(parts))
        parts.predict(X)
        parts.coef_ = parts.coef_.copy()
        parts.partial_fit(X, y)
    assert_array_equal(parts._state.theta, whole._state.theta)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("coef_", np.zeros((1, 3))),
        ("coef_", np.zeros(4)),
        ("intercept_", np.zeros(2)),
        ("coef_", "no"),
        ("intercept_", np.array(["a"])),
        ("coef_", None),
    ],
)
def test_other_shapes_are_named(name, value):
    model = begun(*LINEAR["logistic"])
    setattr(model, name, value)
    for call in (lambda: model.predict(X), lambda: model.partial_fit(X, TWO)):
        with pytest.raises(ValueError, match=f"{name} must be"):
            call()


def test_what_is_not_finite_is_named():
    model = begun(*LINEAR["logistic"])
    model.coef_ = np.full((1, 4), np.nan)
    with pytest.raises(ValueError, match="coef_ must be finite"):
        model.partial_fit(X, TWO)
    model = begun(*LINEAR["no intercept"])
    model.intercept_ = np.ones(1)
    with pytest.raises(ValueError, match="intercept_ must be zero with fit_intercept=False"):
        model.partial_fit(X, TWO)


# ------------------------------------------------------------------------------------ deep networks


def values_for(model):
    rng = np.random.default_rng(1)
    return (
        [rng.normal(size=W.shape) for W in model.coefs_],
        [rng.normal(size=b.shape) for b in model.intercepts_],
    )


@pytest.mark.parametrize("how", ["whole", "entries", "slices", "in place"])
@pytest.mark.parametrize("name", DEEP)
def test_a_network_is_what_was_set(name, how):
    model, y = DEEP[name]
    model = clone(model).fit(X, y)
    weights, biases = values_for(model)
    updates = model._state.optimizer.updates
    if how == "whole":
        model.coefs_, model.intercepts_ = weights, biases
    elif how == "slices":
        model.coefs_[:], model.intercepts_[:] = weights, biases
    for number in range(len(weights)):
        if how == "entries":
            model.coefs_[number - len(weights)] = weights[number]
            model.intercepts_[number] = biases[number].tolist()
        elif how == "in place":
            model.coefs_[number][...] = weights[number]
            model.intercepts_[number] *= 0
            model.intercepts_[number] += biases[number]
    for found, expected in zip(model.coefs_, weights, strict=True):
        assert_array_equal(found, expected)
    for found, expected in zip(model.intercepts_, biases, strict=True):
        assert_array_equal(found, expected)
    assert model._state.optimizer.updates == updates
    if name in ("classifier", "no hidden layer"):
        a = X
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            a = np.maximum(a @ W + b, 0)
        assert_allclose(model.decision_function(X), a @ weights[-1] + biases[-1])
    before = model._state.theta.copy()
    model.set_params(learning_rate_init=1e-12).partial_fit(X, y)
    assert_allclose(model._state.theta, before, atol=1e-9)


def test_setting_one_network_leaves_its_copies():
    model, y = DEEP["classifier"]
    model = clone(model).fit(X, y)
    other, whole = copy.deepcopy(model), model.coefs_[0].copy()
    model.coefs_[0] = whole * 2
    assert_array_equal(other.coefs_[0], whole)


@pytest.mark.parametrize(
    "change",
    [
        lambda coefs: coefs.append(coefs[0]),
        lambda coefs: coefs.extend([]),
        lambda coefs: coefs.insert(0, coefs[0]),
        lambda coefs: coefs.pop(),
        lambda coefs: coefs.remove(coefs[0]),
        lambda coefs: coefs.clear(),
        lambda coefs: coefs.sort(),
        lambda coefs: coefs.reverse(),
        lambda coefs: coefs.__delitem__(0),
        lambda coefs: coefs.__iadd__([1]),
        lambda coefs: coefs.__imul__(2),
    ],
)
def test_layers_cannot_be_added_or_removed(change):
    model = clone(DEEP["classifier"][0]).fit(X, Y)
    with pytest.raises(TypeError, match="coefs_ has an array for each layer"):
        change(model.coefs_)
    assert len(model.coefs_) == 3


def test_all_are_set_or_none():
    model = clone(DEEP["classifier"][0]).fit(X, Y)
    before = model._state.theta.copy()
    weights, _ = values_for(model)
    for bad, words in (
        ([*weights[:2], weights[2][:, :2]], r"coefs_\[2\] must be an array of numbers of shape"),
        (weights[:2], "coefs_ has 3 arrays there, one a layer, got 2"),
        ([*weights[:2], weights[2] * np.inf], r"coefs_\[2\] must be finite"),
        ([*weights[:2], weights[2].astype(str)], r"coefs_\[2\] must be an array of numbers"),
    ):
        with pytest.raises(ValueError, match=words):
            model.coefs_ = bad
        assert_array_equal(model._state.theta, before)
    with pytest.raises(IndexError):
        model.coefs_[3] = weights[0]
    with pytest.raises(AttributeError, match="before it is fitted"):
        DeepMLPClassifier().coefs_ = weights


def test_lists_are_pickled_as_plain_ones():
    model = clone(DEEP["classifier"][0]).fit(X, Y)
    for copied in (pickle.loads(pickle.dumps(model.coefs_)), copy.deepcopy(model.coefs_)):
        assert type(copied) is list
        copied.append(1)
        assert_array_equal(copied[0], model.coefs_[0])
    assert isinstance(model.coefs_, list)


@pytest.mark.parametrize("how", ["whole", "entries", "in place", "linear", "untouched"])
def test_early_stopping_forgets_what_was_best_with_others(how):
    """The rest of training cannot come back to what was set, with the score of what was best."""
    settings = {"early_stopping": True, "warm_start": True, "max_iter": 20, "random_state": 0}
    model = DeepMLPClassifier((4,), **settings)
    if how == "linear":
        model = SoftmaxClassifier(solver="adam", **settings)
    model.set_params(learning_rate_init=0.05).fit(X, Y)
    best = model.best_validation_score_
    assert best > 0.7
    if how == "whole":
        model.coefs_ = [-W for W in model.coefs_]
    elif how == "entries":
        for number, W in enumerate(model.coefs_):
            model.coefs_[number] = -W
    elif how == "in place":
        for W in model.coefs_:
            W *= -1
    elif how == "linear":
        model.coef_, model.intercept_ = -model.coef_, -model.intercept_
    n_before = len(model.validation_scores_)
    model.set_params(max_iter=2, learning_rate_init=1e-9).fit(X, Y)
    if how == "untouched":
        assert model.best_validation_score_ >= best
    else:
        assert model.best_epoch_ >= n_before
        assert model.best_validation_score_ == max(model.validation_scores_[n_before:])


@pytest.mark.parametrize("name", [*LINEAR, *DEEP])
def test_a_model_mapped_from_a_file_goes_on(name, tmp_path):
    model, y = (LINEAR | DEEP)[name]
    model = begun(model, y)
    joblib.dump(model, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert_array_equal(mapped.predict(X), model.predict(X))
    mapped.partial_fit(X, y)
    model.partial_fit(X, y)
    assert_array_equal(mapped._state.theta, model._state.theta)
    again = joblib.load(tmp_path / "model", mmap_mode="r")
    if hasattr(again, "coefs_"):
        again.coefs_[0] = again.coefs_[0] * 2
        assert_array_equal(again.coefs_[0], 2 * joblib.load(tmp_path / "model").coefs_[0])


@pytest.mark.parametrize("value", [np.ones((1, 4), int), [[1, 1, 1, 1]], np.ones((1, 4), "f4")])
def test_numbers_of_any_kind_predict_and_train(value):
    model, other = begun(*LINEAR["logistic"]), begun(*LINEAR["logistic"])
    model.coef_, other.coef_ = value, np.ones((1, 4))
    assert_allclose(model.predict_proba(X), other.predict_proba(X), rtol=1e-6)
    assert_array_equal(model.partial_fit(X, TWO).coef_, other.partial_fit(X, TWO).coef_)


def test_what_is_not_finite_does_not_blame_the_rows():
    model = begun(*LINEAR["logistic"])
    model.coef_ = np.full((1, 4), np.nan)
    with pytest.raises(ValueError, match="coef_ must be finite"):
        model.predict(X)
