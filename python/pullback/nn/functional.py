"""The computations of ``pullback.nn`` as functions.

What the core computes in one kernel with one derivative is taken over as it is, with the
signature that it has there (``inplace=``, ``reduction=``, ...); only what is truly put together
from other operators is written here.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback._misc import _check_tensor
from pullback.nn import _operators, _parts
from pullback.nn._operators import *  # noqa: F403
from pullback.nn._parts.attention import *  # noqa: F403
from pullback.nn._parts.embedding import *  # noqa: F403
from pullback.nn._parts.fractional import *  # noqa: F403
from pullback.nn._parts.losses import *  # noqa: F403
from pullback.nn._parts.normalization import *  # noqa: F403
from pullback.nn._parts.pooling import *  # noqa: F403
from pullback.nn._parts.random import *  # noqa: F403
from pullback.nn._parts.sequences import *  # noqa: F403
from pullback.nn._parts.vision import *  # noqa: F403

sigmoid: Callable[..., Tensor] = pb.sigmoid
tanh: Callable[..., Tensor] = pb.tanh


def _in_place(name: str, *arguments: object) -> Tensor:
    result: Tensor = getattr(_operators, name)(*arguments, inplace=True)
    return result


def relu_(input: Tensor) -> Tensor:
    """``relu`` in place."""
    return _in_place("relu", input)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """``leaky_relu`` in place."""
    return _in_place("leaky_relu", input, negative_slope)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """``elu`` in place."""
    return _in_place("elu", input, alpha)


def selu_(input: Tensor) -> Tensor:
    """``selu`` in place."""
    return _in_place("selu", input)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """``celu`` in place."""
    return _in_place("celu", input, alpha)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """``hardtanh`` in place."""
    return _in_place("hardtanh", input, min_val, max_val)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """``threshold`` in place."""
    return _in_place("threshold", input, threshold, value)


def _check_probability(name: str, p: object) -> None:
    """Refuse a ``p`` that is no probability, in the name of the function or module ``name``."""
    # As everywhere a Fraction is no number; NumPy's are.
    if not isinstance(p, numbers.Real) or (
        isinstance(p, numbers.Rational) and not isinstance(p, numbers.Integral)
    ):
        raise TypeError(f"{name}(): argument 'p' must be float, not {type(p).__name__}")
    if not 0.0 <= float(p) <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _as_number(p: Any) -> float:
    """A tensor without dimensions that wants no gradient as its number; all else as it is."""
    reads = isinstance(p, Tensor) and p.dim() == 0 and not p.requires_grad
    number: float = p.item() if reads else p
    return number


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set each element to zero with probability ``p`` and divide the others by ``1 - p``.

    Without ``training`` (or with ``p == 0``) the input itself is returned.

    Raises:
        ValueError: ``p`` is not a probability.
    """
    _check_tensor("dropout", "input", input)
    p = _as_number(p)
    _check_probability("dropout", p)
    _arguments.bools("dropout", training=training)
    _arguments.flags("dropout", inplace=inplace)
    if p == 0 or not training or input.numel() == 0:
        return input
    if p == 1:
        return input.mul_(0.0) if inplace else input * pb.zeros_like(input)
    kept = _core._dropout_mask(input, p)
    return input.mul_(kept) if inplace else input * kept


def _check_out(function: str, out: object) -> None:
    if out is not None and not isinstance(out, Tensor):
        _arguments.refuse(function, "out", "Tensor", out)


def _check_dims(function: str, dim: object) -> None:
    if dim is not None and not isinstance(dim, (tuple, list)):
        _arguments.integers(function, dim=dim)


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """Divide by the ``p``-norm along ``dim``, which counts as ``eps`` where it is smaller."""
    _arguments.tensors("normalize", input=input)
    _arguments.numbers("normalize", p=p, eps=eps)
    _check_dims("normalize", dim)
    _check_out("normalize", out)
    length = input.norm(p, dim, keepdim=True).clamp_min(eps)
    return input / length if out is None else pb.div(input, length, out=out)


for _part in _parts.ALL:
    for _name in _part.__all__:
        globals()[_name].__module__ = __name__
for _name, _function in list(globals().items()):
    if _name[0] != "_" and getattr(_function, "__code__", None) is not None:
        globals()[_name] = _core._overridable(_function)
