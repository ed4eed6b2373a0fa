"""Pages whose snippets need what is no dependency run where it is installed."""

from importlib.util import find_spec

collect_ignore = []
if not all(map(find_spec, ("skl2onnx", "onnxruntime"))):
    collect_ignore.append("onnx.rst")
