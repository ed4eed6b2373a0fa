"""skops writes and reads all that can be fitted, and has to trust our public classes alone."""

import pytest
from exported import CASES, HOLDERS, IRIS, NAMES, classifier, fitted, outcome
from numpy.testing import assert_array_equal
from scipy.stats import loguniform
from sklearn.model_selection import KFold

from skdeep.callbacks import TrainingLog
from skdeep.export import trusted_types
from skdeep.model_selection import VectorizedRandomizedSearchCV

io = pytest.importorskip("skops.io")
pytestmark = [
    pytest.mark.tools,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]


@pytest.mark.parametrize("name", [*CASES, *HOLDERS])
def test_what_was_written_is_read_with_trust_in_our_public_classes(name):
    model, X = fitted(name)
    written = io.dumps(model)
    assert set(io.get_untrusted_types(data=written)) <= set(trusted_types())
    again = io.loads(written, trusted=trusted_types())
    assert_array_equal(outcome(again, X), outcome(model, X))
    if hasattr(model, "partial_fit") and not model.get_params().get("early_stopping"):
        y = (CASES | HOLDERS)[name][2]
        for one in (model, again):
            one.partial_fit(X, y)
        assert_array_equal(outcome(again, X), outcome(model, X))


def test_sparse_coefficients_are_written_as_they_are():
    model, X = fitted("softmax regression")
    again = io.loads(io.dumps(model.sparsify()), trusted=trusted_types())
    assert again.coef_.nnz == model.coef_.nnz
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("name", ["classes of a table", "numbers of a table"])
def test_members_of_ensembles_are_written_too(name):
    model, X = fitted(name)
    encoded = model.encoders_[0].transform(X)
    member = model.members_[0]
    again = io.loads(io.dumps(member), trusted=trusted_types())
    assert_array_equal(outcome(again, encoded), outcome(member, encoded))


def test_what_a_user_has_passed_is_to_be_trusted_beside_them():
    search = VectorizedRandomizedSearchCV(
        classifier(4), {"alpha": loguniform(0.1, 1)}, n_iter=2, cv=KFold(2), random_state=0
    ).fit(IRIS, NAMES)
    written = io.dumps(search)
    beyond = set(io.get_untrusted_types(data=written)) - set(trusted_types())
    assert {name.partition(".")[0] for name in beyond} == {"scipy", "sklearn"}
    assert any(name.endswith("KFold") for name in beyond)
    again = io.loads(written, trusted=[*trusted_types(), *beyond])
    assert again.best_params_ == search.best_params_


def test_callbacks_of_ours_are_among_what_is_trusted(tmp_path):
    model = classifier(4)
    if not hasattr(model, "set_callbacks"):
        pytest.skip("this scikit-learn has no callbacks")
    model.set_callbacks(TrainingLog(tmp_path / "log.csv")).fit(IRIS, NAMES)
    again = io.loads(io.dumps(model), trusted=trusted_types())
    assert_array_equal(again.predict_proba(IRIS), model.predict_proba(IRIS))


def test_nothing_is_loaded_that_is_not_trusted():
    written = io.dumps(fitted("three classes")[0])
    with pytest.raises(io.exceptions.UntrustedTypesFoundException):
        io.loads(written, trusted=[])
