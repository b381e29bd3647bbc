"""What convolutions, padding and pooling give, one output at a time.

A reference takes the arguments of a sample with arrays in the places of the tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np


def spread(value: Any, dims: int) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * dims if len(values) == 1 else values


def batched(of_batch: Callable[..., Any], dims: int) -> Callable[..., Any]:
    """For an input without a batch, too."""

    def call(input: Any, *args: Any, **kwargs: Any) -> Any:
        if input.ndim == dims + 1:
            return of_batch(input[None], *args, **kwargs)[0]
        return of_batch(input, *args, **kwargs)

    return call


def pad(input: Any, pad: Any, mode: str = "constant", value: float = 0) -> Any:
    widths = [(0, 0)] * (input.ndim - len(pad) // 2)
    widths += [(pad[2 * k], pad[2 * k + 1]) for k in reversed(range(len(pad) // 2))]
    modes = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    options = {"constant_values": value} if mode == "constant" else {}
    cut = tuple(
        slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(widths, input.shape, strict=True)
    )
    more = [(max(a, 0), max(b, 0)) for a, b in widths]
    if mode == "circular" or mode == "constant":
        return np.pad(input[cut], more, modes[mode], **options)
    return np.pad(input, more, modes[mode])[
        tuple(
            slice(max(-a, 0), n - max(-b, 0))
            for (a, b), n in zip(widths, np.add(input.shape, np.sum(more, axis=1)), strict=True)
        )
    ]


def conv(dims: int) -> Callable[..., Any]:
    def call(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        stride, dilation = spread(stride, dims), spread(dilation, dims)
        kernel = weight.shape[2:]
        if padding == "same":
            total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=False)]
            sides = [(0, 0), (0, 0), *((t // 2, t - t // 2) for t in total)]
        else:
            none = 0 if padding == "valid" else padding
            sides = [(0, 0), (0, 0), *((p, p) for p in spread(none, dims))]
        image = np.pad(input, sides)
        sizes = [
            (n - d * (k - 1) - 1) // s + 1
            for n, d, k, s in zip(image.shape[2:], dilation, kernel, stride, strict=False)
        ]
        out = np.zeros((len(input), len(weight), *sizes), input.dtype)
        per_group, outputs = weight.shape[1], len(weight) // groups
        for o in range(len(weight)):
            first = o // outputs * per_group
            for place in np.ndindex(*sizes):
                windows = tuple(
                    slice(p * s, p * s + d * (k - 1) + 1, d)
                    for p, s, d, k in zip(place, stride, dilation, kernel, strict=False)
                )
                patch = image[(slice(None), slice(first, first + per_group), *windows)]
                shift = 0 if bias is None else bias[o]
                out[(slice(None), o, *place)] = (patch * weight[o]).sum(
                    axis=tuple(range(1, patch.ndim))
                ) + shift
        return out

    return batched(call, dims)


def conv_transpose(dims: int) -> Callable[..., Any]:
    def call(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Any:
        stride, dilation = spread(stride, dims), spread(dilation, dims)
        padding, extra = spread(padding, dims), spread(output_padding, dims)
        kernel = weight.shape[2:]
        whole = [
            (n - 1) * s + d * (k - 1) + 1 + e
            for n, s, d, k, e in zip(input.shape[2:], stride, dilation, kernel, extra, strict=False)
        ]
        per_group = weight.shape[1]
        out = np.zeros((len(input), per_group * groups, *whole), input.dtype)
        for c in range(input.shape[1]):
            first = c // (input.shape[1] // groups) * per_group
            for place in np.ndindex(*input.shape[2:]):
                windows = tuple(
                    slice(p * s, p * s + d * (k - 1) + 1, d)
                    for p, s, d, k in zip(place, stride, dilation, kernel, strict=False)
                )
                value = input[(slice(None), c, *place)].reshape(-1, *[1] * (dims + 1))
                out[(slice(None), slice(first, first + per_group), *windows)] += value * weight[c]
        cut = tuple(slice(p, n - p) for p, n in zip(padding, whole, strict=False))
        out = out[(slice(None), slice(None), *cut)]
        return out if bias is None else out + bias.reshape(-1, *[1] * dims)

    return batched(call, dims)


def unfold(
    input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    kernel, taps = spread(kernel_size, 2), math.prod(spread(kernel_size, 2))
    channels = input.shape[-3]
    weight = np.zeros((channels * taps, channels, *kernel), input.dtype)
    for row in range(len(weight)):
        weight[(row, row // taps, *np.unravel_index(row % taps, kernel))] = 1
    out = conv(2)(input, weight, None, stride, padding, dilation)
    return out.reshape(*out.shape[:-2], -1)


def fold(
    input: Any,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Any:
    """The transpose of unfold, found column by column."""
    channels = input.shape[-2] // math.prod(spread(kernel_size, 2))
    shape = (channels, *spread(output_size, 2))
    rows = input.reshape(-1, input.shape[-2] * input.shape[-1])
    units = np.eye(math.prod(shape), dtype=input.dtype).reshape(-1, *shape)
    each = unfold(units, kernel_size, dilation, padding, stride).reshape(len(units), -1)
    return (rows @ each.T).reshape(*input.shape[:-2], *shape)


def windows(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool
) -> list[list[int]]:
    """The positions of each window, those in the padding too."""
    found = []
    start = -padding
    reach = dilation * (kernel - 1)
    while start + reach < size + padding or (
        ceil and start < size and start - stride + reach < size + padding - 1
    ):
        found.append([start + k * dilation for k in range(kernel)])
        start += stride
    return found


def parts(size: int, count: int) -> list[list[int]]:
    return [list(range(o * size // count, -(-(o + 1) * size // count))) for o in range(count)]


def pooled(input: Any, places: list[list[list[int]]], of_window: Callable[..., Any]) -> Any:
    """``of_window`` of every window, which gets it with the positions it was meant to have."""
    dims = len(places)
    flat = input.reshape(-1, *input.shape[-dims:])
    out = []
    for plane in flat:
        for o in np.ndindex(*map(len, places)):
            wanted = [places[d][o[d]] for d in range(dims)]
            inside = [
                [i for i in w if 0 <= i < n] for w, n in zip(wanted, plane.shape, strict=True)
            ]
            out.append(of_window(plane, inside, wanted))
    sizes = (*input.shape[:-dims], *map(len, places))
    return np.array(out).reshape(*sizes, *np.shape(out[0]) if out else ())


def greatest(plane: Any, inside: Any, _: Any) -> Any:
    part = plane[np.ix_(*inside)]
    at = np.unravel_index(part.argmax(), part.shape)
    place = [inside[d][at[d]] for d in range(len(inside))]
    return part.max(), np.ravel_multi_index(place, plane.shape)


def max_pool(dims: int, both: bool) -> Callable[..., Any]:
    def call(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
    ) -> Any:
        settings = [kernel_size, stride or kernel_size, padding, dilation]
        each = zip(input.shape[-dims:], *(spread(s, dims) for s in settings), strict=True)
        places = [windows(*one, ceil_mode) for one in each]
        if not input.size:
            none = np.zeros((*input.shape[:-dims], *map(len, places)), input.dtype)
            return [none, none.astype(np.int64)]
        found = pooled(input, places, greatest)
        values = found[..., 0].astype(input.dtype)
        return [values, found[..., 1].astype(np.int64)] if both else values

    return call


def adaptive_max_pool(dims: int) -> Callable[..., Any]:
    def call(input: Any, output_size: Any) -> Any:
        sizes = zip(input.shape[-dims:], spread(output_size, dims), strict=True)
        found = pooled(input, [parts(n, m) for n, m in sizes], greatest)
        return [found[..., 0].astype(input.dtype), found[..., 1].astype(np.int64)]

    return call


def avg_pool(dims: int) -> Callable[..., Any]:
    def call(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        pads = spread(padding, dims)

        def mean(plane: Any, inside: Any, wanted: Any) -> Any:
            count = math.prod(map(len, inside))
            if count_include_pad:
                counted = zip(wanted, plane.shape, pads, strict=True)
                count = math.prod(sum(i < n + p for i in w) for w, n, p in counted)
            return plane[np.ix_(*inside)].sum() / (divisor_override or count)

        settings = [kernel_size, stride or kernel_size, padding, 1]
        each = zip(input.shape[-dims:], *(spread(s, dims) for s in settings), strict=True)
        return pooled(input, [windows(*one, ceil_mode) for one in each], mean)

    return call


def adaptive_avg_pool(dims: int) -> Callable[..., Any]:
    def call(input: Any, output_size: Any) -> Any:
        sizes = zip(input.shape[-dims:], spread(output_size, dims), strict=True)
        places = [parts(n, m) for n, m in sizes]
        return pooled(input, places, lambda plane, inside, _: plane[np.ix_(*inside)].mean())

    return call


def normalized(input: Any, dims: tuple[int, ...], eps: float) -> Any:
    centred = input - input.mean(axis=dims, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=dims, keepdims=True) + eps)


def by_channel(values: Any, weight: Any, bias: Any) -> Any:
    shape = (1, -1, *[1] * (values.ndim - 2))
    values = values if weight is None else values * weight.reshape(shape)
    return values if bias is None else values + bias.reshape(shape)


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    if training:
        others = tuple(d for d in range(input.ndim) if d != 1)
        return by_channel(normalized(input, others, eps), weight, bias)
    scale = 1 / np.sqrt(running_var + eps)
    return by_channel(by_channel(input, scale, -running_mean * scale), weight, bias)


def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias)
    return by_channel(normalized(input, tuple(range(2, input.ndim)), eps), weight, bias)


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    groups = input.reshape(len(input), num_groups, -1)
    return by_channel(normalized(groups, (2,), eps).reshape(input.shape), weight, bias)


def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    last = tuple(range(input.ndim - len(normalized_shape), input.ndim))
    values = normalized(input, last, eps) * (1 if weight is None else weight)
    return values if bias is None else values + bias


def rms_norm(
    input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Any:
    last = tuple(range(input.ndim - len(normalized_shape), input.ndim))
    mean = (input**2).mean(axis=last, keepdims=True)
    return input / np.sqrt(mean + (eps or 0)) * (1 if weight is None else weight)


REFERENCES: dict[str, Callable[..., Any]] = {
    **{f"adaptive_avg_pool{d}d": adaptive_avg_pool(d) for d in (1, 2, 3)},
    **{f"adaptive_max_pool{d}d_with_indices": adaptive_max_pool(d) for d in (1, 2, 3)},
    **{f"avg_pool{d}d": avg_pool(d) for d in (1, 2, 3)},
    **{f"max_pool{d}d": max_pool(d, False) for d in (1, 2, 3)},
    **{f"max_pool{d}d_with_indices": max_pool(d, True) for d in (1, 2, 3)},
    "batch_norm": batch_norm,
    "conv1d": conv(1),
    "conv2d": conv(2),
    "conv3d": conv(3),
    "conv_transpose1d": conv_transpose(1),
    "conv_transpose2d": conv_transpose(2),
    "conv_transpose3d": conv_transpose(3),
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "layer_norm": layer_norm,
    "nn.fold": fold,
    "nn.unfold": unfold,
    "pad": pad,
    "rms_norm": rms_norm,
}

OTHER_NAMES: dict[str, str] = {}
