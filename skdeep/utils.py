"""Tools of the course that stand on their own: the exponentially weighted average (II 2.2)."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from ._arguments import ErrorsName, check_bool
from ._engine.backend import Array
from ._engine.reals import real_number
from ._inputs import check_not_masked

__all__ = ["ewma"]


def ewma(values: ArrayLike, beta: float = 0.9, bias_correction: bool = True) -> Array:
    """Exponentially weighted average of a sequence (course II 2.2).

    v_t = beta · v_{t−1} + (1 − beta) · θ_t from v_0 = 0, which averages over about the last
    1 / (1 − beta) values. Bias correction divides by 1 − beta**t, and so makes up for the start
    from zero.

    Parameters
    ----------
    values : array-like of shape (n, ...)
        The sequence θ_1, …, θ_n of real numbers or arrays of them, along the first axis.
    beta : float, default=0.9
        How much of the average is kept from one value to the next, in [0, 1); 0 gives the values
        themselves.
    bias_correction : bool, default=True
        Whether to divide v_t by 1 − beta**t.

    Returns
    -------
    averages : ndarray of shape (n, ...)
        The averages v_1, …, v_n in float64, or in the values' own dtype where that is longer.

    Raises
    ------
    ValueError
        If `beta` is out of its range, or `values` is a single number or holds anything but real
        numbers.

    Notes
    -----
    A NaN makes NaN of its own average and of all that come after it.

    References
    ----------
    Course II 2.2; with bias correction, also D. Kingma and J. Ba, "Adam: A method for stochastic
    optimization", ICLR 2015, section 3.

    Examples
    --------
    >>> from skdeep.utils import ewma
    >>> ewma([1.0, 2.0, 4.0], beta=0.5)
    array([1.   , 1.667, 3.   ])
    >>> ewma([1.0, 2.0, 4.0], beta=0.5, bias_correction=False)
    array([0.5  , 1.25 , 2.625])
    """
    # A filter's import costs more than all of skdeep's others.
    from scipy.signal import lfilter

    sequence, beta = _real_sequence(values), _share(beta)
    check_bool("bias_correction", bias_correction)
    if sequence.size == 0:
        return sequence
    averages: Array = lfilter([1 - beta], [1, -beta], sequence, axis=0)
    if bias_correction:
        t = np.arange(1, sequence.shape[0] + 1)
        # 1 − βᵗ, without loss of digits where β is close to 1.
        seen = -np.expm1(xlogy(t, beta))
        averages /= seen.reshape(-1, *(1,) * (sequence.ndim - 1))
    return averages


def _share(beta: object) -> float:
    share = real_number(beta)
    if not 0 <= share < 1:
        raise ValueError(f"beta must be a number in [0, 1), got {beta!r}.")
    return share


def _real_sequence(values: ArrayLike) -> Array:
    """The values as an array of at least float64 with a first axis."""
    with ErrorsName("values"):
        check_not_masked(values, "values")
        array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"values must be real numbers, got an array of dtype {array.dtype}.")
    if array.ndim == 0:
        raise ValueError(f"values must be a sequence of numbers or arrays, got {values!r}.")
    return array.astype(np.result_type(array.dtype, np.float64))
