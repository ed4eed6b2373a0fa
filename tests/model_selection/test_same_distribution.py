"""check_same_distribution: it holds its level, finds shifts and names the columns they are in."""

import dataclasses

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from scipy.stats import binom, kstest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skdeep.model_selection import (
    SameDistributionResult,
    _kernel_classifier,
    check_same_distribution,
)

CANCER = load_breast_cancer(as_frame=True).data


def normal(seed, n_train=300, n_dev=200, n_features=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_train, n_features)), rng.normal(size=(n_dev, n_features))


def polars_frame(frame):
    return pl.DataFrame({name: [None if v is pd.NA else v for v in frame[name]] for name in frame})


def with_labels(frame, X):
    return frame.assign(
        town=pd.Series(np.rint(3 * X[:, 0]).astype(int)).map("town {}".format),
        kind=pd.Categorical(np.rint(X[:, 1])),
        rare=X[:, 2] > 1.5,
    )


def halves(X, seed=0):
    order = np.random.default_rng(seed).permutation(len(X))
    return X.iloc[order[: len(X) // 2]], X.iloc[order[len(X) // 2 :]]


# ---------------------------------------------------------------------------------- the statistics


@pytest.mark.parametrize("make", ["normal", "few values", "two columns", "labels"])
def test_p_values_are_uniform_on_one_distribution(make):
    p_values = []
    for seed in range(60):
        X_train, X_dev = normal(seed, 50, 30, 2 if make == "two columns" else 6)
        if make == "few values":
            X_train, X_dev = np.rint(X_train), np.rint(X_dev)
        if make == "labels":
            X_train, X_dev = (with_labels(pd.DataFrame(X[:, 3:]), X) for X in (X_train, X_dev))
        result = check_same_distribution(X_train, X_dev, n_permutations=99, random_state=seed)
        p_values.append(result.p_value)
    assert kstest(p_values, "uniform").pvalue > 0.001
    assert np.sum(np.array(p_values) <= 0.05) <= binom.ppf(0.999, 60, 0.05)


def shifted_mean(X, _):
    X[:, 3] += 0.7


def shifted_scale(X, _):
    X[:, 3] *= 2


def other_shape(X, rng):
    X[:, 3] = rng.choice([-1, 1], len(X)) * rng.uniform(0.9, 1.1, len(X))


def replaced_by_missing(X, rng):
    X[rng.random(len(X)) < 0.3, 3] = np.nan


@pytest.mark.parametrize("shift", [shifted_mean, shifted_scale, other_shape, replaced_by_missing])
@pytest.mark.parametrize("seed", range(3))
def test_a_shifted_column_is_found_and_named(shift, seed):
    X_train, X_dev = normal(seed)
    shift(X_dev, np.random.default_rng(seed))
    result = check_same_distribution(X_train, X_dev, random_state=seed)
    assert not result.same
    assert result.p_value == pytest.approx(1 / 201)
    assert result.columns[0][0] == 3
    assert result.columns[0][1] > 0.5


@pytest.mark.parametrize("seed", range(3))
def test_a_changed_correlation_is_found_and_both_columns_named(seed):
    X_train, X_dev = normal(seed, 400, 400)
    X_dev[:, 1] = 0.8 * X_dev[:, 3] + 0.6 * X_dev[:, 1]
    result = check_same_distribution(X_train, X_dev, random_state=seed)
    assert not result.same
    assert {name for name, _ in result.columns[:2]} == {1, 3}


@pytest.mark.parametrize(
    ("library", "dtype"),
    [(pd, object), (pd, "string"), (pd, "category"), (pl, pl.String), (pl, pl.Categorical)],
)
def test_labels_that_the_sets_do_not_share_are_found(library, dtype):
    rng = np.random.default_rng(0)

    def frame(n, first):
        towns = rng.choice([f"c{i:03}" for i in range(first, 100, 2)], n)
        town = pd.Series(towns, dtype=dtype) if library is pd else pl.Series(towns, dtype=dtype)
        return library.DataFrame({"town": town, "x": rng.normal(size=n)})

    train = frame(800, 0)
    result = check_same_distribution(train, frame(400, 1), random_state=0)
    assert result.auc > 0.99
    assert not result.same
    assert result.columns[0][0] == "town"
    assert check_same_distribution(train, frame(400, 0), random_state=0).same


def test_what_labels_are_called_does_not_matter():
    rng = np.random.default_rng(0)
    codes = [rng.choice(9, 200, p=p) for p in (np.full(9, 1 / 9), np.arange(1, 10) / 45)]
    found = []
    for names in (np.arange(9), rng.permutation(9), rng.permutation(9)):
        frames = [pd.DataFrame({"kind": names[c], "x": c % 2}).astype({"kind": str}) for c in codes]
        found.append(check_same_distribution(*frames, random_state=0))
    assert not found[0].same
    for result in found[1:]:
        assert result.auc == pytest.approx(found[0].auc, abs=1e-12)
        assert result.p_value == found[0].p_value


NUMBERS = np.random.default_rng(0).permutation(90) // 3
DAYS = pd.Timestamp("2020-01-01") + pd.to_timedelta(NUMBERS, "D")
SAME_VALUES = {
    "numbers": [
        NUMBERS,
        NUMBERS.astype(float),
        NUMBERS.astype(object),
        pd.array(NUMBERS, dtype="Int64"),
        NUMBERS.astype(float).astype(object),
    ],
    "few numbers": [NUMBERS % 2, (NUMBERS % 2).astype(object), (NUMBERS % 2).astype(float)],
    "days": [
        DAYS.astype("datetime64[ns]"),
        DAYS.astype("datetime64[s]"),
        DAYS.tz_localize("UTC"),
        DAYS.date,
    ],
    "strings": [
        NUMBERS.astype(str),
        NUMBERS.astype(str).astype(object),
        pd.array(NUMBERS.astype(str), dtype="string"),
        pd.Categorical(NUMBERS.astype(str)),
        NUMBERS,
    ],
    "categories": [pd.Categorical(NUMBERS), NUMBERS, NUMBERS.astype(float)],
    "booleans": [
        NUMBERS % 2 == 0,
        (NUMBERS % 2 == 0).astype(object),
        pd.array(NUMBERS % 2 == 0, dtype="boolean"),
        1 - NUMBERS % 2,
    ],
    "missing": [
        np.where(NUMBERS % 4, NUMBERS.astype(str), None),
        pd.array(np.where(NUMBERS % 4, NUMBERS.astype(str), None), dtype="string"),
        np.where(NUMBERS % 4, NUMBERS.astype(str), np.array(np.nan, dtype=object)),
    ],
    "missing numbers": [
        np.where(NUMBERS % 4, NUMBERS, np.nan),
        np.where(NUMBERS % 4, NUMBERS.astype(object), None),
        pd.array(np.where(NUMBERS % 4, NUMBERS.astype(object), None), dtype="Int64"),
        np.where(NUMBERS % 4, NUMBERS.astype(object), pd.NA),
    ],
}


@pytest.mark.parametrize("values", SAME_VALUES)
def test_how_values_are_stored_does_not_matter(values):
    train, *stored = (pd.DataFrame({"x": column}) for column in SAME_VALUES[values])
    for dev in [train, *stored]:
        for sets in ((train, dev), (dev, train)):
            result = check_same_distribution(*sets, random_state=0)
            assert result.same
            assert result.auc < 0.6


@pytest.mark.parametrize("since", [lambda days: days.date, lambda days: days.tz_localize("UTC")])
def test_dates_stored_as_objects_keep_their_order(since):
    rng = np.random.default_rng(0)
    start, days = pd.Timestamp("2020-01-01"), rng.permutation(3000)[:400]
    frames = [
        pd.DataFrame({"since": since(start + pd.to_timedelta(of_set, "D"))})
        for of_set in (days[:200], days[200:] + 1000)
    ]
    assert not check_same_distribution(*frames, random_state=0).same


def test_units_and_monotone_transforms_do_not_matter():
    X_train, X_dev = normal(0)
    X_dev[:, 2] += 0.3
    a = check_same_distribution(X_train, X_dev, random_state=0)
    b = check_same_distribution(np.exp(X_train) * 1e6, np.exp(X_dev) * 1e6, random_state=0)
    assert a.auc == pytest.approx(b.auc, abs=1e-12)
    assert a.p_value == b.p_value


def test_real_data_split_at_random_and_sorted():
    p_values = [
        check_same_distribution(*halves(CANCER, s), random_state=s).p_value for s in (0, 1, 2)
    ]
    assert max(p_values) > 0.05
    for column in ("mean texture", "worst symmetry"):
        ordered = CANCER.sort_values(column)
        result = check_same_distribution(ordered[:300], ordered[300:], random_state=0)
        assert not result.same
        assert result.columns[0][0] == column


def test_digits_of_other_classes():
    X, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(600)
    X, y = X[rows], y[rows]
    assert not check_same_distribution(X[y < 5], X[y >= 5], random_state=0).same
    assert check_same_distribution(X[:300], X[300:], random_state=0).same


# -------------------------------------------------------------------- the kernel classifier itself


def test_the_auc_is_that_of_ridge_regression_fitted_fold_by_fold(monkeypatch):
    X_train, X_dev = normal(1, 40, 25, 3)
    X_dev[:, 0] += 0.5
    result = check_same_distribution(X_train, X_dev, cv=4, random_state=7)
    X, labels = np.vstack([X_train, X_dev]), np.repeat([0, 1], [40, 25])
    ranks = (np.argsort(np.argsort(X, axis=0), axis=0) + 0.5) / 65
    waves = [np.sqrt(2 / k) * np.cos(np.pi * k * ranks) for k in (1, 2, 3, 4)]
    waves = [wave - wave.mean(axis=0) for wave in waves]
    additive = np.hstack(waves)
    pairs = np.stack([a * b for a in waves[0].T for b in waves[0].T], axis=1)
    pairs -= pairs.mean(axis=0)
    features = np.hstack([f / np.sqrt(2 * (f**2).sum() / 65) for f in (additive, pairs)])
    aucs = []
    folds = StratifiedKFold(4, shuffle=True, random_state=np.random.RandomState(7))
    for train, held_out in folds.split(X, labels):
        # Ridge penalises the features as they are; centring the labels is its intercept here.
        ridge = Ridge(1.0, fit_intercept=False).fit(
            features[train], labels[train] - labels[train].mean()
        )
        aucs.append(roc_auc_score(labels[held_out], ridge.predict(features[held_out])))
    assert result.auc == pytest.approx(np.mean(aucs), abs=1e-12)
    # The shares are the variances of what the columns add to the prediction.
    ridge = Ridge(1.0, fit_intercept=False).fit(features, labels - labels.mean())
    terms = features[:, :12] * ridge.coef_[:12]
    shares = terms.reshape(65, 4, 3).sum(axis=1).var(axis=0)
    weights = ridge.coef_[12:].reshape(3, 3) / np.sqrt(2 * (pairs**2).sum() / 65)
    shares += 2 * (weights**2).sum(axis=1)
    found = dict(result.columns)
    np.testing.assert_allclose([found[j] for j in range(3)], shares / shares.sum(), rtol=1e-8)


def test_labels_are_indicators_scaled_to_a_columns_trace():
    rng = np.random.default_rng(3)
    town, flag, x = rng.choice(4, 60), rng.random(60) < 0.2, rng.normal(size=60)
    frame = pd.DataFrame({"town": town, "x": x, "flag": flag}).astype({"town": str})
    result = check_same_distribution(frame[:35], frame[35:], cv=3, random_state=7)
    labels, parts = np.repeat([0, 1], [35, 25]), {}
    for name, column in (("town", town), ("flag", flag)):
        z = OneHotEncoder(sparse_output=False).fit_transform(column[:, None])
        z -= z.mean(axis=0)
        parts[name] = z * np.sqrt(60 * (1 + 1 / 2 + 1 / 3 + 1 / 4) / (z**2).sum())
    ranks = (np.argsort(np.argsort(x)) + 0.5) / 60
    waves = np.column_stack([np.sqrt(2 / k) * np.cos(np.pi * k * ranks) for k in (1, 2, 3, 4)])
    parts["x"] = waves - waves.mean(axis=0)
    additive = np.hstack(list(parts.values()))
    pairs = parts["x"][:, :1] ** 2
    pairs = pairs - pairs.mean()
    features = np.hstack([f / np.sqrt(2 * (f**2).sum() / 60) for f in (additive, pairs)])
    aucs = []
    folds = StratifiedKFold(3, shuffle=True, random_state=np.random.RandomState(7))
    for train, held_out in folds.split(features, labels):
        ridge = Ridge(1.0, fit_intercept=False).fit(
            features[train], labels[train] - labels[train].mean()
        )
        aucs.append(roc_auc_score(labels[held_out], ridge.predict(features[held_out])))
    assert result.auc == pytest.approx(np.mean(aucs), abs=1e-12)
    ridge = Ridge(1.0, fit_intercept=False).fit(features, labels - labels.mean())
    terms = features * ridge.coef_
    shares = {
        "town": terms[:, :4].sum(axis=1).var(),
        "flag": terms[:, 4:6].sum(axis=1).var(),
        "x": terms[:, 6:10].sum(axis=1).var(),
    }
    weight = ridge.coef_[10] / np.sqrt(2 * (pairs**2).sum() / 60)
    shares["x"] += 2 * weight**2
    total = sum(shares.values())
    for name, share in result.columns:
        assert share == pytest.approx(shares[name] / total, rel=1e-6)


def test_blocks_do_not_show(monkeypatch):
    X_train, X_dev = normal(0, 60, 60, 7)
    X_dev[:, 6] += 0.4
    whole = check_same_distribution(X_train, X_dev, random_state=0)
    monkeypatch.setattr(_kernel_classifier, "BLOCK_ELEMENTS", 120 * 4 * 3)
    blocks = check_same_distribution(X_train, X_dev, random_state=0)
    assert blocks.auc == pytest.approx(whole.auc, abs=1e-12)
    assert [name for name, _ in blocks.columns] == [name for name, _ in whole.columns]
    assert blocks.p_value == whole.p_value


def test_columns_that_do_not_vary_tell_nothing():
    constant = check_same_distribution(np.ones((20, 2)), np.ones((10, 2)), random_state=0)
    assert (constant.auc, constant.p_value, constant.same) == (0.5, 1.0, True)
    assert constant.columns == [(0, 0.0), (1, 0.0)]
    word = pd.DataFrame({"word": ["a"] * 20})
    result = check_same_distribution(word, word, random_state=0)
    assert (result.auc, result.p_value, result.columns) == (0.5, 1.0, [("word", 0.0)])


# -------------------------------------------------------------------------------- containers, caps


def test_frames_of_numbers_strings_dates_and_missing_values():
    rng = np.random.default_rng(0)

    def frame(n, towns, since):
        return pd.DataFrame(
            {
                "size": rng.normal(size=n),
                "town": rng.choice(towns, n),
                "kind": pd.Categorical(rng.choice(["x", "y"], n)),
                "since": pd.Timestamp(since) + pd.to_timedelta(rng.integers(0, 90, n), "D"),
                "rooms": pd.array(rng.choice([1, 2, 3, None], n), dtype="Int64"),
                "flag": rng.random(n) < 0.5,
            }
        )

    usual = frame(150, ["Ulm", "Bonn", "Kiel"], "2020-01-01")
    assert check_same_distribution(
        usual, frame(100, ["Ulm", "Bonn", "Kiel"], "2020-01-01"), random_state=0
    ).same
    for column, other in {
        "town": frame(100, ["Ulm", "Bonn", "Bonn", "Bonn"], "2020-01-01"),
        "since": frame(100, ["Ulm", "Bonn", "Kiel"], "2020-02-15"),
    }.items():
        result = check_same_distribution(usual, other, random_state=0)
        assert not result.same
        assert result.columns[0][0] == column
        assert set(dict(result.columns)) == set(usual.columns)
        again = check_same_distribution(*map(polars_frame, (usual, other)), random_state=0)
        assert again.columns[0][0] == column
        assert again.auc == pytest.approx(result.auc, abs=0.02)


def test_sparse_rows_are_as_dense_ones():
    X_train, X_dev = (np.where(np.abs(X) > 1, X, 0) for X in normal(0))
    X_dev[:, 1] = np.where(X_dev[:, 1] == 0, 1, X_dev[:, 1])
    dense = check_same_distribution(X_train, X_dev, random_state=0)
    for container in (scipy.sparse.csr_array, scipy.sparse.coo_matrix):
        sparse = check_same_distribution(container(X_train), X_dev, random_state=0)
        assert sparse.auc == pytest.approx(dense.auc, abs=1e-12)
        assert sparse.columns[0][0] == dense.columns[0][0] == 1
    nb = check_same_distribution(
        scipy.sparse.csr_array(X_train),
        scipy.sparse.csr_array(X_dev),
        estimator=LogisticRegression(),
        n_permutations=19,
        random_state=0,
    )
    assert not nb.same
    assert nb.columns[0][0] == 1


def test_at_most_max_samples_rows_of_each_set_are_used():
    X_train, X_dev = normal(0, 500, 40)
    result = check_same_distribution(X_train, X_dev, max_samples=100, random_state=0)
    assert (result.n_train, result.n_dev) == (100, 40)
    assert check_same_distribution(X_train, X_dev, random_state=0).n_train == 500


def test_the_seed_decides():
    X_train, X_dev = normal(0)
    first, again, other = (
        check_same_distribution(X_train, X_dev, random_state=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first.auc != other.auc


# ---------------------------------------------------------------------------- another classifier


def test_another_classifier_is_trained_for_each_permutation():
    X_train, X_dev = normal(0, 80, 60, 3)
    alike = check_same_distribution(
        X_train, X_dev, estimator=GaussianNB(), n_permutations=19, cv=2, random_state=0
    )
    assert alike.same
    X_dev[:, 2] *= 2.5
    result = check_same_distribution(
        X_train, X_dev, estimator=GaussianNB(), n_permutations=19, cv=2, random_state=0
    )
    assert not result.same
    assert result.p_value == pytest.approx(1 / 20)
    assert result.columns[0][0] == 2
    # It sees no scale: the verdict is the classifier's.
    blind = check_same_distribution(
        X_train, X_dev, estimator=LogisticRegression(), n_permutations=19, cv=2, random_state=0
    )
    assert blind.auc < 0.6


def test_another_classifier_is_given_the_frame():
    rng = np.random.default_rng(0)
    train, dev = (
        pd.DataFrame({"town": rng.choice(towns, 80), "size": rng.normal(size=80)})
        for towns in (["Ulm", "Bonn"], ["Bonn", "Kiel"])
    )
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["town"]), remainder="passthrough"
        ),
        LogisticRegression(),
    )
    result = check_same_distribution(
        train, dev, estimator=model, n_permutations=19, cv=2, random_state=0
    )
    assert not result.same
    assert result.columns[0][0] == "town"


# ----------------------------------------------------------------------------------- result, errors


def test_the_result_reads_well():
    ordered = CANCER.sort_values("mean texture")
    different = check_same_distribution(ordered[:300], ordered[300:], random_state=0)
    text = str(different)
    assert "300 rows" in text
    assert "269 rows" in text
    assert "not the same distribution" in text
    assert "mean texture" in text
    assert len(text.splitlines()) == 3 + 5
    assert max(map(len, text.splitlines())) <= 100
    assert sum(share for _, share in different.columns) == pytest.approx(1)
    same = SameDistributionResult(0.51, 0.4, True, [("a", 1.0)], 0.05, 10, 10, 99)
    assert str(same).endswith("p = 0.4 > 0.05: same distribution")
    with pytest.raises(dataclasses.FrozenInstanceError):
        same.auc = 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cv": 1}, "cv must be an integer >= 2, got 1"),
        ({"cv": 2.5}, "cv must be .* got 2.5"),
        ({"n_permutations": 0}, "n_permutations must be an integer >= 1, got 0"),
        ({"n_permutations": 18}, "n_permutations=18 cannot give .* take at least 19"),
        ({"max_samples": True}, "max_samples must be an integer >= 2, got True"),
        ({"significance_level": 0}, r"significance_level must be in \(0, 1\), got 0"),
        ({"significance_level": "low"}, "significance_level must be .* got 'low'"),
        ({"cv": 250}, "cv=250 needs at least 250 rows of each set, got 300 .* 200"),
        ({"X_dev": np.ones((20, 4))}, r"as many columns as X_train \(5\), got 4"),
        ({"X_dev": np.ones(20)}, "must be 2D, got an array of 1 dimension"),
        ({"X_dev": np.full((20, 5), np.inf)}, "X_dev contains infinity"),
        ({"X_dev": np.full((20, 5), "a")}, "dtype='numeric'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    X_train, X_dev = normal(0)
    with pytest.raises(ValueError, match=message):
        check_same_distribution(**{"X_train": X_train, "X_dev": X_dev, **arguments})


@pytest.mark.parametrize("other", [Ridge(), GaussianNB, "forest"])
def test_an_estimator_must_be_a_classifier(other):
    with pytest.raises(TypeError, match="estimator must be a classifier or None"):
        check_same_distribution(*normal(0), estimator=other)


def test_frames_must_have_the_same_columns():
    train, dev = halves(CANCER)
    with pytest.raises(ValueError, match=r"missing \['mean radius'\], extra \['radius'\]"):
        check_same_distribution(train, dev.rename(columns={"mean radius": "radius"}))
    with pytest.raises(ValueError, match="others in their order"):
        check_same_distribution(train, dev[dev.columns[::-1]])
    with pytest.raises(TypeError, match="both be frames, or neither"):
        check_same_distribution(train, dev.to_numpy())
    with pytest.raises(ValueError, match=r"must be finite, got infinity in 'mean area'"):
        check_same_distribution(train, dev.assign(**{"mean area": np.inf}))
    twice = CANCER.iloc[:, [0, 0]]
    for estimator in (None, GaussianNB()):
        with pytest.raises(ValueError, match="X_train must have at least one column, got a frame"):
            check_same_distribution(train[[]], dev[[]], estimator=estimator)
    with pytest.raises(ValueError, match="columns of different names"):
        check_same_distribution(twice, twice)
