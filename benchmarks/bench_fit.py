"""Time per training step of whole `fit` calls, beside the peers and the bare matrix products.

Four networks from tiny to large, in float32 and float64, plain and with batch norm and dropout. A
step's time is that of the fit, validation included, divided by its number of steps.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from _harness import (
    SPREAD_HEADERS,
    Report,
    Spread,
    command_line,
    draw_ratios,
    fastest,
    interleave,
    legend_below,
    parse,
    print_table,
    quiet,
    ratio,
    verdict,
)
from _peers import (
    NETWORKS,
    SKDEEP,
    SKLEARN,
    SKORCH,
    SMOKE_NETWORKS,
    TORCH,
    MatrixProducts,
    Task,
    competitors,
)

PRODUCTS = "matrix products"
PYTORCH = "PyTorch"  # the better of its two Adams
NAMES = [SKDEEP, SKLEARN, *TORCH, SKORCH, PRODUCTS]
RIVALS = [SKLEARN, PYTORCH, SKORCH, PRODUCTS]

# A rival's time divided by skdeep's, at least; in float32, by (rival, regularised).
REQUIRED = {
    (SKLEARN, False): {"tiny": 5, "small": 3.2, "mid": 1.9, "large": 1.35},
    (PYTORCH, False): {"tiny": 7, "small": 4.2, "mid": 1.35, "large": 1.0},
    (PRODUCTS, False): {"tiny": 0.30, "small": 0.48, "mid": 0.70, "large": 0.85},
    (PYTORCH, True): {"tiny": 6, "small": 3, "mid": 1.25, "large": 1.0},
}


def variants(networks: tuple[Task, ...]) -> list[Task]:
    return [
        replace(network, dtype=dtype, regularised=regularised)
        for regularised in (False, True)
        for dtype in ("float32", "float64")
        for network in networks
    ]


def runs(task: Task) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    X, y = task.data()
    timed: dict[str, Callable[[], object]] = {
        name: lambda make=make: make(task).fit(X, y) for name, make in competitors(task).items()
    }
    if not task.regularised:
        timed[PRODUCTS] = MatrixProducts(task).run
    return timed


def measure(task: Task, rounds: int) -> dict[str, Any]:
    with quiet():
        seconds = interleave(runs(task), rounds=rounds)
    chosen = {rival: rival for rival in RIVALS if rival in seconds}
    if better := fastest(seconds, list(TORCH)):
        chosen[PYTORCH] = better
    return {
        "task": task,
        "n_steps": task.n_steps,
        "seconds": seconds,
        "microseconds per step": {
            name: float(np.median(values)) / task.n_steps * 1e6 for name, values in seconds.items()
        },
        "rivals": chosen,
        "ratios": {rival: ratio(seconds, name, SKDEEP) for rival, name in chosen.items()},
    }


def label(task: Task) -> str:
    return f"{task.dtype}, batch norm and dropout" if task.regularised else f"{task.dtype}, plain"


def print_steps(results: list[dict[str, Any]]) -> None:
    rows = []
    for result in results:
        task, steps = result["task"], result["microseconds per step"]
        times = [f"{steps[name]:,.1f}" if name in steps else "" for name in NAMES]
        rows.append([f"{task.name}, {label(task)}", *times])
    print_table("Microseconds per training step, median", ["network", *NAMES], rows)


def print_ratios(results: list[dict[str, Any]]) -> None:
    rows = []
    for rival in RIVALS:
        for result in results:
            task, spread = result["task"], result["ratios"].get(rival)
            if spread is not None:
                rows.append([f"{result['rivals'][rival]}: {task.name}, {label(task)}"])
                rows[-1] += [*spread.cells(), *verdict(spread.median, at_least=bound(task, rival))]
    headers = ["rival: network", *SPREAD_HEADERS, "required", ""]
    print_table("The rival's time divided by skdeep's, round by round", headers, rows)


def bound(task: Task, rival: str) -> float | None:
    required = REQUIRED.get((rival, task.regularised), {})
    return required.get(task.name) if task.dtype == "float32" else None


def draw(figure: Any, results: list[dict[str, Any]]) -> None:
    panels: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        panels.setdefault(label(result["task"]), []).append(result)
    axes = figure.subplots(2, 2, sharey=True)
    for ax, (title, members) in zip(axes.flat, panels.items(), strict=True):
        bars: dict[str, list[Spread | None]] = {
            rival: [member["ratios"].get(rival) for member in members] for rival in RIVALS
        }
        draw_ratios(ax, [member["task"].name for member in members], bars, reference=SKDEEP)
        ax.set(title=title, xlabel="network", ylabel="time of a step ÷ skdeep's")
    legend_below(figure, axes[0, 0])
    figure.suptitle("Training: above 1, skdeep is faster")


def main() -> None:
    parser = command_line(__doc__)
    names = [network.name for network in NETWORKS]
    parser.add_argument("--networks", nargs="+", choices=names, default=names)
    args = parse(parser)
    report = Report(args)
    networks = SMOKE_NETWORKS if args.smoke else NETWORKS
    tasks = variants(tuple(network for network in networks if network.name in args.networks))
    results = [measure(task, args.rounds) for task in tasks]
    print_steps(results)
    print_ratios(results)
    report.save(results, lambda figure: draw(figure, results), size=(10, 8))


if __name__ == "__main__":
    main()
