"""``rearrange``: dimensions split, merged and put in another order by a pattern.

The notation is that of A. Rogozhnikov, "Einops" (2022). Start at ``rearrange``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments

__all__ = ["rearrange"]

_ELLIPSIS = "..."
_BARE = [_ELLIPSIS]  # one that is not in brackets
_TOKEN = re.compile(r"\s*(\.\.\.|\(|\)|[^\s().]+|\.)")


def _parsed(side: str, pattern: str) -> list[list[str]]:
    """The dimensions of one side, each a list of names; a 1 and ``()`` have none."""
    groups: list[list[str]] = []
    group: list[str] | None = None
    for token in _TOKEN.findall(side):
        if token == "(":
            if group is not None:
                raise ValueError(f"rearrange: brackets cannot be nested: {pattern!r}")
            group = []
        elif token == ")":
            if group is None:
                raise ValueError(f"rearrange: a bracket that was not opened: {pattern!r}")
            groups.append(group)
            group = None
        elif token == "1":
            if group is None:
                groups.append([])
        elif token == _ELLIPSIS or (token.isidentifier() and token[0] != "_" and token[-1] != "_"):
            if group is None:
                groups.append(_BARE if token == _ELLIPSIS else [token])
            else:
                group.append(token)
        else:
            raise ValueError(f"Invalid axis identifier: {token}")
    if group is not None:
        raise ValueError(f"rearrange: a bracket that is not closed: {pattern!r}")
    names = [name for each in groups for name in each]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"Indexing expression contains duplicate dimension {name!r}")
    return groups


def _sizes(
    left: list[list[str]], shape: Sequence[int], known: dict[str, int]
) -> dict[str, tuple[int, ...]]:
    """The sizes of every name; an ellipsis has any number of them."""
    open_end = any(_ELLIPSIS in group for group in left)
    extra = len(shape) - len(left) + 1 if open_end else 0
    if extra < 0 or (not open_end and len(left) != len(shape)):
        raise ValueError(
            f"Number of dimensions in pattern ({len(left)}) must be equal to the number of "
            f"dimensions in the tensor ({len(shape)})"
        )
    sizes: dict[str, tuple[int, ...]] = {}
    at = 0
    for group in left:
        if group is _BARE:
            sizes[_ELLIPSIS] = tuple(shape[at : at + extra])
            at += extra
            continue
        if _ELLIPSIS in group:
            raise ValueError("rearrange: an ellipsis in brackets stands on the right side only")
        total = shape[at]
        at += 1
        unknown = [name for name in group if name not in known]
        product = math.prod(known[name] for name in group if name in known)
        if len(unknown) > 1:
            raise ValueError(f"cannot infer the sizes of {len(unknown)} dimensions at once {group}")
        if unknown and (product == 0 or total % product):
            raise ValueError(
                f"inferred dimension does not evenly fit into larger dimension: {total} vs {group}"
            )
        if not unknown and product != total:
            raise ValueError(f"rearrange: {group} has {product} elements, expected {total}")
        sizes.update(
            {name: (known.get(name, total // product if product else 0),) for name in group}
        )
    return sizes


def rearrange(
    tensor: Tensor | list[Tensor] | tuple[Tensor, ...], pattern: str, **axes_lengths: int
) -> Tensor:
    """A tensor with its dimensions split, merged and in another order.

    Args:
        tensor: a tensor, or several of one shape that are stacked first.
        pattern: names of the dimensions, ``->``, the same names in another order; brackets for
            several names in one dimension, ``...`` for any number of dimensions, 1 for one of size
            one.
        axes_lengths: sizes of names in brackets that do not follow from the shape.

    Raises:
        ValueError: a pattern that cannot be read, or does not fit the shape.

    Example:
        >>> import pullback as pb
        >>> pb.func.rearrange(pb.arange(6), "(a b) -> b a", a=2)
        tensor([[0, 3],
                [1, 4],
                [2, 5]])
    """
    if isinstance(tensor, Tensor):
        source = tensor
    else:
        source = pb.stack(_arguments.elements("rearrange", "tensor", tensor, "Tensor or Tensors"))
    _arguments.texts("rearrange", pattern=pattern)
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError("Pattern must contain a single '->' separator")
    left, right = (_parsed(side, pattern) for side in sides)
    names, wanted = ([n for group in side for n in group] for side in (left, right))
    if odd := set(names) ^ set(wanted):
        raise ValueError(
            f"Identifiers only on one side of rearrange expression (should be on both): {odd}"
        )
    if odd := set(axes_lengths) - set(names):
        raise ValueError(f"Identifiers not found in rearrange expression: {odd}")
    sizes = _sizes(left, source.shape, axes_lengths)
    split = source.reshape([size for name in names for size in sizes[name]])
    begins: dict[str, int] = {}
    for name in names:
        begins[name] = sum(len(sizes[n]) for n in names[: names.index(name)])
    order = [begins[name] + i for name in wanted for i in range(len(sizes[name]))]
    shape: list[Any] = []
    for group in right:
        if group is _BARE:
            shape += sizes[_ELLIPSIS]
        else:
            shape.append(math.prod(size for name in group for size in sizes[name]))
    return split.permute(order).reshape(shape)
