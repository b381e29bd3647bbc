"""``make_tensor``: a tensor of random values for a test."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core

__all__ = ["make_tensor"]

_INTEGERS = (pb.uint8, pb.int8, pb.int16, pb.int32, pb.int64)
_COMPLEX = (pb.complex64, pb.complex128)
_FLOATS = (pb.float16, pb.bfloat16, pb.float32, pb.float64, *_COMPLEX)


def _bounds(low: float | None, high: float | None, dtype: Any) -> tuple[float, float]:
    """The interval of the values: what was asked for, cut to what the dtype can hold."""
    is_integer = dtype in _INTEGERS
    if dtype is pb.bool:
        lowest, highest, usual = 0.0, 2.0, (0.0, 2.0)
    elif is_integer:
        info = pb.iinfo(dtype)
        lowest, highest = info.min, info.max + (dtype is not pb.int64)
        usual = (0.0 if dtype is pb.uint8 else -9.0, 10.0)
    else:
        lowest, highest = pb.finfo(dtype).min, pb.finfo(dtype).max
        usual = (-9.0, 9.0)
    begin = usual[0] if low is None else low
    end = usual[1] if high is None else high
    if math.isnan(begin) or math.isnan(end):
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={begin} and high={end}")
    if begin == end and dtype in _FLOATS:
        _core._warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is "
            "deprecated since 2.1 and will be removed in 2.3. Use `torch.full(...)` instead.",
            FutureWarning,
        )
    elif begin >= end:
        raise ValueError(f"`low` must be less than `high`, but got {begin} >= {end}")
    elif (high is not None and end < lowest) or (low is not None and begin >= highest):
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{begin}, {end}), but "
            f"{dtype} only supports [{lowest}, {highest})"
        )
    begin, end = max(begin, lowest), min(end, highest)
    return (math.ceil(begin), math.ceil(end)) if is_integer or dtype is pb.bool else (begin, end)


def make_tensor(
    *shape: Any,
    dtype: Any,
    device: Any,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of uniform random values; PyTorch's for the same seed.

    Args:
        shape: sizes, or one sequence of them.
        dtype: of the tensor.
        device: "cpu".
        low: the smallest value; by default -9, 0 for uint8 and bool.
        high: the end of the interval; by default 9 for floating dtypes, 10 for integers. Both
            parts of complex values are drawn from it.
        requires_grad: whether the tensor is a leaf that requires a gradient.
        noncontiguous: every second element of a tensor twice as large.
        exclude_zero: zeros become 1, or the smallest positive number.
        memory_format: of the tensor.

    Raises:
        ValueError: an empty interval, NaN as a bound, or an interval that the dtype does not have;
            a gradient of integers; two demands that exclude each other.
        TypeError: another dtype.

    Example:
        >>> import pullback as pb
        >>> x = pb.testing.make_tensor(2, 3, dtype=pb.float32, device="cpu", low=0, high=1)
        >>> x.shape, bool((x >= 0).all())
        (torch.Size([2, 3]), True)
    """
    if dtype not in _INTEGERS and dtype not in _FLOATS and dtype is not pb.bool:
        raise TypeError(
            f"The requested dtype '{dtype}' is not supported by torch.testing.make_tensor(). "
            "There are float16, bfloat16, float32, float64, complex64, complex128, int8, int16, "
            "int32, int64, uint8, bool."
        )
    _arguments.flags(
        "make_tensor",
        requires_grad=requires_grad,
        noncontiguous=noncontiguous,
        exclude_zero=exclude_zero,
    )
    sizes = shape[0] if len(shape) == 1 and not hasattr(shape[0], "__index__") else shape
    sizes = tuple(sizes)
    if requires_grad and dtype not in _FLOATS:
        raise ValueError(
            "`requires_grad=True` is not supported for boolean and integral dtypes, but got "
            f"dtype={dtype}"
        )
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"noncontiguous={noncontiguous} and memory_format={memory_format}"
        )
    begin, end = _bounds(low, high, dtype)
    spread = noncontiguous and math.prod(sizes) > 1
    if spread:
        sizes = (*sizes[:-1], 2 * sizes[-1])
    if dtype in _FLOATS:
        made = pb.empty(sizes, dtype=dtype, device=device)
        parts = pb.view_as_real(made) if dtype in _COMPLEX else made
        if end - begin <= pb.finfo(dtype).max:
            parts.uniform_(begin, end)
        else:
            parts.uniform_(begin / 2, end / 2).mul_(2)
    else:
        made = pb.randint(int(begin), int(end), sizes, dtype=dtype, device=device)
    if spread:
        made = made[..., 1::2]
    elif memory_format is not None:
        made = made.clone(memory_format=memory_format)
    if exclude_zero:
        made[made == 0] = pb.finfo(dtype).tiny if dtype in _FLOATS else 1
    return made.requires_grad_(requires_grad) if dtype in _FLOATS else made
