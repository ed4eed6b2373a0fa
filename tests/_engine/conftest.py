"""What the engine's tests share: a seeded generator, and small problems made of every part."""

import numpy as np
import pytest
import scipy.sparse

from skdeep._engine.data import Rows
from skdeep._engine.losses import SoftmaxCrossEntropy
from skdeep._engine.network import build_network
from skdeep._engine.objective import Problem
from skdeep._engine.penalties import ElasticNet

N_ROWS, N_FEATURES, N_CLASSES = 40, 7, 3


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def make_problem():
    """A function that makes a three-class problem; keywords go to `build_network`."""

    def make(
        hidden_layer_sizes=(6, 5),
        *,
        alpha=0.0,
        l1_ratio=0.0,
        label_smoothing=0.0,
        weighted=False,
        sparse=False,
        dtype=np.float64,
        n_rows=N_ROWS,
        **network,
    ):
        rng = np.random.default_rng(7)
        x = rng.normal(size=(n_rows, N_FEATURES)).astype(dtype)
        y = rng.integers(N_CLASSES, size=n_rows)
        w = rng.uniform(0.5, 2, n_rows).astype(dtype) if weighted else None
        if sparse:
            x = scipy.sparse.csr_array(np.where(np.abs(x) > 0.7, x, 0))
        data = Rows(x, y, w)
        network.setdefault("activations", ["tanh"] * len(hidden_layer_sizes))
        return Problem(
            build_network(N_FEATURES, hidden_layer_sizes, N_CLASSES, **network),
            SoftmaxCrossEntropy(N_CLASSES, label_smoothing),
            ElasticNet.of(alpha, l1_ratio, data.total_weight),
            data,
        )

    return make
