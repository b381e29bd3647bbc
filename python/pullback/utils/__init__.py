"""Helpers beside the tensors: handles of hooks, checkpointing, data, trees, measuring."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pullback.utils import hooks

__all__ = ["checkpoint", "data", "hooks"]

# Loaded when they are first asked for.
_SUBMODULES = frozenset(
    [
        "_python_dispatch",
        "_pytree",
        "backcompat",
        "benchmark",
        "checkpoint",
        "collect_env",
        "cpp_extension",
        "data",
        "deterministic",
        "dlpack",
        "model_zoo",
        "tensorboard",
    ]
)


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f"pullback.utils.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
