"""How the samples of one batch are taken from a dataset."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from pullback.utils.data.dataset import IterableDataset, samples_of


class Fetcher:
    """Takes batches, or single samples, from a dataset.

    Args:
        dataset: the dataset.
        batched: whether what is asked for are the indices of a batch.
        collate: makes a batch of samples, or changes a sample.
        drop_last: whether a last batch that is shorter is left out.
    """

    def __init__(
        self, dataset: Any, batched: bool, collate: Callable[[Any], Any], drop_last: bool
    ) -> None:
        self._dataset = dataset
        self._batched = batched
        self._collate = collate
        self._drop_last = drop_last
        self._samples = iter(dataset) if isinstance(dataset, IterableDataset) else None

    def __call__(self, wanted: Any) -> Any:
        """The batch or sample of these indices; of an iterable dataset, the next one."""
        return self._collate(
            self._of_indices(wanted) if self._samples is None else self._next(wanted)
        )

    fetch = __call__

    def _of_indices(self, wanted: Any) -> Any:
        if not self._batched:
            return self._dataset[wanted]
        return samples_of(self._dataset, wanted)

    def _next(self, wanted: Any) -> Any:
        assert self._samples is not None
        if not self._batched:
            return next(self._samples)
        found = list(itertools.islice(self._samples, len(wanted)))
        if not found or (self._drop_last and len(found) < len(wanted)):
            raise StopIteration
        return found
