"""Into how many stacks candidates are cut: few, to gain by it, and enough for all workers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..estimators._stack import Part

# Larger stacks gain nothing: what NumPy's calls cost is shared by enough models, and more of them
# only crowd the cache. Measured on networks of 32, 64 and 128 units.
PREFERRED_STACK_BYTES = 2**23
# Of each worker: one task more or less then makes little difference.
MANY_TASKS = 8


@dataclass(frozen=True)
class Workers:
    """How many workers there are, and how many tasks each had better have."""

    n: int
    tasks_of_each: int


def cut(
    parts: Sequence[tuple[int, Part]], n_units: int, workers: Workers, max_stack_bytes: int
) -> list[list[list[int]]]:
    """The numbers of each part's models by stacks, which `max_stack_bytes` hold for all workers.

    Beside a part is the number of its unit, a setting and split, of which there are `n_units`.
    """
    wanted = math.ceil(workers.tasks_of_each * workers.n / n_units)
    budget = min(max_stack_bytes // workers.n, PREFERRED_STACK_BYTES)
    n_stacks = [_n_stacks(part, wanted, budget) for _, part in parts]
    # Each worker takes as many units as another. Of those that are left over the parts are cut for
    # all workers, lest one has a last stack alone; where there are many tasks that costs little.
    n_left_over = n_units % workers.n
    if sum(n_stacks) >= MANY_TASKS * workers.n:
        n_left_over = 0
    multiple = workers.n // math.gcd(workers.n, n_left_over) if n_left_over else 1
    return [
        _cut_one(
            part.numbers, multiple * math.ceil(n / multiple) if unit >= n_units - n_left_over else n
        )
        for (unit, part), n in zip(parts, n_stacks, strict=True)
    ]


def _n_stacks(part: Part, wanted: int, budget: int) -> int:
    """Of how many stacks of `budget` bytes it is; of `wanted` where it loses little by that."""
    n_models = len(part.numbers)
    largest = max(1, budget // part.bytes_each)
    return max(math.ceil(n_models / largest), min(wanted, n_models // part.least))


def _cut_one(numbers: list[int], n_stacks: int) -> list[list[int]]:
    """The numbers by so many stacks of about one size; by no more than there are numbers."""
    n_stacks = min(len(numbers), n_stacks)
    bounds = [len(numbers) * i // n_stacks for i in range(n_stacks + 1)]
    return [numbers[a:b] for a, b in pairwise(bounds)]
