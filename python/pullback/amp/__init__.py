"""Mixed precision: the context and the scaler of gradients of programs written with them.

On the devices that are not here ``autocast`` and ``GradScaler`` warn and do nothing, as in PyTorch.
On the CPU ``GradScaler`` works; an ``autocast`` that would change what operators compute in is
refused.
"""

from __future__ import annotations

from pullback.amp._settings import is_autocast_enabled
from pullback.amp.autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from pullback.amp.grad_scaler import GradScaler

__all__ = [
    "GradScaler",
    "autocast",
    "custom_bwd",
    "custom_fwd",
    "is_autocast_available",
    "is_autocast_enabled",
]
