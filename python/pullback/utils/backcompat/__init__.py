"""Warnings of behaviour that changed before PyTorch 0.2: they are never given."""

from __future__ import annotations

__all__ = ["broadcast_warning", "keepdim_warning"]


class _Switch:
    """Can be set and read, and changes nothing."""

    enabled = False


broadcast_warning = _Switch()
keepdim_warning = _Switch()
