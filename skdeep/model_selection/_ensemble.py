"""The best candidates of a search together: one stack, whose predictions are averaged."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone, is_classifier
from sklearn.utils.validation import check_is_fitted

from .._engine.backend import Array
from ..estimators._stack import Stack, bytes_per_model
from ..estimators._warnings import warn
from ._plan import (
    StackedCandidate,
    in_place_of_last,
    last_step,
    make_plan,
    split_fit_params,
    transformers,
)


class FittedEnsemble(BaseEstimator):
    """Fitted estimators whose predictions are averaged.

    Parameters
    ----------
    estimators : list of estimators
        Fitted on the same data.
    """

    def __init__(self, estimators: Sequence[Any]) -> None:
        self.estimators = estimators

    def fit(self, X: Any, y: Any = None) -> Any:
        """Fit all of them anew.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.

        Returns
        -------
        self : object
            The ensemble.
        """
        self.estimators = [clone(estimator).fit(X, y) for estimator in self.estimators]
        return self

    def __sklearn_is_fitted__(self) -> bool:
        for estimator in self.estimators:
            check_is_fitted(estimator)
        return True


class ClassifierEnsemble(ClassifierMixin, FittedEnsemble):
    """Fitted classifiers that predict by the mean of their probabilities.

    Parameters
    ----------
    estimators : list of classifiers
        Fitted on the same data.
    """

    @property
    def classes_(self) -> Array:
        """The classes, as the members have them."""
        classes: Array = self.estimators[0].classes_
        return classes

    def predict_proba(self, X: Any) -> Array:
        """Predict the mean of the members' probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
            Probabilities, columns in the order of `classes_`.
        """
        return np.mean([one.predict_proba(X) for one in self.estimators], axis=0)

    def predict(self, X: Any) -> Array:
        """Predict the class of the largest mean probability.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The classes; for multi-label members an indicator matrix.
        """
        p = self.predict_proba(X)
        labels = getattr(last_step(self.estimators[0]), "_labels", None)
        if labels is not None and labels.kind == "multilabel":
            return (p > 0.5).astype(int)
        return self.classes_[p.argmax(axis=1)]


class RegressorEnsemble(RegressorMixin, FittedEnsemble):
    """Fitted regressors that predict by the mean of their predictions.

    Parameters
    ----------
    estimators : list of regressors
        Fitted on the same data.
    """

    def predict(self, X: Any) -> Array:
        """Predict the mean of the members' predictions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions.
        """
        return np.mean([one.predict(X) for one in self.estimators], axis=0)


def fit_ensemble(
    base_estimator: Any,
    candidates: Sequence[dict[str, Any]],
    X: Any,
    y: Any,
    fit_params: dict[str, Any],
    max_stack_bytes: int,
) -> FittedEnsemble:
    """Fit candidates on all rows, those that can share a stack together."""
    fitted: dict[int, Any] = {}
    for groups in make_plan(base_estimator, candidates, fit_params).values():
        for group in groups.values():
            # What cannot share a stack on these data is left to be fitted alone.
            with suppress(Exception):
                fitted.update(_fit_together(group, X, y, fit_params, max_stack_bytes))
    for number, parameters in enumerate(candidates):
        if number not in fitted:
            estimator = clone(base_estimator).set_params(**clone(parameters, safe=False))
            try:
                fitted[number] = estimator.fit(X, y, **fit_params)
            except Exception as error:
                warn(f"{parameters} is left out of ensemble_: fitted on all rows it fails. {error}")
    estimators = [fitted[number] for number in sorted(fitted)]
    kind = ClassifierEnsemble if is_classifier(base_estimator) else RegressorEnsemble
    return kind(estimators)


def _fit_together(
    group: Sequence[StackedCandidate],
    X: Any,
    y: Any,
    fit_params: dict[str, Any],
    max_stack_bytes: int,
) -> dict[int, Any]:
    """Fitted estimators by number, in stacks within the budget."""
    params = split_fit_params(group[0].estimator, fit_params)
    assert params is not None
    before = transformers(group[0].estimator)
    if before is not None:
        X = before.fit_transform(X, y, **params[0])
    models = [candidate.model for candidate in group]
    at_once = max(1, max_stack_bytes // bytes_per_model(models, X, y, 0, params[1]))
    fitted = {}
    for start in range(0, len(group), at_once):
        members = group[start : start + at_once]
        for candidate, model in _trained(members, X, y, params[1]):
            if before is not None:
                # Each has transformers of its own, since each may be fitted again.
                own = copy.deepcopy(before)
                model = in_place_of_last(candidate.estimator, own, model)
            fitted[candidate.number] = model
    return fitted


def _trained(
    members: Sequence[StackedCandidate], X: Any, y: Any, fit_params: dict[str, Any]
) -> Iterator[tuple[StackedCandidate, Any]]:
    stack = Stack([candidate.model for candidate in members], X, y, fit_params)
    stack.train()
    for place, candidate in enumerate(members):
        # One that fails is fitted alone, and reported there.
        with suppress(Exception):
            yield candidate, stack.detached(place)
