"""Constraints of the parameters that parts of the engine bring: read off the parts' own rows."""

from collections.abc import Iterable
from numbers import Real

from .._engine.losses import Loss
from ._compat import Interval


def constraints_of(losses: Iterable[type[Loss]]) -> dict[str, list[object]]:
    """The constraints of the parameters that configure these losses."""
    return {
        name: [Interval(Real, own.low, own.high, closed=own.closed)]
        for loss in losses
        for name, own in loss.parameters.items()
    }
