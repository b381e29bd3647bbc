"""Reductions and normalisations of the elements that a mask shows, under PyTorch's names.

Compositions of recorded operators: what the mask hides becomes the number that the operation does
not notice, so values there, also NaN, reach neither results nor gradients. Start reading at
``_shown``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pullback as pb
from pullback import Tensor, _arguments, _core

__all__ = [
    "amax",
    "amin",
    "argmax",
    "argmin",
    "cumprod",
    "cumsum",
    "log_softmax",
    "logaddexp",
    "logsumexp",
    "mean",
    "median",
    "norm",
    "normalize",
    "prod",
    "softmax",
    "softmin",
    "std",
    "sum",
    "var",
]

_Dims: TypeAlias = int | Sequence[int] | None
_INF = float("inf")
# Integers that sums and products count in int64.
_COUNTED = (pb.bool, pb.uint8, pb.int8, pb.int16, pb.int32)


def _checked(
    function: str, input: Any, mask: Any, dtype: Any, keepdim: Any = False, which: str = "mask"
) -> None:
    _arguments.tensors(function, input=input)
    _arguments.maybe(_arguments.tensors, function, **{which: mask})
    _arguments.maybe(_arguments.flags, function, keepdim=keepdim)
    if dtype is not None and not isinstance(dtype, pb.dtype):
        _arguments.refuse(function, "dtype", "torch.dtype", dtype)


def _dims(function: str, dim: Any, ndim: int) -> list[int]:
    """The dimensions that are meant, counted from the front and in order."""
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return list(range(ndim))
    _arguments.sizes(function, dim=dim)
    most = max(ndim, 1)
    found: list[int] = []
    for each in dim if isinstance(dim, (tuple, list)) else [dim]:
        if not -most <= each < most:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-most}, {most - 1}], but "
                f"got {each})"
            )
        if each % most in found:
            raise RuntimeError(f"dim={each} appears multiple times in the list of dims")
        found.append(each % most)
    return sorted(found)


def _one(function: str, dim: Any, ndim: int) -> int:
    _arguments.integers(function, dim=dim)
    return _dims(function, dim, ndim)[0]


def _whole(input: Tensor, mask: Tensor) -> Tensor:
    """The mask as bools, of the shape of the input."""
    if mask.ndim > input.ndim:
        raise IndexError(
            f"a mask has at most the dimensions of what it hides: got a mask of {mask.ndim} "
            f"dimensions, expected broadcastable mask of at most {input.ndim}"
        )
    return mask.bool().broadcast_to(input.shape)


def _shown(input: Tensor, mask: Tensor | None, hidden: float) -> Tensor:
    """The input with one number in place of all that the mask hides."""
    if mask is None:
        return input
    if input.dtype == pb.bool:
        return pb.where(_whole(input, mask), input, bool(hidden))
    return pb.where(_whole(input, mask), input, pb.tensor(hidden, dtype=input.dtype))


def _least(function: str, input: Tensor) -> float:
    """The number below all others of the dtype."""
    if input.is_floating_point():
        return -_INF
    if input.is_complex():
        raise TypeError(f"{function}: complex numbers have no order, got {input.dtype}")
    if input.dtype == pb.bool:
        raise NotImplementedError(f"identity of {function} on {input.dtype} input")
    return pb.iinfo(input.dtype).min


def _greatest(function: str, input: Tensor) -> float:
    """The number above all others of the dtype."""
    if input.is_floating_point() or input.is_complex() or input.dtype == pb.bool:
        return -_least(function, input)
    return pb.iinfo(input.dtype).max


def _counted(input: Tensor, dtype: pb.dtype | None) -> pb.dtype:
    if dtype is not None:
        return dtype
    return pb.int64 if input.dtype in _COUNTED else input.dtype


@_core._overridable
def sum(
    input: Tensor,
    dim: _Dims = None,
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
    _checked("sum", input, mask, dtype, keepdim)
    dims = _dims("sum", dim, input.ndim)
    return pb.sum(_shown(input, mask, 0), dims, bool(keepdim), dtype=_counted(input, dtype))


@_core._overridable
def prod(
    input: Tensor,
    dim: _Dims = None,
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
    _checked("prod", input, mask, dtype, keepdim)
    dims = _dims("prod", dim, input.ndim)
    found = _shown(input, mask, 1).to(_counted(input, dtype))
    for each in reversed(dims if input.ndim else []):
        found = found.prod(each, bool(keepdim))
    return found


@_core._overridable
def cumsum(
    input: Tensor, dim: int, *, dtype: pb.dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """Running sums, to which what the mask hides adds nothing.

    Example:
        >>> import pullback as pb
        >>> pb.masked.cumsum(pb.tensor([1.0, 2.0, 3.0]), 0, mask=pb.tensor([True, False, True]))
        tensor([1., 1., 4.])
    """
    _checked("cumsum", input, mask, dtype)
    at = _one("cumsum", dim, input.ndim)
    kind = input.dtype if dtype is None else dtype
    return pb.cumsum(_shown(input, mask, 0), at, dtype=kind)


@_core._overridable
def cumprod(
    input: Tensor, dim: int, *, dtype: pb.dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """Running products, which what the mask hides leaves as they are.

    Example:
        >>> import pullback as pb
        >>> pb.masked.cumprod(pb.tensor([2.0, 3.0, 4.0]), 0, mask=pb.tensor([True, False, True]))
        tensor([2., 2., 8.])
    """
    _checked("cumprod", input, mask, dtype)
    at = _one("cumprod", dim, input.ndim)
    kind = input.dtype if dtype is None else dtype
    return pb.cumprod(_shown(input, mask, 1), at, dtype=kind)


@_core._overridable
def amax(
    input: Tensor,
    dim: _Dims = None,
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
    _checked("amax", input, mask, dtype, keepdim)
    shown = input if mask is None else _shown(input, mask, _least("amax", input))
    found = pb.amax(shown, _dims("amax", dim, input.ndim), bool(keepdim))
    return found if dtype is None else found.to(dtype)


@_core._overridable
def amin(
    input: Tensor,
    dim: _Dims = None,
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
    _checked("amin", input, mask, dtype, keepdim)
    shown = input if mask is None else _shown(input, mask, _greatest("amin", input))
    found = pb.amin(shown, _dims("amin", dim, input.ndim), bool(keepdim))
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
    _checked("argmax", input, mask, dtype, keepdim)
    _arguments.maybe(_arguments.integers, "argmax", dim=dim)
    shown = input if mask is None else _shown(input, mask, _least("argmax", input))
    found = pb.argmax(shown, dim, bool(keepdim))
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
    _checked("argmin", input, mask, dtype, keepdim)
    _arguments.maybe(_arguments.integers, "argmin", dim=dim)
    shown = input if mask is None else _shown(input, mask, _greatest("argmin", input))
    found = pb.argmin(shown, dim, bool(keepdim))
    return found if dtype is None else found.to(dtype)


def _counts(input: Tensor, dims: list[int], keepdim: bool, mask: Tensor | None) -> Tensor:
    """How many elements are shown, as int64."""
    whole = pb.ones_like(input, dtype=pb.bool) if mask is None else _whole(input, mask)
    return whole.sum(dims, keepdim)


@_core._overridable
def mean(
    input: Tensor,
    dim: _Dims = None,
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
    _checked("mean", input, mask, dtype, keepdim)
    kind = input.dtype if dtype is None else dtype
    if not (kind.is_floating_point or kind.is_complex):
        raise ValueError(
            "mean(): Could not infer output dtype. Dtype must be either a floating point or "
            f"complex dtype. Got: {kind}"
        )
    dims = _dims("mean", dim, input.ndim)
    total = pb.sum(_shown(input, mask, 0), dims, bool(keepdim), dtype=kind)
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
    _checked("median", input, mask, dtype, keepdim)
    at = _one("median", dim, input.ndim)
    exact = input.is_floating_point()
    numbers = input if exact else input.to(pb.float32)
    found = pb.nanmedian(_shown(numbers, mask, float("nan")), at, keepdim)[0]
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
    dim: _Dims = None,
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
    _checked("logsumexp", input, mask, dtype, keepdim)
    dims = _dims("logsumexp", dim, input.ndim)
    hidden = -_INF if input.is_complex() else _least("logsumexp", input) if mask is not None else 0
    found = pb.logsumexp(_shown(input, mask, hidden), dims, keepdim)
    return found.to(input.dtype if dtype is None else dtype)


@_core._overridable
def logaddexp(
    input: Tensor,
    other: Tensor,
    *,
    dtype: pb.dtype | None = None,
    input_mask: Tensor | None = None,
    other_mask: Tensor | None = None,
) -> Tensor:
    """``log(exp(input) + exp(other))`` of what the masks show; -inf where both hide.

    Example:
        >>> import pullback as pb
        >>> x, shown = pb.zeros(2), pb.tensor([True, False])
        >>> pb.masked.logaddexp(x, x, input_mask=shown)
        tensor([0.6931, 0.0000])
    """
    _checked("logaddexp", input, input_mask, dtype, which="input_mask")
    _arguments.tensors("logaddexp", other=other)
    _arguments.maybe(_arguments.tensors, "logaddexp", other_mask=other_mask)
    one = input if input_mask is None else _shown(input, input_mask, _least("logaddexp", input))
    two = other if other_mask is None else _shown(other, other_mask, _least("logaddexp", other))
    return pb.logaddexp(one, two).to(input.dtype if dtype is None else dtype)


@_core._overridable
def norm(
    input: Tensor,
    ord: float | None = 2.0,
    dim: _Dims = None,
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
    _checked("norm", input, mask, dtype, keepdim)
    _arguments.maybe(_arguments.numbers, "norm", ord=ord)
    order = 2.0 if ord is None else ord
    shown = _shown(input, mask, _INF if order == -_INF else 0)
    dims = _dims("norm", dim, input.ndim)
    return pb.linalg.vector_norm(shown, order, dims, bool(keepdim), dtype=dtype)


def _variance(
    function: str,
    input: Tensor,
    dim: _Dims,
    unbiased: bool | None,
    correction: float | None,
    keepdim: bool | None,
    dtype: pb.dtype | None,
    mask: Tensor | None,
) -> Tensor:
    _checked(function, input, mask, dtype, keepdim)
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
    dims = _dims(function, dim, input.ndim)
    count = _counts(input, dims, True, mask)
    shown = _shown(input, mask, 0).to(kind)
    apart = _shown(shown - shown.sum(dims, True) / count, mask, 0)
    total = (apart * apart.conj()).sum(dims, bool(keepdim))
    free = pb.clamp(count.reshape(total.shape) - less, min=0)
    return (total / free).to(result)


@_core._overridable
def var(
    input: Tensor,
    dim: _Dims = None,
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
    dim: _Dims = None,
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


def _normal(
    function: str,
    operator: Callable[..., Tensor],
    hidden: Callable[[str, Tensor], float],
    input: Tensor,
    dim: int,
    dtype: pb.dtype | None,
    mask: Tensor | None,
) -> Tensor:
    _checked(function, input, mask, dtype)
    at = _one(function, dim, input.ndim)
    shown = input if mask is None else _shown(input, mask, hidden(function, input))
    return operator(shown, at, dtype=input.dtype if dtype is None else dtype)


@_core._overridable
def softmax(
    input: Tensor, dim: int, *, dtype: pb.dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """``exp(x) / sum(exp(x))`` along a dimension, of what the mask shows; 0 where it hides.

    Lines of which it shows nothing are NaN; no gradient comes from them.

    Args:
        input: floating-point numbers.
        dim: the dimension.
        dtype: of the result.
        mask: bools that broadcast to the shape of the input: True shows an element.

    Example:
        >>> import pullback as pb
        >>> pb.masked.softmax(pb.tensor([1.0, 9.0, 1.0]), 0, mask=pb.tensor([True, False, True]))
        tensor([0.5000, 0.0000, 0.5000])
    """
    return _normal("softmax", pb.softmax, _least, input, dim, dtype, mask)


@_core._overridable
def log_softmax(
    input: Tensor, dim: int, *, dtype: pb.dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """The logarithms of ``softmax``: -inf where the mask hides.

    Example:
        >>> import pullback as pb
        >>> pb.masked.log_softmax(pb.zeros(3), 0, mask=pb.tensor([True, False, True]))
        tensor([-0.6931,    -inf, -0.6931])
    """
    return _normal("log_softmax", pb.log_softmax, _least, input, dim, dtype, mask)


@_core._overridable
def softmin(
    input: Tensor, dim: int, *, dtype: pb.dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """``softmax`` of the negatives.

    Example:
        >>> import pullback as pb
        >>> pb.masked.softmin(pb.zeros(3), 0, mask=pb.tensor([True, False, True]))
        tensor([0.5000, 0.0000, 0.5000])
    """
    operator = pb.nn.functional.softmin
    return _normal("softmin", operator, _greatest, input, dim, dtype, mask)


@_core._overridable
def normalize(
    input: Tensor,
    ord: float,
    dim: int,
    *,
    eps: float = 1e-12,
    dtype: pb.dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """What the mask shows over its norm along a dimension, or over ``eps``; 0 where it hides.

    Example:
        >>> import pullback as pb
        >>> shown = pb.tensor([True, False, True])
        >>> pb.masked.normalize(pb.tensor([3.0, 9.0, 4.0]), 2.0, 0, mask=shown)
        tensor([0.6000, 0.0000, 0.8000])
    """
    _checked("normalize", input, mask, dtype)
    _arguments.numbers("normalize", ord=ord, eps=eps)
    length = norm(
        input, ord, _one("normalize", dim, input.ndim), keepdim=True, dtype=dtype, mask=mask
    )
    return _shown(input, mask, 0) / length.clamp(min=eps)


def __getattr__(name: str) -> object:
    from pullback._missing import of_module

    raise AttributeError(of_module(__name__, name))
