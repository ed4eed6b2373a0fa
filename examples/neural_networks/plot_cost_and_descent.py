"""
Cost and gradient descent
=========================

Logistic regression (course I 2.1–2.6) has a loss for one example, a cost J for the whole set,
which is the mean of the losses, and gradient descent to make J small: w := w − α dw.
`LogisticRegressionGD` with `solver="gd"` takes the very same steps. Look at how J falls for five
learning rates α, `learning_rate_init` in skdeep.
"""

# %%
# The data: m = 569 tumours, 30 measurements of each, y = 1 for benign. Examples are rows here,
# where the course has columns.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from skdeep import LogisticRegressionGD

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
m, n_x = X.shape

# %%
# The sigmoid makes a probability a of z = wᵀx + b (I 2.2). The loss is one example's (I 2.3); the
# second form is equal to the first and does not fail where a rounds to 0 or 1.


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def loss(z, y):
    return np.logaddexp(0, z) - y * z


z, a = np.array([-3.0, 0.5]), sigmoid(np.array([-3.0, 0.5]))
np.testing.assert_allclose(loss(z, 1), -np.log(a))
np.testing.assert_allclose(loss(z, 0), -np.log(1 - a))

# %%
# One pass over the m examples gives the cost J, which is the mean of their losses, and its
# derivatives (I 2.5, I 2.6). The loop is the course's; vectorisation gets rid of it.


def cost_and_gradient(X, w, b):
    J, dw, db = 0.0, np.zeros_like(w), 0.0
    for x_i, y_i in zip(X, y, strict=True):
        z_i = w @ x_i + b
        J += loss(z_i, y_i)
        dz_i = sigmoid(z_i) - y_i
        dw += x_i * dz_i
        db += dz_i
    return J / m, dw / m, db / m


def descend(X, rate, n_steps):
    """The cost before each step, and where each step starts and the last one ends."""
    w, b = np.zeros(X.shape[1]), 0.0
    costs, path = [], [(w, b)]
    for _ in range(n_steps):
        J, dw, db = cost_and_gradient(X, w, b)
        w, b = w - rate * dw, b - rate * db
        costs.append(J)
        path.append((w, b))
    return costs, path


costs, path = descend(X, rate=0.1, n_steps=40)
print(f"cost at w = 0, b = 0: {costs[0]:.4f}, which is log 2: {np.log(2):.4f}")
print(f"cost after 39 steps:  {costs[-1]:.4f}")

# %%
# The same by skdeep: no penalty, no momentum, a fixed rate. 40 steps do not reach the minimum, and
# the warning that says so is expected.


def fit(rate, n_steps=40):
    model = LogisticRegressionGD(
        alpha=0, solver="gd", momentum=0, learning_rate_init=rate, max_iter=n_steps
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


model = fit(rate=0.1)
w, b = path[-1]
np.testing.assert_allclose(model.coef_[0], w)
np.testing.assert_allclose(model.intercept_[0], b)
np.testing.assert_allclose(model.loss_curve_, costs)

# %%
# Left: J is a mean, to which few examples give most. Middle: what the rate does; a small one is
# slow, and one that is too large climbs before it falls. Right: the way down for a model of two
# measurements only, seen from above. The rate of 12 steps over the minimum and has to come back.

losses = np.sort(loss(X @ w + b, y))[::-1]
n_half = 1 + np.searchsorted(np.cumsum(losses), losses.sum() / 2)
print(f"{n_half} of {m} examples give half of the cost")

figure, axes = plt.subplots(1, 3, figsize=(12, 4.8), layout="constrained")
axes[0].semilogy(losses, label="loss of one example")
axes[0].axhline(losses.mean(), color="C1", linestyle="--", label="cost J, their mean")
axes[0].axvline(
    n_half, color="0.5", linestyle=":", label=f"half of J: {n_half} examples"
)
axes[0].set(xlabel="example, worst first", ylabel="loss after 40 steps (log scale)")
axes[0].set_title("Loss and cost")
for rate in (0.001, 0.01, 0.1, 1.0, 10.0):
    axes[1].plot(fit(rate).loss_curve_, label=f"α = {rate:g}")
axes[1].set(xlabel="step", ylabel="cost J", title="Five learning rates")

pair = X[:, [0, 7]]
grid = np.linspace(-7, 3, 60)
w_1, w_2 = np.meshgrid(grid, grid)
minimum = LogisticRegressionGD(alpha=0).fit(pair, y)
z = w_1[..., None] * pair[:, 0] + w_2[..., None] * pair[:, 1] + minimum.intercept_[0]
J = loss(z, y).mean(axis=-1)
axes[2].contour(
    w_1, w_2, J, levels=np.geomspace(J.min() * 1.01, J.max(), 15), cmap="Greys_r"
)
for rate, marker in ((0.5, "s"), (4.0, "o"), (12.0, "^")):
    steps = np.array([w for w, _ in descend(pair, rate, n_steps=30)[1]])
    axes[2].plot(*steps.T, marker=marker, markersize=4, label=f"α = {rate:g}, 30 steps")
axes[2].plot(*minimum.coef_[0], "*", color="k", markersize=12, label="minimum")
axes[2].set(
    xlabel="weight of the mean radius", ylabel="weight of the mean concave points"
)
axes[2].set_title("The way down")
for ax in axes:
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, fontsize="small"
    )
axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), fontsize="small")
figure.savefig("cost_and_descent.png", dpi=120)
