"""Networks in ONNX: a graph says what the estimator says, for every kind of network."""

import pickle
from itertools import cycle

import numpy as np
import pandas as pd
import pytest
from exported import CASES, IRIS, NAMES, POSITIVE, classifier, fitted, regressor
from numpy.testing import assert_allclose, assert_array_equal
from onnx_graphs import CLOSE, check, raw_scores, run, session, session_of, skl2onnx
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from skl2onnx.operator_converters.linear_classifier import convert_sklearn_linear_classifier
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeep import LogisticRegressionGD, SoftmaxClassifier
from skdeep._engine.activations import ACTIVATIONS
from skdeep._engine.links import LINKS
from skdeep._engine.losses import REGRESSION_LOSSES
from skdeep.export import _onnx_network
from skdeep.export._onnx import register_converters
from skdeep.export._onnx_classes import OPTIONS

pytestmark = [
    pytest.mark.tools,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
NORMS = {"no norm": {}, "batch norm": {"batch_norm": True}, "layer norm": {"layer_norm": True}}


@each_dtype
@pytest.mark.parametrize("name", CASES)
def test_a_graph_says_what_the_estimator_says(name, dtype):
    model, X = fitted(name, dtype)
    check(model, X)


@each_dtype
@pytest.mark.parametrize("name", [name for name in CASES if is_classifier(CASES[name][0])])
def test_raw_outputs_agree(name, dtype):
    model, X = fitted(name, dtype)
    found = run(session(model, X, raw_scores=True), X)
    assert_allclose(found["probabilities"], raw_scores(model, X), **CLOSE)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@each_dtype
def test_activations_under_norms(activation, norm, dtype):
    model = classifier(7, 6, 5, activation=activation, dtype=dtype, **NORMS[norm])
    model.fit(IRIS, NAMES)
    check(model, IRIS.astype(dtype))
    # Also far from zero, where activations saturate or overflow. There raw outputs may cancel, and
    # are as exact as the largest of them.
    X = np.vstack([30 * IRIS, -300 * IRIS]).astype(dtype)
    check(model, X)
    found, expected = run(session(model, X, raw_scores=True), X), raw_scores(model, X)
    assert_allclose(
        found["probabilities"], expected, rtol=0, atol=1e-5 * np.abs(expected).max() + 1e-6
    )


LABELS = {
    "numbers": NAMES == "setosa",
    "words": np.where(NAMES == "setosa", "no", "yes"),
    "three words": NAMES,
    "labels": np.column_stack([IRIS[:, 0] > 0, IRIS[:, 1] > 0, IRIS[:, 2] > 1]).astype(int),
    "three numbers": np.unique(NAMES, return_inverse=True)[1] * 10 - 7,
}
EACH_OF_BOTH = [
    ["relu", "selu"],
    ["logistic", "tanh"],
    ["softplus", "leaky_relu"],
    ["elu", "mish"],
    ["silu", "gelu"],
]
OF_LABELS = list(zip(LABELS, EACH_OF_BOTH, strict=True))
LOSSES = list(zip(REGRESSION_LOSSES, cycle(EACH_OF_BOTH), strict=False))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("labels", "activations"), OF_LABELS)
@pytest.mark.parametrize("rows", ["float32", "float64"])
@each_dtype
def test_labels_under_norms(labels, activations, norm, rows, dtype):
    model = classifier(7, 6, activation=activations, dtype=dtype, **NORMS[norm])
    model.fit(IRIS, LABELS[labels])
    X = IRIS.astype(rows)
    check(model, X)
    found = run(session(model, X, raw_scores=True), X)
    assert_allclose(found["probabilities"], raw_scores(model, X), **CLOSE)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("loss", "activations"), LOSSES)
@pytest.mark.parametrize("n_targets", [1, 2])
@each_dtype
def test_losses_under_norms(loss, activations, norm, n_targets, dtype):
    y = np.column_stack([POSITIVE, 3 * POSITIVE])[:, :n_targets].squeeze()
    model = regressor(7, 6, loss=loss, activation=activations, dtype=dtype, **NORMS[norm])
    check(model.fit(IRIS, y), IRIS.astype(dtype))


@pytest.mark.parametrize("rows", ["float32", "float64", "int64", "int32", "bool"])
@each_dtype
def test_rows_of_any_type(dtype, rows):
    model = classifier(6, dtype=dtype).fit(IRIS, NAMES)
    X = (3 * IRIS).astype(rows)
    graph = skl2onnx.to_onnx(model, X[:1], options={"zipmap": False})
    label, p = session_of(graph).run(None, {"X": X})
    assert_array_equal(label, model.predict(X))
    assert_allclose(p, model.predict_proba(X), atol=1e-5, rtol=0)
    # As scikit-learn's own converters have it.
    assert p.dtype == ("float64" if rows == "float64" else "float32")


@pytest.mark.parametrize("opset", [11, 13, 17, 18, None])
def test_any_opset_from_the_oldest_on(opset):
    model = classifier(6, activation="gelu", layer_norm=True).fit(IRIS, NAMES)
    check(model, IRIS, target_opset=opset)


def test_an_older_opset_is_refused():
    model = classifier(6).fit(IRIS, NAMES)
    with pytest.raises(ValueError, match=r"target_opset must be at least 11 .*, got 10"):
        session(model, IRIS, target_opset=10)


def test_the_tables_have_all_activations_and_links():
    assert set(_onnx_network.ACTIVATIONS) == {function.name for function in ACTIVATIONS.values()}
    assert set(_onnx_network.LINKS) == set(LINKS)


# ------------------------------------------------------------------ as scikit-learn's converters do

TWO_OF_FOUR = np.eye(4, dtype=int)[np.arange(150) % 4] + np.eye(4, dtype=int)[np.arange(150) % 3]
PEERS = {
    "strings": (classifier(4), MLPClassifier((4,), max_iter=5), NAMES),
    "two classes": (classifier(4), MLPClassifier((4,), max_iter=5), NAMES == "setosa"),
    "numbers": (classifier(4), MLPClassifier((4,), max_iter=5), 3 * (NAMES == "setosa") - 7),
    "labels": (classifier(4), MLPClassifier((4,), max_iter=5), TWO_OF_FOUR > 0),
    "logistic": (LogisticRegressionGD(), LogisticRegression(), NAMES == "setosa"),
    "softmax": (SoftmaxClassifier(), LogisticRegression(), NAMES),
    "one target": (regressor(4), MLPRegressor(hidden_layer_sizes=(4,), max_iter=5), POSITIVE),
}


def declared(output):
    """An output's name, its kind, and of a tensor the type of its elements."""
    return output.name, output.type.WhichOneof("value"), output.type.tensor_type.elem_type


@pytest.mark.parametrize("zipmap", [True, False, "columns"])
@pytest.mark.parametrize("rows", ["float32", "float64"])
@pytest.mark.parametrize("name", PEERS)
def test_outputs_are_declared_as_those_of_scikit_learn(name, rows, zipmap):
    ours, theirs, y = PEERS[name]
    X = IRIS.astype(rows)
    options = {"zipmap": zipmap} if hasattr(theirs, "predict_proba") else None
    found, expected = (
        skl2onnx.to_onnx(model.fit(X, y), X[:1], options=options).graph.output
        for model in (ours, theirs)
    )
    assert list(map(declared, found)) == list(map(declared, expected))


def test_zipmap_gives_a_probability_by_class():
    model = classifier(4).fit(IRIS, NAMES)
    X = IRIS[:1].astype("float32")
    _, rows = session_of(skl2onnx.to_onnx(model, X)).run(None, {"X": X})
    expected = dict(zip(model.classes_, model.predict_proba(X)[0], strict=True))
    assert rows[0] == pytest.approx(expected, abs=1e-5)


def test_nocl_numbers_the_classes():
    model = classifier(4).fit(IRIS, NAMES)
    found = run(session(model, IRIS, nocl=True), IRIS)
    assert_array_equal(model.classes_[found["label"]], model.predict(IRIS))


def test_class_labels_may_be_an_output():
    model = classifier(4).fit(IRIS, NAMES)
    found = run(session(model, IRIS, output_class_labels=True), IRIS)
    assert_array_equal(found["class_labels"], model.classes_)


@pytest.mark.parametrize(
    "classes", [[2**40, -(2**40)], [False, True], [1.0, 3.0], ["a", "ä"], [200, 100]], ids=repr
)
@pytest.mark.parametrize("estimator", [classifier(4), LogisticRegressionGD()], ids=["deep", "gd"])
def test_labels_of_any_kind(estimator, classes):
    y = np.array(classes)[(NAMES == "setosa").astype(int)]
    check(estimator.fit(IRIS, y), IRIS)


def test_labels_that_onnx_has_not_are_named():
    model = classifier(4).fit(IRIS, np.array([3, 2**63], dtype=np.uint64)[(IRIS[:, 0] > 0) + 0])
    with pytest.raises(ValueError, match=r"whole numbers below 2\*\*63.*\[3, 92233720"):
        session(model, IRIS)
    assert set(run(session(model, IRIS, nocl=True), IRIS)["label"]) <= {0, 1}


def test_labels_are_those_of_raw_outputs_where_probabilities_are_equal():
    model = LogisticRegressionGD(dtype="float64").fit([[-1.0], [1.0]], [0, 1])
    model.coef_, model.intercept_ = np.array([[1e-18]]), np.array([0.0])
    X = np.array([[1.0], [-1.0]])
    assert_array_equal(model.predict(X), [1, 0])
    check(model, X)


def test_our_converter_takes_the_place_of_the_one_for_scikit_learns_models():
    skl2onnx.update_registered_converter(
        LogisticRegressionGD,
        "SklearnLinearClassifier",
        calculate_linear_classifier_output_shapes,
        convert_sklearn_linear_classifier,
        options=OPTIONS,
    )
    model = LogisticRegressionGD().fit(IRIS, NAMES == "versicolor")
    p = run(session(model, IRIS), IRIS)["probabilities"]
    # Theirs takes coef_ for that of a softmax.
    assert np.abs(p - model.predict_proba(IRIS)).max() > 0.1
    register_converters()
    check(model, IRIS)


def test_columns_of_a_frame_are_found_by_their_names():
    X = pd.DataFrame(IRIS, columns=["a", "b", "c", "d"])
    model = classifier(4).fit(X, NAMES)
    found = run(session(model, X[["d", "b", "a", "c"]]), X)
    assert_allclose(found["probabilities"], model.predict_proba(X), rtol=0, atol=1e-5)
    other_names = session(model, X.rename(columns={"a": "first"}))
    found = run(other_names, X.rename(columns={"a": "first"}))
    assert_allclose(found["probabilities"], model.predict_proba(X), rtol=0, atol=1e-5)


def test_an_unfitted_estimator():
    with pytest.raises(NotFittedError):
        session(classifier(4), IRIS)


def test_coefficients_that_are_sparse():
    model = LogisticRegressionGD(alpha=5, l1_ratio=1).fit(IRIS, NAMES == "setosa").sparsify()
    check(model, IRIS)


def test_a_row_at_a_time():
    for name in ("two classes", "three classes", "labels", "one class", "two targets"):
        model, X = fitted(name)
        graph = session(model, X)
        every, alone = run(graph, X), [run(graph, X[row : row + 1]) for row in range(3)]
        for output, values in every.items():
            by_row = np.concatenate([one[output] for one in alone])
            if output == "label":
                assert_array_equal(by_row, values[:3])
            else:
                assert_allclose(by_row, values[:3], rtol=1e-6)


def test_a_conversion_leaves_the_estimator_as_it_was():
    for name in ("logistic regression", "labels", "batch norm", "two targets"):
        model, X = fitted(name)
        before = pickle.dumps(model)
        session(model, X)
        assert pickle.dumps(model) == before


# --------------------------------------------------------------------- in scikit-learn's estimators


def test_in_a_pipeline_and_a_column_transformer():
    X = np.hstack([IRIS, (IRIS[:, :1] > 0) + 1.0])
    transformer = ColumnTransformer(
        [("scaled", StandardScaler(), [0, 1, 2]), ("coded", OneHotEncoder(), [4])],
        remainder="passthrough",
    )
    for last, y in ((classifier(5), NAMES), (LogisticRegressionGD(), NAMES == "setosa")):
        check(make_pipeline(transformer, last).fit(X, y), X)
    check(make_pipeline(transformer, regressor(5)).fit(X, POSITIVE), X)
