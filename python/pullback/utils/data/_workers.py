"""The processes that take batches for a ``DataLoader``: what they run, and what they answer with.

A worker gets its tasks from a queue of its own and answers through a pipe of its own, so one that
dies holds no lock that another one waits for, and its pipe says that it is gone.
"""

from __future__ import annotations

import pickle
import queue
import random
import sys
import traceback
from dataclasses import dataclass
from multiprocessing import parent_process
from typing import Any

import pullback as pb
from pullback.utils.data._fetch import Fetcher

__all__ = ["Failure", "Finished", "WorkerInfo", "get_worker_info"]

# How often a worker that waits looks whether its parent still lives.
_PATIENCE = 5.0


@dataclass
class WorkerInfo:
    """Which worker this process is: ``id`` of ``num_workers``, its seed and its dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_here: list[WorkerInfo] = []


def get_worker_info() -> WorkerInfo | None:
    """Which worker of a ``DataLoader`` this process is; None in the main process.

    Example:
        >>> import pullback as pb
        >>> pb.utils.data.get_worker_info()
    """
    return _here[0] if _here else None


class Finished:
    """The answer of a worker whose iterable dataset has no more samples."""


class Failure:
    """An exception of a worker, with its traceback as a text."""

    def __init__(self, error: BaseException, where: str) -> None:
        self._kind = type(error)
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self._text = f"Caught {self._kind.__name__} {where}.\nOriginal {text}"

    def reraise(self) -> None:
        """Raises an exception of the same class, with the worker's traceback as its text."""
        text: Any = _Lines(self._text) if issubclass(self._kind, KeyError) else self._text
        try:
            error = self._kind(text)
        except Exception:  # noqa: BLE001 - a class that wants other arguments
            error = RuntimeError(self._text)
        raise error


class _Lines(str):
    """A text that KeyError prints as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass
class Orders:
    """What a worker is told once."""

    id: int
    num_workers: int
    base_seed: int
    dataset: Any
    batched: bool
    collate: Any
    drop_last: bool
    init: Any


def seed_worker(base_seed: int, worker: int) -> int:
    """Seeds all generators of random numbers of a worker as PyTorch does; returns the seed."""
    seed = base_seed + worker
    random.seed(seed)
    pb.manual_seed(seed)
    if "numpy" in sys.modules:
        import numpy as np

        words = [worker, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
        state = np.random.SeedSequence(words).generate_state(4)
        np.random.seed(state)  # noqa: NPY002 - what datasets draw from without saying so
    return seed


def work(orders: Orders, tasks: Any, answers: Any) -> None:
    """What a worker runs: a task is (number, indices), None to begin anew, or False to end."""
    pb.set_num_threads(1)
    where = f"in DataLoader worker process {orders.id}"
    seed = seed_worker(orders.base_seed, orders.id)
    _here[:] = [WorkerInfo(orders.id, orders.num_workers, seed, orders.dataset)]
    failed: Failure | None = None
    try:
        if orders.init is not None:
            orders.init(orders.id)
    except Exception as error:  # noqa: BLE001 - goes to the main process
        failed = Failure(error, where)
    fetch: Fetcher | None = None
    while True:
        task = _next_task(tasks)
        if task is False:
            return
        if task is None:
            fetch = None
            continue
        number, wanted = task
        try:
            if failed is not None:
                answer: Any = failed
            else:
                if fetch is None:
                    fetch = Fetcher(
                        orders.dataset, orders.batched, orders.collate, orders.drop_last
                    )
                answer = fetch(wanted)
        except StopIteration:
            answer = Finished()
        except Exception as error:  # noqa: BLE001 - goes to the main process
            answer = Failure(error, where)
        try:
            send(answers, (number, answer))
        except (BrokenPipeError, EOFError):
            return
        except Exception as error:  # noqa: BLE001 - an answer that does not pickle
            send(answers, (number, Failure(error, where)))


def send(pipe: Any, message: Any) -> None:
    """Sends by value: what a killed worker or a loop that was left has sent is gone with its pipe.

    ``pullback.multiprocessing`` lets ``pipe.send`` put tensors into shared memory instead.
    """
    pipe.send_bytes(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))


def receive(pipe: Any) -> Any:
    """What ``send`` has sent."""
    return pickle.loads(pipe.recv_bytes())


def _next_task(tasks: Any) -> Any:
    parent = parent_process()
    while True:
        try:
            return tasks.get(timeout=_PATIENCE)
        except queue.Empty:
            if parent is not None and not parent.is_alive():
                return False
