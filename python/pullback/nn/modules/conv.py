"""Convolutions and transposed convolutions of one to three dimensions.

``_ConvNd`` has what all share: the sizes as tuples, and the parameters, which start uniform
in ``+-1 / sqrt(fan_in)``. A lazy form learns the number of channels from its first input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.nn import functional as F
from pullback.nn import init
from pullback.nn.modules.lazy import LazyModuleMixin
from pullback.nn.modules.module import Module
from pullback.nn.parameter import Parameter, UninitializedParameter

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
]

Sizes = int | tuple[int, ...]

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def _spread(value: Any, dims: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * dims


class _ConvNd(Module):
    dims: int
    transposed: bool
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes,
        padding: Any,
        dilation: Sizes,
        output_padding: Sizes,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: Any,
    ) -> None:
        super().__init__()
        dims = self.dims
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _spread(kernel_size, dims)
        self.stride = _spread(stride, dims)
        self.padding: Any = padding if isinstance(padding, str) else _spread(padding, dims)
        self.dilation = _spread(dilation, dims)
        self.output_padding = _spread(output_padding, dims)
        self.groups = groups
        self.padding_mode = padding_mode
        self._check()
        self.weight = Parameter(pb.empty(self._weight_shape(), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(pb.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _check(self) -> None:
        if self.groups <= 0:
            raise ValueError(f"groups must be a positive integer: got {self.groups}")
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups != 0:
                raise ValueError(
                    f"{name} must be divisible by groups: got {getattr(self, name)} and "
                    f"{self.groups}"
                )
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise ValueError(
                    f"Invalid padding string {self.padding!r}, should be one of 'same', 'valid'"
                )
            if self.padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if self.padding_mode not in PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {PADDING_MODES}, "
                f"but got padding_mode={self.padding_mode!r}"
            )
        if self.transposed and self.padding_mode != "zeros":
            raise ValueError(
                f'Only "zeros" padding mode is supported for {type(self).__name__}: '
                f"got {self.padding_mode!r}"
            )

    def _weight_shape(self) -> tuple[int, ...]:
        channels = (self.in_channels, self.out_channels)
        first, second = channels if self.transposed else channels[::-1]
        return (first, second // self.groups, *self.kernel_size)

    def reset_parameters(self) -> None:
        """Draw both parameters anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        fan_in = self.weight.size(1) * math.prod(self.kernel_size)
        if self.bias is not None and fan_in != 0:
            bound = 1 / math.sqrt(fan_in)
            init.uniform_(self.bias, -bound, bound)

    def _sides(self) -> list[int]:
        """What ``F.pad`` takes for the padding of these settings."""
        sides: list[int] = []
        for k in reversed(range(len(self.kernel_size))):
            if self.padding == "same":
                total = self.dilation[k] * (self.kernel_size[k] - 1)
                sides += [total // 2, total - total // 2]
            else:
                both: Any = 0 if self.padding == "valid" else self.padding[k]
                sides += [both, both]
        return sides

    def extra_repr(self) -> str:
        zeros, ones = (0,) * self.dims, (1,) * self.dims
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        if self.padding != zeros:
            text += f", padding={self.padding}"
        if self.dilation != ones:
            text += f", dilation={self.dilation}"
        if self.output_padding != zeros:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class _Conv(_ConvNd):
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            0,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)

    # Programs call it with another weight.
    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        function = (F.conv1d, F.conv2d, F.conv3d)[len(self.kernel_size) - 1]
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._sides(), self.padding_mode), 0
        return function(input, weight, bias, self.stride, padding, self.dilation, self.groups)


class _ConvTransposeNd(_ConvNd):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            output_padding,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """``output_size`` says which of the sizes that fit the result has."""
        functions = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
        return functions[len(self.kernel_size) - 1](
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self._output_padding(
                input,
                output_size,
                self.stride,
                self.padding,
                self.kernel_size,
                len(self.kernel_size),
                self.dilation,
            ),
            self.groups,
            self.dilation,
        )

    def _output_padding(
        self,
        input: Tensor,
        output_size: list[int] | None,
        stride: Sequence[int],
        padding: Sequence[int],
        kernel_size: Sequence[int],
        num_spatial_dims: int,
        dilation: Sequence[int] | None = None,
    ) -> tuple[int, ...]:
        """What is added on one side for this size; with PyTorch's arguments, for programs."""
        if output_size is None:
            return self.output_padding
        dims = num_spatial_dims
        unbatched = input.dim() - dims
        wanted = list(output_size)
        if len(wanted) == unbatched + dims:
            wanted = wanted[unbatched:]
        if len(wanted) != dims:
            raise ValueError(
                f"{type(self).__name__}: for {input.dim()}D input, output_size must have {dims} "
                f"or {unbatched + dims} elements (got {len(wanted)})"
            )
        extra = []
        for k in range(dims):
            least = (
                (input.size(k + unbatched) - 1) * stride[k]
                - 2 * padding[k]
                + (dilation[k] if dilation is not None else 1) * (kernel_size[k] - 1)
                + 1
            )
            if not least <= wanted[k] <= least + stride[k] - 1:
                raise ValueError(
                    f"requested an output size of {list(output_size)}, but valid sizes of "
                    f"dimension {k} range from {least} to {least + stride[k] - 1} "
                    f"(for an input of {tuple(input.shape[unbatched:])})"
                )
            extra.append(wanted[k] - least)
        return tuple(extra)


class Conv1d(_Conv):
    """Convolution of [batch, channels, length].

    Args:
        in_channels: of the input.
        out_channels: of the result.
        kernel_size: of the window that moves over the input.
        stride: how far it moves.
        padding: how much is added on both sides, or "same" or "valid".
        dilation: how far the elements of the window are apart.
        groups: input and output channels are cut into so many groups, each seen by itself.
        bias: whether a bias is added.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        device: "cpu".
        dtype: of the parameters, by default the default dtype.

    Raises:
        ValueError: the channels are not divisible by groups, or padding is unknown.
    """

    dims = 1


class Conv2d(_Conv):
    """Convolution of [batch, channels, height, width]; arguments as of ``Conv1d``.

    Example:
        >>> import pullback as pb
        >>> pb.nn.Conv2d(3, 8, 3, padding=1)(pb.ones(2, 3, 5, 5)).shape
        torch.Size([2, 8, 5, 5])
    """

    dims = 2


class Conv3d(_Conv):
    """Convolution of [batch, channels, depth, height, width]; arguments as of ``Conv1d``."""

    dims = 3


class ConvTranspose1d(_ConvTransposeNd):
    """The transpose of ``Conv1d``, from [batch, in_channels, length].

    ``output_padding`` is added on one side, to tell the sizes apart that fit.
    """

    dims = 1


class ConvTranspose2d(_ConvTransposeNd):
    """The transpose of ``Conv2d``, from [batch, in_channels, height, width].

    Example:
        >>> import pullback as pb
        >>> pb.nn.ConvTranspose2d(3, 8, 2, stride=2)(pb.ones(2, 3, 5, 5)).shape
        torch.Size([2, 8, 10, 10])
    """

    dims = 2


class ConvTranspose3d(_ConvTransposeNd):
    """The transpose of ``Conv3d``, from [batch, in_channels, depth, height, width]."""

    dims = 3


class _LazyConvXdMixin(LazyModuleMixin, _ConvNd):
    """Learns ``in_channels`` from its first input."""

    weight: Any
    bias: Any

    def _begin(self, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        """The parameters without shapes, in place of those without elements."""
        self.out_channels = out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw both parameters anew, once they have a shape."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *_: Any, **__: Any) -> None:
        """The shapes that fit the input."""
        dims = self.dims
        if input.dim() not in (dims + 1, dims + 2):
            raise RuntimeError(
                f"Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {input.shape}"
            )
        if self.has_uninitialized_params():
            self.in_channels = input.size(-dims - 1)
            if self.in_channels % self.groups != 0:
                raise ValueError(
                    f"in_channels must be divisible by groups: got {self.in_channels} and "
                    f"{self.groups}"
                )
            with pb.no_grad():
                self.weight.materialize(self._weight_shape())
                if self.bias is not None:
                    self.bias.materialize((self.out_channels,))
                self.reset_parameters()
        elif self.in_channels == 0:  # loaded from a state
            of_input = self.weight.size(0 if self.transposed else 1)
            self.in_channels = of_input if self.transposed else of_input * self.groups


class _LazyConv(_LazyConvXdMixin, _Conv):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            0,
            0,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            False,
            padding_mode,
            device,
            dtype,
        )
        self._begin(out_channels, bias, device, dtype)


class _LazyConvTranspose(_LazyConvXdMixin, _ConvTransposeNd):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            0,
            0,
            kernel_size,
            stride,
            padding,
            output_padding,
            groups,
            False,
            dilation,
            padding_mode,
            device,
            dtype,
        )
        self._begin(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConv, Conv1d):
    """``Conv1d`` whose ``in_channels`` is that of the first input."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """``Conv2d`` whose ``in_channels`` is that of the first input."""

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """``Conv3d`` whose ``in_channels`` is that of the first input."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """``ConvTranspose1d`` whose ``in_channels`` is that of the first input."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """``ConvTranspose2d`` whose ``in_channels`` is that of the first input."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """``ConvTranspose3d`` whose ``in_channels`` is that of the first input."""

    cls_to_become = ConvTranspose3d
