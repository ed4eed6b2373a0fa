"""
Softmax
=======

One probability for each of C classes (course II 3.4) is what `SoftmaxClassifier` gives, and the
last layer of `DeepMLPClassifier`: here are the formula and its loss, and C = 2, which reduces to
logistic regression. Look at the borders between classes: straight without a hidden layer, bent
with one.
"""

# %%
# The formula, on the course's z.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier, LogisticRegressionGD, SoftmaxClassifier


def softmax(z):
    # The largest z is subtracted first: the same result, and no overflow.
    t = np.exp(z - z.max(axis=-1, keepdims=True))
    return t / t.sum(axis=-1, keepdims=True)


print("softmax of 5, 2, −1, 3:", softmax(np.array([5.0, 2.0, -1.0, 3.0])).round(3))

# %%
# Ten digits, ten rows of weights. The loss of an example is −Σ y_j log ŷ_j, of which one term is
# left: −log ŷ of its true class. Training makes that probability large.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.3, stratify=y, random_state=0
)
model = SoftmaxClassifier(alpha=1.0).fit(X_train, y_train)
y_hat = softmax(X_train @ model.coef_.T + model.intercept_)
np.testing.assert_allclose(model.predict_proba(X_train), y_hat)

Y = np.eye(10)[y_train]
losses = -np.sum(Y * np.log(y_hat), axis=1)
np.testing.assert_allclose(losses, -np.log(y_hat[np.arange(len(y_train)), y_train]))
penalty = 1.0 / (2 * len(y_train)) * np.sum(model.coef_**2)
np.testing.assert_allclose(model.loss_, losses.mean() + penalty)
print(f"digits: test accuracy {model.score(X_test, y_test):.3f}")

# %%
# Its gradient is as simple as that of logistic regression, dz = ŷ − y. At the minimum it balances
# the penalty's.

dz = y_hat - Y
np.testing.assert_allclose(
    dz.T @ X_train / len(X_train), -model.coef_ / len(X_train), atol=1e-5
)

# %%
# C = 2: e^z₁ / (e^z₀ + e^z₁) = σ(z₁ − z₀), so that only the difference of the two rows of weights
# counts. It is the row that logistic regression finds with half the λ: two rows of ±w/2 pay half of
# what w pays.

X_tumour, benign = load_breast_cancer(return_X_y=True)
X_tumour = StandardScaler().fit_transform(X_tumour)
two = SoftmaxClassifier(alpha=2.0, tol=1e-8).fit(X_tumour, benign)
one = LogisticRegressionGD(alpha=1.0, tol=1e-8).fit(X_tumour, benign)
np.testing.assert_allclose(two.coef_[1] - two.coef_[0], one.coef_[0], atol=1e-5)
np.testing.assert_allclose(
    two.predict_proba(X_tumour), one.predict_proba(X_tumour), atol=1e-5
)
apart = np.abs(two.predict_proba(X_tumour) - one.predict_proba(X_tumour)).max()
print(f"two classes: softmax and logistic regression differ by {apart:.0e} at most")

# %%
# Borders, in two dimensions: between two classes the scores are equal, (w_i − w_j)ᵀx = b_j − b_i, a
# straight line. A hidden layer bends it, which ten digits in a plane can use.

plane = PCA(2, random_state=0).fit(X_train)
points, test_points = plane.transform(X_train), plane.transform(X_test)
network = DeepMLPClassifier(
    (64, 64), learning_rate_init=0.01, max_iter=100, random_state=0
)
with warnings.catch_warnings():
    # 100 epochs suffice for a picture.
    warnings.simplefilter("ignore", ConvergenceWarning)
    network.fit(points, y_train)
in_plane = {
    "softmax": SoftmaxClassifier().fit(points, y_train),
    "two hidden layers": network,
}

figure, axes = plt.subplots(1, 2, figsize=(11, 5.2), sharey=True, layout="constrained")
colours = ListedColormap(plt.colormaps["tab10"].colors)
x_1, x_2 = np.meshgrid(
    *(np.linspace(c.min() - 0.2, c.max() + 0.2, 200) for c in points.T)
)
for ax, (name, classifier) in zip(axes, in_plane.items(), strict=True):
    regions = classifier.predict(np.column_stack([x_1.ravel(), x_2.ravel()])).reshape(
        x_1.shape
    )
    ax.pcolormesh(x_1, x_2, regions, cmap=colours, vmin=-0.5, vmax=9.5, alpha=0.35)
    for digit in range(10):
        # Each image is drawn as the digit that it is.
        some = points[y_train == digit][:30]
        ax.scatter(*some.T, marker=f"${digit}$", s=30, color="k", linewidths=0.3)
    accuracy = classifier.score(test_points, y_test)
    print(f"in the plane, {name}: test accuracy {accuracy:.2f}")
    ax.set(xlabel="first component", title=f"{name}: {accuracy:.0%} right")
axes[0].set_ylabel("second component")
figure.savefig("softmax.png", dpi=120)

# %%
# With all 64 pixels, the weights of each digit make a picture: pixels in blue speak for the digit,
# those in red against it.

figure, axes = plt.subplots(2, 5, figsize=(9, 4), layout="constrained")
limit = np.abs(model.coef_).max()
for digit, (ax, weights) in enumerate(zip(axes.flat, model.coef_, strict=True)):
    image = ax.imshow(weights.reshape(8, 8), cmap="RdBu", vmin=-limit, vmax=limit)
    ax.set(xticks=[], yticks=[], title=digit)
figure.colorbar(image, ax=axes, label="weight")
figure.savefig("softmax_weights.png", dpi=120)
