"""``torch.compile`` and ``torch.compiler``: functions run as they are."""

from __future__ import annotations

from typing import Any

from pullback.jit import _say_once

__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "nested_compile_region",
    "reset",
]


def compile(model: Any = None, **options: Any) -> Any:
    """The function or module itself; the first call warns that nothing is compiled.

    Args:
        model: what would be compiled; without it a decorator is returned.
        options: torch's, which change nothing.

    Example:
        >>> import warnings
        >>> import pullback as pb
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     pb.compile(pb.sin) is pb.sin
        True
    """
    del options
    _say_once("compile")
    return (lambda model: model) if model is None else model


def disable(fn: Any = None, recursive: bool = True, **_: Any) -> Any:
    """A decorator without effect, used as ``@disable`` or ``@disable()``."""
    del recursive
    return (lambda fn: fn) if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """A decorator without effect."""
    return fn


assume_constant_result = allow_in_graph


def nested_compile_region(fn: Any = None, **_: Any) -> Any:
    """A decorator without effect, used as ``@nested_compile_region`` or with settings."""
    return (lambda fn: fn) if fn is None else fn


def cudagraph_mark_step_begin() -> None:
    """No graph of a GPU begins."""


def is_dynamo_compiling() -> bool:
    """Always False."""
    return False


def is_exporting() -> bool:
    """Always False."""
    return False


def is_compiling() -> bool:
    """Always False.

    Example:
        >>> import pullback as pb
        >>> pb.compiler.is_compiling()
        False
    """
    return False


def reset() -> None:
    """Nothing to forget."""
