"""Forward mode by dual tensors: ``dual_level``, ``make_dual``, ``unpack_dual``.

Inside a level a tensor may carry a tangent, its derivative along a direction; every operation on it
gives a tensor that carries the derivative of the result. One evaluation gives one product of the
Jacobian with a vector. The levels are those of NOTE [Levels] in csrc/graph/level.h.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pullback import Tensor, _arguments, _core, _element_types
from pullback._grad_mode import _Mode
from pullback._level_kinds import DUAL, JVP, LINEAR, VMAP

__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "set_forward_grad_enabled",
    "unpack_dual",
]


class UnpackedDualTensor(NamedTuple):
    """What ``unpack_dual`` returns: the value, and the tangent or None."""

    primal: Tensor
    tangent: Tensor | None


def _entered() -> int:
    """The number of the level that ``dual_level`` entered, 0 for none."""
    kinds = _core._level_kinds()
    return kinds.index(DUAL) + 1 if DUAL in kinds else 0


def _level() -> int:
    """The same, or that of the ``func.jvp`` (or ``jacfwd``) whose function runs."""
    kinds: list[int] = _core._level_kinds()
    if DUAL in kinds:
        return kinds.index(DUAL) + 1
    inner = len(kinds)
    while inner and kinds[inner - 1] == VMAP:
        inner -= 1
    # The tangents of linearize stand for any: a value of one would be made up.
    runs = inner > 0 and kinds[inner - 1] == JVP
    return inner if runs and (inner == 1 or kinds[inner - 2] != LINEAR) else 0


def _check_level(level: int | None, function: str) -> None:
    if level is not None and level > 0:
        raise RuntimeError(f"Invalid level given to {function}")


def enter_dual_level() -> int:
    """Enter a level by hand; ``dual_level`` is the safe form.

    Returns:
        The number of the level, always 0: levels of this kind do not nest.

    Example:
        >>> import pullback as pb
        >>> pb.autograd.forward_ad.enter_dual_level()
        0
        >>> pb.autograd.forward_ad.exit_dual_level()
    """
    if _entered():
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _core._level_enter(DUAL, 0, 0)
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Leave the level; tangents of it are gone then.

    Raises:
        RuntimeError: there is no such level, or a transform was entered inside it.

    Example:
        >>> import pullback as pb
        >>> import pullback.autograd.forward_ad as fwAD
        >>> level = fwAD.enter_dual_level()
        >>> dual = fwAD.make_dual(pb.ones(1), pb.ones(1))
        >>> fwAD.exit_dual_level()
        >>> fwAD.unpack_dual(dual).tangent is None
        True
    """
    _check_number("exit_dual_level", level)
    number = _entered()
    if level is not None and level != (0 if number else -1):
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is "
            "not supported."
        )
    if not number:
        raise RuntimeError("Dual level must be a positive number.")
    _core._level_exit(number)


class dual_level(_Mode):
    """A level of forward mode for a ``with`` block.

    Example:
        >>> import pullback as pb
        >>> import pullback.autograd.forward_ad as fwAD
        >>> with fwAD.dual_level():
        ...     x = fwAD.make_dual(pb.tensor(3.0), pb.tensor(1.0))
        ...     fwAD.unpack_dual(x * x).tangent
        tensor(6.)
    """

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *error: object) -> None:
        exit_dual_level()


def _check_number(function: str, level: object) -> None:
    if level is not None:
        _arguments.integers(function, level=level)


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """``tensor`` with a tangent, of the same shape: a new tensor over the same memory.

    Raises:
        RuntimeError: no level was entered, the shapes differ, or there is a tangent already.
        ValueError: one of them has no floating dtype.

    Example:
        >>> import pullback as pb
        >>> import pullback.autograd.forward_ad as fwAD
        >>> with fwAD.dual_level():
        ...     fwAD.make_dual(pb.tensor(3.0), pb.tensor(1.0)).exp().shape
        torch.Size([])
    """
    _arguments.tensors("make_dual", tensor=tensor, tangent=tangent)
    _check_number("make_dual", level)
    number = _level()
    if not number:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    _check_level(level, "_make_dual")
    for name, each in (("primal", tensor), ("tangent", tangent)):
        if not _element_types.is_differentiable(each.dtype):
            raise ValueError(
                f"Expected {name} to be floating point or complex, but got: {each.dtype}"
            )
    if _core._tangent(tensor, number) is not None:
        raise RuntimeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the "
            "same level 0 is not supported."
        )
    if _core._tangent(tangent, number) is not None:
        raise RuntimeError(
            "Setting a forward grad that itself has a forward gradient at the same level0 is not "
            "supported."
        )
    if tensor.shape != tangent.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original "
            f"Tensor, this is not supported. Tensor is of size {list(tensor.shape)} while the "
            f"given forward gradient is of size {list(tangent.shape)}."
        )
    # As after every operation in inference mode.
    given = None if _core.is_inference_mode_enabled() else tangent
    dual: Tensor = _core._dual_enter(tensor, given, number)
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value of a tensor without its tangent, and the tangent or None.

    Example:
        >>> import pullback as pb
        >>> import pullback.autograd.forward_ad as fwAD
        >>> fwAD.unpack_dual(pb.tensor(3.0)).tangent is None
        True
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(
            "_unpack_dual(): argument 'dual' (position 1) must be Tensor, not "
            f"{type(tensor).__name__}"
        )
    _check_number("unpack_dual", level)
    _check_level(level, "_fw_primal")
    number = _level()
    if not number:
        return UnpackedDualTensor(tensor, None)
    primal, tangent = _core._dual_leave(tensor, number)
    return UnpackedDualTensor(primal, tangent if _core._is_fwd_grad_enabled() else None)


class set_forward_grad_enabled(_Mode):
    """Whether tangents are propagated: takes effect at once, and ends with a ``with`` block.

    Example:
        >>> import pullback as pb
        >>> import pullback.autograd.forward_ad as fwAD
        >>> with fwAD.dual_level(), fwAD.set_forward_grad_enabled(False):
        ...     x = fwAD.make_dual(pb.tensor(3.0), pb.tensor(1.0))
        ...     fwAD.unpack_dual(x * x).tangent is None
        True
    """

    def __init__(self, mode: bool) -> None:
        _arguments.flags("set_forward_grad_enabled", mode=mode)
        self.mode = mode
        self.before = _core._is_fwd_grad_enabled()
        _core._set_fwd_grad_enabled(mode)

    def __enter__(self) -> None:
        _core._set_fwd_grad_enabled(self.mode)

    def __exit__(self, *error: object) -> None:
        _core._set_fwd_grad_enabled(self.before)

    def clone(self) -> Any:
        """A fresh context with the same setting."""
        return type(self)(self.mode)


_set_fwd_grad_enabled = set_forward_grad_enabled
_is_fwd_grad_enabled = _core._is_fwd_grad_enabled


def __getattr__(name: str) -> int:
    if name != "_current_level":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return 0 if _entered() else -1
