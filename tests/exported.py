"""What the tests of exports share: a fitted network of every kind, and what each is to give."""

import copy
import functools
import warnings

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier
from skdeep._engine.activations import ACTIVATIONS
from skdeep._engine.losses import REGRESSION_LOSSES
from skdeep.exceptions import NoProgressWarning

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
POSITIVE = np.exp(IRIS[:, 0])
LABELLED, LABELS = make_multilabel_classification(90, 6, n_classes=3, random_state=0)
LABELLED = scale(LABELLED)

LINKS = {
    "identity": lambda z: z,
    "logistic": expit,
    "softmax": functools.partial(softmax, axis=1),
    "exp": np.exp,
}


def classifier(*sizes, **parameters):
    settings = {"max_iter": 5, "batch_size": 16, "learning_rate_init": 0.02, "random_state": 0}
    return DeepMLPClassifier(sizes, **(settings | parameters))


def regressor(*sizes, **parameters):
    settings = {"max_iter": 5, "batch_size": 16, "learning_rate_init": 0.02, "random_state": 0}
    return DeepMLPRegressor(hidden_layer_sizes=sizes, **(settings | parameters))


# A network of every kind: unfitted, X and y.
CASES = {
    "logistic regression": (LogisticRegressionGD(), IRIS, NAMES == "setosa"),
    "no intercept": (LogisticRegressionGD(fit_intercept=False), IRIS, NAMES == "setosa"),
    "softmax regression": (SoftmaxClassifier(), IRIS, NAMES),
    "softmax of two": (SoftmaxClassifier(), IRIS, NAMES == "setosa"),
    "two classes": (classifier(6, 5), IRIS, np.where(NAMES == "setosa", "yes", "no")),
    "three classes": (classifier(6, 5), IRIS, NAMES),
    "one class": (classifier(4), IRIS, np.full(len(IRIS), "all")),
    "labels": (classifier(6), LABELLED, LABELS),
    "no hidden layer": (classifier(), IRIS, NAMES),
    "batch norm": (classifier(6, 5, batch_norm=True), IRIS, NAMES),
    "batch norm, lbfgs": (classifier(6, batch_norm=True, solver="lbfgs"), IRIS, NAMES),
    "layer norm": (classifier(6, 5, layer_norm=True, layer_norm_epsilon=1e-3), IRIS, NAMES),
    "dropout": (classifier(6, 5, dropout=[0.5, 0.0], input_dropout=0.25), IRIS, NAMES),
    "all at once": (
        regressor(6, 5, batch_norm=True, dropout=0.25, activation=["tanh", "gelu"]),
        IRIS,
        POSITIVE,
    ),
    "two targets": (regressor(6), IRIS, IRIS[:, :2] * 3),
    **{
        f"activation {name}": (classifier(6, 5, activation=name), IRIS, NAMES)
        for name in sorted(ACTIVATIONS)
    },
    **{f"loss {name}": (regressor(6, loss=name), IRIS, POSITIVE) for name in REGRESSION_LOSSES},
}


@functools.cache
def _fitted(name, dtype):
    estimator, X, y = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", NoProgressWarning)
        return clone(estimator).fit(X.astype(dtype), y)


def fitted(name, dtype="float64"):
    """The model of a case, of the test's own, and the rows that it was fitted to."""
    return copy.deepcopy(_fitted(name, dtype)), CASES[name][1].astype(dtype)
