"""Time of `predict_proba` for one row, a thousand and many, and the memory that many rows take.

One row shows what a call costs before it computes, many show whether the work runs in the cache.
Memory is the peak beyond what was resident before the call, less the result.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from _harness import (
    SPREAD_HEADERS,
    Report,
    Spread,
    command_line,
    draw_ratios,
    in_fresh_process,
    interleave,
    legend_below,
    memory_is_measurable,
    parse,
    peak_memory,
    print_table,
    quiet,
    ratio,
    verdict,
)
from _peers import NETWORKS, SKDEEP, SKLEARN, SKORCH, SMOKE_NETWORKS, TORCH, Task, competitors

PYTORCH = "PyTorch"
NAMES = [SKDEEP, SKLEARN, PYTORCH, SKORCH]
ROWS, SMOKE_ROWS = (1, 1000, 200_000), (1, 100, 5000)
WARM_UP_ROWS = 1000

# scikit-learn's time divided by skdeep's, at least, by the place in ROWS; and megabytes at most.
REQUIRED = {0: 1.0, 2: 1.5}
MEMORY_LIMIT = 64


def predictors(task: Task) -> dict[str, Callable[[Task], Any]]:
    """The competitors, PyTorch once: its two Adams predict alike."""
    found = competitors(task)
    torch = [found.pop(name) for name in TORCH if name in found]
    return found | ({PYTORCH: torch[0]} if torch else {})


def fitted(task: Task, name: str) -> Any:
    """A competitor trained on a few batches."""
    X, y = task.data(4 * task.batch_size)
    with quiet():
        return predictors(task)[name](task).fit(X, y)


def measure(task: Task, rows: tuple[int, ...], rounds: int) -> list[dict[str, Any]]:
    """Seconds per call, for each number of rows."""
    models = {name: fitted(task, name) for name in predictors(task)}
    X, _ = task.data(max(rows))
    results = []
    for n in rows:
        calls = {name: partial(model.predict_proba, X[:n]) for name, model in models.items()}
        seconds = interleave(calls, rounds=rounds, min_seconds=0.05)
        spreads = {name: ratio(seconds, name, SKDEEP) for name in calls if name != SKDEEP}
        results.append({"task": task, "rows": n, "seconds": seconds, "ratios": spreads})
    return results


def memory_of_prediction(task: Task, name: str, n_rows: int) -> float:
    """Megabytes beyond X and the result; the threads and their buffers are there before."""
    model = fitted(task, name)
    X, _ = task.data(n_rows)
    model.predict_proba(X[:WARM_UP_ROWS])
    results: list[np.ndarray] = []
    peak = peak_memory(lambda: results.append(model.predict_proba(X)))
    return (peak.beyond - results[0].nbytes) / 1e6


def measure_memory(tasks: list[Task], n_rows: int) -> list[dict[str, Any]]:
    if not memory_is_measurable():
        return []
    return [
        {
            "task": task,
            "rows": n_rows,
            "megabytes": {
                name: in_fresh_process(memory_of_prediction, task, name, n_rows)
                for name in predictors(task)
            },
        }
        for task in tasks
    ]


def print_times(results: list[dict[str, Any]]) -> None:
    rows = []
    for result in results:
        medians = {name: np.median(values) * 1e6 for name, values in result["seconds"].items()}
        times = [f"{medians[name]:,.0f}" if name in medians else "" for name in NAMES]
        rows.append([result["task"].name, f"{result['rows']:,}", *times])
    print_table("Microseconds per call, median", ["network", "rows", *NAMES], rows)


def print_ratios(results: list[dict[str, Any]], sizes: tuple[int, ...]) -> None:
    table = []
    for rival in NAMES[1:]:
        for result in results:
            if rival in result["ratios"]:
                spread = result["ratios"][rival]
                required = REQUIRED.get(sizes.index(result["rows"])) if rival == SKLEARN else None
                table.append(
                    [
                        f"{rival}: {result['task'].name}, {result['rows']:,}",
                        *spread.cells(),
                        *verdict(spread.median, at_least=required),
                    ]
                )
    headers = ["rival: network, rows", *SPREAD_HEADERS, "required", ""]
    print_table("The rival's time divided by skdeep's, round by round", headers, table)


def print_memory(results: list[dict[str, Any]]) -> None:
    rows = []
    for result in results:
        found = result["megabytes"]
        cells = [f"{found[name]:.0f}" if name in found else "" for name in NAMES]
        judged = verdict(found[SKDEEP], at_most=MEMORY_LIMIT)
        rows.append([result["task"].name, f"{result['rows']:,}", *cells, *judged])
    headers = ["network", "rows", *NAMES, "required of skdeep", ""]
    print_table("Peak memory beyond X and the result, MB", headers, rows)


def draw(figure: Any, times: list[dict[str, Any]], sizes: tuple[int, ...]) -> None:
    axes = figure.subplots(1, len(sizes), sharey=True)
    for ax, n in zip(axes, sizes, strict=True):
        members = [result for result in times if result["rows"] == n]
        bars: dict[str, list[Spread | None]] = {
            rival: [member["ratios"].get(rival) for member in members] for rival in NAMES[1:]
        }
        draw_ratios(ax, [member["task"].name for member in members], bars, reference=SKDEEP)
        title = f"{n:,} row" + "s" * (n > 1)
        ax.set(title=title, xlabel="network", ylabel="time of a call ÷ skdeep's")
    legend_below(figure, axes[0])
    figure.suptitle("predict_proba: above 1, skdeep is faster")


def main() -> None:
    parser = command_line(__doc__)
    names = [network.name for network in NETWORKS]
    parser.add_argument("--networks", nargs="+", choices=names, default=names[:-1])
    args = parse(parser)
    report = Report(args)
    networks, sizes = (SMOKE_NETWORKS, SMOKE_ROWS) if args.smoke else (NETWORKS, ROWS)
    tasks = [network for network in networks if network.name in args.networks]
    times = [result for task in tasks for result in measure(task, sizes, args.rounds)]
    memory = measure_memory(tasks, sizes[-1])
    print_times(times)
    print_ratios(times, sizes)
    print_memory(memory)
    results = {"times": times, "memory": memory}
    report.save(results, lambda figure: draw(figure, times, sizes), size=(11, 4.5))


if __name__ == "__main__":
    main()
