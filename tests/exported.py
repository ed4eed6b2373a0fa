"""What the tests of exports share: a fitted network of every kind, and what each is to give."""

import copy
import functools
import warnings

import numpy as np
import pandas as pd
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    SoftmaxClassifier,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from skdeep._engine.activations import ACTIVATIONS
from skdeep._engine.losses import REGRESSION_LOSSES
from skdeep.exceptions import NoProgressWarning
from skdeep.export._layers import network_arrays
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
    suggested_space,
)
from skdeep.preprocessing import PiecewiseLinearEncoder, TableEncoder

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
POSITIVE = np.exp(IRIS[:, 0])
LABELLED, LABELS = make_multilabel_classification(90, 6, n_classes=3, random_state=0)
LABELLED = scale(LABELLED)

# How near predictions of another program have to be.
TOLERANCE = {"float32": {"rtol": 1e-5, "atol": 1e-6}, "float64": {"rtol": 1e-10, "atol": 1e-10}}
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


# What holds networks, or makes their inputs; of each kind that leaves a state of its own behind.
TABLE = pd.DataFrame(
    {
        "number": IRIS[:, 0],
        "missing": [None if k % 7 == 0 else float(k % 11) for k in range(len(IRIS))],
        "text": [None if k % 8 == 0 else f"town {k % 4}" for k in range(len(IRIS))],
        "either": np.where(IRIS[:, 1] > 0, "x", "y"),
    }
)
SMALL = {
    "n_bins": (3, 5),
    "n_members": 2,
    "hidden_layer_sizes": (8,),
    "max_iter": 4,
    "learning_rate_init": 0.1,
    "random_state": 0,
}
ALPHAS = {"alpha": [0.01, 1.0]}
HOLDERS = {
    "classes of a table": (TabularMLPClassifier(**SMALL), TABLE, NAMES),
    "two classes of a table": (TabularMLPClassifier(**SMALL), TABLE, NAMES == "setosa"),
    "labels of a table": (TabularMLPClassifier(**SMALL), TABLE, np.eye(3, dtype=int)[SPECIES]),
    "numbers of a table": (TabularMLPRegressor(**SMALL), TABLE, POSITIVE),
    "counts of a table": (TabularMLPRegressor(loss="poisson", **SMALL), TABLE, POSITIVE),
    "table encoder": (TableEncoder(), TABLE, None),
    "piecewise linear encoder": (PiecewiseLinearEncoder(), IRIS, None),
    "pipeline": (make_pipeline(StandardScaler(), classifier(5)), IRIS, NAMES),
    "early stopping": (classifier(5, early_stopping=True), IRIS, NAMES),
    "class weights": (classifier(5, class_weight={"setosa": 2}), IRIS, NAMES),
    "grid": (VectorizedGridSearchCV(classifier(5), ALPHAS, cv=2, keep_best=2), IRIS, NAMES),
    "grid of a regressor": (
        VectorizedGridSearchCV(regressor(5), ALPHAS, cv=2, scoring="r2", keep_best=2),
        IRIS,
        POSITIVE,
    ),
    "two metrics": (
        VectorizedGridSearchCV(
            classifier(5), ALPHAS, cv=2, scoring=["neg_log_loss", "accuracy"], refit="accuracy"
        ),
        IRIS,
        NAMES,
    ),
    "random search": (
        VectorizedRandomizedSearchCV(
            classifier(5), suggested_space(classifier(5)), n_iter=2, cv=2, random_state=0
        ),
        IRIS,
        NAMES,
    ),
    "halving": (
        VectorizedHalvingRandomSearchCV(
            classifier(5), suggested_space(classifier(5)), cv=2, random_state=0
        ),
        IRIS,
        NAMES,
    ),
    "coarse to fine": (
        CoarseToFineSearchCV(
            classifier(5), suggested_space(classifier(5)), n_iter=2, cv=2, random_state=0
        ),
        IRIS,
        NAMES,
    ),
}


@functools.cache
def _fitted(name, dtype):
    estimator, X, y = (CASES | HOLDERS)[name]
    X = X if name in HOLDERS else X.astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", NoProgressWarning)
        warnings.simplefilter("ignore", UserWarning)
        return clone(estimator).fit(X, y)


def fitted(name, dtype="float64"):
    """The model of a case, of the test's own, and the rows that it was fitted to."""
    X = (CASES | HOLDERS)[name][1]
    return copy.deepcopy(_fitted(name, dtype)), X if name in HOLDERS else X.astype(dtype)


def outcome(model, X):
    """What a fitted model of any kind gives for rows."""
    for method in ("predict_proba", "predict", "transform"):
        if hasattr(model, method):
            return getattr(model, method)(X)
    raise AssertionError(f"{model} gives nothing")


def raw_outputs(model, X):
    """Before the link, a column for each output of the network."""
    if not hasattr(model, "predict_proba"):
        z = model.predict(X).reshape(len(X), -1)
        return np.log(z) if model.out_activation_ == "exp" else z
    arrays = network_arrays(model)
    if arrays.task == "multiclass" and arrays.n_outputs == 2:
        # decision_function gives their difference.
        return X @ arrays.layers[0].W + arrays.layers[0].b
    return model.decision_function(X).reshape(len(X), -1)


def predictions(model, X):
    """After the link, one column for two classes."""
    if not hasattr(model, "predict_proba"):
        return model.predict(X).reshape(len(X), -1)
    p = model.predict_proba(X)
    return p[:, 1:] if network_arrays(model).task == "binary" and p.shape[1] == 2 else p
