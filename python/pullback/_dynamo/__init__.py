"""``torch._dynamo``: what programs call to keep the compiler away, which is not there."""

from __future__ import annotations

from typing import Any

from pullback.compiler import allow_in_graph, disable, is_compiling, reset

__all__ = [
    "allow_in_graph",
    "config",
    "disable",
    "is_compiling",
    "list_backends",
    "optimize",
    "reset",
]


class _Config:
    """Takes every setting; nothing reads them."""


config: Any = _Config()


def optimize(*_: Any, **__: Any) -> Any:
    """A decorator without effect."""
    return lambda fn: fn


def list_backends(exclude_tags: Any = ()) -> list[str]:
    """No compiler: an empty list."""
    del exclude_tags
    return []
