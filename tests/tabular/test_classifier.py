"""TabularMLPClassifier: classes of every kind, their probabilities, and the temperature.

The temperature is compared with a search over a grid by scikit-learn's log-loss, smoothing with its
closed form.
"""

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.metrics import log_loss
from tabular.tables import MAY_MAKE_NO_PROGRESS, TARGETS, N, numbers, plain, small

from skdeep import TabularMLPClassifier
from skdeep.tabular._held_out import HoldOut

X = plain()
NAMES = np.array(["low", "middle", "high"])
# Each a y, and of how many classes.
CLASSES = {
    "two": (TARGETS["two classes"], 2),
    "two of strings": (NAMES[TARGETS["two classes"]], 2),
    "two of booleans": (TARGETS["two classes"] == 1, 2),
    "two of floats": (TARGETS["two classes"] * 2.0 - 1, 2),
    "three": (TARGETS["three classes"], 3),
    "three of strings": (NAMES[TARGETS["three classes"]], 3),
    "three objects": (NAMES[TARGETS["three classes"]].astype(object), 3),
    "sixteen": (np.arange(N) % 16, 16),
}
pytestmark = MAY_MAKE_NO_PROGRESS


@pytest.mark.parametrize("case", CLASSES)
def test_probabilities_decisions_and_classes_agree(case):
    y, n_classes = CLASSES[case]
    model = small(TabularMLPClassifier).fit(X, y)
    assert_array_equal(model.classes_, np.unique(y))
    assert model.classes_.dtype == y.dtype
    p, z = model.predict_proba(X), model.decision_function(X)
    assert p.shape == (N, n_classes)
    assert (p > 0).all()
    assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert_array_equal(model.predict(X), model.classes_[p.argmax(axis=1)])
    assert_allclose(model.predict_log_proba(X), np.log(p), rtol=1e-12)
    if n_classes == 2:
        assert z.shape == (N,)
        assert_array_equal(z > 0, model.predict(X) == model.classes_[1])
        assert_allclose(z, np.log(p[:, 1] / p[:, 0]), rtol=1e-9, atol=1e-12)
    else:
        assert_array_equal(model.classes_[z.argmax(axis=1)], model.predict(X))
        assert_allclose(z, np.log(p), rtol=1e-9)


@pytest.mark.parametrize("case", ["two", "three"])
def test_it_learns(case):
    y, _ = CLASSES[case]
    model = small(TabularMLPClassifier, max_iter=60, batch_size=16).fit(X[::2], y[::2])
    chance = np.bincount(y).max() / N
    assert model.score(X[1::2], y[1::2]) > chance + 0.5 * (1 - chance)


@pytest.mark.parametrize("case", ["two of strings", "two of booleans", "two of floats"])
def test_names_of_classes_change_nothing_else(case):
    # "low" < "middle", as 0 < 1.
    expected = small(TabularMLPClassifier).fit(X, TARGETS["two classes"])
    model = small(TabularMLPClassifier).fit(X, CLASSES[case][0])
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("label", [3, "only"])
def test_one_class(label):
    y = np.full(N, label)
    model = small(TabularMLPClassifier).fit(X, y)
    assert_array_equal(model.classes_, [label])
    assert_array_equal(model.predict(X), y)
    assert_array_equal(model.predict_proba(X), np.ones((N, 1)))


# ------------------------------------------------------------------------------------- multi-label


@pytest.mark.parametrize("container", [np.asarray, scipy.sparse.csr_matrix, scipy.sparse.csc_array])
def test_labels(container):
    y = TARGETS["labels"]
    model = small(TabularMLPClassifier, max_iter=20).fit(X, container(y))
    p, z, found = model.predict_proba(X), model.decision_function(X), model.predict(X)
    assert scipy.sparse.issparse(found) == scipy.sparse.issparse(container(y))
    found = found.toarray() if scipy.sparse.issparse(found) else found
    assert found.shape == p.shape == z.shape == y.shape
    assert_array_equal(found, p > 0.5)
    assert_array_equal(found, z > 0)
    assert_allclose(z, np.log(p / (1 - p)), rtol=1e-9, atol=1e-12)
    assert (found == y).mean() > 0.8
    assert model.temperature_.shape == (3,)
    assert_array_equal(model.classes_, [0, 1, 2])
    dense = small(TabularMLPClassifier, max_iter=20).fit(X, y)
    assert_array_equal(p, dense.predict_proba(X))


def test_one_label_and_labels_that_do_not_vary():
    y = np.column_stack([np.zeros(N), np.ones(N), TARGETS["two classes"]]).astype(int)
    model = small(TabularMLPClassifier, max_iter=20).fit(X, y)
    assert_array_equal(model.predict(X)[:, :2], y[:, :2])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.column_stack([TARGETS["three classes"], TARGETS["two classes"]]), "[Mm]ultioutput"),
        (TARGETS["numbers"], "Unknown label type"),
        (np.zeros((N, 2, 2)), "dim 3|bad input|y"),
    ],
    ids=["several classes per row", "numbers", "3D"],
)
def test_what_is_no_class_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        small(TabularMLPClassifier).fit(X, y)


# ------------------------------------------------------------------------------------- calibration


def before_temperature(model, X):
    """The mean of the members' probabilities with smoothing undone: (n, n_classes or n_labels)."""
    groups = zip(
        np.split(np.arange(len(model.members_)), len(model.encoders_)), model.encoders_, strict=True
    )
    members = [
        model.members_[number].predict_proba(encoder.transform(X))
        for numbers, encoder in groups
        for number in numbers
    ]
    q = np.mean(members, axis=0)
    n_classes = 2 if np.ndim(model.temperature_) else q.shape[1]
    s = model.label_smoothing
    floor = min(0.002, 0.02 / n_classes)
    p = np.clip((q - s / n_classes) / (1 - s), floor, 1 - floor)
    return p if np.ndim(model.temperature_) else p / p.sum(axis=1, keepdims=True)


def tempered(p, temperature):
    powers = p ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def doubtful_log_loss(y, p, weights):
    """scikit-learn's, where each of n labels is another one with probability 0.5 / (n + 1)."""
    n, n_classes = p.shape
    doubt = 0.5 / (n + 1)
    labels = np.concatenate([y, *[np.full(n, k) for k in range(n_classes)]])
    each = np.concatenate(
        [(1 - doubt) * weights, *[doubt / n_classes * weights for _ in range(n_classes)]]
    )
    rows = np.tile(p, (n_classes + 1, 1))
    return log_loss(labels, rows, sample_weight=each, labels=range(n_classes))


GRID = np.exp(np.linspace(-np.log(8), np.log(8), 201))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", ["two", "three"])
def test_the_temperature_is_that_of_least_log_loss(case, weighted):
    y, _ = CLASSES[case]
    dev = np.arange(N) % 3 == 0
    weights = np.random.default_rng(1).integers(1, 4, dev.sum()).astype(float)
    given = {"sample_weight_val": weights} if weighted else {}
    model = small(TabularMLPClassifier, refit=False, max_iter=12)
    model.fit(X[~dev], y[~dev], X_val=X[dev], y_val=y[dev], **given)
    p = before_temperature(model, X[dev])
    losses = [
        doubtful_log_loss(y[dev], tempered(p, t), weights if weighted else np.ones(dev.sum()))
        for t in GRID
    ]
    assert_allclose(np.log(model.temperature_), np.log(GRID[np.argmin(losses)]), atol=0.03)
    assert_allclose(
        model.predict_proba(X), tempered(before_temperature(model, X), model.temperature_)
    )


def test_each_label_has_a_temperature_of_its_own():
    y, dev = TARGETS["labels"], np.arange(N) % 3 == 0
    model = small(TabularMLPClassifier, refit=False, max_iter=12)
    model.fit(X[~dev], y[~dev], X_val=X[dev], y_val=y[dev])
    p = before_temperature(model, X[dev])
    for column in range(y.shape[1]):
        of_column = np.column_stack([1 - p[:, column], p[:, column]])
        losses = [
            doubtful_log_loss(y[dev, column], tempered(of_column, t), np.ones(dev.sum()))
            for t in GRID
        ]
        best = GRID[np.argmin(losses)]
        assert_allclose(np.log(model.temperature_[column]), np.log(best), atol=0.03)


@pytest.mark.parametrize("n_bins", [(3, 5), (3, 4, 5, 6, 7, 8, 9)], ids=len)
def test_a_row_is_predicted_by_the_groups_that_held_it_out(n_bins, monkeypatch):
    """With so many groups that some rows are held out twice, and others never."""
    held_out, of_group = [], HoldOut.of_group

    def recorded(self, number):
        parts = of_group(self, number)
        held_out.append(parts[1])
        return parts

    monkeypatch.setattr(HoldOut, "of_group", recorded)
    y, s = TARGETS["three classes"], 0.1
    parameters = {"n_bins": n_bins, "refit": False, "label_smoothing": s}
    model = small(TabularMLPClassifier, **parameters).fit(X, y)
    assert len(held_out) == len(n_bins)
    total, count = np.zeros((N, 3)), np.zeros((N, 1))
    for number, (rows, encoder) in enumerate(zip(held_out, model.encoders_, strict=True)):
        members = model.members_[2 * number : 2 * number + 2]
        encoded = encoder.transform(X.iloc[rows])
        total[rows] += np.mean([member.predict_proba(encoded) for member in members], axis=0)
        count[rows] += 1
    known = count[:, 0] > 0
    p = np.clip((total[known] / count[known] - s / 3) / (1 - s), 0.002, 0.998)
    p /= p.sum(axis=1, keepdims=True)
    ones = np.ones(known.sum())
    losses = [doubtful_log_loss(y[known], tempered(p, t), ones) for t in GRID]
    assert_allclose(np.log(model.temperature_), np.log(GRID[np.argmin(losses)]), atol=0.03)


def test_rows_that_are_learnt_at_the_end_do_not_tell_of_the_temperature():
    y = TARGETS["two classes"]
    before, after = (
        small(TabularMLPClassifier, refit=refit).fit(X, y).temperature_ for refit in (False, True)
    )
    assert before == after


def test_the_temperature_comes_from_rows_held_out():
    """On noise members know the rows they have learnt and no others: they were too sure."""
    generator = np.random.default_rng(0)
    noise, y = generator.normal(size=(150, 8)), generator.integers(0, 2, 150)
    model = TabularMLPClassifier(
        n_bins=16, hidden_layer_sizes=(64,), max_iter=1, learning_rate_init=0.3, batch_size=8,
        label_smoothing=0.0, random_state=0,
    )  # fmt: skip
    model.fit(noise, y)
    assert model.temperature_ > 1.5


def test_smoothing_is_undone():
    """Trained for long on classes that are certain, members give (1 − s) + s / C of them."""
    X, y = load_iris(return_X_y=True)
    rows = y != 2
    for smoothing in (0.1, 0.4):
        model = small(TabularMLPClassifier, label_smoothing=smoothing, max_iter=150, batch_size=8)
        model.fit(X[rows], y[rows])
        q = np.mean(
            [
                member.predict_proba(encoder.transform(X[rows]))
                for member, encoder in zip(
                    model.members_, np.repeat(model.encoders_, 2), strict=True
                )
            ],
            axis=0,
        )
        sure = q[np.arange(rows.sum()), y[rows]]
        assert_allclose(np.median(sure), 1 - smoothing / 2, atol=0.05)
        p = model.predict_proba(X[rows])
        assert np.median(p[np.arange(rows.sum()), y[rows]]) > 0.95
        assert_array_equal(p.argmax(axis=1), q.argmax(axis=1))


# ------------------------------------------------------------------------------------ class weights


@pytest.mark.parametrize("kind", ["two", "three"])
def test_a_heavier_class_gets_more_probability(kind):
    y, n_classes = CLASSES[kind]
    model = small(TabularMLPClassifier, max_iter=15)
    plain_mean = clone(model).fit(X, y).predict_proba(X).mean(axis=0)
    for heavy in range(n_classes):
        model.set_params(class_weight={heavy: 8.0})
        assert clone(model).fit(X, y).predict_proba(X).mean(axis=0)[heavy] > plain_mean[heavy]


def test_balanced_is_the_weights_by_frequency():
    y = TARGETS["three classes"]
    by_hand = dict(enumerate(N / (3 * np.bincount(y))))
    balanced = small(TabularMLPClassifier, class_weight="balanced").fit(X, y)
    given = small(TabularMLPClassifier, class_weight=by_hand).fit(X, y)
    assert_array_equal(balanced.predict_proba(X), given.predict_proba(X))


def test_class_weights_of_labels():
    y = TARGETS["labels"]
    model = small(TabularMLPClassifier, max_iter=15)
    plain_mean = clone(model).fit(X, y).predict_proba(X).mean(axis=0)
    model.set_params(class_weight=[{1: 9.0}, {}, {}])
    assert model.fit(X, y).predict_proba(X).mean(axis=0)[0] > plain_mean[0]


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({7: 1.0}, "class_weight has no weight for the classes .*has one for 7"),
        ({0: -1.0}, "class_weight must hold finite weights >= 0, got -1.0"),
        ({0: 0.0, 1: 0.0}, "sample_weight times class_weight must be positive for some row"),
        ([{0: 1.0}], "class_weight must be a dict"),
        ("equal", "The 'class_weight' parameter .* Got 'equal'"),
    ],
    ids=repr,
)
def test_bad_class_weights_are_named(class_weight, message):
    with pytest.raises(ValueError, match=message):
        small(TabularMLPClassifier, class_weight=class_weight).fit(X, TARGETS["two classes"])


def test_a_class_of_no_weight_is_still_a_class():
    y = TARGETS["three classes"]
    model = small(TabularMLPClassifier, class_weight={2: 0.0}, max_iter=12).fit(X, y)
    p = model.predict_proba(X)
    assert p.shape == (N, 3)
    assert p[:, 2].mean() < 0.1
    assert 2 not in model.predict(X)


def test_numbers_alone_and_a_network_without_hidden_layer():
    y = TARGETS["two classes"]
    model = small(TabularMLPClassifier, hidden_layer_sizes=(), max_iter=20).fit(numbers(), y)
    assert model.score(numbers(), y) > 0.8
    assert [member.coefs_[0].shape[1] for member in model.members_] == [1] * 4
