"""Data on clusters: they are sent to each worker once, which keeps them until the search ends.

joblib's backends send large arguments once in each of their calls, and a search has many. What a
cluster has in its own store does not stay either: Dask drops copies that no task is waiting for.
Here the data are sent when the search begins, and a task names what it needs. A worker that does
not have it, because it has come later or in place of one that was killed, says so, and gets it.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any

from joblib.parallel import get_active_backend

# Of a search that has died without a word the data are let go when others come, after so long.
IDLE_SECONDS = 3600
# A worker that has been killed is never done.
SECONDS_BETWEEN_LOOKS = 5

# The search, and what tells its data apart.
Name = tuple[str, int]
Values = Sequence[Any]


class Lost(Exception):
    """Raised in a worker that does not have the data that a task needs."""


@dataclass(frozen=True)
class Reference(ABC):
    """What a task has in place of data: their name."""

    name: Name

    @abstractmethod
    def fetch(self) -> Values:
        """Get data that this worker does not keep, or raise Lost."""

    def values(self) -> Values:
        """The data, as this worker keeps or fetches them.

        Raises
        ------
        Lost
            Where it cannot.
        """
        with _KEEPING:
            if self.name not in _KEPT:
                _forget_idle()
                _KEPT[self.name] = self.fetch()
            _USED[self.name] = time.monotonic()
            return _KEPT[self.name]


class Cluster(ABC):
    """What joblib's backend of a cluster can do beyond joblib."""

    @abstractmethod
    def send(self, data: Mapping[Name, Values]) -> list[Reference]:
        """Send data to all workers."""

    @abstractmethod
    def in_all_workers(self, function: Callable[[str], None], argument: str) -> None:
        """Call a function in all workers that outlive the search."""


# ------------------------------------------------------------------------------------------- Dask


@dataclass(frozen=True)
class GivenName(Reference):
    """A name of data that have been given to the workers."""

    def fetch(self) -> Values:
        raise Lost(f"{self.name} is not here")


class Dask(Cluster):
    """The client of `dask.distributed` that joblib's backend has."""

    def __init__(self, backend: Any) -> None:
        self._client: Any = backend.client
        # Within a worker, where searches may run too, its place is given up while there is a wait.
        self._waiting: Callable[[], AbstractContextManager[None]] = backend.retrieval_context

    def send(self, data: Mapping[Name, Values]) -> list[Reference]:
        if not data:
            return []
        with self._waiting():
            # Not by their contents: another search would let go of the same ones.
            stored = self._client.scatter(list(data.values()), hash=False)
            # To each by its address alone: any other would take it over from one that is busy.
            self._wait_for(
                {
                    worker: self._client.submit(
                        keep_data, list(data), stored, workers=[worker], pure=False
                    )
                    for worker in self._client.nthreads()
                }
            )
        return [GivenName(name) for name in data]

    def _wait_for(self, tasks: dict[str, Any]) -> None:
        """Wait for tasks, by their worker's address, as long as that is there."""
        from distributed import wait

        while tasks:
            with suppress(TimeoutError):
                wait(list(tasks.values()), timeout=SECONDS_BETWEEN_LOOKS)
            present = self._client.nthreads()
            tasks = {w: task for w, task in tasks.items() if w in present and not task.done()}

    def in_all_workers(self, function: Callable[[str], None], argument: str) -> None:
        # A cluster that has come to its end keeps nothing either.
        with suppress(OSError, RuntimeError, TimeoutError):
            self._client.run(function, argument, on_error="ignore")


# -------------------------------------------------------------------------------------------- Ray


@dataclass(frozen=True)
class Stored(Reference):
    """A reference to an object in Ray's store, which each machine has one of."""

    stored: Any

    def fetch(self) -> Values:
        import ray

        try:
            found: Values = ray.get(self.stored)
        except ray.exceptions.ObjectLostError as error:
            raise Lost(f"{self.name} is not there any more") from error
        return found


class Ray(Cluster):
    """Ray, whose workers end with the pool that joblib's backend has for them."""

    def __init__(self, backend: Any) -> None:
        """Nothing of the backend is needed."""

    def send(self, data: Mapping[Name, Values]) -> list[Reference]:
        import ray

        return [Stored(name, ray.put(values)) for name, values in data.items()]

    def in_all_workers(self, function: Callable[[str], None], argument: str) -> None:
        """Nothing: there are none."""


# By the module or package that a backend is from.
CLUSTERS: dict[str, Callable[[Any], Cluster]] = {"joblib._dask": Dask, "ray": Ray}


# What backends raise where a worker has died, by package: joblib's own, Dask's, Ray's.
DEATHS = {
    ("joblib", "TerminatedWorkerError"),
    ("concurrent", "BrokenProcessPool"),
    ("distributed", "KilledWorker"),
    ("ray", "RayActorError"),
    ("ray", "WorkerCrashedError"),
    ("ray", "NodeDiedError"),
    ("ray", "OutOfMemoryError"),
}


def is_death_of_worker(error: BaseException) -> bool:
    """Whether a backend has raised this because a worker has died."""
    classes = {(cls.__module__.partition(".")[0], cls.__name__) for cls in type(error).__mro__}
    return not classes.isdisjoint(DEATHS)


def present_cluster() -> Cluster | None:
    """The cluster that joblib has been told to use, None where it uses none that is known here."""
    backend, _ = get_active_backend()
    for base in type(backend).__mro__:
        for name in (base.__module__, base.__module__.partition(".")[0]):
            if name in CLUSTERS:
                return CLUSTERS[name](backend)
    return None


# ------------------------------------------------------------------------------------ in a worker

_KEPT: dict[Name, Values] = {}
_USED: dict[Name, float] = {}
_KEEPING = threading.Lock()


def keep_data(names: Sequence[Name], data: Sequence[Values]) -> None:
    """Keep data in this worker."""
    with _KEEPING:
        _forget_idle()
        for name, values in zip(names, data, strict=True):
            _KEPT[name] = values
            _USED[name] = time.monotonic()


def forget_data(search: str) -> None:
    """Forget what this worker keeps for a search."""
    with _KEEPING:
        for name in [name for name in _KEPT if name[0] == search]:
            del _KEPT[name], _USED[name]


def n_kept(search: str | None = None) -> int:
    """How many data this worker keeps, for a search or for all."""
    with _KEEPING:
        return sum(search in (None, name[0]) for name in _KEPT)


def _forget_idle() -> None:
    oldest = time.monotonic() - IDLE_SECONDS
    for name in [name for name, used in _USED.items() if used < oldest]:
        del _KEPT[name], _USED[name]
