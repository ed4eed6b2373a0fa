"""A fit that comes to nothing says why; one that goes well, or has had no time, says nothing."""

import re
import tracemalloc
import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils import get_tags

from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier
from skdeep._engine.losses import REGRESSION_LOSSES
from skdeep.estimators._callbacks import HAS_CALLBACKS
from skdeep.exceptions import NoProgressWarning

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer", "ignore:gd did not", "ignore:lbfgs failed"
)

CLASSES = {"breast_cancer": load_breast_cancer, "digits": load_digits, "iris": load_iris}


def classes(name="iris"):
    X, y = CLASSES[name](return_X_y=True)
    return scale(X), y


def complaint(model, X, y, **fit_params):
    """What the fit says about itself, or nothing."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y, **fit_params)
    found = [str(w.message) for w in caught if issubclass(w.category, NoProgressWarning)]
    assert len(found) <= 1
    return found[0] if found else ""


def grows(scales):
    X, y = classes()
    return X * np.array(scales), y


def shifted_target():
    X, y = load_diabetes(return_X_y=True)
    return scale(X), 1000 * y


SLOW = {"max_iter": 10, "tol": 0, "random_state": 0, "learning_rate_init": 1e-7}
FAST = {"max_iter": 20, "tol": 0, "n_iter_no_change": 100, "random_state": 0, "solver": "sgd"}

# What is wrong, a model, its data, and what the warning has to name.
FAILURES = {
    "columns": (
        DeepMLPClassifier((8,), max_iter=20, random_state=0, solver="sgd"),
        grows([1, 1e6, 1, 1]),
        r"X is not scaled.*\(column [023]\) to [\d.e+]+ \(column 1\): put a StandardScaler before",
    ),
    "target": (
        DeepMLPRegressor(hidden_layer_sizes=(8,), max_iter=20, random_state=0),
        shifted_target(),
        r"y is not scaled, its spread is 7\.7e\+04 about .*TransformedTargetRegressor",
    ),
    "slow": (
        DeepMLPClassifier((8,), **SLOW),
        classes(),
        r"falls steadily but slowly: raise learning_rate_init \(now 1e-07\) or max_iter \(now 10\)",
    ),
    "fast": (
        DeepMLPClassifier((8, 8), **{**FAST, "learning_rate_init": 20.0, "momentum": 0.0}),
        classes(),
        r"lower learning_rate_init \(now 20\.0\)",
    ),
    "penalty": (
        DeepMLPClassifier(
            (8,), alpha=1e5, max_iter=200, learning_rate_init=0.01, tol=0, random_state=0
        ),
        classes(),
        r"the penalty holds all weights at zero: lower alpha \(now 100000\.0\)",
    ),
    "symmetry": (
        DeepMLPClassifier((8,), weight_init="zeros", max_iter=20, random_state=0),
        classes(),
        r"weight_init='zeros' starts them so",
    ),
    "dead units": (
        DeepMLPClassifier((8, 8), **{**FAST, "learning_rate_init": 5.0, "gradient_clip": 10.0}),
        classes("digits"),
        r"of the units of 'activation \d' give zero for all rows.*'leaky_relu'.*'relu'",
    ),
    "vanishing gradients": (
        DeepMLPClassifier((10,) * 12, activation="logistic", max_iter=20, random_state=0),
        classes(),
        r"gradients vanish on their way to the first layer.*batch_norm=True.*'logistic'",
    ),
    "slow, linear": (
        SoftmaxClassifier(alpha=1e-12, learning_rate_init=1e-9, solver="sgd", max_iter=12, tol=0),
        classes(),
        r"What to look at: the cost falls steadily but slowly: raise learning_rate_init",
    ),
    "penalty, linear": (
        LogisticRegressionGD(alpha=1e6, solver="adam", learning_rate_init=1e-5, max_iter=20, tol=0),
        classes(),
        r"the penalty holds all weights at zero: lower alpha \(now 1000000\.0\)",
    ),
    "no columns": (
        SoftmaxClassifier(max_iter=20, tol=1e-12),
        (np.zeros((150, 3)), classes()[1] > 0),
        "all columns of X are zero",
    ),
    "nothing to learn": (
        SoftmaxClassifier(solver="sgd", max_iter=20, tol=0, random_state=0),
        (np.random.default_rng(0).normal(size=(4000, 2)), np.arange(4000) % 2),
        "perhaps X does not tell about y",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_fit_that_fails_names_the_cause(name):
    model, (X, y), message = FAILURES[name]
    assert re.search(message, complaint(model, X, y))


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_the_constant_that_is_compared_with_is_that_of_the_rows_that_count(loss):
    X = np.random.default_rng(0).normal(size=(3000, 1))
    y = np.random.default_rng(1).uniform(1, 2, 3000)
    # Rows without weight, for whose mean or median a fit to the others would be a success.
    y[:1500] = 100
    model = DeepMLPRegressor(loss, (), max_iter=40, tol=0, learning_rate_init=0.05, random_state=0)
    assert complaint(model, X, y, sample_weight=np.arange(3000) >= 1500)


def test_names_of_columns_are_used():
    pandas = pytest.importorskip("pandas")
    X, y = grows([1, 1, 1e6, 1])
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = DeepMLPClassifier((8,), max_iter=20, random_state=0, solver="sgd")
    assert "(column c)" in complaint(model, frame, y)


def test_sparse_columns_are_looked_at_too():
    X, y = grows([1, 1e6, 1, 1])
    model = DeepMLPClassifier((8,), max_iter=20, random_state=0, solver="sgd")
    assert "(column 1)" in complaint(model, scipy.sparse.csr_array(X), y)


def test_it_is_a_warning_of_its_own_class_from_the_users_line():
    X, y = classes()
    assert issubclass(NoProgressWarning, ConvergenceWarning)
    with pytest.warns(NoProgressWarning) as caught:
        DeepMLPClassifier((8,), **SLOW).fit(X, y)
    (found,) = [one for one in caught if one.category is NoProgressWarning]
    assert found.filename == __file__


def test_a_few_epochs_tell_nothing():
    X, y = classes()
    assert complaint(DeepMLPClassifier((8,), **{**SLOW, "max_iter": 9}), X, y) == ""
    model = DeepMLPClassifier((8,), **SLOW)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(10):
            model.partial_fit(X, y, classes=np.unique(y))


def test_a_target_of_one_value_is_no_failure():
    X, _ = classes()
    for Estimator in (DeepMLPClassifier, DeepMLPRegressor):
        model = Estimator(hidden_layer_sizes=(8,), **SLOW)
        assert complaint(model.set_params(alpha=0), X, np.zeros(150)) == ""


ESTIMATORS = [DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier]
REAL = {
    "breast_cancer": load_breast_cancer,
    "diabetes": load_diabetes,
    "digits": load_digits,
    "iris": load_iris,
    "wine": load_wine,
}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("name", REAL)
def test_no_false_alarm_at_default_settings(Estimator, name):
    X, y = REAL[name](return_X_y=True)
    if Estimator is DeepMLPRegressor:
        model = TransformedTargetRegressor(
            make_pipeline(StandardScaler(), Estimator(random_state=0)), transformer=StandardScaler()
        )
    else:
        model = make_pipeline(StandardScaler(), Estimator(random_state=0))
        y = y > np.median(y) if name == "diabetes" else y
    assert complaint(model, X, y) == ""


@pytest.mark.parametrize(
    "parameters",
    [
        *({"loss": loss} for loss in REGRESSION_LOSSES),
        {"loss": "quantile", "quantile": 0.9},
        {"early_stopping": True},
        {"batch_norm": True, "dropout": 0.5},
        {"solver": "lbfgs"},
        {"solver": "sgd", "learning_rate_init": 0.01},
    ],
    ids=str,
)
def test_no_false_alarm_of_other_settings(parameters):
    X, y = load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), DeepMLPRegressor(random_state=0, **parameters))
    y = y / 100 if get_tags(model[-1]).target_tags.positive_only else scale(y)
    assert complaint(model, X, y) == ""
    weights = np.random.default_rng(0).uniform(0, 2, y.size)
    assert complaint(model[-1], scale(X), y, sample_weight=weights) == ""


def jitter(X_batch, y_batch, random_state):
    return X_batch + random_state.normal(scale=2.0, size=X_batch.shape), y_batch


NOISY = {
    "dropout": {"dropout": 0.6},
    "augmentation": {"augment": jitter},
    "small batches": {"dropout": 0.5, "batch_norm": True, "batch_size": 4},
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", NOISY)
def test_no_false_alarm_where_the_cost_is_noisy(name, seed):
    X, y = classes()
    few = np.random.default_rng(seed).choice(150, 20, replace=False)
    model = DeepMLPClassifier((20,), learning_rate_init=0.01, random_state=seed, **NOISY[name])
    assert complaint(model, X[few], y[few]) == ""


@pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has no callbacks")
@pytest.mark.parametrize("parameters", [{"alpha": 300.0}, {"label_smoothing": 0.5}], ids=str)
def test_a_cost_that_a_callback_has_changed_is_not_compared(parameters):
    class Change:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch" and context.task_id == 80:
                estimator.set_params(**parameters)

        def on_fit_task_end(self, estimator, context): ...

    X, y = classes()
    model = DeepMLPClassifier((20,), learning_rate_init=0.01, max_iter=95, tol=0, random_state=0)
    assert complaint(model.set_callbacks(Change()), X, y) == ""


@pytest.mark.parametrize("fails", [False, True])
def test_looking_into_a_fit_takes_little_memory(fails):
    X = np.random.default_rng(0).normal(size=(2000, 2000)).astype(np.float32)
    y = X[:, 0] > 0
    model = SoftmaxClassifier(solver="sgd", max_iter=10, tol=0, random_state=0)
    model.set_params(learning_rate_init=1e-9 if fails else 1e-3, n_iter_no_change=20)
    tracemalloc.start()
    assert bool(complaint(model, X, y)) == fails
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Batches of X and, where it fails, a sample: no copy of it.
    assert peak < X.nbytes * (1.1 if fails else 0.5)


def test_huge_numbers_are_looked_at_without_a_warning_of_their_own():
    X, y = classes()
    model = DeepMLPClassifier((8,), max_iter=15, solver="sgd", learning_rate_init=1e-300)
    assert "X is not scaled" in complaint(model, X * 1e150, y)


def test_a_column_of_y_that_does_not_vary_is_not_unscaled():
    X, _ = classes()
    y = np.column_stack([X[:, 0], np.ones(150)])
    found = complaint(DeepMLPRegressor(hidden_layer_sizes=(8,), **SLOW), X, y)
    assert found
    assert "y is not scaled" not in found
