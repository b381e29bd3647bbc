"""Small functions of the top-level namespace."""

from __future__ import annotations

from typing import Any, TypeGuard

from pullback._core import Tensor, device

__all__ = [
    "are_deterministic_algorithms_enabled",
    "detach",
    "detach_",
    "dropout",
    "dropout_",
    "get_default_device",
    "imag",
    "is_complex",
    "is_floating_point",
    "is_tensor",
    "numel",
    "real",
    "typename",
    "use_deterministic_algorithms",
]


def is_tensor(obj: Any) -> TypeGuard[Tensor]:
    """Whether the object is a tensor.

    Example:
        >>> import pullback as pb
        >>> pb.is_tensor(pb.ones(2)), pb.is_tensor(2.0)
        (True, False)
    """
    return isinstance(obj, Tensor)


def _check_tensor(function: str, name: str, value: object) -> None:
    if not isinstance(value, Tensor):
        kind = type(value).__name__
        raise TypeError(f"{function}(): argument {name!r} (position 1) must be Tensor, not {kind}")


def is_floating_point(input: Tensor) -> bool:
    """Whether the elements are floating-point numbers."""
    _check_tensor("is_floating_point", "input", input)
    return input.is_floating_point()


def real(input: Tensor) -> Tensor:
    """The tensor itself: there are no complex dtypes."""
    _check_tensor("real", "input", input)
    return input.real


def imag(input: Tensor) -> Tensor:
    """An error: there are no complex dtypes."""
    _check_tensor("imag", "input", input)
    return input.imag


def is_complex(input: Tensor) -> bool:
    """Always False: there are no complex dtypes."""
    _check_tensor("is_complex", "input", input)
    return input.is_complex()


def numel(input: Tensor) -> int:
    """The number of elements."""
    _check_tensor("numel", "input", input)
    return input.numel()


def detach(input: Tensor) -> Tensor:
    """The same memory without history."""
    _check_tensor("detach", "input", input)
    return input.detach()


def detach_(input: Tensor) -> Tensor:
    """Drop the history of the tensor itself."""
    return input.detach_()


def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """``nn.functional.dropout`` with all arguments given."""
    from pullback.nn import functional

    return functional.dropout(input, p, train)


def dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """The same in place."""
    from pullback.nn import functional

    return functional.dropout(input, p, train, inplace=True)


def typename(obj: Any, /) -> str:
    """The name of the type of an object, ``torch.FloatTensor`` and the like for tensors.

    Example:
        >>> import pullback as pb
        >>> pb.typename(pb.ones(2))
        'torch.FloatTensor'
    """
    if isinstance(obj, Tensor):
        return str(obj.type())
    kind = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(kind, "__module__", None)
    name = str(kind.__qualname__)
    return name if module in (None, "builtins") else f"{module}.{name}"


def get_default_device() -> device:
    """Always the CPU.

    Example:
        >>> import pullback as pb
        >>> pb.get_default_device()
        device(type='cpu')
    """
    return device("cpu")


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Changes nothing: every result is the same in every run, at any number of threads."""
    if not isinstance(mode, bool) or not isinstance(warn_only, bool):
        raise TypeError(
            f"use_deterministic_algorithms: got ({mode!r}, warn_only={warn_only!r}), expected "
            "bools."
        )


def are_deterministic_algorithms_enabled() -> bool:
    """Always True; see ``use_deterministic_algorithms``."""
    return True
