"""Members and encoders: plain parts that people can look into, take away and go on with."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from tabular.tables import (
    BOTH,
    MAY_MAKE_NO_PROGRESS,
    TARGETS,
    N,
    plain,
    predictions,
    small,
    target_for,
)

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from skdeep._engine.losses import REGRESSION_LOSSES
from skdeep.inspection import gradient_check
from skdeep.preprocessing import TableEncoder

pytestmark = MAY_MAKE_NO_PROGRESS
X = plain()
# Each an estimator, and its target.
FITS = {
    "two classes": (TabularMLPClassifier, {}, "two classes"),
    "three classes": (TabularMLPClassifier, {}, "three classes"),
    "labels": (TabularMLPClassifier, {"label_smoothing": 0.3}, "labels"),
    "two numbers": (TabularMLPRegressor, {}, "two numbers"),
    **{loss: (TabularMLPRegressor, {"loss": loss}, "amounts") for loss in REGRESSION_LOSSES},
    "one member": (TabularMLPClassifier, {"n_bins": 4, "n_members": 1}, "three classes"),
    "no hidden layer": (TabularMLPRegressor, {"hidden_layer_sizes": ()}, "numbers"),
    "two hidden layers": (TabularMLPClassifier, {"hidden_layer_sizes": (8, 6)}, "two classes"),
    "three members": (
        TabularMLPRegressor,
        {"n_members": 3, "n_bins": (2, 4, 6), "activation": ("relu", "tanh", "silu")},
        "two numbers",
    ),
}


@pytest.fixture(params=FITS)
def fitted(request):
    Estimator, parameters, target = FITS[request.param]
    y = TARGETS[target]
    return small(Estimator, **parameters).fit(X, y), y


def pairs(model):
    """Members, each with the encoder of its group."""
    return list(zip(model.members_, np.repeat(model.encoders_, model.n_members), strict=True))


def test_there_are_n_members_for_each_group(fitted):
    model, _ = fitted
    n_groups = np.size(model.n_bins)
    assert len(model.encoders_) == n_groups
    assert len(model.members_) == n_groups * model.n_members
    kind = DeepMLPClassifier if isinstance(model, TabularMLPClassifier) else DeepMLPRegressor
    assert {type(member) for member in model.members_} == {kind}
    assert {type(encoder) for encoder in model.encoders_} == {TableEncoder}
    for member, encoder in pairs(model):
        encoded = encoder.transform(X)
        assert encoded.dtype == model.dtype
        assert encoded.shape == (N, len(encoder.get_feature_names_out()))
        assert member.n_features_in_ == encoded.shape[1]
        sizes = model.hidden_layer_sizes
        assert tuple(W.shape[1] for W in member.coefs_[:-1]) == tuple(sizes)


def test_an_encoder_is_the_transformer_fitted_on_the_table(fitted):
    model, _ = fitted
    for n_bins, encoder in zip(np.atleast_1d(model.n_bins), model.encoders_, strict=True):
        expected = TableEncoder(int(n_bins)).fit(X)
        assert encoder.n_bins == n_bins
        assert_array_equal(encoder.transform(X), expected.transform(X))
        assert_array_equal(encoder.get_feature_names_out(), expected.get_feature_names_out())
        assert_array_equal(clone(encoder).fit_transform(X), expected.transform(X))
        assert encoder.feature_names_in_.tolist() == list(X)


def test_the_mean_of_members_calibrated_is_the_ensemble(fitted):
    model, y = fitted
    if isinstance(model, TabularMLPRegressor):
        members = [member.predict(encoder.transform(X)) for member, encoder in pairs(model)]
        clipped = np.clip(members, y.min(axis=0), y.max(axis=0))
        assert_allclose(model.predict(X), clipped.mean(axis=0), rtol=1e-6)
        return
    q = np.mean([m.predict_proba(e.transform(X)) for m, e in pairs(model)], axis=0)
    labels = np.ndim(model.temperature_) > 0
    n_classes, s = 2 if labels else q.shape[1], model.label_smoothing
    floor = min(0.002, 0.02 / n_classes)
    p = np.clip((q - s / n_classes) / (1 - s), floor, 1 - floor)
    power = p ** (1 / model.temperature_)
    rest = (1 - p) ** (1 / model.temperature_)
    total = power + rest if labels else power.sum(axis=1, keepdims=True)
    assert_allclose(model.predict_proba(X), power / total, rtol=1e-6)


def test_a_member_passes_the_gradient_check(fitted):
    model, y = fitted
    member, encoder = pairs(model)[-1]
    result = gradient_check(member, encoder.transform(X), y)
    assert result.relative_difference < 1e-5, result


def test_a_member_goes_on_training(fitted):
    model, y = fitted
    before = predictions(model, X)
    member, encoder = pairs(model)[0]
    encoded = encoder.transform(X)
    start = predictions(member, encoded)
    n_epochs = len(member.loss_curve_)
    assert member.loss_curve_ == model.loss_curve_[0]
    member.set_params(learning_rate_init=0.01)
    for _ in range(20):
        member.partial_fit(encoded, y)
    assert len(member.loss_curve_) == n_epochs + 20
    assert member.loss_curve_[-1] < member.loss_curve_[n_epochs]
    assert (predictions(member, encoded) != start).any()
    # The ensemble has none of it.
    assert_array_equal(predictions(model, X), before)
    assert len(model.loss_curve_[0]) == n_epochs
    assert_array_equal(predictions(model.members_[0], encoded), start)


def test_changing_a_member_changes_nothing(fitted):
    model, _ = fitted
    before = predictions(model, X)
    curves = [list(curve) for curve in model.loss_curve_]
    for member, encoder in pairs(model):
        for array in (*member.coefs_, *member.intercepts_):
            array[...] = 7
        member.loss_curve_.append(0.0)
        encoder.set_params(n_bins=1)
    assert_array_equal(predictions(model, X), before)
    assert model.loss_curve_ == curves


@BOTH
def test_edges_that_an_encoder_shows_are_not_the_ensembles(Estimator):
    model = small(Estimator).fit(X, target_for(Estimator))
    before = predictions(model, X)
    for column in model.encoders_[0].columns_:
        # A read-only array is as good as a copy.
        if column.edges is not None and column.edges.flags.writeable:
            column.edges[...] = np.arange(column.edges.size)
    assert_array_equal(predictions(model, X), before)


def test_members_survive_a_pickle(fitted):
    model, _ = fitted
    for (member, encoder), again in zip(
        pairs(model), pairs(pickle.loads(pickle.dumps(model))), strict=True
    ):
        x = encoder.transform(X)
        assert_array_equal(predictions(member, x), predictions(again[0], again[1].transform(X)))


@BOTH
def test_there_are_none_before_a_fit(Estimator):
    for name in ("members_", "encoders_"):
        assert not hasattr(Estimator(), name)
        with pytest.raises(AttributeError, match=name):
            getattr(Estimator(), name)


@BOTH
def test_members_of_a_group_differ(Estimator):
    model = small(Estimator, n_members=3).fit(X, target_for(Estimator))
    for first, second in ((0, 1), (1, 2), (3, 4)):
        x = pairs(model)[first][1].transform(X)
        one, other = (predictions(model.members_[k], x) for k in (first, second))
        assert np.abs(one - other).max() > 1e-3


@BOTH
def test_members_are_those_that_were_fitted_whatever_is_set_since(Estimator):
    model = small(Estimator).fit(X, target_for(Estimator))
    before = [predictions(m, e.transform(X)) for m, e in pairs(model)]
    model.set_params(activation="tanh", hidden_layer_sizes=(3,), n_bins=(2, 2))
    after = [predictions(m, e.transform(X)) for m, e in pairs(model)]
    assert_array_equal(after, before)
