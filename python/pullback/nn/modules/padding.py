"""Padding: ``F.pad`` with its sizes kept, one class a mode and number of dimensions.

``padding`` is one number for all sides, or two for each padded dimension, the last one first.
"""

from __future__ import annotations

from typing import Any

from pullback import Tensor
from pullback.nn import functional as F
from pullback.nn.modules.module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _Pad(Module):
    dims: int
    mode: str

    def __init__(self, padding: Any) -> None:
        super().__init__()
        count = 2 * self.dims
        if not isinstance(padding, (tuple, list)):
            self.padding: tuple[int, ...] = (padding,) * count
        elif len(padding) == count:
            self.padding = tuple(padding)
        else:
            raise ValueError(
                f"{type(self).__name__}: padding must be one number or {count}: "
                f"got {len(padding)} numbers"
            )

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """Pads the last dimension with ``value``."""

    dims = 1


class ConstantPad2d(_ConstantPad):
    """Pads the last two dimensions with ``value``."""

    dims = 2


class ConstantPad3d(_ConstantPad):
    """Pads the last three dimensions with ``value``."""

    dims = 3


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_ZeroPad):
    """Pads the last dimension with zeros."""

    dims = 1


class ZeroPad2d(_ZeroPad):
    """Pads the last two dimensions with zeros."""

    dims = 2


class ZeroPad3d(_ZeroPad):
    """Pads the last three dimensions with zeros."""

    dims = 3


class ReflectionPad1d(_Pad):
    """Pads the last dimension with its reflection."""

    dims, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Pads the last two dimensions with their reflection."""

    dims, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """Pads the last three dimensions with their reflection."""

    dims, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """Pads the last dimension with its values at the ends."""

    dims, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Pads the last two dimensions with their values at the ends."""

    dims, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """Pads the last three dimensions with their values at the ends."""

    dims, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """Pads the last dimension with its values from the other end."""

    dims, mode = 1, "circular"


class CircularPad2d(_Pad):
    """Pads the last two dimensions with their values from the other end."""

    dims, mode = 2, "circular"


class CircularPad3d(_Pad):
    """Pads the last three dimensions with their values from the other end."""

    dims, mode = 3, "circular"
