"""What factorisations, systems and inverses give, by textbook loops in extended precision.

A reference takes the arguments of a sample with arrays in the places of the tensors. ``stacked``
makes a function of matrices one of stacks of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np


def stacked(function: Callable[..., Any], arrays: int = 1) -> Callable[..., Any]:
    """The same for stacks, which broadcast, in the first arguments; None stays None."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        matrices, rest = args[:arrays], args[arrays:]
        stack = np.broadcast_shapes(*[m.shape[:-2] for m in matrices])
        whole = [np.broadcast_to(m, stack + m.shape[-2:]) for m in matrices]
        found = [function(*[m[i] for m in whole], *rest, **kwargs) for i in np.ndindex(stack)]
        if not found:
            like = [np.eye(*m.shape[-2:]) for m in matrices]
            return np.zeros(stack + np.shape(function(*like, *rest, **kwargs)))
        if isinstance(found[0], tuple):
            parts = zip(*found, strict=True)
            return tuple(np.reshape(p, stack + np.shape(p[0])) for p in parts)
        return np.reshape(found, stack + np.shape(found[0]))

    return call


def lower_factor(a: Any) -> Any:
    factor = np.zeros_like(a)
    for j in range(len(a)):
        for i in range(j, len(a)):
            rest = a[i, j] - factor[i, :j] @ factor[j, :j].conj()
            factor[i, j] = np.sqrt(rest) if i == j else rest / factor[j, j]
    return factor


@stacked
def cholesky(a: Any, upper: bool = False) -> Any:
    factor = lower_factor(a)
    return factor.conj().T if upper else factor


def cholesky_ex(a: Any, *, upper: bool = False, check_errors: bool = False) -> Any:
    return cholesky(a, upper), np.zeros(a.shape[:-2], np.int32)


def eliminated(a: Any, b: Any) -> Any:
    """The solution of ``a x = b`` by elimination with pivots from whole columns."""
    a, b = a.copy(), b.copy()
    n = len(a)
    for j in range(n):
        best = j + int(np.argmax(np.abs(a[j:, j])))
        a[[j, best]], b[[j, best]] = a[[best, j]], b[[best, j]]
        for i in range(n):
            if i != j:
                factor = a[i, j] / a[j, j]
                a[i] -= factor * a[j]
                b[i] -= factor * b[j]
    return b / np.diagonal(a)[:, None]


def triangle(a: Any, upper: bool, unit: bool) -> Any:
    half = np.triu(a) if upper else np.tril(a)
    return half - np.diag(np.diag(half)) + np.eye(len(a)) if unit else half


def solve_triangular(
    a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    def one(a: Any, b: Any) -> Any:
        matrix = triangle(a, upper, unitriangular)
        return eliminated(matrix, b) if left else eliminated(matrix.T, b.T).T

    return stacked(one, 2)(a, b)


def triangular_solve(
    b: Any, a: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    def one(a: Any, b: Any) -> Any:
        matrix = triangle(a, upper, unitriangular)
        return eliminated(matrix.T if transpose else matrix, b)

    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return stacked(one, 2)(a, b), np.broadcast_to(a, stack + a.shape[-2:])


def product_of_factor(factor: Any, upper: bool) -> Any:
    half = triangle(factor, upper, False)
    return half.conj().T @ half if upper else half @ half.conj().T


@stacked
def cholesky_inverse(factor: Any, upper: bool = False) -> Any:
    return eliminated(product_of_factor(factor, upper), np.eye(len(factor), dtype=factor.dtype))


def cholesky_solve(b: Any, factor: Any, upper: bool = False) -> Any:
    return stacked(lambda f, b: eliminated(product_of_factor(f, upper), b), 2)(factor, b)


def measure(x: Any) -> Any:
    """By which LAPACK compares complex numbers."""
    return np.abs(x.real) + np.abs(x.imag)


def packed_factors(a: Any) -> tuple[Any, Any]:
    """L and U in one matrix, and the rows that were exchanged."""
    a = a.copy()
    pivots = []
    for j in range(min(a.shape)):
        best = j + int(np.argmax(measure(a[j:, j])))
        a[[j, best]] = a[[best, j]]
        pivots.append(best + 1)
        for i in range(j + 1, len(a)):
            a[i, j] /= a[j, j]
            a[i, j + 1 :] -= a[i, j] * a[j, j + 1 :]
    return a, np.array(pivots, np.int32)


def unpacked(packed: Any, pivots: Any) -> tuple[Any, Any, Any]:
    m, n = packed.shape
    k = min(m, n)
    order = list(range(m))
    for j, best in enumerate(pivots):
        order[j], order[best - 1] = order[best - 1], order[j]
    p = np.eye(m, dtype=packed.dtype)[:, order]
    return p, np.tril(packed, -1)[:, :k] + np.eye(m, k, dtype=packed.dtype), np.triu(packed)[:k]


def lu_factor(a: Any, *, pivot: bool = True) -> Any:
    if not a.size:
        return a, np.zeros((*a.shape[:-2], min(a.shape[-2:])), np.int32)
    return stacked(packed_factors)(a)


def lu_factor_ex(a: Any, *, pivot: bool = True, check_errors: bool = False) -> Any:
    return *lu_factor(a), np.zeros(a.shape[:-2], np.int32)


def lu_unpack(packed: Any, pivots: Any, data: bool = True, permutation: bool = True) -> Any:
    m, n = packed.shape[-2:]
    stack = packed.shape[:-2]
    flat = packed.reshape(-1, m, n) if packed.size else np.zeros((int(np.prod(stack)), m, n))
    parts = [unpacked(a, q) for a, q in zip(flat, pivots.reshape(len(flat), -1), strict=True)]
    each = zip(*parts, strict=True)
    p, lower, upper = (np.reshape(found, stack + found[0].shape) for found in each)
    none = np.zeros(0)
    return p if permutation else none, lower if data else none, upper if data else none


def linalg_lu(a: Any, *, pivot: bool = True) -> Any:
    return lu_unpack(*lu_factor(a))


def lu_solve(packed: Any, pivots: Any, b: Any, *, left: bool = True, adjoint: bool = False) -> Any:
    p, lower, upper = lu_unpack(packed, pivots)
    matrix = p @ lower @ upper
    return solve(matrix.conj().swapaxes(-1, -2) if adjoint else matrix, b, left=left)


def lu(a: Any, pivot: bool = True, get_infos: bool = False) -> Any:
    return lu_factor_ex(a) if get_infos else lu_factor(a)


def solve(a: Any, b: Any, *, left: bool = True, **_: Any) -> Any:
    if b.ndim == 1 or b.shape == a.shape[:-1]:
        return solve(a, b[..., None])[..., 0]
    if not left:
        return solve(a.swapaxes(-1, -2), b.swapaxes(-1, -2)).swapaxes(-1, -2)
    return stacked(eliminated, 2)(a, b)


def solve_ex(a: Any, b: Any, **how: Any) -> Any:
    return solve(a, b, **how), np.zeros(a.shape[:-2], np.int32)


@stacked
def inv(a: Any) -> Any:
    return eliminated(a, np.eye(len(a), dtype=a.dtype))


def inv_ex(a: Any, *, check_errors: bool = False) -> Any:
    return inv(a), np.zeros(a.shape[:-2], np.int32)


@stacked
def det(a: Any) -> Any:
    if not len(a):
        return np.longdouble(1)
    packed, pivots = packed_factors(a)
    swaps = sum(pivots != np.arange(1, len(a) + 1))
    return np.prod(np.diagonal(packed)) * (-1) ** swaps


def slogdet(a: Any) -> Any:
    value = np.asarray(det(a))
    return value / np.abs(value), np.log(np.abs(value))


REFERENCES: dict[str, Callable[..., Any]] = {
    "cholesky": cholesky,
    "cholesky_ex": cholesky_ex,
    "cholesky_inverse": cholesky_inverse,
    "cholesky_solve": cholesky_solve,
    "det": det,
    "inv": inv,
    "inv_ex": inv_ex,
    "linalg.lu": linalg_lu,
    "linalg.lu_solve": lu_solve,
    "logdet": lambda a: np.log(det(a)),
    "lu": lu,
    "lu_factor": lu_factor,
    "lu_factor_ex": lu_factor_ex,
    "lu_solve": lambda b, packed, pivots: lu_solve(packed, pivots, b),
    "lu_unpack": lu_unpack,
    "slogdet": slogdet,
    "solve": solve,
    "solve_ex": solve_ex,
    "solve_triangular": solve_triangular,
    "triangular_solve": triangular_solve,
}

OTHER_NAMES = {"inverse": "inv"}
