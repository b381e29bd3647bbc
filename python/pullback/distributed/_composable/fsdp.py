"""The old name of ``torch.distributed.fsdp``."""

from __future__ import annotations

from pullback.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

__all__ = ["FSDPModule", "MixedPrecisionPolicy", "fully_shard"]
