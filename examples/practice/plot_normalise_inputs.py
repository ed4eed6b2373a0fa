"""
Normalised inputs
=================

Inputs of unequal scales make the cost a long narrow valley, in which descent has to be slow; with
mean 0 and variance 1 it is round (course II 1.9). A `StandardScaler` in a `Pipeline` sees to it
that the dev set takes the training set's μ and σ. Look at how much nearer to the minimum 15 steps
lead.
"""

# %%
# The data: tumours again. Areas go to the thousands, smoothness is around 0.1.

import textwrap
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier, LogisticRegressionGD
from skdeep.exceptions import NoProgressWarning

data = load_breast_cancer()
X_train, X_dev, y_train, y_dev = train_test_split(
    data.data, data.target, test_size=0.3, stratify=data.target, random_state=0
)
spread = X_train.std(axis=0)
print(f"standard deviations from {spread.min():.4f} to {spread.max():.0f}")

# %%
# Subtract the mean, divide by the standard deviation, each of the training set (II 1.9).
# `StandardScaler` remembers both; in a `Pipeline`, prediction applies the same to whatever comes.

mu, sigma = X_train.mean(axis=0), X_train.std(axis=0)
scaler = StandardScaler().fit(X_train)
Z_train, Z_dev = scaler.transform(X_train), scaler.transform(X_dev)
np.testing.assert_allclose(Z_train, (X_train - mu) / sigma)
np.testing.assert_allclose(Z_dev, (X_dev - mu) / sigma)

pipeline = make_pipeline(StandardScaler(), LogisticRegressionGD()).fit(X_train, y_train)
print(f"dev accuracy: {pipeline.score(X_dev, y_dev):.3f}")

# %%
# Patients come one by one, and a μ and σ of their own would tell nothing: normalised by itself a
# batch of ten of one kind looks like any other.

malignant = X_dev[y_dev == 0][:10]
found = np.mean(pipeline.predict(malignant) == 0)
by_itself = np.mean(
    pipeline[-1].predict(StandardScaler().fit_transform(malignant)) == 0
)
print(
    f"of ten malignant tumours, {found:.0%} are found; with a μ and σ of their own {by_itself:.0%}"
)

# %%
# The rate that descent can bear is 1/L, L the largest curvature of J: `LogisticRegressionGD` finds
# it from the data. In a valley most directions are far flatter than that, and are crept along.


def descend(X, n_steps, **parameters):
    model = LogisticRegressionGD(
        alpha=0, momentum=0, max_iter=n_steps, tol=0, **parameters
    )
    with warnings.catch_warnings():
        # Plain descent does not reach the minimum in so few steps.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y_train)


curves = {"inputs as they are": X_train, "normalised": Z_train}
curves = {name: descend(X, n_steps=3000).loss_curve_ for name, X in curves.items()}
enough = np.argmax(np.array(curves["normalised"]) < curves["inputs as they are"][-1])
print(f"normalised, {enough} steps do what 3000 do otherwise")

# %%
# A network does not find its rate by itself. skdeep says what to look at where it gets nowhere.

network = DeepMLPClassifier(
    (32,), activation="tanh", solver="sgd", learning_rate_init=0.01, random_state=0
)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    network.fit(X_train, y_train)
for warning in caught:
    if issubclass(warning.category, NoProgressWarning):
        print(textwrap.fill(str(warning.message), 100))

# %%
# The valley, for two inputs that are hardly correlated, once only the mean subtracted, then also
# divided by σ: 15 steps each, with the rate that each can bear; b is left out. Right: the cost of
# all 30 inputs.

columns = [
    list(data.feature_names).index(n)
    for n in ("worst smoothness", "concave points error")
]
pair = X_train[:, columns] - mu[columns]
figure, axes = plt.subplots(1, 3, figsize=(12, 4.8), layout="constrained")
for ax, inputs, title in zip(
    axes,
    (pair, pair / sigma[columns]),
    ("Only μ subtracted", "Normalised"),
    strict=False,
):
    settings = {
        "alpha": 0,
        "fit_intercept": False,
        "momentum": 0,
        "tol": 0,
        "warm_start": True,
    }
    model, steps = LogisticRegressionGD(max_iter=1, **settings), [np.zeros(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for _ in range(15):
            steps.append(model.fit(inputs, y_train).coef_[0].copy())
    best = (
        LogisticRegressionGD(alpha=0, fit_intercept=False).fit(inputs, y_train).coef_[0]
    )
    reach = 1.5 * np.abs(best).max()
    w_1, w_2 = np.meshgrid(*(w + np.linspace(-reach, reach, 80) for w in best))
    z = w_1[..., None] * inputs[:, 0] + w_2[..., None] * inputs[:, 1]
    J = np.mean(np.logaddexp(0, z) - y_train * z, axis=-1)
    ax.contour(w_1, w_2, J, levels=12, cmap="Greys_r")
    ax.plot(*np.transpose(steps), marker=".", color="C1", label="15 steps")
    ax.plot(0, 0, "x", color="k", markersize=10, label="start")
    ax.plot(*best, "*", color="C2", markersize=13, label="minimum")
    ax.set(
        xlabel="weight of the smoothness",
        ylabel="weight of the concave points",
        title=title,
    )
    ax.set_aspect("equal")
for name, curve in curves.items():
    axes[2].loglog(range(1, len(curve) + 1), curve, label=name)
axes[2].set(
    xlabel="step (log scale)", ylabel="cost J (log scale)", title="All 30 inputs"
)
axes[2].set_yticks([0.05, 0.1, 0.2, 0.5], labels=[0.05, 0.1, 0.2, 0.5])
axes[2].yaxis.minorticks_off()
for ax in axes:
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=3, fontsize="small"
    )
figure.savefig("normalise_inputs.png", dpi=120)
