"""What a cluster of `dask.distributed` sends: the bytes that its processes write to each other.

Each process counts what its comms write, the client's and the scheduler's among them, so that a
byte counts once for each hop. Nothing is taken off for what the cluster says to itself.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


def count_writes() -> None:
    """Let this process count what it writes from now on."""
    from distributed.comm import tcp

    if hasattr(tcp, "n_written"):
        return
    write = tcp.TCP.write
    tcp.n_written = 0

    async def counted(self: Any, *args: Any, **named: Any) -> Any:
        n_bytes = await write(self, *args, **named)
        tcp.n_written += n_bytes or 0
        return n_bytes

    tcp.TCP.write = counted


def n_written() -> int:
    """What this process has written since it began to count."""
    from distributed.comm import tcp

    return int(getattr(tcp, "n_written", 0))


@dataclass
class Wire:
    """What has been sent while a context lasted, once it has ended."""

    n_bytes: int = 0


@contextmanager
def counted_wire(client: Any) -> Iterator[Wire]:
    """A context in which a client, its scheduler in this process and its workers count."""
    import cloudpickle

    # Workers do not have this file.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    count_writes()
    client.run(count_writes)

    def total() -> int:
        return n_written() + sum(client.run(n_written).values())

    wire, before = Wire(), total()
    yield wire
    wire.n_bytes = total() - before
