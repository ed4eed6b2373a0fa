"""Data for both kinds of deep networks."""

import numpy as np
import pytest
from sklearn.datasets import make_classification

from skdeep import DeepMLPClassifier, DeepMLPRegressor


@pytest.fixture(scope="module")
def data():
    """60 rows of X, three classes, a number and a count that depend on it."""
    X, classes = make_classification(
        60, 4, n_informative=3, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0
    )
    real = X @ [1.0, -1.0, 0.5, 0.0] + 0.1 * np.sin(np.arange(60))
    return X, {DeepMLPClassifier: classes, DeepMLPRegressor: real}
