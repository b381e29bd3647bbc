"""``autocast``: a context and a decorator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback import _arguments, _core

__all__ = ["autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]


def is_autocast_available(device_type: str) -> bool:
    """Always False: no operator changes the dtype that it computes in."""
    del device_type
    return False


def _check_device(device_type: object) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    pb.device(device_type)


class autocast:
    """A context, or a decorator, inside of which PyTorch computes in half precision.

    Args:
        device_type: ``"cuda"`` and the other devices that are not here warn, and nothing changes.
        dtype: what would be computed in.
        enabled: False for a context without effect on any device.
        cache_enabled: without meaning here.

    Raises:
        NotImplementedError: it is enabled for the CPU.
        RuntimeError: there is no such device.

    Example:
        >>> import pullback as pb
        >>> with pb.autocast("cpu", enabled=False):
        ...     pb.ones(1).dtype
        torch.float32
    """

    def __init__(
        self,
        device_type: str,
        dtype: Any = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        _check_device(device_type)
        _arguments.flags("autocast", enabled=enabled, cache_enabled=cache_enabled)
        if dtype is not None and not isinstance(dtype, pb.dtype):
            _arguments.refuse("autocast", "dtype", "torch.dtype", dtype)
        self.device = device_type
        self.fast_dtype = dtype
        if enabled and device_type != "cpu":
            _core._warn(
                f"User provided device_type of {device_type!r}, but it is not available. Disabling "
                "autocast."
            )
            enabled = False
        if enabled:
            raise NotImplementedError(
                "autocast: got device_type='cpu' and enabled=True, expected enabled=False: "
                "operators compute in the dtype of their operands. Convert the model and its "
                "inputs with .to(dtype), or leave autocast out."
            )

    def __enter__(self) -> None:
        """Nothing changes."""

    def __exit__(self, *error: object) -> None:
        """Nothing to put back."""

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function, inside of this context."""

        @functools.wraps(func)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return inside


def custom_fwd(fwd: Any = None, *, device_type: str, cast_inputs: Any = None) -> Any:
    """A decorator of ``forward`` of a custom function; without autocast it has no effect."""
    del cast_inputs
    return _unchanged(fwd, device_type)


def custom_bwd(bwd: Any = None, *, device_type: str) -> Any:
    """A decorator of ``backward`` of a custom function; without autocast it has no effect."""
    return _unchanged(bwd, device_type)


def _unchanged(function: Any, device_type: object) -> Any:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    return (lambda function: function) if function is None else function
