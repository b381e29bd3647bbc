"""Fractional maximum pooling: windows of one size at positions that random numbers choose.

Benjamin Graham, "Fractional Max-Pooling" (arXiv:1412.6071), in its pseudorandom form: with a
sample ``u`` window ``i`` begins at ``int((i + u) * alpha) - int(u * alpha)``, where ``alpha`` is
``(input - kernel) / (output - 1)``, and the last one ends where the input does. The elements of the
windows are gathered, so that derivatives are those of a gather.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core

__all__ = [
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
]

Sizes = int | Sequence[int]
Ratios = float | Sequence[float]


def _spread(name: str, what: str, value: Any, dims: int) -> list[int]:
    _arguments.sizes(name, **{what: value})
    values = list(value) if isinstance(value, (tuple, list)) else [value] * dims
    if len(values) != dims:
        raise RuntimeError(
            f"{name}: {what} must either be a single Int or tuple of Ints: got {len(values)} of "
            f"them, expected {dims}."
        )
    return values


def _output_size(name: str, dims: int, input: Tensor, size: Any, ratio: Any) -> list[int]:
    """The sizes of the result, from either of the two arguments."""
    if ratio is not None:
        for each in ratio if isinstance(ratio, (tuple, list)) else (ratio,):
            _arguments.numbers(name, output_ratio=each)
    if size is not None:
        return _spread(name, "output_size", size, dims)
    if ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    ratios = list(ratio) if isinstance(ratio, (tuple, list)) else [ratio] * dims
    if len(ratios) != dims:
        raise ValueError(
            f"{name} requires output_ratio to either be a single Int or tuple of Ints: got "
            f"{len(ratios)} of them, expected {dims}."
        )
    return [int(n * r) for n, r in zip(input.shape[-dims:], ratios, strict=True)]


_SIDES = ("time", "height", "width")


def _check(name: str, dims: int, input: Tensor, kernel: list[int], wanted: list[int]) -> None:
    shape = list(input.shape)
    if len(shape) not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"{name}(): Expected {dims + 1}D or {dims + 2}D tensor, but got: {shape}"
        )
    for d in range(len(shape) - dims - 1, len(shape)):
        if shape[d] == 0:
            raise RuntimeError(
                f"{name}(): Expected input to have non-zero size for non-batch dimensions, but got "
                f"{shape} with dimension {d} being empty."
            )
    sides = zip(_SIDES[-dims:], shape[-dims:], kernel, wanted, strict=True)
    for side, n, k, m in sides:
        if k <= 0 or m < 0:
            raise RuntimeError(
                f"{name}(): got a pool {side} of {k} and an output {side} of {m}, expected a "
                "positive and no negative one."
            )
        if m + k - 1 > n:
            raise RuntimeError(
                f"{name}(): pool {side} {k} too large relative to input {side} {n}: got an output "
                f"{side} of {m}, expected at most {n - k + 1}."
            )
    if not input.is_floating_point():
        raise NotImplementedError(
            f'"{name}" not implemented for {input.dtype}: expected a floating dtype.'
        )


def _samples(name: str, dims: int, input: Tensor, given: Any) -> Tensor:
    """A number from 0 to 1 for each example, channel and dimension."""
    batch = 1 if input.dim() == dims + 1 else input.shape[0]
    channels = input.shape[-dims - 1]
    if given is None:
        return pb.rand(batch, channels, dims, dtype=input.dtype, device=input.device)
    _arguments.tensors(name, _random_samples=given)
    if _core._is_differentiated(given):
        raise RuntimeError(
            f"The function '{name}' is not differentiable with respect to argument "
            "'_random_samples'. This input cannot have requires_grad True, nor a tangent."
        )
    if given.dtype != input.dtype:
        raise RuntimeError(
            "Expect _random_samples to have the same dtype as input: got "
            f"{given.dtype} and {input.dtype}."
        )
    if given.dim() != 3:
        raise RuntimeError(f"Expect _random_samples to have 3 dimensions, got {given.dim()}")
    if given.size(0) < batch:
        raise RuntimeError(
            "Expect _random_samples.size(0) no less then input batch size: got "
            f"{given.size(0)} and {batch}."
        )
    if given.size(1) != channels:
        raise RuntimeError(
            "Expect _random_samples.size(1) equals to input channel size: got "
            f"{given.size(1)} and {channels}."
        )
    if given.size(2) != dims:
        raise RuntimeError(f"Expect _random_samples.size(2) equals to {dims}; got {given.size(2)}.")
    used: Tensor = given[:batch]
    return used


def _starts(sample: Tensor, n: int, kernel: int, wanted: int) -> Tensor:
    """Where the windows of one dimension begin: [batch, channels, wanted]."""
    last = sample.new_full((*sample.shape, 1), n - kernel).long()
    if wanted <= 1:
        return last[..., :wanted]
    # Rounded like the elements, so that half numbers give PyTorch's windows.
    alpha = sample.new_full((), n - kernel) / (wanted - 1)
    steps = pb.arange(wanted - 1, dtype=sample.dtype)
    sample = sample.unsqueeze(-1)
    first = ((steps + sample) * alpha).long() - (sample * alpha).long()
    return pb.cat([first, last], -1)


def _pool(
    name: str,
    dims: int,
    input: Tensor,
    kernel_size: Any,
    output_size: Any,
    output_ratio: Any,
    random_samples: Any,
) -> tuple[Tensor, Tensor]:
    _arguments.tensors(name, input=input)
    kernel = _spread(name, "kernel_size", kernel_size, dims)
    wanted = _output_size(name, dims, input, output_size, output_ratio)
    _check(name, dims, input, kernel, wanted)
    samples = _samples(name, dims, input, random_samples)
    sizes = input.shape[-dims:]
    # The samples of a plane begin with the width, those of a volume with the time.
    order = [1, 0] if dims == 2 else [0, 1, 2]
    planes = input.reshape(-1, *input.shape[-dims - 1 :]).flatten(2)
    places = pb.zeros((), dtype=pb.int64)
    for d in range(dims):
        starts = _starts(samples[:, :, order[d]], sizes[d], kernel[d], wanted[d])
        at = starts.unsqueeze(-1) + pb.arange(kernel[d])
        ones = [1] * dims
        ones[d] = wanted[d]
        inner = [1] * dims
        inner[d] = kernel[d]
        places = places * sizes[d] + at.reshape(*at.shape[:2], *ones, *inner)
    count = math.prod(kernel)
    lead = (planes.shape[0], planes.shape[1])
    places = places.reshape(*lead, math.prod(wanted), count)
    with pb.no_grad():
        windows = planes.gather(2, places.flatten(2)).reshape(places.shape)
        # The first of the greatest, and the last of what is no number.
        nans = windows.isnan()
        last_nan = (nans * pb.arange(1, count + 1)).amax(-1) - 1
        best = pb.where(last_nan >= 0, last_nan, windows.argmax(-1))
        indices = places.gather(-1, best.unsqueeze(-1)).squeeze(-1)
    shape = (*input.shape[:-dims], *wanted)
    values = planes.gather(2, indices)
    return values.reshape(shape), indices.reshape(shape)


def fractional_max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: Ratios | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """``fractional_max_pool2d`` with the positions in the plane, int64."""
    name = "fractional_max_pool2d_with_indices"
    _arguments.bools(name, return_indices=return_indices)
    return _pool(name, 2, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: Ratios | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """The greatest element of each window of [batch, channels, height, width], at random places.

    Args:
        input: with or without the batch, floating.
        kernel_size: of a window, one number or one for each dimension.
        output_size: of the result; or
        output_ratio: its size as a part of the input's.
        return_indices: give the positions in the plane as well, int64.
        _random_samples: the numbers from 0 to 1 that choose the places, [batch, channels, 2].

    Raises:
        ValueError: neither size nor ratio.
        RuntimeError: sizes that do not fit.

    Example:
        >>> import pullback as pb
        >>> x = pb.arange(25.0).reshape(1, 5, 5)
        >>> pb.nn.functional.fractional_max_pool2d(
        ...     x, 2, output_size=2, _random_samples=pb.full((1, 1, 2), 0.5)
        ... )
        tensor([[[ 6.,  9.],
                 [21., 24.]]])
    """
    name = "fractional_max_pool2d"
    _arguments.bools(name, return_indices=return_indices)
    both = _pool(name, 2, input, kernel_size, output_size, output_ratio, _random_samples)
    return both if return_indices else both[0]


def fractional_max_pool3d_with_indices(
    input: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: Ratios | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """``fractional_max_pool3d`` with the positions in the volume, int64."""
    name = "fractional_max_pool3d_with_indices"
    _arguments.bools(name, return_indices=return_indices)
    return _pool(name, 3, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: Ratios | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """The same of the last three dimensions; ``_random_samples`` is [batch, channels, 3]."""
    name = "fractional_max_pool3d"
    _arguments.bools(name, return_indices=return_indices)
    both = _pool(name, 3, input, kernel_size, output_size, output_ratio, _random_samples)
    return both if return_indices else both[0]
