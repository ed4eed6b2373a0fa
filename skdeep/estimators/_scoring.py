"""Early stopping by a scorer of scikit-learn's, or of the user's own."""

import inspect
from collections.abc import Callable
from typing import Protocol

from .._engine.backend import Array
from .._fit.dev import DevPart, Score


class HasScoring(Protocol):
    """An estimator that has the parameter `scoring`."""

    scoring: str | Callable[..., float] | None


def check_scoring(estimator: HasScoring) -> None:
    """Raise where `scoring` names no scorer."""
    scoring = estimator.scoring
    if not isinstance(scoring, str) or scoring == "loss":
        return
    from sklearn.metrics import get_scorer_names

    if scoring not in get_scorer_names():
        raise ValueError(
            f"The 'scoring' parameter of {type(estimator).__name__} must be None, 'loss', a "
            "callable, or one of sklearn.metrics.get_scorer_names(). "
            f"Got {scoring!r} instead."
        )


def scorer_on(
    estimator: HasScoring, dev: DevPart, as_it_is: Callable[[], dict[str, object]]
) -> Score:
    """The estimator's `scoring` on a dev set; `as_it_is` gives the attributes to predict with."""
    from sklearn.metrics import check_scoring

    scorer = check_scoring(estimator, estimator.scoring)
    x, labels, weights = dev.x, dev.labels, {}
    if dev.weights is not None and _takes_weights(scorer):
        weights["sample_weight"] = dev.weights

    def score(logits: Array) -> float:
        fitted = object.__new__(type(estimator))
        fitted.__dict__.update(estimator.__dict__, **as_it_is())
        # The dev set has been validated: it is an array, with no column names to compare.
        fitted.__dict__.pop("feature_names_in_", None)
        return float(scorer(fitted, x, labels, **weights))

    return score


def _takes_weights(scorer: Callable[..., float]) -> bool:
    """Whether a scorer can be called with sample_weight: scikit-learn's own can."""
    parameters = inspect.signature(scorer).parameters
    return "sample_weight" in parameters or any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    )
