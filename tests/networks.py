"""What the tests of the deep networks share: a small one, and both kinds of them."""

import numpy as np
import pytest

from skdeep import DeepMLPClassifier, DeepMLPRegressor
from skdeep._engine.solvers import SOLVERS as ROWS

BOTH = pytest.mark.parametrize("Estimator", [DeepMLPClassifier, DeepMLPRegressor])
SOLVERS = [name for name, row in ROWS.items() if row.takes_hidden_layers]


def small(Estimator, **kwargs):
    settings = {"hidden_layer_sizes": (6, 5), "max_iter": 4, "random_state": 0, "batch_size": 16}
    return Estimator(**(settings | kwargs))


def forward(model, X):
    """The raw outputs, from coefs_ and intercepts_ alone (relu, no batch norm)."""
    for W, b in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        X = np.maximum(X @ W + b, 0)
    return X @ model.coefs_[-1] + model.intercepts_[-1]


def overfitting(Estimator, **kwargs):
    """A model whose dev score has its best long before the end."""
    settings = {"hidden_layer_sizes": (30,), "learning_rate_init": 0.05, "max_iter": 60}
    settings |= {"early_stopping": True, "n_iter_no_change": 4, "tol": 0.0, "random_state": 0}
    return Estimator(**(settings | kwargs))
