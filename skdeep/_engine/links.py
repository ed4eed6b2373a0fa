"""Links: what turns raw outputs into predictions.

A loss compares raw outputs, of any size and sign, with targets of its own range; its link says how
the two belong together. Links are named by the function that leads from raw outputs to predictions,
as scikit-learn's `out_activation_` is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .backend import Array, expit


@dataclass(frozen=True)
class Link:
    """A link: `inverse` makes predictions of raw outputs, in place."""

    name: str
    inverse: Callable[[Array], Array]
    # Whether finite raw outputs can give infinite predictions.
    can_overflow: bool = False
    # Whether raw outputs are in units of the target, so that its scale has to be a network's.
    keeps_units: bool = False


def _identity(logits: Array) -> Array:
    return logits


def _logistic(logits: Array) -> Array:
    probabilities: Array = expit(logits, out=logits)
    return probabilities


def _softmax(logits: Array) -> Array:
    np.subtract(logits, np.maximum.reduce(logits, axis=-1, keepdims=True), out=logits)
    np.exp(logits, out=logits)
    return np.divide(logits, np.add.reduce(logits, axis=-1, keepdims=True), out=logits)


def _exp(logits: Array) -> Array:
    return np.exp(logits, out=logits)


IDENTITY = Link("identity", _identity, keeps_units=True)
LOGISTIC = Link("logistic", _logistic)
SOFTMAX = Link("softmax", _softmax)
EXP = Link("exp", _exp, can_overflow=True)

LINKS = {link.name: link for link in (IDENTITY, LOGISTIC, SOFTMAX, EXP)}
