"""MLflow: its autolog sees our searches, and the guide's recipe draws the curves of a fit."""

import re
import textwrap
from pathlib import Path

import pytest
from searches import classifier, data
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep.estimators._callbacks import HAS_CALLBACKS
from skdeep.model_selection import VectorizedGridSearchCV, VectorizedRandomizedSearchCV

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
    mlflow.set_tracking_uri((tmp_path / "fits").as_uri())
    mlflow.set_experiment("fits")
    yield mlflow.MlflowClient()
    mlflow.sklearn.autolog(disable=True)


def all_runs():
    client = mlflow.MlflowClient()
    return client.search_runs([one.experiment_id for one in client.search_experiments()])


def autologged(search, folder, **arguments):
    """The run that autolog makes of a search in a new store, and the runs that are its children."""
    mlflow.set_tracking_uri(folder.as_uri())
    mlflow.set_experiment("searches")
    # Each child logs the data set: if it is not there yet, their threads trip over each other.
    with mlflow.start_run() as run:
        mlflow.log_input(mlflow.data.from_numpy(X, targets=y))
    mlflow.delete_run(run.info.run_id)
    mlflow.sklearn.autolog(log_models=False, log_datasets=False, **arguments)
    search.fit(X, y)
    runs = all_runs()
    (parent,) = (one for one in runs if "mlflow.parentRunId" not in one.data.tags)
    children = [one for one in runs if one is not parent]
    assert {one.data.tags["mlflow.parentRunId"] for one in children} <= {parent.info.run_id}
    return parent, children


def without_times(metrics):
    return {name: value for name, value in metrics.items() if "time" not in name}


def by_alpha(children):
    name = "deepmlpclassifier__alpha"
    return {child.data.params[name]: without_times(child.data.metrics) for child in children}


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (VectorizedGridSearchCV(PIPELINE, SPACE, cv=2), GridSearchCV(PIPELINE, SPACE, cv=2)),
        (
            VectorizedRandomizedSearchCV(PIPELINE, SPACE, n_iter=3, cv=2, random_state=0),
            RandomizedSearchCV(PIPELINE, SPACE, n_iter=3, cv=2, random_state=0),
        ),
    ],
    ids=["grid", "random"],
)
def test_autolog_logs_of_a_search_what_it_logs_of_scikit_learns(
    ours, theirs, n_jobs, client, tmp_path
):
    expected, their_children = autologged(theirs, tmp_path / "theirs")
    search = clone(ours).set_params(n_jobs=n_jobs)
    found, our_children = autologged(search, tmp_path / "ours")
    assert found.info.status == "FINISHED"
    assert found.data.tags["estimator_name"] == type(ours).__name__
    assert found.data.metrics["best_cv_score"] == search.best_score_
    assert without_times(found.data.metrics) == pytest.approx(
        without_times(expected.data.metrics), rel=1e-6
    )
    name = "best_deepmlpclassifier__alpha"
    assert found.data.params[name] == expected.data.params[name]
    assert expected.data.params.keys() <= found.data.params.keys()
    # The candidates are its only children: the pipelines within are none.
    found_by_alpha, expected_by_alpha = by_alpha(our_children), by_alpha(their_children)
    assert len(our_children) == len(found_by_alpha) == 3
    assert found_by_alpha.keys() == expected_by_alpha.keys()
    for alpha, metrics in expected_by_alpha.items():
        assert found_by_alpha[alpha] == pytest.approx(metrics, rel=1e-6)


@pytest.mark.parametrize(("arguments", "n_runs"), [({}, 5), ({"max_tuning_runs": None}, 7)])
def test_autolog_logs_as_many_candidates_as_it_is_told(arguments, n_runs, client, tmp_path):
    search = VectorizedGridSearchCV(PIPELINE, {"deepmlpclassifier__alpha": range(1, 8)}, cv=2)
    _, children = autologged(search, tmp_path / "many", **arguments)
    assert len(children) == n_runs


def test_autolog_that_was_turned_off_logs_nothing(client, tmp_path):
    autologged(VectorizedGridSearchCV(PIPELINE, SPACE, cv=2), tmp_path / "on")
    mlflow.sklearn.autolog(disable=True)
    mlflow.set_tracking_uri((tmp_path / "off").as_uri())
    mlflow.set_experiment("off")
    VectorizedGridSearchCV(PIPELINE, SPACE, cv=2).fit(X, y)
    assert all_runs() == []


def test_autolog_stays_with_the_outer_search(client, tmp_path):
    space = {"estimator__deepmlpclassifier__alpha": [0.1, 1.0]}
    rates = {"deepmlpclassifier__learning_rate_init": [0.01]}
    inner = VectorizedGridSearchCV(PIPELINE, rates, cv=2)
    outer, children = autologged(GridSearchCV(inner, space, cv=2), tmp_path / "nested")
    assert outer.data.tags["estimator_name"] == "GridSearchCV"
    assert len(children) == 2


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
