"""The table of solvers: each row is whole, and agrees with the optimizer and the estimators."""

import inspect

import numpy as np
import pytest

from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier
from skdeep._engine import optimizers
from skdeep._engine.optimizers import AdamW, Optimizer
from skdeep._engine.solvers import SOLVERS, STOCHASTIC_SOLVERS, Run, make_optimizer

DEEP = (DeepMLPClassifier, DeepMLPRegressor)
LINEAR = (LogisticRegressionGD, SoftmaxClassifier)
each_solver = pytest.mark.parametrize("name", SOLVERS)


def constraint_of(Estimator, name):
    """Whether a value is allowed for a parameter of an estimator."""

    def allows(value):
        try:
            Estimator(**{name: value})._validate_params()
        except ValueError:
            return False
        return True

    return allows


@each_solver
def test_a_row_goes_by_its_own_name(name):
    assert SOLVERS[name].name == name
    assert (name in STOCHASTIC_SOLVERS) == SOLVERS[name].is_stochastic


@pytest.mark.parametrize("Estimator", [*DEEP, *LINEAR])
def test_estimators_take_the_solvers_of_the_table(Estimator):
    allows = constraint_of(Estimator, "solver")
    for name, row in SOLVERS.items():
        assert allows(name) == (row.takes_hidden_layers or Estimator in LINEAR)
    assert not allows("newton")


@each_solver
def test_it_is_configured_by_parameters_of_the_estimators(name):
    row = SOLVERS[name]
    assert set(row.parameters) <= set(LogisticRegressionGD().get_params())
    if row.make is not None:
        assert set(inspect.signature(row.make).parameters) == set(row.parameters)


@each_solver
def test_what_takes_steps_of_its_own_has_an_optimizer(name):
    row = SOLVERS[name]
    assert (row.make is None) == (row.run is Run.LINE_SEARCH)
    if row.make is not None:
        assert isinstance(make_optimizer(name), Optimizer)
        assert row.decoupled_decay == isinstance(make_optimizer(name), AdamW)
    else:
        assert not row.decoupled_decay
        with pytest.raises(ValueError, match=f"solver='{name}' .* no optimizer"):
            make_optimizer(name)


def test_every_optimizer_belongs_to_a_solver():
    classes = {
        value
        for value in vars(optimizers).values()
        if isinstance(value, type) and isinstance(getattr(value, "name", None), str)
    }
    settings = [{}, {"momentum": 0.0}, {"nesterovs_momentum": False}]
    made = {
        type(row.make(**setting))
        for row in SOLVERS.values()
        for setting in settings
        if row.make is not None and set(setting) <= set(row.parameters)
    }
    assert made == classes


def test_an_optimizer_takes_no_parameters_of_others():
    with pytest.raises(TypeError, match="rho"):
        make_optimizer("adam", rho=0.5)


@each_solver
def test_ranges_are_of_allowed_values_around_the_default(name):
    row = SOLVERS[name]
    assert bool(row.ranges) == row.has_learning_rate
    for parameter, values in row.ranges.items():
        assert parameter in ("learning_rate_init", *row.parameters)
        assert 0 < values.low < values.high
        assert constraint_of(LogisticRegressionGD, parameter)(values.low)
        assert constraint_of(LogisticRegressionGD, parameter)(values.high)
        default = getattr(DeepMLPClassifier(), parameter)
        assert values.low <= default <= values.high


@each_solver
def test_auto_is_the_rows_learning_rate(name):
    row = SOLVERS[name]
    assert (row.default_learning_rate is not None) == row.is_stochastic
    if row.is_stochastic:
        assert row.ranges["learning_rate_init"].low <= row.default_learning_rate
        X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
        settings = {"solver": name, "max_iter": 2, "n_iter_no_change": np.inf, "random_state": 0}
        model = LogisticRegressionGD(**settings)
        rated = LogisticRegressionGD(learning_rate_init=row.default_learning_rate, **settings)
        with pytest.warns(UserWarning, match="Maximum iterations"):
            model.fit(X, y)
        with pytest.warns(UserWarning, match="Maximum iterations"):
            rated.fit(X, y)
        np.testing.assert_array_equal(model.coef_, rated.coef_)


@each_solver
@pytest.mark.parametrize("Estimator", [*DEEP, *LINEAR])
def test_docstrings_name_every_solver(Estimator, name):
    if SOLVERS[name].takes_hidden_layers or Estimator in LINEAR:
        options = Estimator.__doc__.split("solver : {")[1].split("}")[0]
        assert f'"{name}"' in options
    if SOLVERS[name].is_stochastic:
        assert f" {name}" in Estimator.partial_fit.__doc__.split("solvers:")[1].split(".")[0]
