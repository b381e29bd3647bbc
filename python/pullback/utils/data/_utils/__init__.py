"""``torch.utils.data._utils``: the private names of PyTorch's loader that programs import."""

from __future__ import annotations

from pullback.utils.data._utils import collate, worker

__all__ = ["MP_STATUS_CHECK_INTERVAL", "collate", "worker"]

MP_STATUS_CHECK_INTERVAL = 5.0  # seconds; workers here are waited for, not asked
