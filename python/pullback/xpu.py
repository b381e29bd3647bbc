"""GPUs of Intel: there are none."""

from __future__ import annotations

from typing import Any, NoReturn

from pullback import _arguments

__all__ = [
    "current_device",
    "device_count",
    "empty_cache",
    "get_device_name",
    "get_device_properties",
    "get_rng_state",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "set_device",
    "synchronize",
]


def is_available() -> bool:
    """Always False.

    Example:
        >>> import pullback as pb
        >>> pb.xpu.is_available()
        False
    """
    return False


def is_initialized() -> bool:
    """Always False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Always False: there is no device."""
    _arguments.bools("is_bf16_supported", including_emulation=including_emulation)
    return False


def device_count() -> int:
    """Always 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing to seed."""
    _arguments.integers("manual_seed", seed=seed)


def manual_seed_all(seed: int) -> None:
    """Nothing to seed."""
    _arguments.integers("manual_seed_all", seed=seed)


def empty_cache() -> None:
    """Nothing to empty."""


def memory_allocated(device: Any = None) -> int:
    """Always 0."""
    del device
    return 0


memory_reserved = memory_allocated


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError("Torch not compiled with XPU enabled: pullback runs on the CPU only.")


current_device = get_device_name = get_device_properties = get_rng_state = _refuse
mem_get_info = set_device = synchronize = _refuse
