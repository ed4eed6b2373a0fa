"""Into how many stacks candidates are cut, over parts and workers of all kinds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdeep.estimators._stack import Part
from skdeep.model_selection._cuts import MANY_TASKS, PREFERRED_STACK_BYTES, Workers, cut

ROOM = 2**40


@st.composite
def parts_of_models(draw):
    n_models = draw(st.integers(1, 60))
    least = draw(st.integers(1, 10))
    return Part(list(range(100, 100 + n_models)), draw(st.integers(1, 2**24)), least)


@given(
    units=st.lists(st.lists(parts_of_models(), min_size=1, max_size=4), min_size=1, max_size=12),
    workers=st.builds(Workers, st.integers(1, 16), st.integers(1, 4)),
    max_stack_bytes=st.integers(1, 2**28),
)
def test_each_model_is_in_one_stack_and_stacks_are_alike(units, workers, max_stack_bytes):
    parts = [(unit, part) for unit, own in enumerate(units) for part in own]
    stacks = cut(parts, len(units), workers, max_stack_bytes)
    assert len(stacks) == len(parts)
    n_in_turn = len(units) - len(units) % workers.n
    for (unit, part), of_part in zip(parts, stacks, strict=True):
        assert [number for stack in of_part for number in stack] == part.numbers
        sizes = [len(stack) for stack in of_part]
        assert max(sizes) - min(sizes) <= 1
        # One model has to be in some stack, whatever it takes.
        budget = min(max_stack_bytes // workers.n, PREFERRED_STACK_BYTES)
        assert max(sizes) == 1 or max(sizes) * part.bytes_each <= budget
        if unit < n_in_turn and len(part.numbers) * part.bytes_each <= budget:
            assert min(sizes) >= min(part.least, len(part.numbers))


def models(n, bytes_each=1, least=1):
    return Part(list(range(n)), bytes_each, least)


@pytest.mark.parametrize(
    ("part", "n_units", "workers", "expected"),
    [
        # One worker: as few as memory allows, and no fewer than it allows.
        (models(20), 5, Workers(1, 1), [1, 1, 1, 1, 1]),
        (models(20, PREFERRED_STACK_BYTES // 4), 2, Workers(1, 1), [5, 5]),
        # As many units as workers, or twice as many: each takes some.
        (models(20), 2, Workers(2, 1), [1, 1]),
        (models(20), 4, Workers(2, 1), [1, 1, 1, 1]),
        (models(20), 2, Workers(2, 4), [4, 4]),
        # What is left over is cut for all of them, so that none has a last stack alone ...
        (models(20), 1, Workers(4, 1), [4]),
        (models(20), 3, Workers(2, 1), [1, 1, 2]),
        (models(20, least=19), 5, Workers(2, 1), [1, 1, 1, 1, 2]),
        (models(20), 6, Workers(4, 1), [1, 1, 1, 1, 2, 2]),
        (models(3), 1, Workers(4, 1), [3]),
        # ... unless there are many.
        (models(20), 2 * MANY_TASKS + 1, Workers(2, 1), [1] * (2 * MANY_TASKS + 1)),
        # Smaller ones than a stack needs are made for no more tasks of each worker.
        (models(20, least=10), 2, Workers(2, 4), [2, 2]),
    ],
)
def test_workers_have_work(part, n_units, workers, expected):
    parts = [(unit, part) for unit in range(n_units)]
    assert [len(stacks) for stacks in cut(parts, n_units, workers, ROOM)] == expected
