"""Gradients cut to a norm or to an interval, in place, between ``backward`` and the step."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
]

_Tensors = Tensor | Iterable[Tensor]


def _listed(function: str, name: str, tensors: _Tensors) -> list[Tensor]:
    if isinstance(tensors, Tensor):
        return [tensors]
    generated = isinstance(tensors, types.GeneratorType)
    found = list(_arguments.elements(function, name, tensors, "Tensor or iterable of Tensors"))
    if generated and not found and name == "parameters":
        _core._warn(f"`{name}` is an empty generator, no gradient clipping will occur.")
    for each in found:
        if not isinstance(each, Tensor):
            _arguments.refuse(function, name, "Tensor or iterable of Tensors", each)
    return found


def _gradients(parameters: list[Tensor]) -> list[Tensor]:
    return [p.grad for p in parameters if p.grad is not None]


def get_total_norm(
    tensors: _Tensors,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all elements of some tensors.

    Args:
        tensors: one tensor or several.
        norm_type: the exponent; ``inf`` for the largest absolute value.
        error_if_nonfinite: whether a norm that is NaN or infinite is an error.
        foreach: not used: there is one way to compute it.

    Returns:
        A tensor without dimensions.

    Raises:
        RuntimeError: the norm is not finite and ``error_if_nonfinite``.

    Example:
        >>> import pullback as pb
        >>> pb.nn.utils.get_total_norm([pb.tensor([3.0]), pb.tensor([4.0])])
        tensor(5.)
    """
    _arguments.numbers("get_total_norm", norm_type=norm_type)
    _arguments.flags(
        "get_total_norm", error_if_nonfinite=error_if_nonfinite, foreach=foreach or False
    )
    order = float(norm_type)
    with pb.no_grad():
        norms = [
            pb.linalg.vector_norm(each, order)
            for each in _listed("get_total_norm", "tensors", tensors)
        ]
        total: Tensor = pb.linalg.vector_norm(pb.stack(norms), order) if norms else pb.tensor(0.0)
        if error_if_nonfinite and not bool(pb.isfinite(total)):
            raise RuntimeError(
                f"The total norm of order {order} for gradients from `parameters` is non-finite, "
                "so it cannot be clipped. To disable this error and scale the gradients by the "
                "non-finite norm anyway, set `error_if_nonfinite=False`"
            )
    return total


def clip_grads_with_norm_(
    parameters: _Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale the gradients by ``max_norm / (total_norm + 1e-6)`` unless that is above 1.

    Args:
        parameters: the tensors whose ``.grad`` is scaled.
        max_norm: the norm that they shall not exceed.
        total_norm: the norm that they have.
        foreach: not used.
    """
    _arguments.numbers("clip_grads_with_norm_", max_norm=max_norm)
    _arguments.tensors("clip_grads_with_norm_", total_norm=total_norm)
    _arguments.flags("clip_grads_with_norm_", foreach=foreach or False)
    gradients = _gradients(_listed("clip_grads_with_norm_", "parameters", parameters))
    with pb.no_grad():
        factor = pb.clamp(float(max_norm) / (total_norm + 1e-6), max=1.0)
        for gradient in gradients:
            gradient.mul_(factor)


def clip_grad_norm_(
    parameters: _Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients of all parameters together so that their norm is at most ``max_norm``.

    Args:
        parameters: the tensors whose ``.grad`` is scaled; those without one are left out.
        max_norm: the largest norm.
        norm_type: the exponent of the norm.
        error_if_nonfinite: whether a norm that is NaN or infinite is an error.
        foreach: not used.

    Returns:
        The norm before scaling, a tensor without dimensions.

    Raises:
        RuntimeError: the norm is not finite and ``error_if_nonfinite``.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor([0.0, 0.0], requires_grad=True)
        >>> (x * pb.tensor([3.0, 4.0])).sum().backward()
        >>> pb.nn.utils.clip_grad_norm_(x, 1.0), x.grad
        (tensor(5.), tensor([0.6000, 0.8000]))
    """
    _arguments.numbers("clip_grad_norm_", max_norm=max_norm, norm_type=norm_type)
    listed = _listed("clip_grad_norm_", "parameters", parameters)
    total = get_total_norm(_gradients(listed), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(listed, max_norm, total, foreach)
    return total


def clip_grad_norm(*args: Any, **kwargs: Any) -> Tensor:
    """The old name of ``clip_grad_norm_``; it warns."""
    _core._warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
    )
    return clip_grad_norm_(*args, **kwargs)


def clip_grad_value_(parameters: _Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Clamp the gradients to ``[-clip_value, clip_value]``.

    Args:
        parameters: the tensors whose ``.grad`` is clamped.
        clip_value: the bound.
        foreach: not used.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor([0.0, 0.0], requires_grad=True)
        >>> (x * pb.tensor([0.5, -4.0])).sum().backward()
        >>> pb.nn.utils.clip_grad_value_(x, 1.0)
        >>> x.grad
        tensor([ 0.5000, -1.0000])
    """
    _arguments.flags("clip_grad_value_", foreach=foreach or False)
    _arguments.numbers("clip_grad_value_", clip_value=clip_value)
    bound = float(clip_value)
    with pb.no_grad():
        for gradient in _gradients(_listed("clip_grad_value_", "parameters", parameters)):
            gradient.clamp_(-bound, bound)
