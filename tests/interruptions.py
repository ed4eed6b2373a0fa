"""What the tests of failures share: Ctrl-C at a line, and what ends a fit as a kill would.

They try as many places as take some seconds; `SKDEEP_FAULTS=20` has them try twenty times as many.
"""

import os
import sys

import numpy as np

MORE = int(os.environ.get("SKDEEP_FAULTS", "1"))


def places(first, last, n):
    """So many whole numbers from first to last, or all if there are fewer."""
    return np.unique(np.linspace(first, last, n * MORE).astype(int))


class InterruptAt:
    """Raises KeyboardInterrupt at the n-th line that is run within of files under a path."""

    def __init__(self, n, where):
        self.n, self.where, self.count = n, where, 0

    def __enter__(self):
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *exc):
        sys.settrace(self._before)

    def _call(self, frame, event, arg):
        return self._line if frame.f_code.co_filename.startswith(self.where) else None

    def _line(self, frame, event, arg):
        if event == "line":
            self.count += 1
            if self.count == self.n:
                raise KeyboardInterrupt
        return self._line


class Killed(BaseException):
    """As if the process had been killed: nothing tidies up."""


def kill():
    raise Killed


class At:
    """Does something at the end of an epoch of a fit, counted from 0; True from it ends the fit."""

    def __init__(self, epoch, do):
        self.epoch, self.do = epoch, do

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        happens = context.task_name == "epoch" and context.task_id == self.epoch
        return happens and self.do() is True
