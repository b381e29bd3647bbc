"""The switches of recording under the name that PyTorch gives their module."""

from __future__ import annotations

from typing import Any

from pullback import _arguments, _core
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


class _force_original_view_tracking(set_multithreading_enabled):
    """Changes nothing: histories of views are always made by the operations that made the views.

    Args:
        mode: either; as a context manager, a decorator or a function.
    """


class _unsafe_preserve_version_counter:
    """In-place writes inside do not count: backward takes the written values for the saved ones.

    Args:
        tensors: a tensor, or a tuple of them.

    Example:
        >>> import pullback as pb
        >>> from pullback.autograd import _unsafe_preserve_version_counter
        >>> x = pb.ones(2)
        >>> with _unsafe_preserve_version_counter(x):
        ...     _ = x.fill_(3)
        >>> x._version
        0
    """

    def __init__(self, tensors: Any) -> None:
        """The tensors whose counters are put back."""
        self.tensors = (tensors,) if isinstance(tensors, _core.Tensor) else tuple(tensors)
        _arguments.elements("_unsafe_preserve_version_counter", "tensors", self.tensors, "Tensor")

    def __enter__(self) -> None:
        self._versions = [tensor._version for tensor in self.tensors]

    def __exit__(self, *exception: object) -> None:
        for tensor, version in zip(self.tensors, self._versions, strict=True):
            _core._set_version(tensor, version)
