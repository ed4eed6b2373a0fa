"""
Early stopping, and its two jobs
================================

The dev set's loss falls and rises again, and early stopping keeps the weights of its lowest point
(course II 1.8). The drawback that the course names is that one tool then does two jobs: it ends the
minimisation of J, and it keeps the network from overfitting. Beside it a penalty, with which J is
minimised to the end.
"""

# %%
# The data: diabetes, one year on, from ten measurements; half of the 442 patients to learn from.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPRegressor

X, y = load_diabetes(return_X_y=True)
X_train, X_dev, y_train, y_dev = train_test_split(
    StandardScaler().fit_transform(X),
    (y - y.mean()) / y.std(),
    test_size=0.5,
    random_state=0,
)


def fit(**parameters):
    """A network that is trained for 400 epochs unless it is stopped; the dev set is watched."""
    network = DeepMLPRegressor(
        hidden_layer_sizes=(64, 64),
        alpha=0,
        max_iter=400,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # A fixed number of epochs.
        network.set_params(**parameters)
        return network.fit(X_train, y_train, X_val=X_dev, y_val=y_dev)


# %%
# To the end without any regularisation, and with early stopping: it waits for 15 epochs without a
# better dev loss, ends, and puts the weights of the best epoch back. Up to there both are the same.
# With ``scoring="loss"`` the dev loss decides, and not R².

to_the_end = fit()
stopped = fit(early_stopping=True, scoring="loss", n_iter_no_change=15)
best = stopped.best_epoch_
print(
    f"early stopping: {stopped.n_iter_} epochs, the weights are those of epoch {best}"
)
np.testing.assert_allclose(
    stopped.validation_loss_curve_, to_the_end.validation_loss_curve_[: stopped.n_iter_]
)

# %%
# With the penalty of λ = 10, to the end. Each job has its own tool: the solver minimises J, of
# which the penalty is a part, and λ says how simple the network has to be.

penalised = fit(alpha=10)

# %%
# What is left of J, and what the network is worth on the dev set.


def dev_loss(network):
    return np.mean((network.predict(X_dev) - y_dev) ** 2) / 2


rows = (
    ("no regularisation, to the end", to_the_end, -1),
    ("early stopping", stopped, best),
    ("λ = 10, to the end", penalised, -1),
)
print(f"{'':<31}{'J':>7}{'dev loss':>10}")
for name, network, epoch in rows:
    print(f"{name:<31}{network.loss_curve_[epoch]:7.3f}{dev_loss(network):10.3f}")
assert dev_loss(penalised) < dev_loss(to_the_end)
assert dev_loss(stopped) < dev_loss(to_the_end)

# %%
# ``early_stopping`` is off unless asked for, and the dev set can be given to ``fit`` all the same.
# It is then only watched: that is where ``validation_loss_curve_`` on both sides comes from.

figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.5), sharey=True, layout="constrained"
)
for ax, network, title in (
    (left, to_the_end, "no regularisation: stop in time"),
    (right, penalised, "λ = 10: train to the end"),
):
    ax.plot(network.loss_curve_, color="#0072B2", label="training cost J")
    ax.plot(
        network.validation_loss_curve_,
        color="#D55E00",
        linestyle="--",
        label="dev loss",
    )
    ax.set(xlabel="epoch", title=title, xlim=(0, 400), yscale="log")
left.axvline(best, color="k", linestyle=":", label=f"early stopping: epoch {best}")
left.axvspan(best, 400, color="0.92", label="J would still fall")
left.set(ylabel="cost, loss (log scale)")
for ax in (left, right):
    ax.set_yticks([0.01, 0.1, 1], labels=["0.01", "0.1", "1"])
    ax.legend(loc="upper right")
figure.savefig("early_stopping.png", dpi=120)

# %%
# Look at the dotted line on the left: where the dev loss is lowest, J is far from its minimum. On
# the right both curves have come to rest: J is minimised, and the dev loss stays down. (J has the
# penalty in it, the dev loss has not.)
