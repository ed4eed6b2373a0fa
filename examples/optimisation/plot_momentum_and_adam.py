"""
Momentum, RMSprop, Adam
=======================

Three ways to step better than w := w − α dw (course II 2.3–2.5), by their formulas and by skdeep,
which takes the same steps. Its parameters `solver` and `momentum` choose among them. Look at the
way that each takes through a narrow valley, and at the cost of a deep network.
"""

# %%
# The data: tumours, for a logistic regression whose gradient takes two lines. θ is w and b in one.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit as sigmoid
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier, LogisticRegressionGD

data = load_breast_cancer()
X, y = StandardScaler().fit_transform(data.data), data.target


def gradient(theta, X=X):
    dz = (sigmoid(X @ theta[:-1] + theta[-1]) - y) / len(y)
    return np.append(X.T @ dz, dz.sum())


# %%
# The formulas: V averages the gradients, S their squares, both exponentially weighted (II 2.2), and
# Adam corrects both for their start from zero. Momentum with β = 0 is plain descent.


def momentum(theta, gradient, n_steps, alpha, beta=0.9):
    V = 0
    for _ in range(n_steps):
        V = beta * V + (1 - beta) * gradient(theta)
        theta = theta - alpha * V
        yield theta


def rmsprop(theta, gradient, n_steps, alpha, beta=0.9, epsilon=1e-8):
    S = 0
    for _ in range(n_steps):
        dw = gradient(theta)
        S = beta * S + (1 - beta) * dw**2
        theta = theta - alpha * dw / (np.sqrt(S) + epsilon)
        yield theta


def adam(theta, gradient, n_steps, alpha, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    V, S = 0, 0
    for t in range(1, n_steps + 1):
        dw = gradient(theta)
        V = beta_1 * V + (1 - beta_1) * dw
        S = beta_2 * S + (1 - beta_2) * dw**2
        V_corrected, S_corrected = V / (1 - beta_1**t), S / (1 - beta_2**t)
        theta = theta - alpha * V_corrected / (np.sqrt(S_corrected) + epsilon)
        yield theta


# %%
# skdeep's momentum, like scikit-learn's, leaves out the factor 1 − β: its rate is the course's
# times that. Its default is Nesterov's variant, here it is the course's. ε stands beside the root,
# as in the papers, where the notes have it within.

solvers = {
    "plain": {"solver": "sgd", "momentum": 0},
    "momentum": {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": False},
    "RMSprop": {"solver": "rmsprop"},
    "Adam": {"solver": "adam"},
}
zero = np.zeros(X.shape[1] + 1)
by_formula = {
    "plain": momentum(zero, gradient, 10, alpha=0.05, beta=0),
    "momentum": momentum(zero, gradient, 10, alpha=0.05 / (1 - 0.9)),
    "RMSprop": rmsprop(zero, gradient, 10, alpha=0.05),
    "Adam": adam(zero, gradient, 10, alpha=0.05),
}


def quietly(model, X, y):
    """Fit without a word on convergence: none of these fits is meant to get there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


for name, steps in by_formula.items():
    model = LogisticRegressionGD(
        0, batch_size="full", learning_rate_init=0.05, max_iter=10
    )
    quietly(model.set_params(**solvers[name]), X, y)
    *_, theta = steps
    np.testing.assert_allclose(
        np.append(model.coef_, model.intercept_), theta, atol=1e-10
    )
    print(
        f"{name}: 10 steps of the formula are skdeep's; J before the last {model.loss_:.3f}"
    )

# %%
# A valley: two inputs of which one varies six times as much as the other, b left out. At the
# largest rate that it can bear, plain descent swings from side to side; in an average the swings
# cancel and the way along the valley adds up; dividing by √S makes both directions equally long.

names = ["worst fractal dimension", "smoothness error"]
valley = data.data[:, [list(data.feature_names).index(name) for name in names]]
valley = (valley - valley.mean(axis=0)) / valley[:, 0].std()
best = LogisticRegressionGD(alpha=0, fit_intercept=False).fit(valley, y).coef_[0]
start = best + np.array([3.0, 12.0])


def gradient_in_valley(w):
    return gradient(np.append(w, 0), valley)[:2]


rules_in_valley = {
    "plain, α = 20": momentum(start, gradient_in_valley, 25, alpha=20, beta=0),
    "momentum, α = 40, β = 0.6": momentum(
        start, gradient_in_valley, 25, alpha=40, beta=0.6
    ),
    "RMSprop, α = 0.5": rmsprop(start, gradient_in_valley, 25, alpha=0.5),
    "Adam, α = 1": adam(start, gradient_in_valley, 25, alpha=1),
}
paths = {name: np.array([start, *steps]) for name, steps in rules_in_valley.items()}
for name, path in paths.items():
    print(
        f"{name}: {np.linalg.norm(path[-1] - best):.1f} from the minimum after 25 steps"
    )

# %%
# A network of four hidden layers on the digits, each rule with the best of five rates.

X_digits, digit = load_digits(return_X_y=True)
fastest = {}
for name, parameters in solvers.items():
    fits = []
    for rate in (0.001, 0.003, 0.01, 0.03, 0.1):
        network = DeepMLPClassifier(
            (32,) * 4, max_iter=15, random_state=0, **parameters
        )
        fits.append(
            quietly(network.set_params(learning_rate_init=rate), X_digits / 16, digit)
        )
    fastest[name] = min(fits, key=lambda network: network.loss_)
    rate = fastest[name].learning_rate_init
    print(
        f"{name}: J = {fastest[name].loss_:.4f} after 15 epochs, learning_rate_init={rate:g}"
    )

# %%
# Left: plain descent swings from side to side, momentum less so, and RMSprop and Adam turn towards
# the minimum. Right: all three are ahead of plain descent in nearly every epoch.

figure, axes = plt.subplots(1, 2, figsize=(11, 5.8), layout="constrained")
w_1, w_2 = np.meshgrid(
    best[0] + np.linspace(-6, 6, 80), best[1] + np.linspace(-4, 14, 80)
)
z = w_1[..., None] * valley[:, 0] + w_2[..., None] * valley[:, 1]
J = np.mean(np.logaddexp(0, z) - y * z, axis=-1)
axes[0].contour(w_1, w_2, J, levels=12, cmap="Greys_r", alpha=0.5)
for (name, path), marker in zip(paths.items(), "so^v", strict=True):
    axes[0].plot(*path.T, marker=marker, markersize=4, label=name)
axes[0].plot(*start, "X", color="k", markersize=9, label="start")
axes[0].plot(*best, "*", color="k", markersize=13, label="minimum")
axes[0].set(xlabel=f"weight of the {names[0]}", ylabel=f"weight of the {names[1]}")
axes[0].set_title("25 steps in a valley")
for name, network in fastest.items():
    label = f"{name}, α = {network.learning_rate_init:g}"
    axes[1].semilogy(range(1, 16), network.loss_curve_, label=label)
axes[1].set(
    xlabel="epoch", ylabel="cost J (log scale)", title="A deep network on the digits"
)
for ax in axes:
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
figure.savefig("momentum_and_adam.png", dpi=120)
