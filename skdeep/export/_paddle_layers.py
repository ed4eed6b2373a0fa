"""The one layer that Paddle lacks, made once Paddle is there, and found again by its pickles."""

import functools
from typing import Any

from .._optional import imported


@functools.cache
def exp_layer() -> Any:
    """The class `Exp`: exp(z), the link of the Poisson and gamma losses."""
    paddle = imported("paddle", "Exp", "paddle")
    Layer: Any = paddle.nn.Layer

    class Exp(Layer):
        """exp(z)."""

        def forward(self, z: Any) -> Any:
            """exp of each entry."""
            return paddle.exp(z)

    Exp.__qualname__ = "Exp"
    return Exp


def __getattr__(name: str) -> Any:
    if name == "Exp":
        return exp_layer()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
