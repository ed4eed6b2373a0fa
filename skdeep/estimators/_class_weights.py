"""What `class_weight` makes rows count: the weights of classes, learnt from the rows of `fit`."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from .._engine.backend import Array, Matrix
from .._engine.reals import real_number
from .._engine.records import recorded
from .._inputs import ClassWeight, WeightTable, dense
from ._targets import ClassLabels


@recorded
@dataclass(frozen=True, eq=False)
class ClassWeights:
    """The weight of each class, or of the zeros and the ones of each label of a multi-label y."""

    labels: ClassLabels
    table: Array

    @classmethod
    def of(
        cls,
        class_weight: ClassWeight,
        y: Matrix,
        labels: ClassLabels,
        sample_weight: Array | None = None,
    ) -> "ClassWeights | None":
        """What a parameter says of these rows, None where it says nothing.

        "balanced" counts the rows of a class, or with sample_weight their weights; a class without
        any is as if it were absent.
        """
        if class_weight is None:
            return None
        if isinstance(class_weight, str):
            return cls(labels, _balanced(dense(y), labels, sample_weight))
        if labels.kind == "multilabel":
            return cls(labels, _of_labels(class_weight, labels.classes.shape[0]))
        if not isinstance(class_weight, dict):
            raise ValueError(
                "class_weight must be a dict, 'balanced' or None where y holds one class per row; "
                f"a list of dicts is for multi-label y. Got {class_weight!r}."
            )
        return cls(labels, _in_order(class_weight, labels.classes.tolist()))

    def of_rows(self, y: Matrix) -> Array:
        """One weight per row; of several labels the product of their weights."""
        y = dense(y)
        if self.labels.kind == "multilabel":
            weights: Array = self.table[np.arange(y.shape[1]), y.astype(int)].prod(axis=1)
            return weights
        return self.table[np.searchsorted(self.labels.classes, y)]


def _balanced(y: Array, labels: ClassLabels, sample_weight: Array | None) -> Array:
    """Weights with which all classes that have any rows weigh the same, label by label."""
    if labels.kind == "multilabel":
        return np.array([_evened(column.astype(int), 2, sample_weight) for column in y.T])
    return _evened(np.searchsorted(labels.classes, y), labels.classes.shape[0], sample_weight)


def _evened(codes: Array, n_classes: int, sample_weight: Array | None) -> Array:
    totals = np.bincount(codes, weights=sample_weight, minlength=n_classes).astype(np.float64)
    n_present = np.count_nonzero(totals)
    return np.divide(totals.sum() / n_present, totals, out=np.zeros_like(totals), where=totals > 0)


def _of_labels(class_weight: ClassWeight, n_labels: int) -> Array:
    if not isinstance(class_weight, list) or len(class_weight) != n_labels:
        raise ValueError(
            f"class_weight must be 'balanced', None or a list of {n_labels} dicts, one per "
            f"label, where y is a multi-label indicator matrix. Got {class_weight!r}."
        )
    return np.array([_in_order(table, [0, 1]) for table in class_weight])


def _in_order(table: WeightTable, classes: Sequence[Hashable]) -> Array:
    """The classes' weights, 1 for those without.

    scikit-learn's rule: a dict may name classes that are absent, as folds lack some, or leave out
    some that are present, whose weight is 1. Where it does both, it is taken for a mistake.
    """
    unnamed = [label for label in classes if label not in table]
    absent = [label for label in table if label not in classes]
    if unnamed and absent:
        raise ValueError(
            f"class_weight has no weight for the classes {np.array(unnamed)}, and has one for "
            f"{absent[0]!r}, which is not one of the classes {np.array(classes)}."
        )
    weights: list[object] = list(table.values())
    for weight in weights:
        if not 0 <= real_number(weight) < np.inf:
            raise ValueError(f"class_weight must hold finite weights >= 0, got {weight!r}.")
    return np.array([float(table.get(label, 1.0)) for label in classes])
