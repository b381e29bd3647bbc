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
)

_bool: TypeAlias = builtins.bool
_int: TypeAlias = builtins.int

def cross(input: Tensor, other: Tensor, *, dim: _int = -1, out: Any = None) -> Tensor: ...
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
