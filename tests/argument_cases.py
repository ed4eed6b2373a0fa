"""Every public callable with arguments that are right, and which of `bad_values.py` also are.

A case calls with its own arguments, one of them replaced. Its `legal` names, for each argument of
the signature, the values that may stand there; all others are bad.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from bad_values import NAMES
from drawing import REPORT

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    SoftmaxClassifier,
    TabularMLPClassifier,
    TabularMLPRegressor,
    augmentation,
    callbacks,
    export,
    inspection,
    model_selection,
    preprocessing,
    utils,
)

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(12, 3))
CLASSES = np.arange(12) % 2
REAL = X[:, 0].copy()
SETS = {"X_train": X, "y_train": CLASSES, "X_dev": X[:8], "y_dev": CLASSES[:8]}

# ------------------------------------------------------------------------------- kinds of arguments

ALL = NAMES
# scikit-learn takes True for the number 1, in constraints and elsewhere.
POSITIVE = {"0.5", "1", "2", "True"}
NOT_NEGATIVE = POSITIVE | {"0"}
SHARE = {"0", "0.5", "1", "True"}
SHARE_BELOW_ONE = {"0", "0.5"}
# Any number of bits: none is too large to count with.
COUNT = {"1", "2", "True", "10**400"}
BOOLEAN = {"True"}
VERBOSE = COUNT | {"0"}
SEED = {"None", "0", "1", "2", "True"}
CALLABLE = {"function", "class"}
N_JOBS = COUNT | {"None", "-1"}
WEIGHTS = {"None", "1", "2", "0.5", "True", "vector"}
# Of the width of X, and of any width.
ROWS = {"matrix", "sparse"}
ANY_ROWS = ROWS | {"narrow matrix", "sparse column"}
TABLE = {"matrix", "nan matrix"}
ANY_TABLE = TABLE | {"word matrix", "narrow matrix"}
# One label per row; the network takes a single label, too, and indicator matrices.
LABELS = {"vector", "frame of dates"}
LABELS_OF_NETWORKS = LABELS | {"dates", "narrow matrix", "sparse"}
TARGETS = {"vector", "matrix", "narrow matrix"}
NOTHING: set[str] = set()
# Whatever has as many rows as the data.
OF_ALL_ROWS = {
    "dates",
    "vector",
    "nan vector",
    "huge vector",
    "complex vector",
    "masked vector",
    "words with None",
    "words with NA",
    "words and numbers",
    "matrix",
    "nan matrix",
    "word matrix",
    "narrow matrix",
    "cube",
    "ragged",
    "sparse",
    "sparse column",
    "frame of dates",
}
# What is passed on to `Axes.set_title` and the like.
NAME = {"None", "word"}


@dataclass(frozen=True)
class Case:
    """A callable, arguments that it takes, and for each of its arguments the legal values."""

    call: Callable[..., object]
    given: Mapping[str, object]
    legal: Mapping[str, set[str] | frozenset[str]]
    # By argument: values that are not tried, for the reason that stands beside them.
    untried: Mapping[str, set[str]] = field(default_factory=dict)

    def __call__(self, **replaced: object) -> object:
        return self.call(**{**self.given, **replaced})


CASES: dict[str, Case] = {}

# ------------------------------------------------------------------------------------- estimators

SHARED_LEGAL: dict[str, set[str]] = {
    "hidden_layer_sizes": {"1", "2", "True", "array", "[]"},
    "activation": NOTHING,
    "solver": NOTHING,
    "alpha": NOT_NEGATIVE,
    "l1_ratio": SHARE,
    "batch_size": COUNT,
    "learning_rate": {"class"},
    "learning_rate_init": POSITIVE,
    "power_t": NOT_NEGATIVE,
    "decay_rate": POSITIVE | {"None"},
    "decay_epochs": COUNT | {"None"},
    "max_iter": COUNT,
    "shuffle": BOOLEAN,
    "random_state": SEED,
    "tol": NOT_NEGATIVE,
    "verbose": VERBOSE,
    "warm_start": BOOLEAN,
    "momentum": SHARE,
    "nesterovs_momentum": BOOLEAN,
    "early_stopping": BOOLEAN,
    "validation_fraction": SHARE_BELOW_ONE,
    "scoring": {"None", *CALLABLE},
    "rho": SHARE_BELOW_ONE,
    "beta_1": SHARE_BELOW_ONE,
    "beta_2": SHARE_BELOW_ONE,
    "epsilon": POSITIVE,
    "n_iter_no_change": COUNT | {"inf"},
    "max_fun": COUNT,
    "dropout": SHARE_BELOW_ONE,
    "input_dropout": SHARE_BELOW_ONE,
    "batch_norm": BOOLEAN,
    "batch_norm_momentum": SHARE_BELOW_ONE,
    "batch_norm_epsilon": POSITIVE,
    "layer_norm": BOOLEAN,
    "layer_norm_epsilon": POSITIVE,
    "label_smoothing": SHARE_BELOW_ONE,
    "class_weight": {"None", "{}", "{1: 2}"},
    "gradient_clip": POSITIVE | {"None"},
    "augment": {"None"},
    "weight_init": NOTHING,
    "dtype": {"None"},
    "fit_intercept": BOOLEAN,
    "loss": NOTHING,
    "huber_delta": POSITIVE,
    "quantile": {"0.5"},
}
# A fit of so many epochs would not end; what a user's own function raises is its own.
SHARED_UNTRIED = {"max_iter": {"10**400"}, "augment": {"class"}}

TABULAR_LEGAL: dict[str, set[str]] = {
    **SHARED_LEGAL,
    "n_bins": {"1", "2", "True", "array"},
    "n_members": COUNT,
    "categorical_features": {"None", "[]", "[[]]", "empty matrix", "array", "vector"},
    "weight_decay": NOT_NEGATIVE,
    "validation_fraction": {"0.5"},
    "refit": BOOLEAN,
    "n_jobs": N_JOBS,
    "dtype": NOTHING,
}
TABULAR_UNTRIED = {"max_iter": {"10**400"}, "n_members": {"10**400"}}


def target_of(Estimator: type) -> np.ndarray:
    return CLASSES if "Regressor" not in Estimator.__name__ else REAL


def parameters_of(called: Callable[..., object]) -> list[str]:
    return [name for name in inspect.signature(called).parameters if name != "self"]


def fitting(Estimator: type, given: Mapping[str, object]) -> Callable[..., object]:
    def call(**parameters: object) -> object:
        return Estimator(**parameters).fit(X, target_of(Estimator))

    return call


@cache
def fitted(Estimator: type, **given: object):
    return Estimator(**{**QUICK[Estimator], **given}).fit(X, target_of(Estimator))


DEEP = {"hidden_layer_sizes": (2,), "max_iter": 1, "random_state": 0}
LINEAR = {"max_iter": 1, "random_state": 0}
TABULAR = {
    "n_bins": 2,
    "n_members": 1,
    "hidden_layer_sizes": 2,
    "max_iter": 1,
    "random_state": 0,
    "validation_fraction": 0.5,
    "n_jobs": 1,
}
QUICK = {
    DeepMLPClassifier: DEEP,
    DeepMLPRegressor: DEEP,
    LogisticRegressionGD: LINEAR,
    SoftmaxClassifier: LINEAR,
    TabularMLPClassifier: TABULAR,
    TabularMLPRegressor: TABULAR,
}


def method(make: Callable[[], object], name: str) -> Callable[..., object]:
    return lambda **given: getattr(make(), name)(**given)


for Estimator, given in QUICK.items():
    name = Estimator.__name__
    is_tabular, is_regressor = name.startswith("Tabular"), name.endswith("Regressor")
    words = TABULAR_LEGAL if is_tabular else SHARED_LEGAL
    CASES[name] = Case(
        fitting(Estimator, given),
        given,
        {one: words[one] for one in parameters_of(Estimator)},
        TABULAR_UNTRIED if is_tabular else SHARED_UNTRIED,
    )
    y = target_of(Estimator)
    labels = (
        LABELS_OF_NETWORKS if Estimator in (DeepMLPClassifier, TabularMLPClassifier) else LABELS
    )
    fit_legal = {
        "X": ANY_TABLE if is_tabular else ANY_ROWS,
        "y": TARGETS if is_regressor else labels,
        "sample_weight": WEIGHTS,
    }
    rows = TABLE if is_tabular else ROWS
    dev_legal = {"X_val": rows, "y_val": {"vector"}, "sample_weight_val": WEIGHTS}

    def make(Estimator=Estimator, given=given):
        return Estimator(**given)

    CASES[f"{name}.fit"] = Case(
        method(make, "fit"),
        {"X": X, "y": y},
        fit_legal,
    )
    CASES[f"{name}.fit with a dev set"] = Case(
        method(make, "fit"), {"X": X, "y": y, "X_val": X, "y_val": y}, dev_legal
    )

    def trained(Estimator=Estimator):
        return fitted(Estimator)

    for one in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        if hasattr(Estimator, one):
            legal = {"X": rows}
            if "return_std" in parameters_of(getattr(Estimator, one)):
                legal["return_std"] = BOOLEAN
            CASES[f"{name}.{one}"] = Case(method(trained, one), {"X": X}, legal)
    if not is_tabular:

        def incremental(Estimator=Estimator, given=given):
            return Estimator(**{**given, "solver": "adam"})

        legal = {**fit_legal, "total_weight": {"None"}}
        arguments = {"X": X, "y": y}
        if not is_regressor:
            # Beside the classes that are given, other labels are unknown.
            legal["y"] = LABELS_OF_NETWORKS & {"vector", "narrow matrix", "sparse"} & labels
            legal["classes"] = {"vector"}
            arguments["classes"] = [0, 1]
        CASES[f"{name}.partial_fit"] = Case(method(incremental, "partial_fit"), arguments, legal)

# ------------------------------------------------------------------- preprocessing, augmentation

TEXTS = {"None", "word"}


def encoder(Encoder: type) -> Callable[[], object]:
    return lambda: Encoder().fit(X)


for Encoder in (preprocessing.PiecewiseLinearEncoder, preprocessing.TableEncoder):
    name = Encoder.__name__
    rows, any_rows = (
        (TABLE | {"word matrix"}, ANY_TABLE)
        if Encoder is preprocessing.TableEncoder
        else (TABLE, TABLE | {"narrow matrix"})
    )
    legal = {
        "n_bins": COUNT - {"10**400"},
        "scale": POSITIVE | {"None"},
        "dtype": NOTHING,
        "min_frequency": COUNT,
        "max_categories": COUNT,
        "categorical_features": TABULAR_LEGAL["categorical_features"],
    }
    CASES[name] = Case(
        fitting(Encoder, {}), {}, {one: legal[one] for one in parameters_of(Encoder)}
    )
    CASES[f"{name}.fit"] = Case(
        method(Encoder, "fit"),
        {"X": X},
        # Nothing is learnt from y: it is there for pipelines.
        {"X": any_rows, "y": ALL, "sample_weight": WEIGHTS},
    )
    CASES[f"{name}.transform"] = Case(method(encoder(Encoder), "transform"), {"X": X}, {"X": TABLE})
    CASES[f"{name}.get_feature_names_out"] = Case(
        method(encoder(Encoder), "get_feature_names_out"), {}, {"input_features": {"None"}}
    )

IMAGES = GENERATOR.random((12, 9))


def augmenting(Augmenter: type, rows: np.ndarray, targets: np.ndarray) -> Callable[..., object]:
    return lambda **given: Augmenter(**given)(rows, targets, 0)


IMAGE_LEGAL = {
    "image_shape": NOTHING,
    "horizontal_flip": BOOLEAN,
    "vertical_flip": BOOLEAN,
    "rotation": {"0", "0.5", "1", "2"},
    "shift": {"0", "0.5", "1", "2"},
    "zoom": SHARE_BELOW_ONE,
    "shear": {"0", "0.5", "1", "2"},
    "elastic": {"0", "0.5", "1", "2"},
    "elastic_smoothness": {"0.5", "1", "2"},
    "noise": {"0", "0.5", "1", "2"},
    "cutout": {"0", "1", "2"},
    "fill_value": {"-1", "0", "0.5", "1", "2"},
    "fill_mode": NOTHING,
}
CASES["ImageAugmenter"] = Case(
    augmenting(augmentation.ImageAugmenter, IMAGES, REAL), {"image_shape": (3, 3)}, IMAGE_LEGAL
)
CASES["ImageAugmenter.enlarge"] = Case(
    lambda **given: augmentation.ImageAugmenter((3, 3)).enlarge(**given),
    {"X": IMAGES, "y": CLASSES, "random_state": 0},
    {
        "X": NOTHING,
        "y": {"None"} | OF_ALL_ROWS - {"masked vector", "ragged", "sparse", "sparse column"},
        "n_copies": {"1", "2"},
        "random_state": SEED,
    },
)
CASES["ImageAugmenter.__call__"] = Case(
    lambda **given: augmentation.ImageAugmenter((3, 3))(**given),
    {"X_batch": IMAGES, "y_batch": CLASSES, "random_state": 0},
    # Targets are handed on as they are.
    {"X_batch": NOTHING, "y_batch": ALL, "random_state": SEED},
)
CASES["Mixup"] = Case(augmenting(augmentation.Mixup, X, REAL), {}, {"alpha": {"0.5", "1", "2"}})
CASES["Mixup.__call__"] = Case(
    lambda **given: augmentation.Mixup()(**given),
    {"X_batch": X, "y_batch": REAL, "random_state": 0},
    {
        "X_batch": {"matrix", "nan matrix", "narrow matrix", "cube", "nan vector"},
        "y_batch": {"matrix", "nan matrix", "narrow matrix", "cube", "nan vector"},
        "random_state": SEED,
    },
)
CASES["Compose"] = Case(augmenting(augmentation.Compose, X, REAL), {"steps": []}, {"steps": {"[]"}})
CASES["Compose.__call__"] = Case(
    lambda **given: augmentation.Compose([augmentation.Mixup()])(**given),
    {"X_batch": X, "y_batch": REAL, "random_state": 0},
    CASES["Mixup.__call__"].legal,
)

# ------------------------------------------------------------------------------ callbacks, utils

# Nothing is written before a fit.
FOLDER = Path("nowhere")
CASES["Checkpoint"] = Case(
    callbacks.Checkpoint,
    {"path": FOLDER / "fit"},
    {"path": {"word"}, "every": COUNT - {"True"}, "keep": COUNT - {"True"}},
)
CASES["Checkpoint.resume"] = Case(
    callbacks.Checkpoint.resume,
    {"path": FOLDER / "fit"},
    {"path": NOTHING},
    # There is no such file.
    {"path": {"word"}},
)
CASES["LearningRateControl"] = Case(
    callbacks.LearningRateControl,
    {"rate": FOLDER / "rate.txt"},
    {"rate": {"word", *CALLABLE}},
)
CASES["TrainingLog"] = Case(callbacks.TrainingLog, {"path": FOLDER / "log.csv"}, {"path": NOTHING})
CASES["ewma"] = Case(
    utils.ewma,
    {"values": [1.0, 2.0]},
    {
        "values": {
            "[]",
            "[[]]",
            "array",
            "vector",
            "nan vector",
            "matrix",
            "nan matrix",
            "narrow matrix",
            "empty matrix",
            "cube",
        },
        "beta": SHARE_BELOW_ONE,
        "bias_correction": BOOLEAN,
    },
)

# --------------------------------------------------------------------------------- model selection

SPACE = {"alpha": [0.1, 1.0]}
SEARCHES = {
    model_selection.VectorizedGridSearchCV: {"param_grid": SPACE},
    model_selection.VectorizedRandomizedSearchCV: {"param_distributions": SPACE, "n_iter": 1},
    model_selection.VectorizedHalvingRandomSearchCV: {
        "param_distributions": SPACE,
        "n_candidates": 2,
        "max_resources": 2,
    },
    model_selection.CoarseToFineSearchCV: {
        "param_distributions": SPACE,
        "n_iter": 1,
        "n_rounds": 1,
    },
}
SEARCH_LEGAL = {
    "estimator": NOTHING,
    # The one candidate that is as the estimator is.
    "param_grid": {"{}"},
    "param_distributions": {"{}"},
    "n_iter": {"1", "2", "True"},
    "scoring": {"None"},
    "n_jobs": {"None", "1", "True"},
    # With one metric scikit-learn takes any name.
    "refit": {"True", "word"},
    "cv": {"None", "2"},
    "verbose": {"0", "1", "2", "True"},
    # joblib asks for it where it starts processes.
    "pre_dispatch": {"-1", "0", "1", "2", "True"},
    "random_state": SEED,
    "error_score": {"nan", "inf", "-1", "0", "0.5", "1", "2", "True"},
    "return_train_score": BOOLEAN,
    "keep_best": COUNT | {"None"},
    "max_stack_bytes": COUNT,
    "checkpoint": {"None"},
    "n_rounds": {"1", "2", "True"},
    "shrink": {"0.5", "1", "True"},
    "search": NOTHING,
    "n_candidates": {"1", "2", "True"},
    "factor": {"2"},
    "max_resources": {"1", "2", "True"},
    "min_resources": {"1", "2", "True"},
    "aggressive_elimination": BOOLEAN,
}
# What a user's own function returns, processes, and searches and sizes without end.
SEARCH_UNTRIED = {
    "scoring": CALLABLE,
    "refit": CALLABLE,
    "n_jobs": {"-1", "2", "10**400", "0"},
    "pre_dispatch": {"10**400", "word"},
    "n_iter": {"10**400"},
    "n_rounds": {"10**400"},
    "n_candidates": {"10**400"},
    "max_resources": {"10**400"},
    "verbose": {"10**400"},
    # A file of that name would be written.
    "checkpoint": {"word"},
}
for Search, given in SEARCHES.items():
    name = Search.__name__
    base = {**given, "estimator": SoftmaxClassifier(max_iter=1), "cv": 2}
    CASES[name] = Case(
        fitting(Search, base),
        base,
        {one: SEARCH_LEGAL[one] for one in parameters_of(Search)},
        SEARCH_UNTRIED,
    )
    CASES[f"{name}.fit"] = Case(
        lambda Search=Search, base=base, **data: Search(**base).fit(**data),
        {"X": X, "y": CLASSES},
        {"X": ANY_ROWS, "y": {"vector"}},
    )
    # That there is no such file is said by Python's own error.
    CASES[f"{name}.resume"] = Case(Search.resume, {}, {"path": NOTHING}, {"path": {"word"}})

CASES["train_dev_test_split"] = Case(
    lambda arrays, **given: model_selection.train_dev_test_split(arrays, CLASSES, **given),
    {"arrays": X, "random_state": 0},
    {
        # Whatever has as many rows.
        "arrays": OF_ALL_ROWS,
        "dev_size": {"None", "0.5", "1", "2"},
        "test_size": {"None", "0.5", "1", "2"},
        "train_size": {"None", "0.5", "1", "2"},
        "random_state": SEED,
        "shuffle": BOOLEAN,
        "stratify": {"None", "vector", "dates", "huge vector", "word matrix", "narrow matrix"},
        "groups": {"None"},
    },
)
CASES["check_same_distribution"] = Case(
    model_selection.check_same_distribution,
    {"X_train": X, "X_dev": X, "cv": 2, "n_permutations": 19, "random_state": 0},
    {
        "X_train": ROWS | {"nan matrix"},
        "X_dev": ROWS | {"nan matrix"},
        "estimator": {"None"},
        "cv": {"2"},
        "n_permutations": NOTHING,
        "significance_level": {"0.5"},
        "max_samples": {"2", "10**400"},
        "random_state": SEED,
    },
    {"n_permutations": {"10**400"}},
)
CASES["layer_sizes"] = Case(
    model_selection.layer_sizes,
    {"n_layers": 1, "width": 2},
    {"n_layers": {"1", "2"}, "width": {"1", "2"}, "shape": NOTHING},
)
for name, given in {
    "log_uniform": {"low": 0.1, "high": 10},
    "one_minus_log_uniform": {"low": 0, "high": 0.9},
    "power_of_two": {"low": 1, "high": 2},
}.items():
    kind = getattr(model_selection, name)
    legal = {
        "log_uniform": {"low": {"0.5", "1", "2"}, "high": {"0.5", "1", "2"}},
        "one_minus_log_uniform": {"low": SHARE_BELOW_ONE, "high": {"0.5"}},
        "power_of_two": {"low": {"1", "2"}, "high": {"1", "2"}},
    }
    CASES[name] = Case(kind, given, legal[name])
DRAWN = {
    "layer_sizes": (model_selection.layer_sizes(1, (1, 4)), (2,), NOTHING),
    "log_uniform": (model_selection.log_uniform(0.1, 10), 1.0, {"0.5", "1", "2", "True"}),
    "one_minus_log_uniform": (
        model_selection.one_minus_log_uniform(0, 0.9),
        0.5,
        {"0", "0.5"},
    ),
    "power_of_two": (model_selection.power_of_two(1, 8), 2, {"1", "2"}),
}
for name, (distribution, value, legal) in DRAWN.items():
    CASES[f"{name}.narrowed"] = Case(
        distribution.narrowed,
        {"value": value, "share": 0.5},
        {"value": legal, "share": {"0.5", "1"}},
    )
    CASES[f"{name}.rvs"] = Case(
        distribution.rvs,
        {"random_state": 0},
        {"size": {"None", "0", "1", "2", "array", "vector", "[]"}, "random_state": SEED},
    )
CASES["suggested_space"] = Case(
    model_selection.suggested_space,
    {"estimator": SoftmaxClassifier()},
    {"estimator": NOTHING, "batch_size": BOOLEAN},
)

# --------------------------------------------------------------------------------------- inspection

REPORT_LEGAL = {
    "estimator": NOTHING,
    "X_train": ROWS,
    # Numbers of any size are labels.
    "y_train": {"vector", "sparse column", "huge vector"},
    "X_dev": ROWS,
    "y_dev": {"vector", "sparse column", "huge vector"},
    "base_error": {"0", "0.5", "1"},
    "metric": {"None"},
    "tolerance": {"0.5", "1", "2"},
    "sample_weight": WEIGHTS,
    "sample_weight_dev": WEIGHTS,
    "n_bootstrap": {"2"},
    "confidence": {"0.5"},
    "random_state": SEED,
}
REPORT_GIVEN = {
    "X_train": X,
    "y_train": CLASSES,
    "X_dev": X,
    "y_dev": CLASSES,
    "random_state": 0,
    "n_bootstrap": 2,
}
# What a user's own function returns, and resamples without end.
REPORT_UNTRIED = {"metric": CALLABLE, "n_bootstrap": {"10**400"}}
CASES["bias_variance_report"] = Case(
    lambda estimator=None, **given: inspection.bias_variance_report(
        fitted(SoftmaxClassifier) if estimator is None else estimator, **given
    ),
    REPORT_GIVEN,
    REPORT_LEGAL | {"estimator": {"None"}},
    REPORT_UNTRIED,
)
CASES["gradient_check"] = Case(
    inspection.gradient_check,
    {"estimator": SoftmaxClassifier(), "X": X, "y": CLASSES, "random_state": 0},
    {
        "estimator": NOTHING,
        "X": ANY_ROWS,
        "y": LABELS,
        "sample_weight": WEIGHTS,
        "epsilon": {"0.5", "1", "2", "True"},
        "n_parameters": {"None", "1", "2", "10**400"},
        "dropout": NOTHING,
        "random_state": SEED,
    },
)
CASES["layer_statistics"] = Case(
    inspection.layer_statistics,
    {"estimator": SoftmaxClassifier(), "X": X, "y": CLASSES},
    {"estimator": NOTHING, "X": ANY_ROWS, "y": LABELS, "sample_weight": WEIGHTS},
)

NETWORK = DeepMLPClassifier((2,), random_state=0)
LAYERS = inspection.layer_statistics(NETWORK, X, CLASSES)
AX = {"None"}
LINE = {"None", "{}"}
LOG = {"None", "True"}


def drawing(Display: type) -> Callable[..., object]:
    """Make a display, whose arguments are looked at when it is drawn, and draw it."""
    return lambda **given: Display(**given).plot()


CASES["ActivationDisplay"] = Case(
    drawing(inspection.ActivationDisplay),
    {"layers": LAYERS},
    {"layers": NOTHING, "estimator_name": TEXTS},
)
CASES["ActivationDisplay.plot"] = Case(
    lambda **given: inspection.ActivationDisplay(layers=LAYERS).plot(**given),
    {},
    {"ax": AX, "name": TEXTS},
)
CASES["ActivationDisplay.from_estimator"] = Case(
    inspection.ActivationDisplay.from_estimator,
    {"estimator": NETWORK, "X": X, "y": CLASSES},
    {
        "estimator": NOTHING,
        "X": ANY_ROWS,
        "y": LABELS_OF_NETWORKS,
        "sample_weight": WEIGHTS,
        "ax": AX,
        "name": TEXTS,
    },
)

ERRORS = ("base_error", "train_error", "dev_error", "avoidable_bias", "variance")
FINITE = {"-1", "0", "0.5", "1", "2"}
OF_REPORT = {name: getattr(REPORT, name) for name in ERRORS}
CASES["BiasVarianceDisplay"] = Case(
    drawing(inspection.BiasVarianceDisplay),
    OF_REPORT,
    {
        **dict.fromkeys(ERRORS, FINITE),
        "intervals": {"None", "{}"},
        "diagnosis": TEXTS,
        "metric": TEXTS,
    },
)
CASES["BiasVarianceDisplay.plot"] = Case(
    lambda **given: inspection.BiasVarianceDisplay(**OF_REPORT).plot(**given),
    {},
    {"ax": AX, "name": TEXTS},
)
CASES["BiasVarianceDisplay.from_report"] = Case(
    inspection.BiasVarianceDisplay.from_report,
    {"report": REPORT},
    {"report": NOTHING, "ax": AX, "name": TEXTS},
)
CASES["BiasVarianceDisplay.from_estimator"] = Case(
    lambda estimator=None, **given: inspection.BiasVarianceDisplay.from_estimator(
        fitted(SoftmaxClassifier) if estimator is None else estimator, **given
    ),
    REPORT_GIVEN,
    {
        **{
            name: REPORT_LEGAL[name]
            for name in parameters_of(inspection.BiasVarianceDisplay.from_estimator)
            if name in REPORT_LEGAL
        },
        "estimator": {"None"},
        "ax": AX,
        "name": TEXTS,
    },
    REPORT_UNTRIED,
)

RATE_DISPLAY = inspection.LearningRateDisplay(learning_rates=[0.1, 0.2])
CASES["LearningRateDisplay"] = Case(
    drawing(inspection.LearningRateDisplay),
    {"learning_rates": [0.1, 0.2]},
    {"learning_rates": {"array", "vector"}, "name": TEXTS},
)
CASES["LearningRateDisplay.plot"] = Case(
    RATE_DISPLAY.plot, {}, {"ax": AX, "log_scale": LOG, "name": TEXTS, "line_kw": LINE}
)
CASES["LearningRateDisplay.from_estimator"] = Case(
    inspection.LearningRateDisplay.from_estimator,
    {"estimator": DeepMLPClassifier(max_iter=2)},
    {
        "estimator": NOTHING,
        "n_epochs": {"None", "1", "2"},
        "n_samples": {"None", "1", "2", "10**400"},
        "ax": AX,
        "log_scale": LOG,
        "name": TEXTS,
        "line_kw": LINE,
    },
    {"n_epochs": {"10**400"}},
)
CASES["LearningRateDisplay.from_schedule"] = Case(
    inspection.LearningRateDisplay.from_schedule,
    {"learning_rate": "exponential", "n_epochs": 2},
    {
        "learning_rate": {"class"},
        "learning_rate_init": {"0.5", "1", "2"},
        "n_epochs": {"1", "2"},
        "n_samples": {"None", "1", "2", "10**400"},
        "power_t": {"0", "0.5", "1", "2"},
        "decay_rate": {"None", "0.5", "1", "2"},
        "decay_epochs": {"None", "1", "2", "10**400"},
        "ax": AX,
        "log_scale": LOG,
        "name": TEXTS,
        "line_kw": LINE,
    },
    {"n_epochs": {"10**400"}},
)

LOSS_LEGAL = {"ax": AX, "beta": {"None", *SHARE_BELOW_ONE}, "log_scale": LOG, "name": TEXTS}
LOSS_LEGAL["line_kw"] = LINE
CASES["LossCurveDisplay"] = Case(
    drawing(inspection.LossCurveDisplay),
    {"loss_curve": [2.0, 1.0], "validation_scores": [0.1, 0.2], "best_epoch": 1},
    {
        "loss_curve": {"array", "vector", "nan vector"},
        "validation_loss_curve": {"None", "[]", "array", "vector", "nan vector"},
        "validation_scores": {"None", "array", "vector", "nan vector"},
        "best_epoch": {"None", "0", "1"},
        "unit": {"word"},
        "estimator_name": TEXTS,
    },
)
CASES["LossCurveDisplay.plot"] = Case(
    inspection.LossCurveDisplay(loss_curve=[2.0, 1.0]).plot, {}, LOSS_LEGAL
)
CASES["LossCurveDisplay.from_estimator"] = Case(
    lambda estimator=None, **given: inspection.LossCurveDisplay.from_estimator(
        fitted(DeepMLPClassifier) if estimator is None else estimator, **given
    ),
    {},
    {"estimator": {"None"}, "group": {"0"}, **LOSS_LEGAL},
)

CV_RESULTS = {
    "param_alpha": [0.1, 1.0, 10.0],
    "param_momentum": [0.1, 0.5, 0.9],
    "params": [{}, {}, {}],
    "mean_test_score": [0.1, 0.2, 0.3],
}
PLOT_LEGAL = {"kind": NOTHING, "ax": AX, "name": TEXTS}
CASES["SearchDisplay"] = Case(
    drawing(inspection.SearchDisplay),
    {"params": {"alpha": [0.1, 1.0]}, "scores": [0.1, 0.2]},
    {
        "params": NOTHING,
        "scores": {"array"},
        "best_index": {"None", "0", "1"},
        "rounds": {"None", "array"},
        "round_name": {"word"},
        "scales": {"None", "{}"},
        "score_name": {"word"},
    },
)
CASES["SearchDisplay.plot"] = Case(
    inspection.SearchDisplay(params={"alpha": [0.1, 1.0]}, scores=[0.1, 0.2]).plot, {}, PLOT_LEGAL
)
CASES["SearchDisplay.from_cv_results"] = Case(
    inspection.SearchDisplay.from_cv_results,
    {"cv_results": CV_RESULTS},
    {
        "cv_results": NOTHING,
        "params": {"None"},
        "metric": {"None"},
        "best_index": {"None", "0", "1", "2"},
        "score_name": TEXTS,
        "scales": {"None", "{}"},
        **PLOT_LEGAL,
    },
)
CASES["SearchDisplay.from_estimator"] = Case(
    lambda search=None, **given: inspection.SearchDisplay.from_estimator(
        searched() if search is None else search, **given
    ),
    {},
    {
        "search": {"None"},
        "params": {"None"},
        "metric": {"None"},
        "scales": {"None", "{}"},
        **PLOT_LEGAL,
    },
)


@cache
def searched():
    return model_selection.VectorizedGridSearchCV(SoftmaxClassifier(max_iter=1), SPACE, cv=2).fit(
        X, CLASSES
    )


CASES["WeightsDisplay"] = Case(
    drawing(inspection.WeightsDisplay),
    {"weights": np.ones((12, 1)), "image_shape": (3, 4), "unit_names": ["one"]},
    {
        "weights": NOTHING,
        "image_shape": NOTHING,
        "unit_names": NOTHING,
        "estimator_name": TEXTS,
    },
)
CASES["WeightsDisplay.plot"] = Case(
    inspection.WeightsDisplay(
        weights=np.ones((12, 1)), image_shape=(3, 4), unit_names=["one"]
    ).plot,
    {},
    {"ax": AX, "cmap": {"None"}, "name": TEXTS},
)
CASES["WeightsDisplay.from_estimator"] = Case(
    lambda estimator=None, **given: inspection.WeightsDisplay.from_estimator(
        fitted(DeepMLPClassifier) if estimator is None else estimator, **given
    ),
    {"image_shape": (3, 1)},
    {
        "estimator": {"None"},
        "image_shape": NOTHING,
        "n_units": COUNT - {"True"},
        "order": NOTHING,
        "ax": AX,
        "cmap": {"None"},
        "name": TEXTS,
    },
)

# ------------------------------------------------------------------------------------------ export

CASES["to_numpy"] = Case(
    export.to_numpy,
    # Nothing is written: each call has a value that is none.
    {"model": fitted(SoftmaxClassifier, tol=10.0), "path": "network.py"},
    {"model": NOTHING, "path": NOTHING},
)
