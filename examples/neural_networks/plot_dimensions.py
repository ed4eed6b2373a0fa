"""
Dimensions of W, b and their gradients
======================================

The check of the course (I 5.1): what shape every array of a network has to have, printed and drawn
to scale, and the error for an array that does not fit, which names the layer and both shapes.
Look at how each gradient has the shape of what it belongs to.
"""

# %%
# The data: 12 tumours, so that m = 12 rows can be drawn, with n_x = 30 measurements each. One
# epoch of training leaves a network of L = 3 layers with 8, 4 and 1 units.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.inspection import gradient_check

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
network = DeepMLPClassifier((8, 4), activation="tanh", alpha=0, random_state=0)
network.partial_fit(X, y, classes=[0, 1])
X, y = X[15:27], y[15:27]
m, n_x = X.shape

# %%
# Forward: A[l] = g(Z[l]) with Z[l] = A[l−1] W[l] + b[l], and A[0] = X. skdeep's arrays are the
# transposes of the course's: there W[l] is (n[l], n[l−1]), b[l] is (n[l], 1), and Z[l] is (n[l],
# m).

A, Z = [X], [None]
for layer in network.layers_:
    Z.append(A[-1] @ layer.W + layer.b)
    A.append(np.tanh(Z[-1]) if layer.activation == "tanh" else 1 / (1 + np.exp(-Z[-1])))
np.testing.assert_allclose(A[-1][:, 0], network.predict_proba(X)[:, 1])

# %%
# Backward: `gradient_check` gives skdeep's gradient as one long vector, first all dW[l], then all
# db[l]. Cut into the shapes of W[l] and b[l] it is used up to the last number.

vector = gradient_check(network, X, y, epsilon=1e-5).gradient
shapes = [layer.W.shape for layer in network.layers_] + [
    (1, layer.b.size) for layer in network.layers_
]
pieces = np.split(vector, np.cumsum([np.prod(shape) for shape in shapes])[:-1])
arrays = [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]
L = len(network.layers_)
dW, db = [None, *arrays[:L]], [None, *arrays[L:]]

# And dZ[l] from the formulas of I 4.4, which have to agree with it.
dZ = [None] * L + [A[L] - y.reshape(-1, 1)]
for number in reversed(range(1, L)):
    dZ[number] = dZ[number + 1] @ network.layers_[number].W.T * (1 - A[number] ** 2)
for number in range(1, L + 1):
    np.testing.assert_allclose(dW[number], A[number - 1].T @ dZ[number] / m, atol=1e-12)
    np.testing.assert_allclose(
        db[number], dZ[number].mean(axis=0, keepdims=True), atol=1e-12
    )

# %%
# All of them. Within, a bias is a row (1, n[l]); `b` and `intercepts_` show it as (n[l],), which
# is how scikit-learn's MLP has it.

print(f"{'':<8}{'W, dW':<10}{'b, db':<10}{'Z, dZ, A':<10}")
for number, layer in enumerate(network.layers_, start=1):
    W, b = layer.W, layer.b.reshape(1, -1)
    assert dW[number].shape == W.shape
    assert db[number].shape == b.shape
    assert dZ[number].shape == Z[number].shape == A[number].shape
    print(f"layer {number:<2}{W.shape!s:<10}{b.shape!s:<10}{Z[number].shape!s:<10}")

# %%
# What does not fit is refused before it can do harm. `coefs_` counts from 0: coefs_[1] is W[2].


def transpose_W_2():
    network.coefs_[1] = network.coefs_[1].T


def lose_a_unit():
    network.intercepts_[0] = network.intercepts_[0][:-1]


for wrong in (transpose_W_2, lose_a_unit, lambda: network.predict(X[:, :29])):
    try:
        wrong()
    except ValueError as error:
        print(f"ValueError: {error}")

# %%
# Each block has a cell for each number. Read a line from the left: the width of A[l−1] is the
# height of W[l], and Z[l] has the height of the one and the width of the other. On the right,
# dW[l] and db[l] have the shapes of W[l] and b[l] on the left, whatever m is; dZ[l] has that of
# Z[l].


def draw(ax, array, left, name):
    """The array as an image of one cell a number, its upper edge at 0."""
    height, width = array.shape
    size = np.abs(array).max()
    ax.imshow(
        array,
        extent=(left, left + width, -height, 0),
        cmap="PuOr",
        vmin=-size,
        vmax=size,
        interpolation="nearest",
    )
    ax.add_patch(plt.Rectangle((left, -height), width, height, fill=False, color="0.2"))
    ax.text(
        left + width / 2,
        0.7,
        f"{name}\n{array.shape}",
        ha="center",
        va="bottom",
        fontsize=9,
    )


PLACES = {"A": 0, "W": 38, "b": 54, "Z": 70, "dZ": 92, "dW": 108, "db": 124}
figure, axes = plt.subplots(
    L, 1, figsize=(11, 7.5), layout="constrained", height_ratios=[37, 19, 19]
)
for number, (ax, layer) in enumerate(zip(axes, network.layers_, strict=True), start=1):
    blocks = {
        "A": (A[number - 1], f"A[{number - 1}]" if number > 1 else "A[0] = X"),
        "W": (layer.W, f"W[{number}]"),
        "b": (layer.b.reshape(1, -1), f"b[{number}]"),
        "Z": (Z[number], f"Z[{number}]"),
        "dZ": (dZ[number], f"dZ[{number}]"),
        "dW": (dW[number], f"dW[{number}]"),
        "db": (db[number], f"db[{number}]"),
    }
    for key, (array, name) in blocks.items():
        draw(ax, array, PLACES[key], name)
    for place, sign in (
        (PLACES["W"] - 4, "@"),
        (PLACES["b"] - 4, "+"),
        (PLACES["Z"] - 4, "="),
    ):
        ax.text(place, -3, sign, ha="center", va="center", fontsize=14)
    ax.axvline(PLACES["dZ"] - 7, color="0.7")
    ax.set(xlim=(-2, 136), ylim=(-max(m, layer.W.shape[0]) - 1, 7))
    ax.set_title(
        f"layer {number}: forward on the left, backward on the right",
        loc="left",
        fontsize=10,
    )
    ax.axis("off")
figure.savefig("dimensions.png", dpi=120)
