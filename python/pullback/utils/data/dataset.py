"""Datasets: what has samples by index or in a row, and how they are put together and cut."""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import pullback as pb
from pullback import Tensor, _arguments

__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]

_T = TypeVar("_T")


def samples_of(dataset: Any, indices: Any) -> Any:
    """The samples at these indices, by ``__getitems__`` where the dataset has it."""
    several = getattr(dataset, "__getitems__", None)
    return several(indices) if several else [dataset[index] for index in indices]


class Dataset(Generic[_T]):
    """What has samples by index: a subclass defines ``__getitem__``, and mostly ``__len__``.

    Example:
        >>> import pullback as pb
        >>> class Squares(pb.utils.data.Dataset):
        ...     def __len__(self):
        ...         return 4
        ...     def __getitem__(self, index):
        ...         return index**2
        >>> list(pb.utils.data.DataLoader(Squares(), batch_size=2))
        [tensor([0, 1]), tensor([4, 9])]
    """

    def __getitem__(self, index: Any) -> _T:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: Any) -> ConcatDataset[_T]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[_T], Iterable[_T]):
    """What gives its samples in a row: a subclass defines ``__iter__``.

    In a worker, ``get_worker_info`` says which part of the samples is its own.

    Example:
        >>> import pullback as pb
        >>> class Count(pb.utils.data.IterableDataset):
        ...     def __iter__(self):
        ...         return iter(range(5))
        >>> list(pb.utils.data.DataLoader(Count(), batch_size=2))
        [tensor([0, 1]), tensor([2, 3]), tensor([4])]
    """

    def __add__(self, other: Any) -> Any:
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """The slices of tensors along their first dimension, which has one size.

    Args:
        tensors: the tensors.

    Example:
        >>> import pullback as pb
        >>> data = pb.utils.data.TensorDataset(pb.ones(3, 2), pb.arange(3))
        >>> len(data), data[1]
        (3, (tensor([1., 1.]), tensor(1)))
    """

    def __init__(self, *tensors: Tensor) -> None:
        """Of these tensors."""
        for place, each in enumerate(tensors):
            if not isinstance(each, Tensor):
                raise TypeError(
                    f"TensorDataset(): argument {place} must be Tensor, not {type(each).__name__}"
                )
        if not tensors or any(each.size(0) != tensors[0].size(0) for each in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(each[index] for each in self.tensors)

    def __len__(self) -> int:
        return int(self.tensors[0].size(0))


class StackDataset(Dataset[Any]):
    """Samples of several datasets side by side: tuples, or dicts where they have names.

    Args:
        args: the datasets, for tuples.
        kwargs: the datasets by name, for dicts.

    Example:
        >>> import pullback as pb
        >>> pb.utils.data.StackDataset(image=[1, 2], text=["a", "b"])[1]
        {'image': 2, 'text': 'b'}
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Of these datasets."""
        if args and kwargs:
            raise ValueError(
                "Supported either ``tuple``- (via ``args``) or"
                "``dict``- (via ``kwargs``) like input/output, but both types are given."
            )
        if not args and not kwargs:
            raise ValueError("At least one dataset should be passed")
        self.datasets: Any = args or kwargs
        parts = self._parts()
        self._length = len(parts[0])
        if any(len(each) != self._length for each in parts):
            raise ValueError("Size mismatch between datasets")

    def _parts(self) -> list[Any]:
        return list(self.datasets.values() if isinstance(self.datasets, dict) else self.datasets)

    def _joined(self, values: Iterable[Any]) -> Any:
        if isinstance(self.datasets, dict):
            return dict(zip(self.datasets, values, strict=True))
        return tuple(values)

    def __getitem__(self, index: Any) -> Any:
        return self._joined(each[index] for each in self._parts())

    def __getitems__(self, indices: list[Any]) -> list[Any]:
        """The samples at these indices."""
        columns = []
        for each in self._parts():
            column = samples_of(each, indices)
            if len(column) != len(indices):
                raise ValueError(
                    "Nested dataset's output size mismatch. "
                    f"Expected {len(indices)}, got {len(column)}"
                )
            columns.append(column)
        return [self._joined(row) for row in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[_T]):
    """The samples of several datasets, one after the other.

    Args:
        datasets: the datasets.

    Example:
        >>> import pullback as pb
        >>> data = pb.utils.data.ConcatDataset([[1, 2], [3]])
        >>> len(data), data[2], data[-3]
        (3, 3, 1)
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        """Of these datasets."""
        wanted = "a list of datasets"
        self.datasets = list(_arguments.elements("ConcatDataset", "datasets", datasets, wanted))
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(each, IterableDataset) for each in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = list(itertools.accumulate(map(len, self.datasets)))

    def __getitem__(self, index: int) -> _T:
        if index < 0:
            if -index > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            index += len(self)
        which = bisect.bisect_right(self.cumulative_sizes, index)
        before = self.cumulative_sizes[which - 1] if which else 0
        found: _T = self.datasets[which][index - before]
        return found

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset[Any]):
    """The samples of several iterable datasets, one after the other.

    Args:
        datasets: the datasets.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        """Of these datasets."""
        super().__init__()
        self.datasets = datasets

    def _each(self) -> Iterator[Any]:
        for each in self.datasets:
            if not isinstance(each, IterableDataset):
                raise AssertionError("ChainDataset only supports IterableDataset")
            yield each

    def __iter__(self) -> Iterator[Any]:
        for each in self._each():
            yield from each

    def __len__(self) -> int:
        return sum(len(each) for each in self._each())


class Subset(Dataset[_T]):
    """The samples of a dataset at some indices.

    Args:
        dataset: the dataset.
        indices: the indices.

    Example:
        >>> import pullback as pb
        >>> list(pb.utils.data.Subset("abcd", [3, 1]))
        ['d', 'b']
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        """Of these samples."""
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> _T:
        wanted = (
            [self.indices[i] for i in index] if isinstance(index, list) else self.indices[index]
        )
        found: _T = self.dataset[wanted]
        return found

    def __getitems__(self, indices: list[int]) -> list[_T]:
        """The samples at these indices."""
        found: list[_T] = samples_of(self.dataset, [self.indices[index] for index in indices])
        return found

    def __len__(self) -> int:
        return len(self.indices)


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Any = None
) -> list[Subset[Any]]:
    """Cut a dataset at random into parts that have no samples in common.

    Args:
        dataset: the dataset.
        lengths: the sizes of the parts, or their shares, which sum to 1.
        generator: the generator of random numbers.

    Example:
        >>> import pullback as pb
        >>> generator = pb.Generator().manual_seed(42)
        >>> parts = pb.utils.data.random_split(range(10), [0.7, 0.3], generator)
        >>> [len(part) for part in parts]
        [7, 3]
    """
    _arguments.sized("random_split", dataset=dataset)
    _arguments.generators("random_split", generator=generator)
    wanted = "a list of sizes or shares"
    sizes: list[Any] = list(_arguments.elements("random_split", "lengths", lengths, wanted))
    total = len(dataset)
    if math.isclose(sum(sizes), 1) and sum(sizes) <= 1:
        for place, share in enumerate(sizes):
            if not 0 <= share <= 1:
                raise ValueError(f"Fraction at index {place} is not between 0 and 1")
        sizes = [math.floor(total * share) for share in sizes]
        for place in range(total - sum(sizes)):
            sizes[place % len(sizes)] += 1
        for place, size in enumerate(sizes):
            if size == 0:
                warnings.warn(
                    f"Length of split at index {place} is 0. This might result in an empty "
                    "dataset.",
                    stacklevel=2,
                )
    if sum(sizes) != total:
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    for place, size in enumerate(sizes):
        if not hasattr(size, "__index__"):
            raise TypeError(
                f"random_split(): element {place} of 'lengths' must be int unless they are shares "
                f"that sum to 1, not {type(size).__name__}"
            )
    order = pb.randperm(total, generator=generator).tolist()
    ends = itertools.accumulate(sizes)
    return [Subset(dataset, order[end - n : end]) for end, n in zip(ends, sizes, strict=True)]
