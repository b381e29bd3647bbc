"""``torch.distributed.elastic.multiprocessing.errors``: ``record``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["record"]

_F = TypeVar("_F", bound=Callable[..., object])


def record(fn: _F, error_handler: object = None) -> _F:
    """The function itself: no launcher started this process that would be told of its errors.

    Args:
        fn: the main function of a program.
        error_handler: not asked, an error ends the program as it does without the decorator.

    Example:
        >>> from pullback.distributed.elastic.multiprocessing.errors import record
        >>> @record
        ... def main() -> int:
        ...     return 3
        >>> main()
        3
    """
    del error_handler
    return fn
