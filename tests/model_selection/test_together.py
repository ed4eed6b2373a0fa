"""Errors within a stack: whose they are decides what becomes of them; and what is told of it."""

import warnings

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from searches import RATES, assert_same_results, classifier, data
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skdeep._fit.fit as fit_module
import skdeep.estimators._base as base_module
import skdeep.model_selection._together as together_module
from skdeep.estimators._callbacks import HAS_CALLBACKS
from skdeep.exceptions import NoProgressWarning
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
    log_uniform,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SPACE = {"alpha": [0.1, 1.0, 10.0]}


def mistaken(*args, **kwargs):
    raise NameError("a mistake of ours")


# ------------------------------------------------------------------------------ mistakes of ours


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (fit_module, "combine"),
        (fit_module, "padded"),
        (fit_module.Fit, "_record"),
        (fit_module.RatesOfModels, "factor"),
        (base_module, "padded"),
        (together_module, "score_stack"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_mistake_in_what_combines_candidates_surfaces(monkeypatch, module, name, n_jobs):
    X, y = data("classes")
    monkeypatch.setattr(module, name, mistaken)
    search = VectorizedGridSearchCV(classifier(), SPACE, cv=2, error_score=np.nan, n_jobs=n_jobs)
    with parallel_config("threading", n_jobs=n_jobs), pytest.raises(NameError, match="of ours"):
        search.fit(X, y)


@pytest.mark.parametrize("kind", ["halving", "ensemble"])
def test_a_mistake_surfaces_from_rungs_and_from_the_ensemble(monkeypatch, kind):
    X, y = data("classes")
    if kind == "halving":
        search = VectorizedHalvingRandomSearchCV(classifier(), RATES, max_resources=3, cv=2)
        monkeypatch.setattr(fit_module.Fit, "run_until", mistaken)
    else:
        search = VectorizedGridSearchCV(classifier(), SPACE, cv=2, keep_best=2, refit=True)
        search.fit(X, y)
        n_stacks, join = [], fit_module.Fit._join

        def mistaken_on_all_rows(self, models):
            n_stacks.append(len(models))
            return mistaken() if n_stacks[-1] == 2 else join(self, models)

        monkeypatch.setattr(fit_module.Fit, "_join", mistaken_on_all_rows)
    with pytest.raises(NameError, match="of ours"):
        search.fit(X, y)


# ------------------------------------------------------------------------------- errors of others


def refuse(X_batch, y_batch, random_state):
    raise KeyError("no such image")


def bad_batch(X_batch, y_batch, random_state):
    return X_batch[:1], y_batch


def broken_transformer(X):
    raise ArithmeticError("cannot be transformed")


class BadScore(Exception):
    pass


def bad_scorer(estimator, X, y):
    if estimator.alpha > 5:
        raise BadScore("no score")
    return estimator.score(X, y)


def bad_schedule(epoch):
    raise LookupError("no rate")


@pytest.mark.parametrize(
    ("estimator", "space", "text"),
    [
        (classifier(augment=refuse), SPACE, "no such image"),
        (classifier(augment=bad_batch), SPACE, "X_batch as an array"),
        (classifier(), {"learning_rate": ["constant", bad_schedule]}, "no rate"),
        (classifier(early_stopping=True, scoring=bad_scorer), SPACE, "no score"),
        (classifier(class_weight={0: -1}), SPACE, "class_weight"),
        (
            make_pipeline(FunctionTransformer(broken_transformer), classifier()),
            {"deepmlpclassifier__alpha": [0.1, 1.0]},
            "cannot be transformed",
        ),
    ],
    ids=["augment", "batch", "schedule", "scorer", "weights", "transformer"],
)
def test_errors_of_data_and_users_functions_go_scikit_learns_way(estimator, space, text):
    X, y = data("classes")
    found = []
    for kind in (VectorizedGridSearchCV, GridSearchCV):
        search = kind(estimator, space, cv=3, error_score=-1.0, refit=False)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                search.fit(X, y)
                outcome = search.cv_results_["mean_test_score"]
            except ValueError as error:
                outcome = np.array([text in str(error)])
        told = " ".join(str(one.message) for one in caught)
        found.append((outcome, text in told))
        with pytest.raises(Exception, match=text):
            search.set_params(error_score="raise").fit(X, y)
    (ours, we_told), (theirs, they_told) = found
    assert_allclose(ours, theirs, atol=1e-6)
    assert we_told == they_told


def test_a_member_that_ends_by_an_error_disturbs_no_other():
    X, y = data("classes")
    estimator = classifier(early_stopping=True, scoring=bad_scorer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = VectorizedGridSearchCV(estimator, SPACE, cv=2, refit=False).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).tolist() == [True, True, False]
    assert search.stacked_ == {"n_stacked": 6, "n_alone": 0, "reasons": {}}


# ------------------------------------------------------------------------------------- memory


@pytest.mark.parametrize("largest", [2, 1, 0])
def test_short_memory_makes_smaller_stacks(monkeypatch, largest):
    X, y = data("classes")
    expected = VectorizedRandomizedSearchCV(classifier(), RATES, n_iter=5, cv=2, random_state=0)
    expected.fit(X, y)
    sizes, join = [], fit_module.Fit._join

    def with_little_memory(self, models):
        if len(models) > largest and self.is_of_a_stack:
            raise MemoryError
        sizes.append(len(models))
        return join(self, models)

    make = together_module.make_stack

    def noting(*args):
        monkeypatch.setattr(fit_module.Fit, "is_of_a_stack", True, raising=False)
        try:
            return make(*args)
        finally:
            monkeypatch.setattr(fit_module.Fit, "is_of_a_stack", False)

    monkeypatch.setattr(fit_module.Fit, "is_of_a_stack", False, raising=False)
    monkeypatch.setattr(fit_module.Fit, "_join", with_little_memory)
    monkeypatch.setattr(together_module, "make_stack", noting)
    found = VectorizedRandomizedSearchCV(classifier(), RATES, n_iter=5, cv=2, random_state=0)
    found.fit(X, y)
    assert_same_results(found.cv_results_, expected.cv_results_)
    assert max(sizes) == max(1, largest)
    assert found.stacked_["n_alone"] == (0 if largest else 10)


def test_halving_goes_on_where_memory_has_become_short(monkeypatch):
    X, y = data("classes")
    arguments = {"max_resources": 9, "n_candidates": 9, "cv": 2, "random_state": 0}
    expected = VectorizedHalvingRandomSearchCV(classifier(), RATES, **arguments).fit(X, y)
    calls, run_until = [], fit_module.Fit.run_until

    def once_too_large(self, n_epochs):
        calls.append(n_epochs)
        if len(calls) == 1:
            raise MemoryError
        run_until(self, n_epochs)

    monkeypatch.setattr(fit_module.Fit, "run_until", once_too_large)
    found = VectorizedHalvingRandomSearchCV(classifier(), RATES, **arguments).fit(X, y)
    assert_same_results(found.cv_results_, expected.cv_results_)


# ----------------------------------------------------------------------------- what is told of it


def test_the_search_says_why_some_were_fitted_alone(capsys):
    X, y = data("classes")
    space = [{"solver": ["adam", "lbfgs"]}, {"alpha": [-1.0]}, {"verbose": [True]}]
    search = VectorizedGridSearchCV(classifier(max_iter=2), space, cv=2, verbose=1, refit=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    assert search.stacked_ == {
        "n_stacked": 2,
        "n_alone": 6,
        "reasons": {
            "its parameters are not what they have to be": 2,
            "solver='lbfgs' sees all rows at every step": 2,
            "with verbose each prints its own epochs": 2,
        },
    }
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("Stacking 2 of 8 fits in 2 stacks; 2 alone: its parameters are not")


def test_the_search_says_what_the_data_have_parted(capsys):
    X, y = data("sparse")
    space = {"input_dropout": [0.1, 0.2]}
    search = VectorizedGridSearchCV(classifier(), space, cv=2, verbose=1, refit=False).fit(X, y)
    assert search.stacked_["n_stacked"] == 0
    assert list(search.stacked_["reasons"].values()) == [4]
    assert "to be fitted alone: input dropout on sparse X" in capsys.readouterr().out


def test_of_other_libraries_estimators_nothing_is_said():
    X, y = data("classes")
    space = {"C": [0.1, 1.0]}
    search = VectorizedGridSearchCV(LogisticRegression(), space, cv=2).fit(X, y)
    assert not hasattr(search, "stacked_")
    both = {"est": [LogisticRegression(), classifier()]}
    search = VectorizedGridSearchCV(Pipeline([("est", classifier())]), both, cv=2).fit(X, y)
    assert search.stacked_ == {
        "n_stacked": 2,
        "n_alone": 2,
        "reasons": {"LogisticRegression is none of skdeep's estimators": 2},
    }


def test_rounds_and_rungs_are_counted_together():
    X, y = data("classes")
    coarse = CoarseToFineSearchCV(
        classifier(), {"alpha": log_uniform(0.1, 1)}, n_rounds=2, n_iter=3, cv=2, random_state=0
    ).fit(X, y)
    assert coarse.stacked_ == {"n_stacked": 12, "n_alone": 0, "reasons": {}}
    alone = CoarseToFineSearchCV(
        classifier(), {"alpha": log_uniform(0.1, 1)}, n_rounds=1, n_iter=3, cv=2, search="sklearn"
    ).fit(X, y)
    assert alone.stacked_ == {"n_stacked": 0, "n_alone": 6, "reasons": {"search='sklearn'": 6}}
    halving = VectorizedHalvingRandomSearchCV(
        classifier(), RATES, n_candidates=9, max_resources=9, cv=2, random_state=0
    ).fit(X, y)
    assert halving.stacked_["n_stacked"] == 2 * (9 + 3 + 1)


def test_halving_with_one_rung_keeps_no_fold_alive(monkeypatch):
    X, y = data("classes")
    kept, run = [], together_module.fit_and_score_stack

    def noting(task, scoring, *, goes_on):
        kept.append(goes_on)
        return run(task, scoring, goes_on=goes_on)

    monkeypatch.setattr("skdeep.model_selection._places.fit_and_score_stack", noting)
    common = {"cv": 3, "n_candidates": 3, "random_state": 0, "refit": False}
    estimator = classifier(learning_rate="cosine")
    one = VectorizedHalvingRandomSearchCV(
        estimator, RATES, min_resources=4, max_resources=4, **common
    )
    one.fit(X, y)
    assert one.n_iterations_ == 1
    assert kept == [False] * 3
    assert one.stacked_["n_alone"] == 0
    kept.clear()
    VectorizedHalvingRandomSearchCV(classifier(), RATES, max_resources=3, **common).fit(X, y)
    assert kept == [True] * 3 + [False] * 3


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_stacked_candidates_say_that_they_came_to_nothing(n_jobs):
    X, y = data("classes")
    space = {"learning_rate_init": [1e-9, 1e-8, 0.05]}
    counts = []
    for kind in (VectorizedGridSearchCV, GridSearchCV):
        search = kind(classifier(max_iter=12), space, cv=2, refit=False, n_jobs=n_jobs)
        with warnings.catch_warnings(record=True) as caught, parallel_config("threading"):
            warnings.simplefilter("always")
            search.fit(X, y)
        counts.append([one for one in caught if issubclass(one.category, NoProgressWarning)])
    # One stands for all of them.
    (ours,), theirs = counts
    assert len(theirs) == 4
    assert "[4 such warnings in this search" in str(ours.message)


# ---------------------------------------------------------------------------------- callbacks


class Recorder:
    """Notes every hook with the path of tasks it is called at, and who is told."""

    def __init__(self, max_propagation_depth=1, stop_after=None, spoil=None):
        self.max_propagation_depth, self.stop_after = max_propagation_depth, stop_after
        self.spoil, self.hooks = spoil, []

    def setup(self, estimator, context):
        self.hooks.append(("setup", self._name_of(estimator), ()))

    def teardown(self, estimator, context):
        self.hooks.append(("teardown", self._name_of(estimator), ()))

    @staticmethod
    def _name_of(estimator):
        return type(estimator).__name__.replace("Vectorized", "")

    def _note(self, hook, estimator, context, X):
        path, one = [], context
        while one is not None:
            path.append((one.task_name, one.task_id, one.source_task_name, one.max_subtasks))
            one = one.parent
        self.hooks.append(
            (hook, self._name_of(estimator), tuple(path[::-1]), None if X is None else np.shape(X))
        )

    def on_fit_task_begin(self, estimator, context, *, X=None):
        self._note("begin", estimator, context, X)
        if self.spoil is not None and getattr(estimator, "alpha", 0) == self.spoil:
            raise RuntimeError("callback spoils it")

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self._note("end", estimator, context, X)
        if context.task_name == "epoch":
            assert fitted_estimator.predict(X).shape == X.shape[:1]
            return self.stop_after is not None and context.task_id + 1 >= self.stop_after
        return False


def heard_by(recorder, kind, estimator, space, **arguments):
    X, y = data("classes")
    search = kind(estimator, space, cv=2, random_state=0, n_iter=3, **arguments)
    search.set_callbacks(recorder)
    with warnings.catch_warnings(), parallel_config("threading"):
        warnings.simplefilter("ignore")
        search.fit(X, y)
    return search


def assert_heard_alike(make, estimator, space, **arguments):
    """Our search and scikit-learn's call the same hooks, each candidate's in the same order."""
    recorders, searches = [make(), make()], []
    kinds = (VectorizedRandomizedSearchCV, RandomizedSearchCV)
    for recorder, kind in zip(recorders, kinds, strict=True):
        searches.append(heard_by(recorder, kind, estimator, space, **arguments))
    ours, theirs = [[str(hook) for hook in one.hooks] for one in recorders]
    assert sorted(ours) == sorted(theirs)
    for task in range(6):
        mark = f"'candidate-split-evaluation', {task}, "
        root = f"('fit', {task}, 'candidate-split-evaluation'"
        assert [h for h in ours if mark in h or root in h] == [
            h for h in theirs if mark in h or root in h
        ]
    assert_same_results(searches[0].cv_results_, searches[1].cv_results_)
    return searches[0]


needs_callbacks = pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has none")


@needs_callbacks
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("depth", [0, 1, None])
def test_callbacks_see_stacked_candidates_as_single_fits(depth, n_jobs):
    search = assert_heard_alike(lambda: Recorder(depth), classifier(), RATES, n_jobs=n_jobs)
    assert search.stacked_["n_alone"] == 0


@needs_callbacks
@pytest.mark.parametrize("depth", [0, 1, None])
def test_callbacks_see_pipelines_as_single_fits(depth):
    space = {f"deepmlpclassifier__{name}": values for name, values in RATES.items()}
    pipeline = make_pipeline(FunctionTransformer(), "passthrough", classifier())
    search = assert_heard_alike(lambda: Recorder(depth), pipeline, space)
    assert search.stacked_["n_alone"] == (6 if depth is None else 0)


@needs_callbacks
def test_a_callback_ends_or_spoils_one_candidate():
    estimator = classifier(n_iter_no_change=10)
    search = assert_heard_alike(lambda: Recorder(stop_after=2), estimator, RATES)
    assert search.stacked_["n_alone"] == 0
    space = {"alpha": [0.1, 1.0, 10.0]}
    search = assert_heard_alike(lambda: Recorder(spoil=1.0), estimator, space, refit=False)
    assert search.stacked_["n_alone"] == 0
    assert np.isnan(search.cv_results_["mean_test_score"]).sum() == 1


class Changes(Recorder):
    """Sets a parameter as a fit begins, or after its second epoch."""

    def __init__(self, when):
        super().__init__()
        self.when = when

    def on_fit_task_begin(self, estimator, context, *, X=None):
        if context.source_task_name == "candidate-split-evaluation" and self.when == "fit":
            estimator.learning_rate_init = 0.02

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        if context.task_name == "epoch" and context.task_id == 1 and self.when == "epoch":
            estimator.alpha = 20.0
        return False


@needs_callbacks
@pytest.mark.parametrize("when", ["fit", "epoch"])
def test_what_a_callback_sets_holds(when):
    X, y = data("classes")
    results = []
    for kind in (VectorizedGridSearchCV, GridSearchCV):
        search = kind(classifier(), {"learning_rate_init": [0.01, 0.1]}, cv=2, refit=False)
        results.append(search.set_callbacks(Changes(when)).fit(X, y).cv_results_)
    assert_same_results(*results)


@needs_callbacks
def test_callbacks_hear_of_the_epochs_of_each_rung():
    X, y = data("classes")
    recorder = Recorder()
    search = VectorizedHalvingRandomSearchCV(
        classifier(tol=0), RATES, n_candidates=9, max_resources=9, cv=2, refit=False, n_jobs=2
    )
    with parallel_config("threading"):
        search.set_callbacks(recorder).fit(X, y)
    epochs = [hook for hook in recorder.hooks if hook[0] == "end" and hook[2][-1][0] == "epoch"]
    assert len(epochs) == 2 * (9 * 1 + 3 * 2 + 1 * 6)
    assert search.stacked_["n_alone"] == 0


@needs_callbacks
def test_a_progress_bar_follows_stacked_candidates(capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), SPACE, cv=2, n_jobs=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    assert "DeepMLPClassifier" in capsys.readouterr().out
    assert search.stacked_["n_alone"] == 0


def test_scaled_pipelines_are_stacked_with_a_shallow_progress_bar():
    X, y = data("classes")
    pipeline = make_pipeline(StandardScaler(), classifier())
    search = VectorizedGridSearchCV(pipeline, {"deepmlpclassifier__alpha": [0.1, 1.0]}, cv=2)
    if HAS_CALLBACKS:
        search.set_callbacks(Recorder(1))
    assert search.fit(X, y).stacked_["n_alone"] == 0


# ------------------------------------------------------------------------------- stacks of one


def no_rate(epoch):
    raise LookupError("no rate")


def no_ideas(X_batch, y_batch, random_state):
    raise LookupError("no ideas")


def no_score_of_small_batches(estimator, X, y):
    if estimator.batch_size == 8:
        raise LookupError("no score")
    return estimator.score(X, y)


STACKS_OF_ONE = {
    "schedule": ({}, [{"learning_rate": [no_rate]}, {"batch_size": [8]}]),
    "augment": ({}, {"augment": [None, no_ideas]}),
    "scoring": (
        {"early_stopping": True, "scoring": no_score_of_small_batches},
        {"batch_size": [8, 16]},
    ),
    "budget": ({}, {"learning_rate": ["constant", no_rate]}),
}


@pytest.mark.parametrize("name", STACKS_OF_ONE)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_users_error_in_a_stack_of_one_is_that_candidates_end(name, n_jobs):
    X, y = data("classes")
    parameters, space = STACKS_OF_ONE[name]
    arguments = {"cv": 2, "refit": False, "error_score": -1.0, "n_jobs": n_jobs}
    ours, theirs = (
        kind(classifier(**parameters), space, **arguments, **more)
        for kind, more in [
            (VectorizedGridSearchCV, {"max_stack_bytes": 1} if name == "budget" else {}),
            (GridSearchCV, {}),
        ]
    )
    with parallel_config("threading"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours.fit(X, y)
        theirs.fit(X, y)
    assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], atol=1e-6
    )
    assert (ours.cv_results_["mean_test_score"] == -1).sum() == 1


def test_candidates_may_differ_in_their_scoring():
    X, y = data("classes")
    search = VectorizedGridSearchCV(
        classifier(early_stopping=True), {"scoring": [None, "loss", "accuracy"]}, cv=2, refit=False
    ).fit(X, y)
    assert search.stacked_ == {"n_stacked": 6, "n_alone": 0, "reasons": {}}


def test_what_an_earlier_fit_has_stacked_is_forgotten():
    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), {"batch_size": [8, 16]}, cv=2, refit=False)
    assert search.fit(X, y).stacked_["n_stacked"] == 4
    search.set_params(estimator=LogisticRegression(), param_grid={"C": [0.1, 1.0]}).fit(X, y)
    assert not hasattr(search, "stacked_")


class Forgetful(FunctionTransformer):
    """A transformer that forgets to return what it has made of the test rows."""

    def transform(self, X):
        return None

    def fit_transform(self, X, y=None):
        return X


def test_a_transformer_that_returns_nothing_goes_scikit_learns_way():
    X, y = data("classes")
    pipeline = make_pipeline(Forgetful(), classifier())
    space = {"deepmlpclassifier__alpha": [0.1, 1.0]}
    with pytest.warns(UserWarning, match="Scoring failed"):
        search = VectorizedGridSearchCV(pipeline, space, cv=2, refit=False, error_score=-1.0).fit(
            X, y
        )
    assert_array_equal(search.cv_results_["mean_test_score"], [-1, -1])


def test_a_number_too_large_for_a_float_is_that_candidates_end():
    X, y = data("classes")
    space = {"tol": [1e-4, 10**400]}
    with pytest.warns(FitFailedWarning, match="2 fits failed"):
        search = VectorizedGridSearchCV(
            classifier(), space, cv=2, refit=False, error_score=-1.0
        ).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] > 0
    assert scores[1] == -1


@pytest.mark.parametrize(
    "where",
    [
        "model_selection._folds.split_fit_params",
        "estimators._stack.of_similar_size",
        "estimators._stack.bytes_per_model",
    ],
)
def test_a_mistake_of_ours_in_preparing_stacks_surfaces(where, monkeypatch):
    def mistaken(*args, **kwargs):
        raise NameError("ours")

    monkeypatch.setattr(f"skdeep.{where}", mistaken)
    X, y = data("classes")
    with pytest.raises(NameError, match="ours"):
        VectorizedGridSearchCV(
            classifier(), {"alpha": [0.1, 1.0]}, cv=2, refit=False, error_score=-1.0
        ).fit(X, y)


def test_halving_that_counts_its_rungs_in_its_own_way():
    class TwoRungs(VectorizedHalvingRandomSearchCV):
        def _run_search(self, evaluate_candidates, callback_ctx=None):
            for n_epochs in (2, 4):
                evaluate_candidates(
                    [{"alpha": alpha, "max_iter": n_epochs} for alpha in (0.1, 1.0)],
                    more_results={"iter": [0, 0], "n_resources": [n_epochs] * 2},
                )

    X, y = data("classes")
    search = TwoRungs(classifier(), {"alpha": [0.1, 1.0]}, cv=2, refit=False).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
