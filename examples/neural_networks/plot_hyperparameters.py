"""
Parameters and hyperparameters
==============================

Parameters, W and b, are what training finds; hyperparameters are what somebody has to set, and
they decide which W and b are found (course I 5.3). In skdeep they are the arguments of the
constructor. Look at what becomes of the accuracy as `validation_curve` varies one of them at a
time.
"""

# %%
# The data: images of digits, of which 400 are to be learnt from, so that the choice matters.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedShuffleSplit, validation_curve

from skdeep import DeepMLPClassifier

X, y = load_digits(return_X_y=True)
X = X / 16

# %%
# Hyperparameters are the constructor's arguments: `get_params` shows them before anything has been
# learnt, `set_params` sets them.

network = DeepMLPClassifier(hidden_layer_sizes=(32,), max_iter=30, random_state=0)
print(f"hyperparameters: {len(network.get_params())}; some of them:")
for name in (
    "learning_rate_init",
    "max_iter",
    "hidden_layer_sizes",
    "activation",
    "alpha",
):
    print(f"    {name} = {network.get_params()[name]!r}")
network.set_params(learning_rate_init=0.003)

# %%
# Parameters are there after `fit`. 30 epochs are few, here and below, and that they have not
# converged is no news.


def quietly(function, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return function(*args, **kwargs)


quietly(network.fit, X, y)
n_parameters = sum(array.size for array in [*network.coefs_, *network.intercepts_])
print("parameters:", n_parameters, "in", [W.shape for W in network.coefs_])
assert n_parameters == (64 + 1) * 32 + (32 + 1) * 10

# %%
# One hyperparameter at a time, three splits for each value. The course puts the learning rate first
# (II 3.1); of these three it is the one that can be too large as well as too small.

curves = {
    "learning_rate_init": np.geomspace(1e-5, 1, 11),
    "max_iter": [1, 2, 4, 8, 16, 32, 64],
    "hidden_layer_sizes": [1, 2, 4, 8, 16, 32, 64],
}
splits = StratifiedShuffleSplit(
    n_splits=3, train_size=400, test_size=800, random_state=0
)
scores = {
    name: quietly(
        validation_curve, network, X, y, param_name=name, param_range=values, cv=splits
    )
    for name, values in curves.items()
}
for name, (_, dev) in scores.items():
    means = dev.mean(axis=1)
    best = curves[name][means.argmax()]
    print(
        f"{name}: dev accuracy {means.min():.2f} to {means.max():.2f}, best at {best:.3g}"
    )

# %%
# How they act on W and b: the size (root mean square) of the weights that training ends with, for
# each rate. Where the rate is so large that the accuracy is lost, the weights have grown tenfold
# and more.

norms = []
for rate in curves["learning_rate_init"]:
    quietly(network.set_params(learning_rate_init=rate).fit, X, y)
    norms.append([np.sqrt(np.mean(W**2)) for W in network.coefs_])

figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
labels = ["learning rate", "epochs", "units of the hidden layer"]
for ax, label, (name, (train, dev)) in zip(
    axes.flat, labels, scores.items(), strict=False
):
    if name != "learning_rate_init":
        ax.set_xscale("log", base=2)
        ax.set_xticks(curves[name], labels=curves[name])
    else:
        ax.set_xscale("log")
    ax.plot(curves[name], train.mean(axis=1), marker=".", label="training set")
    ax.errorbar(
        curves[name], dev.mean(axis=1), dev.std(axis=1), marker=".", label="dev set"
    )
    ax.set(xlabel=f"{label} (log scale)", ylabel="accuracy", ylim=(0, 1.03))
axes[1, 1].loglog(
    curves["learning_rate_init"], norms, marker=".", label=["W[1]", "W[2]"]
)
axes[1, 1].set(
    xlabel="learning rate (log scale)", ylabel="size of the weights (log scale)"
)
axes[1, 1].set_yticks([0.1, 0.2, 0.5, 1, 2, 5], labels=[0.1, 0.2, 0.5, 1, 2, 5])
axes[1, 1].minorticks_off()
for ax in axes.flat:
    ax.legend()
figure.suptitle("Three hyperparameters, and what one of them does to the parameters")
figure.savefig("hyperparameters.png", dpi=120)
