"""
Mini-batches for small data
===========================

The course takes all rows at once where there are fewer than 2000 (II 2.1). skdeep does not: its
``batch_size="auto"`` is 128 rows, or all where there are fewer. Three small sets show why: all rows
at once make one step an epoch, and a network needs more steps than that.
"""

# %%
# Three sets, of 124, 398 and 1257 rows to learn from. The others are the dev set.

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier

N_EPOCHS = 30
sets = {}
for name, load in {
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
}.items():
    X_train, X_dev, y_train, y_dev = train_test_split(
        *load(return_X_y=True), test_size=0.3, random_state=0
    )
    scaler = StandardScaler().fit(X_train)
    sets[name] = scaler.transform(X_train), y_train, scaler.transform(X_dev), y_dev


# %%
# The same network for all, by Adam. Larger batches bear larger rates, so each size has the best of
# three for itself. An epoch of all rows at once takes the least time. It gets twice as many epochs,
# and so about as much time as batches of 32.


def fit(X_train, y_train, X_dev, y_dev, size, rate):
    model = DeepMLPClassifier(
        (32,),
        batch_size=size,
        learning_rate_init=rate,
        max_iter=2 * N_EPOCHS if size == "full" else N_EPOCHS,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    with warnings.catch_warnings():
        # To see how far so many epochs come, all of them are run.
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(X_train, y_train, X_val=X_dev, y_val=y_dev)
    return np.array(model.validation_loss_curve_), time.perf_counter() - start


sizes = {32: "C0", 128: "C1", 512: "C2", "full": "k"}
curves = {}
for name, data in sets.items():
    m = len(data[0])
    for size in sizes:
        if size != "full" and size >= m:
            continue
        fits = {rate: fit(*data, size, rate) for rate in (0.003, 0.01, 0.03)}
        rate = min(fits, key=lambda rate: fits[rate][0].min())
        curve, seconds = fits[rate]
        curves[name, size] = curve
        print(f"{name:>13}, {size:>4} rows a step, α = {rate}: ", end="")
        print(
            f"least dev loss {curve.min():.3f} in {curve.size} epochs, {seconds:.2f} s"
        )

# %%
# Above, epoch by epoch: on the larger two sets the black line stays above the others for as long as
# they run, and what it has reached after twice their epochs is no better. On wine, the smallest, it
# ends lower; with other splits of so few rows it is the other way round. Below, the same curves
# step by step: a step on all rows is the best one, but in the time of each, small batches make
# several.

figure, axes = plt.subplots(2, 3, figsize=(11, 6.5), layout="constrained")
for (above, below), (name, data) in zip(axes.T, sets.items(), strict=True):
    m = len(data[0])
    for size, colour in sizes.items():
        if (name, size) in curves:
            curve = curves[name, size]
            epochs = np.arange(1, curve.size + 1)
            n_steps = 1 if size == "full" else np.ceil(m / size)
            label = f"all {m}" if size == "full" else str(size)
            above.plot(epochs, curve, color=colour, label=label)
            below.semilogx(epochs * n_steps, curve, color=colour, label=label)
    above.set(title=f"{name}, {m} rows", xlabel="epoch")
    below.set(xlabel="step (log scale)")
    for ax in (above, below):
        # Small losses, which are what counts, have plain numbers at their ticks.
        ax.set_yscale("log")
        ax.set_yticks([0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 1])
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_locator(plt.NullLocator())
        ax.set_ylim(
            0.8 * min(c.min() for (n, _), c in curves.items() if n == name), None
        )
    above.legend(title="rows a step", fontsize="small")
for ax in axes[:, 0]:
    ax.set_ylabel("dev loss (log scale)")
figure.savefig("small_data_batches.png", dpi=120)
