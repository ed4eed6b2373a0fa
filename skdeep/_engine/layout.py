"""Where each array of a network lives in the flat parameter vector θ.

A `Slot` is one named array; a `Layout` places slots one after the other, those that a penalty acts
on first, so that a penalty acts on one slice. This is the only code that knows offsets into θ.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .backend import Array


@dataclass(frozen=True)
class Slot:
    """One array of one layer: `("hidden 1", "W")`, say."""

    layer: str
    name: str
    shape: tuple[int, int]
    penalised: bool = False

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def key(self) -> tuple[str, str]:
        return (self.layer, self.name)


class Layout:
    """The slots of a network in the order in which they lie in θ."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        self.slots = tuple(sorted(slots, key=lambda slot: not slot.penalised))
        self.shapes = {slot.key: slot.shape for slot in self.slots}
        self.spans: dict[tuple[str, str], slice] = {}
        start = 0
        for slot in self.slots:
            self.spans[slot.key] = slice(start, start + slot.size)
            start += slot.size
        self.size = start
        self.n_penalised = sum(slot.size for slot in self.slots if slot.penalised)

    def views(self, theta: Array) -> dict[tuple[str, str], Array]:
        """Named views of θ, each of shape ``(*M, *slot.shape)``.

        They follow θ as it is updated in place, and must not outlive it: pickling or copying
        an object that holds both would silently detach them.
        """
        if theta.shape[-1] != self.size:
            raise ValueError(
                f"theta has {theta.shape[-1]} parameters in its last axis, "
                f"but the layout places {self.size}."
            )
        models = theta.shape[:-1]
        return {
            key: theta[..., span].reshape(models + self.shapes[key])
            for key, span in self.spans.items()
        }

    def positions_in(self, wider: "Layout") -> Array:
        """Where in a vector of a wider layout, of the same slots, this one's numbers lie.

        Each slot is the upper left corner of the wider one.
        """
        corners = [
            wider.spans[key].start + np.add.outer(np.arange(n) * wider.shapes[key][1], np.arange(m))
            for key, (n, m) in self.shapes.items()
        ]
        return np.concatenate([np.empty(0, dtype=np.intp), *(part.ravel() for part in corners)])

    def penalised(self, theta: Array) -> Array:
        """The view of θ that a penalty acts on."""
        return theta[..., : self.n_penalised]

    def spans_by_layer(self) -> dict[str, list[slice]]:
        """The pieces of θ that belong to each layer, by the layer's name."""
        pieces: dict[str, list[slice]] = {}
        for slot in self.slots:
            pieces.setdefault(slot.layer, []).append(self.spans[slot.key])
        return pieces
