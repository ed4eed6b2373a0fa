"""TableEncoder: a table of numbers and categories, with missing values, as one dense matrix."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Self

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from .._documentation import HasPage
from .._engine.backend import Array
from .._inputs import MatrixLike
from .._plain_state import KeepsPlainState
from ..estimators._callbacks import CallbackSupport, FitEvents, with_callbacks
from ._checks import checked_table, checked_weights
from ._columns import columns_of, output_names
from ._compat import Interval, StrOptions, input_names, validated_fit
from ._expansion import TableExpansion
from ._reader import CategoricalFeatures, TableReader


class TableEncoder(HasPage, CallbackSupport, TransformerMixin, KeepsPlainState):
    """Encoding of a whole table for a neural network.

    Numbers are encoded piecewise linearly over bins at their quantiles, centred and scaled; a
    category has a column of zeros and ones for each of its levels. Missing values need no imputing:
    in a column of numbers they become zeros, which is the mean (with ``scale=None`` the smallest
    value), beside an indicator; in a category they are a level of their own.

    Parameters
    ----------
    n_bins : int, default=16
        Most bins per numeric column, >= 1. Where quantiles coincide there are fewer.
    categorical_features : array-like of {bool, int, str}, "from_dtype" or None, \
            default="from_dtype"
        Which columns are categories.

        - "from_dtype": those that hold strings or are of a categorical dtype. A column of objects
          is judged by what it holds: all numbers make a number, all strings a category.
        - boolean array-like: a mask of shape (n_features,);
        - integer array-like: indices of columns;
        - str array-like: names of columns, of a frame;
        - None: none; then a column of strings is an error.

        Values of a category are told apart by equality, numbers too.
    min_frequency : int, default=3
        Rows of positive weight that a value of a category must have in `fit` to be a level, >= 1.
        Rarer values, like unseen ones, have zeros in all columns of the category.
    max_categories : int, default=255
        Largest number of levels of a category, >= 1; the most frequent are taken.
    scale : float or None, default=3.0
        How large the encoding of numbers is. With a number > 0 the encoded columns are centred, and
        those of one numeric column are multiplied so that their root mean square is scale / √(how
        many they are). None leaves them in [0, 1]. Categories and indicators are not scaled.
    dtype : {"float32", "float64"}, default="float32"
        Of the encoding.

    Attributes
    ----------
    columns_ : list of EncodedColumn
        What has become of each column of X: its kind ("numeric", "category", "binary", "missing" or
        "dropped"), its edges or levels, and which outputs belong to it.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X had names that are all strings.

    See Also
    --------
    PiecewiseLinearEncoder : The numbers' part alone.
    sklearn.preprocessing.OneHotEncoder : Categories alone.

    Notes
    -----
    The outputs of numbers come first, then those of categories, each in the order of the columns.

    A number has an indicator of missing values if it had both missing and other values in `fit`. A
    value that is missing where none was in `fit` has zeros. For a category, missing is a level if
    it is frequent enough. A category of two levels, no other value and none missing has one column,
    −1 for the first and 1 for the second. What is constant in `fit` has no columns.

    Columns may be of any numeric dtype, bool, string, category, or object: of NumPy, pandas (its
    nullable and its Arrow dtypes included) or polars. A category may have another dtype, or its
    categories another order, than in `fit`.

    References
    ----------
    .. [1] Yury Gorishniy, Ivan Rubachev and Artem Babenko. "On embeddings for numerical features in
       tabular deep learning." arXiv:2203.05556, 2022, section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.preprocessing import TableEncoder
    >>> ages, colours = [20, 30, 40, None, 60, 70], ["red", "red", "blue", "blue", "green", "green"]
    >>> X = np.array([ages, colours], dtype=object).T
    >>> encoder = TableEncoder(n_bins=2, min_frequency=2).fit(X)
    >>> encoder.columns_
    [<x0: numeric, 2 bins from 20 to 70 and missing, outputs 0 to 2>,
     <x1: category of 3 levels 'blue', 'green', 'red', outputs 3 to 5>]
    >>> encoder.transform(X).shape
    (6, 6)
    >>> list(encoder.get_feature_names_out()[1:4])
    ['x0: 40 to 70', 'x0: missing', 'x1: blue']
    """

    _parameter_constraints = {
        "n_bins": [Interval(Integral, 1, None, closed="left")],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "min_frequency": [Interval(Integral, 1, None, closed="left")],
        "max_categories": [Interval(Integral, 1, None, closed="left")],
        "scale": [Interval(Real, 0, None, closed="neither"), None],
        "dtype": [StrOptions({"float32", "float64"})],
    }

    # Of a fitted encoder.
    _reader: TableReader
    _expansion: TableExpansion

    def __init__(
        self,
        n_bins: int = 16,
        *,
        categorical_features: CategoricalFeatures = "from_dtype",
        min_frequency: int = 3,
        max_categories: int = 255,
        scale: float | None = 3.0,
        dtype: str = "float32",
    ) -> None:
        self.n_bins = n_bins
        self.categorical_features = categorical_features
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.scale = scale
        self.dtype = dtype

    @with_callbacks
    @validated_fit
    def fit(self, X: MatrixLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Learn each column's bins or levels.

        Parameters
        ----------
        X : {array-like, pandas or polars DataFrame} of shape (n_samples, n_features)
            The table. NaN, None and a frame's own missing values are missing.
        y : object, default=None
            Ignored; here for pipelines.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows, >= 0 and not all zero; None is all 1. A row of weight 0 counts in
            nothing.

        Returns
        -------
        self : TableEncoder
            The fitted encoder.

        Raises
        ------
        ValueError
            If a parameter is out of its range, names of columns are not distinct, numbers are
            infinite or complex, or `sample_weight` has another length, a negative value or only
            zeros.
        TypeError
            If X is sparse, or a column holds dates, values of several types, or objects that are
            neither strings nor numbers.
        """
        events = FitEvents(self, max_epochs=0, X=X, y=y, sample_weight=sample_weight)
        table = checked_table(self, X, reset=True)
        weights = checked_weights(sample_weight, table.n_rows)
        self._reader = TableReader(
            self.categorical_features, self.min_frequency, self.max_categories
        )
        raw = self._reader.fit_read(table, weights)
        self._expansion = TableExpansion(self.n_bins, self.scale, self.dtype)
        self._expansion.fit(raw, self._reader, weights)
        self.columns_ = columns_of(input_names(self, None), self._reader, self._expansion)
        events.fitted_attributes = dict
        events.fit_ends()
        return self

    def transform(self, X: MatrixLike) -> Array:
        """Encode rows.

        Parameters
        ----------
        X : {array-like, pandas or polars DataFrame} of shape (n_samples, n_features)
            Rows with the columns of `fit`.

        Returns
        -------
        X_encoded : ndarray of shape (n_samples, n_outputs)
            The encoding in `dtype`.

        Raises
        ------
        ValueError
            If X has other columns than in `fit`, or infinite numbers.
        TypeError
            If a column holds values of another kind than in `fit`.
        """
        check_is_fitted(self)
        table = checked_table(self, X, reset=False)
        return self._expansion.transform(self._reader.read(table))

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> Array:
        """Name the outputs: "age: 20 to 35", "age: missing", "colour: red".

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns; None takes `feature_names_in_`, or "x0", "x1", ... without.

        Returns
        -------
        names : ndarray of shape (n_outputs,)
            The names, no two of them equal. The one output of two levels has the second's name.
        """
        check_is_fitted(self)
        names = input_names(self, input_features)
        return output_names(columns_of(names, self._reader, self._expansion))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def encoder_of(
    reader: TableReader, expansion: TableExpansion, names: BaseEstimator
) -> TableEncoder:
    """A fitted encoder that reads and expands so; the names of its columns are another's."""
    encoder = TableEncoder(
        expansion.n_bins,
        categorical_features=reader.categorical_features,
        min_frequency=reader.min_frequency,
        max_categories=reader.max_categories,
        scale=expansion.scale,
        dtype=expansion.dtype.name,
    )
    encoder._reader, encoder._expansion = reader, expansion
    encoder.n_features_in_ = names.n_features_in_
    if hasattr(names, "feature_names_in_"):
        encoder.feature_names_in_ = names.feature_names_in_
    encoder.columns_ = columns_of(input_names(encoder, None), reader, expansion)
    return encoder


def reader_and_expansion_of(encoder: TableEncoder) -> tuple[TableReader, TableExpansion]:
    """How a fitted encoder reads tables and expands what it has read."""
    check_is_fitted(encoder)
    return encoder._reader, encoder._expansion
