"""
The noise of batch normalisation
================================

Batch norm takes μ and σ² from a mini-batch, so that what a unit gives on for an example depends on
the others in the batch, too. That is noise, a little like dropout's, and it fades as batches grow
(course II 3.2).
"""

# %%
# Few data: 512 digits to learn from, and 700 for the dev set.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skdeep import DeepMLPClassifier

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
sizes = [8, 32, 128, 512]


def split(seed):
    rows = np.random.default_rng(seed).permutation(len(X))
    return rows[:512], rows[512:1212]


def cost(probabilities, rows):
    return -np.mean(np.log(probabilities[np.arange(len(rows)), y[rows]]))


# %%
# The networks: one for each size of batch, each trained until the cost of the training set is 0.01.
# Only then can they be compared. After as many epochs, or as many steps, one of them would have
# learnt more than another.


def fit(size, seed, batch_norm):
    train, _ = split(seed)
    model = DeepMLPClassifier(
        (64, 64), batch_norm=batch_norm, alpha=0, batch_size=size, random_state=seed
    )
    # Larger batches bear larger rates.
    model.set_params(learning_rate_init=0.002 if size < 128 else 0.004)
    # An epoch of large batches is a step or a few, after which there is no need to look each time.
    look_every = max(1, size // 64)
    for epoch in range(1, 201):
        model.partial_fit(X[train], y[train], classes=np.arange(10))
        if (
            epoch % look_every == 0
            and cost(model.predict_proba(X[train]), train) < 0.01
        ):
            break
    return model


# %%
# What training sees of such a network: μ and σ² of each batch, layer by layer, where prediction has
# their weighted averages.


def normalise(z):
    return (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5)


def probabilities_in_training(model, X):
    *hidden, output = model.layers_
    a = X
    for layer in hidden:
        a = np.maximum(layer.gamma * normalise(a @ layer.W) + layer.beta, 0)
    t = np.exp(a @ output.W + output.b)
    return t / t.sum(axis=1, keepdims=True)


# %%
# Two seeds. "Training" is the cost with the noise, as training has it; the others are costs as
# prediction has them.

costs = {
    name: [] for name in ("training", "training set", "dev set", "dev set, no norm")
}
for size in sizes:
    found = []
    for seed in range(2):
        train, dev = split(seed)
        model, plain = fit(size, seed, True), fit(size, seed, False)
        noisy = [
            cost(probabilities_in_training(model, X[batch]), batch)
            for batch in train.reshape(-1, size)
        ]
        found.append(
            (
                np.mean(noisy),
                cost(model.predict_proba(X[train]), train),
                cost(model.predict_proba(X[dev]), dev),
                cost(plain.predict_proba(X[dev]), dev),
            )
        )
    for name, value in zip(costs, np.mean(found, axis=0), strict=True):
        costs[name].append(value)
    print(
        f"{size:>4} rows: ",
        ", ".join(f"{name} {c[-1]:.3f}" for name, c in costs.items()),
    )

# %%
# The noise itself: one digit, in the company of many different batches, and how far apart its 64
# normalised z of the first layer are. (The network is the last one trained; any would do.)

z = X[train] @ model.layers_[0].W
rng = np.random.default_rng(0)
batch_sizes = [4, 8, 16, 32, 64, 128, 256]
noise = []
for size in batch_sizes:
    batches = [
        np.append(0, rng.choice(np.arange(1, 512), size - 1)) for _ in range(300)
    ]
    noise.append(np.std([normalise(z[batch])[0] for batch in batches], axis=0).mean())

# %%
# On the left, the noise falls like 1 / √size. On the right, what that comes to: batches of 8 make
# the cost in training ten times that in prediction; with 512 they hardly differ. On the dev set
# batch norm is ahead at every size, by more than the size of the batch makes of it. So the noise is
# a side effect. Against overfitting there are dropout and λ, which can be set.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.loglog(batch_sizes, noise, "C0o-", label="measured")
expected = noise[3] * np.sqrt(32 / np.array(batch_sizes))
left.loglog(batch_sizes, expected, "k:", label="1 / √size")
left.set(
    xlabel="rows in the batch (log scale)", ylabel="standard deviation (log scale)"
)
left.set_title("One digit's z, normalised in many batches")
left.set_yticks([0.05, 0.1, 0.2, 0.4], minor=False)
styles = {
    "training": "C1o-",
    "training set": "C0o-",
    "dev set": "ks-",
    "dev set, no norm": "ks:",
}
for name, values in costs.items():
    right.plot(sizes, values, styles[name], label=name)
right.set(
    xscale="log",
    yscale="log",
    xlabel="batch_size (log scale)",
    ylabel="cost (log scale)",
)
right.set(title="At a training cost of 0.01", ylim=(0.005, 0.6))
right.set_yticks([0.01, 0.02, 0.05, 0.1, 0.2], minor=False)
right.legend(ncols=2, fontsize="small", loc="upper right")
for ax, ticks in ((left, batch_sizes), (right, sizes)):
    ax.set_xticks(ticks, minor=False)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(plt.NullLocator())
figure.savefig("batch_norm_noise.png", dpi=120)
