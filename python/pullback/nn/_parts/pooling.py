"""Pooling: the forms that give positions or not, the power mean, and the reverse of a maximum."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments
from pullback.nn import _operators

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
]

Sizes = int | Sequence[int]
Both = tuple[Tensor, ...]

_max: list[Callable[..., Both]] = [
    _operators.max_pool1d_with_indices,
    _operators.max_pool2d_with_indices,
    _operators.max_pool3d_with_indices,
]
_adaptive_max: list[Callable[..., Both]] = [
    _operators.adaptive_max_pool1d_with_indices,
    _operators.adaptive_max_pool2d_with_indices,
    _operators.adaptive_max_pool3d_with_indices,
]
_adaptive_avg: list[Callable[..., Tensor]] = [
    _operators.adaptive_avg_pool1d,
    _operators.adaptive_avg_pool2d,
    _operators.adaptive_avg_pool3d,
]
_avg: list[Callable[..., Tensor]] = [
    _operators.avg_pool1d,
    _operators.avg_pool2d,
    _operators.avg_pool3d,
]


def _max_pool(dims: int, return_indices: object, *arguments: Any) -> Any:
    _arguments.bools(f"max_pool{dims}d", return_indices=return_indices)
    values, indices = _max[dims - 1](*arguments)
    return (values, indices) if return_indices else values


def max_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The greatest element of each window of the last dimension; arguments as of max_pool2d."""
    arguments = (input, kernel_size, stride, padding, dilation, ceil_mode)
    return _max_pool(1, return_indices, *arguments)


def max_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The greatest element of each window of [batch, channels, height, width].

    Args:
        input: with or without the batch; any dtype but bool.
        kernel_size: of a window, one number or one for each dimension.
        stride: how far the window moves, by default its size.
        padding: how far the first window begins before the input, at most half of its size.
        dilation: how far the elements of a window are apart.
        ceil_mode: a window that reaches beyond the end counts, too.
        return_indices: give the positions in the plane as well, int64.

    Raises:
        RuntimeError: sizes that do not fit, or nothing would be left.

    Example:
        >>> import pullback as pb
        >>> pb.nn.functional.max_pool2d(pb.arange(16.0).reshape(1, 4, 4), 2)
        tensor([[[ 5.,  7.],
                 [13., 15.]]])
    """
    arguments = (input, kernel_size, stride, padding, dilation, ceil_mode)
    return _max_pool(2, return_indices, *arguments)


def max_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The greatest element of each window of three dimensions; arguments as of max_pool2d."""
    arguments = (input, kernel_size, stride, padding, dilation, ceil_mode)
    return _max_pool(3, return_indices, *arguments)


def _sizes(name: str, dims: int, input: Tensor, output_size: Any) -> Any:
    """With the sizes of the input in the places of None."""
    _arguments.tensors(name, input=input)
    if not isinstance(output_size, (tuple, list)):
        _arguments.integers(name, output_size=output_size)
        return output_size
    if input.dim() <= len(output_size):
        raise ValueError(
            f"{name}: Input dimension should be at least {len(output_size) + 1}: got {input.dim()}"
        )
    if len(output_size) != dims:
        return output_size
    last = input.shape[-dims:]
    return [n if s is None else s for s, n in zip(output_size, last, strict=True)]


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The means of equal parts: the last two dimensions get ``output_size``, None keeps one.

    Example:
        >>> import pullback as pb
        >>> pb.nn.functional.adaptive_avg_pool2d(pb.arange(16.0).reshape(1, 4, 4), 1)
        tensor([[[7.5000]]])
    """
    return _adaptive_avg[1](input, _sizes("adaptive_avg_pool2d", 2, input, output_size))


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """The means of equal parts of the last three dimensions."""
    return _adaptive_avg[2](input, _sizes("adaptive_avg_pool3d", 3, input, output_size))


def _adaptive_max_pool(dims: int, input: Tensor, output_size: Any, return_indices: bool) -> Any:
    name = f"adaptive_max_pool{dims}d"
    _arguments.bools(name, return_indices=return_indices)
    values, indices = _adaptive_max[dims - 1](input, _sizes(name, dims, input, output_size))
    return (values, indices) if return_indices else values


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The greatest elements of equal parts of the last dimension."""
    return _adaptive_max_pool(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The greatest elements of equal parts of the last two dimensions."""
    return _adaptive_max_pool(2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The greatest elements of equal parts of the last three dimensions."""
    return _adaptive_max_pool(3, input, output_size, return_indices)


def _spread(name: str, what: str, value: Any, dims: int) -> list[int]:
    _arguments.sizes(name, **{what: value})
    values = list(value) if isinstance(value, (tuple, list)) else [value] * dims
    if len(values) != dims:
        raise ValueError(f"{name}: {what} must be one number or {dims}: got {len(values)}")
    return values


def _lp_pool(
    dims: int, input: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool
) -> Tensor:
    name = f"lp_pool{dims}d"
    _arguments.tensors(name, input=input)
    _arguments.numbers(name, norm_type=norm_type)
    _arguments.sizes(name, kernel_size=kernel_size)
    _arguments.maybe(_arguments.sizes, name, stride=stride)
    _arguments.bools(name, ceil_mode=ceil_mode)
    sizes = _spread(name, "kernel_size", kernel_size, dims)
    if math.isinf(norm_type):
        sign = math.copysign(1, norm_type)
        pooled: Tensor = _max_pool(dims, False, sign * input.abs(), sizes, stride, 0, 1, ceil_mode)
        return sign * pooled
    steps = () if stride is None else stride
    means = _avg[dims - 1](input.pow(norm_type), sizes, steps, 0, ceil_mode)
    powers = pb.sign(means) * pb.relu(pb.abs(means)) * math.prod(sizes)
    return powers.pow(1.0 / norm_type)


def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The ``norm_type``-th root of the sum of powers in each window of the last dimension."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The same of the last two dimensions."""
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The same of the last three dimensions."""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


def _max_unpool(
    dims: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    output_size: Any,
) -> Tensor:
    name = f"max_unpool{dims}d"
    _arguments.tensors(name, input=input, indices=indices)
    kernel = _spread(name, "kernel_size", kernel_size, dims)
    steps = kernel if stride is None else _spread(name, "stride", stride, dims)
    pads = _spread(name, "padding", padding, dims)
    if input.dim() not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"{name}: expected {dims + 1} or {dims + 2} dimensions: got an input of size "
            f"{tuple(input.shape)}"
        )
    if input.shape != indices.shape:
        raise RuntimeError(
            f"{name}: expected shape of indices to be that of the input: got "
            f"{tuple(indices.shape)} and {tuple(input.shape)}"
        )
    if indices.dtype != pb.int64:
        raise RuntimeError(
            f"{name}: elements in indices should be type int64 but got: {indices.dtype}"
        )
    last = input.shape[-dims:]
    sizes = [(n - 1) * s + k - 2 * p for n, s, k, p in zip(last, steps, kernel, pads, strict=True)]
    if output_size is not None:
        _arguments.sized(name, output_size=output_size)
        if len(output_size) not in (dims, dims + 2):
            raise ValueError(
                f"{name}: output_size should be a sequence containing {dims} or {dims + 2} "
                f"elements, but it has a length of {len(output_size)}"
            )
        wanted = list(output_size)[-dims:]
        for n, size, step in zip(wanted, sizes, steps, strict=True):
            if not size - step < n < size + step:
                raise ValueError(
                    f"{name}: invalid output_size {list(output_size)}: got {n}, expected more than "
                    f"{size - step} and less than {size + step}"
                )
        sizes = wanted
    lead = input.shape[:-dims]
    if min(sizes) < 0:
        raise ValueError(f"{name}: output_size must not be negative: got {sizes}")
    places = pb.zeros(*lead, math.prod(sizes), dtype=input.dtype)
    flat = (*lead, math.prod(last))
    filled = places.scatter(-1, indices.reshape(flat), input.reshape(flat))
    return filled.reshape(*lead, *sizes)


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """The reverse of ``max_pool1d``: maxima at their positions among zeros."""
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """The reverse of ``max_pool2d``: maxima at their positions among zeros."""
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """The reverse of ``max_pool3d``: maxima at their positions among zeros."""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)
