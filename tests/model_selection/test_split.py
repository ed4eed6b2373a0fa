"""train_dev_test_split: the course's sizes, every row in one part, classes and groups kept."""

from itertools import chain

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.model_selection import train_test_split

from skdeep.model_selection import train_dev_test_split

IRIS = load_iris(as_frame=True)


def sizes_of(n, **arguments):
    return tuple(len(part) for part in train_dev_test_split(range(n), **arguments))


def shares(y):
    return np.bincount(y, minlength=3) / len(y)


# ------------------------------------------------------------------------------------------ sizes


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (3, (1, 1, 1)),
        (10, (6, 2, 2)),
        (100, (60, 20, 20)),
        (10**4, (6000, 2000, 2000)),
        (10**5, (80_000, 10_000, 10_000)),
        (10**6, (980_000, 10_000, 10_000)),
        (10**7, (9_980_000, 10_000, 10_000)),
    ],
)
def test_sizes_left_out_are_the_courses(n, expected):
    rows = np.arange(n)
    parts = train_dev_test_split(rows, shuffle=n < 10**6, random_state=0)
    assert tuple(part.size for part in parts) == expected


def test_more_rows_never_make_a_part_smaller():
    sizes = np.array([sizes_of(n, shuffle=False) for n in [*range(3, 200), 49_999, 50_000, 50_001]])
    assert (np.diff(sizes[:, 1:], axis=0) >= 0).all()
    assert (sizes.sum(axis=1)[:197] == np.arange(3, 200)).all()


@pytest.mark.parametrize(
    ("n", "arguments", "expected"),
    [
        (100, {"dev_size": 10}, (70, 10, 20)),
        (100, {"test_size": 0.5}, (30, 20, 50)),
        (100, {"dev_size": 0.1, "test_size": 0.3}, (60, 10, 30)),
        (100, {"train_size": 0.8}, (80, 10, 10)),
        (101, {"train_size": 50}, (50, 26, 25)),
        (100, {"train_size": 50, "dev_size": 0.25}, (50, 25, 25)),
        (100, {"train_size": 0.5, "test_size": 20}, (50, 30, 20)),
        # Two parts rounded up: train gives the row.
        (101, {"train_size": 0.6, "dev_size": 0.2, "test_size": 0.2}, (59, 21, 21)),
        # 0.29 · 100 is just below 29: fractions that add up to 1 use every row all the same.
        (100, {"train_size": 0.29, "dev_size": 0.36, "test_size": 0.35}, (29, 36, 35)),
        (100, {"train_size": 30, "dev_size": 20, "test_size": 10}, (30, 20, 10)),
        (100, {"train_size": 0.5, "dev_size": 0.2, "test_size": 0.2}, (50, 20, 20)),
        (7, {"train_size": 0.3, "dev_size": 0.3, "test_size": 0.39}, (1, 3, 3)),
        (100, {"train_size": np.int64(50), "dev_size": np.float32(0.25)}, (50, 25, 25)),
    ],
)
def test_sizes_given(n, arguments, expected):
    assert sizes_of(n, **arguments) == expected
    assert sizes_of(n, shuffle=False, **arguments) == expected


@given(n=st.integers(8, 500), test=st.floats(0.01, 0.6), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_a_fraction_is_as_many_rows_as_in_scikit_learn(n, test, seed):
    _, of_sklearn = train_test_split(range(n), test_size=test)
    if len(of_sklearn) + -(-n // 5) >= n:
        return
    parts = train_dev_test_split(range(n), test_size=test, random_state=seed)
    assert len(parts[2]) == len(of_sklearn)
    assert sorted(chain(*parts)) == list(range(n))


@pytest.mark.parametrize(
    ("n", "arguments", "message"),
    [
        (2, {}, "at least 3 rows, one for each part, got 2"),
        (10, {"dev_size": 0}, r"dev_size must be a fraction in \(0, 1\) or .* got 0"),
        (10, {"dev_size": 1.0}, "dev_size must be .* got 1.0"),
        (10, {"test_size": -3}, "test_size must be .* got -3"),
        (10, {"test_size": np.nan}, "test_size must be .* got nan"),
        (10, {"train_size": True}, "train_size must be .* got True"),
        (10, {"train_size": "all"}, "train_size must be .* got 'all'"),
        (10, {"train_size": 11}, "train_size=11.* parts of 11, 0 and -1 rows out of 10"),
        (10, {"train_size": 9}, "parts of 9, 1 and 0 rows out of 10: each needs at least 1"),
        (10, {"dev_size": 0.5, "test_size": 0.5}, "parts of 0, 5 and 5 rows"),
        (10, {"test_size": 9}, "parts of -1, 2 and 9 rows"),
        (10, {"train_size": 5, "dev_size": 3, "test_size": 3}, "at most 10"),
        (10, {"train_size": 0.5, "dev_size": 0.3, "test_size": 0.3}, "parts of 5, 3 and 3"),
        (10, {"train_size": 0.05}, "parts of 0, 5 and 5"),
        (10, {"shuffle": "yes"}, "shuffle must be True or False, got 'yes'"),
    ],
)
def test_bad_sizes_are_named(n, arguments, message):
    with pytest.raises(ValueError, match=message):
        train_dev_test_split(range(n), **arguments)


# ----------------------------------------------------------------------------------------- arrays


def test_parts_come_array_by_array_and_rows_stay_together():
    X, y = load_digits(return_X_y=True)
    rows = np.arange(y.size)
    parts = train_dev_test_split(X, y, rows, random_state=0)
    assert len(parts) == 9
    for X_part, y_part, of in zip(*(parts[i : i + 3] for i in (0, 3, 6)), strict=True):
        np.testing.assert_array_equal(X_part, X[of])
        np.testing.assert_array_equal(y_part, y[of])
    np.testing.assert_array_equal(np.sort(np.concatenate(parts[6:])), rows)


def test_frames_keep_columns_index_and_type():
    X, y = IRIS.data.set_index(IRIS.data.index + 1000), IRIS.target
    X_train, X_dev, X_test, y_train, _, _ = train_dev_test_split(X, y, random_state=0)
    for part in (X_train, X_dev, X_test):
        assert list(part.columns) == list(X.columns)
        pd.testing.assert_frame_equal(part, X.loc[part.index])
    np.testing.assert_array_equal(X_train.index - 1000, y_train.index)
    frame = pl.from_pandas(X)
    assert train_dev_test_split(frame, random_state=0)[0].columns == frame.columns


@pytest.mark.parametrize("container", ["csr_array", "coo_matrix", "csc_array"])
def test_sparse_matrices(container):
    X = getattr(scipy.sparse, container)(np.eye(20))
    parts = train_dev_test_split(X, np.arange(20.0), random_state=0)
    for X_part, rows in zip(parts[:3], parts[3:], strict=True):
        assert scipy.sparse.issparse(X_part)
        np.testing.assert_array_equal(X_part.toarray(), np.eye(20)[rows.astype(int)])


def test_lists_and_other_sequences():
    texts, tokens = [f"text {i}" for i in range(10)], [[0] * i for i in range(10)]
    parts = train_dev_test_split(texts, tokens, range(10), random_state=0)
    assert isinstance(parts[0], list)
    assert parts[0] == [texts[i] for i in parts[6]]
    assert parts[4] == [tokens[i] for i in parts[7]]


def test_the_seed_decides():
    X = np.arange(50)
    first, again, other = (train_dev_test_split(X, random_state=seed) for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))
    assert (np.diff(first[0]) < 0).any()


def test_bad_arrays_are_named():
    with pytest.raises(ValueError, match="at least one array"):
        train_dev_test_split()
    with pytest.raises(ValueError, match="must not be None, got one in position 1"):
        train_dev_test_split(range(5), None)
    with pytest.raises(ValueError, match="must not be None, got one in position 1"):
        train_dev_test_split(np.arange(5), None)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        train_dev_test_split(range(5), range(6))


# ----------------------------------------------------------------------------------------- strata


@pytest.mark.parametrize(
    "labels",
    [
        lambda y: y,
        lambda y: y.astype(np.int8)[:, None],
        lambda y: list(y),
        lambda y: np.array(["a", "b", "c"])[y],
        lambda y: np.array(["a", "b", "c"], dtype=object)[y],
        lambda y: pd.Series(np.array(["a", "b", "c"])[y]),
        lambda y: pd.Series(y).astype("category"),
        lambda y: pd.Series(y).astype("Int64"),
        lambda y: pl.Series(np.array(["a", "b", "c"])[y]),
        lambda y: y > 0,
        lambda y: pd.DataFrame({"y": y}),
    ],
)
def test_class_labels_are_stratified(labels):
    X, y = IRIS.data, IRIS.target.to_numpy()
    # Uneven, so that a plain draw would hardly keep the shares.
    keep = np.r_[0:50, 50:80, 100:110]
    parts = train_dev_test_split(X.iloc[keep], labels(y[keep]), y[keep], random_state=0)
    for part in parts[6:]:
        np.testing.assert_allclose(shares(part) * len(part), shares(y[keep]) * len(part), atol=1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "sizes", [(6, 2, 2), (2, 2, 6), (2, 6, 2), (3, 4, 3), (4, 3, 3), (2, 2, 2)]
)
def test_three_rows_of_a_class_are_enough(sizes, seed):
    y = np.repeat([0, 1], [3, 7])
    arguments = dict(zip(("train_size", "dev_size", "test_size"), sizes, strict=True))
    parts = train_dev_test_split(y, stratify=y, random_state=seed, **arguments)
    assert tuple(part.size for part in parts) == sizes
    for part in parts:
        assert abs((part == 0).sum() - 0.3 * part.size) <= 1


@pytest.mark.parametrize(
    "y",
    [
        load_diabetes().target,  # integers, as floats
        np.repeat([0, 1], [2, 98]),  # a class too small
        np.arange(300) // 3,  # more classes than rows of dev
        np.array(["a", None] * 50, dtype=object),
        np.eye(100, 4, dtype=int),
        scipy.sparse.eye_array(100, format="csr"),
    ],
)
def test_other_targets_are_drawn_plainly(y):
    rows = np.arange(y.shape[0])
    auto = train_dev_test_split(rows, y, random_state=0)
    plain = train_dev_test_split(rows, y, random_state=0, stratify=None)
    for a, b in zip(auto[:3], plain[:3], strict=True):
        np.testing.assert_array_equal(a, b)


def test_strata_may_be_given():
    strata = np.repeat(["x", "y"], [10, 90])
    for part in train_dev_test_split(strata, stratify=strata, random_state=0):
        assert abs((part == "x").sum() - part.size / 10) <= 1
    both = np.column_stack([np.arange(80) % 2, np.arange(80) % 4 // 2])
    for part in train_dev_test_split(both, stratify=both, random_state=0):
        counts = np.unique(part, axis=0, return_counts=True)[1]
        np.testing.assert_array_equal(counts, part.shape[0] // 4)
    rows = np.arange(100)
    none, binned = (
        train_dev_test_split(rows, rows % 2, random_state=0, stratify=s)[0]
        for s in (None, (rows % 4).astype(float))
    )
    assert (none != binned).any()


@pytest.mark.parametrize(
    "strata",
    [
        pd.DataFrame({"a": ["p", "q"] * 10, "b": ["u"] * 10 + ["v"] * 10}),
        pd.DataFrame({"a": ["p", "q"] * 10, "b": [1] * 10 + [0] * 10}),
        pd.DataFrame({"a": pd.Categorical(["p", "q"] * 10), "b": [True] * 10 + [False] * 10}),
        np.array([["p", "q"] * 10, ["u"] * 10 + ["v"] * 10]).T,
        np.array([["p", "q"] * 10, [0.5] * 10 + [1.5] * 10], dtype=object).T,
        pl.DataFrame({"a": ["p", "q"] * 10, "b": [1] * 10 + [0] * 10}),
    ],
)
def test_strata_may_have_columns_of_several_kinds(strata):
    classes = np.arange(20) // 10 * 2 + np.arange(20) % 2
    for part in train_dev_test_split(classes, stratify=strata, random_state=0):
        np.testing.assert_array_equal(np.bincount(part), part.size // 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stratify": True}, "stratify must be 'auto', an array or None, got True"),
        ({"stratify": np.float64(3)}, "stratify must be 'auto', an array or None, got"),
        ({"stratify": [["a", None]] * 10}, "stratify must hold labels"),
        ({"stratify": "y"}, "stratify must be 'auto', an array or None, got 'y'"),
        ({"stratify": [0] * 9}, r"stratify must have one row per row \(10\), got 9"),
        ({"stratify": [0] * 8 + [1] * 2}, "at least 3 rows of every class.* got a class with 2"),
        (
            {"stratify": [0, 1] * 5, "dev_size": 1},
            "stratify has 2 classes, too many for a dev set of 1 rows: make that larger",
        ),
        ({"stratify": [0.0, np.nan] * 5}, "stratify contains NaN"),
        ({"stratify": np.array(["a", None] * 5, dtype=object)}, "stratify has missing values"),
        ({"stratify": [0, 1] * 5, "shuffle": False}, "stratify must be .* with shuffle=False"),
        ({"stratify": [0, 1] * 5, "groups": range(10)}, "stratify must be .* with groups"),
    ],
)
def test_what_cannot_be_stratified_is_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        train_dev_test_split(np.arange(10), **arguments)


# ------------------------------------------------------------------------------- order and groups


def test_without_shuffle_the_order_is_kept():
    y = np.arange(100) // 50
    train, dev, test, *_ = train_dev_test_split(np.arange(100), y, shuffle=False)
    np.testing.assert_array_equal(np.concatenate([train, dev, test]), np.arange(100))
    part = train_dev_test_split(np.arange(10), train_size=3, dev_size=2, test_size=2, shuffle=False)
    assert [list(p) for p in part] == [[0, 1, 2], [3, 4], [5, 6]]


@given(
    members=st.lists(st.integers(1, 9), min_size=5, max_size=40),
    seed=st.integers(0, 99),
    test=st.floats(0.05, 0.5),
)
@settings(max_examples=60, deadline=None)
def test_groups_stay_whole_and_sizes_are_near(members, seed, test):
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(len(members)), members))
    rows = np.arange(groups.size)
    sizes = [len(p) for p in train_dev_test_split(rows, test_size=test, dev_size=1, shuffle=False)]
    parts = train_dev_test_split(rows, test_size=test, dev_size=1, groups=groups, random_state=seed)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), rows)
    own = [set(groups[part]) for part in parts]
    assert all(own)
    assert sum(map(len, own)) == len(members)
    # Half a group, or most of one where none is small enough; train has what both miss.
    assert all(abs(part.size - n) <= 2 * max(members) for part, n in zip(parts, sizes, strict=True))


def test_equal_groups_give_the_sizes_asked_for():
    groups = np.repeat([f"patient {i:02}" for i in range(20)], 5)
    parts = train_dev_test_split(groups, groups, groups=pd.Series(groups), random_state=0)
    assert [len(part) for part in parts[:3]] == [60, 20, 20]
    assert len(set(parts[1])) == len(set(parts[2])) == 4
    other = train_dev_test_split(groups, groups=groups, random_state=1)
    assert set(other[0]) != set(parts[0])
    some = train_dev_test_split(
        groups, groups=groups, train_size=50, dev_size=10, test_size=10, random_state=0
    )
    assert [len(part) for part in some] == [50, 10, 10]


def test_groups_in_order():
    groups = np.repeat(["b", "a", "d", "c"], [5, 3, 1, 3])
    train, dev, test = train_dev_test_split(np.arange(12), groups=groups, shuffle=False)
    assert [list(part) for part in (train, dev, test)] == [
        [0, 1, 2, 3, 4],
        [5, 6, 7, 8],
        [9, 10, 11],
    ]


@pytest.mark.parametrize(
    ("groups", "sizes"),
    [
        (np.r_[np.zeros(60), 1:41], [60, 20, 20]),
        (np.r_[np.zeros(18), 1, 2], [18, 1, 1]),
        (np.r_[np.zeros(25), np.ones(25), 2:52], [60, 20, 20]),
        (np.repeat([0, 1, 2], [50, 49, 1]), [50, 1, 49]),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_group_too_large_for_dev_and_test_is_in_train(groups, sizes, seed):
    parts = train_dev_test_split(np.arange(groups.size), groups=groups, random_state=seed)
    assert [part.size for part in parts] == sizes


def test_the_largest_part_takes_large_groups_whichever_it_is():
    groups = np.r_[np.zeros(40), 1:61]
    parts = train_dev_test_split(groups, groups=groups, train_size=20, dev_size=20, random_state=0)
    assert [part.size for part in parts] == [20, 20, 60]
    assert (parts[2] == 0).sum() == 40
    # Not all rows are asked for: a group larger than any part is left out.
    arguments = {"train_size": 30, "dev_size": 10, "test_size": 10}
    some = train_dev_test_split(groups, groups=groups, random_state=0, **arguments)
    assert [part.size for part in some] == [30, 10, 10]
    assert not any((part == 0).any() for part in some)


def test_groups_of_every_size_are_as_likely_in_each_part():
    groups = np.repeat(np.arange(30), np.arange(30) // 3 + 1)

    def count_groups(seed):
        parts = train_dev_test_split(groups, groups=groups, random_state=seed)
        return [np.unique(part).size for part in parts]

    # 165 rows in 30 groups: the 33 of dev, and of test, are neither few large groups nor many small
    # ones but a fifth of all.
    counts = np.mean([count_groups(seed) for seed in range(200)], axis=0)
    np.testing.assert_allclose(counts, [18, 6, 6], atol=0.4)


def test_one_large_group_leaves_room_for_the_others():
    groups = np.repeat([0, 1, 2], [1, 98, 1])
    for seed in range(4):
        parts = train_dev_test_split(np.arange(100), groups=groups, random_state=seed)
        assert sorted(len(part) for part in parts) == [1, 1, 98]


@pytest.mark.parametrize(
    ("groups", "arguments", "message"),
    [
        ([0, 1] * 5, {}, "at least 3 groups, one for each part, got 2"),
        ([0, 1, 2], {}, r"groups must have one value per row, shape \(10,\), got shape \(3,\)"),
        ([0, 1, 2, 0, 1, 2, 0, 1, 2, 2], {"shuffle": False}, "must each be consecutive rows"),
        ([0, 1, 2, 3, np.nan] * 2, {}, "groups contains NaN"),
        (np.array(["a", None] * 5, dtype=object), {}, "groups has missing values"),
        (np.array(["a", 1] * 5, dtype=object), {}, "groups must hold labels of one kind"),
        ("patient", {}, "groups: Input should have at least 1 dimension"),
    ],
)
def test_bad_groups_are_named(groups, arguments, message):
    with pytest.raises(ValueError, match=message):
        train_dev_test_split(np.arange(10), groups=groups, **arguments)


def test_real_data_end_to_end():
    data = load_breast_cancer(as_frame=True)
    parts = train_dev_test_split(data.data, data.target, random_state=0)
    assert [len(part) for part in parts] == [341, 114, 114] * 2
    for y in parts[3:]:
        assert y.mean() == pytest.approx(data.target.mean(), abs=1 / 114)
