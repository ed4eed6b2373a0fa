"""The state of what has been fitted: arrays, lists and dicts, and whole when it is back."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from exported import CASES, HOLDERS, IRIS, NAMES, classifier, fitted, outcome
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, clone

import skdeep
from skdeep._engine.records import RECORD, plain, restored
from skdeep.export import trusted_types
from skdeep.model_selection import VectorizedGridSearchCV

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]
each = pytest.mark.parametrize("name", [*CASES, *HOLDERS])
PLAIN = (bool, int, float, str, type(None), np.generic)
COPIES = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "the state itself": lambda model: with_state(model, model.__getstate__()),
}


def with_state(model, state):
    made = type(model).__new__(type(model))
    made.__setstate__(state)
    return made


def strangers(value, of_state=True):
    """Types within a state that are neither plain nor estimators, each looked into in turn."""
    if isinstance(value, PLAIN):
        return set()
    if isinstance(value, np.ndarray):
        is_plain = value.dtype.kind != "O"
        return set() if is_plain else {t for v in value.ravel() for t in strangers(v)}
    if isinstance(value, (list, tuple)):
        return {t for v in value for t in strangers(v)}
    if isinstance(value, dict):
        keys = {type(k) for k in value if not isinstance(k, PLAIN)}
        return keys | {t for v in value.values() for t in strangers(v)}
    if isinstance(value, BaseEstimator):
        params = value.get_params(deep=False)
        state = value.__getstate__()
        return {t for k, v in state.items() if k not in params for t in strangers(v)}
    return {type(value)}


@each
def test_the_state_is_plain_but_for_public_classes(name):
    model, _ = fitted(name)
    found = {f"{one.__module__}.{one.__qualname__}" for one in strangers(model)}
    # `slice` is what an EncodedColumn says where its outputs are; results may be masked arrays.
    assert found <= {*trusted_types(), "builtins.slice", "numpy.ma.MaskedArray"}


@each
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_predicts_the_same_and_has_all_attributes(name, how):
    model, X = fitted(name)
    again = COPIES[how](model)
    assert_array_equal(outcome(again, X), outcome(model, X))
    assert set(vars(again)) == set(vars(model))


@each
def test_training_goes_on_with_a_copy_as_with_the_original(name):
    model, X = fitted(name)
    if not hasattr(model, "partial_fit") or model.get_params().get("early_stopping"):
        pytest.skip("its training does not go on")
    y = (CASES | HOLDERS)[name][2]
    again = pickle.loads(pickle.dumps(model))
    for one in (model, again):
        one.partial_fit(X, y).partial_fit(X, y)
    assert_array_equal(outcome(again, X), outcome(model, X))
    assert again.loss_curve_ == model.loss_curve_


@each
def test_arrays_of_a_file_that_is_mapped_into_memory_stay_there(name, tmp_path):
    model, X = fitted(name)
    joblib.dump(model, tmp_path / "model")
    again = joblib.load(tmp_path / "model", mmap_mode="r")
    assert_array_equal(outcome(again, X), outcome(model, X))


def test_a_network_is_rebuilt_as_it_was_fitted_whatever_parameters_say_by_now():
    model, X = fitted("batch norm")
    before = model.predict_proba(X)
    model.set_params(hidden_layer_sizes=(3,), batch_norm=False, activation="tanh")
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), before)
    assert [layer.W.shape for layer in again.layers_] == [(4, 6), (6, 5), (5, 3)]


def test_parameters_are_written_as_they_are():
    model = classifier(4, class_weight={"setosa": 2.0, "virginica": 1.0}).fit(IRIS, NAMES)
    state = model.__getstate__()
    assert state["class_weight"] is model.class_weight


def test_the_state_is_no_larger_than_what_it_is_of():
    model = classifier(400, max_iter=1, solver="adam").fit(IRIS, NAMES)
    n_bytes = 3 * sum(
        W.nbytes + b.nbytes for W, b in zip(model.coefs_, model.intercepts_, strict=True)
    )
    # θ and Adam's two vectors, and not much beside them.
    assert len(pickle.dumps(model)) < n_bytes + 10_000


def test_lists_that_two_attributes_share_are_written_once():
    model = classifier(4, max_iter=400, n_iter_no_change=1000).fit(IRIS, NAMES)
    assert pickle.loads(pickle.dumps(model)).loss_curve_ == model.loss_curve_
    assert len(pickle.dumps(model)) < 400 * 9 * 2 + 8000


def test_sparse_coefficients_stay_sparse():
    model, X = fitted("softmax regression")
    assert strangers(model.sparsify()) == set()
    again = pickle.loads(pickle.dumps(model))
    assert sparse.issparse(again.coef_)
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


# ------------------------------------------------------------------------------------- searches


def test_scorers_that_have_names_are_made_again():
    search, X = fitted("two metrics")
    again = pickle.loads(pickle.dumps(search))
    assert repr(again.scorer_) == repr(search.scorer_)
    assert again.score(X, NAMES) == search.score(X, NAMES)
    assert "scorer_" not in search.__getstate__()


@pytest.mark.parametrize("later", ["nonsense", "neg_log_loss", None])
def test_scorers_of_a_search_whose_parameter_has_changed_are_kept(later):
    search, X = fitted("grid of a regressor")
    search.set_params(scoring=later)
    again = pickle.loads(pickle.dumps(search))
    assert repr(again.scorer_) == repr(search.scorer_)
    assert again.score(X, CASES["loss poisson"][2]) == search.score(X, CASES["loss poisson"][2])


def own_score(estimator, X, y):
    return estimator.score(X, y) / 2


@pytest.mark.parametrize("scoring", [own_score, {"mine": own_score, "other": "accuracy"}])
def test_scorers_of_the_users_own_are_kept(scoring):
    refit = "mine" if isinstance(scoring, dict) else True
    search = VectorizedGridSearchCV(
        classifier(4), {"alpha": [0.1]}, cv=2, scoring=scoring, refit=refit
    ).fit(IRIS, NAMES)
    again = pickle.loads(pickle.dumps(search))
    assert again.score(IRIS, NAMES) == search.score(IRIS, NAMES)


def test_an_unfitted_search_has_no_scorers():
    assert not hasattr(pickle.loads(pickle.dumps(HOLDERS["grid"][0])), "scorer_")


def test_a_search_is_fitted_again_after_it_has_been_read():
    search, X = fitted("grid")
    again = pickle.loads(pickle.dumps(search))
    y = HOLDERS["grid"][2]
    assert clone(again).fit(X, y).best_params_ == again.fit(X, y).best_params_


# -------------------------------------------------------------------------------------- records


def test_a_record_that_is_not_known_is_an_error():
    with pytest.raises(ValueError, match=r"record of 'Nonsense'.* version that wrote it"):
        restored([{RECORD: "Nonsense"}])


def test_what_holds_no_record_is_not_copied():
    value = {"a": [1.0, (2, "x")], "b": np.zeros(3)}
    assert plain(value) is value
    assert restored(value) is value


def test_a_users_class_of_the_name_of_a_record_is_left_alone():
    class Curves:
        pass

    one = Curves()
    assert plain([one])[0] is one


# -------------------------------------------------------------------------------- trusted types


def test_trusted_types_are_public_classes_that_can_be_imported():
    names = trusted_types()
    assert names == sorted(set(names))
    for name in names:
        module, _, cls = name.rpartition(".")
        assert module.startswith("skdeep.")
        assert isinstance(getattr(__import__(module, fromlist=[cls]), cls), type)
    estimators = {name for name in skdeep.__all__ if isinstance(getattr(skdeep, name), type)}
    assert estimators <= {name.rpartition(".")[2] for name in names}
