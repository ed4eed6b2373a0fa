"""Class labels in, codes out, and back.

`ClassLabels` remembers the classes and how y was shaped; the engine sees integer codes for softmax
and columns of 0 and 1 for logistic losses.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from .._arguments import ErrorsName
from .._engine.backend import Array, FloatType, Matrix
from .._engine.records import recorded
from .._inputs import check_labels, dense
from ._warnings import warn


@recorded
@dataclass(frozen=True, eq=False)
class ClassLabels:
    """The classes of a classification target and how the network encodes them.

    `kind` is "binary" (one column, the second class is 1), "multiclass" (codes) or "multilabel"
    (one column per label).
    """

    classes: Array
    kind: str
    sparse_output: bool = False

    @classmethod
    def of(cls, y: Matrix, *, always_softmax: bool = False) -> "ClassLabels":
        """Learn the classes from a target."""
        with ErrorsName("y"):
            check_classification_targets(y)
            target_type = type_of_target(y, input_name="y")
        if target_type == "multilabel-indicator":
            sparse = scipy.sparse.issparse(y)
            return cls(np.arange(y.shape[1]), "multilabel", sparse_output=sparse)
        if target_type == "multiclass-multioutput":
            raise ValueError(
                "Multioutput target data is not supported: y must hold one class per row, or be a "
                f"multi-label indicator matrix of zeros and ones; got shape {y.shape}."
            )
        if scipy.sparse.issparse(y):
            raise ValueError(
                "y must be dense where it holds one class per row, got a sparse matrix of shape "
                f"{y.shape}: pass y.toarray().ravel()."
            )
        with ErrorsName("y"):
            classes = np.unique(np.asarray(y))
        return cls.of_classes(classes, always_softmax=always_softmax)

    @classmethod
    def of_classes(cls, classes: ArrayLike, *, always_softmax: bool = False) -> "ClassLabels":
        """From the list of all classes, which need not all occur yet."""
        with ErrorsName("classes"):
            check_labels(classes, "classes")
            if np.ndim(classes) != 1:
                raise ValueError(f"classes must be 1D, got an array of shape {np.shape(classes)}.")
            unique = np.unique(np.asarray(classes))
        if unique.size == 0:
            raise ValueError(f"classes must hold at least one class, got {classes!r}.")
        if unique.dtype.kind == "f" and np.isnan(unique).any():
            raise ValueError(f"classes must not contain NaN, got {classes!r}.")
        multiclass = always_softmax or unique.shape[0] > 2
        return cls(unique, "multiclass" if multiclass else "binary")

    @property
    def n_outputs(self) -> int:
        return 1 if self.kind == "binary" else self.classes.shape[0]

    def encode(self, y: Matrix, dtype: FloatType, *, name: str = "y") -> Array:
        """Codes (intp) for "multiclass", columns in dtype otherwise; unknown classes raise."""
        if self.kind == "multilabel":
            return self._encode_indicator(y, dtype, name)
        if not isinstance(y, np.ndarray) or y.ndim != 1:
            kind = "an array" if isinstance(y, np.ndarray) else "a sparse matrix"
            raise ValueError(
                f"`{name}` must hold one of the classes {self.classes} per row, "
                f"got {kind} of shape {y.shape}."
            )
        codes = y if self._are_codes(y) else self._look_up(y, name)
        if self.kind == "multiclass":
            return codes
        return codes.astype(dtype)[:, np.newaxis]

    def _are_codes(self, y: Array) -> bool:
        """Whether labels are 0, 1, … in the type of codes, so that y need not be copied."""
        n_classes = self.classes.shape[0]
        if y.dtype != np.intp or not np.array_equal(self.classes, np.arange(n_classes)):
            return False
        return y.shape[0] == 0 or bool(y.min() >= 0 and y.max() < n_classes)

    def _look_up(self, y: Array, name: str) -> Array:
        try:
            codes = np.searchsorted(self.classes, y)
        except TypeError as error:
            raise TypeError(
                f"`{name}` holds labels of another type than the classes {self.classes}: {error}."
            ) from error
        if (self.classes.take(codes, mode="clip") != y).any():
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes}. '{name}' has {np.unique(y)}."
            )
        return codes

    def _encode_indicator(self, y: Matrix, dtype: FloatType, name: str) -> Array:
        y = dense(y)
        if y.ndim != 2 or y.shape[1] != self.classes.shape[0]:
            raise ValueError(
                f"`{name}` must be a multi-label indicator matrix with {self.classes.shape[0]} "
                f"columns, got an array of shape {y.shape}."
            )
        if not ((y == 0) | (y == 1)).all():
            raise ValueError(
                f"`{name}` must hold zeros and ones only, as a multi-label indicator matrix does, "
                f"got the values {np.unique(y)}."
            )
        return y.astype(dtype)

    def decode(self, logits: Array) -> Matrix:
        """The predicted labels for raw outputs of shape (n, n_outputs)."""
        if self.kind == "multiclass":
            return self.classes[logits.argmax(axis=1)]
        positive = logits > 0
        if self.kind == "binary":
            return self.classes[np.minimum(positive[:, 0], self.classes.shape[0] - 1)]
        indicator = positive.astype(int)
        return scipy.sparse.csr_matrix(indicator) if self.sparse_output else indicator

    def correct(self, logits: Array, encoded: Array) -> Array:
        """Which rows are predicted right; a multi-label row counts when all its labels are."""
        if self.kind == "multiclass":
            return np.asarray(logits.argmax(axis=-1) == encoded)
        return np.asarray(((logits > 0) == (encoded > 0.5)).all(axis=-1))

    def strata(self, y: Matrix, n_held_out: int) -> Array | None:
        """What a held-out fraction is stratified by, or None where it cannot be.

        For two classes that is scikit-learn's rule, errors included. Its MLP does not stratify
        more classes than two, so there a class too rare to split is a warning, not an error.
        """
        if self.kind == "multilabel":
            return None
        if self.classes.shape[0] <= 2:
            return (np.asarray(y) == self.classes[-1]).astype(str)
        labels, counts = np.unique(np.asarray(y), return_counts=True)
        if counts.min() < 2 or n_held_out < labels.shape[0]:
            warn(
                f"The held-out fraction ({n_held_out} rows) is not stratified: that needs at least "
                f"two rows of each class and as many held-out rows as classes, got "
                f"{counts.min()} row(s) of class {labels[counts.argmin()]!r} and "
                f"{labels.shape[0]} classes."
            )
            return None
        return np.asarray(y)
