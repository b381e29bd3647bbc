"""Pooling: functions of ``nn.functional`` with their settings kept, one class a dimension."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pullback import Tensor
from pullback.nn import functional as F
from pullback.nn.modules.module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


_MAX = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_COUNTING = ("count_include_pad", "divisor_override")
_AVERAGE = ("kernel_size", "stride", "padding", "ceil_mode", *_COUNTING)


def _forward(function: str, *attributes: str) -> Callable[[Any, Tensor], Any]:
    """``forward`` by the attributes alone: programs call it with objects that have only these."""

    def forward(self: Any, input: Tensor) -> Any:
        return getattr(F, function)(input, *(getattr(self, name) for name in attributes))

    return forward


class _MaxPoolNd(Module):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class _MaxUnpoolNd(Module):
    dims: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = _spread(kernel_size, self.dims)
        self.stride = _spread(stride if stride is not None else kernel_size, self.dims)
        self.padding = _spread(padding, self.dims)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[self.dims - 1](
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPoolNd(Module):
    kernel_size: Any
    stride: Any
    padding: Any

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPool(_AvgPoolNd):
    """Of two and three dimensions."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override


class _LPPoolNd(Module):
    dims: int

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        return (F.lp_pool1d, F.lp_pool2d, F.lp_pool3d)[self.dims - 1](
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class _FractionalMaxPool(Module):
    dims: int

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        dims, name = self.dims, type(self).__name__
        self.kernel_size = _spread(kernel_size, dims)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else _spread(output_size, dims)
        self.output_ratio = None if output_ratio is None else _spread(output_ratio, dims)
        if output_size is None and output_ratio is None:
            raise ValueError(
                f"{name} requires specifying either an output size, or a pooling ratio"
            )
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        return (F.fractional_max_pool2d, F.fractional_max_pool3d)[self.dims - 2](
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class _AdaptiveMaxPoolNd(Module):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _AdaptiveAvgPoolNd(Module):
    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AvgPool1d(_AvgPoolNd):
    """The mean of each window of the last dimension."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = _spread(kernel_size, 1)
        self.stride = _spread(stride if stride is not None else kernel_size, 1)
        self.padding = _spread(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )


def _spread(value: Any, dims: int) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * dims


class MaxPool1d(_MaxPoolNd):
    """The greatest element of each window of the last dimension."""

    forward = _forward("max_pool1d", *_MAX)


class MaxPool2d(_MaxPoolNd):
    """The greatest element of each window of the last two dimensions."""

    forward = _forward("max_pool2d", *_MAX)


class MaxPool3d(_MaxPoolNd):
    """The greatest element of each window of the last three dimensions."""

    forward = _forward("max_pool3d", *_MAX)


class MaxUnpool1d(_MaxUnpoolNd):
    """Puts maxima of windows of the last dimension back at their positions, among zeros."""

    dims = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """Puts maxima of windows of the last two dimensions back at their positions, among zeros."""

    dims = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """Puts maxima of windows of the last three dimensions back at their positions, among zeros."""

    dims = 3


class AvgPool2d(_AvgPool):
    """The mean of each window of the last two dimensions."""

    forward = _forward("avg_pool2d", *_AVERAGE)


class AvgPool3d(_AvgPool):
    """The mean of each window of the last three dimensions."""

    forward = _forward("avg_pool3d", *_AVERAGE)


class FractionalMaxPool2d(_FractionalMaxPool):
    """The greatest element of each window of the last two dimensions, at random places.

    Args:
        kernel_size: of a window, one number or one for each dimension.
        output_size: of the result; or
        output_ratio: its size as a part of the input's, between 0 and 1.
        return_indices: give the positions in the plane as well.
        _random_samples: the numbers that choose the places, for tests.

    Raises:
        ValueError: neither size nor ratio, or both, or a ratio that is not between 0 and 1.
    """

    dims = 2


class FractionalMaxPool3d(_FractionalMaxPool):
    """The same of the last three dimensions."""

    dims = 3


class LPPool1d(_LPPoolNd):
    """The power mean of each window of the last dimension, times its size."""

    dims = 1


class LPPool2d(_LPPoolNd):
    """The power mean of each window of the last two dimensions, times its size."""

    dims = 2


class LPPool3d(_LPPoolNd):
    """The power mean of each window of the last three dimensions, times its size."""

    dims = 3


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """The greatest elements of equal parts of the last dimension."""

    forward = _forward("adaptive_max_pool1d", "output_size", "return_indices")


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """The greatest elements of equal parts of the last two dimensions."""

    forward = _forward("adaptive_max_pool2d", "output_size", "return_indices")


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """The greatest elements of equal parts of the last three dimensions."""

    forward = _forward("adaptive_max_pool3d", "output_size", "return_indices")


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """The means of equal parts of the last dimension."""

    forward = _forward("adaptive_avg_pool1d", "output_size")


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """The means of equal parts of the last two dimensions."""

    forward = _forward("adaptive_avg_pool2d", "output_size")


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """The means of equal parts of the last three dimensions."""

    forward = _forward("adaptive_avg_pool3d", "output_size")
