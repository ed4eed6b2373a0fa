"""
Which activation where
======================

The course's rule (I 4.2): a sigmoid at the output that says yes or no, relu in the hidden layers.
What the rule is worth in hidden layers is measured here. Look at how flat each function is where a
network uses it, what is left of the gradient, and how fast the cost falls.
"""

# %%
# The data: is the digit in the image even or odd? Four hidden layers make the differences plain.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning

from skdeep import DeepMLPClassifier, DeepMLPRegressor
from skdeep.inspection import layer_statistics

pixels, digit = load_digits(return_X_y=True)
X, y = pixels / 16, digit % 2
DEPTH = 4
FUNCTIONS = ("sigmoid", "tanh", "relu")


def network(activation):
    """Plain gradient descent, so that nothing makes up for a small gradient."""
    return DeepMLPClassifier(
        hidden_layer_sizes=(32,) * DEPTH,
        activation=activation,
        solver="sgd",
        momentum=0,
        learning_rate_init=0.05,
        alpha=0,
        batch_size=64,
        max_iter=60,
        n_iter_no_change=60,
        random_state=0,
    )


# %%
# The output first. skdeep chooses it by what y is, and that is the first half of the rule: a
# sigmoid ("logistic") for two classes, softmax for more, and no function at all for a number.

two = DeepMLPClassifier(random_state=0).partial_fit(X, y, classes=[0, 1])
three = DeepMLPClassifier(random_state=0).partial_fit(
    *load_iris(return_X_y=True), classes=[0, 1, 2]
)
number = DeepMLPRegressor(random_state=0).partial_fit(*load_diabetes(return_X_y=True))
for what, model in {
    "two classes": two,
    "three classes": three,
    "a number": number,
}.items():
    print(f"{what}: {model.out_activation_}")

# %%
# How steep? f′ at each unit of a layer, for each image, before training. The sigmoid's slope is
# 1/4 at most, tanh's and relu's 1. "Flat" is less than a twentieth of that. Pixels from 0 to 16,
# as they come, drive the first layer far out, and most of sigmoid and tanh is flat there (II 1.9
# is why).

slopes = {
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a**2,
    "relu": lambda a: (a > 0).astype(float),
}
steepest = {"sigmoid": 1 / 4, "tanh": 1, "relu": 1}
flat = {}
for name in FUNCTIONS:
    for scale, inputs in {"0 to 1": X, "0 to 16": pixels}.items():
        first = layer_statistics(network(name), inputs, y)[0]
        share = np.mean(slopes[name](first.activations) < steepest[name] / 20)
        flat[name, scale] = share
        print(
            f"{name:>8}, pixels {scale:<7}: {share:4.0%} flat, dead units {first.dead.mean():.0%}"
        )

# %%
# relu is flat, too, wherever z < 0, for about four in ten pairs of unit and image and whatever
# the scale. But where it is not, its slope is 1, and no unit is off for all images. So the
# gradient arrives at the first layer, while each layer of sigmoids multiplies it by slopes of 1/4
# at most.

layers = {name: layer_statistics(network(name), X, y) for name in FUNCTIONS}
norms = {
    name: [layer.gradient_norm for layer in found] for name, found in layers.items()
}
for name, norm in norms.items():
    print(
        f"{name:>8}: gradient of layer 1 is {norm[0] / norm[-1]:.3f} of the output layer's"
    )

# %%
# And then 60 epochs of training. They are not enough to converge, which is no news.


def costs(activation):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return network(activation).fit(X, y).loss_curve_


curves = {name: costs(name) for name in FUNCTIONS}
for name, curve in curves.items():
    print(f"{name:>8}: cost {curve[-1]:.3f} after {len(curve)} epochs")

# %%
# Left: before training. Middle: from right to left, the way back; sigmoid loses a factor at every
# layer. Right: so its cost stays at log 2 ≈ 0.69, which is guessing, while tanh, whose mean is 0,
# and relu learn. `activation="relu"` is the default of both estimators.

figure, axes = plt.subplots(1, 3, figsize=(14, 4.3), layout="constrained")
styles = {"sigmoid": ("C1", ":"), "tanh": ("C2", "--"), "relu": ("C0", "-")}
for offset, (scale, hatch) in zip(
    (-0.2, 0.2), {"0 to 1": "", "0 to 16": "//"}.items(), strict=True
):
    shares = [flat[name, scale] for name in FUNCTIONS]
    places = np.arange(len(FUNCTIONS)) + offset
    axes[0].bar(
        places,
        shares,
        0.38,
        color="0.75",
        edgecolor="0.2",
        hatch=hatch,
        label=f"pixels {scale}",
    )
axes[0].set_xticks(range(len(FUNCTIONS)), FUNCTIONS)
axes[0].set(
    ylim=(0, 1.25),
    yticks=np.linspace(0, 1, 6),
    ylabel="share of f′(z) that is flat",
    title="First layer: how flat?",
)
for name, (colour, dashes) in styles.items():
    style = {"color": colour, "linestyle": dashes, "label": name}
    axes[1].semilogy(range(1, DEPTH + 2), norms[name], marker=".", **style)
    axes[2].plot(curves[name], **style)
axes[1].set_xticks(range(1, DEPTH + 2), [*range(1, DEPTH + 1), "output"])
axes[1].set(
    xlabel="layer", ylabel="norm of dW[l], db[l]", title="What arrives of the gradient"
)
axes[2].axhline(np.log(2), color="0.5", linewidth=0.8, label="log 2")
axes[2].set(
    xlabel="epoch", ylabel="cost J", ylim=(0, 0.85), title="How fast the cost falls"
)
for ax, place in zip(axes, ("upper right", "lower right", "center right"), strict=True):
    ax.legend(loc=place)
figure.savefig("which_activation.png", dpi=120)
