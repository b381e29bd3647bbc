"""Apple's GPU: there is none."""

from __future__ import annotations

from typing import Any, NoReturn

from pullback import _arguments

__all__ = [
    "current_allocated_memory",
    "device_count",
    "driver_allocated_memory",
    "empty_cache",
    "is_available",
    "manual_seed",
    "seed",
    "synchronize",
]


def is_available() -> bool:
    """Always False.

    Example:
        >>> import pullback as pb
        >>> pb.mps.is_available()
        False
    """
    return False


def device_count() -> int:
    """Always 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing to seed."""
    _arguments.integers("manual_seed", seed=seed)


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError("PyTorch is not built with MPS: pullback runs on the CPU only.")


current_allocated_memory = driver_allocated_memory = empty_cache = seed = synchronize = _refuse
