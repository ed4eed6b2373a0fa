"""Narrower networks in a population: where their numbers lie among those of the widest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._engine.backend import Array
from .._engine.network import Network


@dataclass(frozen=True, eq=False)
class Place:
    """Positions of a network's parameters and statistics in those of a wider one."""

    theta: Array
    statistics: Array


def place_in(wider: Network, own: Network) -> Place | None:
    """Where a network lies in a wider one of as many layers; None where they are equally wide."""
    if own.layout.size == wider.layout.size:
        return None
    return Place(
        own.layout.positions_in(wider.layout),
        own.statistics_layout.positions_in(wider.statistics_layout),
    )


def padded(
    models: Sequence[tuple[Array, Array, Place | None]], network: Network
) -> tuple[Array, Array]:
    """θ and statistics of several models as the rows of those of a network with room for all."""
    first_theta, first_statistics, _ = models[0]
    sizes = network.layout.size, network.statistics_layout.size
    theta = np.zeros((len(models), sizes[0]), dtype=first_theta.dtype)
    statistics = np.zeros((len(models), sizes[1]), dtype=first_statistics.dtype)
    for row, (own_theta, own_statistics, place) in enumerate(models):
        if place is None:
            theta[row], statistics[row] = own_theta, own_statistics
        else:
            theta[row, place.theta] = own_theta
            statistics[row, place.statistics] = own_statistics
    return theta, statistics
