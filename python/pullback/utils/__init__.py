"""Helpers beside the tensors: handles of hooks, checkpointing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pullback.utils import hooks

__all__ = ["checkpoint", "hooks"]


def __getattr__(name: str) -> Any:
    if name == "checkpoint":
        return import_module("pullback.utils.checkpoint")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
