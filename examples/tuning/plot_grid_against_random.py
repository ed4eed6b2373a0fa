"""
Grid against random
===================

Nine trials of two hyperparameters, of which one matters and the other does not (course II 3.1). A
grid of three by three tries three learning rates, each of them three times. Nine points at random
try nine learning rates.
"""

# %%
# The data: a network that has to tell ten digits apart. The learning rate decides how far it comes
# in three epochs. Adam's ε does not, as long as it is small. Nobody knows that before the search.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skdeep import DeepMLPClassifier
from skdeep.model_selection import (
    VectorizedGridSearchCV,
    VectorizedRandomizedSearchCV,
    log_uniform,
)

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
network = DeepMLPClassifier((32,), batch_size=64, max_iter=3, random_state=0)
RATE, EPSILON = "learning_rate_init", "epsilon"

# %%
# Both searches have the same ranges, from 10⁻⁴ to 1 for α and from 10⁻¹⁰ to 10⁻⁶ for ε, on log
# scales, and nine trials with three folds each. All 27 networks of a search train at once.

grid = {RATE: np.geomspace(1e-4, 1, 3), EPSILON: np.geomspace(1e-10, 1e-6, 3)}
space = {RATE: log_uniform(1e-4, 1), EPSILON: log_uniform(1e-10, 1e-6)}
searches = {
    "Grid": VectorizedGridSearchCV(network, grid, cv=3),
    "At random": VectorizedRandomizedSearchCV(
        network, space, n_iter=9, cv=3, random_state=0
    ),
}
with warnings.catch_warnings():
    # Three epochs are enough to tell a good learning rate from a bad one.
    warnings.simplefilter("ignore", ConvergenceWarning)
    for search in searches.values():
        search.fit(X, y)
for name, search in searches.items():
    rates = search.cv_results_[f"param_{RATE}"].astype(float)
    print(f"{name}: {np.unique(rates).size} learning rates, ", end="")
    print(
        f"best accuracy {search.best_score_:.3f} with α = {search.best_params_[RATE]:.2g}"
    )

# %%
# Forty learning rates, for the line in the figure: what there was to be found.

line = VectorizedGridSearchCV(network, {RATE: np.geomspace(1e-4, 1, 40)}, cv=3)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    line.fit(X, y)
print(
    f"Forty rates: best accuracy {line.best_score_:.3f} with α = {line.best_params_[RATE]:.2g}"
)

# %%
# Below are the trials as they lie in the plane, with an orange tick for each value that was tried.
# Above, what they tell of α: the grid has three points on the line and misses its top, the random
# trials have nine. On the right, what they tell of ε: nothing. Where two points there differ in
# accuracy, it is α that makes the difference.

figure = plt.figure(figsize=(11, 5.5), layout="constrained")
for part, (name, search) in zip(figure.subfigures(1, 2), searches.items(), strict=True):
    rates = search.cv_results_[f"param_{RATE}"].astype(float)
    epsilons = search.cv_results_[f"param_{EPSILON}"].astype(float)
    scores = search.cv_results_["mean_test_score"]
    axes = part.subplot_mosaic(
        [["α", "."], ["plane", "ε"]], width_ratios=(2.4, 1), height_ratios=(1, 1.6)
    )
    axes["α"].semilogx(
        line.cv_results_[f"param_{RATE}"].astype(float),
        line.cv_results_["mean_test_score"],
        color="0.7",
        label="forty rates",
    )
    axes["α"].semilogx(rates, scores, "C0o", label="the nine trials")
    axes["plane"].loglog(rates, epsilons, "C0o")
    axes["ε"].semilogy(scores, epsilons, "C0o")
    axes["plane"].plot(rates, np.full_like(rates, 5e-11), "C1|", markersize=12)
    axes["plane"].plot(np.full_like(epsilons, 5e-5), epsilons, "C1_", markersize=12)
    axes["α"].set(ylabel="accuracy", ylim=(0, 1.05), xlim=(4e-5, 2))
    axes["plane"].set(xlabel="α (log scale)", ylabel="ε (log scale)", xlim=(4e-5, 2))
    axes["plane"].set_ylim(4e-11, 2e-6)
    axes["ε"].set(xlabel="accuracy", xlim=(0, 1.05), ylim=(4e-11, 2e-6))
    axes["α"].legend(loc="lower center", fontsize="small")
    part.suptitle(f"{name}: {np.unique(rates).size} values of α in nine trials")
figure.savefig("grid_against_random.png", dpi=120)
