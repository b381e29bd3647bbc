"""Tensors of a given geometry, and methods that go over a tensor's elements in Python.

``fill_diagonal_`` is recorded; ``map_`` and ``apply_`` call a function for every number and refuse
tensors that require a gradient. Start reading at ``empty_strided``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments

__all__ = ["empty_permuted", "empty_strided"]


def empty_strided(
    size: Sequence[int],
    stride: Sequence[int],
    *,
    dtype: Any = None,
    requires_grad: bool = False,
    **others: Any,
) -> Tensor:
    """A tensor with these strides and whatever values its memory has.

    Args:
        size: the sizes.
        stride: how many elements lie between neighbours, for each dimension.
        dtype: the default one, if left out.
        requires_grad: whether it wants a gradient.
        others: ``device``, ``layout`` and ``pin_memory``, as of ``empty``.

    Raises:
        RuntimeError: there is another number of strides than of sizes, or one is negative.

    Example:
        >>> import pullback as pb
        >>> pb.empty_strided((2, 3), (1, 2)).stride()
        (1, 2)
    """
    _arguments.sizes("empty_strided", size=size, stride=stride)
    if len(size) != len(stride):
        raise RuntimeError(
            f"dimensionality of sizes ({len(size)}) must match dimensionality of strides "
            f"({len(stride)})"
        )
    if any(each < 0 for each in stride):
        raise RuntimeError(
            f"empty_strided: a stride is negative: got {list(stride)}, expected numbers from 0 on."
        )
    needed = 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    made = pb.empty(needed if all(size) else 0, dtype=dtype, **others)
    made.as_strided_(size, stride)
    return made.requires_grad_(requires_grad)


def empty_permuted(size: Sequence[int], physical_layout: Sequence[int], **others: Any) -> Tensor:
    """A tensor without gaps whose dimensions lie in memory in the given order.

    Args:
        size: the sizes.
        physical_layout: the dimensions, the outermost one in memory first.
        others: ``dtype``, ``requires_grad`` and what else ``empty_strided`` takes.

    Raises:
        RuntimeError: the order does not have each dimension once.

    Example:
        >>> import pullback as pb
        >>> pb.empty_permuted((2, 3), (1, 0)).stride()
        (1, 2)
    """
    _arguments.sizes("empty_permuted", size=size, physical_layout=physical_layout)
    if len(physical_layout) != len(size):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. "
            f"len(size) = {len(size)} is not equal to len(physical_layout) = "
            f"{len(physical_layout)}"
        )
    if len(set(physical_layout)) != len(size):
        raise RuntimeError("Duplicate dim not allowed")
    if any(not 0 <= d < len(size) for d in physical_layout):
        raise RuntimeError(
            f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got "
            f"{list(physical_layout)})."
        )
    stride, step = [0] * len(size), 1
    for d in reversed(physical_layout):
        stride[d] = step
        step *= max(size[d], 1)
    return empty_strided(size, stride, **others)


def fill_diagonal(x: Tensor, fill_value: Any, wrap: bool) -> Tensor:
    """``Tensor.fill_diagonal_``."""
    _arguments.numbers("fill_diagonal_", fill_value=fill_value)
    _arguments.bools("fill_diagonal_", wrap=wrap)
    if x.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if x.ndim == 2:
        rows, columns = x.shape
        starts = range(0, rows, columns + 1) if wrap and columns else range(1)
        for start in starts:
            x[start:].diagonal().fill_(fill_value)
        return x
    if len(set(x.shape)) != 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    line = x
    for _ in range(x.ndim - 1):
        line = line.diagonal(0, 0, 1)
    line.fill_(fill_value)
    return x


def _mapped(name: str, x: Tensor, others: Sequence[Any], function: Callable[..., Any]) -> Tensor:
    if not callable(function):
        _arguments.refuse(name, "callable", "a function", function)
    for number, other in enumerate(others):
        if not isinstance(other, Tensor):
            _arguments.refuse(name, "other" if len(others) == 1 else "xy"[number], "Tensor", other)
        if other.dtype != x.dtype:
            raise TypeError(f"{name}: expected {x.type()} for 'other' (got {other.type()})")
    if any(each.requires_grad for each in (x, *others)):
        raise RuntimeError(
            f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() "
            "instead."
        )
    columns = [x, *(other.expand(x.shape) for other in others)]
    every = (column.reshape(-1).tolist() for column in columns)
    numbers = [function(*each) for each in zip(*every, strict=True)]
    for each in numbers:
        if not isinstance(each, (int, float, complex)):
            raise TypeError(f"must be real number, not {type(each).__name__}")
    if numbers:
        x.copy_(pb.tensor(numbers, dtype=x.dtype).reshape(x.shape))
    return x


def dim_order(x: Tensor, ambiguity_check: Any) -> tuple[int, ...]:
    """``Tensor.dim_order``: the dimensions, the outermost one in memory first."""
    strides = tuple(x.stride())
    order = sorted(range(x.ndim), key=lambda d: (-strides[d], d))
    if ambiguity_check and any(
        strides[a] == strides[b] and x.shape[a] != 1 for a, b in pairwise(order)
    ):
        raise RuntimeError(
            "The tensor does not have unique dim order, or cannot map to exact one of the given "
            f"memory formats: its strides are {strides}."
        )
    return tuple(order)
