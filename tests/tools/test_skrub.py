"""skrub makes numbers of tables for networks, dates and free text included."""

import pytest
from guide_recipes import run_recipe

skrub = pytest.importorskip("skrub")
pytestmark = [
    pytest.mark.tools,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:skrub"),
    pytest.mark.filterwarnings("ignore::FutureWarning:skrub"),
]


@pytest.fixture(scope="module")
def names():
    return run_recipe("skrub")


@pytest.mark.parametrize("name", ["pipeline", "ensemble"])
def test_networks_learn_from_dates_and_text(names, name):
    model, frame = names[name], names["frame"]
    # Numbers alone do not say it; the spelling of the place does.
    assert model.score(frame, names["y_train"]) > 0.97
    changed = frame.assign(place=frame["place"].iloc[::-1].to_numpy())
    assert model.score(changed, names["y_train"]) < 0.95


def test_names_of_columns_come_through(names):
    vectorizer = names["ensemble"][0]
    network = names["ensemble"][-1]
    assert list(network.feature_names_in_) == list(vectorizer.get_feature_names_out())
    assert any(name.startswith("day_") for name in network.feature_names_in_)
