"""
L1 and L2 regularisation
========================

The penalty λ/(2m) ‖W‖² on the weights, whose λ is the parameter `alpha`, and its L1 sibling, with
`l1_ratio=1` (course II 1.4–1.5): L2 shrinks all weights, L1 makes most of them exactly zero. Look
at the right panel: where a network has learnt its training set by heart, a penalty makes it
better on the dev set, up to a point.
"""

# %%
# The data: 569 tumours with 30 measurements, standardised, for a linear model.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPRegressor, LogisticRegressionGD
from skdeep.exceptions import NoProgressWarning

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
m = len(X)

# %%
# The cost (II 1.4): the mean loss and the penalty, which leaves b alone and is divided by m. Of L1,
# skdeep has λ/m ‖W‖₁ where the course writes λ/(2m): half its λ, then, as in scikit-learn.

LAMBDA = 3.0


def cost(model, penalty):
    z = X @ model.coef_[0] + model.intercept_[0]
    return np.mean(np.logaddexp(0, z) - y * z) + penalty


ridge = LogisticRegressionGD(alpha=LAMBDA).fit(X, y)
w = ridge.coef_[0]
np.testing.assert_allclose(ridge.loss_, cost(ridge, LAMBDA / (2 * m) * np.sum(w**2)))

lasso = LogisticRegressionGD(alpha=LAMBDA, l1_ratio=1).fit(X, y)
np.testing.assert_allclose(
    lasso.loss_, cost(lasso, LAMBDA / m * np.sum(np.abs(lasso.coef_))), rtol=1e-6
)
print(f"λ = {LAMBDA:g}: {np.sum(w == 0)} of 30 weights are zero under L2, ", end="")
print(f"{np.sum(lasso.coef_ == 0)} under L1")

# %%
# L2 adds λ/m · W to dW, so that a step first shrinks W by the factor 1 − αλ/m, α the learning rate:
# weight decay. At the minimum, the data's pull and the penalty's balance.

a = 1 / (1 + np.exp(-(X @ w + ridge.intercept_[0])))
np.testing.assert_allclose(X.T @ (a - y) / m, -LAMBDA / m * w, atol=1e-5)

# %%
# Both for many λ. The largest leave L1 no weight at all, of which skdeep warns.

lambdas = np.geomspace(0.3, 1000, 21)
paths = {}
for l1_ratio, name in ((0, "L2"), (1, "L1")):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoProgressWarning)
        models = [
            LogisticRegressionGD(alpha, l1_ratio, tol=1e-4).fit(X, y)
            for alpha in lambdas
        ]
    paths[name] = np.array([model.coef_[0] for model in models])

# %%
# A network with far more weights than its 221 examples can determine (II 1.5): diabetes, one year
# on, from ten measurements. Small λ: the training set is learnt by heart, and little about new
# patients. Large λ: the weights are held near zero, and nothing is learnt.

X_diabetes, progression = load_diabetes(return_X_y=True)
progression = (progression - progression.mean()) / progression.std()
X_train, X_dev, y_train, y_dev = train_test_split(
    StandardScaler().fit_transform(X_diabetes),
    progression,
    test_size=0.5,
    random_state=0,
)
strengths = np.geomspace(0.1, 300, 15)
scores = []
for alpha in strengths:
    network = DeepMLPRegressor(
        hidden_layer_sizes=(64, 64),
        alpha=alpha,
        learning_rate_init=0.003,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    with warnings.catch_warnings():
        # All are trained for as long, whether or not they have converged or learnt anything.
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(X_train, y_train)
    scores.append([network.score(X_train, y_train), network.score(X_dev, y_dev)])
for i in (0, np.argmax(scores, axis=0)[1], -1):
    train, dev = scores[i]
    print(
        f"network, λ = {strengths[i]:.3g}: R² {train:z.2f} on the training set, {dev:z.2f} on dev"
    )

# %%
# Left and middle: the 30 weights as λ grows, one line each, and how many of them are not zero,
# dashed. Right: from high variance, where the two lines are far apart, to high bias, where both
# are low.

figure, axes = plt.subplots(1, 3, figsize=(11.5, 4), layout="constrained")
for ax, (name, path) in zip(axes, paths.items(), strict=False):
    ax.semilogx(lambdas, path, linewidth=1, color="C0", alpha=0.7)
    largest = 1.05 * np.abs(paths["L1"]).max()
    ax.set(xlabel="λ (log scale)", ylabel="weight", ylim=(-largest, largest))
    ax.set_title(f"{name}: 30 weights")
    count = ax.twinx()
    count.step(
        lambdas, np.sum(path != 0, axis=1), color="k", linestyle="--", where="mid"
    )
    count.set(ylabel="weights that are not zero (dashed)", ylim=(0, 31))
axes[2].semilogx(strengths, scores, marker=".", label=["training set", "dev set"])
axes[2].set(xlabel="λ (log scale)", ylabel="R²", title="A network on diabetes")
axes[2].legend()
figure.savefig("regularisation.png", dpi=120)
