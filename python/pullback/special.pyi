# Written by tools/stubs.py from the operator table; do not edit.
import builtins
from typing import Any, TypeAlias

import pullback as _pb
from pullback._core import (
    DType,
    Ints,
    Number,
    Tensor,
)

_bool: TypeAlias = builtins.bool
_int: TypeAlias = builtins.int

def gammainc(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def gammaincc(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor: ...
def log_softmax(input: Tensor, dim: _int, *, dtype: DType | None = None) -> Tensor: ...
def logsumexp(input: Tensor, dim: Ints, keepdim: _bool = False, *, out: Any = None) -> Tensor: ...
def polygamma(n: _int, input: Tensor, *, out: Any = None) -> Tensor: ...
def softmax(input: Tensor, dim: _int, dtype: DType | None = None) -> Tensor: ...
def xlogy(input: Tensor | Number, other: Tensor | Number, *, out: Any = None) -> Tensor: ...

digamma = _pb.digamma
erf = _pb.erf
erfc = _pb.erfc
erfinv = _pb.erfinv
exp2 = _pb.exp2
expit = _pb.sigmoid
expm1 = _pb.expm1
gammaln = _pb.lgamma
log1p = _pb.log1p
logit = _pb.logit
psi = _pb.digamma
round = _pb.round
sinc = _pb.sinc
