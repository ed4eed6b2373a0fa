"""Trained networks leave the house, and come back: their layers as arrays, for other frameworks."""

from ._layers import DenseLayer
from ._numpy import to_numpy
from ._torch import from_torch, to_torch
from ._trusted import trusted_types

__all__ = ["DenseLayer", "from_torch", "to_numpy", "to_torch", "trusted_types"]
