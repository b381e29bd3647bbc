"""Helpers beside the tensors: handles of hooks."""

from __future__ import annotations

from pullback.utils import hooks

__all__ = ["hooks"]
