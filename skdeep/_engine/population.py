"""Several models' configurations as one: where they differ, an array with a value per model.

Layers, losses, penalties and optimizers take such arrays in place of numbers. What meets vectors of
parameters, (K, P), takes them with two axes, and what meets batches, (K, rows, units), with three.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

Configuration = TypeVar("Configuration")

PARAMETER_AXES = 2
BATCH_AXES = 3


def combine_values(values: Sequence[Any], n_axes: int) -> Any:
    """One value for all models if theirs are equal, else an array; lists position by position."""
    first = values[0]
    if isinstance(first, (list, tuple)):
        return [combine_values(column, n_axes) for column in zip(*values, strict=True)]
    if all(value == first for value in values):
        return first
    return np.reshape(np.array(values, dtype=np.float64), (-1,) + (1,) * (n_axes - 1))


def combine(configurations: Sequence[Configuration], n_axes: int) -> Configuration:
    """One configuration, a dataclass, that stands for those of all models."""
    first: Any = configurations[0]
    columns = {
        entry.name: combine_values([getattr(one, entry.name) for one in configurations], n_axes)
        for entry in fields(first)
        if entry.init
    }
    combined: Configuration = replace(first, **columns)
    return combined
