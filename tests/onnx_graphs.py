"""What the tests of ONNX graphs share: conversion, a session, and what both sides say of rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_classifier

import skdeep.export

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")

# Within how much graphs are to agree, of raw outputs and of probabilities.
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
CLOSE_PROBABILITIES = {"rtol": 0, "atol": 1e-5}


def session(model, X, target_opset=None, **options):
    """A session of a model's graph, with the inputs that it needs for rows like X."""
    if is_classifier(model):
        options = {"zipmap": False} | options
    graph = skl2onnx.to_onnx(
        model,
        initial_types=skdeep.export.onnx_types(X),
        options={id(model): options} if options else None,
        target_opset=target_opset,
    )
    return session_of(graph)


def session_of(graph):
    """A session of a graph that is as ONNX wants it, all shapes and types included."""
    onnx.checker.check_model(graph, full_check=True)
    onnxruntime.set_default_logger_severity(3)
    return onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def run(session, X):
    """The outputs by their names."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, skdeep.export.onnx_inputs(session, X)), strict=True))


def raw_scores(model, X):
    """decision_function as scikit-learn's converters have it: of two classes −z and z."""
    z = np.asarray(model.decision_function(X))
    if len(model.classes_) == 1:
        return z[:, np.newaxis]
    return np.column_stack([-z, z]) if z.ndim == 1 else z


def check(model, X, **settings):
    """Compare all outputs of a graph with what the model says of the same rows."""
    if not is_classifier(model):
        expected = np.asarray(model.predict(X)).reshape(len(X), -1)
        found = run(session(model, X, **settings), X)
        assert list(found) == ["variable"]
        assert_allclose(found["variable"], expected, **CLOSE)
        return
    found = run(session(model, X, **settings), X)
    assert list(found) == ["label", "probabilities"]
    assert_array_equal(found["label"], as_onnx_labels(model.predict(X)))
    assert_allclose(found["probabilities"], model.predict_proba(X), **CLOSE_PROBABILITIES)


def as_onnx_labels(labels):
    labels = labels.toarray() if hasattr(labels, "toarray") else np.asarray(labels)
    return labels.astype(object if labels.dtype.kind in "OU" else np.int64)
