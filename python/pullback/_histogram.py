"""``histogram``: counts of values between edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core, return_types
from pullback.autograd.function import Function

__all__ = ["histogram"]


class _Histogram(Function):
    """The counts and the edges, whose derivative is refused."""

    @staticmethod
    def forward(
        x: Tensor, edges: Tensor, weight: Tensor | None, density: bool
    ) -> tuple[Tensor, Tensor]:
        bins = edges.numel() - 1
        flat = x.reshape(-1)
        inside = (flat >= edges[0]) & (flat <= edges[-1])
        flat = flat[inside]
        place = pb.searchsorted(edges, flat, right=True).sub(1).clamp(max=bins - 1)
        shares = pb.ones_like(flat) if weight is None else weight.reshape(-1)[inside]
        counts = pb.bincount(place, shares, bins).to(x.dtype)
        if density:
            counts = counts / counts.sum() / edges.diff()
        return counts, edges.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:  # noqa: ARG004 - the protocol's
        raise RuntimeError(
            "derivative for aten::histogram is not implemented. Detach its input, or compute soft "
            "counts of differentiable operators."
        )


def _limits(x: Tensor, given: Sequence[float] | None) -> tuple[float, float]:
    """The first and the last edge."""
    if given is not None:
        if len(given) != 2:
            raise RuntimeError(f"histogram: range should have 2 elements, but got {len(given)}")
        low, high = given
    elif x.numel() == 0:
        low, high = 0.0, 0.0
    else:
        low, high = x.detach().min().item(), x.detach().max().item()
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"histogram: range [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError(f"histogram: min should not exceed max, but got min {low} max {high}")
    if low == high:
        return (0.0, 1.0) if x.numel() == 0 and given is None else (low - 0.5, high + 0.5)
    return low, high


def _spaced(low: float, high: float, bins: int, dtype: pb.dtype) -> Tensor:
    """Edges at equal distances: to the bit where PyTorch's are, for values that lie on an edge."""
    if dtype == pb.float64:
        return pb.linspace(low, high, bins + 1, dtype=dtype)
    ends = pb.tensor([low, high], dtype=dtype)
    step = ((ends[1] - ends[0]) / bins).double()
    number = pb.arange(bins + 1, dtype=pb.float64)
    rising, falling = ends[0] + step * number, ends[1] - step * (bins - number)
    return pb.where(number < (bins + 1) // 2, rising, falling).to(dtype)


def _edges(x: Tensor, bins: Any, given: Any) -> Tensor:
    if not isinstance(bins, Tensor):
        _arguments.integers("histogram", bins=bins)
        if bins <= 0:
            raise RuntimeError(f"histogram: bins must be > 0, but got {bins}")
        return _spaced(*_limits(x, given), bins, x.dtype)
    if given is not None:
        raise TypeError("histogram(): argument 'range' must be None where 'bins' is a Tensor")
    if bins.dtype != x.dtype:
        raise RuntimeError(
            f"histogram: input tensor and bins tensor should have the same dtype, but got "
            f"{x.dtype} and {bins.dtype}"
        )
    if bins.ndim != 1 or bins.numel() < 2:
        raise RuntimeError(
            "histogram: bins tensor should have one dimension and at least 2 elements, but got "
            f"shape {list(bins.shape)}"
        )
    return bins


@_core._overridable
def histogram(
    input: Tensor,
    bins: int | Tensor = 100,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> return_types.histogram:
    """How many elements are between each two edges; the last bin has its upper edge, too.

    Args:
        input: float32 or float64, of any shape.
        bins: how many bins of one width, or their edges in rising order.
        range: the first and the last edge for a number of bins, by default the least and the
            greatest element. Elements outside are not counted.
        weight: what each element counts, of the shape and dtype of the input; 1 by default.
        density: give a density, whose integral is 1, and not counts.

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
    _arguments.tensors("histogram", input=input)
    _arguments.maybe(_arguments.tensors, "histogram", weight=weight)
    _arguments.bools("histogram", density=density)
    if not isinstance(bins, (int, Tensor)):
        _arguments.refuse("histogram", "bins", "int or Tensor", bins)
    if range is not None:
        given = range if isinstance(range, (tuple, list)) else None
        if given is None:
            _arguments.refuse("histogram", "range", "tuple of floats", range)
        _arguments.numbers("histogram", **{f"range[{i}]": each for i, each in enumerate(given)})
    if input.dtype not in (pb.float32, pb.float64):
        raise NotImplementedError(f'"histogram" not implemented for {input.dtype}')
    if weight is not None and (weight.shape != input.shape or weight.dtype != input.dtype):
        raise RuntimeError(
            "histogram: weight should have the shape and dtype of the input, "
            f"{list(input.shape)} and {input.dtype}, but got {list(weight.shape)} and "
            f"{weight.dtype}"
        )
    return return_types.histogram(
        _Histogram.apply(input, _edges(input, bins, range), weight, density)
    )
