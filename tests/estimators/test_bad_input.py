"""Bad input gets an error that names the parameter, what was given and what is allowed.

The cases for single parameters are generated from the estimators' declared constraints; what no
single constraint can say, and what data can do wrong, is written out. Training that diverges says
so, and no way of training ends with a model that predicts NaN.
"""

import re
import warnings
from numbers import Integral, Real

import numpy as np
import pytest
import scipy.sparse
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils._param_validation import Interval, StrOptions, make_constraint

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    SoftmaxClassifier,
)
from skdeep._engine.losses import REGRESSION_LOSSES
from skdeep._engine.solvers import SOLVERS

DEEP = (DeepMLPClassifier, DeepMLPRegressor)
LINEAR = (LogisticRegressionGD, SoftmaxClassifier)
CLASSIFIERS = (DeepMLPClassifier, *LINEAR)
ALL = (*DEEP, *LINEAR)
EVERY = pytest.mark.parametrize("Estimator", ALL)
EVERY_CLASSIFIER = pytest.mark.parametrize("Estimator", CLASSIFIERS)

# A budget of epochs is what most of these fits end with.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(30, 3))
CLASSES = np.arange(30) % 3
REAL = X[:, 0].copy()


def target(Estimator):
    return CLASSES if is_classifier(Estimator()) else REAL


def quick(Estimator, **kwargs):
    return Estimator(**{"max_iter": 2, "random_state": 0, **kwargs})


def stochastic(Estimator, **kwargs):
    return quick(Estimator, **{"solver": "adam", **kwargs})


def words(*parts):
    """A pattern of literal parts in this order."""
    return "(?s)" + ".*".join(re.escape(str(part)) for part in parts)


# --------------------------------------------------- single parameters, from their constraints


class Unknown:
    """A value of a type that no parameter takes."""

    def __repr__(self):
        return "<unknown>"


def parameters():
    for Estimator in ALL:
        for name in Estimator().get_params():
            yield pytest.param(Estimator, name, id=f"{Estimator.__name__}-{name}")


PARAMETERS = pytest.mark.parametrize(("Estimator", "name"), list(parameters()))


def constraints_of(Estimator, name):
    return [make_constraint(given) for given in Estimator._parameter_constraints[name]]


def allowed(Estimator, name, value):
    return any(c.is_satisfied_by(value) for c in constraints_of(Estimator, name))


def outside(constraint):
    """Values just and far outside a range, of the range's own type."""
    step = 1 if constraint.type is Integral else 1e-3
    values = []
    if constraint.left is not None:
        values += [constraint.left, constraint.left - step, constraint.left - 10**6]
    if constraint.right is not None:
        values += [constraint.right, constraint.right + step, constraint.right + 10**6]
    if constraint.type is Real:
        values += [np.nan, np.inf, -np.inf]
    return values


def bad_values(Estimator, name):
    candidates = [Unknown(), None, "unheard of", -1, 1.5, True, b"bytes"]
    for constraint in constraints_of(Estimator, name):
        if isinstance(constraint, Interval):
            candidates += outside(constraint)
        if isinstance(constraint, StrOptions):
            candidates += [option.upper() for option in constraint.options]
    return [value for value in candidates if not allowed(Estimator, name, value)]


@PARAMETERS
def test_wrong_types_and_ranges(Estimator, name):
    found = bad_values(Estimator, name)
    assert found
    for value in found:
        with pytest.raises(ValueError, match=words(name)) as error:
            Estimator(**{name: value}).fit(X, target(Estimator))
        message = str(error.value)
        assert f"Got {value!r} instead" in message
        for constraint in constraints_of(Estimator, name):
            if isinstance(constraint, Interval):
                assert str(constraint) in message
            if isinstance(constraint, StrOptions):
                assert all(f"'{option}'" in message for option in constraint.options)


@PARAMETERS
def test_partial_fit_checks_parameters_too(Estimator, name):
    if name == "solver":
        return  # decides whether there is a partial_fit
    value = bad_values(Estimator, name)[0]
    with pytest.raises(ValueError, match=words(name, "must be", "Got", value)):
        stochastic(Estimator, **{name: value}).partial_fit(X, target(Estimator))


@EVERY
def test_every_parameter_has_a_constraint(Estimator):
    assert set(Estimator._parameter_constraints) == set(Estimator().get_params())


INTERVALS = sorted(
    {
        (Estimator.__name__, name, position)
        for Estimator in (DeepMLPRegressor, LogisticRegressionGD)
        for name in Estimator().get_params()
        for position, c in enumerate(constraints_of(Estimator, name))
        if isinstance(c, Interval)
    }
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(case=st.sampled_from(INTERVALS), value=st.floats() | st.integers())
def test_any_number_outside_its_range_is_refused(case, value):
    Estimator = {C.__name__: C for C in ALL}[case[0]]
    name = case[1]
    assume(not allowed(Estimator, name, value))
    with pytest.raises(ValueError, match=words(name)) as error:
        Estimator(**{name: value}).fit(X, target(Estimator))
    assert f"Got {value!r} instead" in str(error.value)


# --------------------------------------------------------------------- one value per hidden layer


@pytest.mark.parametrize("Estimator", DEEP)
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"dropout": [0.1]}, ["dropout", "per hidden layer (2)", "got 1", "[0.1]"]),
        ({"dropout": [0.1] * 3}, ["dropout", "per hidden layer (2)", "got 3", "[0.1, 0.1, 0.1]"]),
        ({"dropout": []}, ["dropout", "per hidden layer (2)", "got 0"]),
        ({"dropout": [0.1, 1.0]}, ["dropout", "[0, 1)", "[0.1, 1.0]"]),
        ({"dropout": [0.1, -0.1]}, ["dropout", "[0, 1)", "-0.1"]),
        ({"dropout": [0.1, np.nan]}, ["dropout", "[0, 1)", "nan"]),
        ({"dropout": [0.1, "a"]}, ["dropout", "[0, 1)", "'a'"]),
        ({"dropout": [0.1, None]}, ["dropout", "[0, 1)", "None"]),
        ({"dropout": {0: 0.1, 1: 0.2}}, ["dropout", "{0: 0.1, 1: 0.2}"]),
        ({"activation": ["relu"]}, ["activation", "per hidden layer (2)", "got 1", "['relu']"]),
        ({"activation": ["relu", "step"]}, ["activation", "'gelu'", "got 'step'"]),
        ({"activation": ["relu", 3]}, ["activation", "'gelu'", "got 3"]),
        ({"activation": [["relu"], ["relu"]]}, ["activation", "['relu']"]),
        ({"activation": {"relu": 1, "tanh": 2}}, ["activation", "{'relu': 1, 'tanh': 2}"]),
        ({"activation": "step"}, ["activation", "'gelu'", "Got 'step'"]),
        ({"hidden_layer_sizes": (4, 0)}, ["hidden_layer_sizes", "integers > 0", "[4, 0]"]),
        ({"hidden_layer_sizes": (-2, 4)}, ["hidden_layer_sizes", "integers > 0", "[-2, 4]"]),
        ({"hidden_layer_sizes": (4, 2.5)}, ["hidden_layer_sizes", "integers > 0", "[4, 2.5]"]),
        ({"hidden_layer_sizes": (4, "4")}, ["hidden_layer_sizes", "integers > 0", "'4'"]),
        ({"hidden_layer_sizes": [[4, 4]]}, ["hidden_layer_sizes", "integers > 0", "[[4, 4]]"]),
        ({"hidden_layer_sizes": 0}, ["hidden_layer_sizes", "[1, inf)", "Got 0"]),
        ({"hidden_layer_sizes": -1}, ["hidden_layer_sizes", "[1, inf)", "Got -1"]),
    ],
    ids=str,
)
def test_lists_of_layers(Estimator, given, told):
    model = quick(Estimator, **{"hidden_layer_sizes": (4, 4), **given})
    with pytest.raises(ValueError, match=words(*told)):
        model.fit(X, target(Estimator))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(rates=st.lists(st.floats(-1, 2), max_size=4), n_hidden=st.integers(1, 3))
def test_any_dropout_list_trains_or_is_named(rates, n_hidden):
    model = quick(DeepMLPRegressor, hidden_layer_sizes=(2,) * n_hidden, dropout=rates, max_iter=1)
    if len(rates) == n_hidden and all(0 <= rate < 1 for rate in rates):
        assert np.all(np.isfinite(model.fit(X, REAL).predict(X)))
    else:
        with pytest.raises(ValueError, match=words("dropout", "got", rates)):
            model.fit(X, REAL)


# -------------------------------------------------------------- parameters that exclude each other


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"dropout": 0.5}, ["solver='lbfgs'", "dropout must be 0", "dropout=0.5"]),
        ({"dropout": [0.0, 0.5]}, ["solver='lbfgs'", "dropout must be 0", "[0.0, 0.5]"]),
        ({"input_dropout": 0.5}, ["solver='lbfgs'", "input_dropout must be 0", "=0.5"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("Estimator", DEEP)
def test_lbfgs_takes_no_dropout(Estimator, given, told):
    model = quick(Estimator, solver="lbfgs", hidden_layer_sizes=(4, 4), **given)
    with pytest.raises(ValueError, match=words(*told)):
        model.fit(X, target(Estimator))


@EVERY
def test_lbfgs_takes_no_l1_and_no_clipping(Estimator):
    y = target(Estimator)
    told = words("solver='lbfgs'", "l1_ratio must be 0", "l1_ratio=0.3")
    with pytest.raises(ValueError, match=told):
        quick(Estimator, solver="lbfgs", l1_ratio=0.3).fit(X, y)
    quick(Estimator, solver="lbfgs", l1_ratio=0.3, alpha=0).fit(X, y)  # there is no L1
    told = words("solver='lbfgs'", "gradient_clip must be None", "gradient_clip=1.5")
    with pytest.raises(ValueError, match=told):
        quick(Estimator, solver="lbfgs", gradient_clip=1.5).fit(X, y)


def test_batch_norm_needs_two_rows():
    with pytest.raises(ValueError, match=words("batch_norm=True", "batch_size >= 2", "=1")):
        quick(DeepMLPRegressor, batch_norm=True, batch_size=1).fit(X, REAL)
    with pytest.raises(ValueError, match=words("batch_norm=True", "2 rows", "n_samples=1")):
        quick(DeepMLPRegressor, batch_norm=True).fit(X[:1], REAL[:1])


def test_layer_norm_needs_two_units_and_excludes_batch_norm():
    with pytest.raises(ValueError, match=words("batch_norm=True", "layer_norm=True")):
        quick(DeepMLPRegressor, batch_norm=True, layer_norm=True).fit(X, REAL)
    told = words("layer_norm=True", "at least 2 units", "[4, 1]")
    with pytest.raises(ValueError, match=told):
        quick(DeepMLPRegressor, layer_norm=True, hidden_layer_sizes=(4, 1)).fit(X, REAL)
    model = quick(DeepMLPRegressor, layer_norm=True, batch_size=1, max_iter=1)
    model.fit(X[:1], REAL[:1])  # a single row is enough


@EVERY
def test_batch_size_larger_than_the_data_is_told(Estimator):
    model = stochastic(Estimator, batch_size=31)
    with pytest.warns(UserWarning, match=words("batch_size", "clipped")):
        model.fit(X, target(Estimator))


@pytest.mark.parametrize("factor", [np.nan, np.inf, -0.5, None, "fast", 10**400])
@EVERY
def test_callable_schedule_must_give_factors(Estimator, factor):
    model = stochastic(Estimator, learning_rate=lambda epoch: 1.0 if epoch == 0 else factor)
    with pytest.raises((TypeError, ValueError), match=words("learning_rate", repr(factor))):
        model.fit(X, target(Estimator))


@pytest.mark.parametrize("fraction", [0, 0.001, 0.99])
@EVERY
def test_validation_fraction_must_leave_rows_on_both_sides(Estimator, fraction):
    model = stochastic(Estimator, early_stopping=True, validation_fraction=fraction)
    with pytest.raises(ValueError, match="validation_fraction"):
        model.fit(X, REAL > 0 if is_classifier(model) else REAL)


@pytest.mark.parametrize("given", [{}, {"early_stopping": True}], ids=["unwatched", "watched"])
@EVERY
def test_unknown_scorer(Estimator, given):
    with pytest.raises(ValueError, match=words("scoring")):
        stochastic(Estimator, scoring="unheard of", **given).fit(X, target(Estimator))


# ------------------------------------------------------------------------------------- the data

NOT_FINITE = pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])


def with_one(array, value):
    spoilt = np.array(array, dtype=float)
    spoilt.flat[4] = value
    return spoilt


def finite(value):
    return "NaN" if np.isnan(value) else "infinity"


@NOT_FINITE
@EVERY
def test_not_finite(Estimator, value):
    y, bad = target(Estimator), with_one(X, value)
    told, dev = finite(value), {"X_val": X, "y_val": y}
    cases = {
        "X": lambda model: model.fit(bad, y),
        "X ": lambda model: model.fit(scipy.sparse.csr_array(bad), y),
        "y": lambda model: model.fit(X, with_one(y, value)),
        "sample_weight": lambda model: model.fit(X, y, with_one(np.ones(30), value)),
        "X_val": lambda model: model.fit(X, y, **(dev | {"X_val": bad})),
        "y_val": lambda model: model.fit(X, y, **(dev | {"y_val": with_one(y, value)})),
        "sample_weight_val": lambda model: model.fit(
            X, y, **dev, sample_weight_val=with_one(np.ones(30), value)
        ),
    }
    for name, fit in cases.items():
        with pytest.raises(ValueError, match=f"Input {name.strip()} contains {told}"):
            fit(quick(Estimator))
    with pytest.raises(ValueError, match=f"Input X contains {told}"):
        quick(Estimator).fit(X, y).predict(bad)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"X_val": X[:, :2]}, ["X_val", "2 features", "expecting 3 features"]),
        ({"X_val": X[:, 0]}, ["X_val"]),
        ({"X_val": X[:5]}, ["X_val and y_val", "same number of rows", "5", "30"]),
        ({"X_val": None}, ["X_val and y_val must be given together", "X_val is None"]),
        ({"y_val": None}, ["X_val and y_val must be given together", "y_val is None"]),
        ({"X_val": None, "y_val": None, "sample_weight_val": np.ones(30)}, ["sample_weight_val"]),
        ({"sample_weight_val": np.ones(7)}, ["sample_weight_val", "(30)", "got 7"]),
        ({"sample_weight_val": -np.ones(30)}, ["sample_weight_val", "negative", "-1"]),
        ({"sample_weight_val": np.zeros(30)}, ["sample_weight_val", "positive", "zero"]),
    ],
    ids=lambda value: ", ".join(map(str, value)) if isinstance(value, dict) else value[0],
)
@EVERY
def test_mismatched_dev_set(Estimator, given, told):
    y = target(Estimator)
    with pytest.raises(ValueError, match=words(*told)):
        quick(Estimator).fit(X, y, **({"X_val": X, "y_val": y} | given))


@EVERY_CLASSIFIER
def test_unknown_classes_in_the_dev_set(Estimator):
    for y_val, told in ((CLASSES + 1, "[1 2 3]"), (np.array(list("abc"))[CLASSES], "'b'")):
        with pytest.raises(ValueError, match=words("y_val", "[0 1 2]", told)):
            quick(Estimator).fit(X, CLASSES, X_val=X, y_val=y_val)
    with pytest.raises(ValueError, match=words("y_val", "[0 1 2]", "(30, 2)")):
        quick(Estimator).fit(X, CLASSES, X_val=X, y_val=np.c_[CLASSES, CLASSES])


def test_dev_targets_of_another_shape_or_kind():
    Y = np.eye(3, dtype=int)[CLASSES]
    told = words("y_val", "indicator", "3 columns", "(30, 4)")
    with pytest.raises(ValueError, match=told):
        quick(DeepMLPClassifier).fit(X, Y, X_val=X, y_val=np.eye(4, dtype=int)[CLASSES])
    with pytest.raises(ValueError, match=words("y_val", "indicator")):
        quick(DeepMLPClassifier).fit(X, Y, X_val=X, y_val=2 * Y)
    with pytest.raises(ValueError, match=words("y_val", "1 column", "2")):
        quick(DeepMLPRegressor).fit(X, REAL, X_val=X, y_val=np.c_[REAL, REAL])
    with pytest.raises(ValueError, match=words("y_val")):
        quick(DeepMLPRegressor).fit(X, REAL, X_val=X, y_val=["a"] * 30)


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        (-np.ones(30), ["sample_weight", "negative", "-1"]),
        (np.zeros(30), ["sample_weight", "positive", "zero"]),
        (0.0, ["sample_weight", "positive", "zero"]),
        (np.ones(29), ["sample_weight", "(30)", "29"]),
        (np.ones((30, 1)), ["sample_weight", "1D", "(30, 1)"]),
        (["heavy"] * 30, ["sample_weight"]),
    ],
    ids=["negative", "zero", "scalar", "short", "2-d", "strings"],
)
@EVERY
def test_weights(Estimator, weights, told):
    y = target(Estimator)
    with pytest.raises(ValueError, match=words(*told)):
        quick(Estimator).fit(X, y, weights)
    with pytest.raises(ValueError, match=words(*told)):
        stochastic(Estimator).partial_fit(
            X, y, weights, **({"classes": [0, 1, 2]} if is_classifier(Estimator()) else {})
        )


@EVERY
def test_rows_to_train_on_and_held_out_both_need_weight(Estimator):
    # One row has weight: wherever it goes, the other part has none.
    y = REAL > 0 if is_classifier(Estimator()) else REAL
    messages = set()
    for seed in range(12):
        model = stochastic(
            Estimator, early_stopping=True, validation_fraction=0.5, random_state=seed
        )
        with pytest.raises(ValueError, match="weight of zero") as error:
            model.fit(X, y, np.eye(30)[0])
        messages.add(str(error.value).split(" have")[0])
    assert messages == {"The held-out rows", "The rows to train on"}


@pytest.mark.parametrize(
    ("class_weight", "told"),
    [
        ({7: 1.0}, ["class_weight", "7", "[0 1 2]"]),
        ({0: -1.0}, ["class_weight", ">= 0", "-1.0"]),
        ({0: np.nan}, ["class_weight", ">= 0", "nan"]),
        ({0: "heavy"}, ["class_weight", ">= 0", "heavy"]),
        ({0: 0, 1: 0, 2: 0}, ["zero", "class_weight"]),
        ([{0: 1.0}], ["class_weight", "multi-label"]),
        ("even", ["class_weight", "'balanced'", "'even'"]),
    ],
    ids=str,
)
@EVERY_CLASSIFIER
def test_class_weight(Estimator, class_weight, told):
    with pytest.raises(ValueError, match=words(*told)):
        quick(Estimator, class_weight=class_weight).fit(X, CLASSES)


@EVERY_CLASSIFIER
def test_targets_that_are_no_classes(Estimator):
    with pytest.raises(ValueError, match="continuous"):
        quick(Estimator).fit(X, REAL)
    with pytest.raises(ValueError, match=words("one class per row", "(30, 2)")):
        quick(Estimator).fit(X, np.c_[CLASSES, CLASSES])


@pytest.mark.parametrize("Estimator", LINEAR)
def test_one_class_is_too_few_for_a_linear_classifier(Estimator):
    with pytest.raises(ValueError, match=words("at least 2 classes", "got 1 class", "7")):
        quick(Estimator).fit(X, np.full(30, 7))
    with pytest.raises(ValueError, match=words("at least 2 classes", "got 1 class")):
        stochastic(Estimator).partial_fit(X, np.zeros(30), classes=[0])


def test_one_class_is_enough_for_the_deep_classifier():
    model = quick(DeepMLPClassifier).fit(X, np.full(30, 7))
    assert_array_equal(model.predict(X), 7)
    assert_array_equal(model.predict_proba(X), np.ones((30, 1)))


@pytest.mark.parametrize("y", [REAL, np.where(np.arange(30) == 3, -1e-9, 1.0)])
@pytest.mark.parametrize(("loss", "allowed"), [("poisson", ">= 0"), ("gamma", "> 0")])
def test_poisson_and_gamma_need_targets_of_one_sign(loss, allowed, y):
    model = quick(DeepMLPRegressor, loss=loss)
    with pytest.raises(ValueError, match=words(f"loss='{loss}'", "y", allowed, y.min())):
        model.fit(X, y)
    with pytest.raises(ValueError, match=words(f"loss='{loss}'", "y_val", allowed, y.min())):
        model.fit(X, np.abs(y), X_val=X, y_val=y)
    assert np.all(model.fit(X, np.abs(y)).predict(X) >= 0)


def test_gamma_refuses_zero_which_poisson_takes():
    y = np.arange(30.0)
    assert quick(DeepMLPRegressor, loss="poisson").fit(X, y).n_iter_ == 2
    with pytest.raises(ValueError, match=words("loss='gamma' needs `y` > 0", "minimum of 0.0")):
        quick(DeepMLPRegressor, loss="gamma").fit(X, y)
    with pytest.raises(ValueError, match=words("loss='gamma' needs `y` > 0", "minimum of 0.0")):
        # In float32 it is zero.
        quick(DeepMLPRegressor, loss="gamma", dtype="float32").fit(X, np.full(30, 1e-60))


def test_target_too_large_for_the_dtype():
    model = quick(DeepMLPRegressor, dtype="float32")
    with pytest.raises(ValueError, match=words("y", "float32")):
        model.fit(X, REAL * 1e60)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=words("Input X", "float32")):
        model.fit(X * 1e60, REAL)


# --------------------------------------------------------------------------- training that goes on


@EVERY_CLASSIFIER
def test_partial_fit_classes(Estimator):
    model = stochastic(Estimator)
    with pytest.raises(ValueError, match=words("classes", "first call to partial_fit")):
        model.partial_fit(X, CLASSES)
    with pytest.raises(ValueError, match=words("y", "[0 1]", "[0 1 2]")):
        model.partial_fit(X, CLASSES, classes=[0, 1])
    with pytest.raises(ValueError, match="classes"):
        stochastic(Estimator).partial_fit(X, CLASSES, classes=[[0, 1, 2]])

    model = stochastic(Estimator).partial_fit(X, CLASSES, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=words("classes=[0, 1]", "array([0, 1, 2])")):
        model.partial_fit(X, CLASSES, classes=[0, 1])
    with pytest.raises(ValueError, match=words("y", "[0 1 2]", "[5 6 7]")):
        model.partial_fit(X, CLASSES + 5)
    model.partial_fit(X[:1], CLASSES[:1])  # not every class need be there


@EVERY_CLASSIFIER
def test_a_first_partial_fit_that_failed_does_not_count(Estimator):
    model = stochastic(Estimator)
    with pytest.raises(ValueError, match="sample_weight"):
        model.partial_fit(X, CLASSES, -np.ones(30), classes=[0, 1, 2])
    with pytest.raises(ValueError, match=words("classes", "first call to partial_fit")):
        model.partial_fit(X[:2], CLASSES[:2])


@EVERY
def test_partial_fit_excludes(Estimator):
    y = target(Estimator)
    with pytest.raises(ValueError, match=words("partial_fit", "early_stopping=True")):
        stochastic(Estimator, early_stopping=True).partial_fit(X, y)
    if is_classifier(Estimator()):
        with pytest.raises(ValueError, match=words("class_weight", "balanced", "partial_fit")):
            stochastic(Estimator, class_weight="balanced").partial_fit(X, y)
    with pytest.raises(AttributeError, match="partial_fit"):
        stochastic(Estimator, solver="lbfgs").partial_fit(X, y)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"hidden_layer_sizes": (4,)}, {"hidden_layer_sizes": (5,)}),
        ({"hidden_layer_sizes": (4,)}, {"hidden_layer_sizes": (4, 4)}),
        ({"activation": "relu"}, {"activation": "tanh"}),
        ({"batch_norm": False}, {"batch_norm": True}),
        ({"layer_norm": False}, {"layer_norm": True}),
        ({"solver": "adam"}, {"solver": "sgd"}),
        ({"solver": "sgd"}, {"solver": "adam"}),
        ({"dtype": None}, {"dtype": "float32"}),
        ({"fit_intercept": True}, {"fit_intercept": False}),
    ],
    ids=str,
)
@EVERY
def test_what_training_cannot_continue_across(Estimator, before, after, method):
    (name, value), *_ = after.items()
    y = target(Estimator)
    if name not in Estimator().get_params():
        assert name in {**DeepMLPClassifier().get_params(), **LogisticRegressionGD().get_params()}
        return
    model = stochastic(Estimator, warm_start=True, **before).fit(X, y)
    expected = model.predict(X)
    shown = list(value) if isinstance(value, tuple) else [value]
    model.set_params(**after)
    with pytest.raises(ValueError, match=words(name, "changed", shown[-1], "warm_start")):
        getattr(model, method)(X, y)
    assert_array_equal(model.set_params(**before).predict(X), expected)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@EVERY
def test_data_that_training_cannot_continue_on(Estimator, method):
    y = target(Estimator)
    model = stochastic(Estimator, warm_start=True).fit(X, y)
    further = getattr(model, method)
    with pytest.raises(ValueError, match=words("2 features", "expecting 3")):
        further(X[:, :2], y)
    if is_classifier(model):
        with pytest.raises(ValueError, match=words("y", "[0 1 2]", "[0 1 3]")):
            further(X, np.where(CLASSES == 2, 3, CLASSES))
    else:
        with pytest.raises(ValueError, match=words("y", "1 column", "2")):
            further(X, np.c_[y, y])


def test_indicator_targets_that_training_cannot_continue_on():
    Y = np.eye(3, dtype=int)[CLASSES]
    model = stochastic(DeepMLPClassifier).fit(X, Y)
    for wrong in (np.eye(4, dtype=int)[CLASSES], CLASSES, 2 * Y, Y + 0.5):
        with pytest.raises(ValueError, match=words("y", "indicator")):
            model.partial_fit(X, wrong)


@EVERY
def test_prediction_needs_a_fit_and_the_same_columns(Estimator):
    model = quick(Estimator)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        model.predict(X)
    with pytest.raises(ValueError, match=words("2 features", "expecting 3")):
        model.fit(X, target(Estimator)).predict(X[:, :2])


@pytest.mark.parametrize("name", ["coefs_", "intercepts_"])
@pytest.mark.parametrize("Estimator", DEEP)
def test_weights_before_a_fit(Estimator, name):
    assert not hasattr(Estimator(), name)
    with pytest.raises(AttributeError, match=words(name, "fitted")):
        getattr(Estimator(), name)


# ------------------------------------------------------------------------------------ divergence

DIVERGED = words("non-finite parameter weights", "Scale X", "StandardScaler")


@pytest.mark.parametrize(
    "model",
    [
        DeepMLPRegressor(solver="sgd", learning_rate_init=1e3, activation="identity"),
        DeepMLPRegressor(solver="sgd", learning_rate_init=1e3, activation="identity", tol=1e9),
        DeepMLPRegressor(
            solver="sgd", learning_rate_init=1e3, hidden_layer_sizes=(), n_iter_no_change=np.inf
        ),
        DeepMLPClassifier(learning_rate_init=1e300),
        DeepMLPClassifier(solver="rmsprop", learning_rate_init=1e38, dtype="float32"),
        LogisticRegressionGD(learning_rate_init=1e306, momentum=0),
        LogisticRegressionGD(learning_rate_init=1e306, solver="sgd", batch_size=5),
        SoftmaxClassifier(learning_rate_init=1e306, momentum=0),
    ],
    ids=lambda model: f"{type(model).__name__}-{model.solver}",
)
def test_divergence_is_an_error(model):
    y = 1e3 * REAL if isinstance(model, DeepMLPRegressor) else CLASSES
    model.set_params(random_state=0)
    with pytest.raises(ValueError, match=DIVERGED):
        model.fit(1e3 * X, y)
    # What is left is not a model.
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_divergence_in_partial_fit_is_an_error():
    model = quick(
        DeepMLPRegressor, solver="sgd", learning_rate_init=1e3, hidden_layer_sizes=()
    ).partial_fit(X, REAL)
    with pytest.raises(ValueError, match=DIVERGED):
        train_for(500, model, 1e3 * X, REAL)


def train_for(n_epochs, model, X, y):
    for _ in range(n_epochs):
        model.partial_fit(X, y)


@pytest.mark.parametrize("Estimator", LINEAR)
def test_data_too_large_for_a_curvature(Estimator):
    with pytest.raises(ValueError, match=DIVERGED):
        quick(Estimator).fit(X * 1e160, CLASSES)


def test_early_stopping_restores_finite_weights():
    model = DeepMLPRegressor(
        solver="sgd",
        learning_rate=lambda epoch: 1.0 if epoch < 3 else 1e200,
        learning_rate_init=1e-3,
        hidden_layer_sizes=(),
        early_stopping=True,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning, match=words("diverged", "Scale X", "learning_rate_init")):
        model.fit(X, REAL)
    assert model.best_epoch_ == 2
    assert np.all(np.isfinite(model.predict(X)))
    same = DeepMLPRegressor(
        solver="sgd",
        learning_rate_init=1e-3,
        hidden_layer_sizes=(),
        early_stopping=True,
        random_state=0,
        max_iter=3,
    )
    assert_array_equal(same.fit(X, REAL).coefs_[0], model.coefs_[0])


TAKE_ALL_NUMBERS = [name for name, loss in REGRESSION_LOSSES.items() if loss.targets.contains(REAL)]


@st.composite
def extreme_models(draw):
    Estimator = draw(st.sampled_from(ALL))
    linear = Estimator in LINEAR
    solvers = [name for name, row in SOLVERS.items() if linear or row.takes_hidden_layers]
    given = {
        "solver": draw(st.sampled_from(solvers)),
        "max_iter": draw(st.integers(1, 6)),
        "alpha": 10.0 ** draw(st.integers(-3, 15)),
        "learning_rate_init": 10.0 ** draw(st.integers(-3, 30)),
        "dtype": draw(st.sampled_from([None, "float32"])),
        "early_stopping": draw(st.booleans()),
        "validation_fraction": 0.2,
    }
    if Estimator in DEEP:
        given["hidden_layer_sizes"] = (3,) * draw(st.integers(0, 2))
        norm = draw(st.sampled_from([None, "batch_norm", "layer_norm"]))
        given |= {} if norm is None else {norm: True}
        given["activation"] = draw(st.sampled_from(["relu", "tanh", "gelu", "softplus"]))
    if Estimator is DeepMLPRegressor:
        given["loss"] = draw(st.sampled_from(TAKE_ALL_NUMBERS))
    return Estimator(random_state=0, **given)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(model=extreme_models(), magnitude=st.integers(0, 15))
@example(
    model=DeepMLPRegressor(
        "huber", (4, 4), max_iter=1, learning_rate_init=1e31, dtype="float32", random_state=0
    ),
    magnitude=0,
)
@example(model=SoftmaxClassifier(solver="sgd", max_iter=1, learning_rate_init=1e20), magnitude=150)
def test_never_nan(model, magnitude):
    """A fit that returns predicts finite numbers on what it was trained on."""
    y = CLASSES if is_classifier(model) else REAL
    data = X * 10.0**magnitude
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            model.fit(data, y)
        except ValueError as error:
            assert re.search(DIVERGED, str(error))  # noqa: PT017 - either outcome is right
            return
    with np.errstate(all="ignore"):  # tanh of an overflow is 1
        predicted = model.predict_proba(data) if is_classifier(model) else model.predict(data)
    assert np.all(np.isfinite(predicted))


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_a_link_that_overflows_on_the_dev_set(loss):
    # exp of a large prediction is infinite: no score, but no error of the scorer either.
    y = np.abs(REAL)
    model = DeepMLPRegressor(
        loss=loss,
        solver="sgd",
        hidden_layer_sizes=(),
        learning_rate=lambda epoch: 0.0 if epoch < 2 else 1e4,
        learning_rate_init=1.0,
        early_stopping=True,
        max_iter=4,
        random_state=0,
    )
    try:
        model.fit(X, y)
    except ValueError as error:
        assert re.search(DIVERGED, str(error))  # noqa: PT017 - either outcome is right
    else:
        assert np.all(np.isfinite(model.predict(X)))
