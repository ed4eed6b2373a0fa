"""
Batch normalisation
===================

Each hidden unit's z is normalised over the mini-batch, then scaled and shifted by a learned γ and
β (course II 3.2); `batch_norm=True` does it. So b cancels, prediction uses weighted averages of μ
and σ², signals arrive through however many layers, and training bears larger rates. Look at the
middle panel: how many learning rates work.
"""

# %%
# The data: 900 digits.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import softmax
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skdeep import DeepMLPClassifier
from skdeep.inspection import layer_statistics
from skdeep.utils import ewma

X, digit = load_digits(return_X_y=True)
X, digit = X[:900] / 16, digit[:900]
EPSILON = 1e-5


# %%
# The formulas. Whatever b is added to z, subtracting μ takes it away again; and with γ = √(σ² + ε)
# and β = μ nothing has been done at all, so that the network loses nothing.


def batch_norm(z, gamma=1.0, beta=0.0):
    mu, sigma_2 = z.mean(axis=0), z.var(axis=0)
    z_norm = (z - mu) / np.sqrt(sigma_2 + EPSILON)
    return gamma * z_norm + beta


z = X @ np.random.default_rng(0).standard_normal((64, 16))
np.testing.assert_allclose(batch_norm(z + 7.0), batch_norm(z))
np.testing.assert_allclose(
    batch_norm(z, np.sqrt(z.var(axis=0) + EPSILON), z.mean(axis=0)), z
)

# %%
# skdeep's batch norm, in a network of 16 hidden units without an activation, so that what they give
# on is what was normalised. There is no b: `intercepts_` holds β. All rows in each step, 30 of
# them, of which the first is next to nothing, so as to see the weights that it starts from.

network = DeepMLPClassifier(
    16,
    "identity",
    batch_norm=True,
    batch_size="full",
    learning_rate_init=1e-12,
    random_state=0,
)
network.partial_fit(X, digit, classes=np.arange(10))
network.set_params(learning_rate_init=0.01)
z = X @ network.coefs_[0]
means, variances = [z.mean(axis=0)], [z.var(axis=0)]
for _ in range(29):
    means.append(z.mean(axis=0))
    variances.append(z.var(axis=0))
    network.partial_fit(X, digit)
    z = X @ network.coefs_[0]

a = layer_statistics(network, X, digit)[0].activations
beta = network.intercepts_[0]
gamma = a.std(axis=0) * np.sqrt(z.var(axis=0) + EPSILON) / z.std(axis=0)
np.testing.assert_allclose(a, batch_norm(z, gamma, beta), atol=1e-10)
print(f"after 30 steps γ is {gamma.min():.2f} to {gamma.max():.2f}, ", end="")
print(f"β {beta.min():.2f} to {beta.max():.2f}")

# %%
# Prediction has no batch: a single row has to do. It takes the exponentially weighted averages of
# the μ and σ² of all steps.

mu, sigma_2 = ewma(means, beta=0.9)[-1], ewma(variances, beta=0.9)[-1]
a = gamma * (z - mu) / np.sqrt(sigma_2 + EPSILON) + beta
expected = softmax(a @ network.coefs_[1] + network.intercepts_[1], axis=1)
np.testing.assert_allclose(network.predict_proba(X), expected, atol=1e-8)
np.testing.assert_allclose(network.predict_proba(X[:1]), expected[:1], atol=1e-8)

# %%
# Through ten layers from weights far too small (II 1.10), normalised layer by layer or not.

sizes = {}
for normalised in (False, True):
    deep = DeepMLPClassifier(
        (32,) * 10, weight_init="small_random", batch_norm=normalised, random_state=0
    )
    hidden = layer_statistics(deep, X, digit)[:-1]
    sizes[normalised] = [np.sqrt(np.mean(layer.activations**2)) for layer in hidden]

# %%
# Plain descent with mini-batches of 64 through six layers, for many rates.

rates = np.geomspace(0.001, 3, 12)
fits = {False: [], True: []}
for normalised in fits:
    for rate in rates:
        deep = DeepMLPClassifier(
            (32,) * 6,
            solver="sgd",
            momentum=0,
            batch_size=64,
            max_iter=15,
            random_state=0,
        ).set_params(batch_norm=normalised, learning_rate_init=rate)
        with warnings.catch_warnings():
            # Rates that are too small or too large get nowhere in 15 epochs, as is to be seen.
            warnings.simplefilter("ignore", ConvergenceWarning)
            fits[normalised].append(deep.fit(X, digit))
best = {
    normalised: min(found, key=lambda deep: deep.loss_)
    for normalised, found in fits.items()
}
for normalised, found in fits.items():
    n_good = sum(deep.loss_ < 1 for deep in found)
    print(f"batch_norm={normalised}: J = {best[normalised].loss_:.2f} ", end="")
    print(f"with α = {best[normalised].learning_rate_init:.2g}, ", end="")
    print(f"below 1 with {n_good} of {rates.size} rates")

# %%
# Left: signals that would vanish arrive. Middle: more rates work, larger ones among them. Right:
# at its best rate each, the normalised network is ahead from the first epoch.

figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
for normalised, found in fits.items():
    label = f"batch_norm={normalised}"
    axes[0].semilogy(range(1, 11), sizes[normalised], marker=".", label=label)
    axes[1].semilogx(rates, [deep.loss_ for deep in found], marker=".", label=label)
    rate = best[normalised].learning_rate_init
    axes[2].plot(
        range(1, 16), best[normalised].loss_curve_, label=f"{label}, α = {rate:.2g}"
    )
axes[0].set(xlabel="layer l", ylabel="root mean square of a[l] (log scale)")
axes[0].set_title("Signals, weights too small")
axes[1].set(xlabel="learning rate α (log scale)", ylabel="cost J", ylim=(0, 3.2))
axes[1].set_title("After 15 epochs")
axes[2].set(xlabel="epoch", ylabel="cost J", title="At the best rate", ylim=(0, 3.2))
for ax in axes:
    ax.legend(fontsize="small")
figure.savefig("batch_norm.png", dpi=120)
