"""Names of types that annotations of PyTorch programs use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import IO

import pullback as pb
from pullback import Size, Tensor

__all__ = [
    "BoolLikeType",
    "Device",
    "FileLike",
    "FloatLikeType",
    "IntLikeType",
    "Number",
    "Size",
    "Tensor",
]

Number = int | float | bool
Device = pb.device | str | int | None
FileLike = str | os.PathLike[str] | IO[bytes]
IntLikeType = int
FloatLikeType = float
BoolLikeType = bool
_int, _float, _bool = int, float, bool
_dtype, _device, _layout = pb.dtype, pb.device, pb.layout
_size = Size | Sequence[int]
_TensorOrTensors = Tensor | Sequence[Tensor]
