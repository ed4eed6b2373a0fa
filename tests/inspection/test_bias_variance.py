"""bias_variance_report: the course's four cases, errors and intervals against oracles, advice."""

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from scipy.stats import binom
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    make_scorer,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier
from skdeep.inspection import _advice, _bias_variance, _bootstrap, bias_variance_report
from skdeep.model_selection import train_dev_test_split

CANCER = load_breast_cancer(return_X_y=True)


class Told(BaseEstimator):
    """A classifier that predicts its first column."""

    classes_ = np.array([0, 1])

    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.asarray(X)[:, 0].astype(int)

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier"
        return tags


def told(wrong, n):
    """Rows of which so many are predicted wrongly."""
    y = np.arange(n) % 2
    X = y.copy()
    X[:wrong] = 1 - X[:wrong]
    return X[:, None], y


def split(data, seed=0, **arguments):
    X_train, X_dev, _, y_train, y_dev, _ = train_dev_test_split(
        *data, random_state=seed, **arguments
    )
    return X_train, y_train, X_dev, y_dev


# -------------------------------------------------------------------------------------- diagnosis

COURSE = [
    (0.01, 0.11, 0.0, "high variance"),
    (0.15, 0.16, 0.0, "high bias"),
    (0.15, 0.30, 0.0, "high bias and high variance"),
    (0.005, 0.01, 0.0, "low bias and low variance"),
    # The same errors where 15 % cannot be avoided.
    (0.15, 0.16, 0.15, "low bias and low variance"),
    (0.15, 0.30, 0.15, "high variance"),
    # The larger gap is the one to work on.
    (0.08, 0.10, 0.01, "high bias"),
    (0.08, 0.10, 0.075, "high variance"),
    # Better on dev than on train, or than the base.
    (0.30, 0.20, 0.0, "high bias"),
    (0.01, 0.20, 0.10, "high variance"),
    (0.0, 0.0, 0.0, "low bias and low variance"),
]


@pytest.mark.parametrize(("train", "dev", "base", "expected"), COURSE)
def test_the_courses_table(train, dev, base, expected):
    assert _bias_variance.diagnose(*_bias_variance.find_large(train, dev, base)) == expected


@pytest.mark.parametrize(("train", "dev", "base", "expected"), COURSE)
def test_the_courses_table_from_predictions(train, dev, base, expected):
    result = bias_variance_report(
        Told(),
        *told(round(train * 4000), 4000),
        *told(round(dev * 4000), 4000),
        base_error=base,
        n_bootstrap=200,
        random_state=0,
    )
    assert result.diagnosis == expected
    assert (result.high_bias, result.high_variance) == (
        "high bias" in expected,
        "high variance" in expected,
    )
    assert result.avoidable_bias == pytest.approx(train - base)
    assert result.variance == pytest.approx(dev - train)


def test_the_tolerance_is_where_high_begins():
    assert _bias_variance.find_large(0.019, 0.019) == (False, False)
    assert _bias_variance.find_large(0.02, 0.02) == (True, False)
    assert _bias_variance.find_large(0.16, 0.18, 0.14) == (True, True)
    assert _bias_variance.find_large(0.02, 0.02, tolerance=0.03) == (False, False)


def test_a_gap_not_clear_of_zero_is_not_called_high():
    result = bias_variance_report(Told(), *told(1, 100), *told(2, 20), random_state=0)
    assert result.variance == pytest.approx(0.09)
    assert result.intervals["variance"][0] <= 0
    assert result.diagnosis == "low bias and low variance"
    assert "variance: 9.0 % is not clear of 0 on 20 rows -> measure it on more" in result.advice
    more = bias_variance_report(Told(), *told(10, 1000), *told(100, 1000), random_state=0)
    assert more.high_variance


# ------------------------------------------------------------------------------- real estimators


def test_a_tiny_network_has_high_bias():
    X, y = load_digits(return_X_y=True)
    train_dev = split((X, y))
    model = make_pipeline(StandardScaler(), DeepMLPClassifier((2,), max_iter=20, random_state=0))
    with pytest.warns(ConvergenceWarning):
        model.fit(*train_dev[:2])
    result = bias_variance_report(model, *train_dev, random_state=0)
    assert result.diagnosis == "high bias"
    prefix = "bias: deepmlpclassifier__"
    assert result.advice[0] == f"{prefix}hidden_layer_sizes=(2,) -> try wider or deeper"
    assert result.advice[1] == (
        f"{prefix}max_iter=20 (the last call ended after n_iter_=20: not converged) -> raise"
    )
    assert result.advice[2].startswith(f"{prefix}solver='adam', ")
    # What holds nothing back is not to be lowered.
    assert not any(word in line for line in result.advice for word in ("alpha", "dropout"))
    assert not any("variance" in line for line in result.advice)


def test_a_large_network_on_few_rows_has_high_variance():
    X, y = load_digits(return_X_y=True)
    model = DeepMLPClassifier((200,), solver="lbfgs", random_state=0).fit(X[:60], y[:60])
    result = bias_variance_report(model, X[:60], y[:60], X[60:], y[60:], random_state=0)
    assert result.train_error == 0
    assert result.diagnosis == "high variance"
    assert result.advice[0] == "variance: n_train=60 rows -> get more, of the same distribution"
    assert result.advice[1] == "variance: alpha=0.0001 -> raise, on a log scale"
    assert "dropout=0.0 -> try 0.2 to 0.5 (takes a stochastic solver)" in result.advice[2]
    assert "early_stopping=False -> try True" in result.advice[3]
    assert result.advice[4].endswith("for images, augment them (takes a stochastic solver)")
    assert "hidden_layer_sizes=(200,) -> try narrower" in result.advice[5]


def test_bias_comes_before_variance():
    result = bias_variance_report(
        Told(), *told(300, 2000), *told(600, 2000), n_bootstrap=100, random_state=0
    )
    headings = [line.split(":")[0] for line in result.advice]
    assert headings == ["bias"] * 3 + ["variance, once bias is low"] * 4
    assert "a more flexible model" in result.advice[0]


@pytest.mark.parametrize("linear", [LogisticRegressionGD, SoftmaxClassifier])
def test_a_linear_model_is_told_of_networks(linear):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = (X[:, 0] * (X[:, 1] + 0.5) > 0).astype(int)
    model = linear().fit(X[:200], y[:200])
    result = bias_variance_report(model, X[:200], y[:200], X[200:], y[200:], random_state=0)
    assert result.high_bias
    assert f"{linear.__name__} is linear in X -> try DeepMLPClassifier" in result.advice[0]
    assert "tol=1e-06 (the last call ended after n_iter_=" in result.advice[1]
    assert "solver='gd'" in result.advice[2]
    assert not any("dropout" in line or "hidden_layer" in line for line in result.advice)


def test_advice_finds_the_network_within_other_estimators():
    X, y = load_diabetes(return_X_y=True)
    network = DeepMLPRegressor(
        hidden_layer_sizes=(3,), solver="lbfgs", alpha=20, max_iter=5000, random_state=0
    )
    model = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), network), transformer=StandardScaler()
    )
    search = GridSearchCV(model, {"regressor__deepmlpregressor__alpha": [20]}, cv=2)
    search.fit(X[:300], y[:300])
    result = bias_variance_report(search, X[:300], y[:300], X[300:], y[300:], random_state=0)
    assert result.estimator == "GridSearchCV"
    assert result.high_bias
    prefix = "bias: estimator__regressor__deepmlpregressor__"
    assert result.advice[0].startswith(f"{prefix}hidden_layer_sizes=(3,)")
    assert f"{prefix}alpha=20 -> lower" in result.advice
    search.set_params(estimator__regressor__deepmlpregressor__alpha=2)


@pytest.mark.parametrize("solver", ["gd", "lbfgs", "sgd", "adam"])
def test_augmentation_is_advised_with_a_solver_that_takes_it(solver):
    X, y = load_digits(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = SoftmaxClassifier(solver=solver, max_iter=2, random_state=0).fit(X, y)
    advice = next(line for line in _advice.against_variance(model, "") if "augment" in line)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(augment=lambda X, y, random_state: (X, y)).fit(X, y)
    except ValueError:
        assert advice.endswith("(takes a stochastic solver)")
    else:
        assert advice.endswith("augment them")


def test_early_stopping_and_dropout_are_seen():
    X, y = CANCER
    model = DeepMLPClassifier(
        (4,),
        early_stopping=True,
        n_iter_no_change=2,
        dropout=[0.5],
        batch_norm=True,
        random_state=0,
    ).fit(X, y)
    assert model.n_iter_ < 200
    lines = _advice.advise(model, True, True, 100)
    assert "bias: early_stopping=True, n_iter_no_change=2 (the last call ended" in lines[1]
    assert "bias: dropout=[0.5] -> lower" in lines
    assert not any("batch_norm" in line for line in lines)
    assert not any("early_stopping" in line for line in lines if line.startswith("variance"))


def test_nothing_to_mend():
    result = bias_variance_report(Told(), *told(5, 1000), *told(10, 1000), random_state=0)
    assert result.advice == ["nothing to mend -> judge it on the test set"]
    better = bias_variance_report(
        Told(), *told(5, 1000), *told(10, 1000), base_error=0.05, random_state=0
    )
    assert "train error is below base_error" in better.advice[0]


# ------------------------------------------------------------------------------ errors, intervals


def check_error(result, part, expected):
    assert getattr(result, f"{part}_error") == pytest.approx(expected, abs=1e-12)
    low, high = result.intervals[f"{part}_error"]
    assert low <= expected <= high


def test_the_interval_of_an_error_rate_is_the_binomial_one():
    n, wrong = 400, 60
    result = bias_variance_report(
        Told(), *told(wrong, n), *told(wrong, n), n_bootstrap=20_000, confidence=0.9, random_state=0
    )
    expected = binom.ppf([0.05, 0.95], n, wrong / n) / n
    np.testing.assert_allclose(result.intervals["train_error"], expected, atol=1.1 / n)
    np.testing.assert_allclose(result.intervals["avoidable_bias"], expected, atol=1.1 / n)
    spread = 1.645 * np.sqrt(2 * 0.15 * 0.85 / n)
    np.testing.assert_allclose(result.intervals["variance"], [-spread, spread], atol=2.1 / n)
    wider = bias_variance_report(
        Told(), *told(wrong, n), *told(wrong, n), confidence=0.99, base_error=0.1, random_state=0
    )
    assert wider.intervals["dev_error"][0] < result.intervals["dev_error"][0]
    np.testing.assert_allclose(
        np.subtract(wider.intervals["train_error"], 0.1), wider.intervals["avoidable_bias"]
    )


WEIGHTS = np.random.default_rng(0).uniform(0.5, 2, 442)
DIABETES = load_diabetes(return_X_y=True)
TWO_OUTPUTS = np.column_stack([DIABETES[1], np.sqrt(DIABETES[1]) + DIABETES[0][:, 0]])


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("y", [DIABETES[1], TWO_OUTPUTS], ids=["one output", "two outputs"])
def test_sums_give_the_intervals_that_the_scores_give(y, weights):
    X = DIABETES[0]
    model = LinearRegression().fit(X[:200], y[:200])
    w, w_dev = (None, None) if weights is None else (weights[:200], weights[200:])
    arguments = {"sample_weight": w, "sample_weight_dev": w_dev, "random_state": 0}
    data = (X[:200], y[:200], X[200:], y[200:])
    fast = bias_variance_report(model, *data, **arguments)
    slow = bias_variance_report(model, *data, metric="r2", n_bootstrap=200, **arguments)
    assert fast.metric == "1 - R²"
    check_error(fast, "train", 1 - r2_score(y[:200], model.predict(X[:200]), sample_weight=w))
    check_error(fast, "dev", 1 - r2_score(y[200:], model.predict(X[200:]), sample_weight=w_dev))
    for name, interval in fast.intervals.items():
        np.testing.assert_allclose(interval, slow.intervals[name], atol=0.05)


class Echo(BaseEstimator):
    """A regressor that predicts its columns."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return X

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor"
        return tags


@pytest.mark.parametrize("off", [0.0, 0.25])
@pytest.mark.parametrize("varies", [(), (0,), (1,)], ids=["none", "first", "second"])
@pytest.mark.parametrize("part", ["train", "dev"])
def test_a_constant_output_counts_as_in_scikit_learn(part, varies, off):
    rng = np.random.default_rng(0)
    varying = rng.normal(size=(50, 2))
    y = np.full((50, 2), 0.5)
    y[:, varies] = varying[:, varies]
    data = {"X_train": varying, "y_train": varying, "X_dev": varying, "y_dev": varying}
    data |= {f"X_{part}": y + off, f"y_{part}": y}
    result = bias_variance_report(Echo(), **data, random_state=0)
    check_error(result, part, 1 - r2_score(y, y + off))
    slow = bias_variance_report(Echo(), **data, metric="r2", n_bootstrap=200, random_state=0)
    for name, interval in result.intervals.items():
        np.testing.assert_allclose(interval, slow.intervals[name], atol=0.02)


@pytest.mark.parametrize("n_rows", [7, 50, 1000])
def test_rounding_does_not_make_a_constant_vary(n_rows):
    y = np.full((n_rows, 1), 0.1)
    result = bias_variance_report(Echo(), y, y, y + 1, y, random_state=0)
    assert (result.train_error, result.dev_error) == (0, 1)
    assert result.intervals["dev_error"] == (1, 1)


def test_r2_takes_two_rows():
    X, y = DIABETES
    model = LinearRegression().fit(X, y)
    with pytest.raises(ValueError, match="needs at least 2 rows, got 1 in X_dev"):
        bias_variance_report(model, X, y, X[:1], y[:1])


def test_several_outputs_of_several_classes():
    X, y = load_digits(return_X_y=True)
    labels = np.column_stack([y, y // 3])
    model = KNeighborsClassifier().fit(X[:900], labels[:900])
    result = bias_variance_report(
        model, X[:900], labels[:900], X[900:], labels[900:], random_state=0
    )
    check_error(result, "dev", np.mean((model.predict(X[900:]) != labels[900:]).any(axis=1)))
    with pytest.raises(
        ValueError,
        match=r"y_train must have as many outputs as the estimator predicts \(2\), got 1",
    ):
        bias_variance_report(model, X[:900], y[:900], X[900:], y[900:])


def test_accuracy_by_sums_is_accuracy_by_scores():
    data = split(CANCER)
    model = DecisionTreeClassifier(max_depth=2).fit(*data[:2])
    weights = {"sample_weight": WEIGHTS[:341], "sample_weight_dev": WEIGHTS[:114]}
    fast = bias_variance_report(model, *data, **weights, random_state=0)
    slow = bias_variance_report(
        model, *data, **weights, metric="accuracy", n_bootstrap=300, random_state=0
    )
    expected = 1 - accuracy_score(
        data[3], model.predict(data[2]), sample_weight=weights["sample_weight_dev"]
    )
    check_error(fast, "dev", expected)
    check_error(slow, "dev", expected)
    for name, interval in fast.intervals.items():
        np.testing.assert_allclose(interval, slow.intervals[name], atol=0.02)


def test_several_labels_are_right_if_all_are():
    X, y = CANCER
    labels = np.column_stack([y, X[:, 0] > 14]).astype(int)
    model = KNeighborsClassifier().fit(X[:300], labels[:300])
    result = bias_variance_report(
        model, X[:300], labels[:300], X[300:], scipy.sparse.csr_array(labels[300:]), random_state=0
    )
    check_error(result, "dev", 1 - accuracy_score(labels[300:], model.predict(X[300:])))
    by_auc = bias_variance_report(
        model, X[:300], labels[:300], X[300:], labels[300:], metric="roc_auc", n_bootstrap=20
    )
    scores = np.column_stack([p[:, 1] for p in model.predict_proba(X[300:])])
    assert by_auc.dev_error == pytest.approx(1 - roc_auc_score(labels[300:], scores))


@pytest.mark.parametrize(
    ("metric", "name", "error"),
    [
        ("roc_auc", "1 - roc_auc", lambda m, X, y: 1 - roc_auc_score(y, m.predict_proba(X)[:, 1])),
        ("neg_log_loss", "log_loss", lambda m, X, y: log_loss(y, m.predict_proba(X))),
        (mean_absolute_error, "mean_absolute_error", lambda m, X, y: np.mean(y != m.predict(X))),
    ],
)
def test_metrics(metric, name, error):
    data = split(CANCER)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-4)).fit(*data[:2])
    result = bias_variance_report(model, *data, metric=metric, n_bootstrap=50, random_state=0)
    assert result.metric == name
    check_error(result, "train", error(model, *data[:2]))
    check_error(result, "dev", error(model, *data[2:]))
    assert name in str(result)
    assert ("%  [" in str(result)) == name.startswith("1 - ")


def test_resamples_without_an_error_are_left_out():
    X, y = told(2, 8)
    y = np.array([1, 0, 0, 0, 0, 0, 0, 0])
    model = LogisticRegression().fit(X + np.arange(8)[:, None] / 10, y)
    result = bias_variance_report(
        model, X, y, X, y, metric="roc_auc", n_bootstrap=50, random_state=0
    )
    assert np.isfinite(list(result.intervals.values())).all()

    def in_order(y_true, _):
        return 0.5 if (np.diff(y_true) >= 0).all() else np.nan

    y = np.arange(200)
    with pytest.raises(ValueError, match=r"finite on resamples .*, in_order is on 0 of 5 for"):
        bias_variance_report(Told(), X, X[:, 0] * 0, y[:, None], y, metric=in_order, n_bootstrap=5)


def test_frames_keep_their_names():
    data = load_breast_cancer(as_frame=True)
    X_train, y_train, X_dev, y_dev = split((data.data, data.target))
    model = DecisionTreeClassifier(random_state=0).fit(X_train, y_train)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as of names that are missing
        result = bias_variance_report(model, X_train, y_train, X_dev, y_dev, random_state=0)
        by_scorer = bias_variance_report(
            model, X_train, y_train, X_dev, y_dev, metric="roc_auc", n_bootstrap=20, random_state=0
        )
    assert result.high_variance
    assert by_scorer.train_error == 0
    words = pd.Series(np.array(["benign", "malignant"]))
    model.fit(X_train, words[y_train])
    named = bias_variance_report(model, X_train, words[y_train], X_dev, words[y_dev])
    assert named.dev_error == pytest.approx(result.dev_error, abs=0.05)


def test_predictions_are_made_once(monkeypatch):
    asked = []
    monkeypatch.setattr(
        Told, "predict", lambda self, X: asked.append(len(X)) or np.asarray(X)[:, 0]
    )
    for metric in (None, "accuracy", mean_absolute_error):
        asked.clear()
        bias_variance_report(
            Told(), *told(1, 30), *told(2, 20), metric=metric, n_bootstrap=20, random_state=0
        )
        assert asked == [30, 20]


def test_blocks_do_not_show(monkeypatch):
    X, y = DIABETES
    arguments = (LinearRegression().fit(X[:200], y[:200]), X[:200], y[:200], X[200:], y[200:])
    whole = bias_variance_report(*arguments, random_state=0)
    monkeypatch.setattr(_bootstrap, "BLOCK_ELEMENTS", 10_000)
    assert bias_variance_report(*arguments, random_state=0).intervals == whole.intervals


def test_the_seed_decides():
    data = (*told(10, 100), *told(20, 100))
    first, again, other = (
        bias_variance_report(Told(), *data, random_state=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first.intervals != other.intervals


# --------------------------------------------------------------------------------- result, errors


def test_the_result_reads_well():
    result = bias_variance_report(Told(), *told(10, 1000), *told(110, 1000), random_state=0)
    lines = str(result).splitlines()
    assert lines[0] == "Bias and variance of Told: 1 - accuracy, 95 % intervals"
    assert lines[1].split() == ["base", "error", "0.0", "%"]
    assert lines[2].split()[:4] == ["train", "error", "1.0", "%"]
    assert lines[2].endswith("(1000 rows)")
    assert lines[4].endswith("low")
    assert lines[5].endswith("high")
    assert lines[6] == "  high variance"
    assert lines[7].startswith("    1. variance: n_train=1000")
    assert max(map(len, lines)) <= 120
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.train_error = 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"base_error": np.nan}, "base_error must be a finite number, got nan"),
        ({"base_error": 15}, r"base_error must be in \[0, 1\], a share and not per cent, got 15"),
        ({"base_error": True}, "base_error must be a finite number, got True"),
        ({"tolerance": True}, "tolerance must be a finite number, got True"),
        ({"y_dev": np.full(20, np.nan)}, "y_dev must be finite, got NaN"),
        ({"y_dev": np.full(20, 0.5)}, "y_dev must hold class labels, got 0.5"),
        ({"tolerance": 0}, "tolerance must be a finite number > 0, got 0"),
        ({"n_bootstrap": 1}, "n_bootstrap must be an integer >= 2, got 1"),
        ({"confidence": 95}, r"confidence must be in \(0, 1\), got 95"),
        ({"metric": "mse"}, "metric must be a scorer's name.* got 'mse'"),
        ({"metric": "positive_likelihood_ratio"}, "best score of 0 or 1"),
        ({"metric": lambda y, p: np.nan}, "metric must be finite, got nan for <lambda>"),
        ({"y_train": np.ones(3)}, r"y_train must have one value per row of X_train \(30\)"),
        ({"y_dev": 1}, r"y_dev must have one value per row of X_dev \(20\), got shape \(\)"),
        ({"sample_weight": np.ones(3)}, r"sample_weight must have one value per row \(30\), got 3"),
        ({"sample_weight_dev": -np.ones(20)}, "sample_weight_dev must not be negative"),
        ({"y_dev": np.full(20, "a")}, "y_dev must hold labels like those .* got .*'a'"),
        ({"X_train": np.ones((0, 1)), "y_train": []}, "X_train must have at least one row"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    (X_train, y_train), (X_dev, y_dev) = told(1, 30), told(2, 20)
    data = {"X_train": X_train, "y_train": y_train, "X_dev": X_dev, "y_dev": y_dev}
    with pytest.raises(ValueError, match=message):
        bias_variance_report(Told(), **{**data, **arguments})


def test_wrong_kinds_are_refused():
    X, y = CANCER
    with pytest.raises(NotFittedError):
        bias_variance_report(Ridge(), X, y, X, y)
    search = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1]}, cv=2, refit=False).fit(X, y)
    for unable in (search, make_pipeline(StandardScaler(), search).fit(X, y)):
        with pytest.raises(
            TypeError, match=r"must have `predict`.* a search has it with refit=True"
        ):
            bias_variance_report(unable, X, y, X, y)
    clusters = KMeans(2, n_init=1).fit(X)
    with pytest.raises(TypeError, match="KMeans is neither a classifier nor a regressor"):
        bias_variance_report(clusters, X, y, X, y)
    for metric in (make_scorer(accuracy_score), 0.5):
        with pytest.raises(TypeError, match="metric must be a callable"):
            bias_variance_report(Told(), *told(1, 9), *told(1, 9), metric=metric)
