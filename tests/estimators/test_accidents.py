"""State that survives accidents: a call fails or is interrupted at any line, and no half is left.

Ctrl-C while epochs are trained ends `fit` with the last whole epoch; anywhere else, and any other
exception, leaves the estimator as it was before the call.
"""

import copy
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from interruptions import InterruptAt, places
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import skdeep
from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier
from skdeep.estimators._callbacks import HAS_CALLBACKS

PACKAGE = str(Path(skdeep.__file__).parent)
X, y = load_iris(return_X_y=True)
X = scale(X)
X_VAL, Y_VAL = X[::5], y[::5]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_BEFORE, N_MORE = 2, 3
# About this many of the lines that a call runs through are interrupted, one in each call.
N_LINES = 120


def deep(**parameters):
    return DeepMLPClassifier(
        (4,), batch_size=64, random_state=0, tol=0, warm_start=True, max_iter=N_MORE, **parameters
    )


MODELS = {
    "plain": (deep(), {}),
    "watched": (deep(batch_norm=True, dropout=0.2), {"X_val": X_VAL, "y_val": Y_VAL}),
    "early stopping": (deep(early_stopping=True, solver="sgd"), {}),
    "regression": (
        DeepMLPRegressor(
            hidden_layer_sizes=(4,), random_state=0, tol=0, warm_start=True, max_iter=N_MORE
        ),
        {},
    ),
    "gd": (LogisticRegressionGD(max_iter=N_MORE, warm_start=True), {}),
    "lbfgs": (SoftmaxClassifier(solver="lbfgs", max_iter=N_MORE, warm_start=True), {}),
}


def what_is_fitted(model):
    """All that a model has learnt and recorded, as bytes."""
    return {name: pickle.dumps(value) for name, value in vars(model).items()}


def fitted_before(name):
    model, fit_params = MODELS[name]
    model = clone(model).set_params(max_iter=N_BEFORE).fit(X, y, **fit_params)
    return model.set_params(max_iter=N_MORE)


def after_whole_epochs(name):
    """θ and the statistics after so many further epochs."""
    ends = {}
    for n in range(1, N_MORE + 1):
        model = fitted_before(name).set_params(max_iter=n).fit(X, y, **MODELS[name][1])
        ends[len(model.loss_curve_)] = model._state.theta.copy()
    return ends


def n_lines(call):
    with InterruptAt(None, PACKAGE) as counter:
        call()
    return counter.count


@pytest.mark.parametrize("name", MODELS)
def test_a_refit_that_is_interrupted_anywhere_is_whole_or_has_not_been(name):
    fit_params = MODELS[name][1]
    model = fitted_before(name)
    ends = after_whole_epochs(name)
    ends[len(model.loss_curve_)] = model._state.theta.copy()
    copied = pickle.loads(pickle.dumps(model))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        total = n_lines(lambda: copied.fit(X, y, **fit_params))
    raised = kept = 0
    for n in places(1, total, N_LINES):
        refitted = pickle.loads(pickle.dumps(model))
        before = what_is_fitted(refitted)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                with InterruptAt(n, PACKAGE):
                    refitted.fit(X, y, **fit_params)
            except KeyboardInterrupt:
                raised += 1
                assert what_is_fitted(refitted) == before, n
                continue
        kept += 1
        assert any("interrupted" in str(one.message) for one in told), n
        n_epochs = len(refitted.loss_curve_)
        assert refitted.n_iter_ == n_epochs - len(model.loss_curve_), n
        assert len(refitted._curves.rate) == n_epochs
        if refitted.validation_scores_ is not None:
            assert len(refitted.validation_scores_) == n_epochs, n
            assert len(refitted.validation_loss_curve_) == n_epochs, n
        if not refitted.get_params().get("early_stopping"):
            assert_array_equal(refitted._state.theta, ends[n_epochs])
        refitted.predict(X)
    assert raised > 10
    assert kept > 10


@pytest.mark.parametrize("name", ["plain", "watched", "early stopping"])
def test_the_model_that_was_interrupted_goes_on_as_if_it_had_not_been(name):
    model, fit_params = fitted_before(name), MODELS[name][1]
    whole = pickle.loads(pickle.dumps(model))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        total = n_lines(lambda: whole.fit(X, y, **fit_params))
        for n in places(total // 3, total, 12):
            refitted = pickle.loads(pickle.dumps(model))
            try:
                with InterruptAt(n, PACKAGE):
                    refitted.fit(X, y, **fit_params)
            except KeyboardInterrupt:
                continue
            rest = N_MORE - refitted.n_iter_
            if rest and not refitted.early_stopping:
                refitted.set_params(max_iter=rest).fit(X, y, **fit_params)
                assert_array_equal(refitted._state.theta, whole._state.theta)
                assert refitted.loss_curve_ == whole.loss_curve_


def test_an_interrupted_first_fit_leaves_nothing_or_whole_epochs():
    total = n_lines(lambda: clone(MODELS["watched"][0]).fit(X, y, X_val=X_VAL, y_val=Y_VAL))
    for n in places(1, total, 60):
        model = clone(MODELS["watched"][0])
        before = set(vars(model))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with InterruptAt(n, PACKAGE):
                    model.fit(X, y, X_val=X_VAL, y_val=Y_VAL)
            except KeyboardInterrupt:
                assert set(vars(model)) == before, n
                continue
        scores = model.validation_scores_ or []
        assert model.n_iter_ == len(model.loss_curve_) == len(scores)
        assert np.isfinite(model.predict_proba(X)).all()


def test_an_interrupted_partial_fit_rolls_back_and_is_raised():
    model = fitted_before("plain")
    copied = pickle.loads(pickle.dumps(model))
    total = n_lines(lambda: copied.partial_fit(X, y))
    before = what_is_fitted(model)
    for n in places(1, total, 80):
        with pytest.raises(KeyboardInterrupt), InterruptAt(n, PACKAGE):
            model.partial_fit(X, y)
        assert what_is_fitted(model) == before, n


class RaiseAt:
    """An augmentation that fails in the n-th batch."""

    def __init__(self, n):
        self.n = n

    def __call__(self, X_batch, y_batch, random_state):
        self.n -= 1
        if self.n == 0:
            raise RuntimeError("out of ideas")
        return X_batch, y_batch


@pytest.mark.parametrize("batch", [1, 2, 4, 7])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_an_augment_that_raises_leaves_the_earlier_model(batch, method):
    model = fitted_before("plain")
    before, predictions = what_is_fitted(model), model.predict_proba(X)
    model.set_params(augment=RaiseAt(min(batch, 2) if method == "partial_fit" else batch))
    with pytest.raises(RuntimeError, match="out of ideas"):
        getattr(model, method)(X, y)
    model.set_params(augment=None)
    assert what_is_fitted(model) == before
    assert_array_equal(model.predict_proba(X), predictions)


def test_an_interrupt_in_the_first_validation_keeps_the_start():
    def interrupted(estimator, X, y):
        raise KeyboardInterrupt

    model = deep(scoring=interrupted)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y, X_val=X_VAL, y_val=Y_VAL)
    assert model.n_iter_ == 0
    assert model.loss_curve_ == []
    assert model.validation_scores_ is None
    assert np.isfinite(model.predict_proba(X)).all()


def test_a_score_that_raises_leaves_the_earlier_model():
    def failing(estimator, X, y):
        raise RuntimeError("no score")

    model = fitted_before("watched")
    before = what_is_fitted(model)
    model.set_params(scoring=failing)
    with pytest.raises(RuntimeError, match="no score"):
        model.fit(X, y, X_val=X_VAL, y_val=Y_VAL)
    model.set_params(scoring=None)
    assert what_is_fitted(model) == before


def test_a_model_that_diverges_when_continued_is_still_the_earlier_one():
    model = fitted_before("regression")
    before = what_is_fitted(model)
    model.set_params(solver="adam", learning_rate_init=1e300)
    with pytest.raises(ValueError, match="non-finite"):
        model.fit(X, y)
    model.set_params(learning_rate_init=0.001)
    assert what_is_fitted(model) == before


# ------------------------------------------------------------------ what callbacks change meanwhile

needs_callbacks = pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has none")


class ChangeAndInterrupt:
    """Sets parameters before the second epoch, and is Ctrl-C in the midst of the third."""

    def __init__(self, **parameters):
        self.parameters, self.n_batches = parameters, 0

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 1:
            estimator.set_params(**self.parameters)

    def on_fit_task_end(self, estimator, context): ...

    def __call__(self, X_batch, y_batch, random_state):
        self.n_batches += 1
        if self.n_batches == 3 * 2 + 2:  # three batches an epoch
            raise KeyboardInterrupt
        return X_batch, y_batch


CHANGES = [
    {"momentum": 0.9},
    {"dropout": 0.5},
    {"alpha": 1.0, "learning_rate_init": 0.1},
    {"input_dropout": 0.2, "nesterovs_momentum": False},
]


@needs_callbacks
@pytest.mark.parametrize("changes", CHANGES, ids=str)
@pytest.mark.parametrize("continued", [False, True])
def test_ctrl_c_after_a_callback_has_changed_the_recipe(changes, continued):
    def model(**parameters):
        made = deep(solver="sgd", momentum=0.0).set_params(max_iter=5, **parameters)
        return made.partial_fit(X, y, classes=[0, 1, 2]) if continued else made

    accident = ChangeAndInterrupt(**changes)
    found = model().set_params(augment=accident).set_callbacks(accident)
    with pytest.warns(UserWarning, match="interrupted"):
        found.fit(X, y)
    expected = model().partial_fit(X, y, classes=[0, 1, 2])
    expected.set_params(**changes).partial_fit(X, y)
    assert_array_equal(found._state.theta, expected._state.theta)
    # And both go on alike: what was drawn for the epoch that was undone is drawn again.
    found.set_callbacks().set_params(augment=None).partial_fit(X, y)
    assert_array_equal(found._state.theta, expected.partial_fit(X, y)._state.theta)


class Hooks:
    """A callback whose hooks are given as functions of the estimator and the context."""

    def __init__(self, begin=None, end=None):
        self.begin, self.end = begin, end

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context):
        if self.begin is not None and context.task_name == "epoch":
            self.begin(estimator, context.task_id)

    def on_fit_task_end(self, estimator, context):
        if self.end is not None and context.task_name == "epoch":
            self.end(estimator, context.task_id)


def interrupt_at(epoch):
    def hook(estimator, number):
        if number == epoch:
            raise KeyboardInterrupt

    return hook


@needs_callbacks
@pytest.mark.parametrize(
    ("hook", "epoch", "n_kept"), [("end", 0, 1), ("begin", 2, 2), ("end", 2, 3)]
)
def test_ctrl_c_in_a_callback_keeps_the_epoch_that_it_heard_of(hook, epoch, n_kept):
    model = clone(MODELS["plain"][0]).set_callbacks(Hooks(**{hook: interrupt_at(epoch)}))
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    expected = clone(MODELS["plain"][0]).set_params(max_iter=n_kept).fit(X, y)
    assert model.n_iter_ == n_kept
    assert model.loss_curve_ == expected.loss_curve_
    assert_array_equal(model._state.theta, expected._state.theta)


@needs_callbacks
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_an_estimator_is_not_fitted_within_its_own_fit(method):
    def nested(estimator, number):
        getattr(estimator, method)(X, y)

    model = fitted_before("plain")
    before = what_is_fitted(model)
    with pytest.raises(RuntimeError, match=r"is being fitted.*Fit a clone of it"):
        model.set_callbacks(Hooks(end=nested)).fit(X, y)
    assert what_is_fitted(model.set_callbacks()) == before

    def of_a_clone(estimator, number):
        clone(estimator).set_callbacks().fit(X, y)

    model.set_callbacks(Hooks(end=of_a_clone)).fit(X, y)
    assert model.n_iter_ == N_MORE


@needs_callbacks
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"solver": "foo"}, "'solver' parameter of DeepMLPClassifier must be"),
        ({"solver": "sgd"}, "solver cannot change while a fit runs"),
        ({"hidden_layer_sizes": (4, 4)}, "hidden_layer_sizes cannot change while a fit runs"),
    ],
    ids=str,
)
def test_a_callback_that_sets_what_cannot_be_is_told_what(parameters, message):
    model = deep(dropout=[0.3])
    with pytest.raises(ValueError, match=message):
        model.set_callbacks(Hooks(end=lambda one, _: one.set_params(**parameters))).fit(X, y)


def test_a_shallow_copy_keeps_its_curves():
    model = fitted_before("watched")
    copied, n_epochs = copy.copy(model), len(model.loss_curve_)
    model.fit(X, y, **MODELS["watched"][1])
    assert len(copied.loss_curve_) == len(copied.validation_scores_) == n_epochs
    assert len(model.loss_curve_) == n_epochs + N_MORE


# ------------------------------------------------------------------------------- full-batch solvers


def test_lbfgs_says_which_limit_it_has_met():
    model = SoftmaxClassifier(solver="lbfgs", max_iter=2)
    with pytest.warns(ConvergenceWarning, match=r"after 2 iteration.*ITERATIONS REACHED LIMIT"):
        model.fit(X, y)


def test_lbfgs_has_no_batches_that_could_be_too_small():
    model = DeepMLPClassifier((4,), solver="lbfgs", batch_norm=True, batch_size=1, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.9


def test_a_cosine_that_has_come_to_zero_says_so_in_descent_too():
    model = LogisticRegressionGD(
        learning_rate="cosine", learning_rate_init=0.5, max_iter=5, warm_start=True, tol=0.0
    ).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="come down to zero"):
        model.fit(X, y)
