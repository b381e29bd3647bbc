"""What keeps the shape: running sums, ``softmax`` and its kind, of what a mask shows."""

from __future__ import annotations

from collections.abc import Callable

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback.masked._mask import check, greatest, least, one_dimension, shown
from pullback.masked._reductions import norm


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
    check("cumsum", input, mask, dtype)
    at = one_dimension("cumsum", dim, input.ndim)
    kind = input.dtype if dtype is None else dtype
    return pb.cumsum(shown(input, mask, 0), at, dtype=kind)


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
    check("cumprod", input, mask, dtype)
    at = one_dimension("cumprod", dim, input.ndim)
    kind = input.dtype if dtype is None else dtype
    return pb.cumprod(shown(input, mask, 1), at, dtype=kind)


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
    check("logaddexp", input, input_mask, dtype, which="input_mask")
    _arguments.tensors("logaddexp", other=other)
    _arguments.maybe(_arguments.tensors, "logaddexp", other_mask=other_mask)
    one = input if input_mask is None else shown(input, input_mask, least("logaddexp", input))
    two = other if other_mask is None else shown(other, other_mask, least("logaddexp", other))
    return pb.logaddexp(one, two).to(input.dtype if dtype is None else dtype)


def _normal(
    function: str,
    operator: Callable[..., Tensor],
    hidden: Callable[[str, Tensor], float],
    input: Tensor,
    dim: int,
    dtype: pb.dtype | None,
    mask: Tensor | None,
) -> Tensor:
    check(function, input, mask, dtype)
    at = one_dimension(function, dim, input.ndim)
    visible = input if mask is None else shown(input, mask, hidden(function, input))
    return operator(visible, at, dtype=input.dtype if dtype is None else dtype)


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
    return _normal("softmax", pb.softmax, least, input, dim, dtype, mask)


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
    return _normal("log_softmax", pb.log_softmax, least, input, dim, dtype, mask)


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
    return _normal("softmin", operator, greatest, input, dim, dtype, mask)


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
    check("normalize", input, mask, dtype)
    _arguments.numbers("normalize", ord=ord, eps=eps)
    at = one_dimension("normalize", dim, input.ndim)
    length = norm(input, ord, at, keepdim=True, dtype=dtype, mask=mask)
    return shown(input, mask, 0) / length.clamp(min=eps)
