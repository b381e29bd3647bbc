"""What the operators that move elements give, with NumPy; and those that make tensors.

A reference takes the arguments of a sample with arrays in the places of the tensors. The arrays
lie in memory as the tensors of the sample do.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Reference = Callable[..., Any]


def flat_sizes(sizes: Sequence[Any]) -> tuple[int, ...]:
    """Of ``*size``: numbers, or one tuple."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        return tuple(sizes[0])
    return tuple(sizes)


def memory(array: Any) -> Any:
    """All elements in the order in which they lie."""
    return array.ravel(order="K")


def as_strided(input: Any, size: Any, stride: Any, storage_offset: int = 0) -> Any:
    every, made = memory(input), np.empty(tuple(size), input.dtype)
    for place in np.ndindex(*size):
        made[place] = every[storage_offset + sum(map(lambda p, s: p * s, place, stride))]
    return made


def set_(
    input: Any, source: Any = None, storage_offset: int = 0, size: Any = None, stride: Any = ()
) -> Any:
    if source is None:
        return np.empty(0, input.dtype)
    if size is None:
        return source
    return as_strided(source, size, stride or row_major(size), storage_offset)


def row_major(size: Sequence[int]) -> list[int]:
    return [math.prod(size[at + 1 :]) for at in range(len(size))]


def resized(input: Any, *size: Any) -> Any:
    shape = flat_sizes(size)
    return memory(input)[: math.prod(shape)].reshape(shape)


def seen_as(input: Any, *size: Any) -> Any:
    if len(size) == 1 and isinstance(size[0], np.dtype):
        return (
            np.atleast_1d(input)
            .view(size[0])
            .reshape((*input.shape[:-1], -1) if input.ndim else ())
        )
    return input.reshape(flat_sizes(size))


def flattened(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    if input.ndim == 0:
        return input.reshape(1)
    start, end = start_dim % input.ndim, end_dim % input.ndim
    shape = input.shape
    middle = (math.prod(shape[start : end + 1]),)
    return input.reshape(shape[:start] + middle + shape[end + 1 :])


def unflattened(input: Any, dim: int, sizes: Any) -> Any:
    dim %= input.ndim
    known = math.prod(s for s in sizes if s != -1)
    whole = tuple(input.shape[dim] // known if s == -1 else s for s in sizes)
    return input.reshape(input.shape[:dim] + whole + input.shape[dim + 1 :])


def moved(input: Any, source: Any, destination: Any) -> Any:
    return np.moveaxis(input, source, destination) if input.ndim else input


def expanded(input: Any, *size: Any) -> Any:
    sizes = flat_sizes(size)
    own = (1,) * (len(sizes) - input.ndim) + input.shape
    shape = tuple(o if s == -1 else s for o, s in zip(own, sizes, strict=True))
    return np.broadcast_to(input, shape)


def summed_to(input: Any, *size: Any) -> Any:
    shape = flat_sizes(size)
    ahead = input.ndim - len(shape)
    summed = input.sum(axis=tuple(range(ahead)))
    for dim, length in enumerate(shape):
        if length == 1:
            summed = summed.sum(axis=dim, keepdims=True)
    return summed


def squeezed(input: Any, *dim: Any, **kwargs: Any) -> Any:
    if not dim and not kwargs:
        return input.reshape([length for length in input.shape if length != 1])
    dims = flat_sizes(dim) if dim else (kwargs["dim"],)
    gone = {d % max(input.ndim, 1) for d in dims}
    return input.reshape([n for d, n in enumerate(input.shape) if n != 1 or d not in gone])


def permuted(input: Any, *dims: Any) -> Any:
    return input.transpose(flat_sizes(dims))


def transposed(input: Any, dim0: int, dim1: int) -> Any:
    return np.swapaxes(input, dim0, dim1) if input.ndim else input


def in_parts(input: Any, size: Any, dim: int = 0) -> list[Any]:
    """``split``: parts of one size, or of these sizes."""
    length = input.shape[dim]
    if isinstance(size, np.ndarray):
        size = size.item()
    if isinstance(size, int):
        starts = range(0, length, size) if length else range(1)
        return [np.take(input, range(s, min(s + size, length)), axis=dim) for s in starts]
    ends = list(itertools.accumulate(size))
    return [
        np.take(input, range(end - one, end), axis=dim) for end, one in zip(ends, size, strict=True)
    ]


def chunks(input: Any, chunks: int, dim: int = 0) -> list[Any]:
    """Fewer when the last ones would be empty; of nothing there are as many as asked for."""
    if input.shape[dim] == 0:
        return [input] * chunks
    return in_parts(input, math.ceil(input.shape[dim] / chunks), dim)


def at_indices(input: Any, sections: Any, dim: int = 0) -> list[Any]:
    """``tensor_split``, whose parts NumPy makes, too."""
    if isinstance(sections, np.ndarray):
        sections = int(sections) if sections.ndim == 0 else sections.tolist()
    return np.array_split(input, sections if isinstance(sections, int) else list(sections), dim)


def split_along(dim: int) -> Reference:
    def call(input: Any, *sections: Any) -> list[Any]:
        number = sections[0] if isinstance(sections[0], int) else list(sections[0])
        return at_indices(input, number, dim if input.ndim > 1 else 0)

    return call


def unbound(input: Any, dim: int = 0) -> list[Any]:
    return [np.take(input, k, axis=dim) for k in range(input.shape[dim])]


def joined(tensors: Any, dim: int = 0) -> Any:
    # A tensor of no elements and one dimension fits every other one.
    return np.concatenate([t for t in tensors if t.shape != (0,)], axis=dim)


def block_diagonal(*tensors: Any) -> Any:
    blocks = [np.atleast_2d(t) for t in tensors]
    made = np.zeros([sum(b.shape[d] for b in blocks) for d in (0, 1)], blocks[0].dtype)
    row = column = 0
    for block in blocks:
        rows, columns = block.shape
        made[row : row + rows, column : column + columns] = block
        row, column = row + rows, column + columns
    return made


def products_of_sets(*tensors: Any) -> Any:
    if len(tensors) == 1:
        return tensors[0]
    return np.array(list(itertools.product(*tensors)))


def combined(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    return np.array(list(choose(input, r)), input.dtype).reshape(-1, r)


def each(function: Reference) -> Reference:
    """Of one array, or of every one of several."""

    def call(*tensors: Any) -> Any:
        return function(tensors[0]) if len(tensors) == 1 else [function(t) for t in tensors]

    return call


def third_dimension(input: Any) -> Any:
    return np.atleast_3d(input)


def rolled(input: Any, shifts: Any, dims: Any = ()) -> Any:
    if dims == ():
        return np.roll(input, shifts)
    if isinstance(shifts, int):
        return np.roll(input, shifts, dims)
    for shift, dim in zip(shifts, dims, strict=True):
        input = np.roll(input, shift, dim)
    return input


def flipped(input: Any, *dims: Any) -> Any:
    return np.flip(input, flat_sizes(dims))


def tiled(input: Any, *dims: Any) -> Any:
    return np.tile(input, flat_sizes(dims))


def repeated_each(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    if repeats is None:
        return np.repeat(np.arange(len(input)), input)
    return np.repeat(input, repeats, axis=dim)


def triangle(keep: Callable[[int, int], bool]) -> Reference:
    def call(input: Any, diagonal: int = 0) -> Any:
        rows, columns = input.shape[-2:]
        wanted = [[keep(j - i, diagonal) for j in range(columns)] for i in range(rows)]
        return np.where(np.array(wanted, np.bool_).reshape(rows, columns), input, 0)

    return call


def triangle_places(keep: Callable[[int, int], bool]) -> Reference:
    def call(row: int, col: int, offset: int = 0) -> Any:
        places = [(i, j) for i in range(row) for j in range(col) if keep(j - i, offset)]
        return np.array(places, np.int64).reshape(-1, 2).T

    return call


def below(distance: int, diagonal: int) -> bool:
    return distance <= diagonal


def above(distance: int, diagonal: int) -> bool:
    return distance >= diagonal


def grids(*tensors: Any, indexing: str = "ij") -> list[Any]:
    return list(np.meshgrid(*tensors, indexing=indexing))


def number_type(value: Any) -> type:
    return bool if isinstance(value, bool) else np.int64 if isinstance(value, int) else np.float64


def full(size: Any, fill_value: Any) -> Any:
    return np.full(tuple(size), fill_value, dtype=number_type(fill_value))


def counted(*args: Any) -> Any:
    start, end, step = (0, *args, 1) if len(args) == 1 else (*args, 1)[:3]
    kind = np.int64 if all(isinstance(a, int) for a in args) else np.float64
    count = max(0, math.ceil((end - start) / step))
    return np.array([start + k * step for k in range(count)], kind)


def evenly(start: float, end: float, steps: int) -> Any:
    gaps = max(steps - 1, 1)
    return np.array([start + (end - start) * k / gaps for k in range(steps)], np.float64)


def identity(n: int, m: int | None = None) -> Any:
    return np.array(
        [[float(i == j) for j in range(n if m is None else m)] for i in range(n)]
    ).reshape(n, n if m is None else m)


def constant(value: float) -> tuple[Reference, Reference, Reference]:
    """Of sizes, of the sizes of another, and of sizes with the dtype of another."""
    return (
        lambda *size: np.full(flat_sizes(size), value),
        lambda input: np.full(input.shape, value, input.dtype),
        lambda input, *size: np.full(flat_sizes(size), value, input.dtype),
    )


ZEROS, ONES = constant(0.0), constant(1.0)

REFERENCES: dict[str, Reference] = {
    "adjoint": lambda input: np.conj(np.swapaxes(input, -1, -2)),
    "arange": counted,
    "as_strided": as_strided,
    "atleast_1d": each(np.atleast_1d),
    "atleast_2d": each(np.atleast_2d),
    "atleast_3d": each(third_dimension),
    "block_diag": block_diagonal,
    "broadcast_tensors": lambda *tensors: list(np.broadcast_arrays(*tensors)),
    "broadcast_to": expanded,
    "cartesian_prod": products_of_sets,
    "cat": joined,
    "chunk": chunks,
    "clone": lambda input: input,
    "conj": np.conj,
    "conj_physical": np.conj,
    "column_stack": np.column_stack,
    "combinations": combined,
    "dsplit": split_along(2),
    "dstack": np.dstack,
    "expand": expanded,
    "expand_as": lambda input, other: expanded(input, *other.shape),
    "eye": identity,
    "fill": lambda input, value: np.full(input.shape, value, input.dtype),
    "flatten": flattened,
    "flip": flipped,
    "fliplr": np.fliplr,
    "flipud": np.flipud,
    "full": full,
    "full_like": lambda input, fill_value: np.full_like(input, fill_value),
    "hsplit": split_along(1),
    "hstack": np.hstack,
    "linspace": evenly,
    "logspace": lambda start, end, steps, base=10.0: base ** evenly(start, end, steps),
    "meshgrid": grids,
    "movedim": moved,
    "new_full": lambda input, size, fill_value: np.full(size, fill_value, input.dtype),
    "new_ones": ONES[2],
    "new_zeros": ZEROS[2],
    "ones": ONES[0],
    "ones_like": ONES[1],
    "permute": permuted,
    "ravel": lambda input: input.reshape(-1),
    "imag": np.imag,
    "isreal": np.isreal,
    "real": np.real,
    "repeat": lambda input, *repeats: np.tile(input, flat_sizes(repeats)),
    "repeat_interleave": repeated_each,
    "reshape": lambda input, *shape: input.reshape(flat_sizes(shape)),
    "reshape_as": lambda input, other: input.reshape(other.shape),
    "resize_": resized,
    "resize_as_": lambda input, the_template: resized(input, *the_template.shape),
    "roll": rolled,
    "rot90": lambda input, k=1, dims=(0, 1): np.rot90(input, k, dims),
    "scalar_tensor": lambda s: np.array(float(s)),
    "set_": set_,
    "split": in_parts,
    "split_with_sizes": in_parts,
    "squeeze": squeezed,
    "stack": lambda tensors, dim=0: np.stack(tensors, axis=dim),
    "sum_to_size": summed_to,
    "t": lambda input: input.T,
    "tensor_split": at_indices,
    "tile": tiled,
    "transpose": transposed,
    "tril": triangle(below),
    "tril_indices": triangle_places(below),
    "triu": triangle(above),
    "triu_indices": triangle_places(above),
    "unbind": unbound,
    "unflatten": unflattened,
    "unsqueeze": lambda input, dim: np.expand_dims(input, dim),
    "resolve_conj": lambda input: input,
    "resolve_neg": lambda input: input,
    "view": seen_as,
    "view_as_complex": lambda input: input[..., 0] + 1j * input[..., 1],
    "view_as_real": lambda input: np.stack([input.real, input.imag], axis=-1),
    "vsplit": split_along(0),
    "vstack": np.vstack,
    "zeros": ZEROS[0],
    "zeros_like": ZEROS[1],
}

OTHER_NAMES = {
    "as_strided_": "as_strided",
    "concat": "cat",
    "concatenate": "cat",
    "contiguous": "clone",
    "moveaxis": "movedim",
    "row_stack": "vstack",
    "squeeze_": "squeeze",
    "swapaxes": "transpose",
    "swapaxes_": "transpose",
    "swapdims": "transpose",
    "swapdims_": "transpose",
    "t_": "t",
    "transpose_": "transpose",
    "unsqueeze_": "unsqueeze",
    "view_as": "reshape_as",
    "alias_copy": "clone",
    "as_strided_copy": "as_strided",
    "expand_copy": "expand",
    "permute_copy": "permute",
    "split_copy": "split",
    "split_with_sizes_copy": "split_with_sizes",
    "squeeze_copy": "squeeze",
    "t_copy": "t",
    "transpose_copy": "transpose",
    "unbind_copy": "unbind",
    "unsqueeze_copy": "unsqueeze",
    "view_as_real_copy": "view_as_real",
    "view_copy": "view",
}
