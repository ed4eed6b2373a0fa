"""What the displays' tests share: data, results to draw, and readers of what was drawn."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skdeep import DeepMLPClassifier
from skdeep.inspection import layer_statistics

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

X, Y = load_breast_cancer(return_X_y=True)
X = scale(X)[:200]
Y = Y[:200]
DIGITS, DIGIT = load_digits(return_X_y=True)
DIGITS = DIGITS[:300] / 16
DIGIT = DIGIT[:300]


def quietly(fit, *data, **parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fit(*data, **parameters)


RESULTS = {
    "param_mlp__learning_rate_init": np.geomspace(1e-4, 1e-1, 8),
    "param_mlp__dropout": [0.0, 0.1, 0.2, 0.3, 0.4, 0.45, 0.05, 0.5],
    "param_mlp__beta_1": [0.9, 0.99, 0.999, 0.95, 0.9, 0.99, 0.999, 0.9],
    "param_mlp__hidden_layer_sizes": [(64, 64), (8,), 32, (8, 8), (8,), 32, (64, 64), (8, 8)],
    "param_mlp__activation": ["relu", "tanh"] * 4,
    "param_mlp__batch_norm": [True, False] * 4,
    "param_mlp__solver": ["adam"] * 8,
    "mean_test_score": [0.9, 0.92, 0.95, 0.97, 0.6, np.nan, 0.91, 0.93],
}


REPORT = SimpleNamespace(
    base_error=0.01,
    train_error=0.04,
    dev_error=0.16,
    avoidable_bias=0.03,
    variance=0.12,
    intervals={
        "train_error": (0.02, 0.06),
        "dev_error": (0.1, 0.2),
        "avoidable_bias": (0.01, 0.05),
        "variance": (0.07, 0.17),
    },
    diagnosis="high variance",
    metric="error rate",
)


LAYERS = layer_statistics(DeepMLPClassifier((6, 5), random_state=0), X, Y)


def legend_texts(ax_or_figure):
    legend = ax_or_figure.legends[0] if hasattr(ax_or_figure, "legends") else None
    legend = legend or ax_or_figure.get_legend()
    return [text.get_text() for text in legend.get_texts()]


def offsets(collections):
    """The points of scatters, one after the other."""
    return np.vstack([np.asarray(one.get_offsets()) for one in collections])


def results_of(spaces, n=10, random_state=0):
    """A search that has drawn from its spaces, each the same number of times."""
    spaces = [spaces] if isinstance(spaces, dict) else spaces
    results = {
        f"param_{name}": np.ma.masked_all(n * len(spaces), dtype=object)
        for space in spaces
        for name in space
    }
    rng = np.random.RandomState(random_state)
    for number, space in enumerate(spaces):
        for name, values in space.items():
            drawn = rng.choice(values, n) if isinstance(values, list) else values.rvs(n, rng)
            results[f"param_{name}"][number * n : (number + 1) * n] = drawn
    return {**results, "mean_test_score": rng.uniform(size=n * len(spaces))}


def x_labels(display):
    return {ax.get_xlabel() for ax in display.axes_}
