"""
Forward and backward propagation
================================

Backpropagation in NumPy, layer by layer, beside skdeep's (course I 4.4, 5.1 and 5.2): the forward
pass keeps each z, and the backward pass gives dW, db and dA. The shapes are checked on the way,
and so are skdeep's errors. Look at how the gradients of all layers become small together.
"""

# %%
# The data, and a network of three layers, of which nothing is trained yet but one small step.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.inspection import gradient_check

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
Y = y.reshape(-1, 1)
m = len(X)
RATE = 0.5
network = DeepMLPClassifier(
    hidden_layer_sizes=(8, 4),
    activation="tanh",
    solver="sgd",
    momentum=0,
    alpha=0,
    batch_size="full",
    learning_rate_init=RATE,
    random_state=0,
)
network.partial_fit(X, y, classes=[0, 1])


# %%
# Forward (I 5.2). The course has examples as columns, z = W A + b; they are rows here, so that
# z = A W + b with W[l] of shape (n[l−1], n[l]) and b[l] of shape (1, n[l]) (I 5.1).


def forward(weights, biases):
    """ŷ, and of every layer what came in and z."""
    A, cache = X, []
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True), start=1):
        z = A @ W + b
        cache.append((A, z))
        A = np.tanh(z) if layer < len(weights) else 1 / (1 + np.exp(-z))
    return A, cache


# %%
# Backward (I 4.4): dz of the last layer is ŷ − y; a layer's dz gives its dW and db, and the dA of
# the layer before, from which g′ makes that one's dz.


def backward(weights, y_hat, cache):
    """dW and db of every layer."""
    dz, gradients = y_hat - Y, []
    for layer in reversed(range(len(weights))):
        A_before, _ = cache[layer]
        dW = A_before.T @ dz / m
        db = np.sum(dz, axis=0, keepdims=True) / m
        gradients.insert(0, (dW, db))
        if layer > 0:
            dA = dz @ weights[layer].T
            z_before = cache[layer - 1][1]
            dz = dA * (1 - np.tanh(z_before) ** 2)
    return gradients


def parameters():
    """Copies: skdeep's own change in place."""
    return [W.copy() for W in network.coefs_], [
        b[np.newaxis].copy() for b in network.intercepts_
    ]


weights, biases = parameters()
y_hat, cache = forward(weights, biases)
np.testing.assert_allclose(y_hat[:, 0], network.predict_proba(X)[:, 1])
gradients = backward(weights, y_hat, cache)
for layer, ((dW, db), W, b) in enumerate(
    zip(gradients, weights, biases, strict=True), start=1
):
    assert dW.shape == W.shape
    assert db.shape == b.shape
    z_shape = cache[layer - 1][1].shape
    print(f"layer {layer}: W and dW {W.shape}, b and db {b.shape}, z and dz {z_shape}")

# %%
# skdeep's gradient, twice: the vector that `gradient_check` compares with differences, weights
# first; and the way of one step, W := W − α dW.

giant = np.concatenate(
    [dW.ravel() for dW, _ in gradients] + [db.ravel() for _, db in gradients]
)
check = gradient_check(network, X, y, epsilon=1e-5)
np.testing.assert_allclose(check.gradient, giant, atol=1e-12)
print(check)

network.partial_fit(X, y)
for (dW, db), W, b, W_after, b_after in zip(
    gradients, weights, biases, *parameters(), strict=True
):
    np.testing.assert_allclose(W_after, W - RATE * dW, atol=1e-12)
    np.testing.assert_allclose(b_after, b - RATE * db, atol=1e-12)

# %%
# What does not fit together is refused where it is first seen (I 5.1).

one_too_many = DeepMLPClassifier((8, 4), activation=("tanh", "tanh", "tanh"))
for wrong in (
    lambda: network.predict(X[:, :29]),
    lambda: network.partial_fit(X, y[:-1]),
    lambda: one_too_many.fit(X, y),
):
    try:
        wrong()
    except ValueError as error:
        print(f"ValueError: {error}")

# %%
# 200 steps with the gradients above. The layers learn at about the same pace, and where the cost is
# low most examples have nothing more to say: dz = ŷ − y is next to nothing but for a few.

costs, norms, pulls = [], [], {}
for step in range(201):
    y_hat, cache = forward(weights, biases)
    gradients = backward(weights, y_hat, cache)
    costs.append(-np.mean(Y * np.log(y_hat) + (1 - Y) * np.log(1 - y_hat)))
    norms.append([np.linalg.norm(dW) for dW, _ in gradients])
    if step in (0, 10, 200):
        pulls[step] = np.sort(np.abs(y_hat - Y), axis=None)[::-1]
    weights = [W - RATE * dW for W, (dW, _) in zip(weights, gradients, strict=True)]
    biases = [b - RATE * db for b, (_, db) in zip(biases, gradients, strict=True)]

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
axes[0].semilogy(costs, color="0.3", linestyle="--", label="cost J")
axes[0].semilogy(norms, label=[f"‖dW[{layer}]‖" for layer in (1, 2, 3)])
axes[0].set(
    xlabel="step", ylabel="norm, cost (log scale)", title="Gradients, layer by layer"
)
for step, pull in pulls.items():
    axes[1].plot(pull, label=f"step {step}")
axes[1].set(
    xlabel="example, worst first",
    ylabel="|dz| = |ŷ − y|",
    title="Few are still learnt from",
)
for ax in axes:
    ax.legend()
figure.savefig("forward_and_backward.png", dpi=120)
