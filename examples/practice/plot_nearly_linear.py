"""
A large penalty makes a network nearly linear
=============================================

Why regularisation works against overfitting (course II 1.5): a large λ, the parameter `alpha`,
keeps W small, small W make small z, and near zero tanh(z) is almost z itself. A network of such
units computes almost a linear function, and its decision border is almost a straight line.
"""

# %%
# Two of the measurements of the tumours, so that the border can be drawn. 200 patients to learn
# from, and 30 units, which are far more than they need.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier

tumours = load_breast_cancer(as_frame=True)
columns = ["worst texture", "mean concavity"]
X = StandardScaler().fit_transform(tumours.data[columns].to_numpy())
X_train, X_dev, y_train, y_dev = train_test_split(
    X, tumours.target, train_size=200, stratify=tumours.target, random_state=0
)


def fitted(penalty):
    """The network at the minimum of J, or near it: lbfgs, on all rows at once."""
    model = DeepMLPClassifier(
        30,
        "tanh",
        solver="lbfgs",
        alpha=penalty,
        max_iter=2000,
        tol=1e-5,
        random_state=0,
    )
    with warnings.catch_warnings():
        # The smallest λ leaves long valleys, whose end 2000 iterations may not reach.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X_train, y_train)


def hidden(model):
    """z[1] of the training set, a column per unit; examples are rows, so that z = x W + b."""
    return X_train @ model.coefs_[0] + model.intercepts_[0]


def raw_output(model, rows):
    """z[2], whose sign decides the class."""
    a = np.tanh(rows @ model.coefs_[0] + model.intercepts_[0])
    return (a @ model.coefs_[1] + model.intercepts_[1])[:, 0]


# %%
# The columns of the table, from left to right: as λ grows the weights shrink, and z with them. With
# nearly every λ more of all z lie where tanh is a straight line, to within 8 %: between −0.5 and
# 0.5. The next column asks how much of the network's output a linear function of its two inputs
# explains. And the errors go from high variance to high bias.

print("      λ    ‖W‖²   rms z   |z| < 0.5   linear   train error   dev error")
models, linear = {}, {}
for penalty in (0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0):
    models[penalty] = model = fitted(penalty)
    z, output = hidden(model), raw_output(model, X_train)
    linear[penalty] = LinearRegression().fit(X_train, output).score(X_train, output)
    print(
        f"{penalty:7g} {sum(np.sum(W**2) for W in model.coefs_):7.1f} "
        f"{np.sqrt(np.mean(z**2)):7.2f} {np.mean(np.abs(z) < 0.5):11.0%} {linear[penalty]:8.2f} "
        f"{1 - model.score(X_train, y_train):13.1%} {1 - model.score(X_dev, y_dev):11.1%}"
    )
assert linear[0.01] < linear[30.0]

# %%
# Above, the decision borders of three of them. Below, where their z fall on tanh.

shown = (0.01, 0.3, 30.0)
figure, axes = plt.subplots(2, 3, figsize=(12, 7), layout="constrained", sharey="row")
steps = np.linspace(-3.2, 3.2, 250)
x_1, x_2 = np.meshgrid(steps, np.linspace(-1.5, 3.9, 250))
grid = np.column_stack([x_1.ravel(), x_2.ravel()])
kinds = ((0, "#D55E00", "o", "malignant"), (1, "#0072B2", "^", "benign"))
for (above, below), penalty in zip(axes.T, shown, strict=True):
    for kind, color, marker, label in kinds:
        rows = X_train[y_train == kind]
        above.scatter(*rows.T, s=14, c=color, marker=marker, alpha=0.6, label=label)
    output = raw_output(models[penalty], grid).reshape(x_1.shape)
    above.contour(x_1, x_2, output, levels=[0], colors="k", linewidths=2)
    above.set(
        title=f"λ = {penalty:g}", xlabel=columns[0], xlim=(-3.2, 3.2), ylim=(-1.5, 3.9)
    )
    z = hidden(models[penalty]).ravel()
    bins = np.linspace(-4, 4, 81)
    below.hist(
        np.clip(z, -4, 4), bins, weights=np.full(z.size, 100 / z.size), color="#E69F00"
    )
    below.set(xlabel="z of the hidden units", xlim=(-4, 4))
    curve = below.twinx()
    curve.plot(bins, np.tanh(bins), "k", label="tanh(z)")
    curve.plot(bins, bins, "k:", label="z")
    curve.set(ylabel="tanh(z)", ylim=(-1.1, 1.1), yticks=(-1, 0, 1))
axes[0, 0].set(ylabel=columns[1])
axes[0, 2].legend(loc="upper left")
axes[1, 0].set(ylabel="per cent of all z (bars)")
curve.legend(loc="lower right")
figure.savefig("nearly_linear.png", dpi=120)

# %%
# Look at the bars first: on the left most z lie on the flat ends of tanh (all beyond ±4 are counted
# in the last bars), on the right on its straight middle. Then at the borders above: islands around
# single patients, a bend, almost a straight line.
