"""The accelerator of this process: there is none."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = [
    "current_accelerator",
    "current_device_idx",
    "current_device_index",
    "current_stream",
    "device_count",
    "device_index",
    "empty_cache",
    "is_available",
    "set_device_idx",
    "set_device_index",
    "synchronize",
]


def is_available() -> bool:
    """Always False.

    Example:
        >>> import pullback as pb
        >>> pb.accelerator.is_available(), pb.accelerator.current_accelerator()
        (False, None)
    """
    return False


def device_count() -> int:
    """Always 0."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """Always None."""


def empty_cache() -> None:
    """Nothing to empty."""


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError("Cannot access accelerator device when none is available.")


current_device_idx = current_device_index = current_stream = _refuse
set_device_idx = set_device_index = synchronize = _refuse


class device_index:
    """A block on a device: with None it changes nothing, and there is no other."""

    def __init__(self, device: int | None, /) -> None:
        self.idx = device

    def __enter__(self) -> None:
        """Raises unless it is None."""
        if self.idx is not None:
            _refuse()

    def __exit__(self, *error: object) -> None:
        """Nothing to put back."""
