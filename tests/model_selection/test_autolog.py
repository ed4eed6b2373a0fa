"""MLflow's autolog is shown our searches; tests/tools/test_mlflow.py has the real one log them."""

import sys
from types import SimpleNamespace

import pytest
from searches import classifier, data
from sklearn.model_selection import RandomizedSearchCV

from skdeep.model_selection import VectorizedGridSearchCV, _autolog
from skdeep.model_selection._base import VectorizedSearch

X, y = data("classes")
ORIGINAL = RandomizedSearchCV.fit


class FakeMLflow:
    """As much of MLflow as our searches ask for; `sees` names the searches that it has seen."""

    def __init__(self):
        self.sees = []
        self.disabled = False

    def patch_function(self, original, search, *args, **kwargs):
        self.sees.append(type(search).__name__)
        return original(search, *args, **kwargs)

    def safe_patch(self, integration, owner, name, patch_function):
        assert (integration, name) == ("sklearn", "fit")
        original = getattr(owner, name)

        def wrapper(*args, **kwargs):
            return patch_function(original, *args, **kwargs)

        setattr(owner, name, wrapper)

    def autologging_is_disabled(self, integration):
        assert integration == "sklearn"
        return self.disabled


@pytest.fixture
def mlflow(monkeypatch):
    """Autolog is on: scikit-learn's searches are wrapped."""
    fake = FakeMLflow()
    utils = SimpleNamespace(
        safe_patch=fake.safe_patch, autologging_is_disabled=fake.autologging_is_disabled
    )
    fake.utils = utils
    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "mlflow.sklearn", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "mlflow.utils", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "mlflow.utils.autologging_utils", utils)
    # To be put back, with what `safe_patch` makes of ours.
    monkeypatch.setattr(VectorizedSearch, "fit", VectorizedSearch.fit)
    monkeypatch.setattr(RandomizedSearchCV, "fit", ORIGINAL, raising=False)
    fake.safe_patch("sklearn", RandomizedSearchCV, "fit", fake.patch_function)
    monkeypatch.setattr(_autolog, "_told", set())
    return fake


def search():
    return VectorizedGridSearchCV(classifier(max_iter=2), {"alpha": [0.1, 1.0]}, cv=2)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestAutolog:
    def test_sees_each_search_once(self, mlflow):
        model = search()
        assert model.fit(X, y) is model
        search().fit(X, y)
        assert mlflow.sees == ["VectorizedGridSearchCV"] * 2
        assert len(model.cv_results_["params"]) == 2

    def test_hears_of_a_search_whose_parameters_are_wrong(self, mlflow):
        for _ in range(2):
            with pytest.raises(ValueError, match="max_stack_bytes"):
                search().set_params(max_stack_bytes=-3).fit(X, y)
        # It has been told of both, as of scikit-learn's.
        assert mlflow.sees == ["VectorizedGridSearchCV"] * 2

    def test_that_is_off_is_left_alone(self, mlflow):
        mlflow.disabled = True
        before = VectorizedSearch.fit
        search().fit(X, y)
        assert mlflow.sees == []
        assert VectorizedSearch.fit is before

    def test_of_another_kind_is_named(self, mlflow):
        del mlflow.utils.safe_patch
        with pytest.warns(UserWarning, match=r"autolog .*AttributeError.*log the search yourself"):
            model = search().fit(X, y)
        # Once is enough.
        search().fit(X, y)
        assert mlflow.sees == []
        assert len(model.cv_results_["params"]) == 2

    def test_with_another_wrapper_is_named(self, mlflow, monkeypatch):
        monkeypatch.setattr(RandomizedSearchCV, "fit", lambda *args, **kwargs: None)
        with pytest.warns(UserWarning, match="KeyError: 'patch_function'"):
            search().fit(X, y)
