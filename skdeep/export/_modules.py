"""Activation functions and links as modules, by the names and arguments that PyTorch gave them.

Paddle has the same ones, two of their names apart.
"""

from .._engine.activations import ELU_ALPHA, LEAKY_SLOPE

# Softplus is z itself above this; at the frameworks' own 20 that is 2e-9 too small.
SOFTPLUS_THRESHOLD = 40.0

# By skdeep's name the module's, and the arguments that it takes. None of them has an exponential.
MODULES: dict[str, tuple[str, dict[str, object]]] = {
    "identity": ("Identity", {}),
    "logistic": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "relu": ("ReLU", {}),
    "leaky_relu": ("LeakyReLU", {"negative_slope": LEAKY_SLOPE}),
    "elu": ("ELU", {"alpha": ELU_ALPHA}),
    "selu": ("SELU", {}),
    "gelu": ("GELU", {}),
    "silu": ("SiLU", {}),
    "mish": ("Mish", {}),
    "softplus": ("Softplus", {"threshold": SOFTPLUS_THRESHOLD}),
    "softmax": ("Softmax", {"dim": -1}),
}
