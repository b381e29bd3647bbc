# Written by tools/stubs.py from the operator table; do not edit.
import builtins
from typing import Any, TypeAlias

from pullback._core import (
    DType,
    Ints,
    Tensor,
)

_bool: TypeAlias = builtins.bool
_int: TypeAlias = builtins.int
_float: TypeAlias = builtins.float

def fft(
    input: Tensor,
    n: _int | None = None,
    dim: _int = -1,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def fft2(
    input: Tensor,
    s: Ints | None = None,
    dim: Ints = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def fftfreq(
    n: _int,
    d: _float = 1.0,
    *,
    dtype: DType | None = None,
    out: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def fftn(
    input: Tensor,
    s: Ints | None = None,
    dim: Ints | None = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def fftshift(input: Tensor, dim: Ints | None = None) -> Tensor: ...
def hfft(
    input: Tensor,
    n: _int | None = None,
    dim: _int = -1,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def hfft2(
    input: Tensor,
    s: Ints | None = None,
    dim: Ints = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def hfftn(
    input: Tensor,
    s: Ints | None = None,
    dim: Ints | None = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def ifft(
    input: Tensor,
    n: _int | None = None,
    dim: _int = -1,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def ifft2(
    input: Tensor,
    s: Ints | None = None,
    dim: Ints = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def ifftn(
    input: Tensor,
    s: Ints | None = None,
    dim: Ints | None = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def ifftshift(input: Tensor, dim: Ints | None = None) -> Tensor: ...
def ihfft(
    input: Tensor,
    n: _int | None = None,
    dim: _int = -1,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def ihfft2(
    input: Tensor,
    s: Ints | None = None,
    dim: Ints = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def ihfftn(
    input: Tensor,
    s: Ints | None = None,
    dim: Ints | None = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def irfft(
    input: Tensor,
    n: _int | None = None,
    dim: _int = -1,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def irfft2(
    input: Tensor,
    s: Ints | None = None,
    dim: Ints = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def irfftn(
    input: Tensor,
    s: Ints | None = None,
    dim: Ints | None = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def rfft(
    input: Tensor,
    n: _int | None = None,
    dim: _int = -1,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def rfft2(
    input: Tensor,
    s: Ints | None = None,
    dim: Ints = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def rfftfreq(
    n: _int,
    d: _float = 1.0,
    *,
    dtype: DType | None = None,
    out: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def rfftn(
    input: Tensor,
    s: Ints | None = None,
    dim: Ints | None = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
