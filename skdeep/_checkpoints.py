"""The form of a checkpoint: two lines that say what it is, and a pickle whose hash they hold.

What a file is can be told, and that it is whole, before anything in it is unpickled. There are two
kinds, of a fit and of a search.
"""

import hashlib
import json
import pickle
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import sklearn

FORMAT = 4
FIRST_LINE = re.compile(rb"skdeep checkpoint 4 of epoch (\d+)\n")
# What skdeep wrote while a fit was kept in another form.
EARLIER = re.compile(rb"skdeep checkpoint ([23] )?of epoch \d+\n")
SEARCH_FORMAT = 1
SEARCH_LINE = re.compile(rb"skdeep search checkpoint 1 of (\d+) fits\n")
# The first line, and the second, are no longer than this.
LONGEST_LINE = 2**12


class Versions(NamedTuple):
    """Of what has pickled a fit."""

    skdeep: str
    python: str
    numpy: str
    sklearn: str

    @classmethod
    def now(cls) -> "Versions":
        from . import __version__

        python = "{}.{}".format(*sys.version_info)
        return cls(__version__, python, numpy.__version__, sklearn.__version__)


def packed(epoch: int, saved: dict[str, object]) -> bytes:
    """A checkpoint of so many epochs."""
    return _packed(b"skdeep checkpoint %d of epoch %d\n" % (FORMAT, epoch), saved)


def packed_search(n_fits: int, saved: object) -> bytes:
    """A checkpoint of a search that has so many fits."""
    return _packed(b"skdeep search checkpoint %d of %d fits\n" % (SEARCH_FORMAT, n_fits), saved)


def _packed(first: bytes, saved: object) -> bytes:
    content = pickle.dumps(saved)
    about: dict[str, object] = {**Versions.now()._asdict(), "length": len(content)}
    about["sha256"] = _hash(first, about, content)
    return first + json.dumps(about).encode() + b"\n" + content


def unpacked(path: Path) -> dict[str, object]:
    """What was saved of a fit.

    Raises
    ------
    ValueError
        If the file is none, is not whole, or was written by another version of skdeep.
    """
    with path.open("rb") as file:
        first = file.readline(LONGEST_LINE)
    if EARLIER.fullmatch(first):
        raise ValueError(
            f"{path} was written by an earlier version of skdeep, whose fits this one cannot "
            "go on with. Go on with that version, or start the fit anew."
        )
    if SEARCH_LINE.fullmatch(first):
        raise ValueError(
            f"{path} is the checkpoint of a search: go on with "
            "skdeep.model_selection.VectorizedRandomizedSearchCV.resume, which knows all searches."
        )
    if not FIRST_LINE.fullmatch(first):
        raise ValueError(f"{path} was not written by a Checkpoint.{_newest_whole(path)}")
    saved: dict[str, object] = _unpacked(path, _newest_whole)
    return saved


def unpacked_search(path: Path) -> Any:
    """What was saved of a search.

    Raises
    ------
    ValueError
        As `unpacked`.
    """
    with path.open("rb") as file:
        first = file.readline(LONGEST_LINE)
    if FIRST_LINE.fullmatch(first) or EARLIER.fullmatch(first):
        raise ValueError(
            f"{path} is the checkpoint of a fit: go on with skdeep.callbacks.Checkpoint.resume."
        )
    if not SEARCH_LINE.fullmatch(first):
        raise ValueError(f"{path} was not written by a search.")
    return _unpacked(path, lambda path: "")


def _unpacked(path: Path, hint: Callable[[Path], str]) -> Any:
    """The content of a file whose first line is right; the hint says what there is instead."""
    with path.open("rb") as file:
        first, second = file.readline(LONGEST_LINE), file.readline(LONGEST_LINE)
        content = file.read()
    about = _checked(first, second, content)
    if about is None:
        raise ValueError(f"{path} is damaged: it is not what was written.{hint(path)}")
    _compare_versions(path, about)
    try:
        return pickle.loads(content)
    except Exception as error:
        raise ValueError(
            f"{path} is whole but cannot be read here: {type(error).__name__}: {error}. It needs "
            "the modules that its fit had."
        ) from error


def epoch_of(path: Path) -> int | None:
    """How many epochs a checkpoint is of; None for other files."""
    with path.open("rb") as file:
        found = FIRST_LINE.fullmatch(file.readline(LONGEST_LINE))
    return None if found is None else int(found[1])


def is_checkpoint(path: Path) -> bool:
    """Whether a Checkpoint has written a file, of this version or an earlier one."""
    with path.open("rb") as file:
        first = file.readline(LONGEST_LINE)
    return any(line.fullmatch(first) for line in (FIRST_LINE, EARLIER))


def is_search_checkpoint(path: Path) -> bool:
    """Whether a search has written a file."""
    with path.open("rb") as file:
        return SEARCH_LINE.fullmatch(file.readline(LONGEST_LINE)) is not None


def is_whole(path: Path) -> bool:
    """Whether a file is a checkpoint just as it was written."""
    with path.open("rb") as file:
        first, second = file.readline(LONGEST_LINE), file.readline(LONGEST_LINE)
        return (
            bool(FIRST_LINE.fullmatch(first)) and _checked(first, second, file.read()) is not None
        )


def _hash(first: bytes, about: dict[str, object], content: bytes) -> str:
    lines = first + json.dumps({**about, "sha256": ""}, sort_keys=True).encode()
    return hashlib.sha256(lines + b"\n" + content).hexdigest()


def _checked(first: bytes, second: bytes, content: bytes) -> dict[str, object] | None:
    """What the second line says, if it is true of the rest."""
    try:
        about = json.loads(second)
    except ValueError:
        return None
    if not isinstance(about, dict) or about.get("length") != len(content):
        return None
    return about if about.get("sha256") == _hash(first, about, content) else None


def _compare_versions(path: Path, about: dict[str, object]) -> None:
    now = Versions.now()._asdict()
    other = {name: about[name] for name in now if about[name] != now[name]}
    if "skdeep" in other:
        raise ValueError(
            f"{path} was written by skdeep {other['skdeep']}, whose fits skdeep {now['skdeep']} "
            "cannot go on with. Go on with that version, or start the fit anew."
        )
    if other:
        told = ", ".join(f"{name} {value} (here {now[name]})" for name, value in other.items())
        warnings.warn(
            f"{path} was written with other versions: {told}. What follows may differ from the fit "
            "that it was saved of, or fail.",
            stacklevel=5,
        )


def _newest_whole(path: Path) -> str:
    """Which checkpoint beside one could be gone on with instead, as a sentence."""
    name = re.sub(r"\.epoch-\d+$", "", path.name)
    siblings = [
        (epoch, file)
        for file in path.absolute().parent.iterdir()
        if re.fullmatch(re.escape(name) + r"(\.epoch-\d+)?", file.name)
        and file.name != path.name
        and file.is_file()
        and (epoch := epoch_of(file)) is not None
    ]
    for _, file in sorted(siblings, reverse=True):
        if is_whole(file):
            return f" The newest whole one beside it is {file}."
    return ""
