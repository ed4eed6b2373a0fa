"""
Networks for tables
===================

`TabularMLPClassifier` and `TabularMLPRegressor` take a data frame as it is. Here they are beside
gradient boosting and a plain network: their errors and log-losses, how far their probabilities
can be trusted, what becomes of a column, and how the groups of an ensemble learn. The guide's
page on tables explains each part. Look at how near the first model's probabilities are to what
came true.
"""

# %%
# The first table: ten measurements of 442 patients with diabetes, and how their disease went on.
# Their sex, a code, becomes a word, and every ninth blood pressure is taken away.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from skdeep.preprocessing import PiecewiseLinearEncoder

patients = load_diabetes(as_frame=True, scaled=False).frame
progress = patients.pop("target")
patients["sex"] = patients["sex"].map({1: "one", 2: "two"}).astype("category")
patients.loc[::9, "bp"] = np.nan
print(patients.head(3).to_string())

# %%
# The ensemble takes it as it is, and so do trees. A plain network needs its gaps filled, its words
# encoded, and all of it scaled, the target too. Five folds, the same for all.


def quietly(run, *data):
    with warnings.catch_warnings():
        # A plain network ends with its 200 epochs.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return run(*data)


FAST = {"n_bins": 16, "n_members": 1, "activation": "relu"}
numbers = make_pipeline(SimpleImputer(), StandardScaler())
columns = patients.columns.drop("sex")
prepared = make_column_transformer((numbers, columns), (OneHotEncoder(), ["sex"]))
plain = make_pipeline(prepared, DeepMLPRegressor(random_state=0))
regressors = {
    "tables": TabularMLPRegressor(random_state=0),
    "tables, fast": TabularMLPRegressor(**FAST, random_state=0),
    "boosting": HistGradientBoostingRegressor(random_state=0),
    "plain network": TransformedTargetRegressor(plain, transformer=StandardScaler()),
}
for name, model in regressors.items():
    error = quietly(cross_val_predict, model, patients, progress) - progress
    print(f"{name:14} root mean square error {np.sqrt(np.mean(error**2)):.1f}")

# %%
# What has become of the columns, in the first group, and how far off predictions may be: the
# standard deviation should be larger than two thirds of the errors.

model = TabularMLPRegressor(random_state=0).fit(patients[:300], progress[:300])
print(*model.encoders_[0].columns_[:4], sep="\n")
mean, std = model.predict(patients[300:], return_std=True)
print(
    f"{np.mean(np.abs(mean - progress[300:]) < std):.0%} of the errors are smaller than std"
)

# %%
# The second table has ten classes: digits, of whose 8 × 8 pixels only the upper half is there, so
# that there is something to doubt.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X[:, :32], y, test_size=0.4, stratify=y, random_state=0
)
classifiers = {
    "tables": TabularMLPClassifier(random_state=0),
    "tables, fast": TabularMLPClassifier(**FAST, random_state=0),
    "boosting": HistGradientBoostingClassifier(random_state=0),
    "plain network": make_pipeline(StandardScaler(), DeepMLPClassifier(random_state=0)),
}
probabilities = {}
for name, model in classifiers.items():
    p = probabilities[name] = quietly(model.fit, X_train, y_train).predict_proba(X_test)
    wrong = np.mean(p.argmax(axis=1) != y_test)
    print(f"{name:14} {wrong:.1%} wrong, log-loss {log_loss(y_test, p):.2f}")

# %%
# A probability of 0.8 should come true in 8 of 10 cases, for whichever class it is given (left). On
# the diagonal it does; above it a model is too careful, below it too sure.


def draw_calibration(ax):
    came_true = np.eye(10)[y_test].ravel()
    ax.plot([0, 1], [0, 1], color="0.7", label="as it should be")
    for name, marker in zip(
        ("tables", "boosting", "plain network"), "osv", strict=True
    ):
        shares, predicted = calibration_curve(
            came_true, probabilities[name].ravel(), n_bins=8
        )
        ax.plot(predicted, shares, marker=marker, label=name)
    ax.set(
        xlabel="probability given", ylabel="how often it came true", title="Calibration"
    )
    ax.legend()


# %%
# A number becomes as many columns as there are bins, each of which rises from 0 to 1 between two
# quantiles (middle). A network that adds them up, with weights of its own, can draw any line with
# kinks at the edges.


def draw_encoding(ax):
    bmi = patients[["bmi"]].to_numpy()
    encoder = PiecewiseLinearEncoder(n_bins=4).fit(bmi)
    x = np.linspace(15, 45, 301)[:, np.newaxis]
    names = [name.removeprefix("x0: ") for name in encoder.get_feature_names_out()]
    ax.plot(x, encoder.transform(x), label=names)
    ax.plot(bmi, np.full_like(bmi, -0.05), "|", color="0.4", alpha=0.4)
    ax.set(
        xlabel="body mass index",
        ylabel="value of the column",
        title="One number, four bins",
    )
    ax.legend(
        title="bin", fontsize="small", loc="center right", bbox_to_anchor=(1, 0.3)
    )


# %%
# Each group looks for its own best epoch on rows of its own (right). The learning rate comes down
# to zero after 3, 8, 19 and 40 epochs. Where the epochs up to the 19th have gained less than five
# per cent on those up to the 8th, a group ends there.


def draw_groups(ax):
    model = classifiers["tables"]
    for number, (n_bins, curve, best) in enumerate(
        zip(model.n_bins, model.validation_loss_curve_, model.best_epoch_, strict=True)
    ):
        epochs = np.arange(1, len(curve) + 1)
        ax.plot(epochs, curve, color=f"C{number}", label=f"{n_bins} bins")
        ax.plot(best + 1, curve[best], "*", markersize=11, color=f"C{number}")
    ax.plot([], [], "*", markersize=11, color="0.5", label="best epoch")
    ax.set(
        xlabel="epoch",
        ylabel="loss on rows held out",
        title="Groups, and their best epochs",
    )
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()


# %%
# All three of them:

figure, (left, middle, right) = plt.subplots(
    1, 3, figsize=(12, 4.4), layout="constrained"
)
draw_calibration(left)
draw_encoding(middle)
draw_groups(right)
figure.savefig("tables.png", dpi=120)
