"""Samplers: the order in which samples are taken, with PyTorch's numbers for a seed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import pullback as pb
from pullback import _arguments

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]

_T_co = TypeVar("_T_co", covariant=True)

# How many numbers are drawn at a time with replacement, on which the numbers depend.
_DRAWN = 32


class Sampler(Generic[_T_co]):
    """The base of samplers: a subclass defines ``__iter__``, and mostly ``__len__``."""

    def __iter__(self) -> Iterator[_T_co]:
        raise NotImplementedError("Subclasses of Sampler should implement __iter__.")


class SequentialSampler(Sampler[int]):
    """One index after the other.

    Args:
        data_source: what has the samples.

    Example:
        >>> import pullback as pb
        >>> list(pb.utils.data.SequentialSampler("abc"))
        [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        """Of these samples."""
        _arguments.sized("SequentialSampler", data_source=data_source)
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


def _check_count(num_samples: Any) -> None:
    if isinstance(num_samples, bool) or not isinstance(num_samples, int) or num_samples <= 0:
        raise ValueError(
            f"num_samples should be a positive integer value, but got num_samples={num_samples}"
        )


def _check_replacement(replacement: Any) -> None:
    if not isinstance(replacement, bool):
        raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")


class RandomSampler(Sampler[int]):
    """Indices at random.

    Args:
        data_source: what has the samples.
        replacement: whether an index may come again.
        num_samples: how many indices there are; as many as samples when it is left out.
        generator: the generator of random numbers; a new one with a seed of the default one when
            it is left out.

    Example:
        >>> import pullback as pb
        >>> sampler = pb.utils.data.RandomSampler("abcd", generator=pb.Generator())
        >>> sorted(sampler)
        [0, 1, 2, 3]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
    ) -> None:
        """Of these samples."""
        _arguments.sized("RandomSampler", data_source=data_source)
        _arguments.generators("RandomSampler", generator=generator)
        _check_replacement(replacement)
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        _check_count(self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many indices there are."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        count, total = len(self.data_source), self.num_samples
        generator = self.generator
        if generator is None:
            seed = int(pb.empty((), dtype=pb.int64).random_().item())
            generator = pb.Generator().manual_seed(seed)
        if self.replacement:
            sizes = [_DRAWN] * (total // _DRAWN) + [total % _DRAWN]
            for size in sizes:
                yield from pb.randint(
                    high=count, size=(size,), dtype=pb.int64, generator=generator
                ).tolist()
            return
        for _ in range(total // count):
            yield from pb.randperm(count, generator=generator).tolist()
        yield from pb.randperm(count, generator=generator).tolist()[: total % count]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """Some indices, in an order at random.

    Args:
        indices: the indices.
        generator: the generator of random numbers.
    """

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        """Of these indices."""
        _arguments.sized("SubsetRandomSampler", indices=indices)
        _arguments.generators("SubsetRandomSampler", generator=generator)
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for place in pb.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[place]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices at random, with a probability for each.

    Args:
        weights: the probabilities, up to a factor.
        num_samples: how many indices are drawn.
        replacement: whether an index may come again.
        generator: the generator of random numbers.
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Any = None,
    ) -> None:
        """Of these weights."""
        _arguments.generators("WeightedRandomSampler", generator=generator)
        _check_count(num_samples)
        _check_replacement(replacement)
        self.weights = pb.as_tensor(weights, dtype=pb.float64)
        if self.weights.dim() != 1:
            raise ValueError(
                "weights should be a 1d sequence but given weights have shape "
                f"{tuple(self.weights.shape)}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        drawn = pb.multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """The indices of another sampler in lists.

    Args:
        sampler: the other sampler, or what else gives indices.
        batch_size: the length of the lists.
        drop_last: whether the last list is left out when it is shorter.

    Example:
        >>> import pullback as pb
        >>> list(pb.utils.data.BatchSampler(range(5), 2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        """Of this sampler."""
        if not hasattr(sampler, "__iter__"):
            _arguments.refuse("BatchSampler", "sampler", "an iterable of indices", sampler)
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size <= 0:
            raise ValueError(
                f"batch_size should be a positive integer value, but got batch_size={batch_size}"
            )
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return whole + (1 if rest and not self.drop_last else 0)
