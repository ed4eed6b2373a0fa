"""Looking into estimators: is the gradient right?"""

from ._gradient_check import GradientCheckResult, gradient_check

__all__ = ["GradientCheckResult", "gradient_check"]
