"""What orthogonal factors, spectra and what stands on them give: reflectors, and NumPy's LAPACK.

A reference takes the arguments of a sample with arrays in the places of the tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from references.matrices import inv, solve, stacked

UNIT = {np.dtype(np.float32): 2.0**-23, np.dtype(np.float64): 2.0**-52}


def wide(a: Any) -> Any:
    return np.asarray(a, dtype=np.complex128 if a.dtype.kind == "c" else np.float64)


def turned(a: Any) -> Any:
    return a.conj().swapaxes(-1, -2)


def reflected(v: Any, tau: Any, a: Any) -> Any:
    return a - tau * np.outer(v, v.conj() @ a)


def packed_reflectors(a: Any) -> tuple[Any, Any]:
    """R, below it the vectors of the reflectors, and their factors, with LAPACK's signs."""
    a = a.copy()
    m, n = a.shape
    taus = np.zeros(min(m, n), a.dtype)
    for j in range(min(m, n)):
        rest = np.sqrt(np.sum(np.abs(a[j + 1 :, j]) ** 2))
        if rest == 0 and a[j, j].imag == 0:
            continue
        beta = -np.copysign(np.sqrt(np.abs(a[j, j]) ** 2 + rest**2), a[j, j].real)
        taus[j] = (beta - a[j, j]) / beta
        v = np.concatenate([[1], a[j + 1 :, j] / (a[j, j] - beta)])
        a[j:, j + 1 :] = reflected(v, np.conj(taus[j]), a[j:, j + 1 :])
        a[j, j], a[j + 1 :, j] = beta, v[1:]
    return a, taus


def geqrf(a: Any) -> Any:
    if not a.size:
        return a, np.zeros((*a.shape[:-2], min(a.shape[-2:])))
    return stacked(packed_reflectors)(a)


def vector(a: Any, j: int) -> Any:
    return np.concatenate([np.zeros(j), [1], a[j + 1 :, j]])


def product_of_reflectors(a: Any, tau: Any, columns: int) -> Any:
    q = np.eye(len(a), columns, dtype=a.dtype)
    for j in reversed(range(len(tau))):
        q = reflected(vector(a, j), tau[j], q)
    return q


def householder_product(a: Any, tau: Any) -> Any:
    stack = a.shape[:-2]
    found = [product_of_reflectors(a[i], tau[i], a.shape[-1]) for i in np.ndindex(stack)]
    return np.reshape(found, a.shape)


def ormqr(a: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False) -> Any:
    stack = a.shape[:-2]
    whole = [product_of_reflectors(a[i], tau[i], a.shape[-2]) for i in np.ndindex(stack)]
    q = np.reshape(whole, (*stack, a.shape[-2], a.shape[-2]))
    q = turned(q) if transpose else q
    return q @ other if left else other @ q


def linalg_qr(a: Any, mode: str = "reduced") -> Any:
    m, n = a.shape[-2:]
    inner = m if mode == "complete" else min(m, n)
    stack = a.shape[:-2]
    packed, tau = geqrf(a)
    r = np.zeros((*stack, inner, n), a.dtype)
    k = min(m, n)
    r[..., :k, :] = np.triu(packed[..., :k, :])
    if mode == "r":
        return np.zeros(0), r
    found = [product_of_reflectors(packed[i], tau[i], inner) for i in np.ndindex(stack)]
    return np.reshape(found, (*stack, m, inner)), r


def eigh(a: Any, uplo: str = "L") -> Any:
    return tuple(np.linalg.eigh(wide(a), uplo))


def eig(a: Any) -> Any:
    values, vectors = np.linalg.eig(wide(a))
    return values + 0j, vectors + 0j


def svd(a: Any, full_matrices: bool = True) -> Any:
    return tuple(np.linalg.svd(wide(a), full_matrices))


def torch_svd(a: Any, some: bool = True, compute_uv: bool = True) -> Any:
    u, s, vh = svd(a, not some)
    if not compute_uv:
        m, n = a.shape[-2:]
        return np.zeros((*a.shape[:-2], m, m)), s, np.zeros((*a.shape[:-2], n, n))
    return u, s, turned(vh)


def svdvals(a: Any) -> Any:
    return np.linalg.svd(wide(a), compute_uv=False)


def bound(a: Any, greatest: Any, atol: Any, rtol: Any) -> Any:
    if rtol is None:
        rtol = 0 if atol is not None and np.all(atol > 0) else max(a.shape[-2:]) * 2.0**-52
    return np.maximum(0 if atol is None else atol, rtol * greatest)


def pinv(a: Any, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Any:
    if not a.size:
        return np.zeros((*a.shape[:-2], a.shape[-1], a.shape[-2]))
    u, s, vh = np.linalg.svd(wide(a), full_matrices=False)
    least = bound(a, s[..., :1], atol, rtol)
    inverse = np.where(s > least, 1 / s, 0)
    return (turned(vh) * inverse[..., None, :]) @ turned(u)


def linalg_pinv(a: Any, rcond: Any = None, hermitian: bool = False, **bounds: Any) -> Any:
    return pinv(a, rtol=rcond) if rcond is not None else pinv(a, **bounds)


def matrix_rank(a: Any, tol: Any = None, *, hermitian: bool = False, **bounds: Any) -> Any:
    s = svdvals(a)
    if not s.size:
        return np.zeros(a.shape[:-2], np.int64)
    greatest = s.max(axis=-1)
    least = bound(a, greatest, bounds.get("atol"), bounds.get("rtol")) if tol is None else tol
    return np.sum(s > np.asarray(least)[..., None], axis=-1)


def cond(a: Any, p: Any = None) -> Any:
    return np.abs(np.linalg.cond(wide(a), p))  # complex where NumPy 2.2 divides by zero


def lstsq(a: Any, b: Any, rcond: Any = None, *, driver: str = "gelsy") -> Any:
    vector = b.shape == a.shape[:-1]
    right = b[..., None] if vector else b
    x = pinv(a) @ right
    s = svdvals(a)
    none = np.zeros(0)
    m, n = a.shape[-2:]
    residuals = np.sum(np.abs(a @ x - right) ** 2, axis=-2) if m > n and driver != "gelsy" else none
    rank = matrix_rank(a) if driver != "gels" else np.zeros(0, np.int64)
    return x[..., 0] if vector else x, residuals, rank, s if driver in {"gelsd", "gelss"} else none


def matrix_exp(a: Any) -> Any:
    """The power series of a small multiple, squared."""
    term = np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape)
    total, x = term.copy(), a / 2**12
    for k in range(1, 12):
        term = term @ x / k
        total = total + term
    for _ in range(12):
        total = total @ total
    return total


def matrix_power(a: Any, n: int) -> Any:
    base = inv(a) if n < 0 else a
    found = np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape)
    for _ in range(abs(n)):
        found = found @ base
    return found


def tensorinv(a: Any, ind: int = 2) -> Any:
    n = int(np.prod(a.shape[:ind]))
    return inv(a.reshape(n, n)).reshape(a.shape[ind:] + a.shape[:ind])


def tensorsolve(a: Any, b: Any, dims: Any = None) -> Any:
    if dims is not None:
        a = np.moveaxis(a, dims, range(a.ndim - len(dims), a.ndim))
    return solve(a.reshape(b.size, b.size), b.reshape(-1, 1)).reshape(a.shape[b.ndim :])


def linalg_vander(x: Any, *, N: Any = None) -> Any:
    count = x.shape[-1] if N is None else N
    return x[..., None] ** np.arange(count)


def ldl_factor_ex(a: Any, **_: Any) -> Any:
    from scipy.linalg.lapack import dsytrf

    stack = a.shape[:-2]
    if not a.size:
        return a, np.zeros(a.shape[:-1], np.int32), np.zeros(stack, np.int32)
    found = [dsytrf(np.tril(wide(a[i])), lower=1) for i in np.ndindex(stack)]
    ld, pivots, info = (np.array(part) for part in zip(*found, strict=True))
    return (
        np.tril(ld.reshape(a.shape)),
        pivots.reshape(a.shape[:-1]).astype(np.int32),
        info.reshape(stack).astype(np.int32),
    )


def ldl_solve(ld: Any, pivots: Any, b: Any) -> Any:
    """With pivots of one row: exchanges, a unit triangle and a diagonal."""
    stack = np.broadcast_shapes(ld.shape[:-2], b.shape[:-2])
    ld, b = (np.broadcast_to(x, stack + x.shape[-2:]) for x in (ld, b))
    pivots = np.broadcast_to(pivots, ld.shape[:-1])
    found = np.array(b)
    n = ld.shape[-1]
    for i in np.ndindex(stack):
        x = found[i]
        for j in range(n):
            x[[j, pivots[i][j] - 1]] = x[[pivots[i][j] - 1, j]]
            x[j + 1 :] -= np.outer(ld[i][j + 1 :, j], x[j])
        x /= np.diagonal(ld[i])[:, None]
        for j in reversed(range(n)):
            x[j] -= ld[i][j + 1 :, j] @ x[j + 1 :]
            x[[j, pivots[i][j] - 1]] = x[[pivots[i][j] - 1, j]]
    return found


REFERENCES: dict[str, Callable[..., Any]] = {
    "cond": cond,
    "eig": eig,
    "eigh": eigh,
    "eigvals": lambda a: eig(a)[0],
    "eigvalsh": lambda a, uplo="L": eigh(a, uplo)[0],
    "geqrf": geqrf,
    "householder_product": householder_product,
    "ldl_factor": lambda a: ldl_factor_ex(a)[:2],
    "ldl_factor_ex": ldl_factor_ex,
    "ldl_solve": ldl_solve,
    "linalg.diagonal": lambda a, offset=0, dim1=-2, dim2=-1: np.diagonal(a, offset, dim1, dim2),
    "linalg.qr": linalg_qr,
    "linalg.svd": svd,
    "linalg.vander": linalg_vander,
    "lstsq": lstsq,
    "matrix_exp": matrix_exp,
    "matrix_power": matrix_power,
    "matrix_rank": matrix_rank,
    "ormqr": ormqr,
    "pinv": linalg_pinv,
    "pinverse": lambda a, rcond=1e-15: pinv(a, rtol=rcond),
    "qr": lambda a, some=True: linalg_qr(a, "reduced" if some else "complete"),
    "svd": torch_svd,
    "svdvals": svdvals,
    "tensorinv": tensorinv,
    "tensorsolve": tensorsolve,
    "vander": np.vander,
}

OTHER_NAMES = {"orgqr": "householder_product"}
