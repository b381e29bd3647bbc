"""``torch._dynamo``: what programs call to keep the compiler away, which is not there."""

from __future__ import annotations

from typing import Any

from pullback.compiler import (
    allow_in_graph,
    assume_constant_result,
    disable,
    is_compiling,
    reset,
)

__all__ = [
    "OptimizedModule",
    "allow_in_graph",
    "assume_constant_result",
    "config",
    "disable",
    "is_compiling",
    "list_backends",
    "optimize",
    "reset",
    "reset_code_caches",
]


class OptimizedModule:
    """What a compiled module would be: none is one, for ``compile`` gives back what it got."""


class _Config:
    """Takes every setting; nothing reads them but the program that restores an old one."""

    cache_size_limit = 8
    recompile_limit = 8
    suppress_errors = False
    verbose = False


config: Any = _Config()
reset_code_caches = reset


def optimize(*_: Any, **__: Any) -> Any:
    """A decorator without effect."""
    return lambda fn: fn


def list_backends(exclude_tags: Any = ()) -> list[str]:
    """No compiler: an empty list."""
    del exclude_tags
    return []
