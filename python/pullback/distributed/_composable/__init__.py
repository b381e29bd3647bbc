"""The old place of ``torch.distributed.fsdp``'s functions."""

from __future__ import annotations

__all__ = []
