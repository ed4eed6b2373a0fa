"""The best candidates of a search together: one stack, whose predictions are averaged."""

import copy
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone, is_classifier
from sklearn.utils import Tags, _safe_indexing, get_tags
from sklearn.utils.validation import check_is_fitted

from .._engine.backend import Array, Matrix
from .._fit.whole import Whole
from .._inputs import Rows
from ..estimators._base import BaseNetworkEstimator
from ..estimators._stack import (
    CannotShareAFit,
    OwnError,
    own_errors,
)
from ..estimators._warnings import warn
from ._plan import (
    StackedCandidate,
    fit_steps,
    in_place_of_last,
    is_pipeline,
    make_plan,
    split_fit_params,
    transformers,
    with_parameters,
)
from ._together import own_copy
from ._types import Parameters


class FittedEnsemble(BaseEstimator):
    """Estimators whose predictions are averaged.

    Parameters
    ----------
    estimators : list of estimators
        Fitted on the same data, or to be fitted by `fit`, which leaves these as they are.

    Attributes
    ----------
    estimators_ : list of estimators
        Those that predict.
    n_features_in_ : int
        Number of features that they have seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where they have any.
    """

    def __init__(self, estimators: Sequence[BaseEstimator]) -> None:
        self.estimators = estimators

    def fit(
        self, X: Rows, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Fit all of them anew.

        Parameters
        ----------
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; of a pipeline, for its last step.

        Returns
        -------
        self : object
            The ensemble.
        """
        fitted = []
        for estimator in map(clone, self.estimators):
            weights = {}
            if sample_weight is not None:
                step = f"{estimator.steps[-1][0]}__" if is_pipeline(estimator) else ""
                weights[f"{step}sample_weight"] = sample_weight
            with Whole().part():
                fitted.append(estimator.fit(X, y, **weights))
        self._fitted = fitted
        return self

    @property
    def estimators_(self) -> Sequence[BaseEstimator]:
        """Those that `fit` has fitted, or that have been fitted before."""
        return getattr(self, "_fitted", self.estimators)

    @property
    def n_features_in_(self) -> int:
        """As the members have it."""
        n_features: int = self.estimators_[0].n_features_in_
        return n_features

    @property
    def feature_names_in_(self) -> Array:
        """As the members have it."""
        names: Array = self.estimators_[0].feature_names_in_
        return names

    def __sklearn_is_fitted__(self) -> bool:
        for estimator in self.estimators_:
            check_is_fitted(estimator)
        return True

    def _as_members(self, tags: Tags) -> Tags:
        """What members say of the data that they take and of what they predict."""
        own = get_tags(self.estimators[0])
        tags.input_tags, tags.target_tags = own.input_tags, own.target_tags
        tags.classifier_tags, tags.regressor_tags = own.classifier_tags, own.regressor_tags
        return tags


class ClassifierEnsemble(ClassifierMixin, FittedEnsemble):
    """Classifiers that predict by the mean of their probabilities.

    Parameters
    ----------
    estimators : list of classifiers
        Fitted on the same data, or to be fitted by `fit`, which leaves these as they are.
    """

    @property
    def classes_(self) -> Array:
        """The classes, as the members have them."""
        classes: Array = self.estimators_[0].classes_
        return classes

    def predict_proba(self, X: Rows) -> Array:
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
        return np.mean([one.predict_proba(X) for one in self.estimators_], axis=0)

    def predict(self, X: Rows) -> Matrix:
        """Predict the class of the largest mean probability.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to classify.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The classes; for multi-label members an indicator matrix, sparse where theirs is.
        """
        p = self.predict_proba(X)
        # What a member predicts for one row tells classes, one a row, from labels.
        first = _safe_indexing(X.tocsr() if hasattr(X, "tocsr") else X, [0])
        example = self.estimators_[0].predict(first)
        if example.ndim == 1:
            return self.classes_[p.argmax(axis=1)]
        labels = (p > 0.5).astype(example.dtype)
        return labels if isinstance(example, np.ndarray) else type(example)(labels)

    def __sklearn_tags__(self) -> Tags:
        return self._as_members(super().__sklearn_tags__())


class RegressorEnsemble(RegressorMixin, FittedEnsemble):
    """Regressors that predict by the mean of their predictions.

    Parameters
    ----------
    estimators : list of regressors
        Fitted on the same data, or to be fitted by `fit`, which leaves these as they are.
    """

    def predict(self, X: Rows) -> Array:
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
        return np.mean([one.predict(X) for one in self.estimators_], axis=0)

    def __sklearn_tags__(self) -> Tags:
        return self._as_members(super().__sklearn_tags__())


def fit_ensemble(
    base_estimator: BaseEstimator,
    candidates: Sequence[Parameters],
    X: Rows,
    y: ArrayLike | None,
    fit_params: Parameters,
    max_stack_bytes: int,
) -> FittedEnsemble:
    """Fit candidates on all rows, those that can share a stack together."""
    fitted: dict[int, BaseEstimator] = {}
    for groups in make_plan(base_estimator, candidates, fit_params).settings.values():
        for group in groups.values():
            try:
                fitted.update(_fit_together(group, X, y, fit_params, max_stack_bytes))
            except OwnError:
                # Fitted alone, each says what is the matter with the data.
                continue
    for number, parameters in enumerate(candidates):
        if number not in fitted:
            estimator = with_parameters(base_estimator, parameters)
            try:
                fitted[number] = estimator.fit(X, y, **fit_params)
            except Exception as error:
                warn(f"{parameters} is left out of ensemble_: fitted on all rows it fails. {error}")
    estimators = [fitted[number] for number in sorted(fitted)]
    kind = ClassifierEnsemble if is_classifier(base_estimator) else RegressorEnsemble
    return kind(estimators)


def _fit_together(
    group: Sequence[StackedCandidate],
    X: Rows,
    y: ArrayLike | None,
    fit_params: Parameters,
    max_stack_bytes: int,
) -> dict[int, BaseEstimator]:
    """Fitted estimators by number, in stacks within the budget."""
    params = split_fit_params(group[0].estimator, fit_params)
    assert params is not None  # the plan has seen to it
    before = transformers(group[0].estimator)
    with own_errors(Exception):
        if before is not None:
            X, y = fit_steps(before, X, y, params[0])
        models = [candidate.model for candidate in group]
        parts = group[0].family.alike(models, X, y, params[1])
    fitted = {}
    for part in parts:
        at_once = max(1, max_stack_bytes // part.bytes_each)
        for start in range(0, len(part.numbers), at_once):
            together = [group[number] for number in part.numbers[start : start + at_once]]
            for candidate, model in _trained(together, X, y, params[1]):
                # Each has transformers of its own, since each may be fitted again.
                own = copy.deepcopy(before)
                fitted[candidate.number] = in_place_of_last(candidate.estimator, own, model)
    return fitted


def _trained(
    members: Sequence[StackedCandidate], X: Rows, y: ArrayLike | None, fit_params: Parameters
) -> list[tuple[StackedCandidate, BaseNetworkEstimator]]:
    """Those that a stack, or where memory is short smaller ones, could fit; others go alone."""
    try:
        models = [own_copy(candidate.model) for candidate in members]
        stack = members[0].family.make_stack(models, X, y, fit_params)
        stack.train()
        stack.finish()
        ends = [(candidate, stack.detached_end_of(i)) for i, candidate in enumerate(members)]
        # One that fails is fitted alone, and reported there.
        return [(candidate, end) for candidate, end in ends if not isinstance(end, Exception)]
    except CannotShareAFit:
        return []
    except MemoryError:
        # What was made is let go with the traceback, before anything is tried again.
        if len(members) == 1:
            return []
    half = len(members) // 2
    parts = (members[:half], members[half:])
    return [one for part in parts for one in _trained(part, X, y, fit_params)]
