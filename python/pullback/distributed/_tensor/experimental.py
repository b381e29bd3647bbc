"""The old name of ``torch.distributed.tensor.experimental``."""

from __future__ import annotations

from pullback.distributed.tensor.experimental import implicit_replication

__all__ = ["implicit_replication"]
