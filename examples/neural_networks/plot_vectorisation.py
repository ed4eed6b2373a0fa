"""
Vectorisation
=============

A product of matrices in place of a loop over examples, and what broadcasting needs for that
(course I 3.1–3.3). Then one step further, as `VectorizedGridSearchCV` takes it: a search whose
models train together, in one product for all. Look at how the gain grows with the number of
examples, and with the number of models.
"""

# %%
# The data: 1797 images of digits, each even (0) or odd (1).

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.model_selection import GridSearchCV

from skdeep import DeepMLPClassifier
from skdeep.model_selection import VectorizedGridSearchCV

X, digit = load_digits(return_X_y=True)
X = X / 16
y = digit % 2
rng = np.random.default_rng(0)
w, b = 0.1 * rng.standard_normal((X.shape[1], 1)), 0.1


# %%
# The forward and backward pass of logistic regression, example by example, and at once (I 3.1).
# With rows as examples the course's np.dot(w.T, X) is X @ w.


def gradient_by_loop(X, y):
    dw, db = np.zeros_like(w), 0.0
    for x_i, y_i in zip(X, y, strict=True):
        a_i = 1 / (1 + np.exp(-(x_i @ w + b)))
        dw += x_i[:, np.newaxis] * (a_i - y_i)
        db += (a_i - y_i).item()
    return dw / len(X), db / len(X)


def gradient_at_once(X, y):
    A = 1 / (1 + np.exp(-(X @ w + b)))
    dz = A - y.reshape(-1, 1)
    return X.T @ dz / len(X), dz.mean()


for by_loop, at_once in zip(
    gradient_by_loop(X, y), gradient_at_once(X, y), strict=True
):
    np.testing.assert_allclose(by_loop, at_once)

# %%
# Why the reshape (I 3.2, I 3.3): A is (m, 1) and y is (m,), of rank 1. Broadcasting takes that for
# a row, and makes a matrix of all pairs without a word. skdeep's biases are (1, n) within for the
# same reason, and a y that comes as a column is taken as the m labels it holds, with a warning.

m = len(X)
A = 1 / (1 + np.exp(-(X @ w + b)))
print(f"A {A.shape} − y {y.shape} is {(A - y).shape}")
print(f"A {A.shape} − y {y.reshape(-1, 1).shape} is {(A - y.reshape(-1, 1)).shape}")

network = DeepMLPClassifier((16,), max_iter=5, n_iter_no_change=np.inf, random_state=0)
with warnings.catch_warnings():
    # Five epochs are meant to be few, and the column is meant to be one.
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", DataConversionWarning)
    as_column = network.fit(X, y.reshape(-1, 1)).predict_proba(X)
    np.testing.assert_array_equal(as_column, network.fit(X, y).predict_proba(X))

# %%
# Where broadcasting is meant (I 3.2): b of shape (1, n) is added to each of the m rows of X W. And
# over models: the weights of K networks make an array (K, n_in, n_out), and one product multiplies
# by all of them. That is how skdeep's searches train. They find what scikit-learn's find.

W_1, b_1 = network.coefs_[0], network.intercepts_[0].reshape(1, -1)
print(f"X W {(X @ W_1).shape} + b {b_1.shape} is {(X @ W_1 + b_1).shape}")
stack = np.stack([W_1, 2 * W_1, 3 * W_1])
print(f"X {X.shape} @ {stack.shape} is {(X @ stack).shape}")


def search(kind, n_models):
    rates = {"learning_rate_init": np.geomspace(1e-3, 1e-1, n_models)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return kind(network, rates, cv=2, refit=False).fit(X, y)


together, one_by_one = search(VectorizedGridSearchCV, 4), search(GridSearchCV, 4)
for result in ("mean_test_score", "rank_test_score"):
    np.testing.assert_allclose(
        together.cv_results_[result], one_by_one.cv_results_[result]
    )

# %%
# How much faster? Ratios of times, each the best of three; how large they are depends on the
# machine. The loop loses by the more the more examples there are.


def best_time(function, *args):
    times = []
    for _ in range(3):
        start = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - start)
    return min(times)


sizes = [1, 4, 16, 64, 256, 1024]
over_examples = [
    best_time(gradient_by_loop, X[:n], y[:n])
    / best_time(gradient_at_once, X[:n], y[:n])
    for n in sizes
]
counts = [1, 2, 4, 8, 16]
over_models = [
    best_time(search, GridSearchCV, n) / best_time(search, VectorizedGridSearchCV, n)
    for n in counts
]

figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
axes[0].loglog(sizes, over_examples, marker="o")
axes[0].set(xlabel="examples m (log scale)", ylabel="time of the loop / of the product")
axes[1].plot(counts, over_models, marker="o", color="C1")
axes[1].set(xlabel="models K", ylabel="time one by one / together", ylim=(0, None))
axes[0].set_title("Vectorised over examples")
axes[1].set_title("Vectorised over models")
for ax in axes:
    ax.axhline(1, color="0.5", linestyle=":", label="no gain")
    ax.legend(loc="upper left")
figure.savefig("vectorisation.png", dpi=120)
