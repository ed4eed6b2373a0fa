"""VectorizedRandomizedSearchCV and VectorizedGridSearchCV."""

from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

from .._inputs import RandomState
from ._base import DEFAULT_STACK_BYTES, OWN_CONSTRAINTS, VectorizedSearch
from ._types import Constraints, ErrorScore, Folds, Refit, ScoringLike, Spaces


class VectorizedRandomizedSearchCV(VectorizedSearch, RandomizedSearchCV):
    """Randomized search whose candidates train together, as one stack of networks.

    To change the class name is all it takes to come from scikit-learn's `RandomizedSearchCV`: the
    parameters, attributes and results are the same, and so are the scores, up to rounding. What
    differs is the time. Candidates that agree in what gives a network its shape and its batches
    (number of layers, activations, batch norm, solver, batch size, class weights, seed, …) train
    side by side, each with its own layer widths, learning rate and schedule, penalty, dropout
    rates, momentum, β's, ε, label smoothing, gradient clip, start and number of epochs. The
    course's advice is to search at random, on log scales, and to train many models in parallel
    (II 3.1). Networks for tables share a stack only where they differ in nothing but learning rate,
    weight decay and label smoothing.

    The estimator may be one of skdeep's, a `Pipeline` that ends in one, whose transformers are then
    fitted once per fold and setting, or anything else: what cannot share a stack (other estimators,
    solver "lbfgs" or "gd", `verbose` ones, ones with callbacks of their own) is fitted alone, as
    scikit-learn does it; `stacked_` says what was, and why. Where memory is short stacks are halved
    until they fit.

    Parameters
    ----------
    estimator : estimator
        What is searched over.
    param_distributions : dict or list of dicts
        By parameter, a list of values or a distribution with a method `rvs`, such as
        `scipy.stats.loguniform`.
    n_iter : int, default=10
        Number of candidates, >= 1.
    scoring : str, callable, list, tuple or dict, default=None
        What candidates are scored by; None asks the estimator's own `score`. Several metrics as in
        scikit-learn.
    n_jobs : int, default=None
        How many stacks train at the same time, by joblib; -1 uses all cores. Each has a process of
        its own unless `joblib.parallel_config` says otherwise. With more than one, NumPy's matrix
        products share the cores among the processes; in threads each uses one core.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all rows; with several metrics the name of the one
        that decides, or a function of `cv_results_` that gives the best candidate's number.
    cv : int, cross-validation generator or iterable, default=None
        The folds; None is 5-fold, stratified for a classifier.
    verbose : int, default=0
        1 prints how many fits share how many stacks and why others do not. Then it shows the
        progress of the whole search, on a terminal as a bar: the epochs of all fits, the best score
        of the candidates that are through all folds, and the time left. 2 adds a line per candidate
        and fold; 3 its scores.
    pre_dispatch : int or str, default="2*n_jobs"
        How many tasks joblib hands out ahead of time.
    random_state : int, RandomState instance or None, default=None
        Seeds the choice of candidates.
    error_score : "raise" or float, default=nan
        The score of a candidate whose fit fails; "raise" raises its error. The other candidates of
        its stack are not disturbed.
    return_train_score : bool, default=False
        Whether `cv_results_` has the scores on the training rows.
    keep_best : int or None, default=None
        How many of the best candidates, >= 1, are fitted on all rows as one stack and kept as
        `ensemble_`. None keeps none.
    max_stack_bytes : int, default=2**28
        Upper bound, in bytes, on the memory that all stacks in training together take beyond the
        data, >= 1. A single candidate is trained even if it takes more. Stacks are usually smaller,
        some 8 MB each, since larger ones are no faster.
    checkpoint : str, path or None, default=None
        A file in which the search is kept as it runs. One that was interrupted or killed goes on
        with ``resume(path).fit(X, y)``, where `resume` is that of any of the search classes. None
        keeps nothing.

    Attributes
    ----------
    cv_results_ : dict of ndarrays
        Scores, parameters and times of all candidates, with the keys of scikit-learn's search. A
        candidate's times are its share of its stack's.
    best_estimator_ : estimator
        The best candidate, fitted on all rows; with `refit` only.
    best_score_ : float
        Its mean score over the folds; not with a callable `refit`.
    best_params_ : dict
        Its parameters.
    best_index_ : int
        Its number in `cv_results_`.
    stacked_ : dict
        How the fits, each of a candidate on a fold, were carried out: `n_stacked` in stacks,
        `n_alone` one by one, and `reasons`, a dict from what kept them from sharing a stack to how
        many. Not where all are other libraries' estimators.
    ensemble_ : estimator
        The `keep_best` best candidates, fitted on all rows; its `predict_proba` is the mean of
        theirs, a regressor's `predict` likewise. With `keep_best` only.
    scorer_ : function or dict
        What scores the candidates.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds that the refit took.
    multimetric_ : bool
        Whether there are several metrics.
    classes_ : ndarray of shape (n_classes,)
        The classes, of a classifier.
    n_features_in_ : int
        Number of features seen by `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has any.

    See Also
    --------
    VectorizedGridSearchCV : All combinations of listed values.
    VectorizedHalvingRandomSearchCV : The worst candidates leave early.

    Notes
    -----
    With `random_state=None` in the estimator every candidate starts from weights of its own, and
    those of a stack see the rows in the same random order.

    References
    ----------
    .. [1] J. Bergstra and Y. Bengio (2012). Random search for hyper-parameter optimization. Journal
       of Machine Learning Research 13.
    .. [2] F. C. F. Farias, T. B. Ludermir and C. J. A. Bastos-Filho (2022). Embarrassingly parallel
       independent training of multi-layer perceptrons with heterogeneous architectures.
       arXiv:2206.08369.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.model_selection import VectorizedRandomizedSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = VectorizedRandomizedSearchCV(
    ...     DeepMLPClassifier(max_iter=60, n_iter_no_change=60, random_state=0),
    ...     {"learning_rate_init": loguniform(1e-4, 1e-1), "alpha": loguniform(1e-4, 1)},
    ...     n_iter=20,
    ...     random_state=0,
    ... )
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     search = search.fit(X, y)
    >>> bool(search.best_score_ > 0.95)
    True
    """

    _parameter_constraints: Constraints = {
        **RandomizedSearchCV._parameter_constraints,
        **OWN_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator: BaseEstimator,
        param_distributions: Spaces,
        *,
        n_iter: int = 10,
        scoring: ScoringLike = None,
        n_jobs: int | None = None,
        refit: Refit = True,
        cv: Folds = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: RandomState = None,
        error_score: ErrorScore = np.nan,
        return_train_score: bool = False,
        keep_best: int | None = None,
        max_stack_bytes: int = DEFAULT_STACK_BYTES,
        checkpoint: str | Path | None = None,
    ) -> None:
        super().__init__(
            estimator,
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.keep_best = keep_best
        self.max_stack_bytes = max_stack_bytes
        self.checkpoint = checkpoint


class VectorizedGridSearchCV(VectorizedSearch, GridSearchCV):
    """Grid search whose candidates train together, as one stack of networks.

    The parameters, attributes and results are those of scikit-learn's `GridSearchCV`;
    `VectorizedRandomizedSearchCV` says which candidates train together and which are fitted alone.

    Parameters
    ----------
    estimator : estimator
        What is searched over.
    param_grid : dict or list of dicts
        By parameter, the values to combine.
    scoring : str, callable, list, tuple or dict, default=None
        What candidates are scored by; None asks the estimator's own `score`. Several metrics as in
        scikit-learn.
    n_jobs : int, default=None
        How many stacks train at the same time, by joblib; -1 uses all cores. Each has a process of
        its own unless `joblib.parallel_config` says otherwise. With more than one, NumPy's matrix
        products share the cores among the processes; in threads each uses one core.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all rows; with several metrics the name of the one
        that decides, or a function of `cv_results_` that gives the best candidate's number.
    cv : int, cross-validation generator or iterable, default=None
        The folds; None is 5-fold, stratified for a classifier.
    verbose : int, default=0
        1 prints how many fits share how many stacks and why others do not. Then it shows the
        progress of the whole search, on a terminal as a bar: the epochs of all fits, the best score
        of the candidates that are through all folds, and the time left. 2 adds a line per candidate
        and fold; 3 its scores.
    pre_dispatch : int or str, default="2*n_jobs"
        How many tasks joblib hands out ahead of time.
    error_score : "raise" or float, default=nan
        The score of a candidate whose fit fails; "raise" raises its error. The other candidates of
        its stack are not disturbed.
    return_train_score : bool, default=False
        Whether `cv_results_` has the scores on the training rows.
    keep_best : int or None, default=None
        How many of the best candidates, >= 1, are fitted on all rows as one stack and kept as
        `ensemble_`. None keeps none.
    max_stack_bytes : int, default=2**28
        Upper bound, in bytes, on the memory that all stacks in training together take beyond the
        data, >= 1. A single candidate is trained even if it takes more. Stacks are usually smaller,
        some 8 MB each, since larger ones are no faster.
    checkpoint : str, path or None, default=None
        A file in which the search is kept as it runs. One that was interrupted or killed goes on
        with ``resume(path).fit(X, y)``, where `resume` is that of any of the search classes. None
        keeps nothing.

    Attributes
    ----------
    cv_results_ : dict of ndarrays
        Scores, parameters and times of all candidates, with the keys of scikit-learn's search. A
        candidate's times are its share of its stack's.
    best_estimator_ : estimator
        The best candidate, fitted on all rows; with `refit` only.
    best_score_ : float
        Its mean score over the folds; not with a callable `refit`.
    best_params_ : dict
        Its parameters.
    best_index_ : int
        Its number in `cv_results_`.
    stacked_ : dict
        How the fits, each of a candidate on a fold, were carried out: `n_stacked` in stacks,
        `n_alone` one by one, and `reasons`, a dict from what kept them from sharing a stack to how
        many. Not where all are other libraries' estimators.
    ensemble_ : estimator
        The `keep_best` best candidates, fitted on all rows; its `predict_proba` is the mean of
        theirs, a regressor's `predict` likewise. With `keep_best` only.
    scorer_ : function or dict
        What scores the candidates.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds that the refit took.
    multimetric_ : bool
        Whether there are several metrics.
    classes_ : ndarray of shape (n_classes,)
        The classes, of a classifier.
    n_features_in_ : int
        Number of features seen by `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has any.

    See Also
    --------
    VectorizedRandomizedSearchCV : Candidates drawn at random, which finds more in the same time.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.model_selection import VectorizedGridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = VectorizedGridSearchCV(
    ...     DeepMLPClassifier(max_iter=60, n_iter_no_change=60, random_state=0),
    ...     {"learning_rate_init": [0.001, 0.01], "alpha": [0.001, 0.1]},
    ... )
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     search = search.fit(X, y)
    >>> search.best_params_["learning_rate_init"]
    0.01
    """

    _parameter_constraints: Constraints = {
        **GridSearchCV._parameter_constraints,
        **OWN_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator: BaseEstimator,
        param_grid: Spaces,
        *,
        scoring: ScoringLike = None,
        n_jobs: int | None = None,
        refit: Refit = True,
        cv: Folds = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: ErrorScore = np.nan,
        return_train_score: bool = False,
        keep_best: int | None = None,
        max_stack_bytes: int = DEFAULT_STACK_BYTES,
        checkpoint: str | Path | None = None,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.keep_best = keep_best
        self.max_stack_bytes = max_stack_bytes
        self.checkpoint = checkpoint
