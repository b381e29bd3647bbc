"""``__torch_dispatch__`` of PyTorch: there is no dispatcher to hook into.

The names can be imported and subclassed; switching a mode on raises.
"""

from __future__ import annotations

from typing import Any, NoReturn

from pullback._missing import refuse

__all__ = ["TorchDispatchMode"]


class TorchDispatchMode:
    """A mode that would see every operator; entering one raises."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> NoReturn:
        raise NotImplementedError

    def __enter__(self) -> NoReturn:
        refuse("utils._python_dispatch.TorchDispatchMode")

    def __exit__(self, *error: object) -> None:
        """It was never entered."""


def is_traceable_wrapper_subclass(t: object) -> bool:
    """Always False."""
    del t
    return False


def _get_current_dispatch_mode() -> None:
    """None."""


def _get_current_dispatch_mode_stack() -> list[Any]:
    """Empty."""
    return []
