"""skl2onnx learns of the estimators: each gets a converter, where skl2onnx is installed.

It would find none for most of them. For some it takes what it has for scikit-learn's, which reads
`coef_` as those mean it: that is wrong, and it does not say so.
"""


def register_converters() -> None:
    """Give skl2onnx a converter for each estimator and transformer; nothing where it is missing."""
    try:
        from ._onnx_registry import register_all
    except ImportError as error:
        if (error.name or "").startswith("skdeep"):
            raise
        # It is not installed, or not with what it needs: whoever imports it hears of that.
        return
    register_all()
