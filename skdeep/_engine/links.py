"""Links: what turns raw outputs into predictions.

A loss compares raw outputs, of any size and sign, with targets of its own range; its link says how
the two belong together. Links are named by the function that leads from raw outputs to predictions,
as scikit-learn's `out_activation_` is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .backend import Array, expit
from .records import recorded_by


@recorded_by(lambda link: {"name": link.name}, lambda values: LINKS[values["name"]])
@dataclass(frozen=True)
class Link:
    """A link: `inverse` makes predictions of raw outputs, in place; `raw` goes the other way."""

    name: str
    inverse: Callable[[Array], Array]
    raw: Callable[[Array], Array]
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
    total: Array = np.add.reduce(logits, axis=-1, keepdims=True)
    return np.divide(logits, total, out=logits)


def _exp(logits: Array) -> Array:
    return np.exp(logits, out=logits)


def _log(predictions: Array) -> Array:
    """The logarithm, of zero a finite one."""
    logarithms: Array = np.log(np.maximum(predictions, np.finfo(predictions.dtype).tiny))
    return logarithms


def _logit(probabilities: Array) -> Array:
    return _log(probabilities) - _log(1 - probabilities)


IDENTITY = Link("identity", _identity, _identity, keeps_units=True)
LOGISTIC = Link("logistic", _logistic, _logit)
SOFTMAX = Link("softmax", _softmax, _log)
EXP = Link("exp", _exp, _log, can_overflow=True)

LINKS: dict[str, Link] = {link.name: link for link in (IDENTITY, LOGISTIC, SOFTMAX, EXP)}
