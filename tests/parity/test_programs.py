"""Random programs do in pullback what they do in PyTorch, and leave nothing behind.

They come from tests/programs. By hand: PULLBACK_PROGRAMS=100000 for so many of them,
PULLBACK_PROGRAMS_FIRST for the number of the first, PULLBACK_PROGRAMS_SHARD=0/2 for every second
one (in two processes at once). A program that fails is made as short as possible and printed as
Python, with its number; `python tests/programs NUMBER` does that for one.
"""

from __future__ import annotations

import contextlib
import gc
import os

import pytest

import pullback as pb
from programs import Difference, draw, explain, run
from pullback import _core

torch = pytest.importorskip("torch")

COUNT = int(os.environ.get("PULLBACK_PROGRAMS", "600"))
FIRST = int(os.environ.get("PULLBACK_PROGRAMS_FIRST", "0"))
SHARD, SHARDS = map(int, os.environ.get("PULLBACK_PROGRAMS_SHARD", "0/1").split("/"))
BLOCKS = 6
MOST_FAILURES = 5


@pytest.fixture(scope="module", autouse=True)
def _frozen() -> None:
    """What libraries import late is imported, and the collector does not look at it again."""
    for number in range(30):
        with contextlib.suppress(Difference):
            run(draw(number), torch, pb).clear()
    gc.collect()
    gc.freeze()


def check_that_nothing_is_left(numbers: list[int]) -> None:
    """Live objects are counted for all, and program by program when there are more than before."""

    def left(some: list[int]) -> bool:
        gc.collect()
        gc.freeze()  # what is there need not be looked at again
        before = _core.live_objects()
        for number in some:
            run(draw(number), pb).clear()
        gc.collect()
        return any(n > before[kind] for kind, n in _core.live_objects().items())

    if left(numbers):
        assert [number for number in numbers if left([number])] == [], "leave objects behind"


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_programs(block: int) -> None:
    first = FIRST + block * COUNT // BLOCKS
    last = FIRST + (block + 1) * COUNT // BLOCKS
    numbers = [number for number in range(first, last) if number % SHARDS == SHARD]
    failed = []
    for number in numbers:
        try:
            machine = run(draw(number), torch, pb)
        except Difference:
            failed.append(number)
            continue
        assert machine.lines, "PyTorch does nothing after what ran before"
        machine.clear()
    assert not failed, "\n".join(
        [f"programs {failed}", *(explain(number, torch, pb) for number in failed[:MOST_FAILURES])]
    )
    check_that_nothing_is_left(numbers[:: max(1, len(numbers) // 40)])
