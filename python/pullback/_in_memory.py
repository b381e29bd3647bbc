"""Tensors of a given geometry, and methods that go over a tensor's elements in Python.

``fill_diagonal_`` is recorded; ``map_`` and ``apply_`` call a function for every number and refuse
tensors that require a gradient. Start reading at ``empty_strided``.
"""

from __future__ import annotations

import operator
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
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor with these strides and whatever values its memory has.

    Args:
        size: the sizes.
        stride: how many elements lie between neighbours, for each dimension.
        dtype: the default one, if left out.
        layout: ``strided``, or None.
        device: the CPU.
        requires_grad: whether it wants a gradient.
        pin_memory: False: there is no device to pin memory for.

    Raises:
        RuntimeError: there is another number of strides than of sizes, or one is negative.

    Example:
        >>> import pullback as pb
        >>> pb.empty_strided((2, 3), (1, 2)).stride()
        (1, 2)
    """
    options = {"dtype": dtype, "layout": layout, "device": device, "pin_memory": pin_memory}
    return empty_as("empty_strided", size, stride, requires_grad=requires_grad, **options)


def empty_as(
    name: str,
    size: Sequence[int],
    stride: Sequence[int],
    *,
    requires_grad: bool,
    pin_memory: bool,
    **options: Any,
) -> Tensor:
    """``empty_strided`` for a function of that name."""
    _arguments.tuples(name, size=size, stride=stride)
    _arguments.factory(name, **options)
    _arguments.bools(name, requires_grad=requires_grad, pin_memory=pin_memory)
    if len(size) != len(stride):
        raise RuntimeError(
            f"dimensionality of sizes ({len(size)}) must match dimensionality of strides "
            f"({len(stride)})"
        )
    _check_sizes(size)
    if any(each < 0 for each in stride):
        raise RuntimeError(
            f"{name}: a stride is negative: got {list(stride)}, expected numbers from 0 on."
        )
    needed = 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    made = pb.empty(needed if all(size) else 0, pin_memory=pin_memory, **options)
    made.as_strided_(size, stride)
    return made.requires_grad_(requires_grad)


def _check_sizes(size: Sequence[int]) -> None:
    for each in size:
        if each < 0:
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {each}: {list(size)}"
            )


def empty_permuted(
    size: Sequence[int],
    physical_layout: Sequence[int],
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor without gaps whose dimensions lie in memory in the given order.

    Args:
        size: the sizes.
        physical_layout: the dimensions, the outermost one in memory first.
        dtype: the default one, if left out.
        layout: ``strided``, or None.
        device: the CPU.
        requires_grad: whether it wants a gradient.
        pin_memory: False: there is no device to pin memory for.

    Raises:
        RuntimeError: the order does not have each dimension once, or a size is negative.

    Example:
        >>> import pullback as pb
        >>> pb.empty_permuted((2, 3), (1, 0)).stride()
        (1, 2)
    """
    name = "empty_permuted"
    _arguments.tuples(name, size=size, physical_layout=physical_layout)
    if len(physical_layout) != len(size):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. "
            f"len(size) = {len(size)} is not equal to len(physical_layout) = "
            f"{len(physical_layout)}"
        )
    for place, d in enumerate(physical_layout):
        if not 0 <= d < len(size):
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got "
                f"{d} at index {place}): {name} counts dimensions from the front."
            )
    if len(set(physical_layout)) != len(size):
        raise RuntimeError("Duplicate dim not allowed")
    _check_sizes([size[d] for d in physical_layout])
    stride, step = [0] * len(size), 1
    for d in reversed(physical_layout):
        stride[d] = step
        step *= max(size[d], 1)
    options = {"dtype": dtype, "layout": layout, "device": device, "pin_memory": pin_memory}
    return empty_as(name, size, stride, requires_grad=requires_grad, **options)


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
    if numbers:
        values = [_as_element(each, x.dtype) for each in numbers]
        x.copy_(pb.tensor(values, dtype=x.dtype).reshape(x.shape))
    return x


def _as_element(value: Any, dtype: pb.dtype) -> Any:
    """The number that a value is converted to for an element: by the protocols of Python."""
    kind = type(value)
    if isinstance(value, (int, float)):
        return complex(value) if dtype.is_complex else value
    if dtype.is_complex or dtype.is_floating_point:
        protocols = ("__complex__",) * dtype.is_complex + ("__float__", "__index__")
        if not any(hasattr(kind, each) for each in protocols):
            raise TypeError(f"must be real number, not {kind.__name__}")
        return complex(value) if dtype.is_complex else float(value)
    of_numpy = getattr(value, "dtype", None) == "bool"
    if dtype == pb.bool and (isinstance(value, complex) or of_numpy):
        return bool(value)
    return operator.index(value)


def _nesting(x: Tensor, a: int, b: int) -> int:
    """-1 where dimension a surely lies inside of b, 1 where b does in a, 0 if neither is known."""
    inner, outer = x.stride(a), x.stride(b)
    if inner == 0 or outer == 0:
        return 0
    if inner != outer:
        return -1 if inner < outer else 1
    return int(x.shape[a] > x.shape[b])


def _order_in_memory(x: Tensor) -> list[int]:
    """The innermost dimension first; those that say nothing of their place stay where they are."""
    order = list(range(x.ndim))[::-1]
    for start in range(1, x.ndim):
        moving = start
        for place in reversed(range(start)):
            nesting = _nesting(x, order[place], order[moving])
            if nesting < 0:
                break
            if nesting > 0:
                order[place], order[moving] = order[moving], order[place]
                moving = place
    return order


def dim_order(x: Tensor, ambiguity_check: Any) -> tuple[int, ...]:
    """``Tensor.dim_order``."""
    formats = ambiguity_check if isinstance(ambiguity_check, list) else []
    known = isinstance(ambiguity_check, (bool, list))
    if not known or not all(isinstance(each, pb.memory_format) for each in formats):
        raise TypeError("The ambiguity_check argument must be a bool or a list of memory formats.")
    asked = ambiguity_check is not False  # an empty list asks for the first of two only
    several = 1 in x.shape or any(a == b for a, b in pairwise(x.stride()))
    if asked and several and sum(x.is_contiguous(memory_format=each) for each in formats) != 1:
        raise RuntimeError(
            "The tensor does not have unique dim order, or cannot map to exact one of the given "
            f"memory formats: its sizes are {tuple(x.shape)}, its strides {x.stride()}."
        )
    row_major = x.is_contiguous()
    channels_last = x.ndim == 4 and x.is_contiguous(memory_format=pb.channels_last)
    if x.ndim < 2 or (row_major and not channels_last):
        return tuple(range(x.ndim))
    if channels_last and not row_major:
        return (0, 2, 3, 1)
    order = _order_in_memory(x)
    if ambiguity_check and any(_nesting(x, a, b) != -1 for a, b in pairwise(order)):
        raise RuntimeError(
            f"The tensor does not have unique dim order: its sizes are {tuple(x.shape)}, its "
            f"strides {x.stride()}."
        )
    return tuple(reversed(order))
