"""Where progress is shown: a bar on a terminal, one line in a notebook, lines in a log.

A display hears of progress much more often than anyone can read it, and shows it now and then.
"""

import sys
import time
from collections.abc import Callable
from typing import Any, Protocol, TextIO

# A line that is written over may be as quick as the eye; a file should stay short enough to read.
SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_BETWEEN_LINES = 10.0
SHARE_BETWEEN_LINES = 0.01
LONGEST_SILENCE = 60.0


class Display(Protocol):
    """Shows how far a search is."""

    def update(self, done: float, total: float, line: Callable[[], str]) -> None:
        """Show it, unless that has just been done."""

    def finish(self, done: float, total: float, line: str) -> None:
        """Show it in any case: nothing more will come."""

    def say(self, line: str) -> None:
        """Print a line of its own, above."""

    def pause(self) -> None:
        """Let others print."""

    def close(self) -> None:
        """Leave what is shown."""


class Lines:
    """Lines one below the other, for a file: not more than about a hundred in all."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.perf_counter) -> None:
        self._stream, self._clock = stream, clock
        self._last, self._last_share = clock(), 0.0

    def update(self, done: float, total: float, line: Callable[[], str]) -> None:
        passed, share = self._clock() - self._last, done / total if total else 0.0
        progressed = share - self._last_share >= SHARE_BETWEEN_LINES
        if passed >= LONGEST_SILENCE or (passed >= SECONDS_BETWEEN_LINES and progressed):
            self._last, self._last_share = self._clock(), share
            self.say(line())

    def finish(self, done: float, total: float, line: str) -> None:
        self.say(line)

    def say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def pause(self) -> None: ...

    def close(self) -> None: ...


class RewrittenLine:
    """One line that is written over, where there is no rich, and in notebooks."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.perf_counter) -> None:
        self._stream, self._clock = stream, clock
        self._last, self._shown = clock(), ""

    def update(self, done: float, total: float, line: Callable[[], str]) -> None:
        if self._clock() - self._last >= SECONDS_BETWEEN_LOOKS:
            self._last = self._clock()
            self._write(line())

    def finish(self, done: float, total: float, line: str) -> None:
        self._write(line)

    def say(self, line: str) -> None:
        shown = self._shown
        self._write("")
        print("\r" + line, file=self._stream)
        self._shown = ""
        if shown:
            self._write(shown)

    def pause(self) -> None:
        if self._shown:
            print(file=self._stream, flush=True)
            self._shown = ""

    def close(self) -> None:
        self.pause()

    def _write(self, line: str) -> None:
        print("\r" + line.ljust(len(self._shown)), end="", file=self._stream, flush=True)
        self._shown = line


class Bar:
    """rich's bar, whose clock goes on while nothing is heard of."""

    def __init__(self, make_bar: Callable[..., Any], columns: list[object]) -> None:
        self._bar = make_bar(*columns)
        self._task: Any = None
        self._last = 0.0

    def update(self, done: float, total: float, line: Callable[[], str]) -> None:
        if time.perf_counter() - self._last >= SECONDS_BETWEEN_LOOKS:
            self._last = time.perf_counter()
            self._write(done, total, line())

    def finish(self, done: float, total: float, line: str) -> None:
        self._write(done, total, line)

    def _write(self, done: float, total: float, line: str) -> None:
        if self._task is None:
            self._task = self._bar.add_task(line, total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=total, description=line)

    def say(self, line: str) -> None:
        self._bar.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def pause(self) -> None:
        """Nothing: while it is shown rich lets others print above it."""

    def close(self) -> None:
        self._bar.stop()


def display_on(stream: TextIO) -> Display:
    """What suits a stream."""
    if stream.isatty():
        return bar_on(stream) or RewrittenLine(stream)
    if type(stream).__module__.startswith("ipykernel"):
        return RewrittenLine(stream)
    return Lines(stream)


def bar_on(stream: TextIO) -> Bar | None:
    """rich's bar, where rich is installed."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    except ImportError:
        return None
    # Square brackets in a description would be read as a style.
    columns = [
        BarColumn(bar_width=20),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    ]
    console = Console(file=None if stream is sys.stdout else stream)

    def make_bar(*parts: Any) -> Progress:
        return Progress(*parts, console=console)

    return Bar(make_bar, list(columns))
