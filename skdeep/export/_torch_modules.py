"""The one module that PyTorch lacks, made once PyTorch is there, and found again by its pickles."""

import functools
from typing import Any

from .._optional import imported


@functools.cache
def exp_module() -> Any:
    """The class `Exp`: exp(z), the link of the Poisson and gamma losses."""
    torch = imported("torch", "Exp", "torch")

    Module: Any = torch.nn.Module

    class Exp(Module):
        """exp(z)."""

        def forward(self, z: Any) -> Any:
            """exp of each entry."""
            return torch.exp(z)

    Exp.__qualname__ = "Exp"
    return Exp


def __getattr__(name: str) -> Any:
    if name == "Exp":
        return exp_module()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
