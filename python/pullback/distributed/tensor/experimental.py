"""``torch.distributed.tensor.experimental``: as the package, for import."""

from __future__ import annotations

from pullback._missing import refusing

__all__ = ["implicit_replication"]

implicit_replication = refusing("distributed.tensor.experimental.implicit_replication")
