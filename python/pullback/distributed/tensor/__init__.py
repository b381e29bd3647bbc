"""``torch.distributed.tensor``: no tensor is divided among processes.

Programs import the classes to ask whether a tensor is one; none is, and to make one raises.
"""

from __future__ import annotations

from typing import Any

from pullback._missing import refuse, refusing

__all__ = [
    "DTensor",
    "Partial",
    "Placement",
    "Replicate",
    "Shard",
    "distribute_module",
    "distribute_tensor",
]


class DTensor:
    """A tensor divided among processes: there is none."""

    def __init__(self, *_: Any, **__: Any) -> None:
        refuse("distributed.tensor.DTensor")

    from_local = staticmethod(refusing("distributed.tensor.DTensor.from_local"))


class Placement:
    """Where parts of a tensor are: raises when it is made."""

    def __init__(self, *_: Any, **__: Any) -> None:
        refuse(f"distributed.tensor.{type(self).__name__}")


class Partial(Placement):
    """A part of a sum."""


class Replicate(Placement):
    """A copy in each process."""


class Shard(Placement):
    """A slice in each process."""


distribute_module = refusing("distributed.tensor.distribute_module")
distribute_tensor = refusing("distributed.tensor.distribute_tensor")
