"""What to try against high bias and high variance: the course's recipe (II 1.3), in its order.

First a network that fits, then one that generalises. Of skdeep's estimators the parameters are
named, with the values they have.
"""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from .._engine.solvers import SOLVERS
from ..estimators._base import BaseNetworkEstimator

# A penalty below it, shared by all rows as it is, holds no network back.
WEAK_ALPHA = 1e-3


def advise(
    estimator: BaseEstimator, high_bias: bool, high_variance: bool, n_train: int
) -> list[str]:
    """The recipe: first a network that fits, then one that generalises."""
    if not (high_bias or high_variance):
        return ["nothing to mend -> judge it on the test set"]
    prefix, last = _last_step(estimator)
    if isinstance(last, BaseNetworkEstimator):
        for_bias = against_bias(last, prefix)
        for_variance = against_variance(last, prefix)
    else:
        for_bias = ["a more flexible model", "more informative features", "less regularisation"]
        for_variance = ["more regularisation", "a simpler model", "fewer features"]
    for_variance.insert(0, f"n_train={n_train} rows -> get more, of the same distribution")
    found = [f"bias: {line}" for line in for_bias] if high_bias else []
    if high_variance:
        heading = "variance, once bias is low" if high_bias else "variance"
        found += [f"{heading}: {line}" for line in for_variance]
    return found


def _last_step(estimator: BaseEstimator) -> tuple[str, BaseEstimator]:
    """The estimator that predicts within Pipelines and searches, and its parameters' prefix."""
    prefix = ""
    while True:
        if isinstance(estimator, Pipeline):
            name, estimator = estimator.steps[-1]
            prefix += f"{name}__"
        elif isinstance(estimator, TransformedTargetRegressor):
            estimator, prefix = estimator.regressor_, f"{prefix}regressor__"
        elif hasattr(estimator, "best_estimator_"):
            estimator, prefix = estimator.best_estimator_, f"{prefix}estimator__"
        else:
            return prefix, estimator


class _Parameters:
    """An estimator's parameters as advice names them: with their prefix and present value."""

    def __init__(self, estimator: BaseEstimator, prefix: str) -> None:
        self._values = estimator.get_params(deep=False)
        self._prefix = prefix

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def shown(self, name: str) -> str:
        return f"{self._prefix}{name}={self._values[name]!r}"


def against_bias(estimator: BaseNetworkEstimator, prefix: str) -> list[str]:
    """A bigger network, longer training, another optimiser, another architecture, less penalty."""
    given = _Parameters(estimator, prefix)
    if "hidden_layer_sizes" in given:
        advice = [f"{given.shown('hidden_layer_sizes')} -> try wider or deeper"]
    else:
        kind = type(estimator).__name__
        advice = [f"{kind} is linear in X -> try DeepMLPClassifier, or more informative features"]
    advice.append(_longer_training(estimator, given))
    if not SOLVERS[str(given["solver"])].is_stochastic:
        advice.append(f"{given.shown('solver')} -> try another, 'adam' say")
    else:
        advice.append(
            f"{given.shown('solver')}, {given.shown('learning_rate_init')} -> try other learning "
            "rates, on a log scale, then another solver"
        )
    if "hidden_layer_sizes" in given:
        advice.append(f"{given.shown('activation')} -> try another")
        if not given["batch_norm"] and not given["layer_norm"]:
            advice.append(f"{given.shown('batch_norm')} -> try True")
    thresholds = {"dropout": 0, "input_dropout": 0, "alpha": WEAK_ALPHA, "label_smoothing": 0}
    advice += [
        f"{given.shown(name)} -> lower"
        for name, threshold in thresholds.items()
        if name in given and np.any(np.asarray(given[name]) > threshold)
    ]
    return advice


def _longer_training(estimator: BaseNetworkEstimator, given: _Parameters) -> str:
    ended = f"the last call ended after n_iter_={estimator.n_iter_}"
    if estimator.n_iter_ >= given["max_iter"]:
        return f"{given.shown('max_iter')} ({ended}: not converged) -> raise"
    if given["early_stopping"]:
        names = ("early_stopping", "n_iter_no_change")
        what = ", ".join(given.shown(name) for name in names)
        return f"{what} ({ended}) -> stop later"
    return f"{given.shown('tol')} ({ended} of max_iter={given['max_iter']}) -> lower, train longer"


def against_variance(estimator: BaseNetworkEstimator, prefix: str) -> list[str]:
    """Regularisation, augmentation, early stopping, a smaller network; rows come before these."""
    given = _Parameters(estimator, prefix)
    takes_changes = SOLVERS[str(given["solver"])].takes_changing_objective
    advice = [f"{given.shown('alpha')} -> raise, on a log scale"]
    if "dropout" in given:
        needs = "" if takes_changes else " (takes a stochastic solver)"
        advice.append(f"{given.shown('dropout')} -> try 0.2 to 0.5{needs}")
    if not given["early_stopping"]:
        advice.append(f"{given.shown('early_stopping')} -> try True")
    if given["augment"] is None:
        needs = "" if takes_changes else " (takes a stochastic solver)"
        advice.append(f"{given.shown('augment')} -> for images, augment them{needs}")
    if "hidden_layer_sizes" in given:
        advice.append(f"{given.shown('hidden_layer_sizes')} -> try narrower or shallower")
    return advice
