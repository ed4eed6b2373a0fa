"""Trained networks leave the house, and come back: their layers as arrays, for other frameworks."""

from ._layers import DenseLayer

__all__ = ["DenseLayer"]
