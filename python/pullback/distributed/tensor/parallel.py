"""``torch.distributed.tensor.parallel``: as the package, for import."""

from __future__ import annotations

from pullback._missing import refusing

__all__ = [
    "ColwiseParallel",
    "ParallelStyle",
    "PrepareModuleInput",
    "RowwiseParallel",
    "SequenceParallel",
    "loss_parallel",
    "parallelize_module",
]


class ParallelStyle:
    """How a module would be divided."""


ColwiseParallel = refusing("distributed.tensor.parallel.ColwiseParallel")
PrepareModuleInput = refusing("distributed.tensor.parallel.PrepareModuleInput")
RowwiseParallel = refusing("distributed.tensor.parallel.RowwiseParallel")
SequenceParallel = refusing("distributed.tensor.parallel.SequenceParallel")
loss_parallel = refusing("distributed.tensor.parallel.loss_parallel")
parallelize_module = refusing("distributed.tensor.parallel.parallelize_module")
