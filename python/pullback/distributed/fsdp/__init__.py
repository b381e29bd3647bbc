"""``torch.distributed.fsdp``: no module's parameters are divided among processes.

Programs import the classes to ask whether a module is one; none is, and to make one raises.
"""

from __future__ import annotations

from typing import Any

from pullback._missing import refuse, refusing

__all__ = [
    "CPUOffload",
    "FSDPModule",
    "FullStateDictConfig",
    "FullyShardedDataParallel",
    "MixedPrecision",
    "MixedPrecisionPolicy",
    "ShardingStrategy",
    "StateDictType",
    "fully_shard",
]


class FSDPModule:
    """A module that ``fully_shard`` changed: there is none."""


class FullyShardedDataParallel:
    """A module whose parameters are divided among processes: raises when it is made."""

    def __init__(self, *_: Any, **__: Any) -> None:
        refuse("distributed.fsdp.FullyShardedDataParallel")


class ShardingStrategy:
    """How parameters would be divided: has no members."""


class StateDictType:
    """How a state would be gathered: has no members."""


CPUOffload = refusing("distributed.fsdp.CPUOffload")
FullStateDictConfig = refusing("distributed.fsdp.FullStateDictConfig")
MixedPrecision = refusing("distributed.fsdp.MixedPrecision")
MixedPrecisionPolicy = refusing("distributed.fsdp.MixedPrecisionPolicy")
fully_shard = refusing("distributed.fsdp.fully_shard")
