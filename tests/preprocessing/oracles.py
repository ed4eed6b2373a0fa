"""The encodings in plain NumPy, from the paper's formula, row by row and column by column."""

from fractions import Fraction

import numpy as np


def exact_quantiles(values, weights, n_bins):
    """The averaged inverted distribution function at k / n_bins; NumPy's rounds where we do not."""
    ordered = sorted(zip(values, weights, strict=True))
    total, found = sum(weights), []
    for k in range(n_bins + 1):
        wanted, up_to, reached = Fraction(k, n_bins) * total, 0, []
        for value, weight in ordered:
            up_to += weight
            if up_to >= wanted:
                reached.append(value)
            if up_to > wanted:
                break
        low, high = reached[0], reached[-1]
        found.append(low if low == high else 0.5 * low + 0.5 * high)
    return np.array(found)


def capped(weights, n_bins):
    """Weights of distinct values, those of more than a bin's weight cut down to that of a bin."""
    rising = sorted(map(Fraction, weights))
    total, cap = sum(rising), Fraction(0)
    for n_cut in range(min(n_bins, len(rising))):
        others = rising[: len(rising) - n_cut]
        of_a_bin = sum(others) / (n_bins - n_cut)
        if others[-1] <= of_a_bin:
            cap = of_a_bin
            break
    cap = max(cap, total / 128)
    return [min(Fraction(weight), cap) for weight in weights]


def bins_of(values, edges):
    """(n, n_bins): how far each value has come through each bin."""
    low, width = edges[:-1], np.diff(edges)
    with np.errstate(over="ignore"):
        return np.clip((np.asarray(values, dtype=float)[:, None] - low) / width, 0, 1)


def encoded_number(values, seen, weights, n_bins, scale):
    """Columns of one number, with bins and scale of the values `seen` in fit."""
    seen, weights = seen[weights > 0], weights[weights > 0]
    known = ~np.isnan(seen)
    missing = np.isnan(values)
    indicator = [missing] if 0 < known.sum() < known.size else []
    copies = np.repeat(seen[known], weights[known].astype(int))
    if copies.size == 0 or copies.min() == copies.max():
        return np.array(indicator, dtype=float).reshape(len(indicator), len(values)).T
    distinct, counts = np.unique(copies, return_counts=True)
    edges = distinct
    if distinct.size > 2:
        edges = np.unique(exact_quantiles(distinct, capped(counts.tolist(), n_bins), n_bins))
    columns, of_fit = bins_of(values, edges), bins_of(copies, edges)
    if scale is not None:
        centred = of_fit - of_fit.mean(axis=0)
        rms = np.sqrt((centred**2).mean())
        columns = (columns - of_fit.mean(axis=0)) * scale / (rms * np.sqrt(columns.shape[1]))
    columns[missing] = 0
    return np.column_stack([columns, *indicator])


def encoded_category(values, seen, min_frequency):
    """Columns of one category; None is a missing value."""
    distinct = sorted({value for value in seen if value is not None})
    distinct += [None] if None in seen else []
    levels = [value for value in distinct if seen.count(value) >= min_frequency]
    if not levels or len(distinct) == 1:
        return np.empty((len(values), 0))
    if len(levels) == len(distinct) == 2:
        sign = {levels[0]: -1.0, levels[1]: 1.0}
        return np.array([[sign.get(value, 0.0)] for value in values])
    return np.array([[float(value == level) for level in levels] for value in values])
