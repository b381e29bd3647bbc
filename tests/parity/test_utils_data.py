"""Datasets, samplers and loaders beside PyTorch's: the same order, batches and random numbers."""

from __future__ import annotations

import importlib
import random
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")
importlib.import_module("torch.utils.data")


class Pair(NamedTuple):
    a: Any
    b: Any


class Squares:
    """Map-style, of either library."""

    def __init__(self, lib: Any, count: int = 11) -> None:
        self.lib, self.count = lib, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return {"x": self.lib.full((2,), float(index)), "y": (index, str(index))}


class Drawing(Squares):
    """Samples with a random number of every generator in them."""

    def __getitem__(self, index: int) -> Any:
        numbers = self.lib.rand(1).item(), random.random(), np.random.rand()  # noqa: NPY002
        return (index, self.lib.initial_seed(), *numbers)


def counting(lib: Any, count: int = 7, length: int | None = None) -> Any:
    class Counting(lib.utils.data.IterableDataset):  # type: ignore[misc,name-defined]
        def __iter__(self) -> Iterator[int]:
            info = lib.utils.data.get_worker_info()
            start, step = (0, 1) if info is None else (info.id, info.num_workers)
            return iter(range(start, count, step))

        if length is not None:

            def __len__(self) -> int:
                return length

    return Counting()


def plain(lib: Any, value: Any) -> Any:
    """Anything as something that both libraries have."""
    if isinstance(value, lib.Tensor):
        return "tensor", str(value.dtype), value.tolist()
    if isinstance(value, dict):
        return type(value).__name__, [(key, plain(lib, each)) for key, each in value.items()]
    if isinstance(value, (list, tuple, lib.utils.data.Subset)):
        return type(value).__name__, [plain(lib, each) for each in value]
    return type(value).__name__, value


def outcome(lib: Any, made: Callable[[Any], Any]) -> Any:
    """Results, warnings, the kind of the error, and the next number of the generator."""
    lib.manual_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = plain(lib, made(lib))
        except Exception as error:  # noqa: BLE001 - its type is compared
            found = type(error).__name__
    words = [str(each.message) for each in caught if each.category is UserWarning]
    words = [each for each in words if "Counting" not in each]
    return found, words, lib.rand(1).item()


def seeded(lib: Any) -> Any:
    return lib.Generator().manual_seed(7)


def loader(lib: Any, *args: Any, **kwargs: Any) -> list[Any]:
    return list(lib.utils.data.DataLoader(*args, **kwargs))


def keep(values: Any) -> Any:
    return values


SAME: dict[str, Callable[[Any], Any]] = {
    "sequential": lambda t: list(t.utils.data.SequentialSampler("abcd")),
    "random": lambda t: list(t.utils.data.RandomSampler(range(50))),
    "random twice": lambda t: [list(s := t.utils.data.RandomSampler(range(9))), list(s)],
    "random with a generator": lambda t: list(
        t.utils.data.RandomSampler(range(50), generator=seeded(t))
    ),
    "random, more": lambda t: list(t.utils.data.RandomSampler(range(5), num_samples=13)),
    "random, fewer": lambda t: list(t.utils.data.RandomSampler(range(50), num_samples=13)),
    "random, again": lambda t: list(t.utils.data.RandomSampler(range(5), True, 100)),
    "random, 64 again": lambda t: list(t.utils.data.RandomSampler(range(5), True, 64)),
    "random of nothing": lambda t: list(t.utils.data.RandomSampler([])),
    "random, -1": lambda t: t.utils.data.RandomSampler([1], num_samples=-1),
    "random, replacement 3": lambda t: t.utils.data.RandomSampler([1], 3),
    "subset": lambda t: list(t.utils.data.SubsetRandomSampler([3, 5, 7, 9])),
    "subset, seeded": lambda t: list(t.utils.data.SubsetRandomSampler("abcd", seeded(t))),
    "weighted": lambda t: list(t.utils.data.WeightedRandomSampler([0.1, 0.7, 0.2], 20)),
    "weighted once": lambda t: list(
        t.utils.data.WeightedRandomSampler([1, 2, 3, 4], 4, False, seeded(t))
    ),
    "weighted 2d": lambda t: t.utils.data.WeightedRandomSampler([[1.0]], 1),
    "weighted, 0": lambda t: t.utils.data.WeightedRandomSampler([1.0], 0),
    "batches": lambda t: list(t.utils.data.BatchSampler(range(7), 3, False)),
    "batches, whole": lambda t: list(t.utils.data.BatchSampler(range(7), 3, True)),
    "batches, length": lambda t: [
        len(t.utils.data.BatchSampler(range(n), 3, drop))
        for n in range(7)
        for drop in (False, True)
    ],
    "batches of 0": lambda t: t.utils.data.BatchSampler(range(7), 0, False),
    "batches of 1.5": lambda t: t.utils.data.BatchSampler(range(7), 1.5, False),
    "batches, drop 1": lambda t: t.utils.data.BatchSampler(range(7), 2, 1),
    "a sampler alone": lambda t: list(t.utils.data.Sampler()),
    "split": lambda t: t.utils.data.random_split(range(10), [3, 7]),
    "split by shares": lambda t: t.utils.data.random_split(range(11), [0.3, 0.3, 0.4]),
    "split, seeded": lambda t: t.utils.data.random_split(range(10), [5, 5], seeded(t)),
    "split, empty": lambda t: t.utils.data.random_split(range(2), [0.9, 0.05, 0.05]),
    "split, wrong sum": lambda t: t.utils.data.random_split(range(10), [3, 3]),
    "split, wrong share": lambda t: t.utils.data.random_split(range(10), [1.5, -0.5]),
    "concat": lambda t: [
        t.utils.data.ConcatDataset([range(3), "ab", [9]])[i] for i in (0, 2, 3, 5, -1, -6)
    ],
    "concat, outside": lambda t: t.utils.data.ConcatDataset([range(3)])[-4],
    "concat, beyond": lambda t: t.utils.data.ConcatDataset([range(3)])[3],
    "concat of nothing": lambda t: t.utils.data.ConcatDataset([]),
    "concat of iterables": lambda t: t.utils.data.ConcatDataset([counting(t)]),
    "sum": lambda t: list(
        t.utils.data.TensorDataset(t.arange(2)) + t.utils.data.TensorDataset(t.arange(3))
    ),
    "chain": lambda t: list(counting(t, 2) + counting(t, 3)),
    "chain of lists": lambda t: list(t.utils.data.ChainDataset([[1]])),
    "stack": lambda t: list(t.utils.data.StackDataset(range(3), "abc")),
    "stack by name": lambda t: [t.utils.data.StackDataset(a=range(3), b="abc")[1]],
    "stack, several": lambda t: t.utils.data.StackDataset(range(3), "abc").__getitems__([2, 0]),
    "stack, sizes": lambda t: t.utils.data.StackDataset(range(3), "ab"),
    "stack, both": lambda t: t.utils.data.StackDataset("a", b="a"),
    "stack of nothing": lambda t: t.utils.data.StackDataset(),
    "tensors": lambda t: [t.utils.data.TensorDataset(t.arange(3), t.ones(3, 2))[i] for i in (0, 2)],
    "tensors of two sizes": lambda t: t.utils.data.TensorDataset(t.arange(3), t.ones(2)),
    "part": lambda t: [t.utils.data.Subset("abcdef", [4, 2])[i] for i in (0, 1)],
    "no getitem": lambda t: t.utils.data.Dataset()[0],
    "no iter": lambda t: t.utils.data.IterableDataset(),
    "collate": lambda t: t.utils.data.default_collate([1, 2]),
    "collate floats": lambda t: t.utils.data.default_collate([1.5, 2]),
    "collate bools": lambda t: t.utils.data.default_collate([True, False]),
    "collate texts": lambda t: t.utils.data.default_collate(["a", "b"]),
    "collate tensors": lambda t: t.utils.data.default_collate([t.ones(2), t.zeros(2)]),
    "collate sizes": lambda t: t.utils.data.default_collate([t.ones(2), t.zeros(3)]),
    "collate arrays": lambda t: t.utils.data.default_collate([np.arange(2), np.arange(2)]),
    "collate numbers": lambda t: t.utils.data.default_collate([np.float64(1), np.float64(2)]),
    "collate text arrays": lambda t: t.utils.data.default_collate([np.array(["a"])]),
    "collate dicts": lambda t: t.utils.data.default_collate([OrderedDict(a=1, b=(2, "x"))] * 2),
    "collate pairs": lambda t: t.utils.data.default_collate([Pair(1, 2), Pair(3, 4)]),
    "collate lists": lambda t: t.utils.data.default_collate([[1, 2], [3, 4]]),
    "collate lengths": lambda t: t.utils.data.default_collate([[1, 2], [3]]),
    "collate none": lambda t: t.utils.data.default_collate([None]),
    "convert": lambda t: t.utils.data.default_convert(
        [np.arange(2), {"a": np.float32(1), "b": "x"}, Pair(np.ones(1), 2), (np.ones(1),)]
    ),
    "loader": lambda t: loader(t, Squares(t), batch_size=4),
    "loader, shuffled": lambda t: loader(t, range(20), batch_size=3, shuffle=True),
    "loader, seeded": lambda t: loader(t, range(20), 3, True, generator=seeded(t)),
    "loader, two loops": lambda t: [
        list(made := t.utils.data.DataLoader(range(9), 2, True, generator=seeded(t))),
        list(made),
    ],
    "loader, dropping": lambda t: loader(t, range(20), batch_size=3, drop_last=True),
    "loader, no batches": lambda t: loader(t, [np.arange(2), 3, "a"], batch_size=None),
    "loader, sampler": lambda t: loader(t, range(9), 2, sampler=[3, 1, 8]),
    "loader, batch_sampler": lambda t: loader(t, range(9), batch_sampler=[[3, 1], [8]]),
    "loader, weighted": lambda t: loader(
        t, range(3), 4, sampler=t.utils.data.WeightedRandomSampler([1, 2, 3], 10)
    ),
    "loader, collate_fn": lambda t: loader(t, range(5), 2, collate_fn=keep),
    "loader, iterable": lambda t: loader(t, counting(t), batch_size=3),
    "loader, iterable, dropping": lambda t: loader(t, counting(t), 3, drop_last=True),
    "loader, iterable, single": lambda t: loader(t, counting(t), batch_size=None),
    "loader, stack": lambda t: loader(t, t.utils.data.StackDataset(a=range(3), b="abc"), 2),
    "loader, subset": lambda t: loader(t, t.utils.data.Subset(range(9), [8, 1, 4]), 2),
    "loader, drawing": lambda t: [row[0] for row in loader(t, Drawing(t), 3, True)],
    "loader, pinned": lambda t: loader(t, range(3), pin_memory=True),
    "loader, length": lambda t: [
        len(t.utils.data.DataLoader(data, size, drop_last=drop))
        for data in (range(10), counting(t, 10, 10))
        for size in (1, 3)
        for drop in (False, True)
    ],
    "loader, no length": lambda t: len(t.utils.data.DataLoader(counting(t))),
    "loader, set": lambda t: setattr(t.utils.data.DataLoader([1]), "batch_size", 2),
    **{
        f"loader of {wrong}": lambda t, wrong=wrong: t.utils.data.DataLoader([1, 2], **wrong)
        for wrong in (
            {"num_workers": -1},
            {"timeout": -1},
            {"prefetch_factor": 2},
            {"num_workers": 1, "prefetch_factor": -2},
            {"persistent_workers": True},
            {"shuffle": True, "sampler": [0]},
            {"batch_sampler": [[0]], "batch_size": 2},
            {"batch_sampler": [[0]], "shuffle": True},
            {"batch_sampler": [[0]], "drop_last": True},
            {"batch_size": None, "drop_last": True},
            {"batch_size": 0},
            {"multiprocessing_context": "fork"},
            {"num_workers": 1, "multiprocessing_context": "threads"},
            {"num_workers": 1, "multiprocessing_context": 3},
        )
    },
    "iterable, shuffled": lambda t: t.utils.data.DataLoader(counting(t), shuffle=True),
    "iterable, sampler": lambda t: t.utils.data.DataLoader(counting(t), sampler=[0]),
    "iterable, batch_sampler": lambda t: t.utils.data.DataLoader(counting(t), batch_sampler=[[0]]),
}


@pytest.mark.parametrize("what", SAME)
def test_the_same(what: str) -> None:
    assert outcome(pb, SAME[what]) == outcome(torch, SAME[what])


WITH_WORKERS: dict[str, Callable[[Any, int], Any]] = {
    "plain": lambda t, n: loader(t, Squares(t), 4, num_workers=n),
    "shuffled": lambda t, n: loader(t, range(20), 3, True, num_workers=n),
    "seeded": lambda t, n: loader(t, range(20), 3, True, num_workers=n, generator=seeded(t)),
    "drawing": lambda t, n: loader(t, Drawing(t), 3, num_workers=n),
    "dropping": lambda t, n: loader(t, range(20), 3, drop_last=True, num_workers=n),
    "iterable": lambda t, n: loader(t, counting(t), 2, num_workers=n),
    "iterable, dropping": lambda t, n: loader(t, counting(t), 2, drop_last=True, num_workers=n),
    "iterable, single": lambda t, n: loader(t, counting(t), None, num_workers=n),
    "ahead": lambda t, n: loader(t, range(30), 3, num_workers=n, prefetch_factor=5),
    "persistent": lambda t, n: [
        list(
            made := t.utils.data.DataLoader(
                Drawing(t), 3, True, num_workers=n, persistent_workers=True
            )
        ),
        list(made),
    ],
    "persistent, iterable": lambda t, n: [
        list(
            made := t.utils.data.DataLoader(counting(t), 3, num_workers=n, persistent_workers=True)
        ),
        list(made),
    ],
    "two loops": lambda t, n: [
        list(made := t.utils.data.DataLoader(Drawing(t), 3, True, num_workers=n)),
        list(made),
    ],
    "any order": lambda t, n: sorted(
        each.tolist() for each in loader(t, range(9), 2, num_workers=n, in_order=False)
    ),
}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("what", WITH_WORKERS)
def test_the_same_with_workers(what: str, workers: int) -> None:
    def made(lib: Any) -> Any:
        return WITH_WORKERS[what](lib, workers)

    assert outcome(pb, made) == outcome(torch, made)
