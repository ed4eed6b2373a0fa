"""Files that a fit writes as it runs: whole at any moment, its own, and held by one fit at a time.

Before anything is written or removed, what lies there has to be of the kind that the writer writes.
A file is replaced in one step by one of another name beside it, which keeps its mode; links are
followed to what they name. A lock lies beside it while it is held, which the system lets go of when
the process dies, however it dies.
"""

import contextlib
import os
import re
import secrets
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# What a kill may leave of a file that was being written.
_UNFINISHED = r"\.{name}\.[0-9a-f]{{16}}\.skdeep-unfinished"


class HeldFile:
    """A file that this fit alone writes, until it is let go.

    Parameters
    ----------
    path : Path
        Where it is or will be.
    is_own : callable
        Whether a file was written by such a writer.
    writer : str
        Its name, for errors.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    FileExistsError
        If something else lies there, or another fit writes it.
    """

    def __init__(self, path: Path, is_own: Callable[[Path], bool], writer: str) -> None:
        folder = path.absolute().parent
        if not folder.is_dir():
            raise FileNotFoundError(f"path must be in a folder that exists, {folder} does not.")
        self.path = Path(os.path.realpath(path))
        if not self.path.parent.is_dir():
            raise FileNotFoundError(
                f"path must lead into a folder that exists, {path} leads to {self.path}."
            )
        self._is_own = is_own
        if os.path.lexists(self.path) and not (self.path.is_file() and is_own(self.path)):
            raise FileExistsError(f"path is a file that no {writer} has written: {path}.")
        self._lock: _Lock | None = _Lock(self.path)
        if not self._lock.taken:
            self._lock = None
            raise FileExistsError(
                f"Another fit that is running writes {path}. Give each {writer} a path of its own; "
                "in cross-validation and searches the copies of an estimator share its callbacks."
            )
        with contextlib.suppress(OSError):
            self._remove_unfinished()

    def release(self) -> None:
        """Let another fit write it."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def replace(self, content: bytes) -> None:
        """Write all of it anew; until that is done the old one is there, whole."""
        replace(self.path, content)

    def append(self, content: bytes) -> None:
        """Write at its end; where that fails it is as long as it was."""
        with self.path.open("ab") as file:
            size = file.tell()
            try:
                file.write(content)
                file.flush()
            except BaseException:
                with contextlib.suppress(OSError):
                    file.truncate(size)
                raise

    def beside(self, suffix: str) -> Path:
        """A file whose name is this one's and a suffix."""
        return self.path.with_name(self.path.name + suffix)

    def own_files_beside(self, pattern: str) -> list[tuple[Path, str]]:
        """Files of such a writer whose names are this one's and a suffix, with what that says."""
        whole = re.compile(re.escape(self.path.name) + pattern)
        found = [(file, whole.fullmatch(file.name)) for file in self.path.parent.iterdir()]
        return [
            (file, match[1])
            for file, match in found
            if match is not None and file.is_file() and self._is_own(file)
        ]

    def _remove_unfinished(self) -> None:
        pattern = re.compile(_UNFINISHED.format(name=re.escape(self.path.name)))
        for file in self.path.parent.iterdir():
            if pattern.fullmatch(file.name):
                with contextlib.suppress(OSError):
                    file.unlink()


def replace(path: Path, content: bytes) -> None:
    """Write a file so that at any moment the old or the new one is there, whole."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}.skdeep-unfinished")
    # Nobody's file, and no link to one.
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    descriptor = os.open(unfinished, flags, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            # A rename may reach the disk before what was written does.
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chmod(unfinished, path.stat().st_mode & 0o7777)
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Let the name reach the disk, where folders can be opened."""
    with contextlib.suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class _Lock:
    """A file beside another that the system locks for as long as this process has it open."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f".{path.name}.skdeep-lock")
        self._file: IO[bytes] | None = None
        self.taken = False
        while not self.taken:
            flags = os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
            file = os.fdopen(os.open(self._path, flags, 0o666), "r+b")
            if not _lock(file):
                file.close()
                return
            # Whoever had it may have removed it before it was locked here.
            if _is_at(file, self._path):
                self._file, self.taken = file, True
            else:
                file.close()

    def release(self) -> None:
        assert self._file is not None
        # While it is locked, so that nobody comes to lock a file that is no longer there; Windows
        # removes no file that is open.
        with contextlib.suppress(OSError):
            self._path.unlink()
        self._file.close()
        if sys.platform == "win32":
            with contextlib.suppress(OSError):
                self._path.unlink()


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _lock(file: IO[bytes]) -> bool:
    """Lock a file unless another has; whether that was done."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        # A file system that knows no locks: nobody can be kept from it.
        return True
    return True


def first_bytes(path: Path, n: int) -> bytes:
    """Of a regular file the first bytes; of what would keep a reader waiting an error."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is no regular file")
        return os.read(descriptor, n)
    finally:
        os.close(descriptor)
