"""``DistributedSampler``: the part of a dataset that belongs to one of several processes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sized
from typing import Any

import pullback as pb
from pullback import _arguments
from pullback.utils.data.sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Indices of one of ``num_replicas`` parts, which together are the dataset.

    Args:
        dataset: something with a length.
        num_replicas: the number of parts, None for that of the processes of the default group.
        rank: which part, from 0 on, None for the rank of this process.
        shuffle: whether the order is another one in each epoch, see ``set_epoch``.
        seed: of the order; the same for all parts.
        drop_last: whether the end is left out that does not fill all parts; else some indices come
            twice.

    Raises:
        ValueError: no such part, or parts are not given and there is no group.

    Example:
        >>> from pullback.utils.data import DistributedSampler
        >>> list(DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))
        [1, 3, 0]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            from pullback import distributed

            if not distributed.is_initialized():
                raise ValueError(
                    "Default process group has not been initialized, please make sure to call "
                    "init_process_group. Or give num_replicas and rank."
                )
            num_replicas = distributed.get_world_size() if num_replicas is None else num_replicas
            rank = distributed.get_rank() if rank is None else rank
        _arguments.sized("DistributedSampler", dataset=dataset)
        _arguments.flags("DistributedSampler", shuffle=shuffle, drop_last=drop_last)
        _arguments.integers("DistributedSampler", num_replicas=num_replicas, rank=rank, seed=seed)
        if not 0 <= rank < num_replicas:
            raise ValueError(
                f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]"
            )
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        self.shuffle = shuffle
        self.seed = seed
        size = len(dataset)
        self.num_samples = size // num_replicas if drop_last else math.ceil(size / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        size = len(self.dataset)
        if self.shuffle:
            generator: Any = pb.Generator().manual_seed(self.seed + self.epoch)
            indices: list[int] = pb.randperm(size, generator=generator).tolist()
        else:
            indices = list(range(size))
        filled = itertools.islice(itertools.cycle(indices), self.total_size if size else 0)
        return itertools.islice(filled, self.rank, None, self.num_replicas)

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Another order from now on, if it shuffles.

        Args:
            epoch: a number that is the same for all parts.
        """
        self.epoch = epoch
