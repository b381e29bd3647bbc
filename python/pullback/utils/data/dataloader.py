"""``DataLoader``: batches of a dataset, in order or at random, here or from worker processes."""

from __future__ import annotations

import itertools
import math
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.context import BaseContext
from typing import Any

from pullback import _arguments
from pullback.utils.data._collate import default_collate, default_convert
from pullback.utils.data._fetch import Fetcher
from pullback.utils.data._iterators import HereBatches, WorkerBatches, _Batches
from pullback.utils.data.dataset import IterableDataset
from pullback.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler

__all__ = ["DataLoader"]

_FIXED = frozenset(
    ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"]
)


class DataLoader:
    """Batches of a dataset, with PyTorch's order and random numbers for a seed.

    Args:
        dataset: what has samples by index, or an ``IterableDataset``.
        batch_size: the number of samples in a batch; None gives single samples.
        shuffle: whether the samples come in an order at random.
        sampler: what gives the indices of the samples.
        batch_sampler: what gives the lists of indices of the batches.
        num_workers: how many processes take batches ahead of time; 0 takes them in this one.
        collate_fn: makes a batch of samples.
        pin_memory: warns; there is no device to pin memory for.
        drop_last: whether a last batch that is shorter is left out.
        timeout: seconds to wait for a worker; 0 waits for ever.
        worker_init_fn: is called in each worker with its number.
        multiprocessing_context: how workers are started: a name or a context.
        generator: the generator of random numbers for the order and the seeds of the workers.
        prefetch_factor: how many batches each worker is told to take ahead of time; 2 when it is
            left out.
        persistent_workers: whether workers live on from loop to loop.
        pin_memory_device: not used.
        in_order: False gives batches of workers as they come.

    Raises:
        ValueError: arguments that exclude each other.
        RuntimeError: a worker died, or did not answer in time.

    Example:
        >>> import pullback as pb
        >>> loader = pb.utils.data.DataLoader(range(5), batch_size=2)
        >>> [batch.tolist() for batch in loader]
        [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        """Of this dataset."""
        _check_kinds(locals())
        _check_numbers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers > 0 and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.in_order = in_order
        self.multiprocessing_context = multiprocessing_context
        iterable = isinstance(dataset, IterableDataset)
        if iterable:
            _check_iterable(shuffle, sampler, batch_sampler)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                    "and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )
        if sampler is None:
            if iterable:
                sampler = _Endless()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        self._batched = batch_sampler is not None
        self.collate_fn = collate_fn or (default_collate if self._batched else default_convert)
        self.persistent_workers = persistent_workers
        self._length_said: int | None = None
        self._kept: WorkerBatches | None = None
        # The name that programs clear, which exchange the sampler of a loader that is made.
        self.__initialized = True

    @property
    def multiprocessing_context(self) -> Any:
        """How workers are started; None for Python's default."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: Any) -> None:
        if context is not None:
            if self.num_workers == 0:
                raise ValueError(
                    "multiprocessing_context can only be used with multi-process loading "
                    f"(num_workers > 0), but got num_workers={self.num_workers}"
                )
            if isinstance(context, str):
                known = multiprocessing.get_all_start_methods()
                if context not in known:
                    raise ValueError(
                        "multiprocessing_context option should specify a valid start method in "
                        f"{known!r}, but got multiprocessing_context={context!r}"
                    )
                context = multiprocessing.get_context(context)
            if not isinstance(context, BaseContext):
                raise TypeError(
                    "multiprocessing_context option should be a valid context object or a string "
                    "specifying the start method, but got "
                    f"multiprocessing_context={context}"
                )
        self._context = context

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and self.__dict__.get("_DataLoader__initialized"):
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized"
            )
        super().__setattr__(name, value)

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._batched else self.sampler

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _dataset_kind(self) -> int:
        iterable = isinstance(self.dataset, IterableDataset)
        return _DatasetKind.Iterable if iterable else _DatasetKind.Map

    @property
    def _iterator(self) -> WorkerBatches | None:
        """The loop whose workers live on."""
        return self._kept

    def _get_iterator(self) -> Iterator[Any]:
        """A loop of its own."""
        return HereBatches(self) if self.num_workers == 0 else WorkerBatches(self)

    def __iter__(self) -> Iterator[Any]:
        if not self.persistent_workers:
            return self._get_iterator()
        if self._kept is None or not self._kept.alive:
            self._kept = WorkerBatches(self)
        else:
            self._kept.again()
        return self._kept

    def __len__(self) -> int:
        if not isinstance(self.dataset, IterableDataset):
            return len(self._index_sampler)
        length = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is not None:
            length = (
                length // self.batch_size if self.drop_last else math.ceil(length / self.batch_size)
            )
        self._length_said = length
        return length


class _Endless:
    """The sampler of an iterable dataset, which is not asked."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class _DatasetKind:
    """PyTorch's numbers for datasets by index and for those that give samples in a row."""

    Map = 0
    Iterable = 1

    @staticmethod
    def create_fetcher(
        kind: int,
        dataset: Any,
        auto_collation: bool,
        collate_fn: Callable[[Any], Any],
        drop_last: bool,
    ) -> Fetcher:
        """What takes samples from the dataset; the dataset itself says of which kind it is."""
        del kind
        return Fetcher(dataset, auto_collation, collate_fn, drop_last)


# PyTorch's names, for programs that subclass, annotate or ask.
_collate_fn_t = Callable[[list[Any]], Any]
_BaseDataLoaderIter = _Batches
_InfiniteConstantSampler = _Endless
_MultiProcessingDataLoaderIter = WorkerBatches
_SingleProcessDataLoaderIter = HereBatches


def _check_kinds(given: dict[str, Any]) -> None:
    for name in ("drop_last", "pin_memory", "persistent_workers", "in_order"):
        _arguments.bools("DataLoader", **{name: given[name]})
    if given["shuffle"] is not None:
        _arguments.bools("DataLoader", shuffle=given["shuffle"])
    _arguments.integers("DataLoader", num_workers=given["num_workers"])
    _arguments.numbers("DataLoader", timeout=given["timeout"])
    _arguments.texts("DataLoader", pin_memory_device=given["pin_memory_device"])
    for name in ("batch_size", "prefetch_factor"):
        if given[name] is not None:
            _arguments.integers("DataLoader", **{name: given[name]})
    for name in ("collate_fn", "worker_init_fn"):
        if given[name] is not None:
            _arguments.functions("DataLoader", **{name: given[name]})
    for name in ("sampler", "batch_sampler"):
        if given[name] is not None and not hasattr(given[name], "__iter__"):
            _arguments.refuse("DataLoader", name, "an iterable of indices", given[name])
    dataset, generator = given["dataset"], given["generator"]
    if not hasattr(dataset, "__getitem__") and not isinstance(dataset, IterableDataset):
        _arguments.refuse("DataLoader", "dataset", "a dataset, which has __getitem__", dataset)
    _arguments.generators("DataLoader", generator=generator)


def _check_numbers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable "
            "multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < 1:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_iterable(shuffle: bool | None, sampler: Any, batch_sampler: Any) -> None:
    start = "DataLoader with IterableDataset: expected unspecified"
    if shuffle:
        raise ValueError(f"{start} shuffle option, but got shuffle={shuffle}")
    if sampler is not None:
        raise ValueError(f"{start} sampler option, but got sampler={sampler}")
    if batch_sampler is not None:
        raise ValueError(f"{start} batch_sampler option, but got batch_sampler={batch_sampler}")
