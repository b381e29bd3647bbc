"""The caching allocator: what it counts, keeps, hands out again and gives back."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

import pullback as pb
from pullback import memory

BIG = 4 << 20  # bytes; kept by the cache, not by a free list


@pytest.fixture(autouse=True)
def _an_empty_cache() -> Iterator[None]:
    gc.collect()
    memory.empty_cache()
    bound = memory.stats()["bound"]
    yield
    memory.set_bound(bound)
    memory.empty_cache()


def big() -> pb.Tensor:
    return pb.empty(BIG, dtype=pb.uint8)


def test_allocated_and_peak() -> None:
    gc.collect()  # what other tests left dies now, not between two looks
    before = memory.stats()["allocated"]
    memory.reset_peak()
    resting = memory.stats()["peak"]  # small blocks, which test modules may hold, do not count
    x = big()
    assert memory.stats()["allocated"] >= before + BIG
    assert memory.stats()["peak"] >= resting + BIG
    del x
    assert memory.stats()["allocated"] == before
    assert memory.stats()["peak"] >= resting + BIG
    memory.reset_peak()
    assert memory.stats()["peak"] == resting


def test_a_freed_block_is_kept_and_handed_out_again() -> None:
    x = big()
    where = x.data_ptr()
    del x
    assert memory.stats()["cached"] >= BIG
    y = big()
    assert y.data_ptr() == where
    del y
    memory.empty_cache()
    assert memory.stats()["cached"] == 0


def test_above_the_bound_nothing_is_kept() -> None:
    memory.set_bound(0)
    x = big()
    del x
    assert memory.stats()["cached"] == 0
    memory.set_bound(10 * BIG)
    x = big()
    del x
    assert BIG <= memory.stats()["cached"] <= 10 * BIG


def test_a_smaller_bound_gives_back_at_once() -> None:
    x = big()
    del x
    memory.set_bound(0)
    assert memory.stats()["cached"] == 0


def test_data_is_aligned() -> None:
    for n in (1, 3, 17, 1000, BIG):
        assert pb.empty(n, dtype=pb.uint8).data_ptr() % 64 == 0


def test_blocks_in_use_are_never_shared() -> None:
    xs = [pb.full((1000,), k) for k in range(50)]
    del xs[::2]
    ys = [pb.full((1000,), 100 + k) for k in range(25)]
    assert all(bool((x == 2 * k + 1).all()) for k, x in enumerate(xs))
    assert all(bool((y == 100 + k).all()) for k, y in enumerate(ys))


def test_a_budget_lowers_the_peak() -> None:
    def run(budget: str) -> int:
        x = pb.rand(100_000, dtype=pb.float64, requires_grad=True)
        pb.memory.reset_peak()
        before = pb.memory.stats()["allocated"]
        with pb.memory_budget(budget):
            y = x
            for _ in range(50):
                y = y.sin().exp()
        y.sum().backward()
        return pb.memory.stats()["peak"] - before

    assert run("1GB") > 50 * 800_000
    assert run("8MB") < 25 * 800_000
