"""
Tune a deep network on the digits
=================================

The main job, from end to end: a pipeline that scales the inputs and trains a network, a random
search over its most important hyperparameters on log scales (course II 3.1), the best setting's
accuracy on rows that the search never saw, and a figure of what the search found.
`VectorizedRandomizedSearchCV` trains all candidates at once. Look at how narrow the range of good
learning rates is.
"""

# %%
# The data: 1797 images of 8 × 8 pixels. A fifth is set aside and not looked at until the end.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import uniform
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.model_selection import VectorizedRandomizedSearchCV, log_uniform

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.2, stratify=y, random_state=0
)

# %%
# The model, and where to look. Learning rate and penalty vary over decades, so they are drawn on a
# log scale; dropout and the layers' widths are not. 40 epochs tell good settings from bad ones, and
# that training has not converged by then is no news.

PREFIX = "deepmlpclassifier__"
model = make_pipeline(
    StandardScaler(), DeepMLPClassifier(batch_size=64, max_iter=40, random_state=0)
)
space = {
    PREFIX + "learning_rate_init": log_uniform(1e-4, 1e-1),
    PREFIX + "alpha": log_uniform(1e-3, 1e2),
    PREFIX + "dropout": uniform(0.0, 0.5),
    PREFIX + "hidden_layer_sizes": [
        (32,),
        (64,),
        (128,),
        (64, 64),
        (128, 64),
        (128, 128),
    ],
}
search = VectorizedRandomizedSearchCV(model, space, n_iter=24, cv=3, random_state=0)

# %%
# A progress bar, where this scikit-learn has callbacks (1.9 and later) and rich is installed; the
# search's own messages elsewhere.

try:
    from sklearn.callback import ProgressBar

    search.set_callbacks(ProgressBar(max_propagation_depth=0))
except ImportError:
    search.set_params(verbose=2)

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    search.fit(X_train, y_train)

best = {name.removeprefix(PREFIX): value for name, value in search.best_params_.items()}
print("best setting:")
for name, value in best.items():
    print(
        f"    {name} = {value:.3g}"
        if isinstance(value, float)
        else f"    {name} = {value}"
    )
print(f"cross-validated accuracy: {search.best_score_:.3f}")

# %%
# The best setting again, now with a dev set that decides when to stop (course II 1.8).

scaler, network = (
    StandardScaler(),
    DeepMLPClassifier(batch_size=64, random_state=0, **best),
)
X_fit, X_dev, y_fit, y_dev = train_test_split(
    X_train, y_train, test_size=0.15, stratify=y_train, random_state=0
)
network.set_params(max_iter=200, early_stopping=True, n_iter_no_change=20)
network.fit(
    scaler.fit_transform(X_fit), y_fit, X_val=scaler.transform(X_dev), y_val=y_dev
)
accuracy = network.score(scaler.transform(X_test), y_test)
print(f"held-out accuracy: {accuracy:.3f}")

# %%
# What the search found, and how the chosen network learnt. Each point is one candidate; the
# learning rate matters most, as the course says it does.

figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
scores = search.cv_results_["mean_test_score"]
panels = [
    ("learning_rate_init", "learning rate α (log scale)", True),
    ("alpha", "penalty alpha, the course's λ (log scale)", True),
    ("dropout", "dropout rate", False),
]
for ax, (name, label, log_scale) in zip(axes.flat, panels, strict=False):
    values = np.asarray(search.cv_results_["param_" + PREFIX + name], dtype=float)
    ax.scatter(values, 1 - scores, color="C0", alpha=0.7, label="candidate")
    ax.scatter(
        best[name], 1 - search.best_score_, marker="*", s=200, color="C1", label="best"
    )
    ax.set(xlabel=label, ylabel="error, cross-validated (log scale)", yscale="log")
    ax.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5], labels=[0.02, 0.05, 0.1, 0.2, 0.5])
    ax.minorticks_off()
    if log_scale:
        ax.set_xscale("log")
axes[0, 0].legend(loc="upper right")

ax = axes[1, 1]
ax.plot(network.loss_curve_, label="training cost J")
ax.plot(network.validation_loss_curve_, linestyle="--", label="dev loss")
ax.axvline(
    network.best_epoch_, 0, 0.6, color="0.5", linestyle=":", label="best dev accuracy"
)
ax.set(xlabel="epoch", ylabel="loss (log scale)", yscale="log")
ax.legend(loc="upper right")
figure.suptitle(f"Random search on the digits: held-out accuracy {accuracy:.3f}")
figure.savefig("tune_digits.png", dpi=120)
