"""Workers of a loader: what ends a loop, what they leave behind, how they are started."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import pullback as pb
from loaded import Numbers, of_worker
from pullback.utils.data import DataLoader, get_worker_info


class Odd(Exception):
    """Wants two arguments."""

    def __init__(self, first: Any, second: Any) -> None:
        super().__init__(first, second)


def fail() -> None:
    raise ValueError("no sample here")


def fail_with_a_key() -> None:
    raise KeyError("no sample here")


def fail_oddly() -> None:
    raise Odd(1, "no sample here")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    os._exit(3)


def sleep() -> None:
    time.sleep(60)


def no_pickle() -> Any:
    return threading.Lock()


def first(values: list[Any]) -> Any:
    return values[0]


def children() -> list[Any]:
    gc.collect()
    return multiprocessing.active_children()


def descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("what", "kind"), [(fail, ValueError), (fail_with_a_key, KeyError), (fail_oddly, RuntimeError)]
)
def test_an_exception_ends_the_loop(workers: int, what: Any, kind: Any) -> None:
    loader = DataLoader(Numbers(20, 5, what), 2, num_workers=workers)
    seen = []
    with pytest.raises(kind) as caught:
        seen.extend(loader)
    assert len(seen) == 2
    text = str(caught.value)
    assert "in DataLoader worker process 0" in text
    assert "no sample here" in text
    assert f"in {what.__name__}" in text
    assert text.count("\n") > 4
    assert not children()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("what", [die, leave])
def test_a_worker_that_dies_ends_the_loop(workers: int, what: Any) -> None:
    loader = DataLoader(Numbers(20, 5, what), 2, num_workers=workers)
    code = -signal.SIGKILL if what is die else 3
    with pytest.raises(RuntimeError, match=rf"exited unexpectedly, with exit code {int(code)}\."):
        list(loader)
    assert not children()


def test_a_worker_that_is_killed_while_it_waits() -> None:
    batches = iter(DataLoader(Numbers(1000), 1, num_workers=2))
    next(batches)
    os.kill(children()[0].pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(batches)
    assert not children()


def test_a_worker_that_does_not_answer() -> None:
    loader = DataLoader(Numbers(4, 1, sleep), 1, num_workers=1, timeout=0.5)
    with pytest.raises(RuntimeError, match=r"timed out after 0\.5 seconds"):
        list(loader)
    assert not children()


def test_a_sample_that_does_not_pickle() -> None:
    loader = DataLoader(Numbers(4, 1, no_pickle), 1, num_workers=1, collate_fn=first)
    with pytest.raises(TypeError, match="pickle"):
        list(loader)


def test_a_failure_of_the_first_function() -> None:
    def wrong(worker: int) -> None:
        raise ValueError(f"not worker {worker}")

    with pytest.raises(ValueError, match="not worker 0"):
        list(DataLoader(Numbers(4), num_workers=1, worker_init_fn=wrong))


def test_a_loop_that_is_left() -> None:
    for persistent in (False, True):
        loader = DataLoader(Numbers(1000), num_workers=2, persistent_workers=persistent)
        for _ in loader:
            break
        again = [batch[0, 0].item() for batch in loader]
        assert again == list(map(float, range(1000)))
        del loader
    assert not children()


def test_nothing_is_left_of_many_loops() -> None:
    before = descriptors()
    loader = DataLoader(Numbers(6), 3, num_workers=2)
    for _ in range(30):
        assert len(list(loader)) == 2
    kept = DataLoader(Numbers(6), 3, num_workers=1, persistent_workers=True)
    for _ in range(200):
        assert len(list(kept)) == 2
    del kept
    assert not children()
    assert descriptors() <= before


def test_large_batches() -> None:
    """More than a pipe holds, in answers and in tasks."""
    data = pb.utils.data.TensorDataset(pb.arange(400_000).view(40_000, 10))
    found = list(DataLoader(data, 10_000, num_workers=2, prefetch_factor=4))
    assert len(found) == 4
    assert bool((pb.cat([batch for (batch,) in found]) == data.tensors[0]).all())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_ways_of_starting(method: str) -> None:
    pb.manual_seed(0)
    loader = DataLoader(
        Numbers(4), 2, num_workers=2, multiprocessing_context=method, collate_fn=of_worker
    )
    (one, two) = list(loader)
    assert one[:2] == (0, 2)
    assert two == (1, 2, one[2] + 1, 4, 2)
    assert get_worker_info() is None


def test_gradients_after_workers() -> None:
    """The threads of this process go on after processes were forked."""
    x = pb.rand(300, 300, requires_grad=True)
    for batch in DataLoader(Numbers(4), 2, num_workers=2):
        (x @ x * batch.sum()).sum().backward()
    assert x.grad is not None
