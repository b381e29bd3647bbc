"""The old name of ``torch.distributed.tensor``."""

from __future__ import annotations

from pullback.distributed.tensor import (
    DTensor,
    Placement,
    Replicate,
    Shard,
    distribute_module,
    distribute_tensor,
)

__all__ = ["DTensor", "Placement", "Replicate", "Shard", "distribute_module", "distribute_tensor"]
