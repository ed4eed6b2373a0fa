"""
Bias, variance and the recipe
=============================

The error on the training set tells of bias, what the dev set adds to it of variance (course II
1.2); which of the two it is decides what to try next (II 1.3): a larger network or longer
training against bias, more data or regularisation against variance. `bias_variance_report` finds
out which, and says what to try. Look at the two hatched bars of each panel.
"""

# %%
# The digits, with noise on the pixels so that they are hard to read.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.inspection import BiasVarianceDisplay, bias_variance_report
from skdeep.model_selection import train_dev_test_split

X, y = load_digits(return_X_y=True)
X = X + np.random.default_rng(0).normal(scale=3, size=X.shape)
X_train, X_dev, X_test, y_train, y_dev, y_test = train_dev_test_split(
    X, y, random_state=0
)


def fitted(n_rows=None, **parameters):
    """A network behind a scaler, fitted on the first rows of the training set."""
    settings = {"learning_rate_init": 0.01, "max_iter": 150, "random_state": 0}
    model = make_pipeline(
        StandardScaler(), DeepMLPClassifier(**{**settings, **parameters})
    )
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # some of them are meant to be bad
        return model.fit(X_train[:n_rows], y_train[:n_rows])


# %%
# Step by step through the recipe. A network of three units fits not even the rows it has seen: high
# bias, and variance too. Bias comes first: the advice is to make it bigger.

steps = {"3 units": (fitted(hidden_layer_sizes=(3,)), None)}
report = bias_variance_report(
    steps["3 units"][0], X_train, y_train, X_dev, y_dev, random_state=0
)
print(report)
assert report.high_bias

# %%
# Two hundred units fit the training set to the last row. Now it is variance.

steps["200 units"] = (fitted(hidden_layer_sizes=(200,)), None)
report = bias_variance_report(
    steps["200 units"][0], X_train, y_train, X_dev, y_dev, random_state=0
)
print(report)
assert report.high_variance
assert not report.high_bias

# %%
# Against variance: regularisation, which halves the gap between the two errors here, and pays with
# as much bias. And what fewer
# rows would have done, to see that more of them help.

steps["200 units, dropout, alpha"] = (
    fitted(hidden_layer_sizes=(200,), dropout=0.5, input_dropout=0.2, alpha=30.0),
    None,
)
steps["200 units, 150 rows"] = (fitted(150, hidden_layer_sizes=(200,)), 150)
reports = {
    name: bias_variance_report(
        model, X_train[:n_rows], y_train[:n_rows], X_dev, y_dev, random_state=0
    )
    for name, (model, n_rows) in steps.items()
}
for name, found in reports.items():
    print(
        f"{name:>26}: train error {found.train_error:.3f}, dev error {found.dev_error:.3f}: "
        f"{found.diagnosis}"
    )

# %%
# One display of each. The hatched bars are the two gaps that the recipe works on: from the base
# error to the training error, and from there to the dev error. The lines are their 95 per cent
# intervals.

figure, axes = plt.subplots(2, 2, figsize=(11, 7), sharex=True, layout="constrained")
for ax, (name, found) in zip(axes.flat, reports.items(), strict=True):
    BiasVarianceDisplay.from_report(found, ax=ax)
    ax.set_title(f"{name}:\n{found.diagnosis}", fontsize="medium")
    # The scale is the upper row's, too.
    ax.tick_params(labelbottom=True)
figure.savefig("bias_variance.png", dpi=120)
