"""MLflow stores models by skops, and has to be told of our public classes alone."""

import pytest
from exported import fitted, outcome
from numpy.testing import assert_array_equal

from skdeep.export import trusted_types

# MLflow's own warnings, and those of what it imports, are not ours.
pytestmark = [pytest.mark.tools, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("name", ["pipeline", "grid", "classes of a table", "batch norm"])
def test_a_model_that_was_stored_is_loaded(name, tmp_path, monkeypatch):
    pytest.importorskip("skops")
    mlflow = pytest.importorskip("mlflow.sklearn")
    monkeypatch.chdir(tmp_path)
    model, X = fitted(name)
    settings = {"skops_trusted_types": trusted_types(), "pip_requirements": ["scikit-deep"]}
    mlflow.save_model(model, tmp_path / "model", serialization_format="skops", **settings)
    again = mlflow.load_model(str(tmp_path / "model"))
    assert_array_equal(outcome(again, X), outcome(model, X))
