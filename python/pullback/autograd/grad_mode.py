"""The switches of recording under the name that PyTorch gives their module."""

from __future__ import annotations

from pullback import _arguments
from pullback._grad_mode import _Mode, enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = [
    "enable_grad",
    "inference_mode",
    "no_grad",
    "set_grad_enabled",
    "set_multithreading_enabled",
]


class set_multithreading_enabled(_Mode):
    """Changes nothing: a backward pass always runs on the thread that calls it.

    In PyTorch it chooses between that thread and those of accelerators, which there are not here.

    Args:
        mode: either; as a context manager, a decorator or a function.

    Raises:
        TypeError: ``mode`` is no bool.

    Example:
        >>> import pullback as pb
        >>> x = pb.ones(1, requires_grad=True)
        >>> with pb.autograd.set_multithreading_enabled(False):
        ...     (x * 2).backward()
    """

    def __init__(self, mode: bool) -> None:
        _arguments.bools("set_multithreading_enabled", mode=mode)
        self.mode = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        pass

    def clone(self) -> set_multithreading_enabled:
        """A fresh context with the same setting."""
        return type(self)(self.mode)
