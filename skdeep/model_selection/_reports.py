"""Candidates of a stack as scikit-learn's callbacks hear of them: as of fits one by one.

A search's task for a candidate on a split begins and ends, and within it the candidate's own fit
and, where callbacks follow into it, its epochs. Of a pipeline its steps are tasks.
"""

import copy
from contextlib import ExitStack

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._inputs import Rows
from ..estimators._stack import OwnError, Stack, own_errors
from ._compat import Context, root_context
from ._folds import Split
from ._plan import StackedCandidate, is_pipeline


class Report:
    """What is reported of one candidate's training on one split.

    Parameters
    ----------
    context : Context
        The search's task for it.
    caller : estimator
        The search.
    candidate : StackedCandidate
        Who is trained.
    split : Split
        On what.
    """

    def __init__(
        self, context: Context, caller: BaseEstimator, candidate: StackedCandidate, split: Split
    ) -> None:
        self._context, self._caller = context, caller
        self._candidate, self._split = candidate, split
        self._told = split.X_told
        weights = split.weights_told
        metadata = None if weights is None else {"sample_weight": weights}
        self._about = {"X": self._told, "y": split.y_train, "metadata": metadata}
        self._open = ExitStack()
        self._pipeline: tuple[BaseEstimator, Context, Context] | None = None

    def begin(self, stack: Stack, place: int) -> None:
        """Begin the tasks; what a callback raises ends the candidate before it trains."""
        model = stack.estimators[place]
        estimator = self._candidate.estimator
        whole = copy.copy(estimator) if is_pipeline(estimator) else model
        try:
            with own_errors(Exception):
                self._open.enter_context(self._context.propagate_callback_context(whole))
                self._context.call_on_fit_task_begin(estimator=self._caller, **self._about)
                if whole is not model:
                    self._begin_pipeline(whole)
        except OwnError as marked:
            stack.models[place].error = marked.error
            return
        if whole is model:
            weights = self._split.weights_told
            stack.tell_callbacks(place, self._told, self._split.y_train, weights)

    def _begin_pipeline(self, pipeline: BaseEstimator) -> None:
        """What a pipeline reports until its last step is fitted; its transformers have been."""
        rows = {"X": self._told, "y": self._split.y_train}
        transformed = {"X": self._split.X_train, "y": self._split.y_train}
        root = root_context(pipeline, max_subtasks=len(pipeline.steps))
        root.call_on_fit_task_begin(estimator=pipeline, **rows)
        for name, _ in pipeline.steps[:-1]:
            step = root.subcontext(task_name=f"fit-transform-{name}")
            step.call_on_fit_task_begin(estimator=pipeline, **rows)
            step.call_on_fit_task_end(estimator=pipeline, **transformed)
        last = root.subcontext(task_name="fit-final-estimator")
        last.call_on_fit_task_begin(estimator=pipeline, **transformed)
        self._pipeline = pipeline, root, last

    def fit_ends(self, *, failed: bool) -> Exception | None:
        """End the candidate's own tasks; what a callback has raised there, if anything."""
        with self._open:
            try:
                if self._pipeline is not None and not failed:
                    with own_errors(Exception):
                        self._end_pipeline(*self._pipeline)
            except OwnError as marked:
                return marked.error
        return None

    def _end_pipeline(self, pipeline: BaseEstimator, root: Context, last: Context) -> None:
        transformed: dict[str, Rows | ArrayLike] = {
            "X": self._split.X_train,
            "y": self._split.y_train,
        }
        last.call_on_fit_task_end(estimator=pipeline, **transformed)
        root.call_on_fit_task_end(estimator=pipeline, **transformed)

    def close(self) -> None:
        """Let go of the context, also where the candidate has not been trained to its end."""
        self._open.close()

    def end(self) -> None:
        """End the search's task, once the candidate is scored."""
        self._context.call_on_fit_task_end(estimator=self._caller, **self._about)
