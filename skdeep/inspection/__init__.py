"""Looking into estimators: the gradient, bias and variance, layers, curves, searches."""

from ._activations import LayerStatistics, layer_statistics
from ._bias_variance import BiasVarianceResult, bias_variance_report
from ._displays import (
    ActivationDisplay,
    BiasVarianceDisplay,
    LearningRateDisplay,
    LossCurveDisplay,
    SearchDisplay,
    WeightsDisplay,
)
from ._gradient_check import GradientCheckResult, gradient_check

__all__ = [
    "ActivationDisplay",
    "BiasVarianceDisplay",
    "BiasVarianceResult",
    "GradientCheckResult",
    "LayerStatistics",
    "LearningRateDisplay",
    "LossCurveDisplay",
    "SearchDisplay",
    "WeightsDisplay",
    "bias_variance_report",
    "gradient_check",
    "layer_statistics",
]
