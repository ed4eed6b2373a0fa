"""
Train, dev and test sets
========================

Three sets for three jobs: learn, choose, judge (course II 1.1). How large the last two should be
depends on how many rows there are, and they have to follow the same distribution as the rows that
the model is for. `train_dev_test_split` makes them, `check_same_distribution` checks them. Look
at the model chosen: its dev error flatters it.
"""

# %%
# The sizes. A fifth each while data are few; with many, a fixed number is enough to tell two models
# apart, and all else is better spent on training.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.model_selection import check_same_distribution, train_dev_test_split

counts = np.unique(np.logspace(2, 6, 30).astype(int))
shares = []
for n in counts:
    train, dev, test = train_dev_test_split(np.arange(n), random_state=0)
    shares.append([100 * part.size / n for part in (train, dev, test)])
for n, (train, dev, test) in zip(
    counts[[0, -1]], np.array(shares)[[0, -1]], strict=True
):
    print(f"{n:>9,} rows: {train:.0f} / {dev:.0f} / {test:.0f} per cent")

# %%
# The digits, each class in its proportion in all three sets, without being asked: y holds labels.

X, y = load_digits(return_X_y=True)
X_train, X_dev, X_test, y_train, y_dev, y_test = train_dev_test_split(
    X, y, random_state=0
)
for part, labels in (("train", y_train), ("dev", y_dev), ("test", y_test)):
    print(f"{part:>5}: {labels.size} rows, share of nines {np.mean(labels == 9):.3f}")

# %%
# Does the dev set follow the training distribution? A classifier tries to tell their rows apart. On
# a random split it does no better than chance. The digits come from 43 people, in order: taken from
# the end of the file, the dev set is by other hands, and it shows.

print(check_same_distribution(X_train, X_dev, random_state=0))
ordered = train_dev_test_split(X, y, shuffle=False)
print(check_same_distribution(ordered[0], ordered[1], random_state=0))

# %%
# Choose on the dev set, judge on the test set. The dev accuracy of the best of many models flatters
# it, the more so the more were tried; the test set was not asked before.

scaler = StandardScaler().fit(X_train)
widths = [2, 4, 8, 16, 32, 64]
models = [
    DeepMLPClassifier(
        (width,),
        learning_rate_init=0.01,
        max_iter=100,
        early_stopping=True,
        random_state=seed,
    ).fit(
        scaler.transform(X_train), y_train, X_val=scaler.transform(X_dev), y_val=y_dev
    )
    for width in widths
    for seed in range(3)
]
on_dev = np.array([model.score(scaler.transform(X_dev), y_dev) for model in models])
on_test = np.array([model.score(scaler.transform(X_test), y_test) for model in models])
best = on_dev.argmax()
print(
    f"the model chosen: dev accuracy {on_dev[best]:.3f}, test accuracy {on_test[best]:.3f}"
)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.stackplot(
    counts,
    *np.array(shares).T,
    labels=["train", "dev", "test"],
    colors=["#0072B2", "#E69F00", "#CC79A7"],
)
left.set(
    xscale="log", xlabel="rows (log scale)", ylabel="per cent of them", ylim=(0, 100)
)
left.set_title("Sizes")
left.margins(x=0)
left.legend(loc="lower left")
ends = [0.02, 0.6]
right.loglog(ends, ends, color="0.6", linestyle=":", label="dev error = test error")
points = right.scatter(
    1 - on_dev, 1 - on_test, c=np.log2(np.repeat(widths, 3)), cmap="viridis"
)
right.scatter(
    1 - on_dev[best],
    1 - on_test[best],
    s=160,
    facecolors="none",
    edgecolors="C1",
    label="chosen",
)
bar = figure.colorbar(points, ax=right, label="units in the hidden layer")
bar.set_ticks(np.log2(widths), labels=widths)
right.set(xlabel="dev error (log scale)", ylabel="test error (log scale)")
right.set_title("Choose on one, judge on the other")
for axis in right.xaxis, right.yaxis:
    axis.set_ticks([0.02, 0.05, 0.1, 0.2, 0.5], labels=[0.02, 0.05, 0.1, 0.2, 0.5])
    axis.minorticks_off()
right.legend(loc="upper left", fontsize="small")
figure.savefig("splits.png", dpi=120)
