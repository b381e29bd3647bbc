"""Settings of torch that change nothing here: they are checked, kept and told."""

from __future__ import annotations

from typing import Any

from pullback import _arguments, _core

__all__ = [
    "get_deterministic_debug_mode",
    "get_float32_matmul_precision",
    "is_deterministic_algorithms_warn_only_enabled",
    "is_warn_always_enabled",
    "set_deterministic_debug_mode",
    "set_float32_matmul_precision",
    "set_warn_always",
]

_kept: dict[str, Any] = {"precision": "highest", "always": False}
_MODES = {"default": 0, "warn": 1, "error": 2}


def set_float32_matmul_precision(precision: str) -> None:
    """Keeps the setting; products of float32 are always computed in float32 or better.

    What is not "highest", "high" or "medium" has no effect, with a warning.
    """
    _arguments.texts("set_float32_matmul_precision", precision=precision)
    if precision not in ("highest", "high", "medium"):
        _core._warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current "
            "set_float32_matmul_precision call has no effect."
        )
        return
    _kept["precision"] = precision


def get_float32_matmul_precision() -> str:
    """What ``set_float32_matmul_precision`` was given, "highest" at first."""
    return str(_kept["precision"])


def set_warn_always(b: bool) -> None:
    """Keeps the setting; Python's filters of warnings decide how often each is shown."""
    _arguments.bools("set_warn_always", b=b)
    _kept["always"] = b


def is_warn_always_enabled() -> bool:
    """What ``set_warn_always`` was given."""
    return bool(_kept["always"])


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Changes nothing: every result is the same in every run.

    Raises:
        RuntimeError: the mode is not "default", "warn", "error" or their numbers.
    """
    if isinstance(debug_mode, str):
        known = debug_mode in _MODES
    else:
        _arguments.integers("set_deterministic_debug_mode", debug_mode=debug_mode)
        known = debug_mode in _MODES.values()
    if not known:
        raise RuntimeError(
            f"set_deterministic_debug_mode: got {debug_mode!r}, expected 'default' (0), 'warn' (1) "
            "or 'error' (2)"
        )


def get_deterministic_debug_mode() -> int:
    """Always 2: there is nothing that is not deterministic."""
    return 2


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Always False."""
    return False
