"""What ``iter(loader)`` is: batches taken in this process, or by workers."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Iterator
from multiprocessing.connection import wait
from typing import Any

import pullback as pb
from pullback.utils.data._fetch import Fetcher
from pullback.utils.data._workers import Failure, Finished, Orders, receive, work
from pullback.utils.data.dataset import IterableDataset

_GRACE = 5.0  # seconds for a worker to end by itself


class _Batches(Iterator[Any]):
    """The base: the order of the tasks, and the warning of a dataset that gives too much."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._iterable = isinstance(loader.dataset, IterableDataset)
        seed = pb.empty((), dtype=pb.int64).random_(generator=loader.generator)
        self._base_seed = int(seed.item())
        if loader.pin_memory:
            warnings.warn(
                "'pin_memory' argument is set as true but no accelerator is found, then device "
                "pinned memory won't be used.",
                stacklevel=4,
            )
        self._begin()

    def _begin(self) -> None:
        loader = self._loader
        self._given = 0
        self._wanted: Iterator[Any] = (
            self._endless() if self._iterable else iter(loader._index_sampler)
        )

    def _endless(self) -> Iterator[Any]:
        """The tasks for a dataset that gives its samples in a row."""
        size = self._loader.batch_size
        return itertools.repeat([None] * size if size is not None else None)

    def _count(self) -> None:
        self._given += 1
        known = self._loader._length_said
        if self._iterable and known is not None and self._given > known:
            text = (
                f"Length of IterableDataset {self._loader.dataset} was reported to be {known}(when "
                f"accessing len(dataloader)), but {self._given} samples have been fetched. "
            )
            if self._loader.num_workers > 0:
                text += (
                    "For multiprocessing data-loading, this could be caused by not properly "
                    "configuring the IterableDataset replica at each worker. Please see "
                    "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset "
                    "for examples."
                )
            warnings.warn(text, stacklevel=4)

    def __len__(self) -> int:
        return len(self._loader)


class HereBatches(_Batches):
    """Batches that are taken in this process."""

    def _begin(self) -> None:
        super()._begin()
        loader = self._loader
        self._fetch = Fetcher(loader.dataset, loader._batched, loader.collate_fn, loader.drop_last)

    def __next__(self) -> Any:
        batch = self._fetch(next(self._wanted))
        self._count()
        return batch


class WorkerBatches(_Batches):
    """Batches that worker processes take ahead of time."""

    def __init__(self, loader: Any) -> None:
        self._owner = os.getpid()
        self._processes: list[Any] = []
        self._queues: list[Any] = []
        self._pipes: list[Any] = []
        super().__init__(loader)

    def _begin(self) -> None:
        super()._begin()
        loader = self._loader
        count = loader.num_workers
        if self._processes:
            for tasks in self._queues:
                tasks.put(None)
        else:
            for worker in range(count):
                self._start(worker)
        self._sent = 0
        self._ready: dict[int, Any] = {}
        self._task_of: dict[int, int] = {}  # the worker of every task that is under way
        self._active = [True] * count
        self._turn = itertools.cycle(range(count))
        self._exhausted = False
        for _ in range(loader.prefetch_factor * count):
            self._send()

    def _start(self, worker: int) -> None:
        loader = self._loader
        context = loader.multiprocessing_context or multiprocessing.get_context()
        orders = Orders(
            worker,
            loader.num_workers,
            self._base_seed,
            loader.dataset,
            loader._batched,
            loader.collate_fn,
            loader.drop_last,
            loader.worker_init_fn,
        )
        tasks = context.Queue()
        tasks.cancel_join_thread()
        reader, writer = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(orders, tasks, writer), daemon=True)
        process.start()
        writer.close()  # so that the pipe ends with the worker
        self._processes.append(process)
        self._queues.append(tasks)
        self._pipes.append(reader)

    def _send(self) -> None:
        if self._exhausted or not any(self._active):
            return
        try:
            wanted = next(self._wanted)
        except StopIteration:
            self._exhausted = True
            return
        worker = next(each for each in self._turn if self._active[each])
        self._task_of[self._sent] = worker
        self._queues[worker].put((self._sent, wanted))
        self._sent += 1

    def __next__(self) -> Any:
        if not self._processes:
            raise StopIteration
        while self._task_of or self._ready:
            number = self._available()
            if number is None:
                self._receive()
                continue
            answer = self._ready.pop(number)
            if isinstance(answer, Finished):
                continue
            self._send()
            if isinstance(answer, Failure):
                self.shut_down()
                answer.reraise()
            self._count()
            return answer
        if not self._loader.persistent_workers:
            self.shut_down()
        raise StopIteration

    def _available(self) -> int | None:
        """The number of the answer that is next, if it is here."""
        if not self._loader.in_order:
            return next(iter(self._ready), None)
        first = min((*self._task_of, *self._ready))
        return first if first in self._ready else None

    def _receive(self) -> None:
        timeout = self._loader.timeout or None
        busy = sorted({*self._task_of.values()})
        places: dict[Any, int] = {self._pipes[worker]: worker for worker in busy}
        found = wait(list(places), timeout)
        if not found:
            self.shut_down()
            raise RuntimeError(f"DataLoader timed out after {timeout} seconds")
        for pipe in found:
            worker = places[pipe]
            try:
                number, answer = receive(self._pipes[worker])
            except (EOFError, OSError):
                self._lost(worker)
            self._ready[number] = answer
            del self._task_of[number]
            if isinstance(answer, Finished):
                self._active[worker] = False
                self._send()

    def _lost(self, worker: int) -> None:
        process = self._processes[worker]
        process.join(_GRACE)
        pid, code = process.pid, process.exitcode
        self.shut_down()
        raise RuntimeError(
            f"DataLoader worker (pid(s) {pid}) exited unexpectedly, with exit code {code}. A "
            "negative code is the number of the signal that killed it; 9 is often for want of "
            "memory."
        )

    def _drop_answers(self) -> None:
        """Waits for what is under way from a loop that was left."""
        while self._task_of:
            self._receive()

    def again(self) -> None:
        """Begins a new loop with the same workers."""
        self._exhausted = True
        self._drop_answers()
        self._begin()

    @property
    def alive(self) -> bool:
        """Whether there are workers."""
        return bool(self._processes)

    def shut_down(self) -> None:
        """Ends the workers."""
        processes, self._processes = self._processes, []
        queues, self._queues = self._queues, []
        pipes, self._pipes = self._pipes, []
        self._task_of, self._ready = {}, {}
        for tasks in queues:
            tasks.put(False)
        for pipe in pipes:
            pipe.close()  # a worker that waits to answer ends
        deadline = time.monotonic() + _GRACE
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()
            process.close()
        for tasks in queues:
            tasks.close()

    def __del__(self) -> None:
        # Not in a process that was forked with a copy of this, nor when the modules are gone.
        if self._processes and self._owner == os.getpid() and not sys.is_finalizing():
            self.shut_down()
