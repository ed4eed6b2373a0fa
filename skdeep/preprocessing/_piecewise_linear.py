"""PiecewiseLinearEncoder: each numeric feature as how far a value has come through each bin."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from .._arguments import ErrorsName
from .._documentation import HasPage
from .._engine.backend import Array
from .._inputs import MatrixLike, check_numbers
from .._plain_state import KeepsPlainState
from ..estimators._callbacks import CallbackSupport, FitEvents, with_callbacks
from ._checks import checked_weights
from ._columns import number_column, output_names
from ._compat import Interval, StrOptions, input_names, validated_fit
from ._expansion import TableExpansion
from ._reader import RawTable


class PiecewiseLinearEncoder(HasPage, CallbackSupport, TransformerMixin, KeepsPlainState):
    """Piecewise-linear encoding of numeric features.

    A feature is cut into bins at its quantiles, and for each bin there is a column that says how
    far a value has come through it: 0 below, 1 above, (x − low) / (high − low) within. The encoding
    is continuous, loses nothing between the outermost quantiles, and gives a network the kinks that
    a table's targets often have; each bin has about as many rows to learn from.

    Parameters
    ----------
    n_bins : int, default=16
        Most bins per feature, >= 1. Where quantiles coincide there are fewer: a feature of two
        values has one.
    scale : float or None, default=None
        None leaves the columns in [0, 1]. A number > 0 centres each column, and multiplies a
        feature's so that their root mean square is scale / √(number of its columns), whatever the
        feature's distribution; so a row's columns of one feature have a norm of about `scale`.
    dtype : {"float32", "float64"}, default="float32"
        Of the encoding.

    Attributes
    ----------
    edges_ : list of ndarray of shape (n_bins + 1,)
        Ends of each feature's bins; empty for a feature that has no columns.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had names that are all strings.

    See Also
    --------
    TableEncoder : The same for tables that also have categories.
    sklearn.preprocessing.KBinsDiscretizer : Bins by membership, which forgets where in its bin a
        value lies.

    Notes
    -----
    A missing value (NaN) has zeros in all columns of the feature: with a number for `scale` this is
    the mean, with None the smallest value. A feature that had both missing and other values in
    `fit` has one more column, an indicator, which is 1 where the value is missing and else 0, and
    is neither centred nor scaled. Where nothing was missing in `fit` there is no indicator, and
    with ``scale=None`` nothing tells a missing value from the smallest one. A feature that was
    constant where it was not missing has no bins, one that was all missing no columns at all.

    Quantiles are the averages of the inverted weighted distribution function: a row of weight 2
    counts as two rows, one of weight 0 as none.

    References
    ----------
    .. [1] Yury Gorishniy, Ivan Rubachev and Artem Babenko. "On embeddings for numerical features in
       tabular deep learning." arXiv:2203.05556, 2022, section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.preprocessing import PiecewiseLinearEncoder
    >>> X = np.array([[0.0], [1.0], [2.0], [10.0]])
    >>> encoder = PiecewiseLinearEncoder(n_bins=2).fit(X)
    >>> encoder.edges_[0]
    array([ 0. ,  1.5, 10. ])
    >>> encoder.transform([[0.75], [10.0]])
    array([[0.5, 0. ],
           [1. , 1. ]], dtype=float32)
    >>> encoder.get_feature_names_out()
    array(['x0: 0 to 1.5', 'x0: 1.5 to 10'], dtype=object)
    """

    _parameter_constraints = {
        "n_bins": [Interval(Integral, 1, None, closed="left")],
        "scale": [Interval(Real, 0, None, closed="neither"), None],
        "dtype": [StrOptions({"float32", "float64"})],
    }

    # Of a fitted encoder.
    _expansion: TableExpansion

    def __init__(
        self, n_bins: int = 16, *, scale: float | None = None, dtype: str = "float32"
    ) -> None:
        self.n_bins = n_bins
        self.scale = scale
        self.dtype = dtype

    @with_callbacks
    @validated_fit
    def fit(self, X: MatrixLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Learn each feature's bins.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers; NaN is missing.
        y : object, default=None
            Ignored; here for pipelines.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, >= 0 and not all zero; None is all 1.

        Returns
        -------
        self : PiecewiseLinearEncoder
            The fitted encoder.

        Raises
        ------
        ValueError
            If a parameter is out of its range, X has infinite values, or `sample_weight` has
            another length, a negative value or only zeros.
        """
        events = FitEvents(self, max_epochs=0, X=X, y=y, sample_weight=sample_weight)
        raw = self._checked(X, reset=True)
        weights = checked_weights(sample_weight, raw.n_rows)
        self._expansion = TableExpansion(self.n_bins, self.scale, self.dtype)
        self._expansion.fit_raw(raw, [], weights)
        self.edges_ = [block.edges for block in self._expansion.numbers_]
        events.fitted_attributes = dict
        events.fit_ends()
        return self

    def transform(self, X: MatrixLike) -> Array:
        """Encode rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers, with the features of `fit`; NaN is missing.

        Returns
        -------
        X_encoded : ndarray of shape (n_samples, n_outputs)
            The encoding in `dtype`, one feature's columns after the other's.

        Raises
        ------
        ValueError
            If X has other features than in `fit`, or infinite values.
        """
        check_is_fitted(self)
        return self._expansion.transform(self._checked(X, reset=False))

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> Array:
        """Name the columns: "age: 20 to 35" for a bin, "age: missing" for an indicator.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the features; None takes `feature_names_in_`, or "x0", "x1", ... without.

        Returns
        -------
        names : ndarray of shape (n_outputs,)
            The names, no two of them equal.
        """
        check_is_fitted(self)
        blocks = self._expansion.numbers_
        starts = np.cumsum([0, *(block.n_outputs for block in blocks)])[:-1]
        names = input_names(self, input_features)
        return output_names(map(number_column, names, blocks, starts))

    def _checked(self, X: MatrixLike, *, reset: bool) -> RawTable:
        with ErrorsName("X"):
            check_numbers(X, "X")
            numbers = validate_data(
                self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=reset
            )
        return RawTable(numbers, np.empty((numbers.shape[0], 0), dtype=np.int32))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def expansion_of(encoder: PiecewiseLinearEncoder) -> TableExpansion:
    """How a fitted encoder expands numbers."""
    check_is_fitted(encoder)
    return encoder._expansion
