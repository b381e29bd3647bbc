# Written by tools/stubs.py from the operator table; do not edit.
import builtins
from typing import Any, TypeAlias, overload

from pullback._core import (
    DType,
    Ints,
    Number,
    Sizes,
    Tensor,
    Tensors,
    _return_types,
)

_bool: TypeAlias = builtins.bool
_int: TypeAlias = builtins.int
_float: TypeAlias = builtins.float

class LinAlgError(RuntimeError): ...

def cholesky(input: Tensor, *, upper: _bool = False, out: Any = None) -> Tensor: ...
def cholesky_ex(
    input: Tensor, *, upper: _bool = False, check_errors: _bool = False, out: Any = None
) -> _return_types.linalg_cholesky_ex: ...
@overload
def cond(input: Tensor, p: Number | None = None, *, out: Any = None) -> Tensor: ...
@overload
def cond(input: Tensor, p: str, *, out: Any = None) -> Tensor: ...
def cross(input: Tensor, other: Tensor, *, dim: _int = -1, out: Any = None) -> Tensor: ...
def det(A: Tensor, *, out: Any = None) -> Tensor: ...
def diagonal(A: Tensor, *, offset: _int = 0, dim1: _int = -2, dim2: _int = -1) -> Tensor: ...
def eig(input: Tensor, *, out: Any = None) -> _return_types.linalg_eig: ...
def eigh(input: Tensor, UPLO: str = "L", *, out: Any = None) -> _return_types.linalg_eigh: ...
def eigvals(input: Tensor, *, out: Any = None) -> Tensor: ...
def eigvalsh(input: Tensor, UPLO: str = "L", *, out: Any = None) -> Tensor: ...
def householder_product(input: Tensor, tau: Tensor, *, out: Any = None) -> Tensor: ...
def inv(A: Tensor, *, out: Any = None) -> Tensor: ...
def inv_ex(
    A: Tensor, *, check_errors: _bool = False, out: Any = None
) -> _return_types.linalg_inv_ex: ...
def ldl_factor(
    input: Tensor, *, hermitian: _bool = False, out: Any = None
) -> _return_types.linalg_ldl_factor: ...
def ldl_factor_ex(
    input: Tensor, *, hermitian: _bool = False, check_errors: _bool = False, out: Any = None
) -> _return_types.linalg_ldl_factor_ex: ...
def ldl_solve(
    LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: _bool = False, out: Any = None
) -> Tensor: ...
def lstsq(
    input: Tensor,
    b: Tensor,
    rcond: _float | None = None,
    *,
    driver: str | None = None,
    out: Any = None,
) -> _return_types.linalg_lstsq: ...
def lu(A: Tensor, *, pivot: _bool = True, out: Any = None) -> _return_types.linalg_lu: ...
def lu_factor(
    A: Tensor, *, pivot: _bool = True, out: Any = None
) -> _return_types.linalg_lu_factor: ...
def lu_factor_ex(
    A: Tensor, *, pivot: _bool = True, check_errors: _bool = False, out: Any = None
) -> _return_types.linalg_lu_factor_ex: ...
def lu_solve(
    LU: Tensor,
    pivots: Tensor,
    B: Tensor,
    *,
    left: _bool = True,
    adjoint: _bool = False,
    out: Any = None,
) -> Tensor: ...
def matmul(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def matrix_exp(input: Tensor) -> Tensor: ...
@overload
def matrix_norm(
    input: Tensor,
    ord: str = "fro",
    dim: Sizes = (-2, -1),
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
) -> Tensor: ...
@overload
def matrix_norm(
    input: Tensor,
    ord: Number,
    dim: Sizes = (-2, -1),
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
) -> Tensor: ...
def matrix_power(input: Tensor, n: _int, *, out: Any = None) -> Tensor: ...
@overload
def matrix_rank(
    input: Tensor,
    *,
    atol: Tensor | Number | None = None,
    rtol: Tensor | Number | None = None,
    hermitian: _bool = False,
    out: Any = None,
) -> Tensor: ...
@overload
def matrix_rank(
    input: Tensor, tol: Tensor | Number, hermitian: _bool = False, *, out: Any = None
) -> Tensor: ...
def multi_dot(tensors: Tensors, *, out: Any = None) -> Tensor: ...
@overload
def norm(
    input: Tensor,
    ord: Number | None = None,
    dim: Ints | None = None,
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
) -> Tensor: ...
@overload
def norm(
    input: Tensor,
    ord: str,
    dim: Ints | None = None,
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
) -> Tensor: ...
@overload
def pinv(
    input: Tensor,
    *,
    atol: Tensor | Number | None = None,
    rtol: Tensor | Number | None = None,
    hermitian: _bool = False,
    out: Any = None,
) -> Tensor: ...
@overload
def pinv(
    input: Tensor, rcond: Tensor | Number, hermitian: _bool = False, *, out: Any = None
) -> Tensor: ...
def qr(A: Tensor, mode: str = "reduced", *, out: Any = None) -> _return_types.linalg_qr: ...
def slogdet(A: Tensor, *, out: Any = None) -> _return_types.linalg_slogdet: ...
def solve(A: Tensor, B: Tensor, *, left: _bool = True, out: Any = None) -> Tensor: ...
def solve_ex(
    A: Tensor, B: Tensor, *, left: _bool = True, check_errors: _bool = False, out: Any = None
) -> _return_types.linalg_solve_ex: ...
def solve_triangular(
    input: Tensor,
    B: Tensor,
    *,
    upper: _bool,
    left: _bool = True,
    unitriangular: _bool = False,
    out: Any = None,
) -> Tensor: ...
def svd(
    A: Tensor, full_matrices: _bool = True, *, driver: str | None = None, out: Any = None
) -> _return_types.linalg_svd: ...
def svdvals(A: Tensor, *, driver: str | None = None, out: Any = None) -> Tensor: ...
def tensorinv(input: Tensor, ind: _int = 2, *, out: Any = None) -> Tensor: ...
def tensorsolve(
    input: Tensor, other: Tensor, dims: Ints | None = None, *, out: Any = None
) -> Tensor: ...
def vander(x: Tensor, *, N: _int | None = None) -> Tensor: ...
def vecdot(x: Tensor, y: Tensor, *, dim: _int = -1, out: Any = None) -> Tensor: ...
def vector_norm(
    input: Tensor,
    ord: Number = 2,
    dim: Ints | None = None,
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
) -> Tensor: ...
