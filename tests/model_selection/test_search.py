"""The vectorized searches find what scikit-learn's find over the same skdeep estimators.

scikit-learn's search, which fits one candidate after the other, is the oracle: the same candidates,
folds and seeds must give the same `cv_results_`, whatever the candidates have in common.
"""

import os
import threading
import tracemalloc
import warnings

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import loguniform, randint, uniform
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_breast_cancer, load_iris, make_multilabel_classification
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

import skdeep._engine.training as training_module
import skdeep.model_selection._evaluation as evaluation_module
from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier
from skdeep._engine.losses import REGRESSION_LOSSES
from skdeep._engine.solvers import STOCHASTIC_SOLVERS
from skdeep.estimators._callbacks import HAS_CALLBACKS
from skdeep.model_selection import (
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RATES = {"learning_rate_init": loguniform(1e-3, 1e-1), "alpha": loguniform(1e-3, 10)}


def data(kind):
    """Small real data, scaled; labels or targets as the kind asks."""
    if kind == "multilabel":
        return make_multilabel_classification(90, 8, n_classes=3, random_state=0)
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    if kind == "binary":
        return X[:100], np.array(["setosa", "versicolor"])[y[:100]]
    if kind == "regression":
        return X[:, :3], X[:, 3]
    if kind == "amounts":
        return X[:, :3], np.exp(X[:, 3])
    if kind == "sparse":
        return scipy.sparse.csr_matrix(np.where(np.abs(X) > 0.5, X, 0)), y
    return X, y


def classifier(**parameters):
    defaults = {"hidden_layer_sizes": (6,), "batch_size": 32, "max_iter": 6, "random_state": 0}
    return DeepMLPClassifier(**{**defaults, **parameters})


def noise(X_batch, y_batch, random_state):
    return X_batch + random_state.normal(scale=0.3, size=X_batch.shape), y_batch


def regressor(**parameters):
    defaults = {"hidden_layer_sizes": (6,), "batch_size": 32, "max_iter": 6, "random_state": 0}
    return DeepMLPRegressor(**{**defaults, **parameters})


def linear(kind, **parameters):
    defaults = {"solver": "adam", "batch_size": 32, "max_iter": 6, "random_state": 0, "tol": 1e-4}
    return kind(**{**defaults, **parameters})


# By name: the data, the estimator, the space beyond rates and alpha, and arguments of the search.
CONFIGURATIONS = {
    "sgd": ("classes", classifier(solver="sgd"), {"momentum": uniform(0.1, 0.8)}, {}),
    "sgd, plain momentum": (
        "classes",
        classifier(solver="sgd", nesterovs_momentum=False),
        {"momentum": [0.0, 0.5, 0.9]},
        {},
    ),
    "rmsprop": ("classes", classifier(solver="rmsprop"), {"rho": uniform(0.5, 0.4)}, {}),
    "adam": (
        "classes",
        classifier(),
        {"beta_1": uniform(0.5, 0.4), "beta_2": uniform(0.9, 0.09), "epsilon": [1e-8, 1e-4]},
        {},
    ),
    "adamw": ("classes", classifier(solver="adamw"), {"alpha": [0.0, 1.0, 10.0]}, {}),
    "nadam": (
        "classes",
        classifier(solver="nadam"),
        {"beta_1": uniform(0.5, 0.4), "beta_2": uniform(0.9, 0.09), "epsilon": [1e-8, 1e-4]},
        {},
    ),
    "lbfgs": ("classes", classifier(solver="lbfgs"), {"learning_rate_init": [0.1]}, {}),
    "several solvers": ("classes", classifier(), {"solver": ["sgd", "adam", "lbfgs"]}, {}),
    "l1": ("classes", classifier(), {"l1_ratio": [0.0, 0.5, 1.0]}, {}),
    "dropout": (
        "classes",
        classifier(hidden_layer_sizes=(6, 5)),
        {"dropout": [0.0, 0.3, (0.1, 0.5)], "input_dropout": [0.0, 0.1]},
        {},
    ),
    "batch norm": (
        "classes",
        classifier(batch_norm=True),
        {"batch_norm_momentum": uniform(0.5, 0.4), "batch_norm_epsilon": loguniform(1e-5, 1e-1)},
        {},
    ),
    "layer norm": (
        "classes",
        classifier(layer_norm=True),
        {"layer_norm_epsilon": loguniform(1e-5, 1e-1), "dropout": [0.0, 0.3]},
        {},
    ),
    "architectures": (
        "classes",
        classifier(),
        {"hidden_layer_sizes": [(4,), (6, 3), 5], "activation": ["relu", "tanh"]},
        {},
    ),
    "widths": (
        "classes",
        classifier(solver="adamw"),
        {"hidden_layer_sizes": [(4, 7), (6, 3), (1, 1), (9, 8)], "l1_ratio": [0.0, 0.5]},
        {},
    ),
    "widths, batch norm": (
        "classes",
        classifier(batch_norm=True, activation="tanh", early_stopping=True, max_iter=15),
        {"hidden_layer_sizes": [2, 5, 8], "n_iter_no_change": [1, 3]},
        {},
    ),
    "widths, layer norm": (
        "classes",
        classifier(layer_norm=True, activation="tanh", early_stopping=True, max_iter=15),
        {
            "hidden_layer_sizes": [(2, 3), (5, 2), (8, 8)],
            "layer_norm_epsilon": [1e-5, 0.1],
            "n_iter_no_change": [1, 3],
        },
        {},
    ),
    "widths, momentum": (
        "regression",
        regressor(solver="sgd", activation=("gelu", "elu"), gradient_clip=0.5),
        {"hidden_layer_sizes": [(3, 3), (2, 6)], "momentum": [0.5, 0.9]},
        {},
    ),
    "widths that cannot share": (
        "classes",
        classifier(),
        {"hidden_layer_sizes": [3, 6], "activation": ["sigmoid", "relu"], "dropout": [0.0, 0.3]},
        {},
    ),
    "widths, an epsilon that rounds to zero": (
        "classes",
        classifier(dtype="float32", epsilon=1e-50),
        {"hidden_layer_sizes": [3, 6]},
        {},
    ),
    "widths, sparse": ("sparse", classifier(), {"hidden_layer_sizes": [(3,), (7,)]}, {}),
    "augmentation": (
        "classes",
        classifier(augment=noise, dropout=0.2),
        {"learning_rate": ["constant", "exponential"]},
        {},
    ),
    "starts": ("classes", classifier(), {"weight_init": ["auto", "he_normal", "zeros"]}, {}),
    "seeds": ("classes", classifier(), {"random_state": [0, 1]}, {}),
    "batch sizes": ("classes", classifier(), {"batch_size": ["auto", 10, "full"]}, {}),
    "epochs": ("classes", classifier(), {"max_iter": randint(1, 8)}, {}),
    "early stopping": (
        "classes",
        classifier(early_stopping=True, max_iter=15, validation_fraction=0.2),
        {"n_iter_no_change": [1, 2, 20], "tol": [1e-4, 1e-2]},
        {},
    ),
    "early stopping by a scorer": (
        "classes",
        classifier(early_stopping=True, max_iter=8, validation_fraction=0.2, n_iter_no_change=2),
        {"scoring": ["f1_macro", "loss", None]},
        {},
    ),
    "plateau": ("classes", classifier(max_iter=15, n_iter_no_change=1), {"tol": [1e-1, 1e-3]}, {}),
    "adaptive": (
        "classes",
        classifier(max_iter=15, learning_rate="adaptive", solver="sgd", n_iter_no_change=1),
        {"tol": [0.5, 0.1, 1e-3]},
        {},
    ),
    "schedules": (
        "classes",
        classifier(),
        {
            "learning_rate": ["constant", "invscaling", "step", "cosine", "sqrt", "exponential"],
            "decay_rate": [0.5, 0.9],
            "power_t": [0.1, 0.5],
        },
        {},
    ),
    "clip": ("classes", classifier(), {"gradient_clip": [None, 0.1, 1.0]}, {}),
    "label smoothing": ("classes", classifier(), {"label_smoothing": [0.0, 0.1, 0.3]}, {}),
    "class weights": ("classes", classifier(), {"class_weight": [None, "balanced", {0: 3}]}, {}),
    "no seed shuffles": ("classes", classifier(shuffle=False), {}, {}),
    "binary": ("binary", classifier(), {"label_smoothing": [0.0, 0.2]}, {}),
    "multilabel": ("multilabel", classifier(), {"dropout": [0.0, 0.2]}, {"scoring": "f1_macro"}),
    "regression": ("regression", regressor(), {}, {}),
    "huber": ("regression", regressor(loss="huber"), {"huber_delta": [0.1, 1.0]}, {}),
    "quantile": ("regression", regressor(loss="quantile"), {"quantile": [0.1, 0.5, 0.8]}, {}),
    "quantile, early stopping": (
        "regression",
        regressor(loss="quantile", early_stopping=True, validation_fraction=0.3, max_iter=15),
        {"quantile": [0.1, 0.5, 0.8], "n_iter_no_change": [1, 3], "scoring": [None, "loss"]},
        {},
    ),
    "losses": ("amounts", regressor(), {"loss": list(REGRESSION_LOSSES)}, {"n_iter": 12}),
    "sparse": ("sparse", classifier(), {}, {}),
    "sparse, input dropout": ("sparse", classifier(), {"input_dropout": [0.0, 0.2]}, {}),
    "logistic": ("binary", linear(LogisticRegressionGD), {"fit_intercept": [True, False]}, {}),
    "softmax": ("classes", linear(SoftmaxClassifier), {"solver": ["sgd", "adam"]}, {}),
    "gradient descent": ("classes", linear(SoftmaxClassifier, solver="gd"), {}, {}),
    "several metrics": (
        "classes",
        classifier(),
        {},
        {"scoring": ["accuracy", "neg_log_loss", "f1_macro"], "refit": "neg_log_loss"},
    ),
    "train scores": ("classes", classifier(), {}, {"return_train_score": True}),
    "two workers": ("classes", classifier(), {}, {"n_jobs": 2}),
    "small stacks": ("classes", classifier(), {}, {"max_stack_bytes": 30_000}),
    "diverging": ("classes", classifier(solver="sgd"), {"learning_rate_init": [1e-2, 1e30]}, {}),
}


# Values of everything that a stack's models may have of their own, and of some that they share.
RANDOM_SPACE = {
    **RATES,
    "l1_ratio": uniform(0, 1),
    "beta_1": uniform(0, 0.99),
    "beta_2": uniform(0.5, 0.49),
    "epsilon": loguniform(1e-9, 1e-2),
    "dropout": uniform(0, 0.6),
    "input_dropout": uniform(0, 0.3),
    "label_smoothing": uniform(0, 0.5),
    "gradient_clip": [None, 0.05, 0.5],
    "learning_rate": ["constant", "sqrt", "inverse_time", "step", "invscaling"],
    "decay_rate": loguniform(0.1, 1),
    "decay_epochs": [None, 1, 2],
    "power_t": uniform(0, 1),
    "max_iter": [1, 2, 3],
    "n_iter_no_change": [1, 10],
    "weight_init": ["auto", "glorot_normal"],
    "batch_norm": [False, True],
    "batch_norm_momentum": uniform(0, 0.95),
    "layer_norm": [False],
    "layer_norm_epsilon": loguniform(1e-9, 1e-2),
    "solver": list(STOCHASTIC_SOLVERS),
    "momentum": [0.0, 0.5, 0.9],
    "activation": ["relu", "gelu"],
}


def search_both(ours, theirs, estimator, space, X, y, fit_params=None, **arguments):
    """Our search and scikit-learn's, fitted alike."""
    shared = {k: v for k, v in arguments.items() if k != "max_stack_bytes"}
    searches = [ours(estimator, space, **arguments), theirs(estimator, space, **shared)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [search.fit(X, y, **(fit_params or {})) for search in searches]


def assert_same_results(ours, theirs, atol=1e-6):
    """All of cv_results_ but the times."""
    assert list(ours) == list(theirs)
    for name, expected in theirs.items():
        found = ours[name]
        if name == "params":
            assert str(found) == str(expected)
        elif name.startswith("param_"):
            assert_array_equal(found.mask, expected.mask)
            assert [str(value) for value in found] == [str(value) for value in expected]
        elif name.startswith("rank_"):
            assert_same_ranks(found, expected, theirs["mean_" + name.removeprefix("rank_")], atol)
        elif "time" not in name:
            assert_allclose(found, expected, atol=atol, err_msg=name)


def assert_same_ranks(found, expected, scores, atol):
    """Ranks agree but where neighbours are tied up to rounding."""
    order = np.sort(np.nan_to_num(scores, nan=-np.inf))
    with np.errstate(invalid="ignore"):
        gaps = np.diff(order)
    if not np.any((gaps > 0) & (gaps < 2 * atol)):
        assert_array_equal(found, expected)


def fit_and_read_warnings(search, X, y):
    """All that fitting warns of, as one text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, y)
    return "\n".join(str(warning.message) for warning in caught)


# Configurations of which some candidates share no stack.
NOT_ALL_STACKED = {"lbfgs", "several solvers", "sparse, input dropout", "gradient descent"}


@pytest.fixture
def _all_stacked(monkeypatch):
    """Fails a search that fits a candidate alone, which is what the results are compared with."""

    def refuse(self, pairs):
        assert not pairs

    monkeypatch.setattr(evaluation_module.Evaluator, "_evaluate_alone", refuse)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_results_are_those_of_scikit_learn(name, request):
    kind, estimator, space, arguments = CONFIGURATIONS[name]
    if name not in NOT_ALL_STACKED:
        request.getfixturevalue("_all_stacked")
    if kind not in ("regression", "amounts", "multilabel"):
        # Finer than the accuracy on a few rows.
        arguments = {"scoring": "neg_log_loss", **arguments}
    X, y = data(kind)
    ours, theirs = search_both(
        VectorizedRandomizedSearchCV,
        RandomizedSearchCV,
        estimator,
        {**RATES, **space},
        X,
        y,
        **{"n_iter": 6, **arguments},
        cv=KFold(3, shuffle=True, random_state=0),
        random_state=0,
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_index_ == theirs.best_index_
    assert_allclose(ours.best_score_, theirs.best_score_, atol=1e-6)
    assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("fit_weights", [False, True])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_sample_weights_go_where_scikit_learn_sends_them(fit_weights, early_stopping):
    X, y = data("classes")
    weights = np.random.default_rng(0).uniform(0, 2, size=len(y)) if fit_weights else None
    ours, theirs = search_both(
        VectorizedGridSearchCV,
        GridSearchCV,
        classifier(early_stopping=early_stopping, validation_fraction=0.2),
        {"alpha": [1e-3, 1.0], "learning_rate_init": [1e-2, 1e-1]},
        X,
        y,
        {"sample_weight": weights},
        cv=3,
        return_train_score=True,
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_pipelines_with_several_scalers_and_weights():
    X, y = load_breast_cancer(return_X_y=True)
    weights = np.random.default_rng(0).uniform(0, 2, size=len(y))
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", classifier())])
    space = {
        "scale": [StandardScaler(), MinMaxScaler(), "passthrough"],
        "mlp__alpha": [1e-3, 1.0],
        "mlp__hidden_layer_sizes": [(4,), (8,)],
    }
    ours, theirs = search_both(
        VectorizedGridSearchCV,
        GridSearchCV,
        pipeline,
        space,
        X,
        y,
        {"mlp__sample_weight": weights},
        cv=3,
        n_jobs=2,
        scoring=["accuracy", "roc_auc"],
        refit="roc_auc",
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_transformers_are_fitted_once_per_fold_and_setting():
    class Counting(StandardScaler):
        n_fits = 0

        def fit(self, X, y=None, sample_weight=None):
            Counting.n_fits += 1
            return super().fit(X, y, sample_weight)

    X, y = data("classes")
    pipeline = make_pipeline(Counting(), classifier())
    space = {
        "counting__with_mean": [True, False],
        "deepmlpclassifier__alpha": [0.1, 1.0, 10.0],
        "deepmlpclassifier__hidden_layer_sizes": [3, 4],
    }
    VectorizedGridSearchCV(pipeline, space, cv=3, refit=False).fit(X, y)
    assert Counting.n_fits == 2 * 3


def test_a_scorer_that_looks_into_the_pipeline_gets_one():
    X, y = data("classes")

    def n_steps_and_score(estimator, X, y):
        return len(estimator.steps) + estimator.score(X, y)

    pipeline = make_pipeline(StandardScaler(), classifier())
    space = {"deepmlpclassifier__alpha": [0.1, 1.0]}
    ours, theirs = search_both(
        VectorizedGridSearchCV, GridSearchCV, pipeline, space, X, y, scoring=n_steps_and_score
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_candidates_of_a_group_train_as_one(monkeypatch, n_jobs):
    """One forward pass per step for all of them, on θ of two axes; only the refit is alone."""
    shapes, alone = [], []
    run = training_module.Epochs.run

    def counted(self, rate):
        shapes.append(self._state.theta.shape)
        return run(self, rate)

    monkeypatch.setattr(training_module.Epochs, "run", counted)
    fit = DeepMLPClassifier._fit
    monkeypatch.setattr(
        DeepMLPClassifier, "_fit", lambda self, *a, **k: alone.append(1) or fit(self, *a, **k)
    )
    X, y = data("classes")
    search = VectorizedRandomizedSearchCV(
        classifier(), RATES, n_iter=7, cv=2, random_state=0, n_jobs=n_jobs
    )
    with parallel_config("threading", n_jobs=n_jobs):  # where the instruments are
        search.fit(X, y)
    n_parameters = search.best_estimator_._state.theta.shape[-1]
    stacks = [shape for shape in shapes if len(shape) == 2]
    assert sum(shape[0] for shape in stacks) == 7 * 2 * 6
    assert all(shape[1] == n_parameters for shape in stacks)
    assert len(stacks) == 2 * 6
    assert len(alone) == 1


def test_candidates_of_different_widths_train_as_one(monkeypatch):
    shapes = []
    run = training_module.Epochs.run

    def counted(self, rate):
        shapes.append(self._state.theta.shape)
        return run(self, rate)

    monkeypatch.setattr(training_module.Epochs, "run", counted)
    X, y = data("classes")
    space = {"hidden_layer_sizes": [(2,), (5,), (6,), (8,)]}
    VectorizedGridSearchCV(classifier(), space, cv=2, refit=False).fit(X, y)
    as_wide_as_the_widest = 4 * 8 + 8 + 8 * 3 + 3
    assert shapes == [(4, as_wide_as_the_widest)] * 2 * 6


def test_halving_with_candidates_of_different_widths():
    X, y = data("classes")
    space = {**RATES, "hidden_layer_sizes": [(2, 3), (5, 4), (8, 8)]}
    arguments = {"cv": 2, "random_state": 0, "max_resources": 9}
    estimator = classifier(batch_norm=True)
    found = VectorizedHalvingRandomSearchCV(estimator, space, **arguments).fit(X, y)
    expected = HalvingRandomSearchCV(estimator, space, resource="max_iter", **arguments).fit(X, y)
    assert_same_results(found.cv_results_, expected.cv_results_)


@pytest.mark.parametrize("arguments", [{}, {"aggressive_elimination": True}, {"factor": 2}])
def test_halving_gives_what_training_anew_at_each_rung_gives(arguments):
    X, y = data("classes")
    estimator = make_pipeline(StandardScaler(), classifier(dropout=0.1))
    space = {f"deepmlpclassifier__{name}": values for name, values in RATES.items()}
    common = {"max_resources": 9, "n_candidates": 8, "random_state": 0, "cv": 3, **arguments}
    ours = VectorizedHalvingRandomSearchCV(estimator, space, **common).fit(X, y)
    theirs = HalvingRandomSearchCV(
        estimator, space, resource="deepmlpclassifier__max_iter", **common
    ).fit(X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    for name in ("n_resources_", "n_candidates_", "n_iterations_", "best_params_", "best_index_"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert_allclose(ours.best_score_, theirs.best_score_, atol=1e-6)


def test_halving_trains_a_schedule_with_an_end_anew():
    X, y = data("classes")
    space = {**RATES, "learning_rate": ["constant", "cosine"]}
    common = {"max_resources": 9, "n_candidates": 8, "random_state": 0, "cv": 3}
    ours = VectorizedHalvingRandomSearchCV(classifier(), space, **common).fit(X, y)
    theirs = HalvingRandomSearchCV(classifier(), space, resource="max_iter", **common).fit(X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_halving_with_early_stopping_and_two_groups():
    X, y = data("classes")
    estimator = classifier(early_stopping=True, validation_fraction=0.2, n_iter_no_change=2)
    space = {**RATES, "hidden_layer_sizes": [(4,), (6,)], "solver": ["adam", "lbfgs"]}
    common = {"max_resources": 18, "n_candidates": 9, "random_state": 0, "cv": 3, "n_jobs": 2}
    ours = VectorizedHalvingRandomSearchCV(estimator, space, **common).fit(X, y)
    theirs = HalvingRandomSearchCV(estimator, space, resource="max_iter", **common).fit(X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


@pytest.mark.parametrize("n_candidates", [6, 20])
def test_halving_keeps_candidates_that_stopped_on_a_plateau_as_they_stopped(n_candidates):
    X, y = data("classes")
    estimator = classifier(n_iter_no_change=1, solver="sgd")
    space = {**RATES, "tol": [1e-4, 0.05, 0.2, 1.0]}
    common = {"max_resources": 27, "min_resources": 3, "n_candidates": n_candidates, "cv": 3}
    common |= {"random_state": 0, "scoring": "neg_log_loss"}
    ours = VectorizedHalvingRandomSearchCV(estimator, space, **common).fit(X, y)
    theirs = HalvingRandomSearchCV(estimator, space, resource="max_iter", **common).fit(X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_halving_trains_no_epoch_twice(monkeypatch):
    trained = []
    run = training_module.Epochs.run
    monkeypatch.setattr(
        training_module.Epochs,
        "run",
        lambda self, rate: trained.append(self._state.theta.shape[0]) or run(self, rate),
    )
    X, y = data("classes")
    search = VectorizedHalvingRandomSearchCV(
        classifier(tol=0), RATES, max_resources=9, n_candidates=9, cv=2, refit=False, random_state=0
    )
    search.fit(X, y)
    # 9 candidates for 1 epoch, 3 go on to 3, 1 goes on to 9.
    assert sum(trained) == 2 * (9 * 1 + 3 * 2 + 1 * 6)


def test_a_diverging_candidate_costs_the_others_nothing():
    X, y = data("classes")
    space = {"learning_rate_init": [0.01, 1e200, 0.1]}
    search = VectorizedGridSearchCV(classifier(solver="sgd"), space, cv=3, error_score=-1.0)
    assert "non-finite parameter weights" in fit_and_read_warnings(search, X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] == -1
    alone = VectorizedGridSearchCV(
        classifier(solver="sgd"), {"learning_rate_init": [0.01, 0.1]}, cv=3
    ).fit(X, y)
    assert_array_equal(scores[[0, 2]], alone.cv_results_["mean_test_score"])


def test_error_score_raise_raises_what_the_candidate_raised():
    X, y = data("classes")
    space = {"learning_rate_init": [0.01, 1e200]}
    search = VectorizedGridSearchCV(classifier(solver="sgd"), space, error_score="raise")
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        search.fit(X, y)


def test_an_invalid_candidate_costs_the_others_nothing():
    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), {"alpha": [0.1, -1.0]}, cv=3)
    assert "'alpha' parameter" in fit_and_read_warnings(search, X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).tolist() == [True, False]


def test_layers_that_do_not_go_with_activations_cost_the_others_nothing():
    X, y = data("classes")
    space = {"hidden_layer_sizes": [(3, 4), (5,), [6, 6]]}
    search = VectorizedGridSearchCV(classifier(activation=("relu", "tanh")), space, cv=2)
    assert "one per hidden layer" in fit_and_read_warnings(search, X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).tolist() == [True, False, True]


def test_a_schedule_that_raises_costs_the_others_nothing():
    def broken(epoch):
        if epoch == 2:
            raise RuntimeError("out of steps")
        return 1.0

    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), {"learning_rate": ["constant", broken]}, cv=3)
    assert "out of steps" in fit_and_read_warnings(search, X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).tolist() == [True, False]


def test_a_scorer_that_raises_is_reported():
    X, y = data("classes")

    def picky(estimator, X, y):
        if estimator.alpha > 0.5:
            raise ValueError("too smooth")
        return estimator.score(X, y)

    search = VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=3, scoring=picky)
    assert "too smooth" in fit_and_read_warnings(search, X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).tolist() == [True, False]
    with pytest.raises(ValueError, match="too smooth"):
        search.set_params(error_score="raise").fit(X, y)


class CountedScaler(StandardScaler):
    fits = 0

    def fit(self, X, y=None, sample_weight=None):
        CountedScaler.fits += 1
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("kind", ["classes", "binary", "regression"])
def test_the_ensemble_averages_the_best_fitted_alone(kind):
    X, y = data(kind)
    estimator = regressor() if kind == "regression" else classifier()
    search = VectorizedRandomizedSearchCV(
        make_pipeline(StandardScaler(), estimator),
        {f"{type(estimator).__name__.lower()}__{name}": space for name, space in RATES.items()},
        n_iter=6,
        random_state=0,
        keep_best=3,
    ).fit(X, y)
    order = np.argsort(-search.cv_results_["mean_test_score"], kind="stable")[:3]
    alone = [
        search.estimator.set_params(**search.cv_results_["params"][i]).fit(X, y)
        and (
            search.estimator.predict(X)
            if kind == "regression"
            else search.estimator.predict_proba(X)
        )
        for i in order
    ]
    mean = np.mean(alone, axis=0)
    if kind == "regression":
        assert_allclose(search.ensemble_.predict(X), mean, atol=1e-10)
    else:
        assert_allclose(search.ensemble_.predict_proba(X), mean, atol=1e-10)
        expected = search.ensemble_.classes_[mean.argmax(axis=1)]
        assert_array_equal(search.ensemble_.predict(X), expected)


def test_an_ensemble_of_multilabel_classifiers_of_different_widths():
    X, y = data("multilabel")
    space = {"hidden_layer_sizes": [3, 5, 8]}
    search = VectorizedGridSearchCV(classifier(), space, cv=2, keep_best=3).fit(X, y)
    alone = [classifier(**parameters).fit(X, y) for parameters in search.cv_results_["params"]]
    mean = np.mean([one.predict_proba(X) for one in alone], axis=0)
    assert_allclose(search.ensemble_.predict_proba(X), mean, atol=1e-10)
    assert_array_equal(search.ensemble_.predict(X), mean > 0.5)


def test_a_pipeline_keeps_its_transformers_in_its_memory(tmp_path):
    X, y = data("classes")
    pipeline = make_pipeline(CountedScaler(), classifier(), memory=str(tmp_path))
    space = {"deepmlpclassifier__alpha": [0.1, 1.0]}
    CountedScaler.fits = 0
    found = VectorizedGridSearchCV(pipeline, space, cv=2).fit(X, y)
    assert CountedScaler.fits == 3  # two folds and the refit
    again = VectorizedGridSearchCV(pipeline, space, cv=2).fit(X, y)
    assert CountedScaler.fits == 3
    assert_same_results(again.cv_results_, found.cv_results_, atol=0)


def test_members_of_the_ensemble_can_be_trained_further():
    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=2, keep_best=2)
    search.fit(X, y)
    best = search.ensemble_.estimators[0]
    alone = classifier(alpha=best.alpha).fit(X, y)
    assert_allclose(best.partial_fit(X, y).coefs_[0], alone.partial_fit(X, y).coefs_[0], atol=1e-10)


def test_progress_counts_candidate_epochs(capsys):
    X, y = data("classes")
    VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=2, verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Fitting 2 folds for each of 2 candidates, totalling 4 fits"
    assert lines[-1].startswith("24 of 24 candidate-epochs (100%), best score 0.")
    assert lines[-1].endswith(" s left")


def test_verbose_names_each_candidate(capsys):
    X, y = data("classes")
    VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=2, verbose=3).fit(X, y)
    out = capsys.readouterr().out
    assert out.count("END alpha=0.1;") == out.count("END alpha=1.0;") == 2


def test_what_is_not_skdeeps_is_fitted_as_scikit_learn_fits_it():
    from sklearn.linear_model import LogisticRegression

    X, y = data("classes")
    space = [{"est": [LogisticRegression()], "est__C": [0.1, 1]}, {"est": [classifier()]}]
    pipeline = Pipeline([("est", classifier())])
    ours, theirs = search_both(VectorizedGridSearchCV, GridSearchCV, pipeline, space, X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_a_subclass_that_fits_in_its_own_way_is_left_to_it():
    class Scaled(DeepMLPClassifier):
        def fit(self, X, y, sample_weight=None):
            return super().fit(np.asarray(X) / 100, y, sample_weight)

    X, y = data("classes")
    estimator = Scaled((4,), max_iter=4, random_state=0)
    ours, theirs = search_both(
        VectorizedGridSearchCV, GridSearchCV, estimator, {"alpha": [0.1, 1.0]}, X, y
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_a_random_state_instance_gives_each_candidate_the_same_numbers():
    X, y = data("classes")
    estimator = classifier(random_state=np.random.RandomState(3))
    ours, theirs = search_both(
        VectorizedGridSearchCV, GridSearchCV, estimator, {"alpha": [0.1, 1.0]}, X, y, cv=3
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_without_a_seed_each_candidate_starts_from_weights_of_its_own():
    X, y = data("classes")
    search = VectorizedGridSearchCV(
        classifier(random_state=None), {"alpha": [0.1, 0.1 + 1e-12]}, cv=2, keep_best=2
    ).fit(X, y)
    first, second = search.ensemble_.estimators
    assert np.abs(first.coefs_[0] - second.coefs_[0]).max() > 0.01


def test_a_dev_set_given_to_fit():
    X, y = data("classes")
    dev = {"X_val": X[::5] + 0.01, "y_val": y[::5]}
    estimator = classifier(early_stopping=True, n_iter_no_change=1, max_iter=20)
    ours, theirs = search_both(
        VectorizedGridSearchCV, GridSearchCV, estimator, {"alpha": [0.1, 1.0]}, X, y, dev, cv=3
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"keep_best": 0}, "'keep_best' parameter"),
        ({"max_stack_bytes": 0}, "'max_stack_bytes' parameter"),
        ({"keep_best": 2, "scoring": ["accuracy", "f1_macro"], "refit": False}, "keep_best=2"),
    ],
)
def test_bad_parameters_are_named(arguments, message):
    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), {"alpha": [0.1]}, cv=2, **arguments)
    with pytest.raises(ValueError, match=message):
        search.fit(X, y)


def test_halving_needs_epochs_to_count():
    from sklearn.naive_bayes import GaussianNB

    X, y = data("classes")
    search = VectorizedHalvingRandomSearchCV(GaussianNB(), {"var_smoothing": loguniform(1e-9, 1)})
    with pytest.raises(ValueError, match="GaussianNB has no parameter max_iter"):
        search.fit(X, y)


# --------------------------------------------------------------------------- memory and accidents


def peak_bytes(function):
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("return_train_score", [False, True])
def test_memory_stays_within_the_budget_whatever_the_number_of_candidates(return_train_score):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3000, 20)), rng.integers(5, size=3000)
    estimator = classifier(hidden_layer_sizes=(64, 64), batch_size=128, max_iter=1)
    budget = 6_000_000
    for n_candidates in (20, 80):
        search = VectorizedRandomizedSearchCV(
            estimator,
            RATES,
            n_iter=n_candidates,
            cv=2,
            refit=False,
            return_train_score=return_train_score,
            max_stack_bytes=budget,
            random_state=0,
        )
        # X is cut into a train and a test part, and the batches of the train part are permuted.
        assert peak_bytes(lambda: search.fit(X, y)) < budget + 3 * X.nbytes  # noqa: B023


def test_any_backend_of_joblib_gives_the_same():
    X, y = data("classes")
    search = VectorizedRandomizedSearchCV(
        make_pipeline(StandardScaler(), classifier()),
        {f"deepmlpclassifier__{name}": space for name, space in RATES.items()},
        n_iter=4,
        cv=3,
        n_jobs=2,
        random_state=0,
    )
    processes = search.fit(X, y).cv_results_
    with parallel_config(backend="threading", n_jobs=2):
        threads = search.fit(X, y).cv_results_
    assert_same_results(processes, threads)


def test_halving_keeps_its_stacks_across_processes():
    X, y = data("classes")
    search = VectorizedHalvingRandomSearchCV(
        classifier(), RATES, max_resources=9, n_candidates=6, cv=2, n_jobs=2, random_state=0
    )
    processes = search.fit(X, y).cv_results_
    alone = search.set_params(n_jobs=1).fit(X, y).cv_results_
    assert_same_results(processes, alone)


def die(estimator, X, y):
    os._exit(1)


def test_a_worker_that_dies_is_reported():
    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, scoring=die, n_jobs=2)
    with parallel_config(backend="loky", n_jobs=2), pytest.raises(TerminatedWorkerError):
        search.fit(X, y)
    # The next search gets new workers.
    with parallel_config(backend="loky", n_jobs=2):
        search.set_params(scoring=None).fit(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupt_ends_the_search(n_jobs):
    def interrupted(epoch):
        raise KeyboardInterrupt

    X, y = data("classes")
    space = {"learning_rate": ["constant", interrupted]}
    search = VectorizedGridSearchCV(classifier(), space, cv=3, n_jobs=n_jobs)
    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert not hasattr(search, "cv_results_")
    assert threading.active_count() <= threads + n_jobs
    # BLAS has its threads back, and the search works again.
    search.set_params(param_grid={"alpha": [0.1]}).fit(X, y)


@given(
    n_candidates=st.integers(1, 6),
    seed=st.integers(0, 2**16),
    names=st.sets(st.sampled_from(sorted(RANDOM_SPACE)), min_size=1),
)
@settings(max_examples=15, deadline=None)
def test_random_spaces_give_what_scikit_learn_finds(n_candidates, seed, names):
    X, y = data("classes")
    ours, theirs = search_both(
        VectorizedRandomizedSearchCV,
        RandomizedSearchCV,
        classifier(max_iter=3),
        {name: RANDOM_SPACE[name] for name in names},
        X,
        y,
        n_iter=n_candidates,
        cv=2,
        refit=False,
        random_state=seed,
        scoring="neg_log_loss",
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


# ------------------------------------------------------------------------- what surrounds a search


class Recorder:
    """A callback that notes which tasks begin and end."""

    def __init__(self):
        self.hooks = []

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.hooks.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context):
        self.hooks.append(("end", context.task_name, context.task_id))

    def teardown(self, estimator, context):
        pass


@pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has none")
def test_callbacks_hear_of_the_tasks_that_scikit_learns_search_has():
    X, y = data("classes")
    heard = []
    for kind in (VectorizedGridSearchCV, GridSearchCV):
        recorder = Recorder()
        search = kind(classifier(), {"alpha": [0.1, 1.0]}, cv=3).set_callbacks(recorder)
        search.fit(X, y)
        heard.append(recorder.hooks)
    ours, theirs = heard
    # A stack ends on one split before the next begins: the tasks come in another order.
    assert sorted(map(str, ours)) == sorted(map(str, theirs))
    assert sum(hook == "end" and name.startswith("candidate") for hook, name, _ in ours) == 6


def test_metadata_is_routed_to_the_estimator_the_scorer_and_the_splitter():
    X, y = data("classes")
    rng = np.random.default_rng(0)
    metadata = {
        "sample_weight": rng.uniform(0.5, 2, len(y)),
        "groups": rng.integers(6, size=len(y)),
    }
    with config_context(enable_metadata_routing=True):
        scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
        estimator = classifier().set_fit_request(sample_weight=True)
        ours, theirs = search_both(
            VectorizedGridSearchCV,
            GridSearchCV,
            estimator,
            {"alpha": [0.1, 10.0], "learning_rate_init": [0.01, 0.1]},
            X,
            y,
            metadata,
            scoring=scorer,
            cv=GroupKFold(3),
        )
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    plain = VectorizedGridSearchCV(classifier(), ours.param_grid, cv=GroupKFold(3))
    unweighted = plain.fit(X, y, groups=metadata["groups"]).cv_results_
    assert not np.allclose(unweighted["mean_test_score"], ours.cv_results_["mean_test_score"])


def test_data_frames_keep_their_column_names():
    X, y = load_iris(return_X_y=True, as_frame=True)
    labels = y.map({0: "setosa", 1: "versicolor", 2: "virginica"})
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), classifier())
    ours, theirs = search_both(
        VectorizedGridSearchCV,
        GridSearchCV,
        pipeline,
        {"deepmlpclassifier__alpha": [0.1, 1.0]},
        X,
        labels,
        scoring=["accuracy", "neg_log_loss"],
        refit="accuracy",
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert_array_equal(ours.feature_names_in_, X.columns)
    assert ours.predict(X.iloc[:1]) == ["setosa"]


def test_lists_are_data_too():
    X, y = data("classes")
    space = {"alpha": [0.1, 1.0]}
    ours = VectorizedGridSearchCV(classifier(), space, cv=2).fit(X.tolist(), y.tolist())
    arrays = VectorizedGridSearchCV(classifier(), space, cv=2).fit(X, y)
    assert_same_results(ours.cv_results_, arrays.cv_results_)


def test_each_split_of_a_halving_has_a_pipeline_of_its_own():
    X, y = data("classes")
    seen = {}

    def mean_of_scaler(estimator, X, y):
        seen.setdefault(X.tobytes(), set()).add(tuple(estimator[0].mean_))
        return estimator.score(X, y)

    pipeline = make_pipeline(StandardScaler(), classifier())
    space = {"deepmlpclassifier__alpha": loguniform(1e-3, 1)}
    VectorizedHalvingRandomSearchCV(
        pipeline, space, n_candidates=3, max_resources=3, cv=3, scoring=mean_of_scaler
    ).fit(X, y)
    # Train and test rows of three splits, each always with the scaler of its split.
    assert all(len(means) == 1 for means in seen.values())
    assert len(set.union(*seen.values())) == 3


def test_halving_keeps_the_best_of_the_last_rungs():
    X, y = data("classes")
    search = VectorizedHalvingRandomSearchCV(
        classifier(), RATES, n_candidates=9, max_resources=9, cv=2, keep_best=4, random_state=0
    ).fit(X, y)
    epochs = [estimator.max_iter for estimator in search.ensemble_.estimators]
    assert epochs == [9, 3, 3, 1]
    alphas = {estimator.alpha for estimator in search.ensemble_.estimators}
    assert len(alphas) == 4


def test_what_fails_on_all_rows_is_left_out_of_the_ensemble():
    X, y = data("classes")

    epochs = []

    def fails_on_all_rows(epoch):
        epochs.append(epoch)
        if len(epochs) > 2 * 2:  # two epochs on each of two folds
            raise RuntimeError("too many rows")
        return 1.0

    space = {"learning_rate": ["constant", fails_on_all_rows]}
    search = VectorizedGridSearchCV(
        classifier(max_iter=2), space, cv=2, keep_best=2, refit=False, n_jobs=1
    )
    text = fit_and_read_warnings(search, X, y)
    assert "left out of ensemble_" in text
    assert "too many rows" in text
    assert [one.learning_rate for one in search.ensemble_.estimators] == ["constant"]


def test_no_score_no_ensemble_but_a_search():
    X, y = data("classes")
    search = VectorizedGridSearchCV(
        classifier(), {"alpha": [0.1]}, cv=2, keep_best=1, scoring=lambda *_: np.nan
    )
    assert "there is no ensemble_" in fit_and_read_warnings(search, X, y)
    assert not hasattr(search, "ensemble_")
    assert len(search.cv_results_["params"]) == 1


def test_a_test_fold_that_cannot_be_predicted_costs_its_score_only():
    X, y = data("classes")
    X = X.copy()
    X[0, 0] = np.nan
    test = np.arange(10)
    cv = [(np.arange(10, 150), test), (np.arange(20, 150), np.arange(10, 20))]
    ours, theirs = search_both(
        VectorizedGridSearchCV, GridSearchCV, classifier(), {"alpha": [0.1, 1.0]}, X, y, cv=cv,
        refit=False,
    )  # fmt: skip
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert np.isnan(ours.cv_results_["split0_test_score"]).all()
    assert np.isfinite(ours.cv_results_["split1_test_score"]).all()


class Halved(TransformerMixin, BaseEstimator):
    """A transformer whose train rows are others from `fit_transform` than from `transform`."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X

    def fit_transform(self, X, y=None):
        return X / 2


def drop_dimension(X):
    return X[:, 0]


@pytest.mark.parametrize(
    ("steps", "space"),
    [
        ([("halved", Halved())], {}),
        ([("f", FunctionTransformer())], {"f__func": [lambda X: X + 1, np.log1p]}),
        ([("f", FunctionTransformer())], {"f__func": [None, drop_dimension]}),
        ([("f", "passthrough")], {"f": [FunctionTransformer(lambda X: X), StandardScaler()]}),
    ],
    ids=["other train rows", "lambdas", "bad output", "closures"],
)
@pytest.mark.parametrize("scoring", ["neg_log_loss", lambda *args: args[0].score(*args[1:])])
def test_transformers_of_all_sorts(steps, space, scoring):
    X, y = load_iris(return_X_y=True)
    ours, theirs = search_both(
        VectorizedGridSearchCV,
        GridSearchCV,
        Pipeline([*steps, ("mlp", classifier())]),
        {**space, "mlp__alpha": [0.1, 1.0]},
        X,
        y,
        cv=3,
        return_train_score=True,
        scoring=scoring,
        refit=False,
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


@pytest.mark.usefixtures("_all_stacked")
def test_texts_are_transformed_once_per_fold():
    texts = [word * (i % 3 + 1) for i, word in enumerate(["red apple ", "blue sky ", "green "] * 8)]
    y = np.arange(24) % 3
    pipeline = make_pipeline(TfidfVectorizer(), classifier())
    ours, theirs = search_both(
        VectorizedGridSearchCV,
        GridSearchCV,
        pipeline,
        {"deepmlpclassifier__alpha": [0.1, 1.0]},
        texts,
        y,
        cv=3,
        scoring="neg_log_loss",
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_a_scorer_that_spoils_its_rows_spoils_no_others():
    X, y = data("classes")

    def rude(estimator, X, y):
        score = estimator.score(X, y)
        X[:] = 0
        return score

    ours, theirs = search_both(
        VectorizedGridSearchCV, GridSearchCV, classifier(), {"alpha": [0.1, 1.0]}, X, y, cv=3,
        scoring=rude,
    )  # fmt: skip
    assert_same_results(ours.cv_results_, theirs.cv_results_)


@pytest.mark.usefixtures("_all_stacked")
def test_estimators_as_values_share_a_stack():
    X, y = data("classes")
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", classifier())])
    space = {"mlp": [classifier(alpha=0.1), classifier(alpha=1.0)]}
    ours, theirs = search_both(VectorizedGridSearchCV, GridSearchCV, pipeline, space, X, y, cv=3)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_members_of_the_ensemble_share_no_transformer():
    X, y = data("classes")
    pipeline = make_pipeline(StandardScaler(), classifier())
    space = {"deepmlpclassifier__alpha": [0.1, 1.0]}
    ensemble = VectorizedGridSearchCV(pipeline, space, cv=2, keep_best=2).fit(X, y).ensemble_
    first, second = ensemble.estimators
    before = second.predict_proba(X)
    first.fit(X * 100, y)
    assert_array_equal(second.predict_proba(X), before)


def test_a_backend_without_generators():
    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=2)
    expected = search.fit(X, y).cv_results_
    with parallel_config(backend="multiprocessing", n_jobs=2):
        found = search.set_params(n_jobs=2).fit(X, y).cv_results_
    assert_same_results(found, expected)
