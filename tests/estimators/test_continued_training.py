"""Training that continues is training that never stopped, to the last bit.

fit of a + b epochs = fit of a, then b calls of partial_fit = fit of a, then a warm-started fit of
b, with and without a pickle between: weights, optimizer, schedule, random streams and curves.
"""

import copy
import pickle
import threading
import warnings

import joblib
import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    SoftmaxClassifier,
)
from skdeep._engine.solvers import STOCHASTIC_SOLVERS as STOCHASTIC

DEEP = (DeepMLPClassifier, DeepMLPRegressor)
LINEAR = (LogisticRegressionGD, SoftmaxClassifier)
BEFORE, AFTER = 3, 4

# Every epoch runs; 23 rows make two batches of 8 and a rest of 7.
EVERY_EPOCH = {
    "tol": 0,
    "n_iter_no_change": np.inf,
    "batch_size": 8,
    "random_state": 0,
    "learning_rate_init": 0.05,
}
SMALL = {"hidden_layer_sizes": (6, 5)}

# Without decay_epochs a schedule's default is max_iter, which differs between the ways to train.
SCHEDULES = {
    "constant": {"learning_rate": "constant"},
    "invscaling": {"learning_rate": "invscaling", "power_t": 0.3},
    "adaptive": {"learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 1.0},
    "inverse_time": {"learning_rate": "inverse_time"},
    "sqrt": {"learning_rate": "sqrt"},
    "exponential": {"learning_rate": "exponential", "decay_rate": 0.7},
    "step": {"learning_rate": "step", "decay_epochs": 2},
    "cosine": {"learning_rate": "cosine", "decay_epochs": 9},
    "linear": {"learning_rate": "linear", "decay_epochs": 9},
    "flat_cosine": {"learning_rate": "flat_cosine", "decay_epochs": 9},
    "coslog4": {"learning_rate": "coslog4", "decay_epochs": 9},
}


def halving(epoch):
    """A schedule that is a function; pickle finds it by its name."""
    return 0.5**epoch


SCHEDULES["callable"] = {"learning_rate": halving}


def make_data(estimator, n_rows=23, *, dtype=np.float64, sparse=False):
    generator = np.random.default_rng(3)
    X = generator.normal(size=(n_rows, 4)).astype(dtype)
    y = X[:, 0] + 0.3 * generator.normal(size=n_rows)
    if is_classifier(estimator):
        y = np.digitize(y, [-0.5, 0.5])
    if sparse:
        X[np.abs(X) < 0.5] = 0
        X = scipy.sparse.csr_array(X)
    return X, y


def identity(model):
    return model


def through_pickle(model):
    return pickle.loads(pickle.dumps(model))


PICKLED = pytest.mark.parametrize("carry", [identity, through_pickle])


def fit(model, X, y, **kwargs):
    """Fit; that max_iter ends it is what these tests want."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, **kwargs)


def by_partial_fit(model, X, y, carry, **kwargs):
    model = carry(fit(clone(model).set_params(max_iter=BEFORE), X, y, **kwargs))
    for _ in range(AFTER):
        model = carry(model.partial_fit(X, y, **kwargs))
    return model


def by_warm_start(model, X, y, carry, **kwargs):
    first = clone(model).set_params(max_iter=BEFORE, warm_start=True)
    model = carry(fit(first, X, y, **kwargs))
    return fit(model.set_params(max_iter=AFTER), X, y, **kwargs)


def learnt(model):
    """All that training leaves in a model's public attributes, by name."""
    if isinstance(model, LINEAR):
        found = {"coef_": model.coef_, "intercept_": model.intercept_}
    else:
        found = {f"coefs_[{i}]": w for i, w in enumerate(model.coefs_)}
        found |= {f"intercepts_[{i}]": b for i, b in enumerate(model.intercepts_)}
    names = ("loss_curve_", "validation_loss_curve_", "validation_scores_", "t_", "best_epoch_")
    return found | {name: np.asarray(getattr(model, name)) for name in (*names, "loss_")}


def assert_same(model, expected, X):
    now, then = learnt(model), learnt(expected)
    assert now.keys() == then.keys()
    for name in then:
        assert now[name].dtype == then[name].dtype, name
        assert_array_equal(now[name], then[name], err_msg=name)
    # Predictions also read batch norm's running statistics.
    assert_array_equal(model.predict(X), expected.predict(X))
    if is_classifier(model):
        assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


def check_continues(model, X, y, carry=identity, **kwargs):
    whole = fit(clone(model).set_params(max_iter=BEFORE + AFTER), X, y, **kwargs)
    assert len(whole.loss_curve_) == BEFORE + AFTER
    assert_same(by_partial_fit(model, X, y, carry, **kwargs), whole, X)
    assert_same(by_warm_start(model, X, y, carry, **kwargs), whole, X)


# --------------------------------------------------------------------------- the same to the bit


@PICKLED
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("solver", STOCHASTIC)
@pytest.mark.parametrize("Estimator", DEEP)
def test_deep(Estimator, solver, dropout, batch_norm, dtype, carry):
    model = Estimator(solver=solver, dropout=dropout, batch_norm=batch_norm, **SMALL, **EVERY_EPOCH)
    X, y = make_data(model, dtype=dtype)
    check_continues(model, X, y, carry)


@PICKLED
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("solver", STOCHASTIC)
def test_schedules(solver, schedule, carry):
    settings = {**EVERY_EPOCH, "solver": solver, **SCHEDULES[schedule]}
    model = DeepMLPRegressor(dropout=0.2, batch_norm=True, **SMALL, **settings)
    check_continues(model, *make_data(model), carry)


@PICKLED
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("solver", STOCHASTIC)
@pytest.mark.parametrize("Estimator", LINEAR)
def test_linear(Estimator, solver, schedule, carry):
    model = Estimator(**{**EVERY_EPOCH, "solver": solver, **SCHEDULES[schedule]})
    check_continues(model, *make_data(model), carry)


def test_schedules_tell_their_epochs_apart():
    """Guards the tests above: a schedule that stood still would pass them."""
    ends = set()
    for schedule in SCHEDULES.values():
        model = LogisticRegressionGD(solver="sgd", max_iter=7, **{**EVERY_EPOCH, **schedule})
        ends.add(fit(model, *make_data(model)).coef_[0, 0])
    assert len(ends) == len(SCHEDULES)


@pytest.mark.parametrize(
    "settings",
    [
        {"shuffle": False},
        {"batch_size": "full"},
        {"input_dropout": 0.3},
        {"dropout": [0.5, 0.1], "batch_norm": True},
        {"dropout": [0.5, 0.1], "layer_norm": True},
        {"alpha": 1.0, "l1_ratio": 0.5},
        {"gradient_clip": 0.1},
        {"solver": "sgd", "momentum": 0.0},
        {"solver": "sgd", "nesterovs_momentum": False},
        {"hidden_layer_sizes": ()},
        {"dtype": "float32"},
        {"random_state": np.random.RandomState(5)},
    ],
    ids=lambda settings: ", ".join(settings),
)
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("Estimator", DEEP)
def test_other_settings(Estimator, sparse, settings):
    model = Estimator(**{**EVERY_EPOCH, **SMALL, **settings})
    check_continues(model, *make_data(model, sparse=sparse), through_pickle)


@pytest.mark.parametrize("Estimator", [*DEEP, *LINEAR])
def test_weighted(Estimator):
    model = Estimator(**{**EVERY_EPOCH, "solver": "adam"})
    X, y = make_data(model)
    check_continues(model, X, y, sample_weight=np.random.default_rng(0).integers(0, 3, y.shape[0]))


def test_class_weight_and_label_smoothing():
    model = DeepMLPClassifier(class_weight={0: 2, 1: 1, 2: 0.5}, label_smoothing=0.1, **EVERY_EPOCH)
    check_continues(model, *make_data(model), through_pickle)


def test_two_classes_and_many_labels():
    model = DeepMLPClassifier(dropout=0.2, **SMALL, **EVERY_EPOCH)
    X, y = make_data(model)
    check_continues(model, X, y > 0)
    check_continues(model, X, np.eye(3, dtype=int)[y])


@PICKLED
def test_adaptive_rate_falls_in_both_parts(carry):
    # A tol that no epoch can satisfy: the rate falls every second epoch.
    settings = {**EVERY_EPOCH, **SCHEDULES["adaptive"], **SMALL, "solver": "sgd"}
    model = DeepMLPRegressor(**settings)
    X, y = make_data(model)
    check_continues(model, X, y, carry)
    steady = fit(clone(model).set_params(max_iter=7, learning_rate="constant", tol=0), X, y)
    falling = fit(clone(model).set_params(max_iter=7), X, y)
    assert not np.array_equal(falling.coefs_[0], steady.coefs_[0])


@pytest.mark.parametrize("carry", [identity, through_pickle])
@pytest.mark.parametrize("settings", [{}, {"momentum": 0}, {"momentum": 0.5}], ids=str)
@pytest.mark.parametrize("Estimator", LINEAR)
def test_gd_continues_under_warm_start(Estimator, settings, carry):
    model = Estimator(tol=0, **settings)
    X, y = make_data(model)
    whole = fit(clone(model).set_params(max_iter=BEFORE + AFTER), X, y)
    assert_same(by_warm_start(model, X, y, carry), whole, X)


@pytest.mark.parametrize("copier", [copy.deepcopy, through_pickle])
def test_a_copy_goes_its_own_way(copier):
    model = DeepMLPClassifier(batch_norm=True, dropout=0.2, max_iter=BEFORE, **SMALL, **EVERY_EPOCH)
    X, y = make_data(model)
    fit(model, X, y)
    before, probabilities = copy.deepcopy(learnt(model)), model.predict_proba(X)
    other = copier(model)
    assert_array_equal(other.predict_proba(X), probabilities)
    other.partial_fit(X, y)
    assert not np.array_equal(other.coefs_[0], model.coefs_[0])
    for name, value in before.items():
        assert_array_equal(learnt(model)[name], value, err_msg=name)
    assert_array_equal(model.predict_proba(X), probabilities)


def test_partial_fit_alone_is_fit():
    model = DeepMLPClassifier(dropout=0.3, batch_norm=True, **SMALL, **EVERY_EPOCH)
    X, y = make_data(model)
    whole = fit(clone(model).set_params(max_iter=4), X, y)
    for _ in range(4):
        model.partial_fit(X, y, classes=[2, 1, 0])
    assert_same(model, whole, X)


def test_watching_a_dev_set_changes_no_weight_and_continues():
    model = DeepMLPClassifier(dropout=0.3, warm_start=True, **SMALL, **EVERY_EPOCH)
    X, y = make_data(model, 40)
    dev = {"X_val": X[23:], "y_val": y[23:]}
    X, y = X[:23], y[:23]
    whole = fit(clone(model).set_params(max_iter=BEFORE + AFTER), X, y, **dev)
    unwatched = fit(clone(model).set_params(max_iter=BEFORE + AFTER), X, y)
    assert_array_equal(whole.coefs_[0], unwatched.coefs_[0])
    assert_same(by_warm_start(model, X, y, through_pickle, **dev), whole, X)


SEEN = []


def remembering(estimator, X, y):
    """A scorer that tells which rows were held out."""
    SEEN.append(X.copy())
    return estimator.score(X, y)


def test_a_continued_fit_holds_out_the_same_rows_and_keeps_its_best_weights():
    settings = {"early_stopping": True, "validation_fraction": 0.3, "scoring": remembering}
    model = DeepMLPClassifier(warm_start=True, max_iter=5, **SMALL, **EVERY_EPOCH, **settings)
    X, y = make_data(model)
    SEEN.clear()
    best = fit(model, X, y).best_validation_score_
    # Steps this long make it worse, so the best of before is what has to come back.
    fit(model.set_params(learning_rate_init=5.0), X, y)
    assert len(SEEN) > 5
    for rows in SEEN:
        assert_array_equal(rows, SEEN[0])
    assert model.best_validation_score_ >= best
    dev = np.isin(X, SEEN[0]).all(axis=1)
    assert model.score(X[dev], y[dev]) == pytest.approx(model.best_validation_score_)


def test_a_second_fit_without_warm_start_starts_anew():
    model = DeepMLPClassifier(dropout=0.3, batch_norm=True, max_iter=3, **SMALL, **EVERY_EPOCH)
    X, y = make_data(model)
    first = copy.deepcopy(learnt(fit(model, X, y)))
    model.partial_fit(X, y)
    for name, value in learnt(fit(model, X, y)).items():
        assert_array_equal(value, first[name], err_msg=name)


def test_n_iter_counts_the_last_call_and_the_curve_all():
    # As scikit-learn's: n_iter_ is the iterations the solver has run; the curve goes on.
    model = DeepMLPClassifier(warm_start=True, max_iter=3, **SMALL, **EVERY_EPOCH)
    X, y = make_data(model)
    fit(fit(model, X, y), X, y)
    assert len(model.loss_curve_) == 6
    assert model.t_ == 6 * X.shape[0]


# ------------------------------------------------------------------------- the same seed again

CONFIGURATIONS = [
    DeepMLPClassifier(dropout=0.3, batch_norm=True, max_iter=4, **SMALL, **EVERY_EPOCH),
    DeepMLPClassifier(solver="lbfgs", max_iter=4, random_state=0, **SMALL),
    DeepMLPClassifier(
        early_stopping=True, max_iter=6, validation_fraction=0.3, **SMALL, **EVERY_EPOCH
    ),
    DeepMLPRegressor(input_dropout=0.3, solver="rmsprop", max_iter=4, **SMALL, **EVERY_EPOCH),
    LogisticRegressionGD(solver="sgd", max_iter=4, **EVERY_EPOCH),
    SoftmaxClassifier(max_iter=4),
]


def names(model):
    return f"{type(model).__name__}-{model.solver}-{model.early_stopping}"


@pytest.mark.parametrize("model", CONFIGURATIONS, ids=names)
def test_clone_refits_the_same(model):
    X, y = make_data(model)
    assert_same(fit(clone(model), X, y), fit(clone(model), X, y), X)


def test_another_seed_gives_another_model():
    model = CONFIGURATIONS[0]
    X, y = make_data(model)
    other = fit(clone(model).set_params(random_state=1), X, y)
    assert not np.array_equal(other.coefs_[0], fit(clone(model), X, y).coefs_[0])


def fit_on_one_blas_thread(model, X, y):
    with threadpool_limits(limits=1):
        return clone(model).fit(X, y)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_joblib_gives_the_same_numbers(backend):
    # Rows enough that BLAS would use its threads if it had them; a tol that is met at once.
    settings = {"dropout": 0.2, "tol": 10, "n_iter_no_change": 1}
    models = [DeepMLPClassifier(random_state=seed, **settings) for seed in (0, 1)]
    X, y = make_data(models[0], 400)
    jobs = [joblib.delayed(fit_on_one_blas_thread)(model, X, y) for model in models]
    with threadpool_limits(limits=1):
        expected = [model.fit(X, y) for model in models]
        found = joblib.Parallel(n_jobs=2, backend=backend)(jobs)
    for model, same in zip(found, expected, strict=True):
        assert model.n_iter_ > 1
        with threadpool_limits(limits=1):
            assert_same(model, same, X)


@pytest.mark.parametrize("model", CONFIGURATIONS[:1] + CONFIGURATIONS[3:5], ids=names)
def test_two_threads_may_predict_at_once(model):
    X, y = make_data(model)
    model = fit(clone(model), X, y)
    many = [np.tile(X, (repeats, 1)) for repeats in (40, 57)]
    start, expected, wrong = threading.Barrier(4), [], []

    def predict_often(which):
        start.wait()
        for _ in range(30):
            if not np.array_equal(model.predict(many[which]), expected[which]):
                wrong.append(which)

    threads = [threading.Thread(target=predict_often, args=(i % 2,)) for i in range(4)]
    with threadpool_limits(limits=1):
        expected.extend(model.predict(rows) for rows in many)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
