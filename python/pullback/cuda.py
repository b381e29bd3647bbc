"""There is no GPU: what scripts ask before they would use one."""

from __future__ import annotations

from typing import Any

from pullback import _arguments

__all__ = [
    "current_device",
    "device_count",
    "empty_cache",
    "is_available",
    "manual_seed",
    "manual_seed_all",
    "synchronize",
]


def is_available() -> bool:
    """Always False.

    Example:
        >>> import pullback as pb
        >>> "cuda" if pb.cuda.is_available() else "cpu"
        'cpu'
    """
    return False


def device_count() -> int:
    """Always 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing to seed; ``pullback.manual_seed`` is the one that counts."""
    _arguments.numbers("manual_seed", seed=seed)


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Nothing to empty; ``pullback.memory.empty_cache`` is the one of the CPU."""


def _refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("Torch not compiled with CUDA enabled: pullback runs on the CPU only.")


current_device = synchronize = _refuse
