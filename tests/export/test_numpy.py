"""A module and an .npz file predict what the model does, and ask for nothing but NumPy."""

import json
import subprocess
import sys

import numpy as np
import pytest
from exported import CASES, IRIS, NAMES, TOLERANCE, classifier, fitted, raw_outputs
from numpy.testing import assert_allclose, assert_array_equal

from skdeep.export import to_numpy

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]


def loaded(path):
    """The module as a program that knows no other file of ours would have it."""
    namespace = {"__file__": str(path), "__name__": "network"}
    exec(compile(path.read_text("utf-8"), path, "exec"), namespace)
    return namespace


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_module_predicts_what_the_model_does(name, dtype, tmp_path):
    model, X = fitted(name, dtype)
    module = loaded(to_numpy(model, tmp_path / "network.py"))
    z = module["raw_outputs"](X)
    assert z.dtype == dtype
    assert_allclose(z, raw_outputs(model, X), **TOLERANCE[dtype])
    if not hasattr(model, "predict_proba"):
        assert_allclose(module["predict"](X), model.predict(X), **TOLERANCE[dtype])
        with pytest.raises(ValueError, match="a regressor's"):
            module["predict_proba"](X)
        return
    assert_allclose(module["predict_proba"](X), model.predict_proba(X), **TOLERANCE[dtype])
    assert_array_equal(module["predict"](X), model.predict(X))


def test_it_is_imported_where_there_is_numpy_alone(tmp_path):
    model, X = fitted("three classes")
    to_numpy(model, tmp_path / "network.py")
    code = f"""
import sys, json
sys.path.insert(0, {str(tmp_path)!r})
import network
classes = network.predict({X.tolist()}).tolist()
others = sorted({{"skdeep", "sklearn", "scipy"}} & set(sys.modules))
print(json.dumps([classes, others]))
"""
    ran = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == [model.predict(X).tolist(), []]


def test_extreme_outputs_overflow_nowhere(tmp_path):
    for name in ("two classes", "three classes", "activation mish", "activation softplus"):
        model, X = fitted(name)
        module = loaded(to_numpy(model, tmp_path / "network.py"))
        assert_allclose(
            module["predict_proba"](X * 1e5), model.predict_proba(X * 1e5), atol=1e-12, rtol=1e-9
        )


def test_rows_of_another_width_are_refused(tmp_path):
    module = loaded(to_numpy(fitted("three classes")[0], tmp_path / "network.py"))
    for X in (IRIS[:, :3], IRIS[0]):
        with pytest.raises(ValueError, match=r"X must be of shape \(n, 4\)"):
            module["predict"](X)


def test_an_earlier_network_of_the_name_is_written_over(tmp_path):
    to_numpy(fitted("two targets")[0], tmp_path / "network.py")
    model, X = fitted("batch norm")
    module = loaded(to_numpy(model, str(tmp_path / "network.py")))
    assert_array_equal(module["predict"](X), model.predict(X))


@pytest.mark.parametrize("path", ["network", "network.npz", "my-network.py", ""])
def test_the_path_has_to_be_a_modules(path, tmp_path):
    with pytest.raises(ValueError, match="path must be that of a Python module"):
        to_numpy(fitted("three classes")[0], tmp_path / path if path else path)
    assert not list(tmp_path.iterdir())


def test_classes_that_are_objects_are_written_as_what_they_are(tmp_path):
    model = classifier(4).fit(IRIS, NAMES.astype(object))
    module = loaded(to_numpy(model, tmp_path / "network.py"))
    assert_array_equal(module["predict"](IRIS), model.predict(IRIS))
    assert module["network"]()["classes"].dtype.kind == "U"


def test_classes_that_cannot_be_written_are_refused(tmp_path):
    model = classifier(4).fit(IRIS, NAMES)
    model.classes_ = np.array([1, "a", 2.5], dtype=object)
    with pytest.raises(ValueError, match="Classes must be all strings"):
        to_numpy(model, tmp_path / "network.py")
    assert not list(tmp_path.iterdir())


def test_the_page_is_a_page(tmp_path):
    path = to_numpy(fitted("three classes")[0], tmp_path / "network.py")
    assert len(path.read_text("utf-8").splitlines()) < 150
    assert "skdeep" not in {
        line.split()[1].partition(".")[0]
        for line in path.read_text("utf-8").splitlines()
        if line.startswith(("import ", "from "))
    }
