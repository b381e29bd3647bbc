"""Functions that are made of recorded operators: ``renorm``, ``index_reduce``, ``ldexp``, ...

They have derivatives of every order and work under the transforms because what they call does.
Arguments are checked first, in torch's words. Start reading at ``renorm``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core, _out

__all__ = [
    "as_strided_scatter",
    "index_reduce",
    "ldexp",
    "ldexp_",
    "narrow_copy",
    "nonzero_static",
    "renorm",
    "slice_copy",
    "unfold_copy",
    "unravel_index",
    "unsafe_chunk",
    "unsafe_split",
    "unsafe_split_with_sizes",
    "view_as_complex_copy",
]


@_core._overridable
def renorm(
    input: Tensor, p: float, dim: int, maxnorm: float, *, out: Tensor | None = None
) -> Tensor:
    """A copy whose slices along a dimension are made shorter where their norm is too large.

    Args:
        input: at least two dimensions.
        p: the order of the norm, above 0.
        dim: the dimension whose positions are the slices.
        maxnorm: the greatest norm that is left.
        out: where the result is written, of its dtype.

    Raises:
        RuntimeError: the order or the norm is negative, or there are fewer dimensions.

    Example:
        >>> import pullback as pb
        >>> pb.renorm(pb.tensor([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1.0)
        tensor([[0.6000, 0.8000],
                [0.3000, 0.4000]])
    """
    _arguments.tensors("renorm", input=input)
    _arguments.numbers("renorm", p=p, maxnorm=maxnorm)
    _arguments.whole("renorm", dim=dim)
    if not p > 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if not maxnorm >= 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if input.ndim < 2:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions"
        )
    at = _arguments.wrapped(dim, input.ndim)
    others = [d for d in range(input.ndim) if d != at]
    _out.check("renorm", out, input, dtype=input.dtype)
    norm = pb.linalg.vector_norm(input, p, others, keepdim=True)
    factor = pb.where(norm > maxnorm, maxnorm / (norm + 1e-7), pb.ones_like(norm))
    return _out.write(input * factor, out)


def _slices(
    name: str, input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str
) -> tuple[Tensor, int, Tensor, Tensor]:
    """What scatter_reduce takes, after torch's checks; an input of no dimensions has one."""
    _arguments.tensors(name, input=input, index=index, source=source)
    _arguments.whole(name, dim=dim)
    _arguments.texts(name, reduce=reduce)
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    at = _arguments.wrapped(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError("index_reduce_(): Index is supposed to be a vector")
    if index.dtype not in (pb.int32, pb.int64):
        raise RuntimeError(
            f"index_reduce_(): Expected dtype int32/int64 for index but got: {index.dtype}"
        )
    if input.dtype != source.dtype:
        raise RuntimeError(
            f"index_reduce_(): self ({input.dtype}) and source ({source.dtype}) must have the "
            "same scalar type"
        )
    length = source.shape[at] if at < source.ndim else 1
    if length != index.numel():
        raise RuntimeError(
            f"index_reduce_(): Number of indices ({index.numel()}) should be equal to "
            f"source.size(dim): ({length}), for dim: {at}"
        )
    if _without(source.shape, at) != _without(input.shape, at) or source.ndim != input.ndim:
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(input.shape)} source.shape = {list(source.shape)}"
        )
    if input.ndim == 0:
        input, source = input.view(1), source.view(1)
    # The selection is the index itself, and looks for positions that are out of range.
    places = pb.arange(input.shape[at]).index_select(0, index.reshape(-1))
    shape = [-1 if d == at else 1 for d in range(source.ndim)]
    return input, at, places.reshape(shape).expand(source.shape), source


def _without(shape: Sequence[int], at: int) -> list[int]:
    return [n for d, n in enumerate(shape) if d != at]


@_core._overridable
def index_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
    out: Tensor | None = None,
) -> Tensor:
    """A copy with slices of a source reduced into those at the positions of a vector.

    Args:
        input: the tensor of which a copy is made.
        dim: the dimension of the slices.
        index: a vector of int32 or int64, a position for each slice of the source.
        source: of the dtype of the input, and of its shape but for the dimension of the slices.
        reduce: ``prod``, ``mean``, ``amax`` or ``amin``.
        include_self: whether the values of the input take part.
        out: where the result is written, of its dtype.

    Raises:
        RuntimeError: a dtype, a shape or the name of the reduction does not fit.
        IndexError: a position is out of range.

    Example:
        >>> import pullback as pb
        >>> pb.index_reduce(pb.ones(3), 0, pb.tensor([0, 0]), pb.tensor([2.0, 3.0]), "prod")
        tensor([6., 1., 1.])
    """
    _arguments.bools("index_reduce", include_self=include_self)
    into, at, places, slices = _slices("index_reduce", input, dim, index, source, reduce)
    _out.check("index_reduce", out, input, source, dtype=input.dtype)
    made = into.scatter_reduce(at, places, slices, reduce, include_self=include_self)
    return _out.write(made.view(input.shape) if input.ndim == 0 else made, out)


def index_reduce_(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, include_self: bool
) -> Tensor:
    """``Tensor.index_reduce_``."""
    _arguments.bools("index_reduce_", include_self=include_self)
    into, at, places, slices = _slices("index_reduce_", input, dim, index, source, reduce)
    into.scatter_reduce_(at, places, slices, reduce, include_self=include_self)
    return input


@_core._overridable
def nonzero_static(
    input: Tensor, *, size: int, fill_value: int = -1, out: Tensor | None = None
) -> Tensor:
    """The positions of ``size`` elements that are not zero, ``[size, ndim]``.

    Args:
        input: any tensor.
        size: how many rows the result has.
        fill_value: what stands in rows for which there is no element.
        out: where the result is written, int64.

    Raises:
        RuntimeError: the size is negative.

    Example:
        >>> import pullback as pb
        >>> pb.nonzero_static(pb.tensor([0, 3, 5]), size=3)
        tensor([[ 1],
                [ 2],
                [-1]])
    """
    _arguments.tensors("nonzero_static", input=input)
    _arguments.whole("nonzero_static", size=size, fill_value=fill_value)
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    _out.check("nonzero_static", out, input, dtype=pb.int64)
    found = pb.nonzero(input.detach())[:size]
    rest = pb.full((size - len(found), input.ndim), fill_value, dtype=pb.int64)
    return _out.write(pb.cat([found, rest]), out)


def _row_lengths(shape: Any) -> tuple[int, ...]:
    if isinstance(shape, int):
        return (shape,)
    if not isinstance(shape, (tuple, list)):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {type(shape)}")
    for each in shape:
        if not isinstance(each, int):
            raise TypeError(f"expected 'shape' sequence to only contain ints, but got {type(each)}")
    if any(each < 0 for each in shape):
        raise ValueError(f"'shape' cannot have negative values, but got {tuple(shape)}")
    return tuple(shape)


@_core._overridable
def unravel_index(indices: Tensor, shape: int | Sequence[int]) -> tuple[Tensor, ...]:
    """The positions in a tensor of that shape of elements that are counted row by row.

    Args:
        indices: integers; they wrap around.
        shape: the sizes.

    Returns:
        A tensor of positions for each dimension, int64.

    Raises:
        TypeError: the dtype of the indices or the shape is of another kind.
        ValueError: a size is negative.
        RuntimeError: a size is 0, and there are indices.

    Example:
        >>> import pullback as pb
        >>> pb.unravel_index(pb.tensor([5, 7]), (3, 4))
        (tensor([1, 1]), tensor([1, 3]))
    """
    _arguments.tensors("unravel_index", indices=indices)
    if indices.is_floating_point() or indices.is_complex() or indices.dtype == pb.bool:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    found = []
    below = indices.long()
    for length in reversed(_row_lengths(shape)):
        if length == 0 and indices.numel():
            raise RuntimeError(
                f"unravel_index: ZeroDivisionError: got indices of a shape without elements: "
                f"{shape}."
            )
        found.append(below % max(length, 1))
        below = below.div(max(length, 1), rounding_mode="floor")
    return tuple(reversed(found))


def _end(size: Sequence[int], stride: Sequence[int], offset: int) -> int:
    """How much memory such a part needs, counted from its beginning."""
    if 0 in size:
        return 0
    return offset + 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True))


def _with_memory(x: Tensor, needed: int) -> Tensor:
    """A copy at the same place in a copy of its memory; one has no gaps where elements share it."""
    if any(n > 1 and s == 0 for n, s in zip(x.shape, x.stride(), strict=True)):
        return x.clone()
    own = _end(x.shape, x.stride(), x.storage_offset())
    if x.storage_offset() == 0 and x.is_contiguous() and needed <= own:
        return x.clone()
    x.data_ptr()  # raises for a batched tensor, whose memory is that of all examples
    memory = x.detach().as_strided((max(own, needed),), (1,), 0).clone()
    return memory.as_strided(x.shape, x.stride(), x.storage_offset()).copy_(x)


@_core._overridable
def as_strided_scatter(
    input: Tensor,
    src: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
) -> Tensor:
    """A copy of input with src in the part of its memory that ``as_strided`` shows.

    Args:
        input: the tensor of which a copy is made.
        src: of the shape ``size``.
        size: the sizes of the part.
        stride: its strides.
        storage_offset: where it begins in the memory; where the input does, if left out.

    Returns:
        A tensor with the strides of the input, unless elements of it share memory.

    Raises:
        RuntimeError: ``src`` has another shape, or the part reaches out of the memory.

    Example:
        >>> import pullback as pb
        >>> pb.as_strided_scatter(pb.zeros(2, 2), pb.ones(2), (2,), (3,))
        tensor([[1., 0.],
                [0., 1.]])
    """
    _arguments.tensors("as_strided_scatter", input=input, src=src)
    _arguments.tuples("as_strided_scatter", size=size, stride=stride)
    _arguments.maybe(_arguments.whole, "as_strided_scatter", storage_offset=storage_offset)
    offset = input.storage_offset() if storage_offset is None else storage_offset
    whole = _with_memory(input, _end(size, stride, offset) if len(size) == len(stride) else 0)
    part = whole.as_strided(size, stride, storage_offset)
    if part.shape != src.shape:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(part.shape)}"
        )
    part.copy_(src)
    return whole


def _copy(view: Tensor, out: Tensor | None) -> Tensor:
    """The elements of a view in rows of their own, or in ``out``."""
    return _out.write(view.clone(memory_format=pb.contiguous_format), out)


@_core._overridable
def unfold_copy(
    input: Tensor, dimension: int, size: int, step: int, *, out: Tensor | None = None
) -> Tensor:
    """A copy of what ``Tensor.unfold`` shows.

    Example:
        >>> import pullback as pb
        >>> pb.unfold_copy(pb.tensor([1, 2, 3]), 0, 2, 1)
        tensor([[1, 2],
                [2, 3]])
    """
    _arguments.tensors("unfold_copy", input=input)
    _out.check("unfold_copy", out, input, dtype=input.dtype)
    return _copy(input.unfold(dimension, size, step), out)


@_core._overridable
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most ``chunks`` equal parts that may be written to; they are copies.

    Example:
        >>> import pullback as pb
        >>> pb.unsafe_chunk(pb.tensor([1, 2, 3]), 2)
        (tensor([1, 2]), tensor([3]))
    """
    _arguments.tensors("unsafe_chunk", input=input)
    return tuple(part.clone() for part in input.chunk(chunks, dim))


@_core._overridable
def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of one size that may be written to; they are copies."""
    _arguments.tensors("unsafe_split", input=input)
    return tuple(part.clone() for part in input.split(split_size, dim))


@_core._overridable
def unsafe_split_with_sizes(
    input: Tensor, split_sizes: Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """Parts of given sizes that may be written to; they are copies."""
    _arguments.tensors("unsafe_split_with_sizes", input=input)
    return tuple(part.clone() for part in input.split_with_sizes(split_sizes, dim))


@_core._overridable
def narrow_copy(
    input: Tensor, dim: int, start: int, length: int, *, out: Tensor | None = None
) -> Tensor:
    """A copy of ``length`` positions of a dimension.

    Example:
        >>> import pullback as pb
        >>> pb.narrow_copy(pb.tensor([1, 2, 3]), 0, 1, 2)
        tensor([2, 3])
    """
    _arguments.tensors("narrow_copy", input=input)
    _arguments.whole("narrow_copy", dim=dim, length=length)
    _out.check("narrow_copy", out, input, dtype=input.dtype)
    return _copy(input.narrow(dim, start, length), out)


@_core._overridable
def slice_copy(
    input: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """A copy of a slice of a dimension.

    Raises:
        RuntimeError: the step is not above 0.

    Example:
        >>> import pullback as pb
        >>> pb.slice_copy(pb.tensor([1, 2, 3]), 0, 1)
        tensor([2, 3])
    """
    _arguments.tensors("slice_copy", input=input)
    _arguments.whole("slice_copy", dim=dim, step=step)
    _arguments.maybe(_arguments.whole, "slice_copy", start=start, end=end)
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    at = _arguments.wrapped(dim, input.ndim)
    _out.check("slice_copy", out, input, dtype=input.dtype)
    return _copy(input[(slice(None),) * at + (slice(start, end, step),)], out)


@_core._overridable
def view_as_complex_copy(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A copy of pairs, along the last dimension, as complex numbers.

    Example:
        >>> import pullback as pb
        >>> pb.view_as_complex_copy(pb.tensor([1.0, 2.0]))
        tensor(1.+2.j)
    """
    _arguments.tensors("view_as_complex_copy", input=input)
    pairs = pb.view_as_complex(input)
    _out.check("view_as_complex_copy", out, input, dtype=pairs.dtype)
    return _copy(pairs, out)


def _scaled(x: Tensor, exponent: Tensor) -> Tensor:
    """``x * 2**exponent``, rounded once, also where the power alone is out of range.

    The first three factors bring x near its result, within the range, so they are exact.
    """
    top = 2 - int(math.log2(pb.finfo(x.dtype).tiny))
    own = x.detach().frexp()[1].long()
    whole = (own + exponent.detach().long().clamp(-8 * top, 8 * top)).clamp(4 - 2 * top, top + 2)
    near = whole.clamp(4 - top, top - 3)
    third = (near - own).div(3, rounding_mode="floor")
    for part in (third, third, near - own - 2 * third, whole - near):
        x = x * pb.pow(2.0, part.to(x.dtype))
    return x


@_core._overridable
def ldexp(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``input * 2**other``.

    Args:
        input: any numbers; integers count in the default dtype.
        other: the exponents, of any dtype. Where they are integers the result is exact unless it
            has to be rounded, also where the power alone is out of range.
        out: where the result is written, of a dtype that it can be cast to.

    Raises:
        RuntimeError: the result cannot be cast to the dtype of ``out``.

    Example:
        >>> import pullback as pb
        >>> pb.ldexp(pb.tensor([0.5, 3.0]), pb.tensor([1, 2]))
        tensor([ 1., 12.])
    """
    _arguments.tensors("ldexp", input=input, other=other)
    _out.check("ldexp", out, input, other, dtype=None)
    whole = not (other.is_floating_point() or other.is_complex())
    if whole and input.is_floating_point():
        result = _scaled(input, other)
    else:
        kind = pb.result_type(input, other)
        counts = kind.is_floating_point or kind.is_complex
        result = input * pb.pow(2.0, other.to(kind if counts else pb.get_default_dtype()))
    if out is not None:
        _check_castable("ldexp", result, out)
    return _out.write(result, out)


def _check_castable(function: str, result: Tensor, target: Tensor) -> None:
    if not pb.can_cast(result.dtype, target.dtype):
        raise RuntimeError(
            f"{function}: the result {result.dtype} can't be cast to the desired output type "
            f"{target.dtype}"
        )


@_core._overridable
def ldexp_(input: Tensor, other: Tensor) -> Tensor:
    """``ldexp`` in place.

    Raises:
        RuntimeError: the result cannot be cast to the dtype of the input.
    """
    result = ldexp(input, other)
    _check_castable("ldexp_", result, input)
    return input.copy_(result)
