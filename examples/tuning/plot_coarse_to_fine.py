"""
From coarse to fine
===================

How the course looks for hyperparameters (II 3.1): at random and not on a grid, on the scale that
suits each of them, and, once a good region shows, closer there. `CoarseToFineSearchCV` does so,
and trains all candidates of a round at once. Look at where the candidates of each round are.
"""

# %%
# Scales. A learning rate is as likely to be between 0.0001 and 0.001 as between 0.01 and 0.1; for β
# it is 1 − β that spans decades, since the average looks back over 1 / (1 − β) steps.

import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.inspection import SearchDisplay
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    log_uniform,
    one_minus_log_uniform,
    suggested_space,
)

rates = log_uniform(1e-4, 1e-1).rvs(size=10_000, random_state=0)
print("share of learning rates below 0.001:", np.mean(rates < 1e-3).round(2))
betas = one_minus_log_uniform(0.9, 0.999).rvs(size=10_000, random_state=0)
print("share of β below 0.99:", np.mean(betas < 0.99).round(2))

# %%
# What to look for first: the course's order of importance, for this very estimator.

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, stratify=y, random_state=0
)
model = make_pipeline(
    StandardScaler(),
    DeepMLPClassifier((48,), batch_size=64, max_iter=15, random_state=0),
)
for name, values in suggested_space(model).items():
    print(f"    {name}: {values}")

# %%
# Three rounds of sixteen. Fifteen epochs tell good settings from bad ones.

prefix = "deepmlpclassifier__"
space = {
    prefix + "learning_rate_init": log_uniform(1e-4, 1.0),
    prefix + "beta_1": one_minus_log_uniform(0.5, 0.999),
    prefix + "alpha": log_uniform(1e-2, 1e3),
}
search = CoarseToFineSearchCV(model, space, n_rounds=3, n_iter=16, cv=3, random_state=0)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    search.fit(X_train, y_train)

rounds = np.asarray(search.cv_results_["round"])
scores = search.cv_results_["mean_test_score"]
for number, ranges in enumerate(search.rounds_):
    print(f"round {number}: best {scores[rounds == number].max():.3f}, from")
    for name, values in ranges.items():
        print(f"    {name.removeprefix(prefix)} in {values}")
print(f"test accuracy of the best: {search.score(X_test, y_test):.3f}")

# %%
# Each round in a colour of its own: the later ones crowd where the earlier ones did well. A
# triangle at the foot is a candidate whose score is too low to be shown.

display = SearchDisplay.from_estimator(search)
display.figure_.set_size_inches(11, 4.4)
display.figure_.savefig("coarse_to_fine.png", dpi=120)
