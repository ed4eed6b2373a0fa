"""partial_fit on the pieces of a set: what `alpha` is divided by."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]

X, Y = load_iris(return_X_y=True)
ORDER = np.random.default_rng(0).permutation(150)[:120]
X, Y = scale(X)[ORDER], (Y[ORDER] > 0).astype(int)
WEIGHTS = 1.0 + np.arange(120) % 3
DESCENT = {"solver": "sgd", "momentum": 0.0, "shuffle": False, "batch_size": 10, "max_iter": 1}
MODELS = {
    "logistic": LogisticRegressionGD(**DESCENT),
    "softmax": SoftmaxClassifier(**DESCENT),
    "network": DeepMLPClassifier((4,), random_state=0, **DESCENT),
    "regressor": DeepMLPRegressor(hidden_layer_sizes=(4,), random_state=0, **DESCENT),
    "adamw": DeepMLPClassifier((4,), random_state=0, **(DESCENT | {"solver": "adamw"})),
    "elastic net": LogisticRegressionGD(l1_ratio=0.5, **DESCENT),
}


def in_pieces(model, **keywords):
    model = clone(model)
    if hasattr(model, "predict_proba"):
        keywords["classes"] = [0, 1]
    for start in range(0, 120, 10):
        model.partial_fit(X[start : start + 10], Y[start : start + 10], **keywords)
    return model


@pytest.mark.parametrize("alpha", [0.0, 10.0])
@pytest.mark.parametrize("name", MODELS)
def test_pieces_with_the_weight_of_the_whole_are_the_whole(name, alpha):
    model = clone(MODELS[name]).set_params(alpha=alpha)
    whole = clone(model).fit(X, Y)
    assert_allclose(in_pieces(model, total_weight=120)._state.theta, whole._state.theta, rtol=1e-9)
    if alpha:
        # A twelfth of the penalty, twelve times.
        strong = in_pieces(model.set_params(alpha=alpha / 12))
        assert_allclose(strong._state.theta, whole._state.theta, rtol=1e-9)


def test_weights_count_as_rows_do():
    model = clone(MODELS["network"]).set_params(alpha=5.0)
    once = clone(model).partial_fit(X, Y, WEIGHTS, [0, 1], total_weight=3 * WEIGHTS.sum())
    third = clone(model).set_params(alpha=5 / 3).partial_fit(X, Y, WEIGHTS, [0, 1])
    assert_allclose(once._state.theta, third._state.theta, rtol=1e-9)


def test_a_strong_penalty_no_longer_drowns_the_pieces():
    model = LogisticRegressionGD(alpha=10.0, **(DESCENT | {"learning_rate_init": 0.1}))
    scores = {}
    for total in (None, 120):
        one = clone(model)
        for _ in range(20):
            for start in range(0, 120, 10):
                rows = slice(start, start + 10)
                one.partial_fit(X[rows], Y[rows], classes=[0, 1], total_weight=total)
        scores[total] = one.coef_
    assert np.abs(scores[120]).max() > 3 * np.abs(scores[None]).max()


@pytest.mark.parametrize("bad", [9, 0, -1, np.nan, np.inf, "120", True, [120]])
def test_a_total_below_the_rows_own_is_named(bad):
    model = clone(MODELS["network"])
    with pytest.raises(ValueError, match="total_weight must be the finite weight of a set"):
        model.partial_fit(X[:10], Y[:10], classes=[0, 1], total_weight=bad)
    assert not hasattr(model, "n_iter_")


@pytest.mark.parametrize("class_weight", [{0: 10, 1: 10}, {0: 0.1, 1: 0.1}, {0: 1, 1: 3}])
def test_the_total_is_of_the_rows_own_weights(class_weight):
    """As in a fit on the whole, whose cost classes' weights are in."""
    model = clone(MODELS["network"]).set_params(alpha=5.0, class_weight=class_weight)
    whole = clone(model).partial_fit(X, Y, classes=[0, 1])
    assert_allclose(
        clone(model).partial_fit(X, Y, classes=[0, 1], total_weight=120)._state.theta,
        whole._state.theta,
        rtol=1e-9,
    )
