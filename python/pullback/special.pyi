# Written by tools/stubs.py from the operator table; do not edit.
import builtins
from typing import Any, TypeAlias

from pullback._core import (
    DType,
    Ints,
    Number,
    Tensor,
)

_bool: TypeAlias = builtins.bool
_int: TypeAlias = builtins.int

def log_softmax(input: Tensor, dim: _int, *, dtype: DType | None = None) -> Tensor: ...
def logsumexp(input: Tensor, dim: Ints, keepdim: _bool = False, *, out: Any = None) -> Tensor: ...
def polygamma(n: _int, input: Tensor, *, out: Any = None) -> Tensor: ...
def softmax(input: Tensor, dim: _int, dtype: DType | None = None) -> Tensor: ...
def xlogy(input: Tensor | Number, other: Tensor | Number, *, out: Any = None) -> Tensor: ...
