"""Examples that need a program which is no dependency run where it is installed."""

import os
from importlib.util import find_spec

# Whose examples need what.
NEEDED = {
    "skdeep/export/_torch.py": ["torch"],
    "skdeep/export/_keras.py": ["keras"],
    "skdeep/export/_paddle.py": ["paddle"],
    "skdeep/export/_trusted.py": ["skops"],
    "doc/guide/coming_from/pytorch.rst": ["torch"],
    "doc/guide/coming_from/skorch.rst": ["skorch"],
    "doc/guide/frameworks.rst": ["torch"],
    "doc/guide/onnx.rst": ["skl2onnx", "onnxruntime"],
}
collect_ignore = [path for path, modules in NEEDED.items() if not all(map(find_spec, modules))]
# What is imported by skl2onnx's converters alone.
collect_ignore_glob = [] if find_spec("skl2onnx") else ["skdeep/export/_onnx_*.py"]
# Keras asks for TensorFlow unless it is told otherwise.
if find_spec("torch") is not None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
