"""Recipes of doc/guide/cluster.rst: `partial_fit` from what holds more rows than memory does.

Whatever they are read from, the same batches give the same network.
"""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdeep import DeepMLPClassifier

pytestmark = [
    pytest.mark.tools,
    # What other projects warn of is theirs.
    pytest.mark.filterwarnings("ignore"),
]

N_ROWS, AT_A_TIME = 1000, 250
CLASSES = [0, 1]
X = np.random.default_rng(0).normal(size=(N_ROWS, 5))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)


def new():
    return DeepMLPClassifier((4,), random_state=0)


@pytest.fixture(scope="module")
def expected():
    """Predictions of a network that has learnt from slices of NumPy's arrays."""
    model = new()
    for start in range(0, N_ROWS, AT_A_TIME):
        rows = slice(start, start + AT_A_TIME)
        model.partial_fit(X[rows], Y[rows], classes=CLASSES, total_weight=N_ROWS)
    return model.predict_proba(X)


def test_dask_arrays(expected):
    da = pytest.importorskip("dask.array")
    blocks = da.from_array(X, chunks=(AT_A_TIME, -1)), da.from_array(Y, chunks=AT_A_TIME)
    model = new()
    for X_block, y_block in zip(blocks[0].blocks, blocks[1].blocks, strict=True):
        model.partial_fit(
            X_block.compute(), y_block.compute(), classes=CLASSES, total_weight=N_ROWS
        )
    assert_array_equal(model.predict_proba(X), expected)


def test_zarr(expected, tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(tmp_path / "data.zarr", mode="w")
    for name, values in (("X", X), ("y", Y)):
        chunks = (AT_A_TIME, *values.shape[1:])
        array = group.create_array(name, shape=values.shape, dtype=values.dtype, chunks=chunks)
        array[:] = values
    stored = zarr.open_group(tmp_path / "data.zarr", mode="r")
    model = new()
    for start in range(0, stored["X"].shape[0], AT_A_TIME):
        rows = slice(start, start + AT_A_TIME)
        model.partial_fit(
            stored["X"][rows], stored["y"][rows], classes=CLASSES, total_weight=N_ROWS
        )
    assert_array_equal(model.predict_proba(X), expected)


def test_hdf5(expected, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["X"], file["y"] = X, Y
    model = new()
    with h5py.File(tmp_path / "data.h5") as file:
        for start in range(0, len(file["X"]), AT_A_TIME):
            rows = slice(start, start + AT_A_TIME)
            model.partial_fit(
                file["X"][rows], file["y"][rows], classes=CLASSES, total_weight=N_ROWS
            )
    assert_array_equal(model.predict_proba(X), expected)


def test_parquet(expected, tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    dataset = pytest.importorskip("pyarrow.dataset")
    names = [f"x{i}" for i in range(X.shape[1])]
    columns = dict(zip(names, X.T, strict=True))
    parquet.write_table(pa.table({**columns, "y": Y}), tmp_path / "data.parquet")
    model = new()
    stored = dataset.dataset(tmp_path / "data.parquet")
    for batch in stored.to_batches(batch_size=AT_A_TIME):
        values = np.column_stack([batch[name].to_numpy() for name in names])
        model.partial_fit(values, batch["y"].to_numpy(), classes=CLASSES, total_weight=N_ROWS)
    assert_array_equal(model.predict_proba(X), expected)


def test_dask_mls_incremental(expected):
    da = pytest.importorskip("dask.array")
    wrappers = pytest.importorskip("dask_ml.wrappers")
    model = wrappers.Incremental(new(), shuffle_blocks=False)
    model.fit(
        da.from_array(X, chunks=(AT_A_TIME, -1)),
        da.from_array(Y, chunks=AT_A_TIME),
        classes=CLASSES,
        total_weight=N_ROWS,
    )
    assert_array_equal(model.estimator_.predict_proba(X), expected)
