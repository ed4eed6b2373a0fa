"""No parameter is accepted and ignored.

For every parameter of every estimator, under every solver and along every path (dense, sparse,
partial_fit, warm start), a second value changes the weights or another fitted attribute or what is
printed, or raises an error that names it. What does nothing by design is listed in `INERT` with its
reason, and an entry there that does something fails.
"""

import contextlib
import functools
import io
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    SoftmaxClassifier,
)
from skdeep._engine.solvers import SOLVERS as ROWS
from skdeep._engine.solvers import STOCHASTIC_SOLVERS as STOCHASTIC

SOLVERS = {
    DeepMLPClassifier: (*STOCHASTIC, "lbfgs"),
    DeepMLPRegressor: (*STOCHASTIC, "lbfgs"),
    LogisticRegressionGD: (*STOCHASTIC, "gd", "lbfgs"),
    SoftmaxClassifier: (*STOCHASTIC, "gd", "lbfgs"),
}
LINEAR = (LogisticRegressionGD, SoftmaxClassifier)
PATHS = ("dense", "sparse", "partial_fit", "warm start")


@dataclass
class Row:
    """Two values of a parameter, and settings under one of which the second must tell."""

    first: Any
    second: Any
    contexts: tuple[dict[str, Any], ...] = ({},)


# Ends a stochastic fit, or lowers the adaptive rate, as soon as n_iter_no_change allows.
IMPATIENT = {"tol": 10.0, "n_iter_no_change": 1}
WATCHED = {"early_stopping": True, "validation_fraction": 0.3}


def no_progress(estimator, X, y):
    """A score that ends early stopping as soon as n_iter_no_change allows."""
    return 0.0


def shrink(X_batch, y_batch, random_state):
    """An augmentation that tells."""
    return X_batch / 2, y_batch


STALLED = {"tol": 1e-9, "scoring": no_progress, **WATCHED}

TABLE = {
    "hidden_layer_sizes": Row((3,), (4,)),
    "activation": Row("relu", "tanh"),
    "solver": Row(None, None),  # the solver under test, and another: see `values_of`
    "alpha": Row(0.5, 3.0),
    "l1_ratio": Row(0.0, 0.7),
    "batch_size": Row(8, 5),
    "learning_rate": Row("constant", "exponential"),
    "learning_rate_init": Row(0.02, 0.05),
    "power_t": Row(0.5, 0.25, ({"learning_rate": "invscaling"},)),
    "decay_rate": Row(None, 0.5, ({"learning_rate": "exponential"},)),
    "decay_epochs": Row(None, 1, ({"learning_rate": "step"},)),
    "max_iter": Row(5, 3, ({}, {"learning_rate": "cosine"})),
    "shuffle": Row(True, False),
    "random_state": Row(0, 1, ({}, WATCHED)),
    "tol": Row(0.0, 10.0, ({"n_iter_no_change": 1}, {"learning_rate": "adaptive", **IMPATIENT})),
    "verbose": Row(False, True),
    "warm_start": Row(False, True),
    "momentum": Row(0.9, 0.5),
    "nesterovs_momentum": Row(True, False),
    "early_stopping": Row(False, True),
    "validation_fraction": Row(0.2, 0.4, ({"early_stopping": True},)),
    "scoring": Row(None, "loss", (WATCHED,)),
    "rho": Row(0.9, 0.5),
    "beta_1": Row(0.9, 0.5),
    "beta_2": Row(0.999, 0.9),
    "epsilon": Row(1e-8, 0.1),
    "n_iter_no_change": Row(1, 4, (IMPATIENT, {"tol": 10.0, "learning_rate": "adaptive"}, STALLED)),
    "max_fun": Row(15000, 2),
    "huber_delta": Row(1.0, 0.1, ({"loss": "huber"},)),
    "quantile": Row(0.5, 0.1, ({"loss": "quantile"},)),
    "dropout": Row(0.0, 0.3),
    "input_dropout": Row(0.0, 0.3),
    "batch_norm": Row(False, True),
    "batch_norm_momentum": Row(0.9, 0.5, ({"batch_norm": True},)),
    "batch_norm_epsilon": Row(1e-5, 0.1, ({"batch_norm": True},)),
    "layer_norm": Row(False, True),
    "layer_norm_epsilon": Row(1e-5, 0.1, ({"layer_norm": True},)),
    "label_smoothing": Row(0.0, 0.2),
    "class_weight": Row(None, {0: 1.0, 1: 3.0}),
    "gradient_clip": Row(None, 0.01),
    "augment": Row(None, shrink),
    "weight_init": Row("auto", "small_random"),
    "dtype": Row(None, "float32"),
    "loss": Row("squared_error", "absolute_error"),
    "fit_intercept": Row(True, False),
}


def not_configured_by(name):
    """The solvers to which a parameter means nothing, by their rows."""
    return {solver for solver, row in ROWS.items() if name not in row.parameters}


# parameters, solvers, paths, reason; None stands for all.
INERT = [
    (
        {"learning_rate", "learning_rate_init", "power_t", "decay_rate", "decay_epochs"},
        {"lbfgs"},
        None,
        "as in scikit-learn: lbfgs finds the length of its steps by line search",
    ),
    (
        {"batch_size", "shuffle"},
        {"lbfgs", "gd"},
        None,
        "as in scikit-learn: a full-batch solver has no mini-batches to size or shuffle",
    ),
    (
        {"momentum", "nesterovs_momentum"},
        not_configured_by("momentum"),
        None,
        "as in scikit-learn: momentum is a parameter of sgd, and of gd",
    ),
    ({"rho"}, not_configured_by("rho"), None, "a parameter of rmsprop"),
    (
        {"beta_1", "beta_2"},
        not_configured_by("beta_1"),
        None,
        "as in scikit-learn: parameters of adam and its kin",
    ),
    (
        {"epsilon"},
        not_configured_by("epsilon"),
        None,
        "as in scikit-learn: a parameter of the solvers that divide by a root",
    ),
    ({"max_fun"}, not_configured_by("max_fun"), None, "as in scikit-learn: a parameter of lbfgs"),
    (
        {"batch_norm_momentum"},
        {"lbfgs"},
        None,
        "the statistics of a full-batch solver are those of all rows, not a running mean",
    ),
    (
        {"validation_fraction", "scoring"},
        None,
        {"partial_fit"},
        "as in scikit-learn: partial_fit refuses early_stopping and so watches no dev set",
    ),
    (
        {"warm_start"},
        None,
        {"partial_fit"},
        "as in scikit-learn: partial_fit always continues",
    ),
    (
        {"weight_init", "random_state"},
        None,
        {"warm start"},
        "they say where training starts; a continued one keeps its weights and random streams",
    ),
]


def inert_reason(name, solver, path):
    for names, solvers, paths, reason in INERT:
        if name in names and solver in (solvers or {solver}) and path in (paths or {path}):
            return reason
    return None


# ------------------------------------------------------------------------------- one training


def base_settings(Estimator):
    """Every parameter's first value, and none that ends training early."""
    names = Estimator().get_params()
    settings = {name: TABLE[name].first for name in names}
    settings |= {"n_iter_no_change": np.inf}
    return settings


@functools.cache
def make_data(classifier):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(24, 3))
    y = X @ [1.0, -1.0, 0.5] + generator.normal(size=24)
    return X, (y > 0).astype(int) if classifier else y


def train(model, path, changed):
    """Train along a path; `changed` is set at the start, or where a warm start goes on."""
    X, y = make_data(is_classifier(model))
    if path == "sparse":
        X = scipy.sparse.csr_array(X)
    if path == "warm start":
        model.set_params(warm_start=True).fit(X, y)
    model.set_params(**changed)
    if path == "partial_fit":
        for _ in range(5):
            model.partial_fit(X, y, **({"classes": [0, 1]} if is_classifier(model) else {}))
    elif path == "warm start":
        model.fit(X, y)
    else:
        model.fit(X, y).fit(X, y)  # the second fit is what warm_start=True changes


def observed(model, printed):
    """What a user can see of a trained model, in a form that == compares."""
    names = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    names |= {"coef_", "intercept_"} if isinstance(model, LINEAR) else {"coefs_", "intercepts_"}
    seen = {name: frozen(getattr(model, name)) for name in names}
    # Of batch norm's running statistics, predictions are what a user sees.
    X, _ = make_data(is_classifier(model))
    predict = model.predict_proba if is_classifier(model) else model.predict
    return seen | {"predictions": frozen(predict(X)), "printed": printed}


def frozen(value):
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, list):
        return tuple(map(frozen, value))
    return repr(value)


@functools.cache
def outcome_of(Estimator, path, settings, changed):
    """What training gives, or the error's message; both arguments as sorted pairs."""
    model, printed = Estimator(**dict(settings)), io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            train(model, path, dict(changed))
        except ValueError as error:
            return str(error)
    return observed(model, printed.getvalue())


class Pairs(tuple):
    """Settings as pairs, hashed by what they print."""

    def __new__(cls, settings):
        return super().__new__(cls, sorted(settings.items()))

    def __hash__(self):
        return hash(repr(self))


def values_of(name, solver):
    if name == "solver":
        return solver, "adam" if solver == "sgd" else "sgd"
    return TABLE[name].first, TABLE[name].second


def compare(Estimator, name, solver, path, context):
    """What the second value does: None, "changes <attribute>" or "raises <message>"."""
    settings = base_settings(Estimator) | {"solver": solver} | context
    first, second = values_of(name, solver)
    expected, found = (
        outcome_of(Estimator, path, Pairs(settings | {name: first}), Pairs(changed))
        for changed in ({name: first} if name == "warm_start" else {}, {name: second})
    )
    if isinstance(expected, str):
        return None  # the context itself is refused here
    if isinstance(found, str):
        assert name in found, f"the error does not name {name}: {found}"
        return f"raises {found}"
    different = [key for key in expected if expected[key] != found.get(key)]
    return f"changes {different[0]}" if different else None


CASES = [
    pytest.param(Estimator, name, solver, path, id=f"{Estimator.__name__}-{name}-{solver}-{path}")
    for Estimator, solvers in SOLVERS.items()
    for solver in solvers
    for path in PATHS
    for name in Estimator().get_params()
    if path != "partial_fit" or solver in STOCHASTIC
]


@pytest.mark.parametrize(("Estimator", "name", "solver", "path"), CASES)
def test_a_second_value_tells(Estimator, name, solver, path):
    contexts = TABLE[name].contexts
    effects = [compare(Estimator, name, solver, path, context) for context in contexts]
    reason = inert_reason(name, solver, path)
    if reason is None:
        assert any(effects), f"{name} is accepted and ignored under {solver}, {path}"
    else:
        assert not any(effects), f"{name} is listed as inert ({reason}), but {effects}"


def test_the_table_has_exactly_the_parameters():
    known = {name for Estimator in SOLVERS for name in Estimator().get_params()}
    assert set(TABLE) == known
    listed = {name for names, *_ in INERT for name in names}
    assert listed <= known


@pytest.mark.parametrize("Estimator", SOLVERS)
def test_the_solvers_are_all_there_are(Estimator):
    with pytest.raises(ValueError, match="solver") as error:
        Estimator(solver="none").fit(*make_data(True))
    for solver in {"gd", *SOLVERS[DeepMLPClassifier]}:
        assert (f"'{solver}'" in str(error.value)) == (solver in SOLVERS[Estimator])


def test_the_comparison_sees_what_it_has_to():
    """Guards the test above: the same settings twice differ in nothing."""
    for Estimator in SOLVERS:
        settings = Pairs(base_settings(Estimator) | {"solver": "adam"})
        again = Pairs(dict(settings))
        expected = outcome_of(Estimator, "dense", settings, Pairs({}))
        assert expected == outcome_of.__wrapped__(Estimator, "dense", again, Pairs({}))
        assert {"n_iter_", "loss_curve_", "t_"} < set(expected)
