"""Check that parameters which mean the same are documented in the same words.

Within a family of classes, or of methods, a parameter that several of them have must have one
entry: type, default and description, line by line. Where entries have to differ, DIFFERENCES says
between whom and why; an entry of that table that no difference needs any more is a finding too.
Prints one line per finding and exits with 1 if there is any.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import skdeep
from skdeep import inspection, model_selection, preprocessing

# By the name of a class or method: each parameter's entry.
Family = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Difference:
    """Why a parameter is not worded alike, and who words it in a way of their own.

    Each group of `apart` has one wording, and all members that are in none of them have one.
    Without groups everyone may have a wording of their own.
    """

    reason: str
    apart: tuple[frozenset[str], ...] = ()

    def group_of(self, member: str) -> object:
        if not self.apart:
            return member
        return next((group for group in self.apart if member in group), None)


def apart(reason: str, *groups: str) -> Difference:
    """A difference between groups, each given by its members' names with spaces between."""
    return Difference(reason, tuple(frozenset(group.split()) for group in groups))


MLP = "DeepMLPClassifier DeepMLPRegressor"
TABLE, PIECEWISE = "TableEncoder", "PiecewiseLinearEncoder"
HALVING, COARSE = "VectorizedHalvingRandomSearchCV", "CoarseToFineSearchCV"
ON_ONE_AXES = " ".join(
    f"{display}Display.{method}"
    for display, methods in {
        "BiasVariance": ("plot", "from_estimator", "from_report"),
        "LearningRate": ("plot", "from_estimator", "from_schedule"),
        "LossCurve": ("plot", "from_estimator"),
    }.items()
    for method in methods
)
DIFFERENCES: dict[str, dict[str, Difference]] = {
    "estimators": {
        "alpha": apart("Other defaults; only an MLP has γ and β, and no gradient descent.", MLP),
        "augment": apart("A regressor has targets, not classes.", "DeepMLPRegressor"),
        "batch_size": apart('"auto" is chosen by other measurements; batch norm.', MLP),
        "class_weight": apart("Only an MLP takes multi-label y.", "DeepMLPClassifier"),
        "learning_rate": apart('"gd", a full-batch solver, has a schedule too.', MLP),
        "learning_rate_init": apart('"auto" of "gd" is found from the data.', MLP),
        "max_iter": apart('An iteration of "gd" costs little and there are many.', MLP),
        "momentum": apart('"auto" of "gd" grows.', MLP),
        "n_iter_no_change": apart("Only an MLP has dropout.", MLP),
        "random_state": apart("A linear model draws neither weights nor dropout.", MLP),
        "scoring": apart("R² of a regressor, accuracy of a classifier.", "DeepMLPRegressor"),
        "solver": apart('An MLP has no "gd", and another default.', MLP),
        "tol": apart('What "gd" looks at.', MLP),
        "validation_fraction": apart("A regressor has no classes.", "DeepMLPRegressor"),
        "warm_start": apart("A linear model has no hidden layers to keep.", MLP),
    },
    "tables": {
        "categorical_features": apart("An encoder shows how values are told apart.", TABLE),
        "dtype": apart("An encoder trains nothing.", f"{TABLE} {PIECEWISE}"),
        "learning_rate_init": apart("A regression bears a higher one.", "TabularMLPRegressor"),
        "n_bins": apart("Of a group, a table's number, a feature.", TABLE, PIECEWISE),
        "scale": apart("A table has other columns than numbers.", TABLE),
        "validation_fraction": apart("A regressor has no classes.", "TabularMLPRegressor"),
    },
    "searches": {
        "cv": apart("The folds are kept; halving's default is scikit-learn's.", HALVING, COARSE),
        "error_score": apart("Rounds are narrowed around what has a score.", COARSE),
        "estimator": apart("Halving counts epochs.", HALVING),
        "max_stack_bytes": apart("Halving keeps the stacks that go on.", HALVING),
        "n_iter": apart("Candidates of each round, not of all.", COARSE),
        "n_jobs": apart("Candidates may be fitted one by one.", COARSE),
        "param_distributions": apart(
            "`max_iter` is halving's own; rounds narrow what they draw from.", HALVING, COARSE
        ),
        "refit": apart("Halving has one metric; rounds are narrowed by it.", HALVING, COARSE),
        "return_train_score": apart("Halving's default is scikit-learn's.", HALVING),
        "scoring": apart("Halving has one metric.", HALVING),
        "verbose": apart("Each round's ranges are told.", COARSE),
    },
    "displays": {
        "ax": apart("One panel takes one Axes.", ON_ONE_AXES),
        "line_kw": apart(
            "Of two averaged lines, and of one.",
            "LossCurveDisplay.plot LossCurveDisplay.from_estimator",
        ),
        "name": Difference("What a title says by itself is each display's own."),
    },
}
# What the displays have in common; their other parameters are their data.
OF_DISPLAYS = ("ax", "beta", "cmap", "estimator_name", "kind", "line_kw", "log_scale", "name")


def documented_parameters(documented: type | Callable[..., object]) -> dict[str, str]:
    """Each parameter's entry in a numpydoc docstring, the line of its type included."""
    doc = inspect.getdoc(documented) or ""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n---|\Z)", doc, re.S | re.M)
    entries = re.split(r"\n(?=\S+ : )", section.group(1).strip()) if section else []
    return {entry.split(" : ")[0]: entry for entry in entries}


def families() -> dict[str, Family]:
    estimators = [
        skdeep.LogisticRegressionGD,
        skdeep.SoftmaxClassifier,
        skdeep.DeepMLPClassifier,
        skdeep.DeepMLPRegressor,
    ]
    tables = [
        skdeep.TabularMLPClassifier,
        skdeep.TabularMLPRegressor,
        preprocessing.TableEncoder,
        preprocessing.PiecewiseLinearEncoder,
    ]
    searches = [
        getattr(model_selection, name) for name in model_selection.__all__ if name.endswith("CV")
    ]
    displays = {
        name: getattr(inspection, name) for name in inspection.__all__ if name.endswith("Display")
    }
    drawn_by = displays | {
        f"{name}.{method}": getattr(display, method)
        for name, display in displays.items()
        for method in dir(display)
        if method == "plot" or method.startswith("from_")
    }
    return {
        "estimators": {cls.__name__: documented_parameters(cls) for cls in estimators},
        "tables": {cls.__name__: documented_parameters(cls) for cls in tables},
        "searches": {cls.__name__: documented_parameters(cls) for cls in searches},
        "displays": {
            who: {
                name: entry
                for name, entry in documented_parameters(documented).items()
                if name in OF_DISPLAYS
            }
            for who, documented in drawn_by.items()
        },
    }


def findings(family: Family, differences: Mapping[str, Difference]) -> Iterator[str]:
    for parameter in sorted({name for entries in family.values() for name in entries}):
        worded = {
            member: entries[parameter] for member, entries in family.items() if parameter in entries
        }
        allowed = differences.get(parameter)
        if allowed is None:
            yield from unequal(parameter, worded)
            continue
        if len(set(worded.values())) == 1:
            yield f"{parameter}: all word it alike, so it needs no place among the differences"
        for group in dict.fromkeys(map(allowed.group_of, worded)):
            alike = {who: entry for who, entry in worded.items() if allowed.group_of(who) == group}
            yield from unequal(parameter, alike)
    for parameter in differences:
        if not any(parameter in entries for entries in family.values()):
            yield f"{parameter}: among the differences, but nobody has it"


def unequal(parameter: str, worded: Mapping[str, str]) -> Iterator[str]:
    """One line for each member whose entry is not the first's, with the first lines that differ."""
    (first, expected), *others = worded.items()
    for member, entry in others:
        if entry != expected:
            pairs = zip(f"{expected}\n".splitlines(), f"{entry}\n".splitlines(), strict=False)
            one, other = next((pair for pair in pairs if pair[0] != pair[1]), (expected, entry))
            yield f"{parameter}: {first} has {one.strip()!r}, {member} has {other.strip()!r}"


def main() -> int:
    found = [
        f"{name}: {line}"
        for name, family in families().items()
        for line in findings(family, DIFFERENCES[name])
    ]
    n_members = sum(map(len, families().values()))
    print("\n".join([*found, f"{n_members} docstrings compared, {len(found)} findings"]))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
