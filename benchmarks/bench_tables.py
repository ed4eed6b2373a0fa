"""Networks and trees on real tables: how good, how sure, how fast, all at default settings.

The claims: on the nineteen tables of the development suite, `TabularMLPClassifier` and
`TabularMLPRegressor` err less than gradient-boosted trees on most tables and by a sixth in the
mean, and their fast setting still errs less, in less time than the trees take. The suite `--other`
has seen no choice of a setting and is for a last look; `--large` shows what more rows change.

    python benchmarks/bench_tables.py
    python benchmarks/bench_tables.py --other --wall --memory
    python benchmarks/bench_tables.py --large --methods fast hgb --rows 2000 32000 1000000
    python benchmarks/bench_tables.py --names hpc loans --seeds 0 --figure some.png

An error is a share of wrong classes or a root mean square error. Means are geometric, of ratios
taken seed by seed and table by table, with their standard error over the tables. Every model is
handed the same data frame; those that cannot read it get the usual steps before them. They take
turns on each table and seed, on one thread, and what is timed is the CPU, so that a busy machine
matters little; `--wall` fits once more, on all cores. The packages that ship the tables are named
where one is missing; peers that are not installed are left out.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import _tables
import numpy as np
import pandas as pd
from _harness import (
    COLOURS,
    MARKERS,
    PACKAGES,
    Report,
    command_line,
    in_fresh_process,
    memory_is_measurable,
    new_figure,
    optional,
    parse,
    peak_memory,
    plain_ticks,
    print_table,
    quiet,
    seconds_per_call,
    verdict,
    version,
)
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.metrics import root_mean_squared_error
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

REST = 0.05  # seconds before a call, in which the threads of the one before stop spinning
N_PREDICTIONS = 3
N_BINS = 15  # of the calibration error
# No probability counts as less: about float32's resolution, which is all that some models return.
LEAST_PROBABILITY = 1e-7
ROWS = (2000, 8000, 32_000, 128_000)
SMOKE = {"dev": ["vowel", "sacramento"], "other": ["vehicle", "concrete"], "large": ["made"]}
SMOKE_ROWS = (300, 600)
FAST = {"n_bins": 16, "n_members": 1, "activation": "relu"}

# ------------------------------------------------------------------------------------- the models


@dataclass(frozen=True)
class Setup:
    """What a model has to know beforehand; no number of threads is each library's own choice."""

    X: pd.DataFrame
    is_regression: bool
    seed: int
    n_threads: int | None

    @property
    def categories(self) -> list[str]:
        return list(self.X.select_dtypes("category"))

    @property
    def numbers(self) -> list[str]:
        return list(self.X.select_dtypes("number"))


def skdeep_model(setup: Setup, **parameters: Any) -> Any:
    from skdeep import TabularMLPClassifier, TabularMLPRegressor

    model = TabularMLPRegressor if setup.is_regression else TabularMLPClassifier
    return model(random_state=setup.seed, n_jobs=setup.n_threads, **parameters)


def sklearn_mlp(setup: Setup) -> Any:
    """Behind the steps that scikit-learn's guide advises; rare levels share a column."""
    levels = OneHotEncoder(handle_unknown="ignore", sparse_output=False, min_frequency=3)
    steps = [
        ("n", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), setup.numbers),
        ("c", make_pipeline(SimpleImputer(strategy="most_frequent"), levels), setup.categories),
    ]
    network: Any = MLPClassifier(random_state=setup.seed)
    if setup.is_regression:
        network = TransformedTargetRegressor(
            MLPRegressor(random_state=setup.seed), transformer=StandardScaler()
        )
    return make_pipeline(ColumnTransformer(steps), network)


def sklearn_trees(setup: Setup) -> Any:
    kinds = HistGradientBoostingClassifier, HistGradientBoostingRegressor
    return kinds[setup.is_regression](categorical_features="from_dtype", random_state=setup.seed)


def catboost_model(setup: Setup) -> Any:
    from catboost import CatBoostClassifier, CatBoostRegressor

    model = (CatBoostClassifier, CatBoostRegressor)[setup.is_regression](
        cat_features=setup.categories,
        random_seed=setup.seed,
        thread_count=setup.n_threads or -1,
        verbose=0,
        allow_writing_files=False,
    )
    return make_pipeline(FunctionTransformer(name_missing), model)


def lightgbm_model(setup: Setup) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    model = (LGBMClassifier, LGBMRegressor)[setup.is_regression]
    return model(random_state=setup.seed, n_jobs=setup.n_threads, verbose=-1)


def xgboost_model(setup: Setup) -> Any:
    from xgboost import XGBClassifier, XGBRegressor

    model = (XGBClassifier, XGBRegressor)[setup.is_regression]
    return model(random_state=setup.seed, n_jobs=setup.n_threads, enable_categorical=True)


def pytabkit_model(setup: Setup, *, name: str) -> Any:
    """Its networks take categories as they are, but no gaps."""
    import pytabkit

    model = getattr(pytabkit, name + ("_Regressor" if setup.is_regression else "_Classifier"))
    median = SimpleImputer(strategy="median", keep_empty_features=True)
    fill = ColumnTransformer(
        [("numbers", median, setup.numbers)],
        remainder=FunctionTransformer(name_missing, feature_names_out="one-to-one"),
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    network = model(device="cpu", random_state=setup.seed, n_threads=setup.n_threads)
    return make_pipeline(fill, network)


def name_missing(X: pd.DataFrame) -> pd.DataFrame:
    """A category that is missing becomes a level of its own, for those who know no gaps."""
    levels = X.select_dtypes("category").astype(object)
    return X.assign(**levels.where(levels.notna(), "missing").astype(str))


class Method(NamedTuple):
    build: Callable[[Setup], Any]
    module: str


DEFAULT, FAST_NAME, MLP, TREES = "default", "fast", "mlp", "hgb"
METHODS = {
    DEFAULT: Method(skdeep_model, "skdeep"),
    FAST_NAME: Method(partial(skdeep_model, **FAST), "skdeep"),
    MLP: Method(sklearn_mlp, "sklearn"),
    TREES: Method(sklearn_trees, "sklearn"),
    "catboost": Method(catboost_model, "catboost"),
    "lightgbm": Method(lightgbm_model, "lightgbm"),
    "xgboost": Method(xgboost_model, "xgboost"),
    # A hundred times as slow as the rest: run where they are named.
    "realmlp": Method(partial(pytabkit_model, name="RealMLP_TD"), "pytabkit"),
    "tabm": Method(partial(pytabkit_model, name="TabM_D"), "pytabkit"),
}
USUAL = [name for name in METHODS if METHODS[name].module != "pytabkit"]
USUAL_LARGE = [DEFAULT, FAST_NAME, TREES]

# -------------------------------------------------------------------------------------- measuring


class Case(NamedTuple):
    """One table, split by one seed; `rows` to train on."""

    table: str
    seed: int
    split: _tables.Split
    is_regression: bool
    n_classes: int

    @property
    def rows(self) -> int:
        return len(self.split.y)

    def setup(self, n_threads: int | None) -> Setup:
        return Setup(self.split.X, self.is_regression, self.seed, n_threads)


def cases(args: argparse.Namespace) -> Iterator[Case]:
    for name in args.names:
        data = _tables.load(name)
        for seed in args.seeds:
            if args.suite == "large":
                splits = _tables.growing(data, args.rows, seed)
            else:
                splits = [_tables.split(data, seed)]
            for split in splits:
                yield Case(name, seed, split, data.is_regression, data.n_classes)


def measure_all(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A record for each table, number of rows, seed and method."""
    warm_up(args.methods)
    records = []
    for number, case in enumerate(cases(args)):
        print(f"{case.table}, {case.rows:,} rows, seed {case.seed} …", flush=True)
        # Whoever comes first finds other caches: they take turns in that, too.
        first = number % len(args.methods)
        for name in [*args.methods[first:], *args.methods[:first]]:
            place = {"table": case.table, "rows": case.rows, "seed": case.seed, "method": name}
            records.append(place | measure(case, name, wall=args.wall, memory=args.memory))
    return records


def measure(case: Case, name: str, *, wall: bool, memory: bool) -> dict[str, float]:
    build, (X, y, X_test, y_test) = METHODS[name].build, case.split
    model = build(case.setup(n_threads=1))
    with threadpool_limits(1):
        fit = cpu_seconds(lambda: model.fit(X, y))
        predict = cpu_seconds(lambda: predicted(model, X_test, case.n_classes), N_PREDICTIONS)
        found = scores(y_test, predicted(model, X_test, case.n_classes))
    found |= {"fit": fit, "predict": predict}
    if wall:
        free = build(case.setup(n_threads=None))
        found["wall"] = seconds_per_call(lambda: free.fit(X, y), 1, REST, time.perf_counter)
    if memory:
        found["memory"] = in_fresh_process(peak_of_fit, case, name)
    return found


def cpu_seconds(run: Callable[[], object], n_calls: int = 1) -> float:
    return seconds_per_call(run, n_calls, REST, time.process_time)


def peak_of_fit(case: Case, name: str) -> float:
    """Megabytes that a fit takes beyond the table and what its library keeps loaded."""
    warm_up([name])
    model = METHODS[name].build(case.setup(n_threads=1))
    with quiet(), threadpool_limits(1):
        return peak_memory(lambda: model.fit(case.split.X, case.split.y)).beyond / 1e6


def warm_up(methods: Sequence[str]) -> None:
    """What is imported, compiled or started once is not part of a fit."""
    rng = np.random.default_rng(0)
    level = pd.Categorical.from_codes(rng.integers(3, size=120), list("abc"))
    X = pd.DataFrame({"number": rng.random(120), "level": level})
    for name in methods:
        for is_regression in (False, True):
            y = X["number"].to_numpy() if is_regression else np.asarray(level.codes, dtype=int)
            with quiet():
                METHODS[name].build(Setup(X, is_regression, 0, 1)).fit(X, y).predict(X)


def predicted(model: Any, X: pd.DataFrame, n_classes: int) -> np.ndarray:
    """Values of a regression, or a column of probabilities for each of the table's classes."""
    if n_classes == 0:
        return model.predict(X)
    p = np.zeros((len(X), n_classes))
    p[:, np.asarray(model.classes_, dtype=int)] = model.predict_proba(X)
    return p / p.sum(axis=1, keepdims=True)


def scores(y: np.ndarray, output: np.ndarray) -> dict[str, float]:
    """A test without a mistake counts as half of one, for ratios to have a logarithm."""
    if output.ndim == 1:
        return {"error": root_mean_squared_error(y, output)}
    return {
        "error": max(float(np.mean(output.argmax(axis=1) != y)), 0.5 / len(y)),
        "log-loss": log_loss(y, output),
        "calibration": calibration_error(y, output),
    }


def log_loss(y: np.ndarray, p: np.ndarray) -> float:
    return float(-np.log(np.maximum(p[np.arange(len(y)), y], LEAST_PROBABILITY)).mean())


def calibration_error(y: np.ndarray, p: np.ndarray) -> float:
    """How far the top probability is from the share of hits, by bins of equal width."""
    top = p.max(axis=1)
    bins = np.minimum((top * N_BINS).astype(int), N_BINS - 1)
    gaps = np.bincount(bins, weights=(p.argmax(axis=1) == y) - top)
    return float(np.abs(gaps).sum() / len(y))


# ------------------------------------------------------------------------------------ summarising

PLACE = ["table", "rows"]


@dataclass(frozen=True)
class Mean:
    """A geometric mean of ratios and its standard error, which one table alone does not have."""

    value: float
    error: float | None

    @classmethod
    def of(cls, ratios: pd.Series) -> "Mean":
        logs = np.log(ratios)
        value = float(np.exp(logs.mean()))
        return cls(value, value * float(logs.sem()) if len(logs) > 1 else None)

    def __str__(self) -> str:
        error = "" if self.error is None else f" ± {self.error:.3f}"
        return f"{self.value:.3f}{error}"


def wide(records: pd.DataFrame, value: str) -> pd.DataFrame:
    """One column a method; one row a table, number of rows and seed, in the order of the run."""
    index = [*PLACE, "seed"]
    rows = pd.MultiIndex.from_frame(records[index].drop_duplicates())
    if value not in records:
        return pd.DataFrame(index=rows)
    return records.pivot(index=index, columns="method", values=value).reindex(rows)


def ratios(records: pd.DataFrame, value: str, over: str, under: str) -> pd.Series:
    """By table, geometric means over the seeds."""
    columns = wide(records, value)
    if over not in columns or under not in columns:
        return pd.Series(dtype=float)
    logs = np.log(columns[over] / columns[under]).dropna()
    return np.exp(logs.groupby(level=PLACE, sort=False).mean())


def summarise(records: pd.DataFrame, method: str) -> dict[str, Any]:
    """One method beside scikit-learn's network and trees, as far as it was measured."""
    to_mlp = partial(ratios, records, over=method, under=MLP)
    to_trees = partial(ratios, records, over=method, under=TREES)
    seconds = wide(records, "fit").sum()
    found: dict[str, Any] = {
        "error ÷ mlp": Mean.of(to_mlp("error")),
        "error ÷ hgb": Mean.of(to_trees("error")),
        "better than hgb": wins(records, method),
        "tables": records.groupby(PLACE).ngroups,
        "log-loss ÷ mlp": Mean.of(to_mlp("log-loss")),
        "calibration": mean_of(records, "calibration", method),
        "fit ÷ hgb, sum": float(seconds[method] / seconds.get(TREES, np.nan)),
        "fit ÷ hgb, median": float(to_trees("fit").median()),
        "predict ÷ hgb, median": float(to_trees("predict").median()),
        "wall ÷ hgb, median": float(to_trees("wall").median()),
        "fit, s": mean_of(records, "fit", method),
        "memory, MB": mean_of(records, "memory", method),
    }
    known = {name: value for name, value in found.items() if np.isfinite(number(value))}
    return {"method": method, **known}


def number(value: float | Mean) -> float:
    return value.value if isinstance(value, Mean) else value


def wins(records: pd.DataFrame, method: str) -> float:
    """On how many tables the mean error over the seeds is below that of the trees."""
    errors = wide(records, "error").groupby(level=PLACE).mean()
    return int((errors[method] < errors[TREES]).sum()) if TREES in errors else np.nan


def mean_of(records: pd.DataFrame, value: str, method: str) -> float:
    columns = wide(records, value)
    return float(columns[method].mean()) if method in columns else np.nan


# -------------------------------------------------------------------------------------- reporting

# Of a run over the whole development suite.
REQUIRED = {
    DEFAULT: {
        "error ÷ mlp": {"at_most": 0.73},
        "log-loss ÷ mlp": {"at_most": 0.65},
        "better than hgb": {"at_least": 15},
        "fit ÷ hgb, sum": {"at_most": 1.1},
    },
    FAST_NAME: {
        "error ÷ mlp": {"at_most": 0.79},
        "log-loss ÷ mlp": {"at_most": 0.7},
        "better than hgb": {"at_least": 11},
        "fit ÷ hgb, sum": {"at_most": 0.35},
    },
}


def print_by_table(records: pd.DataFrame, value: str, title: str) -> None:
    means = wide(records, value).groupby(level=PLACE, sort=False).mean().dropna(how="all")
    if means.empty:
        return
    means = means[[name for name in METHODS if name in means]]
    rows = [
        [table, f"{rows:,}", *(f"{mean:.4g}" for mean in row)]
        for (table, rows), row in zip(means.index, means.to_numpy(), strict=True)
    ]
    print_table(title, ["table", "rows", *means], rows)


def print_summaries(summaries: list[dict[str, Any]]) -> None:
    """A line for each measure, a column for each method."""
    measures = dict.fromkeys(measure for summary in summaries for measure in summary)
    rows = [
        [measure, *(cell(summary.get(measure)) for summary in summaries)] for measure in measures
    ]
    print_table("Over all tables", rows[0], rows[1:])


def cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def print_required(summaries: list[dict[str, Any]]) -> None:
    rows = []
    for summary in summaries:
        for measure, bound in REQUIRED.get(summary["method"], {}).items():
            if measure in summary:
                value, label = summary[measure], f"{summary['method']}: {measure}"
                rows.append([label, cell(value), *verdict(number(value), **bound)])
    print_table("Required", ["", "found", "required", ""], rows)


def draw(figure: Any, records: pd.DataFrame, summaries: list[dict[str, Any]]) -> None:
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
    draw_cost(left, summaries)
    draw_tables(right, records)


def style_of(method: str) -> dict[str, str]:
    number = list(METHODS).index(method)
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
    }


def draw_cost(ax: Any, summaries: list[dict[str, Any]]) -> None:
    """Error against time: below and to the left is better."""
    for summary in (one for one in summaries if "error ÷ mlp" in one):
        error, name = summary["error ÷ mlp"], summary["method"]
        ax.errorbar(summary["fit, s"], error.value, error.error, capsize=3, **style_of(name))
        place = {"xytext": (6, 5), "textcoords": "offset points"}
        ax.annotate(name, (summary["fit, s"], error.value), **place)
    ax.set_xscale("log")
    plain_ticks(ax.xaxis)
    ax.margins(x=0.25)
    ax.grid(alpha=0.3)
    ax.set(xlabel="CPU seconds of a fit, mean", ylabel="error ÷ scikit-learn's MLP")


def draw_tables(ax: Any, records: pd.DataFrame) -> None:
    """Error beside the trees', one line a table."""
    methods = [name for name in records["method"].unique() if name not in (MLP, TREES)]
    shown = {name: ratios(records, "error", name, TREES) for name in METHODS if name in methods}
    tables = list(dict.fromkeys(records["table"]))
    for name, found in shown.items():
        heights = [tables.index(table) for table, _ in found.index]
        ax.plot(found, heights, linestyle="", alpha=0.8, label=name, **style_of(name))
    ax.axvline(1, color="0.5", label=TREES)
    ax.set_yticks(range(len(tables)), tables)
    ax.invert_yaxis()
    ax.set_xscale("log")
    plain_ticks(ax.xaxis)
    ax.grid(alpha=0.3)
    ax.set(xlabel="error ÷ HistGradientBoosting")
    ax.legend(fontsize="small")


def draw_growth(figure: Any, records: pd.DataFrame) -> None:
    """Error and time beside the trees' as rows grow: one line a table and method."""
    left, right = figure.subplots(1, 2)
    for ax, value in ((left, "error"), (right, "fit")):
        for method in records["method"].unique():
            if method != TREES:
                draw_lines(ax, ratios(records, value, method, TREES), method)
        ax.axhline(1, color="0.5", zorder=0)
        ax.set_xscale("log")
        ax.grid(alpha=0.3)
        ax.margins(x=0.2)
        ax.set_xlabel("rows to train on")
    right.set_yscale("log")
    plain_ticks(right.yaxis)
    left.set_ylabel("error ÷ HistGradientBoosting")
    right.set_ylabel("CPU time of a fit ÷ HistGradientBoosting")
    left.legend(fontsize="small")


def draw_lines(ax: Any, found: pd.Series, method: str) -> None:
    for number, (table, line) in enumerate(found.groupby(level="table", sort=False)):
        rows = line.index.get_level_values("rows")
        label = method if number == 0 else None
        ax.plot(rows, line, alpha=0.8, markersize=4, label=label, **style_of(method))
        place = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
        ax.annotate(table, (rows[-1], line.iloc[-1]), fontsize="x-small", **place)


# ----------------------------------------------------------------------------------- command line


def options() -> argparse.Namespace:
    parser = command_line(__doc__, timed=False)
    suite = parser.add_mutually_exclusive_group()
    suite.add_argument("--other", action="store_true", help="tables that no choice has seen")
    suite.add_argument("--large", action="store_true", help="error and time as rows grow")
    parser.add_argument("--names", nargs="+", metavar="TABLE", help="only these of the suite")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", choices=METHODS)
    parser.add_argument("--rows", nargs="+", type=int, default=list(ROWS), help="of --large")
    parser.add_argument("--wall", action="store_true", help="also wall time, on all cores")
    parser.add_argument("--memory", action="store_true", help="also the peak memory of a fit")
    parser.add_argument("--figure", type=Path, metavar="PATH", help="draw the figure here, too")
    args = parse(parser)
    args.suite = "other" if args.other else "large" if args.large else "dev"
    if args.smoke:
        args.seeds, args.rows = [0], list(SMOKE_ROWS)
    complete(args, parser)
    return args


def complete(args: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Fill in names and methods; refuse at once what could not be run."""
    suite = {"dev": _tables.DEV, "other": _tables.OTHER, "large": _tables.LARGE}[args.suite]
    args.names = args.names or (SMOKE[args.suite] if args.smoke else list(suite))
    unknown = [name for name in args.names if name not in suite]
    if unknown:
        parser.error(f"expected tables of {', '.join(suite)}, got {', '.join(unknown)}")
    wanted = args.methods or (USUAL_LARGE if args.large else USUAL)
    args.methods = [name for name in wanted if optional(METHODS[name].module) is not None]
    args.memory = args.memory and memory_is_measurable()
    if args.suite != "dev":
        args.output /= args.suite
    try:
        _tables.check_installed(args.names)
    except _tables.PackageNotFound as error:
        parser.error(str(error))


def versions() -> dict[str, str | None]:
    """Of the peers, and of the packages whose files are read."""
    modules = {method.module for method in METHODS.values()} | {"pandas", *_tables.INSTALL}
    return {name: version(name) for name in sorted(modules - {"sklearn", *PACKAGES})}


def main() -> None:
    args = options()
    report = Report(args)
    with quiet():
        fits = measure_all(args)
    records = pd.DataFrame(fits)
    print_by_table(records, "error", "Error: share of wrong classes, root mean square")
    print_by_table(records, "log-loss", "Log-loss")
    print_by_table(records, "fit", "CPU seconds of a fit")
    summaries = [summarise(records, method) for method in args.methods]
    print_summaries(summaries)
    if args.names == list(_tables.DEV):
        print_required(summaries)

    def show(figure: Any) -> None:
        draw_growth(figure, records) if args.large else draw(figure, records, summaries)

    found = {"fits": fits, "summaries": summaries, "versions": versions()}
    size = (12, 5) if args.large else (12, 0.25 * len(args.names) + 3)
    report.save(found, show, size=size)
    if args.figure is not None and optional("matplotlib") is not None:
        figure = new_figure(size)
        show(figure)
        figure.savefig(args.figure, dpi=150)


if __name__ == "__main__":
    main()
