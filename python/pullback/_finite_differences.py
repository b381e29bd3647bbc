"""``gradient``: the derivatives of a function that is known at points, of recorded operators."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core

__all__ = ["gradient"]


def _difference(x: Tensor, dim: int, spacing: Any, edge_order: int) -> Tensor:
    """The derivative along a dimension, by second differences of unequal steps inside."""
    n = x.shape[dim]

    def at(k: int) -> Tensor:
        return x.narrow(dim, k, 1)

    if not isinstance(spacing, Tensor):
        left, right = (at(1) - at(0)) / spacing, (at(n - 1) - at(n - 2)) / spacing
        if edge_order == 2:
            left = (at(1) * 4 - at(0) * 3 - at(2)) / (2 * spacing)
            right = (at(n - 1) * 3 - at(n - 2) * 4 + at(n - 3)) / (2 * spacing)
        if n < 3:
            return pb.cat([left, right], dim)
        inner = (x.narrow(dim, 2, n - 2) - x.narrow(dim, 0, n - 2)) / (2 * spacing)
        return pb.cat([left, inner, right], dim)
    steps = _steps(x, spacing).reshape([-1 if d == dim else 1 for d in range(x.ndim)])
    left = (at(1) - at(0)) / steps.narrow(dim, 0, 1)
    right = (at(n - 1) - at(n - 2)) / steps.narrow(dim, n - 2, 1)
    if n < 3:
        return pb.cat([left, right], dim)
    a, b = steps.narrow(dim, 0, n - 2), steps.narrow(dim, 1, n - 2)
    inner = x.narrow(dim, 1, n - 2) * (b - a) / (a * b)
    inner = inner - x.narrow(dim, 0, n - 2) * b / (a * (a + b))
    inner = inner + x.narrow(dim, 2, n - 2) * a / (b * (a + b))
    if edge_order == 2:
        c, d = a.narrow(dim, 0, 1), b.narrow(dim, 0, 1)
        left = at(1) * (c + d) / (c * d) - at(2) * c / (d * (c + d))
        left = left - at(0) * (2 * c + d) / (c * (c + d))
        d, c = a.narrow(dim, n - 3, 1), b.narrow(dim, n - 3, 1)
        right = at(n - 3) * c / (d * (c + d)) - at(n - 2) * (c + d) / (c * d)
        right = right + at(n - 1) * (2 * c + d) / (c * (c + d))
    return pb.cat([left, inner, right], dim)


def _steps(x: Tensor, places: Tensor) -> Tensor:
    """Between neighbours; of integers exact, then in the dtype that the result has."""
    if places.dtype == pb.bool or places.is_floating_point() or places.is_complex():
        return places.diff()
    known = x.is_floating_point() or x.is_complex()
    default = pb.get_default_dtype()
    kind = pb.promote_types(x.real.dtype, default) if known else default
    return places.long().diff().to(kind)


def _spacings(spacing: Any, dims: list[int], is_given: bool, ndim: int) -> list[Any]:
    """One for each dimension: a number, or the coordinates of its positions."""
    if isinstance(spacing, Tensor):
        return [spacing.item()] * len(dims)
    if not isinstance(spacing, (tuple, list)):
        _arguments.numbers("gradient", spacing=spacing)
        return [spacing] * len(dims)
    if len(spacing) != len(dims):
        if is_given:
            raise RuntimeError(
                "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and "
                f"dim arguments to have the same length, but got a spacing argument of length "
                f"{len(spacing)} and a dim argument of length {len(dims)}."
            )
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
            f"equal to 'self.dim() = {ndim}', since dim argument was not given, but got a list of "
            f"length {len(spacing)}"
        )
    for each in spacing:
        if not isinstance(each, Tensor):
            _arguments.numbers("gradient", spacing=each)
    return list(spacing)


@_core._overridable
def gradient(
    input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1
) -> tuple[Tensor, ...]:
    """The derivatives along dimensions of a function that is known at points, by differences.

    Args:
        input: its values, with at least ``edge_order + 1`` points along each dimension.
        spacing: the distance of neighbours, or one for each dimension, or tensors with the
            coordinates of the points along each.
        dim: one dimension or several; all, if left out.
        edge_order: 1 or 2, the order of the differences at both ends.

    Returns:
        A tensor of the shape of the input for each dimension.

    Raises:
        RuntimeError: there are too few points, a dimension is given twice, there is another number
            of spacings than of dimensions, the order is another one, or the dtype is uint8.
        IndexError: there is no such dimension.

    Example:
        >>> import pullback as pb
        >>> pb.gradient(pb.tensor([0.0, 1.0, 4.0, 9.0]))
        (tensor([1., 2., 4., 5.]),)
    """
    _arguments.tensors("gradient", input=input)
    _arguments.whole("gradient", edge_order=edge_order)
    given = [] if dim is None else [dim] if isinstance(dim, int) else list(dim)
    _arguments.tuples("gradient", dim=given)
    dims = (
        list(range(input.ndim))
        if dim is None
        else [_arguments.wrapped(d, input.ndim) for d in given]
    )
    for d in dims:
        if dims.count(d) > 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    spacings = _spacings(spacing, dims, dim is not None, input.ndim)
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if input.dtype == pb.uint8:
        raise RuntimeError("torch.gradient does not support uint8 input.")
    if not (input.dtype == pb.bool or input.is_floating_point() or input.is_complex()):
        input = input.long()  # differences of int8 are out of its range
    for d, each in zip(dims, spacings, strict=True):
        if input.shape[d] <= edge_order:
            raise RuntimeError(
                "torch.gradient expected each dimension size to be at least edge_order+1"
            )
        if isinstance(each, Tensor) and (each.ndim != 1 or each.numel() != input.shape[d]):
            raise RuntimeError(
                f"gradient: coordinates of another length: got the shape {list(each.shape)}, "
                f"expected [{input.shape[d]}], a coordinate for each position of dimension {d}."
            )
    return tuple(
        _difference(input, d, each, edge_order) for d, each in zip(dims, spacings, strict=True)
    )
