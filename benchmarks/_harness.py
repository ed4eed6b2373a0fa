"""What all benchmarks share: how to time, how to weigh memory, how to report.

Machines are noisy and differ, so the unit of evidence is a pair: competitors run in turn, A B C
A B C …, and a claim is the median of the ratios taken round by round. Memory is measured in a fresh
process, where nothing that ran before can hide what the work needs.
"""

import argparse
import contextlib
import ctypes
import gc
import importlib
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
MIN_ROUNDS, SMOKE_ROUNDS = 7, 2
PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "skorch", "scikit-deep")

# ------------------------------------------------------------------------------------- statistics


@dataclass(frozen=True)
class Spread:
    """The middle of a sample, and how far it spreads."""

    median: float
    q1: float
    q3: float
    min: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75])
        return cls(float(median), float(q1), float(q3), float(min(values)))

    def cells(self) -> list[str]:
        """Median, quartiles and minimum, as columns of a table."""
        return [f"{self.median:.2f}", f"{self.q1:.2f} … {self.q3:.2f}", f"{self.min:.2f}"]


SPREAD_HEADERS = ["median", "quartiles", "min"]
Seconds = Mapping[str, Sequence[float]]


def ratios(seconds: Seconds, over: str, under: str) -> list[float]:
    """Time of `over` divided by that of `under`, round by round."""
    return [a / b for a, b in zip(seconds[over], seconds[under], strict=True)]


def ratio(seconds: Seconds, over: str, under: str) -> Spread:
    return Spread.of(ratios(seconds, over, under))


def fastest(seconds: Seconds, names: Sequence[str]) -> str | None:
    """The name with the smallest median among those that were timed."""
    timed = [name for name in names if name in seconds]
    return min(timed, key=lambda name: float(np.median(seconds[name])), default=None)


def loglog_fit(x: Sequence[float], y: Sequence[float]) -> tuple[float, list[float]]:
    """The power law c·xᵖ that fits y best: p, and its values at x."""
    line = np.polyfit(np.log(x), np.log(y), 1)
    return float(line[0]), np.exp(np.polyval(line, np.log(x))).tolist()


def verdict(
    value: float, *, at_least: float | None = None, at_most: float | None = None
) -> list[str]:
    """What is required and whether it is met, as columns of a table; empty if nothing is."""
    bounds = []
    if at_least is not None:
        bounds.append((f"≥ {at_least:g}", value >= at_least))
    if at_most is not None:
        bounds.append((f"≤ {at_most:g}", value <= at_most))
    if not bounds:
        return ["", ""]
    required, met = zip(*bounds, strict=True)
    return [", ".join(required), "ok" if all(met) else "short"]


# ----------------------------------------------------------------------------------------- timing


def interleave(
    competitors: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    min_seconds: float = 0.0,
    rest: float = 0.05,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds per call of each competitor in each round, after one round of warm-up.

    A competitor is called as often in a row as fills `min_seconds`. It starts after a `rest`, in
    which the threads of the one before stop spinning.
    """
    calls = {
        name: calls_that_fill(min_seconds, seconds_per_call(run, 1, rest, clock))
        for name, run in competitors.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in competitors}
    for _ in range(rounds):
        for name, run in competitors.items():
            seconds[name].append(seconds_per_call(run, calls[name], rest, clock))
    return seconds


def seconds_per_call(
    run: Callable[[], object], n_calls: int, rest: float, clock: Callable[[], float]
) -> float:
    gc.collect()
    time.sleep(rest)
    start = clock()
    for _ in range(n_calls):
        run()
    return (clock() - start) / n_calls


def calls_that_fill(min_seconds: float, seconds: float) -> int:
    return max(1, math.ceil(min_seconds / max(seconds, 1e-9)))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Fits of a fixed number of epochs are not meant to converge."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


# ----------------------------------------------------------------------------------------- memory

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class MemoryPeak:
    """Bytes of resident memory around a piece of work; anonymous leaves out pages of files."""

    before: int
    resident: int
    anonymous: int

    @property
    def beyond(self) -> int:
        return self.resident - self.before


def resident_memory(field: str) -> int:
    """Bytes in a field of Linux's account of this process: VmRSS, VmHWM, RssAnon."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"{STATUS} has no {field}")


def peak_memory(work: Callable[[], object], *, every: float = 0.002) -> MemoryPeak:
    """Run the work and watch its memory.

    VmHWM is the kernel's own high-water mark. `ru_maxrss` would not do: it survives exec, so a
    child starts with the peak of its parent. RssAnon has no such mark and is sampled by a thread.
    """
    gc.collect()
    return_free_memory()
    with contextlib.suppress(OSError):  # Where it may not be reset, the mark is an upper bound.
        Path("/proc/self/clear_refs").write_text("5")
    before, samples = resident_memory("VmRSS"), [resident_memory("RssAnon")]
    done = threading.Event()

    def sample() -> None:
        while not done.wait(every):
            samples.append(resident_memory("RssAnon"))

    watcher = threading.Thread(target=sample)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return MemoryPeak(before, resident_memory("VmHWM"), max(samples))


def return_free_memory() -> None:
    """Give the system what glibc keeps for reuse, lest the work be handed it for nothing."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def in_fresh_process(function: Callable[..., Any], *args: Any) -> Any:
    """function(*args), run where nothing has been allocated, imported or cached before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def memory_is_measurable() -> bool:
    if STATUS.exists():
        return True
    print(f"{STATUS} does not exist on this system: memory is left out")
    return False


# ------------------------------------------------------------------------------------ environment


@cache
def optional(name: str) -> Any:
    """The module, or None after a line that says so."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not installed: left out")
        return None


def n_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> float | None:
    """How many processes were running or waiting to, on average over the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def environment() -> dict[str, Any]:
    """All that a reader needs to judge or repeat a figure."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "revision": revision(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "machine": platform.machine(),
        "cores": n_cores(),
        "load": load(),
    }


def version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def revision() -> str | None:
    """The commit that was measured, with a + where the work tree differs from it."""
    command = ["git", "-C", str(HERE), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return ran.stdout.strip()


def blas() -> list[dict[str, Any]]:
    """Name, version and threads of each BLAS and OpenMP that is loaded by now."""
    from threadpoolctl import threadpool_info

    wanted = ("user_api", "internal_api", "version", "num_threads", "architecture")
    return [{name: pool.get(name) for name in wanted} for pool in threadpool_info()]


# -------------------------------------------------------------------------------------- reporting


def print_table(title: str, headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Text to the left, all else to the right, columns as wide as they need to be."""
    cells = [[str(cell) for cell in row] for row in [headers, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    print(f"\n{title}\n")
    for number, row in enumerate(cells):
        head, *rest = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([head, *rest]).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
    sys.stdout.flush()


class Report:
    """Where one script's results go: `<script>.json` and `<script>.png` in the output folder."""

    def __init__(self, args: argparse.Namespace) -> None:
        # A smoke test never overwrites results.
        self._stem = args.output / (Path(sys.argv[0]).stem + ("-smoke" if args.smoke else ""))
        self._options = {name: value for name, value in vars(args).items() if name != "output"}
        self._environment = environment()
        print(f"{self._environment['command']}  ({n_cores()} cores)")
        if args.smoke:
            print("a smoke test: what is required below is required of other sizes")
        if (load() or 0) > 0.5 * n_cores():
            print(f"the machine is busy (load {load():.1f}): do not trust the timings")

    def save(self, results: Any, draw: Callable[[Any], None], *, size: tuple[float, float]) -> None:
        """Write the results and the figure that `draw` puts them on."""
        self._stem.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "environment": self._environment | {"blas": blas()},
            "options": self._options,
            "results": results,
        }
        path = self._stem.with_suffix(".json")
        path.write_text(json.dumps(content, indent=1, default=as_json) + "\n")
        print(f"\nwritten: {path.name}", end="")
        if optional("matplotlib") is not None:
            figure = new_figure(size)
            draw(figure)
            figure.savefig(self._stem.with_suffix(".png"), dpi=150)
            print(f", {self._stem.name}.png", end="")
        print()


def as_json(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.item() if isinstance(value, np.generic) else str(value)


# Okabe and Ito's colours, told apart with any colour vision; markers and hatches say it again.
COLOURS = ["#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
HATCHES = ["", "//", "..", "\\\\", "xx", "--", "oo"]


def new_figure(size: tuple[float, float]) -> Any:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt.figure(figsize=size, layout="constrained")


def draw_ratios(
    ax: Any,
    groups: Sequence[str],
    bars: Mapping[str, Sequence[Spread | None]],
    *,
    reference: str,
) -> None:
    """Bars from the reference, 1, to the median ratio; whiskers from quartile to quartile."""
    ax.axhline(1, color=COLOURS[0], linewidth=2, label=reference, zorder=3)
    shown = [name for name, spreads in bars.items() if any(spreads)]
    width = min(0.3, 0.85 / max(len(shown), 1))
    for place, name in enumerate(shown):
        left = (place + 0.5 - len(shown) / 2) * width
        draw_bars(ax, left, width, bars[name], name, style=1 + list(bars).index(name))
    ax.set_xticks(range(len(groups)), groups)
    ax.set_yscale("log")
    ax.margins(y=0.12)
    plain_ticks(ax.yaxis)
    ax.grid(axis="y", alpha=0.3)
    ax.set_axisbelow(True)


def draw_bars(
    ax: Any, left: float, width: float, spreads: Sequence[Spread | None], name: str, *, style: int
) -> None:
    """One bar for each group that has one, its median written at its end."""
    known = [(left + i, spread) for i, spread in enumerate(spreads) if spread is not None]
    x, medians = [place for place, _ in known], np.array([spread.median for _, spread in known])
    below = medians - [spread.q1 for _, spread in known]
    above = [spread.q3 for _, spread in known] - medians
    style %= len(COLOURS)
    looks = {"color": COLOURS[style], "hatch": HATCHES[style], "edgecolor": "white"}
    whiskers = {"yerr": np.abs([below, above]), "ecolor": "0.3"}
    ax.bar(x, medians - 1, width, bottom=1, label=name, **looks, **whiskers)
    for place, (_, spread) in zip(x, known, strict=True):
        up = spread.median >= 1
        ax.annotate(
            f"{spread.median:.3g}",
            (place, spread.q3 if up else spread.q1),
            xytext=(0, 2 if up else -2),
            textcoords="offset points",
            ha="center",
            va="bottom" if up else "top",
            fontsize="x-small",
        )


def legend_below(figure: Any, ax: Any) -> None:
    """One legend for all axes, that of `ax`, where it hides nothing."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)


def plain_ticks(axis: Any) -> None:
    """Ticks of a log axis at 1, 2, 5, 10 …, written as such."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter("{x:g}")


# ------------------------------------------------------------------------------------- command line


def command_line(description: str | None, *, timed: bool = True) -> argparse.ArgumentParser:
    """The options that all scripts have; one that is not `timed` in rounds has no --rounds."""
    summary = (description or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=summary)
    if timed:
        parser.add_argument(
            "--rounds", type=at_least_min_rounds, default=MIN_ROUNDS, help="timed rounds"
        )
    parser.add_argument(
        "--smoke", action="store_true", help="tiny sizes, two rounds: does it run at all?"
    )
    parser.add_argument(
        "--output", type=Path, default=HERE / "results", help="folder of the JSON file and figure"
    )
    return parser


def at_least_min_rounds(text: str) -> int:
    if int(text) < MIN_ROUNDS:
        raise argparse.ArgumentTypeError(f"must be at least {MIN_ROUNDS}, got {text}")
    return int(text)


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    args = parser.parse_args()
    if args.smoke and "rounds" in args:
        args.rounds = SMOKE_ROUNDS
    return args
