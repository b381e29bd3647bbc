"""What the operators that read and write by indices give, one element at a time.

A reference takes the arguments of a sample with arrays in the places of the tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def copied(input: Any) -> Any:
    """A copy with at least one dimension."""
    return np.array(input).reshape(input.shape or (1,))


def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    made = np.array(input)
    if accumulate:
        np.add.at(made, tuple(indices), values)
    else:
        made[tuple(indices)] = values
    return made


def masked_select(input: Any, mask: Any) -> Any:
    input, mask = np.broadcast_arrays(input, mask)
    return np.array([value for value, wanted in zip(input.flat, mask.flat, strict=True) if wanted])


def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    made, waiting = np.array(input), iter(source.ravel())
    for place in np.ndindex(*made.shape):
        if np.broadcast_to(mask, made.shape)[place]:
            made[place] = next(waiting)
    return made


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    places = [place for place in np.ndindex(*input.shape) if input[place]]
    together = np.array(places, np.int64).reshape(len(places), input.ndim)
    return list(together.T) if as_tuple else together


def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    made = input.ravel()
    for place, value in zip(index.flat, source.flat, strict=True):
        made[place] = made[place] + value if accumulate else value
    return made.reshape(input.shape)


def scattered_part(find: Callable[..., Any]) -> Callable[..., Any]:
    """With another tensor in the part that ``find`` gives of a copy."""

    def call(input: Any, src: Any, *args: Any, **kwargs: Any) -> Any:
        made = np.array(input, order="C")
        find(made, *args, **kwargs)[...] = src
        return made

    return call


def one_slice(
    input: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Any:
    keys = [slice(None)] * input.ndim
    keys[dim] = slice(start, end, step)
    return input[tuple(keys)]


def selected(input: Any, dim: int, index: int) -> Any:
    keys: list[Any] = [slice(None)] * input.ndim
    keys[dim] = index
    return input[tuple(keys)]


def narrowed(input: Any, dim: int, start: Any, length: int) -> Any:
    first = int(start) % max(input.shape[dim], 1)
    return one_slice(input, dim, first, first + length)


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    input = np.moveaxis(input, (dim1, dim2), (-2, -1))
    row, column = max(-offset, 0), max(offset, 0)
    count = max(0, min(input.shape[-2] - row, input.shape[-1] - column))
    steps = np.arange(count)
    return input[..., row + steps, column + steps]


def writable_diagonal(input: Any, *args: Any) -> Any:
    view = np.diagonal(input, *args)
    view.flags.writeable = True
    return view


def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    count = input.shape[-1]
    size = count + abs(offset)
    made = np.zeros((*input.shape[:-1], size, size), input.dtype)
    for k in range(count):
        made[..., k + max(-offset, 0), k + max(offset, 0)] = input[..., k]
    return np.moveaxis(made, (-2, -1), (dim1 % made.ndim, dim2 % made.ndim))


def diag(input: Any, offset: int = 0) -> Any:
    return diag_embed(input, offset) if input.ndim == 1 else diagonal(input, offset)


def unfolded(input: Any, dimension: int, size: int, step: int) -> Any:
    if input.ndim == 0:
        return input.reshape(1)
    windows = range(0, input.shape[dimension] - size + 1, step)
    parts = [narrowed(input, dimension, first, size) for first in windows]
    return np.stack(
        [np.moveaxis(part, dimension, -1) for part in parts], axis=dimension % input.ndim
    )


def elsewhere(place: tuple[int, ...], dim: int, at: Any) -> tuple[int, ...]:
    dim %= len(place)
    return (*place[:dim], int(at), *place[dim + 1 :])


def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    whole, made = copied(input), np.empty(index.shape, input.dtype)
    for place in np.ndindex(*index.shape):
        made[place] = whole[elsewhere(place, dim, index[place])]
    return made


REDUCE: dict[str, Callable[[list[Any]], Any]] = {
    "add": sum,
    "sum": sum,
    "multiply": math.prod,
    "prod": math.prod,
    "mean": lambda values: sum(values) / len(values),
    "amax": max,
    "amin": min,
    "last": lambda values: values[-1],
}


def scattered(
    input: Any, dim: int, index: Any, src: Any, reduce: str = "last", *, include_self: bool = True
) -> Any:
    """All that arrives at an element, and the element itself first, reduced to one number."""
    made, values = copied(input), np.broadcast_to(src, index.shape) if np.ndim(src) == 0 else src
    arrived: dict[tuple[int, ...], list[Any]] = {}
    for place in np.ndindex(*index.shape):
        arrived.setdefault(elsewhere(place, dim, index[place]), []).append(values[place])
    for place, several in arrived.items():
        made[place] = REDUCE[reduce]([made[place], *several] if include_self else several)
    return made.reshape(input.shape)


def scatter(input: Any, dim: int, index: Any, src: Any = None, **kwargs: Any) -> Any:
    return scattered(input, dim, index, kwargs.pop("value", src), **kwargs)


def along(input: Any, indices: Any, dim: int | None = None) -> Any:
    if dim is None:
        return input.ravel()[indices]
    return np.take_along_axis(input, indices, dim)


def at_dim(input: Any, dim: int, index: Any, change: Callable[[Any, int], Any]) -> Any:
    """``change`` of every slice that the index names, in order."""
    slices = np.moveaxis(np.array(input).reshape(input.shape or (1,)), dim, 0).copy()
    for k, at in enumerate(index):
        slices[at] = change(slices[at], k)
    return np.moveaxis(slices, 0, dim).reshape(input.shape)


def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    return at_dim(input, dim, index, lambda old, k: old + alpha * selected(source, dim, k))


def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    return at_dim(input, dim, index, lambda _, k: selected(source, dim, k))


def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    return at_dim(input, dim, index, lambda old, _: np.full_like(old, value))


def index_select(input: Any, dim: int, index: Any) -> Any:
    if input.ndim == 0:
        return input
    parts = [selected(input, dim, k) for k in index]
    empty = one_slice(input, dim, 0, 0)
    return np.stack(parts, axis=dim % input.ndim) if parts else empty


def embedding(weight: Any, indices: Any, padding_idx: int = -1) -> Any:
    assert padding_idx < len(weight)
    return np.array([weight[k] for k in indices.flat]).reshape(*indices.shape, weight.shape[1])


def embedding_bag(
    input: Any, weight: Any, *, mode: str = "mean", per_sample_weights: Any = None
) -> Any:
    factors = np.ones(input.shape) if per_sample_weights is None else per_sample_weights
    rows = [
        [weight[k] * factor for k, factor in zip(bag, row, strict=True)]
        for bag, row in zip(input, factors, strict=True)
    ]
    return getattr(np, mode)(np.array(rows), axis=1)


REFERENCES: dict[str, Callable[..., Any]] = {
    "embedding": embedding,
    "embedding_bag": embedding_bag,
    "argwhere": nonzero,
    "diag": diag,
    "diag_embed": diag_embed,
    "diagflat": lambda input, offset=0: diag_embed(input.reshape(-1), offset),
    "diagonal": diagonal,
    "diagonal_scatter": scattered_part(writable_diagonal),
    "gather": gather,
    "index_add": index_add,
    "index_copy": index_copy,
    "index_fill": index_fill,
    "index_put": index_put,
    "index_select": index_select,
    "masked_scatter": masked_scatter,
    "masked_select": masked_select,
    "narrow": narrowed,
    "nonzero": nonzero,
    "one_hot": lambda input, num_classes: (input[..., None] == np.arange(num_classes)).astype(
        np.int64
    ),
    "put": put,
    "scatter": scatter,
    "scatter_add": lambda *args: scattered(*args, "sum"),
    "scatter_reduce": scattered,
    "select": selected,
    "select_scatter": scattered_part(selected),
    "slice_scatter": scattered_part(one_slice),
    "take": lambda input, index: input.ravel()[index],
    "take_along_dim": along,
    "trace": lambda input: diagonal(input).sum(),
    "unfold": unfolded,
}

OTHER_NAMES: dict[str, str] = {
    "diagonal_copy": "diagonal",
    "select_copy": "select",
}
