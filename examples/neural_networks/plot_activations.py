"""
Activation functions
====================

Between its layers a network needs a function that is not linear (course I 4.2, 4.3): sigmoid,
tanh, relu, leaky relu and others, which the parameter `activation` names. Look at where each of
them has a slope to learn by, and at how a network without one does: hidden layers of the
identity, however many, are no better than a linear model.
"""

# %%
# The formulas, f beside f′ (I 4.2).

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD
from skdeep.inspection import gradient_check


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softplus(z):
    return np.log1p(np.exp(z))


def elu(z, scale=1.0, alpha=1.0):
    return scale * np.where(z > 0, z, alpha * np.expm1(z))


def elu_slope(z, scale=1.0, alpha=1.0):
    return scale * np.where(z > 0, 1, alpha * np.exp(z))


def mish_slope(z):
    t = np.tanh(softplus(z))
    return t + z * sigmoid(z) * (1 - t**2)


SELU = {"scale": 1.0507009873554805, "alpha": 1.6732632423543772}
formulas = {
    "identity": (lambda z: z, np.ones_like),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: np.where(z > 0, 1.0, 0.0)),
    "leaky_relu": (
        lambda z: np.maximum(z, 0.01 * z),
        lambda z: np.where(z > 0, 1.0, 0.01),
    ),
    "elu": (elu, elu_slope),
    "selu": (lambda z: elu(z, **SELU), lambda z: elu_slope(z, **SELU)),
    "softplus": (softplus, sigmoid),
    "silu": (
        lambda z: z * sigmoid(z),
        lambda z: sigmoid(z) * (1 + z * (1 - sigmoid(z))),
    ),
    "gelu": (lambda z: z * norm.cdf(z), lambda z: norm.cdf(z) + z * norm.pdf(z)),
    "mish": (lambda z: z * np.tanh(softplus(z)), mish_slope),
}

# %%
# skdeep's own, read off a network of one input x = 1 and a hidden unit for each z: its weights
# are the z, those of the output are 1, and y is one less than ŷ. Then dz[2] = ŷ − y = 1, so that
# backpropagation leaves f(z) in dW[2] and f′(z) in dW[1].

z = np.linspace(-4, 4, 200)


def read_off(activation):
    probe = DeepMLPRegressor(hidden_layer_sizes=z.size, activation=activation, alpha=0)
    probe.partial_fit([[1.0]], [0.0])
    probe.coefs_[0][...], probe.coefs_[1][...] = z, 1
    probe.intercepts_[0][...] = 0
    gradient = gradient_check(probe, [[1.0]], probe.predict([[1.0]]) - 1).gradient
    return gradient[z.size : 2 * z.size], gradient[: z.size]


for name, (f, slope) in formulas.items():
    value, derivative = read_off(name)
    np.testing.assert_allclose(value, f(z), atol=1e-12)
    np.testing.assert_allclose(derivative, slope(z), atol=1e-12)

# %%
# Why non-linear (I 4.3): is the digit in the image even or odd? Two hidden layers of the identity
# are one matrix, the product of their three.

X, digit = load_digits(return_X_y=True)
X_train, X_dev, y_train, y_dev = train_test_split(
    X / 16, digit % 2, test_size=0.5, stratify=digit, random_state=0
)


def fit(activation):
    network = DeepMLPClassifier(
        (32, 32), activation, learning_rate_init=0.01, max_iter=60, random_state=0
    )
    with warnings.catch_warnings():
        # 60 epochs are enough to compare.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return network.fit(X_train, y_train)


networks = {name: fit(name) for name in formulas}
linear = networks["identity"]
W = linear.coefs_[0] @ linear.coefs_[1] @ linear.coefs_[2]
a_0 = linear.predict_proba(np.zeros((1, X.shape[1])))[0, 1]
b = np.log(a_0 / (1 - a_0))
np.testing.assert_allclose(linear.predict_proba(X_dev)[:, [1]], sigmoid(X_dev @ W + b))

errors = {name: 1 - network.score(X_dev, y_dev) for name, network in networks.items()}
errors["no hidden layer"] = 1 - LogisticRegressionGD().fit(X_train, y_train).score(
    X_dev, y_dev
)
for name in sorted(errors, key=errors.get):
    print(f"{name:>15}: dev error {errors[name]:.1%}")

# %%
# The functions and their slopes, in four families. The slope of the sigmoid is 1/4 at most, and
# far out the slopes of sigmoid and tanh are next to nothing, which slows descent. The relu keeps a
# slope of 1 on its right half and has none on its left; the leaky relu keeps 0.01 there. Most of
# those after it have no corner.

families = {
    "S-shaped": ("sigmoid", "tanh"),
    "with a kink": ("identity", "relu", "leaky_relu"),
    "exponential": ("elu", "selu", "softplus"),
    "smooth relus": ("silu", "gelu", "mish"),
}
figure, axes = plt.subplots(
    2, 4, figsize=(11, 6), sharex=True, sharey="row", layout="constrained"
)
for (above, below), (family, names) in zip(axes.T, families.items(), strict=True):
    for name, style in zip(names, ("-", "--", ":"), strict=False):
        value, derivative = read_off(name)
        above.plot(z, value, style, linewidth=2)
        below.plot(z, derivative, style, linewidth=2, label=name)
    above.set_title(family)
    below.set_xlabel("z")
    below.legend(loc="upper center", bbox_to_anchor=(0.5, -0.25))
axes[0, 0].set(ylabel="f(z)", ylim=(-2, 4))
axes[1, 0].set(ylabel="slope f′(z)")
figure.savefig("activations.png", dpi=120)

# %%
# What only a non-linear layer can do: the identity is no better than no hidden layer at all, and
# all others are.

figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
order = sorted(errors, key=errors.get, reverse=True)
linear_ones = ("identity", "no hidden layer")
bars = ax.barh(
    order,
    [100 * errors[name] for name in order],
    color=["#D55E00" if name in linear_ones else "#0072B2" for name in order],
)
ax.bar_label(bars, fmt="%.1f %%", padding=3)
ax.set(
    xlabel="dev error in per cent", title="Is the digit even or odd?", xlim=(0, 11.5)
)
figure.savefig("activations_errors.png", dpi=120)
