"""Narrower networks in a population: where their numbers lie among those of the widest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .._engine.backend import Array, RandomStream, StreamsByWidth
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


def streams_by_width(
    models: Sequence[tuple[Network, Mapping[str, RandomStream]]],
) -> dict[str, StreamsByWidth]:
    """The streams of the layers that draw numbers, by their widths in several models.

    Models of one width have drawn as much as each other; the first one's stream is theirs. One that
    drops nothing there has drawn nothing.
    """
    found: dict[str, dict[int, RandomStream]] = {}
    for own, streams in models:
        for layer in own.dropout_layers:
            by_width = found.setdefault(layer.name, {})
            by_width.setdefault(layer.n, streams[layer.name].copy())
    return {name: StreamsByWidth(by_width) for name, by_width in found.items()}


def own_streams(own: Network, streams: Mapping[str, StreamsByWidth]) -> dict[str, RandomStream]:
    """Copies of those that a network by itself draws from."""
    return {
        layer.name: streams[layer.name].of_width(layer.n).copy()
        for layer in own.dropout_layers
        if layer.name in streams
    }
