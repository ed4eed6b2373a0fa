"""The weight that `class_weight` gives to each row."""

from collections.abc import Hashable
from numbers import Real

import numpy as np
from sklearn.utils.class_weight import compute_sample_weight

from .._engine.backend import Array, Matrix
from .._inputs import ClassWeight, WeightTable, dense
from ._targets import ClassLabels


def weights_of_rows(
    class_weight: ClassWeight,
    y: Matrix,
    labels: ClassLabels,
    sample_weight: Array | None = None,
) -> Array | None:
    """One weight per row, or None where there are none.

    "balanced" counts the rows of a class, or with sample_weight their weights.
    """
    if class_weight is None:
        return None
    y = dense(y)
    if isinstance(class_weight, str) and sample_weight is not None:
        columns = y.reshape(y.shape[0], -1).T
        return np.prod([_balanced(column, sample_weight) for column in columns], axis=0)
    if isinstance(class_weight, str):
        weights: Array = compute_sample_weight(class_weight, y)
        return weights
    if labels.kind == "multilabel":
        return _label_weights(class_weight, y)
    by_class = _weights_by_class(class_weight, labels.classes.tolist())
    return by_class[np.searchsorted(labels.classes, y)]


def _balanced(y: Array, sample_weight: Array) -> Array:
    """The weight of each row's class, with which all classes that have any weigh the same."""
    classes, codes = np.unique(y, return_inverse=True)
    totals = np.bincount(codes, weights=sample_weight, minlength=classes.size)
    n_present = np.count_nonzero(totals)
    per_class = np.divide(
        totals.sum() / n_present, totals, out=np.zeros_like(totals), where=totals > 0
    )
    return per_class[codes]


def _weights_by_class(class_weight: ClassWeight, classes: list[Hashable]) -> Array:
    """One weight per class, in their order; y need not hold all of them."""
    if not isinstance(class_weight, dict):
        raise ValueError(
            "class_weight must be a dict, 'balanced' or None where y holds one class per row; "
            f"a list of dicts is for multi-label y. Got {class_weight!r}."
        )
    return _weights_in_order(class_weight, classes)


def _label_weights(class_weight: ClassWeight, indicator: Array) -> Array:
    """The product over the labels of the weight of the value that a row has there."""
    n_labels = indicator.shape[1]
    if not isinstance(class_weight, list) or len(class_weight) != n_labels:
        raise ValueError(
            f"class_weight must be 'balanced', None or a list of {n_labels} dicts, one per "
            f"label, where y is a multi-label indicator matrix. Got {class_weight!r}."
        )
    tables = np.array([_weights_in_order(table, [0, 1]) for table in class_weight])
    weights: Array = tables[np.arange(n_labels), indicator.astype(int)].prod(axis=1)
    return weights


def _weights_in_order(table: WeightTable, classes: list[Hashable]) -> Array:
    """The classes' weights, 1 for those left out."""
    unknown = [label for label in table if label not in classes]
    if unknown:
        raise ValueError(
            f"class_weight has a weight for {unknown[0]!r}, which is not one of the classes "
            f"{np.array(classes)}."
        )
    weights: list[object] = [table.get(label, 1.0) for label in classes]
    for weight in weights:
        if not (isinstance(weight, Real) and 0 <= float(weight) < np.inf):
            raise ValueError(f"class_weight must hold finite weights >= 0, got {weight!r}.")
    return np.array(weights, dtype=np.float64)
