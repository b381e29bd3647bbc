"""Weights of convolutions in another memory format."""

from __future__ import annotations

from typing import Any, TypeVar

import pullback as pb
from pullback import nn

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]

_M = TypeVar("_M", bound="nn.Module")


def _converted(module: _M, memory_format: Any, kinds: tuple[type, ...]) -> _M:
    for each in module.modules():
        if isinstance(each, kinds):
            with pb.no_grad():
                weight: Any = each.weight
                weight.data = weight.detach().clone(memory_format=memory_format)
    return module


def convert_conv2d_weight_memory_format(module: _M, memory_format: Any) -> _M:
    """Lay the weights of all two-dimensional convolutions in a module out anew; values stay.

    Args:
        module: changed in place.
        memory_format: of the weights.
    """
    return _converted(module, memory_format, (nn.Conv2d, nn.ConvTranspose2d))


def convert_conv3d_weight_memory_format(module: _M, memory_format: Any) -> _M:
    """The same for three dimensions."""
    return _converted(module, memory_format, (nn.Conv3d, nn.ConvTranspose3d))
