"""What the tests of the fit share: recipes, models and rows made by hand."""

from dataclasses import replace

import numpy as np

from skdeep._engine.data import Rows
from skdeep._engine.losses import SoftmaxCrossEntropy, SquaredError
from skdeep._engine.schedules import Schedule
from skdeep._engine.solvers import SOLVERS
from skdeep._engine.training import TrainingState
from skdeep._fit.architecture import Architecture
from skdeep._fit.fit import Model
from skdeep._fit.recipe import Recipe
from skdeep._fit.watch import Curves, Standing, Watch

N_ROWS, N_FEATURES, N_CLASSES = 60, 5, 3


def problem_data(dtype=np.float64, n_rows=N_ROWS):
    """X and class codes that a small network can learn."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n_rows, N_FEATURES)).astype(dtype)
    return X, (X[:, 0] + X[:, 1] ** 2 + 0.3 * rng.normal(size=n_rows) > 0.5).astype(int) + (
        X[:, 2] > 0.8
    )


def make_recipe(*, solver="adam", sizes=(6, 4), loss=None, optimizer=None, **changes):
    """A recipe for `problem_data`; keywords are fields of Recipe or of Architecture."""
    of_architecture = {
        name: changes.pop(name)
        for name in list(changes)
        if name in Architecture.__dataclass_fields__
    }
    architecture = Architecture(
        of_architecture.pop("n_in", N_FEATURES),
        tuple(sizes),
        of_architecture.pop("n_out", N_CLASSES),
        activations=of_architecture.pop("activations", ("tanh",) * len(sizes)),
        **of_architecture,
    )
    row = SOLVERS[solver]
    made = row.make() if row.make is not None else None
    fields = {
        "alpha": 0.1,
        "l1_ratio": 0.0,
        "learning_rate": 0.01,
        "schedule": Schedule(),
        "gradient_clip": None,
        "tol": 0.0,
        "n_iter_no_change": np.inf,
        "weight_init": "auto",
        "max_epochs": 6,
        "max_evaluations": 100,
        "batch_size": 16,
        "shuffle": True,
        "augment": None,
        "early_stopping": False,
        "accelerates": False,
        "ftol": 1e-9,
    }
    return Recipe(
        architecture=architecture,
        loss=SoftmaxCrossEntropy(N_CLASSES) if loss is None else loss,
        optimizer=made if optimizer is None else optimizer,
        solver=row,
        **(fields | changes),
    )


def make_model(recipe, *, seed=0, dtype=np.float64, dev=None, score=None, listener=None):
    """A model that starts from a seed."""
    state = TrainingState.start(recipe.network, [seed], recipe.weight_init, dtype)
    watch = Watch(recipe, state, Curves(), Standing(), listener=listener)
    return Model(watch, dev, score)


def regression_rows(dtype=np.float64):
    X, codes = problem_data(dtype)
    return Rows(X, (X[:, :1] - codes[:, np.newaxis]).astype(dtype))


def for_regression(recipe):
    """The same recipe for one target, with the squared error."""
    return replace(recipe, architecture=replace(recipe.architecture, n_out=1), loss=SquaredError())
