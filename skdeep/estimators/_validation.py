"""What comes into `fit` and `predict`: X, y, weights, dev set; errors that name them."""

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import cast

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.validation import check_array, check_consistent_length, validate_data

from .._arguments import ErrorsName
from .._engine.backend import CSR, Array, FloatType, Matrix
from .._fit.dev import DevSet
from .._inputs import DevArguments, MatrixLike, check_labels, check_numbers
from ._class_weights import ClassWeights
from ._warnings import warn

# Made once: a prediction of one row takes no longer for it.
NAMED_X = ErrorsName("X")
# How rows may have come here as they were, and not as the rows of `fit` did.
OF_STEPS = (
    "In a Pipeline, X_val goes through the steps before only where it is set with "
    'transform_input=["X_val"].'
)


def validated_X_y(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: MatrixLike | None,
    *,
    reset: bool,
    dtype: FloatType | Sequence[type[np.floating]],
) -> tuple[Matrix, Matrix]:
    """X as an array or CSR matrix, and y, as scikit-learn checks them."""
    with ErrorsName("X"):
        check_numbers(X, "X")
        checked_X = validate_data(estimator, X, accept_sparse="csr", dtype=dtype, reset=reset)
    with ErrorsName("y"):
        checked_y = validated_y(estimator, y, "y")
    with ErrorsName("X and y"):
        check_consistent_length(checked_X, checked_y)
    return canonical(checked_X), canonical(checked_y)


def validated_y(estimator: BaseEstimator, y: MatrixLike | None, name: str) -> Matrix:
    """Targets as an array, or of labels as the CSR matrix that they are; a column has one axis."""
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires {name} to be passed, but the "
            f"target {name} is None."
        )
    has_labels = is_classifier(estimator)
    (check_labels if has_labels else check_dense_numbers)(y, name)
    checked: Matrix = check_array(
        y,
        accept_sparse="csr",
        ensure_2d=False,
        dtype=None,
        estimator=estimator,
        input_name=name,
    )
    if not isinstance(checked, np.ndarray):
        return checked
    if not has_labels and checked.dtype.kind not in "fiub":
        checked = checked.astype(np.float64)
    if checked.ndim == 2 and checked.shape[1] == 1:
        from sklearn.utils import column_or_1d

        checked = column_or_1d(checked, warn=True)
    return checked


def check_dense_numbers(values: object, name: str) -> None:
    """Raise where targets are no numbers, or sparse."""
    if scipy.sparse.issparse(values):
        raise TypeError(
            f"{name} must be dense, got a sparse matrix of shape {np.shape(cast(CSR, values))}: "
            f"pass {name}.toarray()."
        )
    check_numbers(values, name)


def validated_X(estimator: BaseEstimator, X: MatrixLike) -> Matrix:
    """X as an array or CSR matrix with the columns of `fit`."""
    with NAMED_X:
        check_numbers(X, "X")
        if isinstance(X, list):
            X = _as_array(X)
        dtype = (np.float64, np.float32)
        if type(X) is not np.ndarray or hasattr(estimator, "feature_names_in_"):
            # Products with a sparse one sum what is there twice, and change nothing.
            return validate_data(estimator, X, accept_sparse="csr", dtype=dtype, reset=False)
        # There are no column names to compare, and to look for them takes as long as one row.
        checked: Array = check_array(X, dtype=dtype, estimator=estimator, input_name="X")
        _check_width(estimator, checked)
        return checked


def canonical(rows: Matrix) -> Matrix:
    """A sparse matrix whose rows are in order and name each column once; all else as it is.

    The caller's is left as it was. SciPy sums and sorts entries in place wherever one of its
    operations needs them so.
    """
    if isinstance(rows, np.ndarray) or rows.has_canonical_format:
        return rows
    own = rows.copy()
    own.sum_duplicates()
    return own


def _check_width(estimator: BaseEstimator, X: Matrix) -> None:
    if X.shape[1] != estimator.n_features_in_:
        raise ValueError(_other_width(estimator, X, "X"))


def _other_width(estimator: BaseEstimator, X: Matrix, name: str) -> str:
    return (
        f"{name} has {X.shape[1]} features, but {type(estimator).__name__} is expecting "
        f"{estimator.n_features_in_} features as input."
    )


def _as_array(rows: MatrixLike) -> MatrixLike:
    """Rows of numbers as an array, which need not be made twice; others as they are."""
    try:
        array = np.asarray(rows)
    except ValueError:
        return rows
    return array if array.dtype.kind in "fiub" else rows


def check_fits_in(X: Matrix, dtype: FloatType) -> None:
    """Raise where rows to predict hold numbers that a model's dtype cannot."""
    values = X if isinstance(X, np.ndarray) else X.data
    if values.size == 0 or np.dtype(values.dtype).itemsize <= dtype.itemsize:
        return
    limit = float(np.finfo(dtype).max)
    largest = max(float(values.max()), -float(values.min()))
    if largest > limit:
        raise ValueError(
            f"X holds numbers of up to {largest:.3g} in size, and the model, which was fitted in "
            f"{dtype}, none above {limit:.3g}. Scale X as in fit, or fit with dtype='float64'."
        )


def check_finite_outputs(predictions: Array, X: Matrix, *, can_overflow: bool) -> None:
    """Raise, or where predictions are infinite for a reason warn, where they are not finite."""
    if np.isfinite(predictions).all():
        return
    values = X if isinstance(X, np.ndarray) else X.data
    largest = float(np.max(np.abs(values), initial=0.0))
    where = f"X, of numbers of up to {largest:.3g} in size,"
    if can_overflow and not np.isnan(predictions).any():
        warn(f"For rows of {where} the prediction is larger than {predictions.dtype} holds: inf.")
        return
    raise ValueError(
        f"{where} leads to outputs beyond what {predictions.dtype} holds: the rows are too far "
        "from those of fit to be predicted."
    )


# ------------------------------------------------------------------------------------- the dev set


def check_given_together(
    X_val: MatrixLike | None, y_val: MatrixLike | None, sample_weight_val: ArrayLike | None
) -> None:
    """Raise where a part of the dev set is given without the others."""
    if (X_val is None) != (y_val is None):
        missing = "X_val" if X_val is None else "y_val"
        raise ValueError(f"X_val and y_val must be given together; {missing} is None.")
    if X_val is None and sample_weight_val is not None:
        raise ValueError("sample_weight_val was given without X_val and y_val.")


def given_dev_set(
    estimator: BaseEstimator,
    given: DevArguments,
    dtype: FloatType,
    encode_targets: Callable[..., Array],
    class_weights: ClassWeights | None,
) -> DevSet:
    """The dev set that `fit` was given: X_val, y_val, sample_weight_val.

    Classes weigh there what they weigh in the rows of `fit`.
    """
    X_val, y_val, sample_weight_val = given
    x = _validated_X_val(estimator, X_val, dtype)
    y = _validated_y_val(estimator, y_val, dtype)
    if y.shape[0] != x.shape[0]:
        raise ValueError(
            f"X_val and y_val must have the same number of rows, got {x.shape[0]} and {y.shape[0]}."
        )
    weights = checked_weights(sample_weight_val, x.shape[0], dtype, "sample_weight_val")
    encoded = encode_targets(y, dtype, name="y_val")
    # A row without weight counts for nothing, whatever its loss: it may overflow.
    index = None if weights is None or weights.all() else np.flatnonzero(weights)
    of_classes = None if class_weights is None else class_weights.of_rows(y)
    dev = DevSet(x, encoded, weights, index, y, None, of_classes)
    check_cost_weights(dev, "The rows of X_val")
    return dev


def check_cost_weights(dev: DevSet, who: str) -> None:
    """Raise where no row of a dev set has weight in its loss."""
    weights = dev.of_model(0).cost_weights
    if weights is not None and not weights.any():
        raise ValueError(
            f"{who} have a total weight of zero in the loss: their classes' weights times their "
            "own must be positive for at least one of them."
        )


def _validated_X_val(estimator: BaseEstimator, X_val: object, dtype: FloatType) -> Matrix:
    """X_val as an array or CSR matrix; errors say X_val, not X."""
    with ErrorsName("X_val"):
        check_numbers(X_val, "X_val")
        try:
            checked: Matrix = check_array(
                X_val, accept_sparse="csr", dtype=dtype, input_name="X_val", estimator=estimator
            )
        except ValueError as error:
            if "could not convert string" not in str(error):
                raise
            raise ValueError(f"X_val: {error}. {OF_STEPS}") from error
        if checked.shape[1] != estimator.n_features_in_:
            raise ValueError(f"{_other_width(estimator, checked, 'X_val')} {OF_STEPS}")
        # Compares the column names alone, where there are any.
        validate_data(estimator, X_val, reset=False, skip_check_array=True)
        return canonical(checked)


def _validated_y_val(estimator: BaseEstimator, y_val: object, dtype: FloatType) -> Matrix:
    """y_val as an array, or of labels as the sparse matrix that it is."""
    with ErrorsName("y_val"):
        if not is_classifier(estimator):
            check_dense_numbers(y_val, "y_val")
            checked = checked_array(y_val, dtype, "y_val")
        else:
            check_labels(y_val, "y_val")
            if scipy.sparse.issparse(y_val):
                return cast(CSR, y_val)
            checked = checked_array(y_val, None, "y_val")
    return checked.ravel() if checked.ndim == 2 and checked.shape[1] == 1 else checked


def held_out_rows(
    n_samples: int,
    validation_fraction: float,
    strata: Callable[[int], Array | None],
    seed: int,
) -> tuple[Array, Array]:
    """Numbers of the rows to train on and of those held out; `strata` is given their number."""
    from sklearn.model_selection import train_test_split

    n_held_out = math.ceil(n_samples * validation_fraction)
    if not 0 < n_held_out < n_samples:
        raise ValueError(
            f"validation_fraction={validation_fraction} of n_samples={n_samples} leaves "
            f"{n_samples - n_held_out} row(s) to train on and holds out {n_held_out}; early "
            "stopping needs both. Change validation_fraction, or give X_val and y_val."
        )
    classes = strata(n_held_out)
    # A class of one row is train_test_split's to report, as in scikit-learn's MLP.
    can_stratify = classes is None or np.unique(classes, return_counts=True)[1].min() > 1
    if n_held_out < 2 and can_stratify:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' "
            "or the size of your dataset."
        )
    train, held_out = train_test_split(
        np.arange(n_samples), test_size=validation_fraction, random_state=seed, stratify=classes
    )
    return train, held_out


def with_weight(held_out: Array, weights: Array | None) -> Array:
    """Those of the held-out rows that have weight."""
    if weights is None:
        return held_out
    kept = held_out[weights[held_out] > 0]
    if kept.size == 0:
        raise ValueError(
            "The held-out rows have a total weight of zero. Increase 'validation_fraction', "
            "or give X_val and y_val."
        )
    return kept


# --------------------------------------------------------------------------------- arrays, weights


def checked_array(values: object, dtype: FloatType | type[np.floating] | None, name: str) -> Array:
    """`check_array`, whose errors name the argument also where a conversion fails."""
    with ErrorsName(name):
        (check_labels if dtype is None else check_numbers)(values, name)
        try:
            checked: Array = check_array(values, ensure_2d=False, dtype=dtype, input_name=name)
        except TypeError as error:
            # Dates apart, what these hold is a matter of values, as a string that is no number.
            raise ValueError(str(error)) from error
    return checked


def checked_weights(
    weights: ArrayLike | None, n_samples: int, dtype: FloatType | type[np.floating], name: str
) -> Array | None:
    """One weight per row in dtype, or None; negative or all-zero weights raise."""
    if weights is None:
        return None
    if isinstance(weights, Real):
        weights = np.full(n_samples, weights)
    checked = checked_array(weights, dtype, name)
    if checked.ndim != 1:
        raise ValueError(f"{name} must be 1D, got an array of shape {checked.shape}.")
    if checked.shape[0] != n_samples:
        raise ValueError(
            f"{name} must have one value per row ({n_samples}), got {checked.shape[0]}."
        )
    if (checked < 0).any():
        raise ValueError(f"{name} must not be negative, got a minimum of {checked.min()}.")
    if not checked.any():
        raise ValueError(f"{name} must have at least one positive value, all are zero.")
    mean, limits = float(checked.mean(dtype=np.float64)), np.finfo(checked.dtype)
    if not limits.tiny**0.5 < mean < limits.max**0.5:
        raise ValueError(
            f"{name} has a mean of {mean:.3g}, too far from 1 to compute with in {checked.dtype}. "
            "Divide it by its mean, and alpha with it."
        )
    return np.asarray(checked)


def weighted_fractions(correct: Array, weights: Array | None) -> Array:
    """The weighted means of boolean rows, of shape (*M, n); NaN where no example has weight."""
    if weights is None:
        return np.asarray(correct.mean(axis=-1))
    total = weights.sum()
    counted = (correct * weights).sum(axis=-1)
    return np.asarray(counted / total if total > 0 else np.full_like(counted, np.nan))
