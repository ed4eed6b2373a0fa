"""
Augmentation and early stopping
===============================

Two more ways against overfitting (course II 1.8). The parameter `augment` turns, moves and
distorts images a little, so that each epoch sees other ones; `early_stopping` ends training when
the dev set no longer gains by it. Look at the gap between the training cost and the dev loss,
without augmentation and with it.
"""

# %%
# Two hundred digits to learn from, few enough to overfit. Pixels are divided by one number, and not
# scaled each on its own, since pixels change places.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skdeep import DeepMLPClassifier
from skdeep.augmentation import ImageAugmenter
from skdeep.utils import ewma

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32) / 16
X_train, X_rest, y_train, y_rest = train_test_split(
    X, y, train_size=200, stratify=y, random_state=0
)
X_dev, X_test, y_dev, y_test = train_test_split(
    X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=0
)

# %%
# What the augmenter does to one digit. A 4 stays a 4 when it leans or moves by half a pixel; it
# would not if it were flipped, so flips stay off.

augment = ImageAugmenter((8, 8), rotation=8, shift=0.5, zoom=0.1, shear=5)
one = np.repeat(X_train[:1], 8, axis=0)
changed, _ = augment(one, None, np.random.default_rng(0))

# %%
# The same network without and with it: ``augment`` is called for each mini-batch, so hardly an
# image comes twice. The dev set is as it is.


def fitted(**parameters):
    model = DeepMLPClassifier(
        (128, 64),
        batch_size=32,
        batch_norm=True,
        dropout=0.1,
        learning_rate_init=0.003,
        learning_rate="cosine",
        max_iter=120,
        tol=0,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of epochs
        return model.set_params(**parameters).fit(
            X_train, y_train, X_val=X_dev, y_val=y_dev
        )


plain, augmented = fitted(), fitted(augment=augment)
print(f"test accuracy without augmentation {plain.score(X_test, y_test):.3f}")
print(f"test accuracy with augmentation    {augmented.score(X_test, y_test):.3f}")
assert augmented.score(X_test, y_test) > plain.score(X_test, y_test)

# %%
# Early stopping without augmentation: the fit ends when the dev score has not risen for a while,
# and the weights of its best epoch are put back. In the figure it is the dashed line.

stopped = fitted(early_stopping=True, n_iter_no_change=15, learning_rate="constant")
print(
    f"early stopping: {stopped.n_iter_} epochs, best {stopped.best_epoch_}, "
    f"test accuracy {stopped.score(X_test, y_test):.3f}"
)

figure = plt.figure(figsize=(11, 5), layout="constrained")
images, curves = figure.subfigures(1, 2, width_ratios=(1, 2))
for ax, image in zip(images.subplots(3, 3).flat, [X_train[0], *changed], strict=True):
    ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
images.suptitle("One digit, as it is (top left) and augmented")
ax = curves.subplots()
for model, color, label in ((plain, "C0", "without"), (augmented, "C1", "with")):
    training = ewma(model.loss_curve_, 0.8)
    ax.plot(
        training,
        color=color,
        linestyle=":",
        label=f"{label} augmentation: training cost J",
    )
    ax.plot(
        model.validation_loss_curve_,
        color=color,
        label=f"{label} augmentation: dev loss",
    )
ax.axvline(
    stopped.best_epoch_,
    color="0.5",
    linestyle="--",
    label="best epoch of early stopping",
)
ax.set(xlabel="epoch", ylabel="loss (log scale)", yscale="log")
ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, fontsize="small")
curves.suptitle("Without augmentation J goes towards zero, and the dev loss does not")
figure.savefig("augmentation.png", dpi=120)
