"""Reductions of what a mask shows."""

from __future__ import annotations

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback.masked._mask import (
    INF,
    Dims,
    check,
    dimensions,
    greatest,
    least,
    one_dimension,
    shown,
    whole_mask,
)

# Integers that sums and products count in int64.
_COUNTED = (pb.bool, pb.uint8, pb.int8, pb.int16, pb.int32)


def _counted(input: Tensor, dtype: pb.dtype | None) -> pb.dtype:
    if dtype is not None:
        return dtype
    return pb.int64 if input.dtype in _COUNTED else input.dtype


@_core._overridable
def sum(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: pb.dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The sums of what the mask shows; 0 where it shows nothing.

    Args:
        input: any tensor.
        dim: the dimensions that are summed over; all, if left out.
        keepdim: whether these stay, with one position.
        dtype: of the result; that of the input, or int64.
        mask: bools that broadcast to the shape of the input: True shows an element.

    Raises:
        IndexError: there is no such dimension, or the mask has more dimensions than the input.
        RuntimeError: a dimension is given twice, or the mask does not fit.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> pb.masked.sum(x, 1, mask=pb.tensor([True, False]))
        tensor([1., 3.])
    """
    check("sum", input, mask, dtype, keepdim)
    dims = dimensions("sum", dim, input.ndim)
    return pb.sum(shown(input, mask, 0), dims, bool(keepdim), dtype=_counted(input, dtype))


@_core._overridable
def prod(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: pb.dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The products of what the mask shows; 1 where it shows nothing. Arguments as of ``sum``.

    Example:
        >>> import pullback as pb
        >>> pb.masked.prod(pb.tensor([2.0, 3.0, 4.0]), mask=pb.tensor([True, False, True]))
        tensor(8.)
    """
    check("prod", input, mask, dtype, keepdim)
    dims = dimensions("prod", dim, input.ndim)
    found = shown(input, mask, 1).to(_counted(input, dtype))
    for each in reversed(dims if input.ndim else []):
        found = found.prod(each, bool(keepdim))
    return found


@_core._overridable
def amax(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: pb.dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The greatest of what the mask shows; the least number of the dtype where it shows nothing.

    Arguments as of ``sum``; the result has the dtype of the input.

    Raises:
        TypeError: there is a mask, and the input is complex.
        NotImplementedError: there is a mask, and the input is of bools.

    Example:
        >>> import pullback as pb
        >>> pb.masked.amax(pb.tensor([1.0, 9.0, 3.0]), mask=pb.tensor([True, False, True]))
        tensor(3.)
    """
    check("amax", input, mask, dtype, keepdim)
    visible = input if mask is None else shown(input, mask, least("amax", input))
    found = pb.amax(visible, dimensions("amax", dim, input.ndim), bool(keepdim))
    return found if dtype is None else found.to(dtype)


@_core._overridable
def amin(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: pb.dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The least of what the mask shows; the greatest number of the dtype where it shows nothing.

    Example:
        >>> import pullback as pb
        >>> pb.masked.amin(pb.tensor([1.0, 0.0, 3.0]), mask=pb.tensor([True, False, True]))
        tensor(1.)
    """
    check("amin", input, mask, dtype, keepdim)
    visible = input if mask is None else shown(input, mask, greatest("amin", input))
    found = pb.amin(visible, dimensions("amin", dim, input.ndim), bool(keepdim))
    return found if dtype is None else found.to(dtype)


@_core._overridable
def argmax(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool | None = False,
    dtype: pb.dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Where the greatest of what the mask shows is.

    Example:
        >>> import pullback as pb
        >>> pb.masked.argmax(pb.tensor([1.0, 9.0, 3.0]), mask=pb.tensor([True, False, True]))
        tensor(2)
    """
    check("argmax", input, mask, dtype, keepdim)
    _arguments.maybe(_arguments.integers, "argmax", dim=dim)
    visible = input if mask is None else shown(input, mask, least("argmax", input))
    found = pb.argmax(visible, dim, bool(keepdim))
    return found if dtype is None else found.to(dtype)


@_core._overridable
def argmin(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool | None = False,
    dtype: pb.dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Where the least of what the mask shows is.

    Example:
        >>> import pullback as pb
        >>> pb.masked.argmin(pb.tensor([1.0, 0.0, 3.0]), mask=pb.tensor([True, False, True]))
        tensor(0)
    """
    check("argmin", input, mask, dtype, keepdim)
    _arguments.maybe(_arguments.integers, "argmin", dim=dim)
    visible = input if mask is None else shown(input, mask, greatest("argmin", input))
    found = pb.argmin(visible, dim, bool(keepdim))
    return found if dtype is None else found.to(dtype)


def _counts(input: Tensor, dims: list[int], keepdim: bool, mask: Tensor | None) -> Tensor:
    """How many elements are shown, as int64."""
    whole = pb.ones_like(input, dtype=pb.bool) if mask is None else whole_mask(input, mask)
    return whole.sum(dims, keepdim)


@_core._overridable
def mean(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: pb.dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The mean of what the mask shows; NaN where it shows nothing. Arguments as of ``sum``.

    Raises:
        ValueError: the result would have integers.

    Example:
        >>> import pullback as pb
        >>> pb.masked.mean(pb.tensor([1.0, 9.0, 3.0]), mask=pb.tensor([True, False, True]))
        tensor(2.)
    """
    check("mean", input, mask, dtype, keepdim)
    kind = input.dtype if dtype is None else dtype
    if not (kind.is_floating_point or kind.is_complex):
        raise ValueError(
            "mean(): Could not infer output dtype. Dtype must be either a floating point or "
            f"complex dtype. Got: {kind}"
        )
    dims = dimensions("mean", dim, input.ndim)
    total = pb.sum(shown(input, mask, 0), dims, bool(keepdim), dtype=kind)
    return total / _counts(input, dims, bool(keepdim), mask)


@_core._overridable
def median(
    input: Tensor,
    dim: int = -1,
    *,
    keepdim: bool = False,
    dtype: pb.dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The lower median of what the mask shows, without NaN; NaN where it shows nothing.

    Raises:
        ValueError: integers of which the mask shows none.

    Example:
        >>> import pullback as pb
        >>> pb.masked.median(pb.tensor([1.0, 9.0, 3.0]), mask=pb.tensor([True, False, True]))
        tensor(1.)
    """
    check("median", input, mask, dtype, keepdim)
    at = one_dimension("median", dim, input.ndim)
    exact = input.is_floating_point()
    numbers = input if exact else input.to(pb.float32)
    found = pb.nanmedian(shown(numbers, mask, float("nan")), at, keepdim)[0]
    if exact:
        return found
    if bool(found.isnan().any()):
        raise ValueError(
            "masked median expects no fully masked out rows if dtype is not floating point"
        )
    return found.to(input.dtype if dtype is None else dtype)


@_core._overridable
def logsumexp(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: pb.dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """``log(sum(exp(x)))`` of what the mask shows; -inf where it shows nothing.

    Example:
        >>> import pullback as pb
        >>> pb.masked.logsumexp(pb.tensor([0.0, 9.0, 0.0]), mask=pb.tensor([True, False, True]))
        tensor(0.6931)
    """
    check("logsumexp", input, mask, dtype, keepdim)
    dims = dimensions("logsumexp", dim, input.ndim)
    hidden = -INF if input.is_complex() else least("logsumexp", input) if mask is not None else 0
    found = pb.logsumexp(shown(input, mask, hidden), dims, keepdim)
    return found.to(input.dtype if dtype is None else dtype)


@_core._overridable
def norm(
    input: Tensor,
    ord: float | None = 2.0,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: pb.dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The norms, of any order, of the vectors of what the mask shows; 0 where it shows nothing.

    Of order ``-inf`` they are infinite there. Arguments as of ``sum``.

    Example:
        >>> import pullback as pb
        >>> pb.masked.norm(pb.tensor([3.0, 9.0, 4.0]), mask=pb.tensor([True, False, True]))
        tensor(5.)
    """
    check("norm", input, mask, dtype, keepdim)
    _arguments.maybe(_arguments.numbers, "norm", ord=ord)
    order = 2.0 if ord is None else ord
    visible = shown(input, mask, INF if order == -INF else 0)
    dims = dimensions("norm", dim, input.ndim)
    return pb.linalg.vector_norm(visible, order, dims, bool(keepdim), dtype=dtype)


def _variance(
    function: str,
    input: Tensor,
    dim: Dims,
    unbiased: bool | None,
    correction: float | None,
    keepdim: bool | None,
    dtype: pb.dtype | None,
    mask: Tensor | None,
) -> Tensor:
    check(function, input, mask, dtype, keepdim)
    _arguments.maybe(_arguments.flags, function, unbiased=unbiased)
    _arguments.maybe(_arguments.numbers, function, correction=correction)
    if unbiased is not None and correction is not None:
        raise AssertionError(f"{function}: Only one of unbiased and correction may be given")
    less = float(correction if correction is not None else unbiased is not False)
    kind = input.dtype if dtype is None else dtype
    result = kind
    if not (kind.is_floating_point or kind.is_complex):
        kind = pb.float32
        result = kind if dtype is None else dtype
    dims = dimensions(function, dim, input.ndim)
    count = _counts(input, dims, True, mask)
    visible = shown(input, mask, 0).to(kind)
    apart = shown(visible - visible.sum(dims, True) / count, mask, 0)
    total = (apart * apart.conj()).sum(dims, bool(keepdim))
    free = pb.clamp(count.reshape(total.shape) - less, min=0)
    return (total / free).to(result)


@_core._overridable
def var(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool | None = False,
    dtype: pb.dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The variances of what the mask shows, over the number of elements less ``correction`` (1).

    Args:
        input: any tensor.
        dim: the dimensions that are reduced; all, if left out.
        unbiased: the old form: True is a correction of 1, False of 0.
        correction: what is taken from the number of elements.
        keepdim: whether the dimensions stay, with one position.
        dtype: of the result.
        mask: bools that broadcast to the shape of the input: True shows an element.

    Raises:
        AssertionError: both forms of the correction are given.

    Example:
        >>> import pullback as pb
        >>> pb.masked.var(pb.tensor([1.0, 9.0, 3.0]), mask=pb.tensor([True, False, True]))
        tensor(2.)
    """
    return _variance("var", input, dim, unbiased, correction, keepdim, dtype, mask)


@_core._overridable
def std(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool | None = False,
    dtype: pb.dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The square roots of ``var``.

    Example:
        >>> import pullback as pb
        >>> pb.masked.std(pb.tensor([1.0, 9.0, 3.0]), mask=pb.tensor([True, False, True]))
        tensor(1.4142)
    """
    return _variance("std", input, dim, unbiased, correction, keepdim, dtype, mask).sqrt()
