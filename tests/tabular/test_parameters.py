"""Parameters: none is accepted and ignored, bad values are named, equal ones give equal bits."""

import contextlib
import copy
import functools
import io
import pickle

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from tabular.tables import (
    BOTH,
    MAY_MAKE_NO_PROGRESS,
    SMALL,
    TARGETS,
    N,
    plain,
    predictions,
    small,
    target_for,
)

from skdeep import TabularMLPClassifier, TabularMLPRegressor
from skdeep._engine.activations import ACTIVATIONS
from skdeep.inspection import LossCurveDisplay

pytestmark = MAY_MAKE_NO_PROGRESS
X = plain()
COMMON = {
    "n_bins": [7, (3, 4), (3,), (3, 5, 9)],
    "n_members": [1, 3],
    "hidden_layer_sizes": [(9,), (8, 8), (), 4],
    "activation": ["relu", ("silu", "relu")],
    "categorical_features": [["colour", "town", "age"]],
    "max_iter": [2, 60],
    "learning_rate_init": [0.01],
    "weight_decay": [0.0, 0.5],
    "batch_size": [7],
    "validation_fraction": [0.4],
    "refit": [False],
    "random_state": [1],
    "verbose": [True],
    "dtype": ["float64"],
}
OTHER_VALUES = {
    TabularMLPClassifier: {
        **COMMON,
        "label_smoothing": [0.0, 0.4],
        "class_weight": [{0: 5.0}, "balanced"],
    },
    TabularMLPRegressor: {
        **COMMON,
        "loss": ["absolute_error", "huber", "quantile"],
        "huber_delta": [0.1],
        "quantile": [0.2],
    },
}
# Settings under which a parameter has a meaning at all.
CONTEXTS = {"huber_delta": {"loss": "huber"}, "quantile": {"loss": "quantile"}}
# Threads are not to be told from what comes out.
INERT = {"n_jobs"}
CASES = [
    pytest.param(Estimator, name, value, id=f"{Estimator.__name__}-{name}-{value}")
    for Estimator, table in OTHER_VALUES.items()
    for name, values in table.items()
    for value in values
]


@functools.cache
def outcome(Estimator, parameters):
    """What a user can see of a fit."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        model = small(Estimator, **dict(parameters)).fit(X, target_for(Estimator))
    curves = (model.loss_curve_, model.validation_scores_, model.best_epoch_, model.n_iter_)
    return printed.getvalue(), repr(curves), predictions(model, X).tobytes()


class Pairs(tuple):
    """Parameters as pairs, hashed by what they print."""

    def __hash__(self):
        return hash(repr(self))


@pytest.mark.parametrize(("Estimator", "name", "value"), CASES)
def test_another_value_tells(Estimator, name, value):
    context = CONTEXTS.get(name, {})
    expected = outcome(Estimator, Pairs(context.items()))
    assert outcome(Estimator, Pairs({**context, name: value}.items())) != expected


@pytest.mark.parametrize("Estimator", OTHER_VALUES)
def test_the_tables_have_exactly_the_parameters(Estimator):
    assert OTHER_VALUES[Estimator].keys() | INERT == Estimator().get_params().keys()


@pytest.mark.parametrize("Estimator", OTHER_VALUES)
def test_equal_parameters_tell_nothing(Estimator):
    """Guards the test above, and is what random_state promises."""
    assert outcome(Estimator, Pairs()) == outcome.__wrapped__(Estimator, Pairs())


# ------------------------------------------------------------------------------------- bad values

BAD = [
    ("n_bins", 0),
    ("n_bins", (3, 0)),
    ("n_bins", ()),
    ("n_bins", 2.5),
    ("n_bins", (3, 2.5)),
    ("n_bins", "5"),
    ("n_bins", [[3], [5]]),
    ("n_bins", None),
    ("n_members", 0),
    ("n_members", 1.5),
    ("hidden_layer_sizes", 0),
    ("hidden_layer_sizes", (8, 0)),
    ("hidden_layer_sizes", (8, 2.5)),
    ("hidden_layer_sizes", "8"),
    ("hidden_layer_sizes", None),
    ("activation", "step"),
    ("activation", ("relu", "step")),
    ("activation", ("relu",)),
    ("activation", ("relu", "relu", "relu")),
    ("activation", ("relu", 3)),
    ("activation", (["relu"], ["relu"])),
    ("activation", ()),
    ("activation", None),
    ("max_iter", 0),
    ("max_iter", "all"),
    ("learning_rate_init", 0.0),
    ("learning_rate_init", "auto"),
    ("weight_decay", -0.1),
    ("batch_size", 0),
    ("batch_size", "all"),
    ("validation_fraction", 0.0),
    ("validation_fraction", 1.0),
    ("validation_fraction", 5),
    ("refit", "yes"),
    ("random_state", "seed"),
    ("n_jobs", 1.5),
    ("n_jobs", 0),
    ("verbose", "loud"),
    ("dtype", "float16"),
    ("dtype", float),
    ("learning_rate_init", np.inf),
    ("learning_rate_init", np.nan),
    ("weight_decay", np.nan),
]
BAD_OF_CLASSES = [("label_smoothing", 1.0), ("label_smoothing", -0.1), ("class_weight", 3)]


@pytest.mark.parametrize(
    ("Estimator", "name", "value"),
    [
        *[(Estimator, *case) for Estimator in OTHER_VALUES for case in BAD],
        *[(TabularMLPClassifier, *case) for case in BAD_OF_CLASSES],
    ],
)
def test_a_bad_value_is_named(Estimator, name, value):
    with pytest.raises(ValueError, match=name) as caught:
        small(Estimator, **{name: value}).fit(X, target_for(Estimator))
    shown = str(caught.value)
    assert repr(value) in shown or f"{name} == {value}" in shown


@BOTH
@pytest.mark.parametrize(
    "parameters",
    [
        {"n_bins": np.array([3, 5])},
        {"n_bins": [np.int64(3), 5]},
        {"hidden_layer_sizes": np.array([8])},
        {"hidden_layer_sizes": 8},
        {"hidden_layer_sizes": np.int64(8)},
        {"activation": ["silu", "silu"]},
        {"activation": np.array(["silu", "silu"])},
        {"batch_size": 10**6, "max_iter": np.int64(6)},
    ],
    ids=repr,
)
def test_other_words_for_the_same(Estimator, parameters):
    y = target_for(Estimator)
    whole = {"batch_size": N} if "batch_size" in parameters else {}
    expected = small(Estimator, **whole).fit(X, y)
    assert_array_equal(
        predictions(small(Estimator, **parameters).fit(X, y), X), predictions(expected, X)
    )


# ------------------------------------------------------------------------------------ repeatability


@BOTH
@pytest.mark.parametrize("n_jobs", [1, 2, 3, -1])
@pytest.mark.parametrize("max_iter", [5, "auto"])
def test_threads_change_no_bit(Estimator, n_jobs, max_iter):
    y = target_for(Estimator)
    parameters = {"n_bins": (3, 5, 4), "max_iter": max_iter}
    expected = small(Estimator, **parameters, n_jobs=None).fit(X, y)
    model = small(Estimator, **parameters, n_jobs=n_jobs).fit(X, y)
    assert_array_equal(predictions(model, X), predictions(expected, X))
    assert model.loss_curve_ == expected.loss_curve_
    assert model.best_epoch_ == expected.best_epoch_


@BOTH
def test_seeds(Estimator):
    y = target_for(Estimator)

    def fitted(seed):
        return predictions(small(Estimator, random_state=seed).fit(X, y), X)

    assert_array_equal(fitted(7), fitted(7))
    assert (fitted(7) != fitted(8)).any()
    assert_array_equal(fitted(np.random.RandomState(7)), fitted(7))
    generator = np.random.RandomState(7)
    assert (fitted(generator) != fitted(generator)).any()
    np.random.seed(3)  # noqa: NPY002
    first = fitted(None)
    np.random.seed(3)  # noqa: NPY002
    assert_array_equal(fitted(None), first)


@BOTH
def test_a_second_fit_is_a_first_one(Estimator):
    y = target_for(Estimator)
    model = small(Estimator).fit(X[:50], y[:50])
    assert_array_equal(predictions(model.fit(X, y), X), predictions(clone(model).fit(X, y), X))


@BOTH
def test_copies(Estimator, tmp_path):
    y = target_for(Estimator)
    model = small(Estimator).fit(X, y)
    expected = predictions(model, X)
    joblib.dump(model, tmp_path / "model")
    copies = [
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        joblib.load(tmp_path / "model"),
    ]
    for again in copies:
        assert_array_equal(predictions(again, X), expected)
        assert again.get_params() == model.get_params()
        assert_array_equal(predictions(again.fit(X, y), X), expected)
    unfitted = clone(model)
    assert not hasattr(unfitted, "n_iter_")
    assert_array_equal(predictions(unfitted.fit(X, y), X), expected)


@BOTH
def test_parameters_are_got_and_set(Estimator):
    model = Estimator(**SMALL)
    parameters = model.get_params()
    assert SMALL.items() <= parameters.items()
    assert Estimator().set_params(**parameters).get_params() == parameters
    assert Estimator(**parameters).get_params() == parameters
    model.fit(X, target_for(Estimator))
    assert model.get_params() == parameters


@BOTH
@pytest.mark.parametrize("extra", [{}, {"loss": "poisson"}, {"label_smoothing": 0.5}], ids=repr)
def test_what_was_fitted_predicts_whatever_is_set_since(Estimator, extra):
    if extra.keys() - Estimator().get_params().keys():
        pytest.skip("no parameter of this one")
    model = small(Estimator).fit(X, target_for(Estimator))
    expected = predictions(model, X)
    members = [repr(m.get_params()) for m in model.members_]
    others = {"n_bins": 3, "n_members": 7, "hidden_layer_sizes": (3, 3), "activation": "relu"}
    others |= {"categorical_features": None, "dtype": "float64", "max_iter": 1}
    model.set_params(**others, **extra)
    assert_array_equal(predictions(model, X), expected)
    assert [repr(m.get_params()) for m in model.members_] == members


# ------------------------------------------------------------------------------- fitted attributes


@BOTH
@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("max_iter", [1, 3, 10, "auto"])
def test_shapes_of_what_is_kept(Estimator, refit, max_iter):
    model = small(Estimator, n_bins=(2, 3, 4), refit=refit, max_iter=max_iter)
    model.fit(X, target_for(Estimator))
    watched = model.validation_scores_
    assert len(model.loss_curve_) == len(watched) == len(model.validation_loss_curve_) == 3
    for loss, on_dev, score, best in zip(
        model.loss_curve_, model.validation_loss_curve_, watched, model.best_epoch_, strict=True
    ):
        assert len(on_dev) == len(score) <= len(loss)
        if max_iter != "auto":
            assert len(score) <= max_iter
        assert (len(loss) > len(score)) == refit
        assert best == int(np.argmax(score))
        assert np.isfinite([*loss, *on_dev, *score]).all()
        assert all(type(value) is float for value in (*loss, *on_dev, *score))
    assert type(model.n_iter_) is int
    assert model.n_iter_ == max(map(len, model.loss_curve_))
    assert all(type(best) is int for best in model.best_epoch_)
    assert model.n_features_in_ == 5
    assert model.feature_names_in_.tolist() == list(X)


@BOTH
def test_the_display_takes_the_curves(Estimator):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    model = small(Estimator).fit(X, target_for(Estimator))
    for group, curve in enumerate(model.loss_curve_):
        display = LossCurveDisplay.from_estimator(model, group=group, beta=0)
        assert curve in [list(line.get_ydata()) for line in display.ax_.lines]
    pyplot.close("all")


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_learns(activation):
    y = TARGETS["numbers"]
    model = small(TabularMLPRegressor, activation=activation, max_iter=20).fit(X, y)
    assert model.score(X, y) > 0.5


@BOTH
def test_verbose_prints_a_line_per_epoch(Estimator, capsys):
    model = small(Estimator, verbose=True, refit=False, n_jobs=2).fit(X, target_for(Estimator))
    lines = capsys.readouterr().out.splitlines()
    n_epochs = sum(map(len, model.loss_curve_))
    assert sum(line.startswith("Iteration") for line in lines) == n_epochs
    assert small(Estimator).fit(X, target_for(Estimator)).n_iter_ > 0
    assert capsys.readouterr().out == ""
