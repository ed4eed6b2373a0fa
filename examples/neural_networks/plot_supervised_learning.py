"""
From one unit to a small network
================================

The course begins with the price of houses (I 1.1): a single unit draws a line that is bent at zero,
and several units combine several features. Its houses are not among scikit-learn's data sets, so
this is about tumours: like a price, what is predicted here is never negative. Look at where the
straight line goes below zero and the bent one does not.
"""

# %%
# The data, pairs of x and y, as supervised learning has them (I 1.2), in a table (I 1.3): a row
# for each tumour, a column for each measurement. y is the area error, which says how much the
# areas of a tumour's cell nuclei differ. It is known for all rows, and to be predicted from the
# mean values.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPRegressor

data = load_breast_cancer()
names = [name for name in data.feature_names if name.startswith("mean ")]
X = data.data[:, np.isin(data.feature_names, names)]
y = data.data[:, list(data.feature_names).index("area error")]
radius = X[:, [names.index("mean radius")]]
print(
    f"X {X.shape}, the radius alone {radius.shape}, y {y.shape}, smallest y {y.min():.1f}"
)


def network(n_units, activation):
    return make_pipeline(
        StandardScaler(),
        DeepMLPRegressor(
            hidden_layer_sizes=(n_units,),
            activation=activation,
            solver="lbfgs",
            alpha=10,
            max_iter=1000,
            # From some starts, 0 is one, a single relu unit is dead.
            random_state=1,
        ),
    )


# %%
# One unit, one feature (I 1.1). With the identity it is a straight line, which predicts negative
# areas; with relu it is ŷ = w₂ · max(0, w₁ x + b₁) + b₂, flat on one side of x = −b₁ / w₁.

line = network(1, "identity").fit(radius, y)
hinge = network(1, "relu").fit(radius, y)
scaler, unit = hinge[0], hinge[1]
w_1, b_1 = unit.coefs_[0].item(), unit.intercepts_[0].item()
knee = scaler.inverse_transform([[-b_1 / w_1]]).item()
print(f"the line's smallest prediction:  {line.predict(radius).min():6.1f}")
print(f"the hinge's smallest prediction: {hinge.predict(radius).min():6.1f}")
print(f"the hinge is flat up to a radius of {knee:.1f}")

# %%
# More features, more units. Each hidden unit weighs all ten measurements, and none of them is
# told what it should stand for. The score is R² on rows that were held out, for five folds.

models = {
    "radius, 1 unit, a line": (radius, network(1, "identity")),
    "radius, 1 unit, a hinge": (radius, network(1, "relu")),
    "10 features, 1 unit, linear": (X, network(1, "identity")),
    "10 features, 4 units, relu": (X, network(4, "relu")),
}
folds = KFold(5, shuffle=True, random_state=0)
scores = {
    name: cross_val_score(model, x, y, cv=folds) for name, (x, model) in models.items()
}
for name, score in scores.items():
    print(f"{name:<28} R² {score.mean():.2f} ± {score.std():.2f}")

# %%
# Left: the hinge follows the flat part, where the line goes below zero. Middle: ten features say
# more than one, and units that bend say a little more than one that does not; the bars' thin
# lines, one standard deviation over the folds, show how sure that is. Right: a column is a hidden
# unit, and its colours are what it has found for itself to combine.

combined = models["10 features, 4 units, relu"][1].fit(X, y)[-1]
grid = np.linspace(radius.min(), radius.max(), 200).reshape(-1, 1)

figure, axes = plt.subplots(1, 3, figsize=(14, 4.5), layout="constrained")
axes[0].scatter(radius, y, s=8, color="0.6", label="a tumour")
axes[0].plot(grid, line.predict(grid), color="C1", linestyle="--", label="line")
axes[0].plot(grid, hinge.predict(grid), color="C0", label="one relu unit")
axes[0].axhline(0, color="0.3", linewidth=0.8)
axes[0].set(
    xlabel="mean radius", ylabel="area error", ylim=(-60, 250), title="One unit"
)
axes[0].legend(loc="upper left")
labels = [name.replace(", ", "\n", 1) for name in scores]
means, deviations = zip(*((s.mean(), s.std()) for s in scores.values()), strict=True)
axes[1].barh(
    labels, means, xerr=deviations, color=["C1", "C0", "C1", "C0"], ecolor="0.3"
)
axes[1].invert_yaxis()
axes[1].set(
    xlabel="R² on held-out rows", xlim=(0, 1), title="More features, more units"
)
W = combined.coefs_[0]
image = axes[2].imshow(
    W, aspect="auto", cmap="PuOr", vmin=-abs(W).max(), vmax=abs(W).max()
)
axes[2].set_yticks(range(len(names)), [name.removeprefix("mean ") for name in names])
axes[2].set_xticks(range(4), range(1, 5))
axes[2].set(xlabel="hidden unit", title="W[1] of the small network")
figure.colorbar(image, ax=axes[2], label="weight")
figure.savefig("supervised_learning.png", dpi=120)
