"""Trained networks leave the house, and come back: their layers as arrays, for other frameworks."""

from ._keras import from_keras, to_keras
from ._layers import DenseLayer
from ._numpy import to_numpy
from ._onnx import register_converters
from ._onnx_frames import onnx_inputs, onnx_types
from ._paddle import to_paddle
from ._torch import from_torch, to_torch
from ._trusted import trusted_types

__all__ = [
    "DenseLayer",
    "from_keras",
    "from_torch",
    "onnx_inputs",
    "onnx_types",
    "to_keras",
    "to_numpy",
    "to_paddle",
    "to_torch",
    "trusted_types",
]

register_converters()
