"""Tensors and DLPack capsules."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Tensor, _arguments
from pullback._core import from_dlpack

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor: Tensor) -> Any:
    """A capsule of a tensor, which shares its memory.

    Example:
        >>> import pullback as pb
        >>> from pullback.utils.dlpack import from_dlpack, to_dlpack
        >>> from_dlpack(to_dlpack(pb.ones(2)))
        tensor([1., 1.])
    """
    _arguments.tensors("to_dlpack", tensor=tensor)
    return pb.Tensor.__dlpack__(tensor)
