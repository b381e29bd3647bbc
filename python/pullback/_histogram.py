"""``histogram`` and ``histogramdd``: counts of values, and of points, between edges."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core, _out, return_types
from pullback.autograd.function import Function

__all__ = ["histogram", "histogramdd"]


class _Histogram(Function):
    """The counts and the edges, whose derivative is refused."""

    @staticmethod
    def forward(
        _name: str, points: Tensor, weight: Tensor | None, density: bool, *edges: Tensor
    ) -> tuple[Tensor, ...]:
        sizes = [each.numel() - 1 for each in edges]
        columns = [points.select(-1, d).reshape(-1) for d in range(len(edges))]
        count = math.prod(points.shape[:-1])
        inside = pb.full((count,), bool(edges))  # without coordinates none, as in torch
        for column, edge in zip(columns, edges, strict=True):
            inside = inside & (column >= edge[0]) & (column <= edge[-1])
        place = pb.zeros(count, dtype=pb.int64)
        for column, edge, bins in zip(columns, edges, sizes, strict=True):
            own = pb.searchsorted(edge, column, right=True).sub(1).clamp(max=bins - 1)
            place = place * bins + own
        shares = pb.ones(count, dtype=points.dtype) if weight is None else weight.reshape(-1)
        counts = pb.bincount(place[inside], shares[inside], math.prod(sizes))
        counts = counts.to(points.dtype).reshape(sizes)
        if density:
            counts = counts / counts.sum()
            for d, edge in enumerate(edges):
                counts = counts / edge.diff().reshape([-1] + [1] * (len(edges) - 1 - d))
        return (counts, *(edge.clone() for edge in edges))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, *_: Any) -> None:
        ctx.name = inputs[0]

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        raise RuntimeError(
            f"derivative for aten::{ctx.name} is not implemented. Detach its input, or compute "
            "soft counts of differentiable operators."
        )


def _limits(function: str, x: Tensor, given: Sequence[float] | None) -> tuple[float, float]:
    """The first and the last edge."""
    if given is not None:
        low, high = given
    elif x.numel() == 0:
        low, high = 0.0, 0.0
    else:
        low, high = x.detach().min().item(), x.detach().max().item()
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{function}: range [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError(f"{function}: min should not exceed max, but got min {low} max {high}")
    if low == high:
        return (0.0, 1.0) if x.numel() == 0 and given is None else (low - 0.5, high + 0.5)
    return low, high


def _check_edges(function: str, x: Tensor, edges: Tensor, least: int) -> None:
    if edges.dtype != x.dtype:
        raise RuntimeError(
            f"{function}: input tensor and bins tensor should have the same dtype, but got "
            f"{x.dtype} and {edges.dtype}"
        )
    if edges.ndim != 1 or edges.numel() < least:
        raise RuntimeError(
            f"{function}: bins tensor should have one dimension and at least {least} elements, "
            f"but got shape {list(edges.shape)}"
        )


def _check_range(function: str, range: Any, count: int) -> Sequence[float] | None:
    """The ends of ``count`` intervals, one after the other."""
    if range is None:
        return None
    if not isinstance(range, (tuple, list)):
        _arguments.refuse(function, "range", "tuple of floats", range)
    _arguments.numbers(function, **{f"range[{i}]": each for i, each in enumerate(range)})
    if len(range) != 2 * count:
        raise RuntimeError(
            f"{function}: range should have {2 * count} elements, but got {len(range)}"
        )
    return range


def _check_input(function: str, input: Tensor, weight: Tensor | None, density: bool) -> None:
    _arguments.tensors(function, input=input)
    _arguments.maybe(_arguments.tensors, function, weight=weight)
    _arguments.bools(function, density=density)
    if input.dtype not in (pb.float32, pb.float64):
        raise NotImplementedError(f'"{function}" not implemented for {input.dtype}')


def _check_weight(function: str, shape: Any, dtype: pb.dtype, weight: Tensor | None) -> None:
    if weight is not None and (weight.shape != shape or weight.dtype != dtype):
        raise RuntimeError(
            f"{function}: weight should have the shape {list(shape)} and dtype {dtype} of the "
            f"input's elements, but got {list(weight.shape)} and {weight.dtype}"
        )


def _count(function: str, bins: Any, wanted: str) -> int:
    if isinstance(bins, bool) or not hasattr(type(bins), "__index__"):
        _arguments.refuse(function, "bins", wanted, bins)
    return operator.index(bins)


def _spaced(function: str, ends: tuple[float, float], bins: Any, dtype: pb.dtype) -> Tensor:
    if bins <= 0:
        raise RuntimeError(f"{function}: bins must be > 0, but got {bins}")
    return pb.linspace(*ends, bins + 1, dtype=dtype)


def _check_out(out: Any, input: Tensor) -> None:
    if not isinstance(out, (tuple, list)) or len(out) != 2:
        _arguments.refuse("histogram", "out", "tuple of 2 Tensors", out)
    _arguments.tensors("histogram", **{f"out[{i}]": each for i, each in enumerate(out)})
    for name, each in zip(("hist", "bin_edges"), out, strict=True):
        _out.check("histogram", each, input, dtype=None)
        if each.dtype != input.dtype:
            raise RuntimeError(
                f"histogram: input tensor and {name} tensor should have the same dtype, but got "
                f"{input.dtype} and {each.dtype}"
            )


@_core._overridable
def histogram(
    input: Tensor,
    bins: int | Tensor = 100,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
    out: tuple[Tensor, Tensor] | None = None,
) -> return_types.histogram:
    """How many elements are between each two edges; the last bin has its upper edge, too.

    Args:
        input: float32 or float64, of any shape.
        bins: how many bins of one width, or their edges in rising order.
        range: the first and the last edge for a number of bins, by default the least and the
            greatest element. Elements outside are not counted.
        weight: what each element counts, of the shape and dtype of the input; 1 by default.
        density: give a density, whose integral is 1, and not counts.
        out: where the two results are written, tensors of the dtype of the input.

    Returns:
        ``(hist, bin_edges)``, of the dtype of the input. They have no derivative: a backward pass
        through them is an error.

    Raises:
        RuntimeError: there is no bin, the range is not finite, or a dtype or shape does not fit.
        NotImplementedError: the dtype of the input is another one.

    Example:
        >>> import pullback as pb
        >>> pb.histogram(pb.tensor([1.0, 2.0, 1.0]), bins=2, range=(0.0, 3.0)).hist
        tensor([2., 1.])
    """
    _check_input("histogram", input, weight, density)
    if not isinstance(bins, Tensor):
        bins = _count("histogram", bins, "int or Tensor")
    given = _check_range("histogram", range, 1)
    _check_weight("histogram", input.shape, input.dtype, weight)
    if out is not None:
        _check_out(out, input)
    if not isinstance(bins, Tensor):
        edges = _spaced("histogram", _limits("histogram", input, given), bins, input.dtype)
    elif given is not None:
        raise TypeError("histogram(): argument 'range' must be None where 'bins' is a Tensor")
    else:
        _check_edges("histogram", input, bins, 2)
        edges = bins
    found = _Histogram.apply("histogram", input.unsqueeze(-1), weight, density, edges)
    if out is not None:
        found = tuple(_out.write(each, to) for each, to in zip(found, out, strict=True))
    return return_types.histogram(found)


@_core._overridable
def histogramdd(
    input: Tensor,
    bins: int | Sequence[int] | Sequence[Tensor],
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> return_types.histogramdd:
    """How many points are in each box of a grid; the last boxes have their upper edges, too.

    Args:
        input: points of N coordinates along the last dimension, float32 or float64, shape
            ``(..., N)``.
        bins: how many bins of one width there are along each coordinate, one number for all or N,
            or N tensors of edges in rising order.
        range: the first and the last edge of each coordinate in turn, 2N numbers, for numbers of
            bins; by default the least and the greatest coordinates. With edges nothing reads it.
        weight: what each point counts, of shape ``(...)`` and the dtype of the input; 1 by default.
        density: give a density, whose integral is 1, and not counts.

    Returns:
        ``(hist, bin_edges)``: a tensor of N dimensions, and a tuple of N tensors. They have no
        derivative: a backward pass through them is an error.

    Raises:
        RuntimeError: there is no bin, a range is not finite, or a dtype or shape does not fit.
        NotImplementedError: the dtype of the input is another one.

    Example:
        >>> import pullback as pb
        >>> points = pb.tensor([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
        >>> pb.histogramdd(points, bins=[2, 2]).hist
        tensor([[0., 1.],
                [1., 1.]])
    """
    _check_input("histogramdd", input, weight, density)
    if input.ndim < 2:
        raise RuntimeError("histogramdd: input tensor should have at least 2 dimensions")
    count = input.size(-1)
    if not isinstance(bins, (tuple, list)):
        several = "int, tuple of ints or tuple of Tensors"
        bins = [_count("histogramdd", bins, several)] * count
    elif not (bins and isinstance(bins[0], Tensor)):
        _arguments.tuples("histogramdd", bins=bins)
    if len(bins) != count:
        raise RuntimeError(
            "histogramdd: The size of bins must be equal to the innermost dimension of the input, "
            f"{count}, but got {len(bins)}"
        )
    columns = input.unbind(-1)
    if bins and isinstance(bins[0], Tensor):
        _arguments.tensors("histogramdd", **{f"bins[{i}]": e for i, e in enumerate(bins)})
        edges = [each for each in bins if isinstance(each, Tensor)]
        for each in edges:
            _check_edges("histogramdd", input, each, 1)
        given = None
    else:
        given = _check_range("histogramdd", range, count)
    _check_weight("histogramdd", input.shape[:-1], input.dtype, weight)
    if not (bins and isinstance(bins[0], Tensor)):
        ends = [None if given is None else given[2 * d : 2 * d + 2] for d, _ in enumerate(bins)]
        edges = [
            _spaced("histogramdd", _limits("histogramdd", column, own), each, input.dtype)
            for column, own, each in zip(columns, ends, bins, strict=True)
        ]
    hist, *edges = _Histogram.apply("histogramdd", input, weight, density, *edges)
    return return_types.histogramdd((hist, tuple(edges)))
