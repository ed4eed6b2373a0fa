"""What the distributions draw is what their closed forms say, and narrowing stays within them."""

import math
import pickle
import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.stats import chisquare, kstest, loguniform
from sklearn.base import clone, is_regressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import ParameterSampler, RandomizedSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    SoftmaxClassifier,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from skdeep._engine.solvers import STOCHASTIC_SOLVERS as STOCHASTIC
from skdeep.model_selection import (
    layer_sizes,
    log_uniform,
    one_minus_log_uniform,
    power_of_two,
    suggested_space,
)
from skdeep.model_selection._plan import make_plan

DISTRIBUTIONS = [
    log_uniform(1e-4, 0.1),
    log_uniform(1, 10),
    one_minus_log_uniform(0.9, 0.999),
    one_minus_log_uniform(0, 0.5),
    power_of_two(16, 512),
    power_of_two(1, 1),
    layer_sizes(2, (16, 256)),
    layer_sizes((1, 4), (3, 50), shape="funnel"),
    layer_sizes([1, 3, 7], 10),
    layer_sizes([2, 5], (1, 1000), "free"),
]
NAMESPACE = {
    kind.__name__: kind for kind in (log_uniform, one_minus_log_uniform, power_of_two, layer_sizes)
}
N_DRAWS = 10_000


def every_distribution(test):
    return pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)(test)


# ----------------------------------------------------------------------------- as SciPy's are


@every_distribution
def test_repr_can_be_read_back(distribution):
    assert eval(repr(distribution), NAMESPACE) == distribution


@every_distribution
def test_copies_are_equal_and_others_are_not(distribution):
    for copied in (pickle.loads(pickle.dumps(distribution)), clone(distribution, safe=False)):
        assert copied == distribution
        assert repr(copied) == repr(distribution)
    assert distribution not in [one for one in DISTRIBUTIONS if one is not distribution]


@every_distribution
@pytest.mark.parametrize("random_state", [3, np.random.RandomState, np.random.default_rng])
def test_the_same_random_state_draws_the_same(distribution, random_state):
    def draw():
        state = random_state(3) if callable(random_state) else random_state
        return distribution.rvs(size=5, random_state=state).tolist()

    assert draw() == draw()


@every_distribution
def test_without_a_random_state_numpys_global_one_draws(distribution):
    np.random.seed(0)  # noqa: NPY002
    found = distribution.rvs(size=5)
    expected = distribution.rvs(size=5, random_state=np.random.RandomState(0))
    assert_array_equal(found, expected)


@every_distribution
def test_shapes_and_types(distribution):
    one = distribution.rvs(random_state=0)
    assert type(one) in (float, int, tuple)
    for size, shape in [(3, (3,)), ((2, 3), (2, 3)), (0, (0,))]:
        values = distribution.rvs(size=size, random_state=0)
        assert values.shape == shape
        assert all(type(value) is type(one) for value in values.ravel().tolist())


def test_numbers_of_numpy_are_taken_as_plain_ones():
    assert repr(log_uniform(np.float32(0.5), np.int64(2))) == "log_uniform(0.5, 2.0)"
    assert repr(power_of_two(np.int64(2), np.int32(8))) == "power_of_two(2, 8)"
    sizes = layer_sizes((np.int64(1), 2), np.int64(8))
    assert repr(sizes) == "layer_sizes((1, 2), 8)"


def test_scikit_learns_sampler_draws_from_them():
    space = {"a": log_uniform(1e-3, 1), "b": power_of_two(2, 8), "c": layer_sizes(2, (4, 8))}
    first, second = (list(ParameterSampler(space, 4, random_state=0)) for _ in range(2))
    assert first == second
    assert len({one["a"] for one in first}) == 4


# ----------------------------------------------------------------------------- closed forms


def test_log_uniform_is_scipys():
    values = log_uniform(1e-4, 0.1).rvs(size=N_DRAWS, random_state=0)
    assert kstest(values, loguniform(1e-4, 0.1).cdf).pvalue > 0.01
    assert kstest(values, loguniform(1e-4, 0.12).cdf).pvalue < 1e-6
    assert values.min() >= 1e-4
    assert values.max() <= 0.1


def test_one_minus_log_uniform_is_one_minus_scipys():
    values = one_minus_log_uniform(0.9, 0.999).rvs(size=N_DRAWS, random_state=0)
    assert kstest(1 - values, loguniform(1e-3, 0.1).cdf).pvalue > 0.01
    assert kstest(values, loguniform(0.9, 0.999).cdf).pvalue < 1e-6
    assert values.min() >= 0.9
    assert values.max() <= 0.999


def test_powers_of_two_are_equally_likely():
    counts = Counter(power_of_two(8, 256).rvs(size=N_DRAWS, random_state=0).tolist())
    assert sorted(counts) == [8, 16, 32, 64, 128, 256]
    assert chisquare(list(counts.values())).pvalue > 0.01


def test_large_powers_of_two_are_exact():
    assert power_of_two(2**62, 2**62).rvs(random_state=0) == 2**62
    assert power_of_two(2**62, 2**62).rvs(size=1, random_state=0).tolist() == [2**62]


def width_probabilities(low, high):
    edges = np.log(np.arange(low, high + 2) - 0.5)
    return np.diff(edges) / (edges[-1] - edges[0])


@pytest.mark.parametrize("shape", ["constant", "free"])
def test_each_width_is_log_uniform(shape):
    drawn = layer_sizes(3, (2, 9), shape=shape).rvs(size=N_DRAWS, random_state=0)
    for layer in range(3):
        counts = np.bincount([sizes[layer] for sizes in drawn], minlength=10)[2:]
        assert chisquare(counts, N_DRAWS * width_probabilities(2, 9)).pvalue > 0.01


def test_a_funnel_is_free_layers_put_in_order():
    # The widest of d layers has the distribution function of one layer to the power of d.
    drawn = layer_sizes((1, 3), (2, 9), shape="funnel").rvs(size=N_DRAWS, random_state=0)
    assert all(list(sizes) == sorted(sizes, reverse=True) for sizes in drawn)
    for depth in (1, 2, 3):
        widest = [sizes[0] for sizes in drawn if len(sizes) == depth]
        expected = np.diff(np.cumsum(width_probabilities(2, 9)) ** depth, prepend=0)
        counts = np.bincount(widest, minlength=10)[2:]
        assert chisquare(counts, len(widest) * expected / expected.sum()).pvalue > 0.01


def test_constant_layers_are_equally_wide():
    drawn = layer_sizes((2, 4), (2, 99)).rvs(size=200, random_state=0)
    assert all(len(set(sizes)) == 1 for sizes in drawn)
    assert len(set(drawn)) > 50


@pytest.mark.parametrize(
    ("n_layers", "expected"), [((2, 4), {2, 3, 4}), ([5, 1], {1, 5}), (3, {3})]
)
def test_numbers_of_layers_are_equally_likely(n_layers, expected):
    drawn = layer_sizes(n_layers, 4).rvs(size=N_DRAWS, random_state=0)
    counts = Counter(map(len, drawn))
    assert set(counts) == expected
    assert len(expected) == 1 or chisquare(list(counts.values())).pvalue > 0.01
    assert {width for sizes in drawn for width in sizes} == {4}


# -------------------------------------------------------------------------------- narrowing


def test_a_range_is_narrowed_on_its_scale():
    narrow = log_uniform(1e-4, 1).narrowed(1e-2, 0.5)
    assert (narrow.low, narrow.high) == (pytest.approx(1e-3), pytest.approx(1e-1))
    narrow = one_minus_log_uniform(0.9, 0.9999).narrowed(0.99, 1 / 3)
    assert 1 - narrow.low == pytest.approx(10**-1.5)
    assert 1 - narrow.high == pytest.approx(10**-2.5)
    assert power_of_two(1, 256).narrowed(32, 0.25) == power_of_two(16, 64)
    assert layer_sizes((1, 5), (16, 256)).narrowed((64, 64, 64), 0.5) == layer_sizes(
        (2, 4), (32, 128)
    )


def test_a_value_at_the_end_keeps_the_width():
    narrow = log_uniform(1e-4, 1).narrowed(1.0, 0.5)
    assert (narrow.low, narrow.high) == (pytest.approx(1e-2), 1.0)
    assert power_of_two(1, 256).narrowed(1, 0.25) == power_of_two(1, 4)
    assert layer_sizes([1, 2, 4, 8], 9).narrowed((9,), 0.5) == layer_sizes([1, 2, 4], 9)


def test_all_widths_of_the_value_stay():
    narrow = layer_sizes(3, (1, 1000), shape="funnel").narrowed((500, 40, 2), 0.01)
    assert narrow == layer_sizes(3, (1, 501), shape="funnel")


@every_distribution
@settings(max_examples=30)
@given(share=st.floats(1e-300, 1), seed=st.integers(0, 100))
def test_narrowed_draws_lie_within_and_the_value_can_be_drawn(distribution, share, seed):
    value = distribution.rvs(random_state=seed)
    narrow = distribution.narrowed(value, share)
    assert type(narrow) is type(distribution)
    # Each raises where the value is none of its own.
    for one in [value, *narrow.rvs(size=20, random_state=seed).tolist()]:
        narrow.narrowed(one, 1.0)
        distribution.narrowed(one, 1.0)


@every_distribution
def test_all_of_the_range_is_the_range(distribution):
    value = distribution.rvs(random_state=0)
    assert distribution.narrowed(value, 1) == distribution


# ----------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: log_uniform(0, 1), "0 < low < high, got low=0, high=1"),
        (lambda: log_uniform(1, 1), "low < high"),
        (lambda: log_uniform(1, math.inf), "finite"),
        (lambda: log_uniform("a", 1), "low='a'"),
        (lambda: one_minus_log_uniform(0.9, 1), "high < 1, got low=0.9, high=1"),
        (lambda: one_minus_log_uniform(-0.1, 0.5), "0 <= low"),
        (lambda: one_minus_log_uniform(0.5, math.nan), "high=nan"),
        (lambda: power_of_two(3, 8), "low=3"),
        (lambda: power_of_two(2, 10), "high=10"),
        (lambda: power_of_two(2.0, 4), "low=2.0"),
        (lambda: power_of_two(0, 4), "low=0"),
        (lambda: power_of_two(1, 2**63), "below 2\\*\\*63"),
        (lambda: power_of_two(8, 4), "low <= high"),
        (lambda: layer_sizes(0, 4), "n_layers .* got 0"),
        (lambda: layer_sizes((3, 2), 4), "n_layers .* got \\(3, 2\\)"),
        (lambda: layer_sizes([], 4), "n_layers .* got \\[\\]"),
        (lambda: layer_sizes([1, 2.5], 4), "n_layers"),
        (lambda: layer_sizes(1, [4, 0]), "width .* got \\[4, 0\\]"),
        (lambda: layer_sizes(1, (4, 8, 9)), "width"),
        (lambda: layer_sizes(1, 4, shape="cone"), "shape .* got 'cone'"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (log_uniform(0.1, 1), 2.0),
        (log_uniform(0.1, 1), "a"),
        (one_minus_log_uniform(0.1, 0.5), 0.6),
        (power_of_two(2, 8), 16),
        (power_of_two(2, 8), 3),
        (layer_sizes(2, (2, 8)), (2, 9)),
        (layer_sizes(2, (2, 8)), (2,)),
        (layer_sizes(2, (2, 8)), 2),
    ],
)
def test_what_cannot_be_drawn_cannot_be_narrowed_around(distribution, value):
    with pytest.raises(ValueError, match="value must be"):
        distribution.narrowed(value, 0.5)


@pytest.mark.parametrize("share", [0, 1.1, math.nan, "half"])
def test_a_share_is_part_of_the_range(share):
    with pytest.raises(ValueError, match="share must be"):
        log_uniform(0.1, 1).narrowed(0.5, share)


# -------------------------------------------------------------------------- suggested spaces

DEEP = [
    (kind, solver)
    for kind in (DeepMLPClassifier, DeepMLPRegressor)
    for solver in (*STOCHASTIC, "lbfgs")
]
LINEAR = [
    (kind, solver)
    for kind in (LogisticRegressionGD, SoftmaxClassifier)
    for solver in (*STOCHASTIC, "gd", "lbfgs")
]
SPACES = [
    *(kind(solver=solver) for kind, solver in DEEP + LINEAR),
    SoftmaxClassifier(solver="gd", learning_rate_init=0.1, momentum=0.5, learning_rate="sqrt"),
    LogisticRegressionGD(learning_rate_init=0.1, learning_rate="inverse_time"),
    DeepMLPClassifier(activation=["relu", "tanh"], dropout=[0.1, 0.2]),
    DeepMLPRegressor(solver="lbfgs", dropout=[0.0, 0.0], hidden_layer_sizes=(3, 3)),
    *(
        DeepMLPClassifier(learning_rate=schedule)
        for schedule in ("inverse_time", "exponential", "step", "invscaling", "adaptive", "sqrt")
    ),
    DeepMLPClassifier(learning_rate=lambda epoch: 1.0),
    TabularMLPClassifier(),
    TabularMLPRegressor(),
]


# Named without addresses, which are others in every process.
@pytest.mark.parametrize("estimator", SPACES, ids=lambda one: repr(one).partition("<")[0][:60])
def test_suggestions_can_be_drawn_and_fitted(estimator):
    load = load_diabetes if is_regressor(estimator) else load_iris
    X, y = load(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    y = (y - y.mean()) / y.std() if isinstance(estimator, DeepMLPRegressor) else y
    estimator = clone(estimator).set_params(max_iter=2, random_state=0)
    space = suggested_space(estimator)
    search = RandomizedSearchCV(
        estimator, space, n_iter=4, cv=2, random_state=0, error_score="raise"
    )
    with warnings.catch_warnings():
        # Two epochs converge nowhere, and a batch of 256 is larger than a fold.
        warnings.simplefilter("ignore")
        search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    ("estimator", "names"),
    [
        (
            DeepMLPClassifier(),
            "learning_rate_init beta_1 beta_2 hidden_layer_sizes learning_rate alpha dropout",
        ),
        (
            DeepMLPRegressor(solver="rmsprop", learning_rate="step"),
            "learning_rate_init rho hidden_layer_sizes decay_rate alpha dropout",
        ),
        (DeepMLPClassifier(solver="lbfgs"), "hidden_layer_sizes alpha"),
        (
            SoftmaxClassifier(solver="sgd", learning_rate="invscaling"),
            "learning_rate_init momentum power_t alpha",
        ),
        (LogisticRegressionGD(), "alpha"),
        (
            LogisticRegressionGD(learning_rate_init=0.1, momentum=0.9),
            "learning_rate_init momentum alpha",
        ),
        (LogisticRegressionGD(solver="lbfgs"), "alpha"),
        (
            TabularMLPClassifier(),
            "learning_rate_init hidden_layer_sizes weight_decay n_bins activation label_smoothing",
        ),
        (
            TabularMLPRegressor(),
            "learning_rate_init hidden_layer_sizes weight_decay n_bins activation",
        ),
    ],
)
def test_suggestions_are_in_the_courses_order_and_of_what_is_used(estimator, names):
    assert list(suggested_space(estimator)) == names.split()


@pytest.mark.parametrize("solver", [*STOCHASTIC, "lbfgs"])
def test_what_is_suggested_makes_a_difference(solver):
    X, y = load_iris(return_X_y=True)
    estimator = DeepMLPClassifier(solver=solver, max_iter=3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = estimator.fit(X, y).predict_proba(X)
        for name, values in suggested_space(estimator).items():
            value = values[-1] if isinstance(values, list) else values.rvs(random_state=1)
            changed = clone(estimator).set_params(**{name: value}).fit(X, y).predict_proba(X)
            assert not np.array_equal(before, changed), name


def test_suggestions_behind_a_pipeline_have_its_prefix():
    pipeline = make_pipeline(StandardScaler(), DeepMLPClassifier())
    prefixed = suggested_space(pipeline)
    plain = suggested_space(pipeline[-1])
    assert prefixed == {f"deepmlpclassifier__{name}": values for name, values in plain.items()}
    outer = Pipeline([("outer", pipeline)])
    assert "outer__deepmlpclassifier__alpha" in suggested_space(outer)
    pipeline.set_params(**{name: values.rvs() for name, values in [*prefixed.items()][:3]})


def test_as_many_layers_as_activations_are_suggested():
    estimator = DeepMLPClassifier((4, 4), activation=["relu", "tanh"])
    assert suggested_space(estimator)["hidden_layer_sizes"] == layer_sizes(2, [16, 32, 64, 128])


def test_the_batch_size_is_searched_where_it_is_asked_for():
    for estimator in (DeepMLPClassifier(), SoftmaxClassifier(solver="sgd"), TabularMLPClassifier()):
        plain, asked = suggested_space(estimator), suggested_space(estimator, batch_size=True)
        assert asked.pop("batch_size") == power_of_two(32, 256)
        assert asked == plain
    behind = suggested_space(make_pipeline(StandardScaler(), DeepMLPClassifier()), batch_size=True)
    assert "deepmlpclassifier__batch_size" in behind
    with pytest.raises(ValueError, match="batch_size must be True or False, got 32"):
        suggested_space(DeepMLPClassifier(), batch_size=32)


def test_candidates_of_the_suggested_space_share_one_stack_for_each_depth():
    estimator = DeepMLPClassifier(max_iter=2, random_state=0)
    candidates = ParameterSampler(suggested_space(estimator), 60, random_state=0)
    plan = make_plan(estimator, list(candidates), {})
    (stacks,) = plan.settings.values()
    assert not plan.alone
    assert len(stacks) == 3


def test_a_list_of_widths_is_what_there_may_be():
    sizes = layer_sizes((1, 3), [8, 64, 16], shape="free")
    drawn = [width for one in sizes.rvs(size=600, random_state=0) for width in one]
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [8, 16, 64]
    assert counts.min() > 0.25 * len(drawn)
    assert sizes.narrowed((8, 8), 0.1) == layer_sizes((1, 3), [8, 64, 16], shape="free")
    many = layer_sizes(2, [8, 16, 32, 64, 128])
    assert many.narrowed((8, 8), 0.1) == layer_sizes(2, [8, 16, 32])
    assert many.narrowed((16, 128), 0.1) == many
    with pytest.raises(ValueError, match="value must be a tuple"):
        many.narrowed((8, 9), 0.5)


def test_suggestions_are_the_callers_own():
    suggested_space(DeepMLPClassifier())["hidden_layer_sizes"].width.append(0)
    assert 0 not in suggested_space(DeepMLPClassifier())["hidden_layer_sizes"].width
    suggested_space(DeepMLPClassifier())["dropout"].append(0.9)
    assert 0.9 not in suggested_space(DeepMLPClassifier())["dropout"]


@pytest.mark.parametrize("other", [StandardScaler(), make_pipeline(StandardScaler()), "adam"])
def test_suggestions_are_for_skdeeps_estimators(other):
    with pytest.raises(TypeError, match=r"estimator must be one of skdeep's .* got "):
        suggested_space(other)


def test_an_estimator_with_an_unknown_solver_is_refused():
    with pytest.raises(ValueError, match="'solver'"):
        suggested_space(DeepMLPClassifier(solver="newton"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: log_uniform(True, 2),
        lambda: power_of_two(True, 8),
        lambda: layer_sizes(True, 4),
        lambda: layer_sizes(2, (True, 4)),
    ],
    ids=["log_uniform", "power_of_two", "n_layers", "width"],
)
def test_truth_values_are_no_numbers(make):
    with pytest.raises(ValueError, match="True"):
        make()


def test_distributions_can_be_hashed():
    assert hash(layer_sizes([1, 3], 16)) == hash(layer_sizes([1, 3], 16))
    assert len({log_uniform(1, 2), log_uniform(1, 2), log_uniform(1, 3)}) == 2
