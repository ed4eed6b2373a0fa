"""What is in `coefs_` and `intercepts_` is the model; names are those of scikit-learn."""

import numpy as np
import pytest
from networks import BOTH, forward, small
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skdeep import DeepMLPClassifier, DeepMLPRegressor

# A budget of epochs is what most of these fits end with.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("settings", [{}, {"dropout": 0.5, "input_dropout": 0.2}], ids=str)
def test_coefs_and_intercepts_are_the_model(settings, data):
    X, y = data[0], data[1][DeepMLPClassifier]
    model = small(DeepMLPClassifier, **settings).fit(X, y)
    assert [W.shape for W in model.coefs_] == [(4, 6), (6, 5), (5, 3)]
    assert [b.shape for b in model.intercepts_] == [(6,), (5,), (3,)]
    assert_allclose(model.predict_proba(X), softmax(forward(model, X), axis=1), rtol=1e-10)
    regressor = small(DeepMLPRegressor, **settings).fit(X, data[1][DeepMLPRegressor])
    assert_allclose(regressor.predict(X), forward(regressor, X)[:, 0], rtol=1e-10)


def test_coefs_are_views(data):
    X, y = data[0], data[1][DeepMLPRegressor]
    model = small(DeepMLPRegressor).fit(X, y)
    model.coefs_[-1][...] = 0
    model.intercepts_[-1][...] = 7
    assert_array_equal(model.predict(X), 7)


@pytest.mark.parametrize("norm", ["batch_norm", "layer_norm"])
def test_norm_shapes_and_predictions(norm, data):
    X, y = data[0], data[1][DeepMLPClassifier]
    model = small(DeepMLPClassifier, **{norm: True}).fit(X, y)
    assert [b.shape for b in model.intercepts_] == [(6,), (5,), (3,)]  # of hidden layers, β
    # Statistics are those of training: rows are predicted one by one as all at once.
    assert_allclose(model.predict_proba(X[:1]), model.predict_proba(X)[:1], rtol=1e-10)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
@BOTH
def test_has_every_attribute_of_scikit_learns(Estimator, early_stopping, solver, data):
    X, y = data[0], data[1][Estimator]
    Theirs = {DeepMLPClassifier: MLPClassifier, DeepMLPRegressor: MLPRegressor}[Estimator]
    settings = {"solver": solver, "early_stopping": early_stopping and solver != "lbfgs"}
    settings |= {"max_iter": 5, "random_state": 0, "validation_fraction": 0.2}
    theirs, ours = (C(**settings).fit(X, y) for C in (Theirs, Estimator))
    names = {n for n in vars(theirs) if n.endswith("_") and not n.startswith("_")}
    for name in sorted(names):
        expected, found = getattr(theirs, name), getattr(ours, name)
        assert (expected is None) == (found is None), name
        if isinstance(expected, list):
            assert len(found) == len(expected), name
    assert ours.t_ == theirs.t_ if solver != "lbfgs" else ours.t_ > 0
    for name in ("n_iter_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name) or name == "n_iter_"


def test_parameters_are_scikit_learns():
    own = {"alpha": "meaning", "batch_size": "meaning"}
    for Ours, Theirs in ((DeepMLPClassifier, MLPClassifier), (DeepMLPRegressor, MLPRegressor)):
        ours, theirs = Ours().get_params(), Theirs().get_params()
        assert theirs.keys() <= ours.keys()
        assert {name: ours[name] for name in theirs if name not in own} == {
            name: value for name, value in theirs.items() if name not in own
        }


@pytest.mark.parametrize("sizes", [(), 7, (7,), [7, 3], np.array([7, 3])], ids=str)
def test_hidden_layer_sizes(sizes, data):
    X, y = data[0], data[1][DeepMLPRegressor]
    model = small(DeepMLPRegressor, hidden_layer_sizes=sizes).fit(X, y)
    widths = [int(n) for n in np.atleast_1d(np.array(sizes, dtype=int))]
    assert [W.shape for W in model.coefs_] == list(zip([4, *widths], [*widths, 1], strict=True))
    assert model.n_layers_ == len(widths) + 2


WEIGHT_INITS = {
    "he_normal": 2 / 300,
    "he_uniform": 2 / 300,
    "glorot_normal": 2 / 500,
    "glorot_uniform": 2 / 500,
    "lecun_normal": 1 / 300,
    "lecun_uniform": 1 / 300,
    "small_random": 1e-4,
    "zeros": 0,
}


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        *((None, name) for name in WEIGHT_INITS),
        ("relu", "glorot_uniform"),
        ("tanh", "glorot_uniform"),
        ("selu", "lecun_normal"),
    ],
)
def test_weight_init(activation, name):
    settings = {"weight_init": name} if activation is None else {"activation": activation}
    model = DeepMLPRegressor(
        hidden_layer_sizes=(200,), random_state=0, max_iter=1, solver="sgd", **settings
    )
    X = np.ones((3, 300))
    W = model.set_params(learning_rate_init=1e-300).fit(X, np.zeros(3)).coefs_[0]
    assert W.var() == pytest.approx(WEIGHT_INITS[name], rel=0.05)
    if name.endswith("uniform"):
        assert np.abs(W).max() <= np.sqrt(3 * WEIGHT_INITS[name])
