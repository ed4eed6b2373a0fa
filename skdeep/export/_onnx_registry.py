"""What skl2onnx is told: for each estimator and transformer how it is declared and converted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from skl2onnx import _parse, update_registered_converter
from skl2onnx.common._registration import get_shape_calculator
from skl2onnx.common._topology import Operator
from skl2onnx.operator_converters.grid_search_cv import convert_sklearn_grid_search_cv
from sklearn.base import BaseEstimator

from ..estimators import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    SoftmaxClassifier,
)
from ..model_selection import (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
)
from ..model_selection._ensemble import ClassifierEnsemble, RegressorEnsemble
from ..preprocessing import PiecewiseLinearEncoder, TableEncoder
from ..tabular import TabularMLPClassifier, TabularMLPRegressor
from ._onnx_classes import OPTIONS
from ._onnx_ensembles import (
    convert_tabular_classifier,
    convert_tabular_regressor,
    declare_tabular_classifier,
    declare_tabular_regressor,
    parse_tabular_regressor,
)
from ._onnx_estimators import (
    convert_network_classifier,
    convert_network_regressor,
    declare_network_classifier,
    declare_network_regressor,
)
from ._onnx_searches import (
    convert_classifier_ensemble,
    convert_regressor_ensemble,
    declare_classifier_ensemble,
    declare_regressor_ensemble,
    parse_search,
)
from ._onnx_tables import (
    convert_piecewise_linear,
    convert_table_encoder,
    declare_piecewise_linear,
    declare_table_encoder,
)


@dataclass(frozen=True)
class Converter:
    """How skl2onnx finds the outputs of an estimator, and what makes them."""

    estimator: type[BaseEstimator]
    declare: Callable[[Operator], None]
    convert: Callable[..., None]
    options: Mapping[str, Sequence[object]] | None = None
    parse: Callable[..., object] | None = None


CONVERTERS = (
    *(
        Converter(estimator, declare_network_classifier, convert_network_classifier, OPTIONS)
        for estimator in (LogisticRegressionGD, SoftmaxClassifier, DeepMLPClassifier)
    ),
    Converter(DeepMLPRegressor, declare_network_regressor, convert_network_regressor),
    Converter(
        TabularMLPClassifier, declare_tabular_classifier, convert_tabular_classifier, OPTIONS
    ),
    Converter(
        TabularMLPRegressor,
        declare_tabular_regressor,
        convert_tabular_regressor,
        {"return_std": [True, False]},
        parse_tabular_regressor,
    ),
    Converter(TableEncoder, declare_table_encoder, convert_table_encoder),
    Converter(PiecewiseLinearEncoder, declare_piecewise_linear, convert_piecewise_linear),
    Converter(
        ClassifierEnsemble,
        declare_classifier_ensemble,
        convert_classifier_ensemble,
        {name: values for name, values in OPTIONS.items() if name != "raw_scores"},
    ),
    Converter(RegressorEnsemble, declare_regressor_ensemble, convert_regressor_ensemble),
)
SEARCHES = (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
)
# skl2onnx's name for the search of scikit-learn whose fitted state these share.
ALIAS_OF_SEARCH = "SklearnGridSearchCV"


def register_all() -> None:
    """Register every converter; one that is there already is replaced."""
    for row in CONVERTERS:
        update_registered_converter(
            row.estimator,
            f"Skdeep{row.estimator.__name__}",
            row.declare,
            row.convert,
            parser=row.parse,
            options=row.options,
        )
    for search in SEARCHES:
        update_registered_converter(
            search,
            ALIAS_OF_SEARCH,
            get_shape_calculator(ALIAS_OF_SEARCH),
            convert_sklearn_grid_search_cv,
            parser=parse_search,
            options="passthrough",
        )
    keep_columns_apart()


def keep_columns_apart() -> None:
    """Let a ColumnTransformer hand its columns to these as they are.

    Otherwise numbers beside strings become strings on the way, with fewer digits.
    """
    ours = (TableEncoder, TabularMLPClassifier, TabularMLPRegressor)
    others = tuple(kind for kind in _parse.do_not_merge_columns if kind not in ours)
    _parse.do_not_merge_columns = (*others, *ours)
