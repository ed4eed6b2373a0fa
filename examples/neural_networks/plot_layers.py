"""
The layers of a network
=======================

A picture of a network that has been trained (course I 4.1): units as circles, weights as lines. The
input is layer 0 and not counted, so this network with two hidden layers has L = 3.
Look at which of the measurements the thick lines come from.
"""

# %%
# The data, four measurements of 150 iris flowers of three kinds, and a network small enough to
# draw.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier

iris = load_iris()
X = StandardScaler().fit_transform(iris.data)
network = DeepMLPClassifier(
    hidden_layer_sizes=(5, 3),
    activation="tanh",
    solver="lbfgs",
    alpha=1,
    max_iter=2000,
    random_state=0,
).fit(X, iris.target)
print(f"accuracy on the training set: {network.score(X, iris.target):.2f}")

# %%
# `layers_` lists layers 1 to L with their arrays. scikit-learn's `n_layers_` counts the input
# too. The hidden layers are those of which the data say nothing: what their units should give is
# nowhere written.

L = len(network.layers_)
for number, layer in enumerate(network.layers_, start=1):
    print(
        f"layer {number}, {layer.name}: W[{number}] {layer.W.shape}, b[{number}] {layer.b.shape}"
    )
print(f"L = {L}, n_layers_ = {network.n_layers_}")

# %%
# One flower goes through them, from a[0] = x to the three probabilities a[3].

flower = 100
a = [X[flower]]
for layer in network.layers_:
    z = a[-1] @ layer.W + layer.b
    a.append(np.tanh(z) if layer.activation == "tanh" else np.exp(z) / np.exp(z).sum())
np.testing.assert_allclose(a[-1], network.predict_proba(X[[flower]])[0])
print("a[3]:", a[-1].round(2), "which is", iris.target_names[iris.target[flower]])

# %%
# Follow the thick lines: they are the large weights, and most of what the output depends on comes
# in by the two measurements of the petal. In a circle stands what the unit gives for one flower,
# whose measurements are standardised. The column of a layer is its a[l]; the lines between two
# columns are its W[l].

figure, ax = plt.subplots(figsize=(11, 6), layout="constrained")
largest = max(abs(layer.W).max() for layer in network.layers_)


def heights(n):
    """Places of n units, one above the other, around 0; the first on top."""
    return (n - 1) / 2 - np.arange(n)


for number, layer in enumerate(network.layers_, start=1):
    for i, below in enumerate(heights(layer.W.shape[0])):
        for j, above in enumerate(heights(layer.W.shape[1])):
            w = layer.W[i, j]
            ax.plot(
                [number - 1, number],
                [below, above],
                color="C0" if w > 0 else "C1",
                linewidth=6 * abs(w) / largest,
                alpha=0.7,
                zorder=1,
            )
for number, values in enumerate(a):
    y = heights(len(values))
    ax.scatter(
        np.full(len(y), number), y, s=1300, color="white", edgecolor="0.2", zorder=2
    )
    for place, value in zip(y, values, strict=True):
        ax.text(number, place, f"{value:.2f}", ha="center", va="center", fontsize=9)
for place, name in zip(heights(4), iris.feature_names, strict=True):
    ax.text(-0.14, place, name.removesuffix(" (cm)"), ha="right", va="center")
for place, name in zip(heights(3), iris.target_names, strict=True):
    ax.text(L + 0.14, place, name, ha="left", va="center")
layers = [
    "layer 0\ninput, a[0] = x",
    "layer 1\nhidden",
    "layer 2\nhidden",
    "layer 3\noutput, ŷ",
]
for number, name in enumerate(layers):
    ax.text(number, -2.6, name, ha="center", va="top")
ax.plot([], [], color="C0", linewidth=4, label="weight above 0")
ax.plot([], [], color="C1", linewidth=4, label="weight below 0")
ax.legend(loc="upper left", title="thicker: larger")
ax.set(
    xlim=(-0.9, L + 0.6),
    ylim=(-3.3, 2.6),
    title="W[l] between the layers, a[l] of one flower",
)
ax.axis("off")
figure.savefig("layers.png", dpi=120)
