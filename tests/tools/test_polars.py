"""polars' frames and series go in and come out, and say the same as pandas'."""

import pytest
from guide_recipes import run_recipe
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from skdeep import TabularMLPClassifier, TabularMLPRegressor
from skdeep.preprocessing import PiecewiseLinearEncoder, TableEncoder

pl = pytest.importorskip("polars")
pytestmark = [
    pytest.mark.tools,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]


@pytest.fixture(scope="module")
def names():
    return run_recipe("polars")


def test_a_pipeline_predicts_what_it_does_of_pandas(names):
    model, X_test = names["scaled"], names["X_test"]
    again = clone(names["model"]).fit(names["X_train"], names["y_train"])
    # Columns of a frame lie in memory in another order, and are summed in it.
    found = model.predict_proba(pl.from_pandas(X_test))
    assert_allclose(found, again.predict_proba(X_test), rtol=1e-9)


def test_names_of_columns_are_known_where_scikit_learn_knows_them(names):
    scaled, y = names["scaled"][:-1].transform(names["frame"]), names["y_train"]
    known = names["scaled"][-1]
    other = LogisticRegression(C=0.01).fit(scaled, y)
    # scikit-learn 1.7 does not read them from frames of polars 2.
    assert hasattr(known, "feature_names_in_") == hasattr(other, "feature_names_in_")
    if hasattr(other, "feature_names_in_"):
        assert list(known.feature_names_in_) == list(names["X"].columns)


@pytest.mark.parametrize("Encoder", [TableEncoder, PiecewiseLinearEncoder])
def test_encoders_give_frames(names, Encoder):
    frame = names["frame"][:, :3]
    encoder = Encoder().set_output(transform="polars").fit(frame)
    encoded = encoder.transform(frame)
    assert isinstance(encoded, pl.DataFrame)
    assert encoded.columns == list(encoder.get_feature_names_out())
    plain = Encoder().fit(frame.to_pandas()).transform(frame.to_pandas())
    assert_array_equal(encoded.to_numpy(), plain)


@pytest.mark.parametrize("Ensemble", [TabularMLPClassifier, TabularMLPRegressor])
def test_ensembles_see_one_table(names, Ensemble):
    y = names["y_train"]
    frame = names["frame"][:, :3].with_columns(kind=pl.Series(["a", "b", None] * 142))
    model = Ensemble(n_members=1, max_iter=5, random_state=0)
    of_polars = clone(model).fit(frame, pl.from_pandas(y)).predict(frame)
    of_pandas = clone(model).fit(frame.to_pandas(), y).predict(frame.to_pandas())
    assert_array_equal(of_polars, of_pandas)
