"""Examples that need a program which is no dependency run where it is installed."""

import os
from importlib.util import find_spec

# What is needed, and whose examples need it.
NEEDED = {
    "torch": ["skdeep/export/_torch.py", "doc/guide/frameworks.rst"],
    "keras": ["skdeep/export/_keras.py"],
    "paddle": ["skdeep/export/_paddle.py"],
    "skops": ["skdeep/export/_trusted.py"],
}
collect_ignore = [
    path for module, paths in NEEDED.items() if find_spec(module) is None for path in paths
]
# Keras asks for TensorFlow unless it is told otherwise.
if find_spec("torch") is not None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
