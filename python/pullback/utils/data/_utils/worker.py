"""What a worker knows of itself, under PyTorch's path."""

from __future__ import annotations

from pullback.utils.data._workers import WorkerInfo, get_worker_info

__all__ = ["WorkerInfo", "get_worker_info"]
