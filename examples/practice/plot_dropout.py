"""
Inverted dropout
================

Units dropped at random while training, the rest scaled up (course II 1.6–1.7), is what `dropout`
does, at a rate of 1 − keep_prob. The expected activation stays what it was, so that nothing has
to change at prediction; the cost no longer falls from epoch to epoch; and a network that had
learnt its few examples by heart knows more of new ones. Look at the dev loss, which rises without
dropout and stays low with it.
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
from skdeep.inspection import gradient_check, layer_statistics

X, y = load_diabetes(return_X_y=True)
X_train, X_dev, y_train, y_dev = train_test_split(
    StandardScaler().fit_transform(X),
    (y - y.mean()) / y.std(),
    test_size=0.5,
    random_state=0,
)


def fit(**parameters):
    """A network trained for 200 epochs, whether or not it has converged."""
    network = DeepMLPRegressor(
        hidden_layer_sizes=(64, 64),
        alpha=0,
        learning_rate_init=0.003,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return network.set_params(**parameters).fit(
            X_train, y_train, X_val=X_dev, y_val=y_dev
        )


# %%
# The course's lines (II 1.6), on the first layer's activations of a trained network: each example
# drops units of its own, and dividing by keep_prob keeps the mean over many draws.

KEEP_PROB, N_DRAWS = 0.5, 2000
rng = np.random.default_rng(0)
plain = fit()
a = layer_statistics(plain, X_train, y_train)[0].activations
total = np.zeros_like(a)
for _ in range(N_DRAWS):
    d = rng.random(a.shape) < KEEP_PROB
    total += a * d / KEEP_PROB
print(f"mean activation {a.mean():.4f}, under dropout {(total / N_DRAWS).mean():.4f}")
# A kept unit gives 2 a, a dropped one 0: a standard deviation of a, of the mean a / √N_DRAWS.
assert np.all(np.abs(total / N_DRAWS - a) <= 6 * a / np.sqrt(N_DRAWS))

# %%
# In skdeep `dropout` is a rate, 1 − keep_prob. It is part of J in training; predictions leave it
# out (II 1.7), and so are better than J had made believe.

dropped = fit(dropout=1 - KEEP_PROB)
np.testing.assert_array_equal(dropped.predict(X_dev), dropped.predict(X_dev))
for name, dropout in (("with units dropped", "fixed"), ("with all of them", "off")):
    J = gradient_check(
        dropped, X_train, y_train, n_parameters=1, dropout=dropout
    ).objective
    print(f"J at the trained weights {name}: {J:.3f}")
for name, network in (("without", plain), ("with", dropped)):
    rises = np.mean(np.diff(network.loss_curve_) > 0)
    print(f"J rises in {rises:.0%} of the epochs {name} dropout")

# %%
# One rate for all layers, or one for each (II 1.7): more where there are more weights.

rates = np.arange(10) / 10
R2 = []
for rate in rates:
    network = fit(dropout=rate)
    R2.append([network.score(X_train, y_train), network.score(X_dev, y_dev)])
best = np.argmax(R2, axis=0)[1]
print(
    f"dev R²: {R2[0][1]:.2f} without dropout, {R2[best][1]:.2f} with dropout={rates[best]}"
)
print(
    f"dev R²: {fit(dropout=(0.4, 0.6)).score(X_dev, y_dev):.2f} with dropout=(0.4, 0.6)"
)

# %%
# Left: without dropout the dev loss soon turns, and rises while J falls: high variance. Middle:
# with it J goes up and down, and the dev loss stays where it is. Right: a rate of 0.6 is best
# here, and 0.9 leaves nothing to learn with.

figure, axes = plt.subplots(1, 3, figsize=(11.5, 4), layout="constrained")
for ax, name, network in zip(
    axes, ("no dropout", "dropout=0.5"), (plain, dropped), strict=False
):
    ax.plot(network.loss_curve_, label="training cost J")
    ax.plot(network.validation_loss_curve_, label="dev loss")
    ax.set(xlabel="epoch", ylabel="loss", ylim=(0, 0.7), title=name)
axes[0].set_title("No dropout")
axes[2].plot(rates, R2, marker=".", label=["training set", "dev set"])
axes[2].set(xlabel="dropout rate, 1 − keep_prob", ylabel="R²", title="After 200 epochs")
for ax in axes:
    ax.legend()
figure.savefig("dropout.png", dpi=120)
