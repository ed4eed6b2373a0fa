"""The vectorized searches find what scikit-learn's find over the same skdeep estimators.

scikit-learn's search, which fits one candidate after the other, is the oracle: the same candidates,
folds and seeds must give the same `cv_results_`, whatever the candidates have in common.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import loguniform, randint, uniform
from searches import RATES, assert_same_results, classifier, data, regressor, search_both
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import LogisticRegressionGD, SoftmaxClassifier
from skdeep._engine.losses import REGRESSION_LOSSES
from skdeep._engine.solvers import STOCHASTIC_SOLVERS
from skdeep.estimators._callbacks import HAS_CALLBACKS
from skdeep.model_selection import VectorizedGridSearchCV, VectorizedRandomizedSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def noise(X_batch, y_batch, random_state):
    return X_batch + random_state.normal(scale=0.3, size=X_batch.shape), y_batch


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


# Configurations of which some candidates share no stack.
NOT_ALL_STACKED = {"lbfgs", "several solvers", "sparse, input dropout", "gradient descent"}


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
