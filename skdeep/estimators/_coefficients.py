"""Coefficients that are set from outside: what they may be, and the lists that coefs_ are.

`coefs_` and `intercepts_` are lists of views of the one parameter vector, made anew at each access.
To assign to an entry writes into the vector; a list that grew or lost entries would be no network,
so nothing else changes one.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import numpy as np

from .._engine.backend import Array


class LayerArrays(list[Array]):
    """Arrays of a network, layer by layer; what is assigned to one becomes the network's.

    Parameters
    ----------
    views : list of ndarray
        Views of the parameter vector.
    name : str
        Of the attribute, for errors.
    """

    def __init__(self, views: Iterable[Array], name: str) -> None:
        super().__init__(views)
        self._name = name

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            self._set(range(len(self))[index], value)
        else:
            self._set([range(len(self))[index]], [value])

    def set_all(self, values: Sequence[object]) -> None:
        """Write all of them, or none where one is not what it has to be."""
        self._set(range(len(self)), values)

    def _set(self, places: Sequence[int], values: Sequence[object]) -> None:
        given = list(values)
        if len(given) != len(places):
            raise ValueError(
                f"{self._name} has {len(places)} arrays there, one a layer, got {len(given)}."
            )
        checked = [
            coefficients_like(self[place], value, f"{self._name}[{place}]")
            for place, value in zip(places, given, strict=True)
        ]
        for place, array in zip(places, checked, strict=True):
            self[place][...] = array

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError(
            f"{self._name} has an array for each layer: assign to one of them, or a whole list to "
            f"{self._name}; layers cannot be added, removed or reordered."
        )

    append = extend = insert = pop = remove = clear = sort = reverse = _refuse
    __delitem__ = __iadd__ = __imul__ = _refuse

    def __reduce__(self) -> tuple[type[list[Array]], tuple[list[Array]]]:
        """A plain list, since a copy's arrays are no network's."""
        return list, (list(self),)


def coefficients_like(present: Array, value: object, name: str) -> Array:
    """A value as coefficients of the shape and dtype of those that are there.

    Raises
    ------
    ValueError
        If it has another shape, or is not made of finite numbers.
    """
    values = np.asarray(value)
    if values.dtype.kind not in "biuf" or values.shape != present.shape:
        raise ValueError(
            f"{name} must be an array of numbers of shape {present.shape}, got one of shape "
            f"{values.shape} and dtype {values.dtype}."
        )
    with np.errstate(over="ignore"):
        cast = values.astype(present.dtype)
    if not np.isfinite(cast).all():
        raise ValueError(f"{name} must be finite in {present.dtype}.")
    return cast
