"""
Mini-batches
============

A step of gradient descent may look at all rows, at a mini-batch of them, or at a single one
(course II 2.1). The parameter `batch_size` says at how many. Few rows make many quick steps in
poor directions, many rows make few slow steps in good ones. Look at the last panel: for the same
time, something in between comes furthest.
"""

# %%
# The data: 1280 digits to learn from, and a small network, by plain gradient descent throughout.

import copy
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from skdeep import DeepMLPClassifier

X, y = load_digits(return_X_y=True)
X, y = X[:1280] / 16, y[:1280]
m = len(X)
RATE = 0.1
network = DeepMLPClassifier(
    (32,), solver="sgd", momentum=0, alpha=0, learning_rate_init=RATE, random_state=0
)

# %%
# Ten epochs by hand, with 64 rows a step, so that an epoch has 20 steps. Each call of
# `partial_fit` on one mini-batch is one step. The cost of the mini-batch goes up and down from one
# to the next, while the cost of all rows falls nearly all the time.

rng = np.random.default_rng(0)
costs_of_all = []
for _ in range(10):
    order = rng.permutation(m)
    for start in range(0, m, 64):
        rows = order[start : start + 64]
        network.partial_fit(X[rows], y[rows], classes=np.unique(y))
        costs_of_all.append(log_loss(y, network.predict_proba(X)))
costs = {"J of the mini-batch": network.loss_curve_, "J of all rows": costs_of_all}
for name, curve in costs.items():
    print(f"{name} rises in {np.mean(np.diff(curve) > 0):.0%} of {len(curve)} steps")

# %%
# How good is a step's direction? The gradient of a batch is an estimate of the gradient of all
# rows. Its error falls like 1 / √size: half the error takes four times the rows. A step moves W by
# −α dW, from which dW can be told.


def gradient(rows):
    twin = copy.deepcopy(network).set_params(batch_size="full")
    before = twin.coefs_[0].copy()
    return (before - twin.partial_fit(X[rows], y[rows]).coefs_[0]) / RATE


sizes = [1, 4, 16, 64, 256, 1280]
dW = gradient(np.arange(m))
errors = []
for n in sizes[:-1]:
    off = [gradient(rng.choice(m, n, replace=False)) - dW for _ in range(60)]
    errors.append(np.sqrt(np.mean(np.square(np.linalg.norm(off, axis=(1, 2))))))
errors = np.array(errors) / np.linalg.norm(dW)
for n, error in zip(sizes, errors, strict=False):
    print(f"{n:>4} rows: the gradient is off by {error:.1f} times its size")


# %%
# 20 epochs with each batch size, with rates that grow like √size, since a better direction bears a
# longer step. Per epoch, small batches win, as they make more steps. But their epochs take longer:
# one row at a time leaves nothing to vectorise. Time is therefore counted in epochs of all rows at
# once, so that 1 on the last axis is the time of one such epoch.


def fit(batch_size):
    model = DeepMLPClassifier(**network.get_params())
    model.set_params(
        batch_size=batch_size, learning_rate_init=0.03 * np.sqrt(batch_size)
    )
    model.set_params(max_iter=20, n_iter_no_change=np.inf)
    with warnings.catch_warnings():
        # 20 epochs are not meant to converge.
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        return model.fit(X, y).loss_curve_, time.perf_counter() - start


curves, seconds = zip(*(fit(n) for n in sizes), strict=True)
for n, curve in zip(sizes, curves, strict=True):
    print(f"{n:>4} rows a step: J = {curve[-1]:.3f} after 20 epochs")

figure, axes = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
for (name, curve), colour in zip(costs.items(), ("0.7", "C0"), strict=True):
    axes[0, 0].plot(curve, color=colour, label=name)
axes[0, 0].set(xlabel="step of 64 rows", ylabel="cost J", title="Ten epochs by hand")
axes[0, 1].loglog(sizes[:-1], errors, marker="o", label="measured")
axes[0, 1].loglog(
    sizes[:-1], errors[2] * np.sqrt(16 / np.array(sizes[:-1])), "k:", label="1 / √size"
)
axes[0, 1].set(
    xlabel="rows in the batch (log scale)", ylabel="relative error (log scale)"
)
axes[0, 1].set_title("Error of the gradient")
epochs = np.arange(1, 21)
shades = plt.colormaps["viridis"](np.linspace(0, 0.9, len(sizes)))
for n, curve, time_taken, shade in zip(sizes, curves, seconds, shades, strict=True):
    axes[1, 0].semilogy(epochs, curve, color=shade, label=f"{n}")
    axes[1, 1].loglog(epochs * time_taken / seconds[-1], curve, color=shade)
axes[1, 0].set(xlabel="epoch", ylabel="cost J (log scale)", title="Cost per epoch")
axes[1, 0].xaxis.get_major_locator().set_params(integer=True)
axes[1, 1].set(
    xlabel="time (log scale), in epochs of all rows at once", title="Cost per time"
)
axes[1, 1].set_ylabel("cost J (log scale)")
for ax in axes[0]:
    ax.legend()
lines, labels = axes[1, 0].get_legend_handles_labels()
figure.legend(
    lines,
    labels,
    loc="outside lower center",
    ncols=6,
    title="rows a step (lower two panels)",
)
figure.savefig("batch_size.png", dpi=120)
