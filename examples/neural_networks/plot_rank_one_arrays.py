"""
Axes, broadcasting and arrays of rank 1
=======================================

NumPy repeats a row or a column until shapes fit (course I 3.2). With an array of shape (n,), which
is neither, it may repeat the wrong way and say nothing (I 3.3). So the course keeps both axes.
Look at how the same 64 numbers lie once as one number for each image, and once as one for each
pixel.
"""

# %%
# The data: 64 images of digits, 64 pixels each, an image to a row. That there are as many images
# as pixels is chosen on purpose: then shapes cannot tell right from wrong.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skdeep import LogisticRegressionGD

digits = load_digits()
X = digits.data[:64] / 16
m, n_x = X.shape

# %%
# An array of rank 1 has one axis. Its transpose is itself, and a product with it is a number. A
# column has two, and the product of column and row is a matrix.

a = X.mean(axis=1)
column = a.reshape(-1, 1)
print(
    f"rank 1: a {a.shape}, a.T {a.T.shape}, np.dot(a, a.T) {np.shape(np.dot(a, a.T))}"
)
print(
    f"column: a {column.shape}, a.T {column.T.shape}, "
    f"np.dot(a, a.T) {np.dot(column, column.T).shape}"
)

# %%
# axis=0 sums down the rows and leaves one number for each pixel; axis=1 sums along a row and
# leaves one for each image. `keepdims=True` leaves the summed axis in place, with length 1.

mean_image = X.mean(axis=0, keepdims=True)
brightness = X.mean(axis=1, keepdims=True)
print(
    f"X {X.shape}, mean over axis 0 {mean_image.shape}, over axis 1 {brightness.shape}"
)

# %%
# Broadcasting: the row is subtracted from every image, the column from every pixel of its image.
# Without `keepdims` the second is of shape (64,), which counts as a row: each *pixel* loses the
# brightness of an *image* that has nothing to do with it. Nothing warns.

without_mean_image = X - mean_image
without_brightness = X - brightness
wrong = X - X.mean(axis=1)
assert wrong.shape == without_brightness.shape
print(
    "mean of each image, right:",
    np.abs(without_brightness.mean(axis=1)).max().round(12),
)
print("mean of each image, wrong:", np.abs(wrong.mean(axis=1)).max().round(3))

# %%
# With 65 images the same line fails, and that is luck. An assertion is the better way to find
# out.

try:
    X_65 = digits.data[:65] / 16
    X_65 - X_65.mean(axis=1)
except ValueError as error:
    print(f"ValueError: {error}")
assert brightness.shape == (m, 1)

# %%
# What skdeep does with rank 1. A y of shape (m,) is what scikit-learn's users hand in, and what
# `predict` returns; X has to have two axes, since (64,) might be one image or one pixel of 64.
# Within, biases have the shape (1, n). `intercept_` shows them as (n,), as in scikit-learn.

y = digits.target[:64] % 2
model = LogisticRegressionGD().fit(X, y)
print(f"coef_ {model.coef_.shape}, intercept_ {model.intercept_.shape}", end=", ")
print(f"predict {model.predict(X).shape}, predict_proba {model.predict_proba(X).shape}")
try:
    model.predict(X[0])
except ValueError as error:
    print(f"ValueError: {str(error).splitlines()[0]} …")
print("one image, as a row:", model.predict(X[0].reshape(1, -1)))

# %%
# Above: X, and what each line has subtracted from it, repeated to the shape of X; a row is an
# image. The row of means is the same for all images, the column the same for all pixels. In the
# last panel the numbers of the third stand upright: they have been read as a row. Below: one
# image, an 8, out of each result. Without the mean image it shows how this 8 differs from the
# rest; without its own brightness it is only shifted, and its background is even; on the right
# its background is not.

NUMBER = 8
figure, axes = plt.subplots(2, 4, figsize=(12, 6.4), layout="constrained")
results = {
    f"X {X.shape}": (X, X),
    "minus a row (1, 64)": (mean_image, without_mean_image),
    "minus a column (64, 1)": (brightness, without_brightness),
    "minus rank 1 (64,): wrong": (X.mean(axis=1), wrong),
}
for (above, below), (title, (term, result)) in zip(
    axes.T, results.items(), strict=True
):
    above.imshow(np.broadcast_to(term, X.shape), cmap="Greys", vmin=0.5 * term.min())
    above.set(title=title, xlabel="pixel", xticks=(0, 32, 63), yticks=(0, 32, 63))
    below.imshow(result[NUMBER].reshape(8, 8), cmap="PuOr", vmin=-0.7, vmax=0.7)
    below.set(xticks=[], yticks=[], xlabel=f"image {NUMBER} of the result")
axes[0, 0].set_ylabel("image")
figure.savefig("rank_one_arrays.png", dpi=120)
