"""The settings of ``autocast``: checked, kept and told; it is never on."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import _arguments, _core

__all__ = [
    "clear_autocast_cache",
    "get_autocast_cpu_dtype",
    "get_autocast_dtype",
    "is_autocast_cache_enabled",
    "is_autocast_cpu_enabled",
    "is_autocast_enabled",
    "set_autocast_cache_enabled",
    "set_autocast_cpu_dtype",
    "set_autocast_cpu_enabled",
    "set_autocast_dtype",
    "set_autocast_enabled",
]

_HALF = ("cuda", "mps", "xpu", "mtia")
_dtypes: dict[str, pb.dtype] = {}
_cache = {"on": True}


def _device_name(function: str, device_type: object) -> str:
    """The checked name of a kind of device."""
    if not isinstance(device_type, str):
        _arguments.refuse(function, "device_type", "str", device_type)
    return pb.device(device_type).type


def _no_longer(old: str, new: str) -> None:
    _core._warn(f"torch.{old} is deprecated. Please use torch.{new} instead.", DeprecationWarning)


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Always False.

    Example:
        >>> import pullback as pb
        >>> pb.is_autocast_enabled()
        False
    """
    if device_type is not None:
        _device_name("is_autocast_enabled", device_type)
    return False


def set_autocast_enabled(device_type: Any, enabled: Any = None) -> None:
    """Changes nothing when it switches off: ``set_autocast_enabled("cpu", False)``.

    Raises:
        NotImplementedError: it switches on.
        RuntimeError: there is no such kind of device.
    """
    if enabled is None:
        device_type, enabled = "cuda", device_type
    _device_name("set_autocast_enabled", device_type)
    if not isinstance(enabled, bool):
        _arguments.refuse("set_autocast_enabled", "enabled", "bool", enabled)
    if enabled:
        raise NotImplementedError(
            f"set_autocast_enabled: got enabled=True for {device_type!r}, expected False: "
            "operators compute in the dtype of their operands. Convert the model and its inputs "
            "with .to(dtype)."
        )


def get_autocast_dtype(device_type: str) -> pb.dtype:
    """What ``set_autocast_dtype`` was given; at first float16 or bfloat16, by the device.

    Example:
        >>> import pullback as pb
        >>> pb.get_autocast_dtype("cpu")
        torch.bfloat16
    """
    kind = _device_name("get_autocast_dtype", device_type)
    if kind == "meta":
        raise RuntimeError(
            "get_autocast_dtype: got 'meta', a device without a dtype for autocast; expected 'cpu' "
            "or another device that computes"
        )
    return _dtypes.get(kind, pb.float16 if kind in _HALF else pb.bfloat16)


def set_autocast_dtype(device_type: str, dtype: pb.dtype) -> None:
    """Keeps the dtype for ``get_autocast_dtype``; nothing computes in it."""
    kind = _device_name("set_autocast_dtype", device_type)
    if not isinstance(dtype, pb.dtype):
        _arguments.refuse("set_autocast_dtype", "dtype", "torch.dtype", dtype)
    _dtypes[kind] = dtype


def is_autocast_cache_enabled() -> bool:
    """What ``set_autocast_cache_enabled`` was given; True at first."""
    return _cache["on"]


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Keeps the setting; there is no cache."""
    _arguments.bools("set_autocast_cache_enabled", enabled=enabled)
    _cache["on"] = enabled


def clear_autocast_cache() -> None:
    """Changes nothing: there is no cache."""


def is_autocast_cpu_enabled() -> bool:
    """The old name of ``is_autocast_enabled("cpu")``."""
    _no_longer("is_autocast_cpu_enabled()", "is_autocast_enabled('cpu')")
    return False


def set_autocast_cpu_enabled(enabled: bool) -> None:
    """The old name of ``set_autocast_enabled("cpu", enabled)``."""
    _no_longer("set_autocast_cpu_enabled(enabled)", "set_autocast_enabled('cpu', enabled)")
    set_autocast_enabled("cpu", enabled)


def get_autocast_cpu_dtype() -> pb.dtype:
    """The old name of ``get_autocast_dtype("cpu")``."""
    _no_longer("get_autocast_cpu_dtype()", "get_autocast_dtype('cpu')")
    return get_autocast_dtype("cpu")


def set_autocast_cpu_dtype(dtype: pb.dtype) -> None:
    """The old name of ``set_autocast_dtype("cpu", dtype)``."""
    _no_longer("set_autocast_cpu_dtype(dtype)", "set_autocast_dtype('cpu', dtype)")
    set_autocast_dtype("cpu", dtype)
