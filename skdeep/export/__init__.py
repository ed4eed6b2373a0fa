"""Trained networks leave the house, and come back: their layers as arrays, for other frameworks."""

from ._layers import DenseLayer
from ._trusted import trusted_types

__all__ = ["DenseLayer", "trusted_types"]
