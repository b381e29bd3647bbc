"""``torch.distributed.algorithms.ddp_comm_hooks``: what can happen to a bucket of gradients."""

from __future__ import annotations

from pullback.distributed.algorithms.ddp_comm_hooks import default_hooks

__all__ = ["default_hooks"]
