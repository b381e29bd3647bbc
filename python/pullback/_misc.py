"""Small functions of the top-level namespace."""

from __future__ import annotations

from typing import Any, TypeGuard

from pullback import _arguments, _core
from pullback._core import Tensor, device

__all__ = [
    "are_deterministic_algorithms_enabled",
    "dropout",
    "dropout_",
    "get_default_device",
    "is_conj",
    "is_neg",
    "is_tensor",
    "typename",
    "use_deterministic_algorithms",
]


def is_tensor(obj: Any, /) -> TypeGuard[Tensor]:
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


@_core._overridable
def is_conj(input: Tensor) -> bool:
    """Always False: conjugates are computed, not marked.

    Example:
        >>> import pullback as pb
        >>> pb.is_conj(pb.tensor([1j]).conj())
        False
    """
    _check_tensor("is_conj", "input", input)
    return input.is_conj()


@_core._overridable
def is_neg(input: Tensor) -> bool:
    """Always False: negatives are computed, not marked.

    Example:
        >>> import pullback as pb
        >>> pb.is_neg(pb.tensor([1j]).conj().imag)
        False
    """
    _check_tensor("is_neg", "input", input)
    return input.is_neg()


@_core._overridable
def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """``nn.functional.dropout`` with all arguments given."""
    _arguments.bools("dropout", train=train)
    from pullback.nn import functional

    return functional.dropout(input, p, train)


@_core._overridable
def dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """The same in place."""
    _arguments.bools("dropout_", train=train)
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
    if module in (None, "builtins"):
        return name
    package, dot, rest = str(module).partition(".")
    return f"{'torch' if package == 'pullback' else package}{dot}{rest}.{name}"


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
    _arguments.bools("use_deterministic_algorithms", mode=mode, warn_only=warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """Always True; see ``use_deterministic_algorithms``."""
    return True
