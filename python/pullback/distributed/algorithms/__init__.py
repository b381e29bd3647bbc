"""``torch.distributed.algorithms``: uneven inputs, and hooks of communication."""

from __future__ import annotations

from pullback.distributed.algorithms.join import Join, Joinable, JoinHook

__all__ = ["Join", "JoinHook", "Joinable"]
