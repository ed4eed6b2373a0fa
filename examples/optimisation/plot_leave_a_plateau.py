"""
Leaving a plateau
=================

With many weights, points without slope are saddles rather than local minima, and round them lies
a plateau (course II 2.7). Which `solver` is chosen decides how long it takes to leave one: plain
descent crosses it slowly or not at all; momentum gathers speed on it, and RMSprop and Adam step
as far there as anywhere. Look at when each of the curves turns down.
"""

# %%
# The data: 450 digits, and networks that start next to a saddle, from weights of 0.01 · randn.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skdeep import DeepMLPClassifier
from skdeep.inspection import gradient_check

X, y = load_digits(return_X_y=True)
X, y = X[:450] / 16, y[:450]
Y = np.eye(10)[y]


def network(n_layers, **parameters):
    return DeepMLPClassifier(
        hidden_layer_sizes=(32,) * n_layers,
        activation="tanh",
        weight_init="small_random",
        alpha=0,
        batch_size="full",
        gradient_clip=1.0,
        n_iter_no_change=np.inf,
        random_state=0,
    ).set_params(**parameters)


# %%
# The saddle: all weights zero, the last biases such that the classes have their frequencies. The
# gradient is zero there. Let one hidden unit look at the pixels along u, and hand on what it sees
# to the classes along v: J falls. Along −v it rises. There is no minimum here, and no maximum.

model = network(1).partial_fit(X, y, classes=np.arange(10))
W_1, W_2 = model.coefs_
W_1[...], W_2[...] = 0, 0
model.intercepts_[0][...], model.intercepts_[1][...] = 0, np.log(Y.mean(axis=0))
at_saddle = gradient_check(model, X, y, epsilon=1e-5)
print(f"at the saddle J = {at_saddle.objective:.4f}, |gradient| = ", end="")
print(f"{np.linalg.norm(at_saddle.gradient):.0e}")
assert np.linalg.norm(at_saddle.gradient) < 1e-12

u, _, v = np.linalg.svd(X.T @ (Y - Y.mean(axis=0)))
distances = np.linspace(-1, 1, 41)
slices = {}
for name, sign in (
    ("W[1] along u, W[2] along v", 1),
    ("W[1] along u, W[2] along −v", -1),
):
    slices[name] = []
    for t in distances:
        W_1[:, 0], W_2[0] = t * u[:, 0], sign * t * v[0]
        slices[name].append(gradient_check(model, X, y, n_parameters=1).objective)

# %%
# Why Adam does not mind: its first step is α · dW / √(dW²), so that each weight moves by α, however
# flat it is. Plain descent moves by α · dW.

ALPHA = 0.003
for solver in ("sgd", "adam"):
    model = network(2, solver=solver, momentum=0, learning_rate_init=ALPHA, max_iter=1)
    start = network(2, learning_rate_init=1e-300).partial_fit(
        X, y, classes=np.arange(10)
    )
    before = start.coefs_[0].copy()
    moved = np.abs(model.partial_fit(X, y, classes=np.arange(10)).coefs_[0] - before)
    print(f"{solver}: the first step moves a weight by {np.median(moved):.0e}")
np.testing.assert_allclose(np.median(moved), ALPHA, rtol=0.01)

# %%
# 1200 steps on all rows from next to the saddle, with two hidden layers and with three. Momentum
# arrives at the edge of the plateau so fast that it would jump; `gradient_clip` keeps its steps
# short there. The gradients on the plateau are far smaller than that limit, which changes nothing
# there.

rules = {
    "plain, α = 0.1": {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.1},
    "momentum, α = 0.1": {"solver": "sgd", "momentum": 0.9, "learning_rate_init": 0.1},
    "RMSprop, α = 0.001": {"solver": "rmsprop", "learning_rate_init": 0.001},
    "Adam, α = 0.003": {"solver": "adam", "learning_rate_init": ALPHA},
}
figure, axes = plt.subplots(1, 3, figsize=(12, 4.8), layout="constrained")
for name, costs in slices.items():
    axes[0].plot(distances, costs, label=name)
axes[0].set(xlabel="distance from the saddle", ylabel="cost J", title="A saddle")
for ax, n_layers in zip(axes[1:], (2, 3), strict=True):
    for name, rule in rules.items():
        with warnings.catch_warnings():
            # That a fit is not done after 1200 steps, or stands still, is what is to be seen.
            warnings.simplefilter("ignore", ConvergenceWarning)
            costs = np.array(
                network(n_layers, max_iter=1200, **rule).fit(X, y).loss_curve_
            )
        left = np.argmax(costs < 0.9 * costs[0])
        when = f"left after {left} steps" if left else "not left"
        print(f"{n_layers} hidden layers, {name}: plateau {when}")
        ax.semilogx(range(1, 1201), costs, label=name)
    ax.set(
        xlabel="step (log scale)", ylabel="cost J", title=f"{n_layers} hidden layers"
    )
axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), fontsize="small")
for ax in axes[1:]:
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, fontsize="small"
    )
figure.savefig("leave_a_plateau.png", dpi=120)
