"""What the tests of the networks for tables share: one table in many forms, and small ensembles."""

import signal
from contextlib import contextmanager

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skdeep import TabularMLPClassifier, TabularMLPRegressor

BOTH = pytest.mark.parametrize("Estimator", [TabularMLPClassifier, TabularMLPRegressor])
# No default but those of the losses and the table: they are for tables of another size.
SMALL = {
    "n_bins": (3, 5),
    "n_members": 2,
    "hidden_layer_sizes": (8,),
    "activation": "silu",
    "max_iter": 6,
    "learning_rate_init": 0.1,
    "batch_size": 16,
    "refit": True,
    "random_state": 0,
}
# Where progress is not what is tested: fits are short, and few rows are held out.
MAY_MAKE_NO_PROGRESS = pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning")

N = 96
GENERATOR = np.random.default_rng(0)
SIZE = GENERATOR.normal(size=N).round(2)
AGE = [None if k % 7 == 0 else int(k % 11) for k in range(N)]
FLAG = [k % 5 < 2 for k in range(N)]
COLOUR = [["red", "green", "blue", "green"][k % 4] for k in range(N)]
TOWN = [None if k % 8 == 0 else f"town {k % 9}" for k in range(N)]
NUMBERS = {"size": SIZE, "age": AGE, "flag": FLAG}
TEXTS = {"colour": COLOUR, "town": TOWN}

_SIGNAL = 2 * SIZE + np.array(FLAG) + 1.5 * (np.array(COLOUR) == "red") - 0.7
# For each target a name, and values that the table tells of.
TARGETS = {
    "two classes": (_SIGNAL > 0).astype(int),
    "three classes": np.digitize(_SIGNAL, [-1, 1]),
    "numbers": _SIGNAL + 0.1 * np.sin(np.arange(N)),
    "counts": np.round(np.exp(_SIGNAL / 2)),
    "amounts": np.exp(_SIGNAL / 2),
    "labels": np.column_stack([_SIGNAL > 0, np.array(FLAG), SIZE > 0.3]).astype(int),
    "two numbers": np.column_stack([_SIGNAL, 100 + 10 * SIZE]),
}


def small(Estimator, **parameters):
    """An ensemble that is fitted in some hundredths of a second."""
    return Estimator(**(SMALL | parameters))


def target_for(Estimator):
    """Two classes, or numbers."""
    return TARGETS["two classes" if Estimator is TabularMLPClassifier else "numbers"]


def predictions(model, X):
    """All that a fitted ensemble says of rows."""
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


def fit_through(model, *data):
    """Fit where Ctrl-C has to be answered by the fit: raised, it would end the tests."""
    try:
        return model.fit(*data)
    except KeyboardInterrupt:
        pytest.fail("KeyboardInterrupt is raised, and what had been reached is lost")


@contextmanager
def ctrl_c_is_heard():
    """As at a terminal: processes that run tests for others ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


# --------------------------------------------------------------------------- the table's forms


def plain():
    """A pandas frame of NumPy's dtypes, with strings as objects."""
    ages = np.array([np.nan if age is None else age for age in AGE])
    texts = {name: pd.Series(values, dtype=object) for name, values in TEXTS.items()}
    return pd.DataFrame({"size": SIZE, "age": ages, "flag": FLAG, **texts})


def numbers():
    """An array of the numbers alone, without missing ones."""
    return np.column_stack([SIZE, np.arange(N) % 11, FLAG, np.array(COLOUR) == "red"]).astype(float)


def _with_dtypes(dtypes):
    columns = {**NUMBERS, **TEXTS}
    return pd.DataFrame(
        {name: pd.Series(list(v), dtype=dtypes[name]) for name, v in columns.items()}
    )


def _nullable():
    dtypes = {"size": "Float64", "age": "Int64", "flag": "boolean"}
    return _with_dtypes({**dtypes, **dict.fromkeys(TEXTS, "string")})


def _arrow():
    pa = pytest.importorskip("pyarrow")
    types = {"size": pa.float64(), "age": pa.int32(), "flag": pa.bool_()}
    types |= {"colour": pa.dictionary(pa.int32(), pa.string()), "town": pa.large_string()}
    return _with_dtypes({name: pd.ArrowDtype(kind) for name, kind in types.items()})


def _categories():
    frame = plain()
    for name in TEXTS:
        values = sorted(set(frame[name].dropna()), reverse=True)
        frame[name] = pd.Categorical(frame[name], ["nowhere", *values])
    return frame


def _polars():
    return pl.DataFrame({name: list(values) for name, values in {**NUMBERS, **TEXTS}.items()})


FORMS = {
    "plain": plain,
    "nullable": _nullable,
    "arrow": _arrow,
    "categories": _categories,
    "objects": lambda: plain().astype(object),
    "another index": lambda: plain().set_index(pd.Index(range(N, 0, -1))),
    "polars": _polars,
    "polars categories": lambda: _polars().with_columns(pl.col(*TEXTS).cast(pl.Categorical)),
    "polars lazy kinds": lambda: _polars().with_columns(
        pl.col("colour").cast(pl.Enum(["blue", "white", "red", "green"]))
    ),
    "object array": lambda: plain().astype(object).to_numpy(),
    "lists": lambda: plain().astype(object).to_numpy().tolist(),
}
