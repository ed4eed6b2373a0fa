"""The linear classifiers find the optimum that scikit-learn's LogisticRegression finds.

The objective is convex, so there is one answer to compare with. It comes from scikit-learn where
that converges tightly in little time, and from an oracle written out here everywhere: weights split
into positive and negative parts, which makes L1 smooth, and SciPy's L-BFGS-B.
"""

import functools

import numpy as np
import pytest
import scipy.sparse
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from skdeep import LogisticRegressionGD, SoftmaxClassifier
from skdeep._engine.solvers import STOCHASTIC_SOLVERS

LOADERS = {"breast_cancer": load_breast_cancer, "wine": load_wine, "digits": load_digits}
RATIOS = (0.0, 0.5, 1.0)
CLASSIFIERS = (LogisticRegressionGD, SoftmaxClassifier)
BOTH = pytest.mark.parametrize("Classifier", CLASSIFIERS)

# So strong a penalty leaves nothing to predict with.
hopeless = pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning")


@functools.cache
def dataset(name):
    X, y = LOADERS[name](return_X_y=True)
    return StandardScaler().fit_transform(X), y


@functools.cache
def weights_for(name, weighted):
    """Integer weights, some of them zero; None where unweighted."""
    n = dataset(name)[1].shape[0]
    return np.random.default_rng(0).integers(0, 4, n).astype(float) if weighted else None


def centred(intercept):
    return intercept - intercept.mean() if intercept.shape[0] > 1 else intercept


# -------------------------------------------------------------------------------- the oracle


def cost(X, y, coef, intercept, *, sample_weight=None, alpha=1.0, l1_ratio=0.0):
    """J as the documentation writes it, for one logit or one per class."""
    w = np.ones(X.shape[0]) if sample_weight is None else sample_weight
    z = X @ coef.T + intercept
    if z.shape[1] == 1:
        z = np.hstack([np.zeros_like(z), z])
    losses = -np.take_along_axis(log_softmax(z, axis=1), y[:, np.newaxis], axis=1)[:, 0]
    penalty = (1 - l1_ratio) / 2 * (coef**2).sum() + l1_ratio * np.abs(coef).sum()
    return (w @ losses + alpha * penalty) / w.sum()


@functools.cache
def optimum(name, l1_ratio, weighted, *, one_logit):
    """coef and intercept that minimise `cost`, with W = U − V and U, V ≥ 0."""
    (X, y), w = dataset(name), weights_for(name, weighted)
    w = np.ones(y.shape[0]) if w is None else w
    n_outputs = 1 if one_logit else y.max() + 1
    size, m = X.shape[1] * n_outputs, w.sum()
    targets = np.eye(y.max() + 1)[y][:, -n_outputs:]

    def unpack(theta):
        u, v, b = np.split(theta, [size, 2 * size])
        return u, v, (u - v).reshape(n_outputs, -1), b

    def value_and_gradient(theta):
        u, v, coef, b = unpack(theta)
        z = X @ coef.T + b
        p = expit(z) if one_logit else softmax(z, axis=1)
        dz = (p - targets) * (w / m)[:, np.newaxis]
        smooth = (dz.T @ X + (1 - l1_ratio) / m * coef).ravel()
        value = cost(X, y, coef, b, sample_weight=w, l1_ratio=l1_ratio)
        value += l1_ratio * ((u + v).sum() - np.abs(u - v).sum()) / m
        gradient = [smooth + l1_ratio / m, l1_ratio / m - smooth, dz.sum(axis=0)]
        return value, np.concatenate(gradient)

    result = minimize(
        value_and_gradient,
        np.zeros(2 * size + n_outputs),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * (2 * size) + [(None, None)] * n_outputs,
        options={"maxiter": 5000, "maxfun": 10000, "ftol": 1e-16, "gtol": 1e-10, "maxcor": 50},
    )
    _, _, coef, b = unpack(result.x)
    return coef, centred(b)


def reference_for(name, l1_ratio, weighted):
    """LogisticRegression at C=1, tightly converged."""
    settings = {"tol": 1e-10, "max_iter": 10_000}
    if l1_ratio == 0:
        settings["solver"] = "lbfgs" if name == "digits" else "newton-cholesky"
    else:
        settings |= {"solver": "saga", "l1_ratio": l1_ratio, "random_state": 0}
        if parse_version(sklearn.__version__) < parse_version("1.8"):
            settings["penalty"] = "elasticnet"
    X, y = dataset(name)
    return LogisticRegression(**settings).fit(X, y, weights_for(name, weighted))


# What scikit-learn can converge on within a second; saga needs minutes for the others.
QUICK = [
    (name, l1_ratio)
    for name in LOADERS
    for l1_ratio in RATIOS
    if l1_ratio == 0 or name == "wine" or (name, l1_ratio) == ("breast_cancer", 0.5)
]


@functools.cache
def fitted(Classifier, name, l1_ratio, weighted):
    model = Classifier(alpha=1.0, l1_ratio=l1_ratio, tol=1e-8)
    return model.fit(*dataset(name), weights_for(name, weighted))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "l1_ratio"), QUICK)
def test_scikit_learn_finds_the_same_optimum(name, l1_ratio, weighted):
    reference = reference_for(name, l1_ratio, weighted)
    model = fitted(LogisticRegressionGD, name, l1_ratio, weighted)
    assert_allclose(model.coef_, reference.coef_, rtol=0, atol=1e-4)
    assert_allclose(model.intercept_, centred(reference.intercept_), rtol=0, atol=1e-4)
    # The oracle, which the tests below rely on, is the third that agrees.
    coef, intercept = optimum(name, l1_ratio, weighted, one_logit=name == "breast_cancer")
    assert_allclose(coef, reference.coef_, rtol=0, atol=5e-5)
    assert_allclose(intercept, centred(reference.intercept_), rtol=0, atol=5e-5)


# ------------------------------------------------------------------------------- the optimum


# For three classes and more the two are the same model (the test after this one), so that each of
# digits' slow fits is one of them.
CASES = [
    (Classifier, name, l1_ratio, weighted)
    for Classifier in CLASSIFIERS
    for name in LOADERS
    for l1_ratio in RATIOS
    for weighted in (False, True)
    if name != "digits" or Classifier is LogisticRegressionGD
]


@pytest.mark.parametrize(("Classifier", "name", "l1_ratio", "weighted"), CASES)
def test_finds_the_optimum(Classifier, name, l1_ratio, weighted):
    (X, y), w = dataset(name), weights_for(name, weighted)
    one_logit = Classifier is LogisticRegressionGD and y.max() == 1
    coef, intercept = optimum(name, l1_ratio, weighted, one_logit=one_logit)
    model = fitted(Classifier, name, l1_ratio, weighted)

    given = {"sample_weight": w, "l1_ratio": l1_ratio}
    best = cost(X, y, coef, intercept, **given)
    reached = cost(X, y, model.coef_, model.intercept_, **given)
    assert reached == pytest.approx(best, rel=1e-8)
    expected = optimum_probabilities(X, coef, intercept)
    assert_allclose(model.predict_proba(X), expected, rtol=0, atol=1e-4)
    unique = l1_ratio < 1 or one_logit or name == "wine"
    if unique:
        assert_allclose(model.coef_, coef, rtol=0, atol=1e-4)
        assert_allclose(model.intercept_, intercept, rtol=0, atol=1e-4)


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_of_more_than_two_classes_both_are_the_same_model(l1_ratio):
    logistic, soft = (fitted(C, "wine", l1_ratio, False) for C in CLASSIFIERS)
    assert_array_equal(logistic.coef_, soft.coef_)
    assert_array_equal(logistic.intercept_, soft.intercept_)


def optimum_probabilities(X, coef, intercept):
    z = X @ coef.T + intercept
    return softmax(np.hstack([np.zeros_like(z), z]) if z.shape[1] == 1 else z, axis=1)


@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize("name", LOADERS)
def test_defaults_come_close(name, l1_ratio):
    X, y = dataset(name)
    coef, intercept = optimum(name, l1_ratio, False, one_logit=name == "breast_cancer")
    model = LogisticRegressionGD(l1_ratio=l1_ratio).fit(X, y)
    if (name, l1_ratio) != ("digits", 1.0):
        assert_allclose(model.coef_, coef, rtol=0, atol=1e-2)
        assert_allclose(model.intercept_, intercept, rtol=0, atol=1e-2)
    expected = optimum_probabilities(X, coef, intercept).argmax(axis=1)
    assert (model.predict(X) == expected).mean() >= 0.995


@pytest.mark.parametrize(("l1_ratio", "factor"), [(0.0, 2.0), (1.0, 1.0)])
def test_softmax_of_two_classes_is_logistic(l1_ratio, factor):
    # |w₁|² + |w₀|² is smallest, for a given difference, at half of its square; |w₁| + |w₀| equals
    # its absolute value.
    X, y = dataset("breast_cancer")
    coef, intercept = optimum("breast_cancer", l1_ratio, False, one_logit=True)
    model = SoftmaxClassifier(alpha=factor, l1_ratio=l1_ratio, tol=1e-8).fit(X, y)
    assert model.coef_.shape == (2, X.shape[1])
    assert_allclose(model.coef_[1] - model.coef_[0], coef[0], rtol=0, atol=1e-4)
    assert_allclose(model.intercept_[1] - model.intercept_[0], intercept[0], rtol=0, atol=1e-4)
    assert_allclose(model.decision_function(X), X @ coef[0] + intercept[0], rtol=0, atol=1e-3)


@pytest.mark.parametrize("C", [0.01, 10.0])
def test_alpha_is_one_over_C(C):
    X, y = dataset("wine")
    reference = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-10).fit(X, y)
    model = LogisticRegressionGD(alpha=1 / C, tol=1e-8).fit(X, y)
    assert_allclose(model.coef_, reference.coef_, rtol=0, atol=1e-4)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 5.0, 2: 0.5}])
def test_class_weight(class_weight):
    X, y = dataset("wine")
    settings = {"class_weight": class_weight}
    reference = LogisticRegression(solver="newton-cholesky", tol=1e-10, **settings).fit(X, y)
    model = LogisticRegressionGD(tol=1e-8, **settings).fit(X, y)
    assert_allclose(model.coef_, reference.coef_, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["breast_cancer", "wine"])
def test_without_intercept(name):
    X, y = dataset(name)
    settings = {"fit_intercept": False}
    reference = LogisticRegression(solver="lbfgs", tol=1e-10, max_iter=5000, **settings).fit(X, y)
    model = LogisticRegressionGD(tol=1e-8, **settings).fit(X, y)
    assert_allclose(model.coef_, reference.coef_, rtol=0, atol=1e-4)
    assert_array_equal(model.intercept_, np.zeros(model.coef_.shape[0]))


# ---------------------------------------------------------------------------- small made data


@pytest.fixture(params=[2, 3], ids=["two classes", "three classes"])
def small(request):
    return make_small(request.param)


def make_small(n_classes=2):
    X, y = make_classification(
        60, 5, n_informative=4, n_redundant=0, n_classes=n_classes, random_state=0
    )
    return X, y


@BOTH
def test_plain_loop_is_the_courses(Classifier, small):
    # w -= lr * dw, b -= lr * db, both from zero, written out.
    X, y = small
    alpha, rate, m = 0.7, 0.3, X.shape[0]
    one_logit = Classifier is LogisticRegressionGD and y.max() == 1
    targets = y[:, np.newaxis] if one_logit else np.eye(y.max() + 1)[y]
    w, b = np.zeros((X.shape[1], targets.shape[1])), np.zeros(targets.shape[1])
    costs = []
    for _ in range(20):
        costs.append(cost(X, y, w.T, b, alpha=alpha))
        z = X @ w + b
        dz = (expit(z) if one_logit else softmax(z, axis=1)) - targets
        dw = X.T @ dz / m + alpha / m * w
        db = dz.sum(axis=0) / m
        w -= rate * dw
        b -= rate * db

    model = Classifier(alpha, learning_rate_init=rate, momentum=0, max_iter=20, tol=0)
    with pytest.warns(ConvergenceWarning, match="gd did not converge"):
        model.fit(X, y)
    assert_allclose(model.coef_, w.T, rtol=0, atol=1e-12)
    assert_allclose(model.intercept_, centred(b), rtol=0, atol=1e-12)
    assert_allclose(model.loss_curve_, costs, rtol=0, atol=1e-12)
    assert model.n_iter_ == 20


@BOTH
@pytest.mark.parametrize(
    "settings",
    [
        {"momentum": 0},
        {"nesterovs_momentum": False},
        {"momentum": 0.5},
        {"learning_rate_init": 0.05, "max_iter": 20_000},
        {"solver": "lbfgs"},
    ],
    ids=str,
)
def test_every_full_batch_solver_finds_the_same(Classifier, settings, small):
    X, y = small
    expected = Classifier(tol=1e-9).fit(X, y)
    model = Classifier(tol=1e-9, **settings).fit(X, y)
    assert_allclose(model.coef_, expected.coef_, rtol=0, atol=1e-6)
    assert_allclose(model.intercept_, expected.intercept_, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("solver", "rate"),
    [("sgd", 0.3), ("rmsprop", 0.1), ("adam", 0.1), ("adamw", 0.1), ("nadam", 0.1)],
)
def test_stochastic_solvers_approach_the_optimum(solver, rate, small):
    X, y = small
    # adamw has no L2 in J, so it is compared without; then coefficients of softmax are not unique.
    alpha = 0.0 if solver == "adamw" else 1.0
    expected = LogisticRegressionGD(alpha, tol=1e-9).fit(X, y)
    model = LogisticRegressionGD(
        alpha, solver=solver, learning_rate_init=rate, learning_rate="sqrt", max_iter=500, tol=0
    )
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        model.set_params(n_iter_no_change=np.inf).fit(X, y)
    assert_allclose(model.predict_proba(X), expected.predict_proba(X), rtol=0, atol=2e-2)


@BOTH
def test_intercepts_of_a_softmax_are_centred(Classifier):
    model = Classifier().fit(*make_small(3))
    assert np.ptp(model.intercept_) > 0.1
    assert model.intercept_.sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("solver", ["gd", "lbfgs"])
@BOTH
def test_sparse_equals_dense(Classifier, solver, small):
    X, y = small
    X = np.where(np.abs(X) < 0.5, 0, X)
    dense = Classifier(solver=solver, tol=1e-8).fit(X, y)
    for container in (scipy.sparse.csr_matrix, scipy.sparse.csr_array, scipy.sparse.csc_array):
        model = Classifier(solver=solver, tol=1e-8).fit(container(X), y)
        assert_allclose(model.coef_, dense.coef_, rtol=0, atol=1e-6)
        assert_allclose(model.predict_proba(container(X)), dense.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"l1_ratio": 0.5}, {"solver": "lbfgs"}], ids=str)
@BOTH
def test_an_integer_weight_is_that_many_copies(Classifier, settings, small):
    X, y = small
    w = np.random.default_rng(1).integers(0, 4, y.shape[0])
    weighted = Classifier(tol=1e-9, **settings).fit(X, y, w)
    copied = Classifier(tol=1e-9, **settings).fit(X.repeat(w, axis=0), y.repeat(w))
    assert_allclose(weighted.coef_, copied.coef_, rtol=0, atol=1e-6)
    assert weighted.loss_curve_[-1] == pytest.approx(copied.loss_curve_[-1], abs=1e-9)


@hopeless
@BOTH
def test_l1_makes_exact_zeros_and_enough_of_it_nothing_else(Classifier, small):
    X, y = small
    some = Classifier(alpha=5.0, l1_ratio=1.0).fit(X, y)
    assert 0 < (some.coef_ == 0).sum() < some.coef_.size
    # At W = 0 the optimum's gradient is Xᵀ(p − y)/m with p the classes' shares.
    targets = np.eye(y.max() + 1)[y]
    largest = np.abs(X.T @ (targets.mean(axis=0) - targets)).max()
    assert_array_equal(Classifier(1.001 * largest, 1.0).fit(X, y).coef_, 0)
    assert np.any(Classifier(0.99 * largest, 1.0).fit(X, y).coef_ != 0)


@hopeless
@pytest.mark.parametrize("solver", STOCHASTIC_SOLVERS)
def test_stochastic_l1_makes_exact_zeros(solver):
    X, y = make_small()
    model = LogisticRegressionGD(
        alpha=40.0, l1_ratio=1.0, solver=solver, learning_rate_init=0.05, max_iter=50
    )
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        model.set_params(tol=0, n_iter_no_change=np.inf).fit(X, y)
    assert_array_equal(model.coef_, 0)


@BOTH
def test_sparsify_and_densify(Classifier, small):
    X, y = small
    model = Classifier(alpha=5.0, l1_ratio=1.0).fit(X, y)
    coef, expected = model.coef_.copy(), model.predict_proba(X)
    assert model.sparsify() is model
    assert scipy.sparse.issparse(model.coef_)
    assert model.coef_.nnz == (coef != 0).sum()
    assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
    assert_allclose(model.predict_proba(scipy.sparse.csr_array(X)), expected, rtol=1e-12)
    assert model.densify() is model
    assert_array_equal(model.coef_, coef)
    assert_array_equal(model.densify().coef_, coef)


def test_fitted_attributes(small):
    X, y = small
    labels = np.array(["a", "b", "c"])[y]
    for Classifier in CLASSIFIERS:
        model = Classifier().fit(X, labels)
        n_classes = y.max() + 1
        n_outputs = 1 if Classifier is LogisticRegressionGD and n_classes == 2 else n_classes
        assert_array_equal(model.classes_, ["a", "b", "c"][:n_classes])
        assert model.coef_.shape == (n_outputs, X.shape[1])
        assert model.intercept_.shape == (n_outputs,)
        assert len(model.loss_curve_) == model.n_iter_
        assert model.n_features_in_ == X.shape[1]
        z = X @ model.coef_.T + model.intercept_
        if n_classes == 2:
            z = z[:, -1] - z[:, 0] if n_outputs == 2 else z[:, 0]
        assert_allclose(model.decision_function(X), z, atol=1e-10)
        assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X), rtol=1e-10)
        assert_array_equal(model.classes_[model.predict_proba(X).argmax(1)], model.predict(X))


# ------------------------------------------------------------------------ warnings and errors


def test_float32_says_what_it_cannot_reach(small):
    X, y = small
    with pytest.warns(ConvergenceWarning, match=r"float32 cannot resolve .* tol=1e-12"):
        model = LogisticRegressionGD(tol=1e-12).fit(X.astype(np.float32), y)
    assert model.coef_.dtype == np.float32
    expected = LogisticRegressionGD(tol=1e-8).fit(X, y)
    assert_allclose(model.coef_, expected.coef_, rtol=0, atol=1e-3)
    # The remedies that the warning names.
    LogisticRegressionGD(tol=1e-5).fit(X.astype(np.float32), y)
    LogisticRegressionGD(tol=1e-10, dtype="float64").fit(X.astype(np.float32), y)


@pytest.mark.parametrize("settings", [{}, {"momentum": 0}], ids=str)
def test_too_few_iterations_are_told(settings, small):
    with pytest.warns(ConvergenceWarning, match=r"tol=1e-06 in max_iter=3 iterations"):
        model = LogisticRegressionGD(max_iter=3, **settings).fit(*small)
    assert model.n_iter_ == 3


def test_unscaled_data_are_told_to_be_scaled():
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="Scale X"):
        LogisticRegressionGD(max_iter=50).fit(X, y)


@BOTH
def test_lbfgs_with_l1_is_an_error(Classifier, small):
    with pytest.raises(ValueError, match=r"solver='lbfgs'.* l1_ratio must be 0, got l1_ratio=0.5"):
        Classifier(solver="lbfgs", l1_ratio=0.5).fit(*small)


@pytest.mark.parametrize("solver", ["gd", "lbfgs", "adam"])
@BOTH
def test_one_class_is_an_error(Classifier, solver, small):
    X, _ = small
    with pytest.raises(ValueError, match=r"at least 2 classes .* got 1 class: .*'only'"):
        Classifier(solver=solver).fit(X, np.full(X.shape[0], "only"))


@BOTH
def test_indicator_matrix_is_an_error(Classifier, small):
    X, _ = small
    Y = np.random.default_rng(0).integers(0, 2, (X.shape[0], 3))
    with pytest.raises(ValueError, match=r"one class per row"):
        Classifier().fit(X, Y)


def test_partial_fit_is_for_the_stochastic_solvers():
    for solver in ("gd", "lbfgs"):
        assert not hasattr(LogisticRegressionGD(solver=solver), "partial_fit")
    for solver in STOCHASTIC_SOLVERS:
        assert hasattr(LogisticRegressionGD(solver=solver), "partial_fit")


# ------------------------------------------------------------------------- stability at scale


def test_far_logits_stay_exact():
    X = np.array([[-1000.0], [1000.0]] * 5)
    model = LogisticRegressionGD(tol=1e-4).fit(X, np.array([0, 1] * 5))
    assert model.coef_[0, 0] * 1e6 > 1e3
    log_p = model.predict_log_proba(X * 1e3)
    assert np.all(np.isfinite(log_p[model.predict_proba(X * 1e3) > 0]))
    assert_array_equal(model.predict(X * 1e3), [0, 1] * 5)


def test_constant_column_is_harmless(small):
    X, y = small
    wider = np.hstack([X, np.zeros((X.shape[0], 1))])
    model, expected = (LogisticRegressionGD(tol=1e-9).fit(data, y) for data in (wider, X))
    assert_array_equal(model.coef_[:, -1], 0)
    assert_allclose(model.coef_[:, :-1], expected.coef_, atol=1e-7)


def test_early_stopping_and_a_dev_set(small):
    X, y = small
    model = LogisticRegressionGD(alpha=0.1).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert len(model.validation_scores_) == len(model.loss_curve_)
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[40:], y[40:]))
    stopped = LogisticRegressionGD(early_stopping=True, n_iter_no_change=3, random_state=0)
    stopped.fit(X, y)
    assert stopped.n_iter_ < 10_000
    assert stopped.best_validation_score_ == max(stopped.validation_scores_)
