"""What a mask shows and hides, and the checks of arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import pullback as pb
from pullback import Tensor, _arguments

Dims: TypeAlias = int | Sequence[int] | None
INF = float("inf")


def check(
    function: str, input: Any, mask: Any, dtype: Any, keepdim: Any = False, which: str = "mask"
) -> None:
    _arguments.tensors(function, input=input)
    _arguments.maybe(_arguments.tensors, function, **{which: mask})
    _arguments.maybe(_arguments.flags, function, keepdim=keepdim)
    if dtype is not None and not isinstance(dtype, pb.dtype):
        _arguments.refuse(function, "dtype", "torch.dtype", dtype)


def dimensions(function: str, dim: Any, ndim: int) -> list[int]:
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


def one_dimension(function: str, dim: Any, ndim: int) -> int:
    _arguments.integers(function, dim=dim)
    return dimensions(function, dim, ndim)[0]


def whole_mask(input: Tensor, mask: Tensor) -> Tensor:
    """The mask as bools, of the shape of the input."""
    if mask.ndim > input.ndim:
        raise IndexError(
            f"a mask has at most the dimensions of what it hides: got a mask of {mask.ndim} "
            f"dimensions, expected broadcastable mask of at most {input.ndim}"
        )
    return mask.bool().broadcast_to(input.shape)


def shown(input: Tensor, mask: Tensor | None, hidden: float) -> Tensor:
    """The input with one number in place of all that the mask hides."""
    if mask is None:
        return input
    if input.dtype == pb.bool:
        return pb.where(whole_mask(input, mask), input, bool(hidden))
    return pb.where(whole_mask(input, mask), input, pb.tensor(hidden, dtype=input.dtype))


def least(function: str, input: Tensor) -> float:
    """The number below all others of the dtype."""
    if input.is_floating_point():
        return -INF
    if input.is_complex():
        raise TypeError(f"{function}: complex numbers have no order, got {input.dtype}")
    if input.dtype == pb.bool:
        raise NotImplementedError(f"identity of {function} on {input.dtype} input")
    return pb.iinfo(input.dtype).min


def greatest(function: str, input: Tensor) -> float:
    """The number above all others of the dtype."""
    if input.is_floating_point() or input.is_complex() or input.dtype == pb.bool:
        return -least(function, input)
    return pb.iinfo(input.dtype).max
