"""How the time of an epoch and the memory beyond X grow with each dimension of the task.

One network is varied along one axis at a time; the exponents are slopes on log-log scales. Last, a
memory-mapped X that is larger than the memory training may take.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _harness import (
    COLOURS,
    MARKERS,
    MemoryPeak,
    Report,
    command_line,
    in_fresh_process,
    interleave,
    loglog_fit,
    memory_is_measurable,
    parse,
    peak_memory,
    print_table,
    quiet,
    verdict,
)
from _peers import Task, skdeep_classifier

BASE = Task("base", 20_000, 50, (64, 64), 10, 128, n_epochs=1)
AXES = {
    "n_samples": [1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000],
    "n_features": [10, 30, 100, 300, 1000],
    "width": [16, 64, 256, 1024],
    "depth": [1, 2, 4, 8, 16],
    "batch_size": [16, 64, 256, 1024, 4096],
}
SMOKE_BASE = replace(BASE, n_samples=1000)
SMOKE_AXES = {axis: values[:2] for axis, values in AXES.items()}
SLOPE_FROM = 10_000  # below, an epoch is too short beside what a fit costs anyway
SLOPE_REQUIRED = (0.9, 1.1)

MAPPED = Task("memory-mapped", 1_000_000, 800, (64, 64), 10, 256, n_epochs=1)  # 3.2 GB
SMOKE_MAPPED = replace(MAPPED, n_samples=5000)
MAPPED_LIMIT = 600  # MB
CHUNK = 10_000  # rows written at once


def along(axis: str, value: int, base: Task) -> Task:
    """The base task with another value on one axis."""
    if axis == "width":
        return replace(base, hidden=(value,) * len(base.hidden))
    if axis == "depth":
        return replace(base, hidden=base.hidden[:1] * value)
    return replace(base, **{axis: value})


# ------------------------------------------------------------------------------------- the axes


def fit(task: Task, X: np.ndarray, y: np.ndarray) -> Any:
    with quiet():
        return skdeep_classifier(task).fit(X, y)


def memory_of_fit(task: Task) -> MemoryPeak:
    """Around one epoch; the threads, their buffers and all imports are there before."""
    X, y = task.data()
    n_warm_up = min(2 * task.batch_size, task.n_samples)
    fit(task, X[:n_warm_up], y[:n_warm_up])
    return peak_memory(partial(fit, task, X, y))


def measure(axis: str, tasks: dict[int, Task], rounds: int) -> dict[str, Any]:
    runs = {str(value): partial(fit, task, *task.data()) for value, task in tasks.items()}
    seconds = interleave(runs, rounds=rounds, min_seconds=0.05)
    values, medians = list(tasks), [float(np.median(times)) for times in seconds.values()]
    result = {"axis": axis, "values": values, "seconds": seconds, "medians": medians}
    if memory_is_measurable():
        peaks = [in_fresh_process(memory_of_fit, task) for task in tasks.values()]
        result["megabytes"] = [peak.beyond / 1e6 for peak in peaks]
    return result | power_law(axis, values, medians)


def power_law(axis: str, values: list[int], seconds: list[float]) -> dict[str, Any]:
    """The slope along an axis and its line; along n_samples only where an epoch is long enough."""
    x, y = np.array(values), np.array(seconds)
    if axis == "n_samples" and np.sum(x >= SLOPE_FROM) > 1:
        x, y = x[x >= SLOPE_FROM], y[x >= SLOPE_FROM]
    slope, line = loglog_fit(x, y)
    return {"slope": slope, "line": (x.tolist(), line)}


# ----------------------------------------------------------------------------- the memory-mapped X


def chunks(task: Task) -> Iterator[slice]:
    return (
        slice(start, min(start + CHUNK, task.n_samples))
        for start in range(0, task.n_samples, CHUNK)
    )


def write_mapped(task: Task, path: Path) -> np.ndarray:
    """Fill the file chunk by chunk; the targets of a linear teacher."""
    rng = np.random.default_rng(0)
    shape = task.n_samples, task.n_features
    X = np.memmap(path, dtype=task.dtype, mode="w+", shape=shape)
    teacher = rng.standard_normal((task.n_features, task.n_classes), dtype=task.dtype)
    y = np.empty(task.n_samples, dtype=np.intp)
    for rows in chunks(task):
        X[rows] = rng.standard_normal(X[rows].shape, dtype=task.dtype)
        y[rows] = (X[rows] @ teacher).argmax(axis=1)
    X.flush()
    return y


def memory_of_mapped_fit(task: Task, path: Path, y: np.ndarray) -> MemoryPeak:
    X = np.memmap(path, dtype=task.dtype, mode="r", shape=(task.n_samples, task.n_features))
    return peak_memory(partial(fit, task, X, y))


def measure_mapped(task: Task, scratch: Path | None) -> dict[str, Any] | None:
    size = task.n_samples * task.n_features * np.dtype(task.dtype).itemsize
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        if shutil.disk_usage(folder).free < 1.2 * size:
            print(f"no room for a file of {size / 1e9:.1f} GB: the memory-mapped fit is left out")
            return None
        path = Path(folder) / "X.dat"
        y = write_mapped(task, path)
        peak = in_fresh_process(memory_of_mapped_fit, task, path, y)
    return {
        "task": task,
        "megabytes of X": size / 1e6,
        "megabytes, files left out": peak.anonymous / 1e6,
        "megabytes, files included": peak.resident / 1e6,
    }


# ------------------------------------------------------------------------------------ reporting


def print_axes(results: list[dict[str, Any]]) -> None:
    rows = []
    for result in results:
        megabytes = result.get("megabytes", [np.nan] * len(result["values"]))
        for value, seconds, memory in zip(
            result["values"], result["medians"], megabytes, strict=True
        ):
            name = f"{result['axis']} = {value:,}"
            rows.append([name, f"{1e3 * seconds:,.1f}", f"{memory:.1f}"])
    print_table("One epoch", ["task", "milliseconds, median", "MB beyond X, peak"], rows)


def print_slopes(results: list[dict[str, Any]]) -> None:
    rows = []
    for result in results:
        low, high = SLOPE_REQUIRED if result["axis"] == "n_samples" else (None, None)
        judged = verdict(result["slope"], at_least=low, at_most=high)
        rows.append([result["axis"], f"{result['slope']:.2f}", *judged])
    print_table("Time of an epoch ∝ axisᵖ", ["axis", "p", "required", ""], rows)


def print_mapped(result: dict[str, Any]) -> None:
    numbers = [value for name, value in result.items() if name.startswith("megabytes")]
    judged = verdict(result["megabytes, files left out"], at_most=MAPPED_LIMIT)
    headers = ["MB of X", "resident, files left out", "resident, files included", "required", ""]
    row = [*(f"{number:,.0f}" for number in numbers), *judged]
    print_table("Peak memory of an epoch on a memory-mapped X, MB", headers, [row])


def draw(figure: Any, results: list[dict[str, Any]]) -> None:
    axes = figure.subplots(2, len(results), sharex="col", sharey="row", squeeze=False)
    for number, (result, (above, below)) in enumerate(zip(results, axes.T, strict=True)):
        style = {"color": COLOURS[number], "marker": MARKERS[number]}
        above.loglog(result["values"], result["medians"], linestyle="", **style)
        above.loglog(*result["line"], color="0.4", linestyle="--")
        above.set_title(f"{result['axis']}: slope {result['slope']:.2f}", fontsize="medium")
        if "megabytes" in result:
            below.loglog(result["values"], np.maximum(result["megabytes"], 0.1), **style)
        below.set_xlabel(result["axis"])
        above.grid(alpha=0.3)
        below.grid(alpha=0.3)
    axes[0, 0].set_ylabel("seconds of an epoch")
    axes[1, 0].set_ylabel("peak memory beyond X (MB)")


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--axes", nargs="*", choices=AXES, default=list(AXES))
    parser.add_argument("--scratch", type=Path, help="folder for the memory-mapped file")
    args = parse(parser)
    report = Report(args)
    base, grid, to_map = (
        (SMOKE_BASE, SMOKE_AXES, SMOKE_MAPPED) if args.smoke else (BASE, AXES, MAPPED)
    )
    results = []
    for axis in args.axes:
        tasks = {value: along(axis, value, base) for value in grid[axis]}
        results.append(measure(axis, tasks, args.rounds))
    mapped = measure_mapped(to_map, args.scratch) if memory_is_measurable() else None
    print_axes(results)
    print_slopes(results)
    if mapped is not None:
        print_mapped(mapped)
    found = {"axes": results, "memory-mapped": mapped}
    report.save(found, lambda figure: draw(figure, results), size=(14, 6))


if __name__ == "__main__":
    main()
