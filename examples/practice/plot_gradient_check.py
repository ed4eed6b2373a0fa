"""
Gradient check
==============

All parameters are put into one giant vector, each is moved by ±ε, and what the cost does is
compared with what backpropagation says (course II 1.11). `gradient_check` does it: here at the
start and after some training, over many ε, one-sided and two-sided, and with a mistake to be
found. Look at how far below the mistake the right gradients are.
"""

# %%
# The data: 178 wines of three kinds, and a network small enough to check every parameter.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.inspection import gradient_check

X, y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
start = DeepMLPClassifier(
    (8, 5), activation="tanh", alpha=1.0, dropout=0.2, random_state=0
)

# %%
# At the start, with the course's ε = 1e-7. Dropout's masks are held fixed for the check, so that J
# is the same function at θ + ε and θ − ε; the course turns it off, which ``dropout="off"`` does.

result = gradient_check(start, X, y)
print(result)
without_dropout = gradient_check(start, X, y, dropout="off")
print(
    f"dropout off: {without_dropout.relative_difference:.1e}, {without_dropout.verdict}"
)

# %%
# The number is the course's, ‖approx − grad‖ / (‖approx‖ + ‖grad‖).


def relative_difference(approximation, gradient):
    size = np.linalg.norm(approximation) + np.linalg.norm(gradient)
    return np.linalg.norm(approximation - gradient) / size


np.testing.assert_allclose(
    relative_difference(result.approximation, result.gradient),
    result.relative_difference,
)

# %%
# A mistake to be found (II 1.11): the penalty is in J, and has been forgotten in the gradient.

forgotten = gradient_check(clone(start).set_params(alpha=0.0), X, y).gradient
mistake = relative_difference(result.approximation, forgotten)
print(f"penalty forgotten in the gradient: {mistake:.1e}")

# %%
# And after some training: a bug may show only once W and b have left the start.

trained = clone(start).set_params(max_iter=20, learning_rate_init=0.01)
with warnings.catch_warnings():
    # 20 epochs are some training, not all of it.
    warnings.simplefilter("ignore", ConvergenceWarning)
    trained.fit(X, y)
print(f"after 20 epochs: {gradient_check(trained, X, y).relative_difference:.1e}")

# %%
# Why two-sided, and why neither a large nor a tiny ε. The two-sided difference is off by curvature,
# in proportion to ε², and by rounding, to 1e-16 / ε; the one-sided one by more, to ε. `coefs_` are
# views of the giant vector: moving one weight at a time gives the one-sided differences, here of
# ten.


def one_sided(model, epsilon, n=10):
    """Differences to one side, and the gradient, of the first n weights of the output layer."""
    W = model.coefs_[-1].reshape(-1)
    first = model.coefs_[0].size + model.coefs_[1].size
    at = gradient_check(model, X, y, n_parameters=1).objective
    gradient = gradient_check(model, X, y, epsilon=1e-5).gradient[first : first + n]
    differences = []
    for i in range(n):
        before = W[i]
        W[i] = before + epsilon
        above = gradient_check(model, X, y, n_parameters=1).objective
        W[i] = before
        differences.append((above - at) / epsilon)
    return np.array(differences), gradient


epsilons = np.logspace(-12, 0, 25)
curves = {
    "two-sided, at the start": [
        gradient_check(start, X, y, epsilon=e).relative_difference for e in epsilons
    ],
    "two-sided, after training": [
        gradient_check(trained, X, y, epsilon=e).relative_difference for e in epsilons
    ],
    "one-sided, after training": [
        relative_difference(*one_sided(trained, e)) for e in epsilons
    ],
}
best = {name: epsilons[np.argmin(curve)] for name, curve in curves.items()}
for name, curve in curves.items():
    print(f"{name}: {min(curve):.0e} at best, with ε = {best[name]:.0e}")

figure, ax = plt.subplots(figsize=(9, 4.8), layout="constrained")
for name, curve in curves.items():
    ax.loglog(epsilons, curve, marker=".", label=name)
ax.set_title("Is the gradient right?")
ax.loglog(
    epsilons, 1e-16 / epsilons, color="0.6", linestyle=":", label="rounding, 1e-16 / ε"
)
ax.loglog(
    epsilons, 0.1 * epsilons**2, color="0.6", linestyle="--", label="curvature, as ε²"
)
ax.axhline(mistake, color="C3", linewidth=2, label="mistake: penalty forgotten")
ax.axvline(1e-7, color="0.8", zorder=0, label="the course's ε, 1e-7")
ax.set(
    xlabel="ε (log scale)", ylabel="relative difference (log scale)", ylim=(1e-14, 1)
)
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
figure.savefig("gradient_check.png", dpi=120)
