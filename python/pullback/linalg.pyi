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

class LinAlgError(RuntimeError): ...

def cholesky(input: Tensor, *, upper: _bool = False, out: Any = None) -> Tensor: ...
def cholesky_ex(
    input: Tensor, *, upper: _bool = False, check_errors: _bool = False, out: Any = None
) -> _return_types.cholesky_ex: ...
def cross(input: Tensor, other: Tensor, *, dim: _int = -1, out: Any = None) -> Tensor: ...
def det(A: Tensor, *, out: Any = None) -> Tensor: ...
def inv(A: Tensor, *, out: Any = None) -> Tensor: ...
def inv_ex(A: Tensor, *, check_errors: _bool = False, out: Any = None) -> _return_types.inv_ex: ...
def lu(input: Tensor, *, pivot: _bool = True, out: Any = None) -> _return_types.lu: ...
def lu_factor(
    input: Tensor, *, pivot: _bool = True, out: Any = None
) -> _return_types.lu_factor: ...
def lu_factor_ex(
    input: Tensor, *, pivot: _bool = True, check_errors: _bool = False, out: Any = None
) -> _return_types.lu_factor_ex: ...
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
def slogdet(A: Tensor, *, out: Any = None) -> _return_types.slogdet: ...
def solve(A: Tensor, B: Tensor, *, left: _bool = True, out: Any = None) -> Tensor: ...
def solve_ex(
    A: Tensor, B: Tensor, *, left: _bool = True, check_errors: _bool = False, out: Any = None
) -> _return_types.solve_ex: ...
def solve_triangular(
    input: Tensor,
    B: Tensor,
    *,
    upper: _bool,
    left: _bool = True,
    unitriangular: _bool = False,
    out: Any = None,
) -> Tensor: ...
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
