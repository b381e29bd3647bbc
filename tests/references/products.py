"""What products of vectors and matrices give, with NumPy in extended precision.

A reference takes the arguments of a sample with arrays in the places of the tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np


def plus(product: Callable[..., Any]) -> Callable[..., Any]:
    def call(input: Any, first: Any, second: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
        return beta * input + alpha * product(first, second)

    return call


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    made = np.sum(input[..., None, :] * weight, axis=-1)
    if weight.ndim == 1:
        made = made.reshape(made.shape[:-1])
    return made if bias is None else made + bias


def einsum(*args: Any) -> Any:
    if isinstance(args[0], str):
        return np.einsum(*args, optimize=False)
    return np.einsum(*[list(a) if isinstance(a, tuple) else a for a in args], optimize=False)


def outer(input: Any, vec2: Any) -> Any:
    return input[:, None] * vec2


def inner(input: Any, other: Any) -> Any:
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    return np.tensordot(input, other, axes=(-1, -1))


def kron(input: Any, other: Any) -> Any:
    return np.kron(input, other)


def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    return np.tensordot(a, b, axes=dims)


def cross(input: Any, other: Any, dim: int | None = None) -> Any:
    if dim is None:
        dim = next(d for d, length in enumerate(input.shape) if length == 3)
    a, b = (np.moveaxis(each, dim, 0) for each in np.broadcast_arrays(input, other))
    parts = [a[k - 2] * b[k - 1] - a[k - 1] * b[k - 2] for k in range(3)]
    return np.moveaxis(np.stack(parts), 0, dim)


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    made = np.einsum("bi,kij,bj->bk", input1, weight, input2, optimize=False)
    return made if bias is None else made + bias


def vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    return np.sum(x * y, axis=dim)


def dot(input: Any, tensor: Any) -> Any:
    return np.sum(input * tensor)


def sparse_product(values: Any, row: Any, column: Any, x: Any, rows: int) -> Any:
    made = np.zeros((rows, x.shape[1]), x.dtype)
    np.add.at(made, row, values[:, None] * x[column])
    return made


REFERENCES: dict[str, Callable[..., Any]] = {
    "_sampled_product": lambda a, b, row, column: np.sum(a[row] * b[column], axis=-1),
    "_sparse_product": sparse_product,
    "addbmm": plus(lambda a, b: np.matmul(a, b).sum(axis=0)),
    "addmm": plus(np.matmul),
    "addr": plus(outer),
    "bilinear": bilinear,
    "chain_matmul": lambda *matrices: reduce(np.matmul, matrices),
    "cross": cross,
    "dot": dot,
    "einsum": einsum,
    "inner": inner,
    "kron": kron,
    "linalg.cross": lambda input, other, *, dim=-1: cross(input, other, dim),
    "linalg.multi_dot": lambda tensors: reduce(np.matmul, tensors),
    "linalg.vecdot": vecdot,
    "linear": linear,
    "matmul": np.matmul,
    "outer": outer,
    "tensordot": tensordot,
}

OTHER_NAMES = {
    "addmv": "addmm",
    "baddbmm": "addmm",
    "bmm": "matmul",
    "ger": "outer",
    "mm": "matmul",
    "mv": "matmul",
    "vdot": "dot",
}
