"""The linear classifiers find the optimum of scikit-learn's LogisticRegression.

The objective is convex, so there is one answer to compare with. It comes from scikit-learn where
that converges tightly in little time, and from an oracle written out here where it does not: the
weights split into positive and negative parts, which makes L1 smooth, and SciPy's L-BFGS-B.
"""

import functools

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit, log_softmax
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils import parse_version
from sklearn.utils.fixes import sp_version

import skdeep
from skdeep import LogisticRegressionGD, SoftmaxClassifier

LOADERS = {"breast_cancer": load_breast_cancer, "wine": load_wine, "digits": load_digits}
RATIOS = (0.0, 0.5, 1.0)
