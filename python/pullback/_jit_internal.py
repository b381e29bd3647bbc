"""``torch._jit_internal``: decorators of compiled programs, which do nothing here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pullback.jit import _overload, _overload_method, export, ignore, unused

__all__ = [
    "BroadcastingList1",
    "BroadcastingList2",
    "BroadcastingList3",
    "_copy_to_script_wrapper",
    "_overload",
    "_overload_method",
    "boolean_dispatch",
    "export",
    "ignore",
    "is_scripting",
    "unused",
]

F = TypeVar("F", bound=Callable[..., Any])


def _copy_to_script_wrapper(fn: F) -> F:
    return fn


def is_scripting() -> bool:
    """Always False."""
    return False


def boolean_dispatch(
    arg_name: str,
    arg_index: int,
    default: bool,
    if_true: Callable[..., Any],
    if_false: Callable[..., Any],
    module_name: str,
    func_name: str,
) -> Callable[..., Any]:
    """A function that calls one of two, as one of its arguments says.

    Args:
        arg_name: the name of the argument.
        arg_index: its place.
        default: what it is when it is not given.
        if_true: the function for True.
        if_false: the function for False.
        module_name: not used.
        func_name: the name of the result.
    """
    del module_name

    def chosen(*args: Any, **kwargs: Any) -> Any:
        flag = args[arg_index] if len(args) > arg_index else kwargs.get(arg_name, default)
        return (if_true if flag else if_false)(*args, **kwargs)

    chosen.__name__ = chosen.__qualname__ = func_name
    return chosen


class _Broadcasting:
    """``BroadcastingList2[int]`` in an annotation: a number, or so many of them."""

    def __getitem__(self, types: Any) -> None:
        """Nothing that anything reads."""


BroadcastingList1 = BroadcastingList2 = BroadcastingList3 = _Broadcasting()
