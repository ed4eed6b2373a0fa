"""
Random initialisation
=====================

How weights start (course I 4.5, II 1.10) is what `weight_init` sets. From zero the units of a
layer stay alike; drawn too small, signals and gradients vanish on their way through a deep
network; with He's variance they arrive. Where gradients explode, `gradient_clip` keeps a step
from being too long. Look at how straight the lines fall: each layer multiplies by the same
factor.
"""

# %%
# The data: the digits, and for the first part whether they are even or odd.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.inspection import layer_statistics

X, digit = load_digits(return_X_y=True)
X = StandardScaler().fit_transform(X)


def fit(y, **parameters):
    """Some epochs of training, too few to converge or not getting anywhere, as is the point."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return DeepMLPClassifier(random_state=0, **parameters).fit(X, y)


# %%
# Zeros (I 4.5): all units of the hidden layer get the same gradient and take the same steps, so
# that six are no better than one. In exact arithmetic that holds for ever; here rounding errors
# grow from epoch to epoch, and would tell the units apart after about a hundred.

settings = {
    "hidden_layer_sizes": 6,
    "activation": "sigmoid",
    "solver": "sgd",
    "learning_rate_init": 0.1,
    "max_iter": 30,
}
starts = {
    name: fit(digit % 2, weight_init=name, **settings)
    for name in ("zeros", "small_random")
}
for name, network in starts.items():
    apart = np.ptp(network.coefs_[0], axis=1).max()
    accuracy = network.score(X, digit % 2)
    print(
        f"{name}: units differ by {apart:.0e}, accuracy {accuracy:.3f} on the training set"
    )
W = starts["zeros"].coefs_[0]
np.testing.assert_allclose(W, np.repeat(W[:, :1], 6, axis=1), atol=1e-4)

# %%
# The variances: 0.01² for small_random, 2 / n_in for He, 2 / (n_in + n_out) for Glorot. z is a sum
# of n_in terms (II 1.10), so Var(z) = n_in · Var(W) · E(a²), and relu throws half of it away: He's
# 2 makes up for that.

DEPTH, WIDTH = 20, 100
deep = {
    name: DeepMLPClassifier((WIDTH,) * DEPTH, weight_init=name, alpha=0, random_state=0)
    for name in ("small_random", "glorot_normal", "he_normal")
}
layers = {name: layer_statistics(network, X, digit) for name, network in deep.items()}
sizes = {
    name: [np.sqrt(np.mean(layer.activations**2)) for layer in found[:-1]]
    for name, found in layers.items()
}
gain = {"small_random": 0.01**2 * WIDTH / 2, "glorot_normal": 1 / 2, "he_normal": 1}
for name, size in sizes.items():
    per_layer = (size[-1] / size[0]) ** (1 / (DEPTH - 1))
    print(
        f"{name}: a layer multiplies by {per_layer:.3f}, in theory {np.sqrt(gain[name]):.3f}"
    )

# %%
# Gradient clipping: with a rate that is too large by far, one long step can undo all the others.
# `gradient_clip` scales the gradient down to that norm where it is longer.

steep = {
    "hidden_layer_sizes": (50,) * 5,
    "weight_init": "he_normal",
    "solver": "sgd",
    "learning_rate_init": 0.15,
    "max_iter": 30,
}
clipped = {clip: fit(digit, gradient_clip=clip, **steep) for clip in (None, 1.0)}
for clip, network in clipped.items():
    print(
        f"gradient_clip={clip}: accuracy {network.score(X, digit):.3f} on the training set"
    )

# %%
# Weights from zero are the same in every column, so that their six units are one.

figure, axes = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
both = np.hstack([network.coefs_[0] for network in starts.values()])
limit = np.abs(both).max()
image = axes[0, 0].imshow(both, aspect="auto", cmap="RdBu", vmin=-limit, vmax=limit)
axes[0, 0].axvline(5.5, color="k")
axes[0, 0].set_xticks([2.5, 8.5], labels=["6 units from zeros", "6 from small_random"])
axes[0, 0].set(ylabel="pixel", title="W[1] after training")
figure.colorbar(image, ax=axes[0, 0], label="weight")
for ax in axes[0, 1], axes[1, 0]:
    ax.xaxis.get_major_locator().set_params(integer=True)
for name, found in layers.items():
    axes[0, 1].semilogy(range(1, DEPTH + 1), sizes[name], marker=".", label=name)
    norms = [layer.gradient_norm for layer in found]
    axes[1, 0].semilogy(range(1, DEPTH + 2), norms, marker=".", label=name)
axes[0, 1].set(xlabel="layer l", ylabel="root mean square of a[l] (log scale)")
axes[0, 1].set_title("Signals going forward")
axes[1, 0].set(xlabel="layer l", ylabel="norm of the gradient (log scale)")
axes[1, 0].set_title("Gradients coming back")
for clip, network in clipped.items():
    axes[1, 1].semilogy(network.loss_curve_, label=f"gradient_clip={clip}")
axes[1, 1].set(
    xlabel="epoch", ylabel="cost J (log scale)", title="Steps too long, and clipped"
)
axes[0, 1].legend(loc="lower left")
axes[1, 0].legend(loc="lower right")
axes[1, 1].legend(loc="center right")
figure.savefig("initialisation.png", dpi=120)
