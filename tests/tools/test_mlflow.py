"""The guide's recipes for mlflow: curves of a fit, and of a search what autolog logs of others."""

import re
import textwrap
from pathlib import Path

import pytest
from searches import classifier, data
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep.estimators._callbacks import HAS_CALLBACKS
from skdeep.model_selection import VectorizedGridSearchCV

mlflow = pytest.importorskip("mlflow")
pytest.importorskip("mlflow.sklearn")

pytestmark = [
    pytest.mark.tools,
    # Of mlflow and what it brings, too.
    pytest.mark.filterwarnings("ignore"),
]

GUIDE = Path(__file__).parents[2] / "doc" / "guide" / "working.rst"
X, y = data("classes")
PIPELINE = make_pipeline(StandardScaler(), classifier())
SPACE = {"deepmlpclassifier__alpha": [0.1, 1.0, 2.0]}


def recipe(name):
    """What a code block of the guide defines."""
    blocks = re.findall(r"\.\. code-block:: python\n\n((?:   .*\n|\n)+)", GUIDE.read_text("utf-8"))
    (block,) = (one for one in blocks if re.search(rf"(class|def) {name}\b", one))
    names = {}
    exec(textwrap.dedent(block), names)
    return names[name]


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "theirs").as_uri())
    yield mlflow.MlflowClient()
    mlflow.sklearn.autolog(disable=True)


def runs_of(client):
    """The run that is no other's child, and its children's parameters and metrics."""
    experiments = [one.experiment_id for one in client.search_experiments()]
    runs = client.search_runs(experiments)
    (parent,) = (one for one in runs if "mlflow.parentRunId" not in one.data.tags)
    children = [one for one in runs if one is not parent]
    assert {one.data.tags["mlflow.parentRunId"] for one in children} <= {parent.info.run_id}
    return parent, children


def by_alpha(children):
    return {
        child.data.params["deepmlpclassifier__alpha"]: {
            name: value for name, value in child.data.metrics.items() if "time" not in name
        }
        for child in children
    }


def test_of_a_search_is_logged_what_autolog_logs_of_scikit_learns(client, tmp_path):
    mlflow.sklearn.autolog(log_models=False, log_datasets=False)
    with mlflow.start_run():
        GridSearchCV(PIPELINE, SPACE, cv=2).fit(X, y)
    theirs, their_children = runs_of(client)
    mlflow.set_tracking_uri((tmp_path / "ours").as_uri())
    # However it was before.
    search = recipe("fit_and_log")(VectorizedGridSearchCV(PIPELINE, SPACE, cv=2), X, y)
    ours, our_children = runs_of(mlflow.MlflowClient())
    for name in ("best_deepmlpclassifier__alpha",):
        assert ours.data.params[name] == theirs.data.params[name]
    assert ours.data.metrics["best_cv_score"] == pytest.approx(search.best_score_)
    assert ours.data.metrics["best_cv_score"] == pytest.approx(theirs.data.metrics["best_cv_score"])
    found, expected = by_alpha(our_children), by_alpha(their_children)
    assert found.keys() == expected.keys()
    assert len(found) == 3
    for alpha, metrics in expected.items():
        assert found[alpha] == pytest.approx(metrics)


@pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has no callbacks")
@pytest.mark.parametrize("early_stopping", [False, True])
def test_of_a_fit_the_curves_are_logged(early_stopping, client):
    model = classifier(early_stopping=early_stopping)
    pipeline = make_pipeline(StandardScaler(), model.set_callbacks(recipe("MlflowLog")()))
    with mlflow.start_run() as run:
        pipeline.fit(X, y)
    curves = {
        name: [one.value for one in client.get_metric_history(run.info.run_id, name)]
        for name in ("loss", "validation_score")
    }
    assert curves["loss"] == pytest.approx(model.loss_curve_)
    assert curves["validation_score"] == pytest.approx(model.validation_scores_ or [])
