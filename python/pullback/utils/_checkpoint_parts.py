"""What programs that write their own checkpoints take from ``utils.checkpoint``."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from pullback import Tensor

__all__ = [
    "check_backward_validity",
    "detach_variable",
    "get_device_states",
    "set_device_states",
]


def check_backward_validity(inputs: Sequence[Any]) -> None:
    """Warn when no input requires a gradient.

    Example:
        >>> import pullback as pb
        >>> from pullback.utils.checkpoint import check_backward_validity
        >>> check_backward_validity([pb.ones(1, requires_grad=True), 2])
    """
    if not any(x.requires_grad for x in inputs if isinstance(x, Tensor)):
        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2
        )


def get_device_states(*args: Any) -> tuple[list[int], list[Tensor]]:
    """The devices of the arguments besides the CPU, and their generators' states: none.

    Example:
        >>> import pullback as pb
        >>> from pullback.utils.checkpoint import get_device_states
        >>> get_device_states(pb.ones(1))
        ([], [])
    """
    del args
    return [], []


def set_device_states(
    devices: Sequence[int], states: Sequence[Tensor], *, device_type: str | None = None
) -> None:
    """Takes what ``get_device_states`` gives.

    Raises:
        RuntimeError: a device is named.

    Example:
        >>> from pullback.utils.checkpoint import set_device_states
        >>> set_device_states([], [])
    """
    if devices or states:
        raise RuntimeError(
            f"set_device_states: got devices {list(devices)} of the type {device_type}, expected "
            "none: pullback runs on the CPU only."
        )


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs, with each tensor as a leaf of its own.

    Raises:
        RuntimeError: the inputs are no tuple.

    Example:
        >>> import pullback as pb
        >>> from pullback.utils.checkpoint import detach_variable
        >>> x, n = detach_variable((pb.ones(1, requires_grad=True) * 2, 3))
        >>> x.is_leaf, x.requires_grad, n
        (True, True, 3)
    """
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            "Only tuple of tensors is supported. Got Unsupported input type: "
            f"{type(inputs).__name__}"
        )
    return tuple(
        x.detach().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x for x in inputs
    )
