"""What a search prints while it runs."""

import io
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from searches import classifier, data
from sklearn.linear_model import LogisticRegression

from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    _places,
    log_uniform,
)
from skdeep.model_selection._progress import ALONE, BEST, ENSEMBLE, STACKED, Progress, WorkToCome
from skdeep.model_selection._progress_displays import Lines, RewrittenLine, bar_on, display_on

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ROOT = Path(__file__).parents[2]


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Everything:
    """A display that keeps every line."""

    def __init__(self):
        self.lines, self.shares = [], []

    def update(self, done, total, line):
        self.lines.append(line())
        self.shares.append((done, total))

    def finish(self, done, total, line):
        self.lines.append(line)
        self.shares.append((done, total))

    def say(self, line): ...

    def pause(self): ...

    def close(self): ...


@pytest.fixture
def everything(monkeypatch):
    display = Everything()
    monkeypatch.setattr("skdeep.model_selection._base.display_on", lambda stream: display)
    return display


def best_scores(lines):
    return [float(found[1]) for line in lines if (found := re.search(r"best score (\S+),", line))]


# ------------------------------------------------------------------------------ what is counted

ALPHAS = {"alpha": [0.1, 1.0]}
# Of each search how many epochs it has: those of candidates on two folds, and on all rows.
SEARCHES = {
    "grid": (VectorizedGridSearchCV, classifier(), ALPHAS, {}, 2 * 2 * 6 + 6),
    "no refit": (VectorizedGridSearchCV, classifier(), ALPHAS, {"refit": False}, 2 * 2 * 6),
    "ensemble": (VectorizedGridSearchCV, classifier(), ALPHAS, {"keep_best": 2}, 2 * 2 * 6 + 3 * 6),
    "alone": (VectorizedGridSearchCV, classifier(verbose=True), ALPHAS, {}, 2 * 2 * 6 + 6),
    "both": (
        VectorizedGridSearchCV,
        classifier(),
        [{"solver": ["lbfgs"], "max_iter": [20]}, ALPHAS],
        {"refit": False},
        2 * 20 + 2 * 2 * 6,
    ),
    "rounds": (
        CoarseToFineSearchCV,
        classifier(),
        {"alpha": log_uniform(0.1, 1)},
        {"n_rounds": 3, "n_iter": 2, "random_state": 0},
        3 * 2 * 2 * 6 + 6,
    ),
    # 9 candidates of 1 epoch, 3 that go on to 3, 1 that goes on to 9, and the refit.
    "rungs": (
        VectorizedHalvingRandomSearchCV,
        classifier(max_iter=9),
        {"alpha": log_uniform(0.1, 1)},
        {"random_state": 0},
        2 * (9 * 1 + 3 * 2 + 1 * 6) + 9,
    ),
    "rungs alone": (
        VectorizedHalvingRandomSearchCV,
        classifier(max_iter=9, verbose=True),
        {"alpha": log_uniform(0.1, 1)},
        {"random_state": 0},
        2 * (9 * 1 + 3 * 3 + 1 * 9) + 9,
    ),
}


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("name", SEARCHES)
def test_all_of_a_search_counts_from_the_beginning(name, n_jobs, everything):
    kind, estimator, space, arguments, n_epochs = SEARCHES[name]
    X, y = data("classes")
    kind(estimator, space, cv=2, verbose=1, n_jobs=n_jobs, **arguments).fit(X, y)
    shares = np.array(everything.shares)
    np.testing.assert_allclose(shares[:, 1], n_epochs)
    assert shares[0, 0] == 0
    assert shares[-1, 0] == pytest.approx(n_epochs)
    assert (np.diff(shares[:, 0]) >= 0).all()
    assert f"{n_epochs} of {n_epochs} epochs (100%)" in everything.lines[-1]
    assert everything.lines[-1].endswith(", 0 s left")


@pytest.mark.parametrize("alone", [False, True])
def test_the_epochs_of_a_fit_that_runs_are_seen(alone, everything):
    X, y = data("classes")
    estimator = classifier(verbose=alone, n_iter_no_change=6)
    VectorizedGridSearchCV(estimator, {"alpha": [1.0]}, cv=2, verbose=1).fit(X, y)
    # Two folds and the refit, six epochs each.
    assert {done for done, _ in everything.shares} == set(range(19))


def test_candidates_whose_stack_cannot_be_are_counted_alone(everything):
    X, y = data("sparse")
    space = {"input_dropout": [0.1, 0.2]}
    VectorizedGridSearchCV(classifier(), space, cv=2, verbose=1, refit=False).fit(X, y)
    assert {total for _, total in everything.shares} == {24}
    assert everything.shares[-1] == (24, 24)


def test_of_other_libraries_estimators_fits_are_counted(everything):
    X, y = data("classes")
    space = {"C": [0.1, 1.0]}
    VectorizedGridSearchCV(LogisticRegression(), space, cv=2, verbose=1).fit(X, y)
    assert everything.lines[-1].startswith("5 of 5 fits (100%), best score 0.")


def test_invalid_candidates_are_counted_too(everything):
    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), {"alpha": [-1.0, 1.0]}, cv=2, verbose=1)
    with warnings.catch_warnings(action="ignore"):
        search.fit(X, y)
    assert everything.shares[-1][0] == everything.shares[-1][1]


@pytest.mark.parametrize("name", SEARCHES)
def test_the_best_score_never_falls(name, everything):
    kind, estimator, space, arguments, _ = SEARCHES[name]
    X, y = data("classes")
    search = kind(estimator, space, cv=3, verbose=1, **arguments).fit(X, y)
    best = best_scores(everything.lines)
    assert best == sorted(best)
    # It is a mean over all folds, not of those that happened to come first.
    assert best[-1] == pytest.approx(search.cv_results_["mean_test_score"].max(), abs=1e-4)
    means = np.round(search.cv_results_["mean_test_score"], 4)
    assert set(best) <= set(means)


def test_of_several_metrics_that_is_shown_which_decides(everything):
    X, y = data("classes")
    scoring = ["accuracy", "neg_log_loss"]
    search = VectorizedGridSearchCV(
        classifier(), ALPHAS, cv=2, verbose=1, scoring=scoring, refit="neg_log_loss"
    ).fit(X, y)
    assert best_scores(everything.lines)[-1] == pytest.approx(search.best_score_, abs=1e-4)


# ------------------------------------------------------------------------------- the time left


def test_the_time_left_is_that_of_all():
    clock = Clock()
    progress = Progress(None, n_refits=1, clock=clock, n_workers=2)
    progress.expect(stacked=80, alone=20, n_fits=10)
    assert progress.seconds_left() is None
    with progress.during(STACKED):
        clock.now += 4
        progress.add(40)
        # 0.1 s an epoch; 4 candidates share a stack, so alone it is 0.4 s at most, and on all rows,
        # where one worker does what two have done, twice that.
        assert progress.seconds_left() == pytest.approx(40 * 0.1 + 20 * 0.4 + 10 * 0.8)
        clock.now += 4
        progress.add(40)
    with progress.during(ALONE):
        clock.now += 30
        progress.add(10)
        # Now it is known: 3 s an epoch.
        assert progress.seconds_left() == pytest.approx(10 * 3 + 10 * 6)
        clock.now += 30
        progress.add(10)
    with progress.during(BEST):
        clock.now += 10
        progress.hear(5)
        assert progress.seconds_left() == pytest.approx(5 * 2)
        progress.finish(BEST)
    assert progress.seconds_left() == 0
    assert progress.done == progress.total == 110


def test_what_other_rounds_bring_is_part_of_the_time():
    clock = Clock()
    progress = Progress(
        None, clock=clock, n_kept=2, work_to_come=lambda n: WorkToCome(3 - n, 3 - n, whole=2)
    )
    progress.expect(stacked=60, alone=0, n_fits=6)
    assert progress.total == 3 * 60 + 2 * 2 * 10
    with progress.during(STACKED):
        clock.now += 6
        progress.add(60)
    progress.expect(stacked=60, alone=0, n_fits=6)
    assert (progress.done, progress.total) == (60, 220)
    assert progress.seconds_left() == pytest.approx(160 * 0.1)
    with progress.during(ENSEMBLE):
        progress.finish(ENSEMBLE)
    assert progress.seconds_left() == pytest.approx(120 * 0.1)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (59.4, "59 s"), (61, "1 min 01 s"), (3725, "1 h 02 min")]
)
def test_the_time_left_is_in_words(seconds, words):
    clock = Clock()
    progress = Progress(None, clock=clock)
    progress.expect(stacked=2, alone=0, n_fits=2)
    with progress.during(STACKED):
        clock.now += seconds
        progress.add(1)
    assert progress.line().endswith(f", {words} left")


# ------------------------------------------------------------------------------ where it is shown


def test_a_log_has_plain_lines(capsys):
    X, y = data("classes")
    VectorizedGridSearchCV(classifier(), ALPHAS, cv=2, verbose=1).fit(X, y)
    out = capsys.readouterr().out
    assert "\r" not in out
    assert "\x1b" not in out
    assert out.splitlines()[:2] == [
        "Fitting 2 folds for each of 2 candidates, totalling 4 fits",
        "Stacking 4 of 4 fits in 2 stacks",
    ]
    assert out.splitlines()[2].startswith("30 of 30 epochs (100%), best score 0.")
    assert len(out.splitlines()) == 3


def test_a_log_is_short_enough_to_read():
    stream, clock = io.StringIO(), Clock()
    lines = Lines(stream, clock)
    # A thousand seconds in which much is heard, then one in which little moves.
    for number in range(100_000):
        clock.now += 0.01
        lines.update(number, 100_000, lambda: "on")
    assert 90 <= stream.getvalue().count("on") <= 101
    before = stream.getvalue().count("on")
    for _ in range(1000):
        clock.now += 1
        lines.update(100_000, 100_000, lambda: "on")
    assert stream.getvalue().count("on") - before in (15, 16, 17)


def test_a_line_is_written_over():
    stream, clock = io.StringIO(), Clock()
    line = RewrittenLine(stream, clock)
    for text in ("a long line", "short"):
        clock.now += 1
        line.update(1, 2, lambda text=text: text)
    line.update(1, 2, lambda: "too soon")
    line.say("said")
    line.finish(2, 2, "done")
    line.close()
    line.close()
    screen = [row.split("\r")[-1].rstrip() for row in stream.getvalue().split("\n")]
    assert screen == ["said", "done", ""]
    assert stream.getvalue().startswith("\ra long line\rshort      ")
    assert "too soon" not in stream.getvalue()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_has_richs_bar(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    bar = bar_on(stream)
    bar.update(1, 2, lambda: "1 of 2 [not a style]")
    bar.say("[CV 1/2] said")
    bar.finish(2, 2, "2 of 2")
    bar.close()
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    assert "1 of 2 [not a style]" in shown
    assert "[CV 1/2] said" in shown
    assert shown.rstrip().split("\r")[-1].lstrip("\n━ ").startswith("2 of 2")


def test_each_stream_has_what_suits_it(monkeypatch):
    assert isinstance(display_on(io.StringIO()), Lines)
    notebooks = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})
    assert isinstance(display_on(notebooks()), RewrittenLine)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert isinstance(display_on(Terminal()), RewrittenLine)


PROGRAM = """
import warnings
import numpy as np
from skdeep import DeepMLPClassifier
from skdeep.model_selection import VectorizedGridSearchCV

warnings.simplefilter("ignore")
X = np.random.default_rng(0).normal(size=(60, 3))
y = (X[:, 0] > 0).astype(int)
model = DeepMLPClassifier((4,), max_iter=3, random_state=0)
VectorizedGridSearchCV(model, {"solver": ["adam", "lbfgs"]}, cv=2, verbose=2).fit(X, y)
"""


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")
def test_on_a_real_terminal_there_is_one_bar():
    pytest.importorskip("rich")
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        written = b""
        try:
            while part := os.read(ours, 4096):
                written += part
        except OSError:
            # What reading a terminal raises that nobody writes to any more.
            pass
    os.close(ours)
    assert process.returncode == 0
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written.decode())
    assert len(re.findall(r"END .*solver=", shown)) == 4
    assert "15 of 15 epochs (100%)" in shown
    assert shown.count("\n\n") == 0


def test_verbose_names_each_candidate(capsys):
    X, y = data("classes")
    VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=2, verbose=3).fit(X, y)
    out = capsys.readouterr().out
    assert out.count("END alpha=0.1;") == out.count("END alpha=1.0;") == 2


def test_a_search_that_is_not_verbose_is_silent(capsys):
    X, y = data("classes")
    VectorizedGridSearchCV(classifier(), ALPHAS, cv=2).fit(X, y)
    assert capsys.readouterr().out == ""


# ---------------------------------------------------------------------- what is said beforehand


def said_of_stacks(capsys):
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("Stacking")]


@pytest.mark.parametrize(
    ("space", "arguments", "said"),
    [
        (ALPHAS, {}, "Stacking 6 of 6 fits in 3 stacks"),
        (ALPHAS, {"max_stack_bytes": 1}, "Stacking 6 of 6 fits in 6 stacks"),
        ({"solver": ["adam", "sgd"]}, {}, "Stacking 6 of 6 fits in 6 stacks"),
        (
            {"solver": ["adam", "lbfgs"]},
            {},
            "Stacking 3 of 6 fits in 3 stacks; 3 alone: solver='lbfgs' sees all rows at every step",
        ),
        (
            {"verbose": [True]},
            {},
            "Stacking 0 of 3 fits; 3 alone: with verbose each prints its own epochs",
        ),
    ],
)
def test_it_is_said_how_many_stacks_there_are(space, arguments, said, capsys):
    X, y = data("classes")
    VectorizedGridSearchCV(classifier(), space, cv=3, verbose=1, refit=False, **arguments).fit(X, y)
    assert said_of_stacks(capsys) == [said]


@pytest.mark.parametrize(("n_bytes", "about"), [(0, "about "), (2**20, "")])
def test_what_is_not_known_for_sure_is_said_to_be_about_so_many(
    n_bytes, about, monkeypatch, capsys
):
    """Where splits are large they are prepared by and by, and stacks are known when they are."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    monkeypatch.setattr(_places, "SPLITS_BYTES", n_bytes)
    X, y = data("classes")
    model = make_pipeline(StandardScaler(), classifier())
    space = {"standardscaler__with_std": [True, False], "deepmlpclassifier__alpha": [0.1, 1.0]}
    VectorizedGridSearchCV(model, space, cv=3, verbose=1, refit=False, n_jobs=2).fit(X, y)
    assert said_of_stacks(capsys) == [f"Stacking 12 of 12 fits in {about}6 stacks"]
