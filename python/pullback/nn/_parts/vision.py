"""Images in other sizes and places: interpolation, shuffled pixels, sampling on a grid."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback.nn import _operators

__all__ = [
    "affine_grid",
    "channel_shuffle",
    "grid_sample",
    "interpolate",
    "native_channel_shuffle",
    "pixel_shuffle",
    "pixel_unshuffle",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]

# Dimensions of the input that a mode is for, and what the core calls it.
_MODES = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5, "lanczos": 4}
_ALL = ("nearest", "area", "nearest-exact", *_MODES)
_KINDS = {"linear": "linear", "bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}
_ANTIALIASED = ("bilinear", "bicubic", "lanczos")


def _spread(what: str, value: Any, dims: int) -> list[Any]:
    if isinstance(value, (tuple, list)):
        if len(value) != dims:
            raise ValueError(
                f"Input and {what} must have the same number of spatial dimensions, but got input "
                f"with {dims} spatial dimensions and {what} of shape {list(value)}"
            )
        return list(value)
    return [value] * dims


def _check_mode(input: Tensor, mode: object, antialias: object) -> None:
    if antialias and (mode not in _ANTIALIASED or input.dim() != 4):
        raise ValueError(
            f"Anti-alias option is restricted to the modes {', '.join(_ANTIALIASED)} and requires "
            f"a 4-D tensor as input: got mode={mode!r} and {input.dim()} dimensions"
        )
    if mode not in _ALL or input.dim() not in (3, 4, 5):
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported (got "
            f"{input.dim()}D) for the modes: {' | '.join(_ALL)} (got {mode})"
        )
    if mode in _MODES and input.dim() != _MODES[mode]:
        raise NotImplementedError(
            f"Got {input.dim()}D input, but {mode} mode needs {_MODES[mode]}D input"
        )


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """The input in another size: [batch, channels, sizes...] with one to three sizes.

    Args:
        input: of 3, 4 or 5 dimensions.
        size: of the result, one number or one for each dimension.
        scale_factor: how many times larger it is, in place of ``size``.
        mode: "nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "lanczos"
            (of three lobes, antialiased) or "area".
        align_corners: the first and last elements stay where they are, in the linear and cubic
            modes.
        recompute_scale_factor: round the sizes first and take their ratio as the factor.
        antialias: the kernel becomes wider when the result is smaller, in "bilinear", "bicubic" and
            "lanczos".

    Raises:
        ValueError: not exactly one of ``size`` and ``scale_factor``, or an option that the mode
            does not have.
        NotImplementedError: the mode is unknown, or for another number of dimensions.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor([[[0.0, 2.0]]])
        >>> pb.nn.functional.interpolate(x, size=3, mode="linear", align_corners=True)
        tensor([[[0., 1., 2.]]])
    """
    settings = (size, scale_factor, mode, align_corners, recompute_scale_factor, antialias)
    return _interpolated("interpolate", input, *settings)


def _interpolated(
    name: str,
    input: Tensor,
    size: Any,
    scale_factor: Any,
    mode: str,
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """``interpolate`` under its names."""
    _arguments.tensors(name, input=input)
    _arguments.texts(name, mode=mode)
    _arguments.maybe(
        _arguments.bools,
        name,
        align_corners=align_corners,
        recompute_scale_factor=recompute_scale_factor,
    )
    _arguments.bools(name, antialias=antialias)
    _arguments.maybe(_arguments.sizes, name, size=size)
    if scale_factor is not None and not isinstance(scale_factor, (tuple, list)):
        _arguments.numbers(name, scale_factor=scale_factor)
    if align_corners is not None and mode in _ALL and mode not in _MODES:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: "
            f"{' | '.join(_MODES)}: got mode={mode!r}"
        )
    dims = input.dim() - 2
    if size is not None and scale_factor is not None:
        raise ValueError("interpolate: only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("interpolate: either size or scale_factor should be defined: got neither")
    steps = [0.0] * dims
    if size is not None:
        if recompute_scale_factor:
            raise ValueError(
                "recompute_scale_factor is not meaningful with an explicit size: got both"
            )
        sizes = _spread("size", size, dims)
    else:
        factors = _spread("scale_factor", scale_factor, dims)
        if not all(0 < f < math.inf for f in factors):
            raise RuntimeError(
                f"{name}: Input and output sizes should be greater than 0: got scale_factor="
                f"{scale_factor}, expected positive numbers"
            )
        last = input.shape[2:]
        sizes = [math.floor(n * f) for n, f in zip(last, factors, strict=True)]
        if not recompute_scale_factor and mode != "area":
            steps = [1.0 / f for f in factors]
    _check_mode(input, mode, antialias)
    if mode == "lanczos" and (align_corners or not antialias):
        raise ValueError(
            "Lanczos mode requires antialias=True and does not support align_corners=True: got "
            f"antialias={antialias} and align_corners={align_corners}"
        )
    if mode == "area":
        return _area(input, sizes)
    kind = _KINDS.get(mode, mode)
    for d in reversed(range(dims)):
        how = (kind, dims, bool(align_corners), antialias)
        input = _core._resample(input, d + 2, sizes[d], steps[d], *how)
    return input


def _area(input: Tensor, sizes: list[int]) -> Tensor:
    functions: Any = (
        _operators.adaptive_avg_pool1d,
        _operators.adaptive_avg_pool2d,
        _operators.adaptive_avg_pool3d,
    )
    result: Tensor = functions[len(sizes) - 1](input, sizes)
    return result


def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """The old name of ``interpolate``."""
    _core._warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.")
    return _interpolated("upsample", input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """``interpolate`` by the nearest element; an old name."""
    _core._warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead."
    )
    return _interpolated("upsample_nearest", input, size, scale_factor, "nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """``interpolate`` in mode "bilinear" with aligned corners; an old name."""
    _core._warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead."
    )
    return _interpolated("upsample_bilinear", input, size, scale_factor, "bilinear", True)


def _laid_out(result: Tensor, input: Tensor) -> Tensor:
    """With the channels last where those of ``input`` are."""
    last = pb.channels_last
    if input.dim() != 4 or input.is_contiguous() or not input.is_contiguous(memory_format=last):
        return result
    return result.clone(memory_format=last)


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """[..., channels * r * r, height, width] as [..., channels, height * r, width * r].

    Raises:
        RuntimeError: the channels are not divisible by ``r * r``, or there are none.
    """
    _arguments.tensors("pixel_shuffle", input=input)
    _arguments.whole("pixel_shuffle", upscale_factor=upscale_factor)
    r = upscale_factor
    if input.dim() < 3:
        raise RuntimeError(
            "pixel_shuffle expects input to have at least 3 dimensions, but got input with "
            f"{input.dim()} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, channels, height, width = input.shape
    if channels % (r * r) != 0:
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}"
        )
    parts = input.reshape(*lead, channels // (r * r), r, r, height, width)
    n = len(lead)
    moved = parts.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    whole = moved.reshape(*lead, channels // (r * r), height * r, width * r)
    return _laid_out(whole, input)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """The reverse of ``pixel_shuffle``.

    Raises:
        RuntimeError: height or width is not divisible by ``downscale_factor``.
    """
    _arguments.tensors("pixel_unshuffle", input=input)
    _arguments.whole("pixel_unshuffle", downscale_factor=downscale_factor)
    r = downscale_factor
    if input.dim() < 3:
        raise RuntimeError(
            "pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
            f"{input.dim()} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, channels, height, width = input.shape
    if height % r != 0 or width % r != 0:
        raise RuntimeError(
            "pixel_unshuffle expects height and width to be divisible by downscale_factor, but "
            f"got {height}, {width} and {r}"
        )
    parts = input.reshape(*lead, channels, height // r, r, width // r, r)
    n = len(lead)
    moved = parts.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    whole = moved.reshape(*lead, channels * r * r, height // r, width // r)
    return _laid_out(whole, input)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The channels (dimension 1) taken from ``groups`` groups in turn.

    Raises:
        RuntimeError: the channels are not divisible by ``groups``.
    """
    _arguments.tensors("channel_shuffle", input=input)
    _arguments.whole("channel_shuffle", groups=groups)
    if input.dim() < 3:
        raise RuntimeError(
            "channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(input.shape)}"
        )
    batch, channels, *rest = input.shape
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    if channels % groups != 0:
        raise RuntimeError(
            "Number of channels must be divisible by groups. "
            f"Got {channels} channels and {groups} groups."
        )
    parts = input.reshape(batch, groups, channels // groups, *rest)
    return _laid_out(parts.transpose(1, 2).reshape(input.shape), input)


def native_channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """``channel_shuffle``."""
    _arguments.tensors("native_channel_shuffle", input=input)
    _arguments.whole("native_channel_shuffle", groups=groups)
    return channel_shuffle(input, groups)


# --- grids ---


def _base(n: int, align_corners: bool, dtype: Any) -> Tensor:
    """Positions of ``n`` elements between -1 and 1."""
    if n <= 1:
        return pb.zeros(n, dtype=dtype)
    line = pb.linspace(-1, 1, n, dtype=dtype)
    return line if align_corners else line * ((n - 1) / n)


def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """Positions for ``grid_sample`` that an affine map makes of the places of a result.

    Args:
        theta: [batch, 2, 3] for images, [batch, 3, 4] for volumes.
        size: of the result, [batch, channels, sizes...].
        align_corners: -1 and 1 are the centres of the first and last elements, not their edges.

    Returns:
        A tensor [batch, sizes..., 2 or 3], the last dimension of the size first.

    Raises:
        ValueError: ``theta`` is not floating or does not fit ``size``.
    """
    _arguments.tensors("affine_grid", theta=theta)
    _arguments.sizes("affine_grid", size=size)
    _arguments.maybe(_arguments.bools, "affine_grid", align_corners=align_corners)
    if align_corners is None:
        _core._warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False "
            "since 1.3.0. Please specify align_corners=True if the old behavior is desired."
        )
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    sizes = list(size) if isinstance(size, (tuple, list)) else [size]
    dims = len(sizes) - 2
    if dims not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {sizes}"
        )
    if theta.dim() != 3 or tuple(theta.shape[1:]) != (dims, dims + 1):
        raise ValueError(
            f"Expected a batch of {dims}D affine matrices of shape Nx{dims}x{dims + 1} for size "
            f"{sizes}. Got {list(theta.shape)}."
        )
    if min(sizes) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {sizes}")
    spatial = sizes[2:]
    lines = [_base(n, bool(align_corners), theta.dtype) for n in spatial]
    grids = pb.meshgrid(*lines, indexing="ij")
    ones = pb.ones(*spatial, dtype=theta.dtype)
    base = pb.stack([*reversed(grids), ones], -1).reshape(1, -1, dims + 1)
    return (base @ theta.transpose(1, 2)).reshape(sizes[0], *spatial, dims)


def _unnormalised(x: Tensor, n: int, align_corners: bool) -> Tensor:
    return (x + 1) / 2 * (n - 1) if align_corners else ((x + 1) * n - 1) / 2


def _reflected(x: Tensor, low: float, high: float) -> Tensor:
    """Folded into [low, high]."""
    if low == high:
        return x * 0
    span = high - low
    distance = (x - low).abs()
    extra = distance.remainder(span)
    flips = (distance.detach() / span).floor().remainder(2) == 0
    return pb.where(flips, extra + low, high - extra)


def _placed(x: Tensor, n: int, padding_mode: str, align_corners: bool) -> Tensor:
    if padding_mode == "border":
        return x.clamp(0, n - 1)
    if padding_mode == "reflection":
        low, high = (0.0, n - 1.0) if align_corners else (-0.5, n - 0.5)
        return _reflected(x, low, high).clamp(0, n - 1)
    return x


def _found(x: Tensor, n: int, padding_mode: str, dims: int) -> Tensor:
    """With the place where PyTorch looks for what is no number: another one in volumes."""
    if padding_mode != "zeros":
        return pb.where(x.isnan(), 0.0 if dims == 2 else n - 1.0, x)
    return x if dims == 2 else pb.where(x.isfinite(), x, -2.0)


def _following(values: Tensor, grid: Tensor) -> Tensor:
    """The same values as a function of the grid, with the derivative zero."""
    if not grid.requires_grad:
        return values
    still = grid.floor().nan_to_num(0.0, 0.0, 0.0).mul(0.0).abs()
    return values - still.sum(-1).unsqueeze(1)


class _Plane:
    """Reads elements at whole positions; those outside are zero."""

    def __init__(self, input: Tensor, grid: Tensor) -> None:
        self.sizes = input.shape[2:]
        self.flat = input.flatten(2)
        self.shape = (*input.shape[:2], *grid.shape[1:-1])

    def read(self, positions: list[Tensor]) -> Tensor:
        """``positions`` are [batch, ...] for each dimension, floating and whole."""
        inside = pb.ones(positions[0].shape, dtype=pb.bool)
        index = pb.zeros(positions[0].shape, dtype=pb.int64)
        for x, n in zip(positions, self.sizes, strict=True):
            # A position that is no number, or far out, is outside.
            inside = inside & (x >= 0) & (x <= n - 1)
            index = index * n + pb.where((x >= 0) & (x <= n - 1), x, 0.0).to(pb.int64)
        index = pb.where(inside, index, 0)
        flat = index.flatten(1).unsqueeze(1).expand(-1, self.shape[1], -1)
        values = self.flat.gather(2, flat).reshape(self.shape)
        return values.masked_fill(inside.logical_not().unsqueeze(1), 0.0)


def _cubic_shares(t: Tensor) -> list[Tensor]:
    a = -0.75

    def near(x: Tensor) -> Tensor:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Tensor) -> Tensor:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """The input at the positions of a grid.

    Args:
        input: [batch, channels, height, width], or with a depth in front of these.
        grid: [batch, sizes..., 2 or 3]: positions between -1 and 1, that along the width first.
        mode: "bilinear", "nearest" or, for images, "bicubic".
        padding_mode: outside are "zeros", the "border", or the "reflection".
        align_corners: -1 and 1 are the centres of the first and last elements, not their edges.

    Returns:
        A tensor [batch, channels, sizes...].

    Raises:
        ValueError: an unknown mode.
        RuntimeError: dtypes or shapes that do not fit.
    """
    _arguments.tensors("grid_sample", input=input, grid=grid)
    _arguments.texts("grid_sample", mode=mode, padding_mode=padding_mode)
    _arguments.maybe(_arguments.bools, "grid_sample", align_corners=align_corners)
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    if align_corners is None:
        _core._warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False "
            "since 1.3.0. Please specify align_corners=True if the old behavior is desired."
        )
    dims = input.dim() - 2
    if dims not in (2, 3) or grid.dim() != input.dim() or grid.size(-1) != dims:
        raise RuntimeError(
            "grid_sample(): expected 4D or 5D input and grid with same number of dimensions, the "
            f"last of grid being 2 or 3, but got input with sizes {list(input.shape)} and grid "
            f"with sizes {list(grid.shape)}"
        )
    if input.size(0) != grid.size(0):
        raise RuntimeError(
            "grid_sample(): expected grid and input to have same batch size, but got input with "
            f"sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if input.dtype != grid.dtype:
        raise RuntimeError(
            f"grid_sample(): expected input and grid to have same dtype, but input has "
            f"{input.dtype} and grid has {grid.dtype}"
        )
    if mode == "bicubic" and dims == 3:
        raise RuntimeError(
            "grid_sampler(): bicubic interpolation only supports 4D input: got 5 dimensions"
        )
    aligned = bool(align_corners)
    sizes = input.shape[2:]
    raw = [_unnormalised(grid[..., dims - 1 - d], sizes[d], aligned) for d in range(dims)]
    plane = _Plane(input, grid)
    if mode == "bicubic":
        return _bicubic(plane, raw, padding_mode, aligned)
    at = [
        _found(_placed(x, n, padding_mode, aligned), n, padding_mode, dims)
        for x, n in zip(raw, sizes, strict=True)
    ]
    if mode == "nearest":
        return _following(plane.read([x.detach().round() for x in at]), grid)
    floors = [x.detach().floor() for x in at]
    shares = [x - f for x, f in zip(at, floors, strict=True)]
    total: Any = 0
    for corner in range(2**dims):
        bits = [corner >> d & 1 for d in range(dims)]
        weight = pb.ones((), dtype=input.dtype)
        for bit, share in zip(bits, shares, strict=True):
            weight = weight * (share if bit else 1 - share)
        values = plane.read([f + bit for f, bit in zip(floors, bits, strict=True)])
        total = total + values * weight.unsqueeze(1)
    result: Tensor = total
    return result


def _bicubic(plane: _Plane, raw: list[Tensor], padding_mode: str, aligned: bool) -> Tensor:
    floors = [x.detach().floor() for x in raw]
    shares = [_cubic_shares(x - f) for x, f in zip(raw, floors, strict=True)]
    total: Any = 0
    for i in range(4):
        for j in range(4):
            at = [floors[0] + (i - 1), floors[1] + (j - 1)]
            places = [
                _placed(x, n, padding_mode, aligned).round() if padding_mode != "zeros" else x
                for x, n in zip(at, plane.sizes, strict=True)
            ]
            weight = shares[0][i] * shares[1][j]
            total = total + plane.read(places) * weight.unsqueeze(1)
    result: Tensor = total
    return result
