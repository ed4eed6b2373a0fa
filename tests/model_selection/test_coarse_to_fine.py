"""CoarseToFineSearchCV: what each round draws from, and that the rest is scikit-learn's search."""

import pickle
import re
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import loguniform, norm, poisson, randint, uniform
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, RandomizedSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdeep.model_selection._together as together_module
from skdeep import DeepMLPClassifier
from skdeep.estimators._callbacks import HAS_CALLBACKS
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedRandomizedSearchCV,
    layer_sizes,
    log_uniform,
    one_minus_log_uniform,
    power_of_two,
)
from skdeep.model_selection._coarse_to_fine import narrowed

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
FOLDS = KFold(3, shuffle=True, random_state=0)


class Bowl(ClassifierMixin, BaseEstimator):
    """Its score, the same on all rows, is the largest where all parameters are 3."""

    def __init__(self, a=1.0, b=1.0, kind=None):
        self.a = a
        self.b = b
        self.kind = kind

    def fit(self, X, y, sample_weight=None):
        if self.kind == "broken":
            raise ValueError("It is broken.")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y):
        return -abs(np.log(self.a / 3)) - abs(np.log(self.b / 3))


def bowl_search(space, estimator=None, **arguments):
    arguments = {
        "n_rounds": 4,
        "n_iter": 15,
        "shrink": 0.5,
        "cv": 2,
        "random_state": 0,
        **arguments,
    }
    return CoarseToFineSearchCV(estimator or Bowl(), space, **arguments).fit(X, Y)


def network(**parameters):
    defaults = {"hidden_layer_sizes": (6,), "batch_size": 32, "max_iter": 6, "random_state": 0}
    return DeepMLPClassifier(**{**defaults, **parameters})


NETWORK_SPACE = {
    "learning_rate_init": log_uniform(1e-3, 1e-1),
    "beta_1": one_minus_log_uniform(0.5, 0.99),
    "hidden_layer_sizes": layer_sizes((1, 2), (3, 9)),
    "batch_size": power_of_two(16, 64),
    "alpha": loguniform(1e-3, 10),
}


def network_search(estimator=None, space=None, **arguments):
    arguments = {"n_rounds": 3, "n_iter": 5, "cv": FOLDS, "random_state": 0, **arguments}
    return CoarseToFineSearchCV(estimator or network(), space or NETWORK_SPACE, **arguments)


def assert_same_results(found, expected, atol=1e-6):
    """All of cv_results_ but the times, the ranks of what rounding may exchange, and the round."""
    assert [name for name in found if name != "round"] == list(expected)
    assert str(found["params"]) == str(expected["params"])
    for name, values in expected.items():
        if name.startswith(("mean_test", "std_test", "split", "mean_train")):
            assert_allclose(found[name], values, atol=atol, err_msg=name)


# -------------------------------------------------------------------------------- the rounds


def in_round(search, number, name):
    """The values of a parameter that a round has drawn."""
    results = search.cv_results_
    own = np.flatnonzero(results["round"] == number)
    return [results["params"][i][name] for i in own]


def best_before(search, number):
    """The parameters of the best candidate of the rounds before one."""
    results = search.cv_results_
    earlier = np.flatnonzero(results["round"] < number)
    return results["params"][earlier[np.argmax(results["mean_test_score"][earlier])]]


def test_each_round_narrows_the_first_around_the_best_so_far():
    space = {"a": log_uniform(0.01, 100), "b": log_uniform(1, 1000)}
    search = bowl_search(space, shrink=0.4)
    assert search.rounds_[0] == space
    assert_array_equal(search.cv_results_["round"], np.repeat(range(4), 15))
    for number, ranges in enumerate(search.rounds_):
        if number > 0:
            best = best_before(search, number)
            assert ranges == {name: space[name].narrowed(best[name], 0.4**number) for name in space}
        for name, distribution in ranges.items():
            decades = np.log10(distribution.high / distribution.low)
            whole = np.log10(space[name].high / space[name].low)
            assert decades == pytest.approx(whole * 0.4**number)
            values = in_round(search, number, name)
            assert min(values) >= distribution.low >= space[name].low
            assert max(values) <= distribution.high <= space[name].high
            assert len(set(values)) == 15


def test_closer_rounds_come_closer():
    space = {"a": log_uniform(1e-3, 1e3), "b": log_uniform(1e-3, 1e3)}
    scores = [
        [bowl_search(space, shrink=shrink, random_state=seed).best_score_ for seed in range(5)]
        for shrink in (1.0, 0.5)
    ]
    assert np.mean(scores[1]) > np.mean(scores[0]) / 3
    assert all(score > -1 for score in scores[1])


def test_shrink_of_one_narrows_nothing():
    space = {"a": log_uniform(0.01, 100)}
    search = bowl_search(space, shrink=1)
    assert search.rounds_ == [space] * 4
    plain = RandomizedSearchCV(Bowl(), space, n_iter=60, cv=2, random_state=0).fit(X, Y)
    assert search.cv_results_["params"] == plain.cv_results_["params"]


@pytest.mark.parametrize(
    ("distribution", "scale"),
    [
        (loguniform(0.01, 100), np.log),
        (loguniform(0.01, 100, loc=0, scale=2), np.log),
        (uniform(1, 9), float),
        (randint(1, 100), float),
        (norm(4, 1), norm(4, 1).cdf),
    ],
    ids=["loguniform", "scaled loguniform", "uniform", "randint", "norm"],
)
def test_scipys_distributions_are_narrowed_on_their_scale(distribution, scale):
    search = bowl_search({"a": distribution}, n_rounds=3, n_iter=100)
    low, high = (scale(end) for end in distribution.ppf([0, 1]))
    for number in (1, 2):
        values = in_round(search, number, "a")
        extent = scale(max(values)) - scale(min(values))
        assert extent == pytest.approx(0.5**number * (high - low), rel=0.1)
        assert {type(value) for value in values} <= {float, int}
        assert min(values) <= best_before(search, number)["a"] <= max(values)
    ends = re.fullmatch(r"\w+ from (\S+) to (\S+)", repr(search.rounds_[1]["a"]))
    values = in_round(search, 1, "a")
    assert float(ends[1]) <= 1.01 * min(values)
    assert 0.99 * max(values) <= float(ends[2])


def test_a_truncated_discrete_distribution_shows_what_can_be_drawn():
    narrow = narrowed(randint(1, 20), 5, 0.1)
    assert repr(narrow) == "randint from 4 to 6"
    assert set(narrow.rvs(size=100, random_state=0)) == {4, 5, 6}
    assert repr(narrowed(randint(1, 20), 1, 0.1)) == "randint from 1 to 2"


def test_the_first_rounds_ranges_can_be_read(capsys):
    bowl_search({"a": loguniform(0.1, 10)}, n_rounds=1, n_iter=2, verbose=1)
    assert "Round 1 of 1: {'a': loguniform from 0.1 to 10}" in capsys.readouterr().out


def test_a_truncated_distribution_is_the_whole_one_given_the_range():
    search = bowl_search({"a": poisson(3.5, loc=1)}, n_rounds=2, n_iter=40, shrink=0.3)
    narrow = search.rounds_[1]["a"]
    values = narrow.rvs(size=5000, random_state=0)
    assert {2, 3, 4} <= set(values.tolist())
    share = np.mean(values == 3) * (narrow.high - narrow.low)
    assert share == pytest.approx(poisson(3.5, loc=1).pmf(3), abs=0.02)
    copied = pickle.loads(pickle.dumps(narrow))
    assert_array_equal(copied.rvs(size=5, random_state=0), values[:5])
    within = narrow.narrowed(3, 0.1)
    assert narrow.low <= within.low < within.high <= narrow.high


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3, 4, 5, 6, 7], [2, 3, 4]),
        ((9.0, 6.0, 3.0, 1.0), (6.0, 3.0, 1.0)),
        (np.array([1.0, 3.0, 9.0]), [1.0, 3.0, 9.0]),
        ([3, 1, 2], [3, 1, 2]),
        ([3], [3]),
    ],
)
def test_numbers_in_order_are_narrowed_to_neighbours(values, expected):
    space = {"a": values, "b": log_uniform(1, 10)}
    search = bowl_search(space, n_rounds=3, shrink=0.3)
    assert list(search.rounds_[2]["a"]) == list(expected)


@pytest.mark.parametrize("values", [[None, "x"], ["x", "y", "z"], [True, False]])
def test_other_lists_stay_as_they_are(values):
    search = bowl_search({"kind": values, "b": log_uniform(1, 10)})
    assert all(ranges["kind"] is values for ranges in search.rounds_)
    assert search.rounds_[1]["b"] != search.rounds_[0]["b"]


class Three:
    """A distribution with no more than scikit-learn asks for."""

    def rvs(self, random_state=None):
        return 3.0


def test_a_distribution_without_quantiles_stays_as_it_is():
    three = Three()
    search = bowl_search({"a": three, "b": log_uniform(1, 10)})
    assert all(ranges["a"] is three for ranges in search.rounds_)


def test_each_of_several_spaces_is_narrowed_around_its_own_best():
    spaces = [
        {"a": log_uniform(1, 10), "kind": ["x"]},
        {"a": log_uniform(10, 1000), "kind": ["y"]},
        {"b": log_uniform(1, 10), "kind": ["broken"]},
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = bowl_search(spaces, n_rounds=2, n_iter=30)
    first, second = search.rounds_
    assert first == spaces
    drawn = list(zip(*map(search.cv_results_.get, ("params", "mean_test_score")), strict=True))[:30]
    for number, kind in enumerate("xy"):
        own = [(score, one["a"]) for one, score in drawn if one["kind"] == kind]
        assert second[number]["a"] == spaces[number]["a"].narrowed(max(own)[1], 0.5)
    assert second[2] == spaces[2]
    assert not any("" in one for one in search.cv_results_["params"])


def test_failed_candidates_are_not_narrowed_around():
    space = {"a": log_uniform(0.1, 10), "kind": ["broken", None]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = bowl_search(space)
    assert np.isnan(search.cv_results_["mean_test_score"]).any()
    for number in (1, 2, 3):
        scores = np.nan_to_num(search.cv_results_["mean_test_score"], nan=-np.inf)
        earlier = search.cv_results_["round"] < number
        best = search.cv_results_["params"][np.argmax(np.where(earlier, scores, -np.inf))]
        assert best["kind"] is None
        assert search.rounds_[number]["a"] == space["a"].narrowed(best["a"], 0.5**number)


def test_a_round_of_failures_narrows_nothing():
    calls = []

    def fails_at_first(estimator, X, y):
        calls.append(1)
        if len(calls) <= 2 * 5:
            raise ValueError("Not yet.")
        return estimator.score(X, y)

    space = {"a": log_uniform(0.1, 10)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = bowl_search(space, n_rounds=3, n_iter=5, scoring=fails_at_first)
    assert search.rounds_[1] == space
    assert search.rounds_[2] != space


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_a_round_whose_fits_all_fail_does_not_end_the_search():
    class FailsLater(Bowl):
        fits = 0

        def fit(self, X, y):
            FailsLater.fits += 1
            if 10 < FailsLater.fits <= 20:
                raise ValueError("Not now.")
            return super().fit(X, y)

    space = {"a": log_uniform(0.1, 10)}
    arguments = {"n_iter": 5, "cv": 2, "random_state": 0, "refit": False}
    search = CoarseToFineSearchCV(FailsLater(), space, n_rounds=3, **arguments)
    with pytest.warns(FitFailedWarning, match="All 10 fits of this round failed(.|\n)*Not now"):
        search.fit(X, Y)
    failed = np.isnan(search.cv_results_["mean_test_score"])
    assert_array_equal(failed, search.cv_results_["round"] == 1)
    assert search.rounds_[2]["a"].high < search.rounds_[1]["a"].high
    FailsLater.fits = 10
    with pytest.raises(ValueError, match="All the 10 fits failed"):
        CoarseToFineSearchCV(FailsLater(), space, n_rounds=1, **arguments).fit(X, Y)


def test_a_function_that_chooses_is_not_asked_about_failures_alone():
    def best(results):
        return int(np.nanargmax(results["mean_test_score"]))

    spaces = [
        {"alpha": log_uniform(0.1, 1), "solver": ["nonsense"]},
        {"alpha": log_uniform(0.1, 1)},
    ]
    search = CoarseToFineSearchCV(
        network(), spaces, n_rounds=2, n_iter=6, cv=2, random_state=0, refit=best
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, Y)
    assert search.rounds_[1][0] == spaces[0]
    assert search.rounds_[1][1] != spaces[1]


def test_few_listed_values_are_no_cause_for_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = bowl_search({"a": [0.1, 0.3, 1.0, 3.0, 10.0]}, n_rounds=3, n_iter=4)
    assert len(search.rounds_[2]["a"]) == 3


# --------------------------------------------------------------- as scikit-learn's search has it


def test_one_round_is_a_vectorized_random_search():
    spaces = [NETWORK_SPACE, {"alpha": log_uniform(0.1, 1), "activation": ["tanh", "relu"]}]
    for space in (NETWORK_SPACE, spaces, {"alpha": [0.1, 1.0, 10.0, 2.0]}):
        ours = network_search(space=space, n_rounds=1, n_iter=4).fit(X, Y)
        plain = VectorizedRandomizedSearchCV(
            network(), space, n_iter=4, cv=FOLDS, random_state=0
        ).fit(X, Y)
        assert_same_results(ours.cv_results_, plain.cv_results_, atol=0)
        assert_array_equal(
            ours.cv_results_["rank_test_score"], plain.cv_results_["rank_test_score"]
        )
        assert ours.best_params_ == plain.best_params_
        assert ours.best_score_ == plain.best_score_


@pytest.mark.parametrize("search", ["vectorized", "sklearn"])
@pytest.mark.parametrize("behind_scaler", [False, True])
def test_results_are_those_of_scikit_learn_over_the_same_candidates(search, behind_scaler):
    estimator, space = network(), NETWORK_SPACE
    if behind_scaler:
        estimator = make_pipeline(StandardScaler(), estimator)
        space = {f"deepmlpclassifier__{name}": values for name, values in space.items()}
    arguments = {"scoring": "neg_log_loss", "return_train_score": True, "cv": FOLDS}
    ours = network_search(estimator, space, search=search, **arguments).fit(X, Y)
    # Numbers cannot be told from lists of one in a grid, tuples can.
    grid = [{name: [value] for name, value in one.items()} for one in ours.cv_results_["params"]]
    theirs = GridSearchCV(estimator, grid, **arguments).fit(X, Y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_index_ == theirs.best_index_
    assert ours.n_splits_ == theirs.n_splits_
    assert ours.refit_time_ > 0
    assert_allclose(ours.best_score_, theirs.best_score_, atol=1e-6)
    assert_array_equal(ours.classes_, theirs.classes_)
    assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.score(X, Y) == pytest.approx(theirs.score(X, Y), abs=1e-6)


def test_the_search_decides_whether_candidates_share_a_stack(monkeypatch):
    made = []

    def notes(*args):
        made.append(args)
        return original(*args)

    original = together_module.make_stack
    monkeypatch.setattr(together_module, "make_stack", notes)
    space = {"alpha": log_uniform(0.1, 1)}
    alone = network_search(space=space, search="sklearn").fit(X, Y)
    assert not made
    together = network_search(space=space).fit(X, Y)
    assert len(made) == 3 * 3
    found, expected = (one.cv_results_["mean_test_score"] for one in (alone, together))
    assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("seed", [0, np.random.RandomState])
def test_a_seed_repeats_the_search(seed):
    def run():
        state = seed(5) if callable(seed) else seed
        return network_search(random_state=state).fit(X, Y)

    first, second = run(), run()
    assert first.cv_results_["params"] == second.cv_results_["params"]
    assert_array_equal(first.cv_results_["mean_test_score"], second.cv_results_["mean_test_score"])
    assert str(first.rounds_) == str(second.rounds_)
    assert network_search(random_state=1).fit(X, Y).best_params_ != first.best_params_


def test_the_folds_are_the_same_in_every_round_even_without_a_seed():
    splits = []

    class Unseeded(KFold):
        def split(self, X, y=None, groups=None):
            for split in super().split(X, y, groups):
                splits.append(split)
                yield split

    estimator = KNeighborsClassifier()
    space = {"n_neighbors": [5], "leaf_size": randint(10, 50)}
    search = CoarseToFineSearchCV(estimator, space, n_iter=2, cv=Unseeded(4, shuffle=True))
    results = search.fit(X, Y).cv_results_
    assert len(splits) == 4
    scores = np.array([results[f"split{fold}_test_score"] for fold in range(4)])
    assert (scores == scores[:, :1]).all()


def test_ranks_are_over_all_rounds():
    results = bowl_search({"a": log_uniform(0.1, 10)}).cv_results_
    assert sorted(results["rank_test_score"]) == list(range(1, 61))
    assert results["rank_test_score"][np.argmax(results["mean_test_score"])] == 1


def two_scores(estimator, X, y):
    return {"bowl": estimator.score(X, y), "small": -estimator.a}


@pytest.mark.parametrize(
    "scoring", [two_scores, {"bowl": Bowl.score, "small": lambda one, X, y: -one.a}]
)
def test_with_several_metrics_refit_names_the_one_to_narrow_by(scoring):
    space = {"a": log_uniform(0.1, 10)}
    search = bowl_search(space, scoring=scoring, refit="small")
    assert search.best_params_["a"] < 0.2
    assert search.rounds_[3]["a"].low == pytest.approx(0.1)
    assert search.multimetric_
    assert search.best_score_ == search.cv_results_["mean_test_small"].max()
    with pytest.raises(ValueError, match=r"refit must name .* got refit=False"):
        bowl_search(space, scoring=scoring, refit=False)
    single = bowl_search(space, scoring=scoring, refit=False, n_rounds=1)
    assert "mean_test_bowl" in single.cv_results_


def test_a_metric_may_be_called_score():
    scoring = {"score": Bowl.score, "small": lambda one, X, y: -one.a}
    search = bowl_search({"a": log_uniform(0.1, 10)}, scoring=scoring, refit="small")
    assert search.rounds_[3]["a"].low == pytest.approx(0.1)


@pytest.mark.parametrize("refit", [True, "large"])
def test_a_metric_that_is_not_there_is_reported(refit):
    with pytest.raises(ValueError, match="refit must be set to a scorer key"):
        bowl_search({"a": log_uniform(0.1, 10)}, scoring=two_scores, refit=refit)


def test_a_callable_refit_also_chooses_what_to_narrow_around():
    def largest(results):
        return int(np.argmax(results["param_a"].astype(float)))

    space = {"a": log_uniform(0.1, 10)}
    search = bowl_search(space, refit=largest)
    assert search.rounds_[3]["a"].high == pytest.approx(10, rel=0.1)
    assert search.best_params_["a"] == max(one["a"] for one in search.cv_results_["params"])


def test_without_refit_the_score_decides():
    search = bowl_search({"a": log_uniform(0.1, 10)}, refit=False)
    assert search.best_params_["a"] == pytest.approx(3, rel=0.1)
    assert not hasattr(search, "best_estimator_")


def test_sample_weights_reach_the_fits():
    weights = np.where(Y == 0, 0.0, 1.0)
    space = {"alpha": log_uniform(0.01, 1)}
    searches = [
        network_search(space=space, search=search).fit(X, Y, sample_weight=weights)
        for search in ("vectorized", "sklearn")
    ]
    ours, theirs = (search.cv_results_["mean_test_score"] for search in searches)
    assert_allclose(ours, theirs, atol=1e-6)
    assert not np.allclose(
        ours, network_search(space=space).fit(X, Y).cv_results_["mean_test_score"]
    )


def test_metadata_is_routed_in_every_round():
    rng = np.random.default_rng(0)
    metadata = {
        "sample_weight": rng.uniform(0.5, 2, len(Y)),
        "groups": rng.integers(6, size=len(Y)),
    }
    with config_context(enable_metadata_routing=True):
        scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
        estimator = network().set_fit_request(sample_weight=True)
        arguments = {"scoring": scorer, "cv": GroupKFold(3)}
        ours = network_search(estimator, **arguments).fit(X, Y, **metadata)
        grid = [{k: [v] for k, v in one.items()} for one in ours.cv_results_["params"]]
        theirs = GridSearchCV(estimator, grid, **arguments).fit(X, Y, **metadata)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


class Recorder:
    """A callback that notes which tasks begin and end."""

    def __init__(self):
        self.hooks = []

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.hooks.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context):
        self.hooks.append(("end", context.task_name, context.task_id))

    def teardown(self, estimator, context):
        pass


@pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has none")
def test_callbacks_hear_of_each_round():
    recorder = Recorder()
    network_search(n_iter=2).set_callbacks(recorder).fit(X, Y)
    rounds = [hook for hook in recorder.hooks if hook[1] == "round"]
    assert rounds == [(what, "round", number) for number in range(3) for what in ("begin", "end")]
    begun, ended = (
        sorted(map(str, (hook[1:] for hook in recorder.hooks if hook[0] == what)))
        for what in ("begin", "end")
    )
    assert begun == ended
    assert sum("candidate" in name for name in begun) == 3 * 2 * 3


def test_progress_says_what_a_round_draws_from(capsys):
    network_search(space={"alpha": log_uniform(0.1, 1)}, verbose=1).fit(X, Y)
    said = capsys.readouterr().out
    assert "Round 1 of 3: {'alpha': log_uniform(0.1, 1.0)}" in said
    assert said.count("Fitting 3 folds for each of 5 candidates, totalling 15 fits") == 3


def test_the_best_of_all_rounds_make_the_ensemble():
    search = network_search(keep_best=2, random_state=1).fit(X, Y)
    results = search.cv_results_
    best = np.argsort(-results["mean_test_score"], kind="stable")[:2]
    assert set(results["round"][best]) != {0}
    members = [network(**results["params"][number]).fit(X, Y) for number in best]
    expected = np.mean([member.predict_proba(X) for member in members], axis=0)
    assert_allclose(search.ensemble_.predict_proba(X), expected, atol=1e-6)


def test_any_estimator_can_be_searched_over():
    search = CoarseToFineSearchCV(
        LogisticRegression(), {"C": log_uniform(1e-3, 1e3)}, n_iter=4, random_state=0
    ).fit(X, Y)
    assert search.score(X, Y) > 0.9


def test_a_search_can_be_pickled_and_cloned():
    search = network_search().fit(X, Y)
    copied = pickle.loads(pickle.dumps(search))
    assert_array_equal(copied.predict(X), search.predict(X))
    assert copied.rounds_[2]["beta_1"] == search.rounds_[2]["beta_1"]
    again = clone(search).fit(X, Y)
    assert again.best_params_ == search.best_params_
    assert search.param_distributions is NETWORK_SPACE


# ----------------------------------------------------------------------------------- errors


def test_rounds_that_cannot_differ_are_warned_of():
    space = {"kind": ["x", "y"]}
    with pytest.warns(UserWarning, match="No parameter in param_distributions can be narrowed"):
        bowl_search(space, n_iter=2)
    bowl_search(space, n_iter=2, n_rounds=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_rounds": 0}, "'n_rounds'"),
        ({"n_iter": 0}, "'n_iter'"),
        ({"shrink": 0.0}, "'shrink'"),
        ({"shrink": 1.5}, "'shrink'"),
        ({"search": "grid"}, "'search'"),
        ({"keep_best": 0}, "'keep_best'"),
    ],
)
def test_bad_parameters_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        network_search(**arguments).fit(X, Y)


@pytest.mark.parametrize("space", [{"alpha": 3}, ["alpha"]])
def test_bad_spaces_are_reported_as_scikit_learn_does(space):
    with pytest.raises(TypeError) as theirs:
        RandomizedSearchCV(network(), space).fit(X, Y)
    with pytest.raises(TypeError) as ours:
        network_search(space=space).fit(X, Y)
    assert str(ours.value) == f"param_distributions: {theirs.value}"
