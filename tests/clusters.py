"""A cluster within this process, for tests: what it is given it has copies of, as by a network.

It counts what it has copied. Its workers, which are threads, keep data as those of other clusters.
"""

from contextlib import contextmanager

from joblib import parallel_config
from joblib.externals.loky.backend.reduction import dumps, loads
from joblib.parallel import ThreadingBackend

from skdeep.model_selection import _clusters
from skdeep.model_selection._clusters import Cluster, GivenName, keep_data

# What functions that are copied note here all the same: they have to import it.
NOTES = []


class CopyingBackend(ThreadingBackend):
    """Threads that get copies of their tasks, and whose results are copies."""

    supports_sharedmem = False

    def __init__(self, **options):
        super().__init__(**options)
        self.log = Log()

    def submit(self, func, callback=None):
        text = dumps(func)
        self.log.tasks.append(len(text))
        return super().submit(_Copied(text, self.log), callback)

    apply_async = submit


class Log:
    """The bytes of tasks and results, and those of the data that were sent."""

    def __init__(self):
        self.tasks, self.results, self.sent = [], [], []

    def __reduce__(self):
        return Log, ()


class _Copied:
    def __init__(self, text, log):
        self._text, self._log = text, log

    def __call__(self, *args, **kwargs):
        text = dumps(loads(self._text)(*args, **kwargs))
        self._log.results.append(len(text))
        return loads(text)


class InProcess(Cluster):
    """The cluster of a `CopyingBackend`."""

    def __init__(self, backend):
        self._log = backend.log

    def send(self, data):
        text = dumps(list(data.values()))
        self._log.sent.append(len(text))
        keep_data(list(data), loads(text))
        return [GivenName(name) for name in data]

    def in_all_workers(self, function, argument):
        function(argument)


@contextmanager
def cluster_in_process(monkeypatch):
    """A context in which joblib uses such a cluster of two workers; gives its log."""
    monkeypatch.setitem(_clusters.CLUSTERS, CopyingBackend.__module__, InProcess)
    backend = CopyingBackend()
    with parallel_config(backend=backend, n_jobs=2):
        yield backend.log
