"""Signals, under torch's names: ``pullback.signal.windows``."""

from __future__ import annotations

from pullback.signal import windows

__all__ = ["windows"]
