"""Random calls of layers: attention, normalisations, pooling, padding, convolutions, transforms.

Each family draws arguments that a table of samples would not have, from a generator of numbers,
and gives a `Drawn`: a function of the library and of tensors, the arrays, and what to follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any  # of NumPy, or None


@dataclass
class Drawn:
    text: str
    call: Callable[..., Any]
    arrays: list[Array]
    followed: list[bool]
    layouts: list[str]
    tolerance: float = 1e-8


LAYOUTS = (
    "dense",
    "dense",
    "turned",
    "stepped",
    "shared",
    "shared last",
    "behind",
    "channels last",
)


def laid(t: Any, array: Array, layout: str) -> Any:
    """A tensor of library ``t`` with these values (some of them, where elements are shared)."""
    if array is None:
        return None
    x = t.from_numpy(np.array(array, order="C").reshape(-1)).reshape(array.shape)
    if x.dim() == 0 or x.numel() == 0:
        return x
    if layout == "turned" and x.dim() > 1:
        return x.transpose(0, -1).contiguous().transpose(0, -1)
    if layout == "stepped":
        wide = t.zeros((*x.shape[:-1], 2 * x.shape[-1]), dtype=x.dtype)
        return wide[..., ::2].copy_(x)
    if layout == "shared":
        return x[:1].expand(x.shape)
    if layout == "shared last":
        return x[..., :1].expand(x.shape)
    if layout == "behind":
        return t.zeros((x.shape[0] + 1, *x.shape[1:]), dtype=x.dtype)[1:].copy_(x)
    if layout == "channels last" and x.dim() in (4, 5):
        form = t.channels_last if x.dim() == 4 else t.channels_last_3d
        return x.contiguous(memory_format=form)
    return x


class Draw:
    """A generator of numbers, with the choices that the families make."""

    def __init__(self, seed: int) -> None:
        self.numbers = np.random.RandomState(seed)

    def one(self, *choices: Any) -> Any:
        return choices[self.numbers.randint(len(choices))]

    def some(self, share: float) -> bool:
        return bool(self.numbers.rand() < share)

    def array(self, *sizes: int) -> Array:
        return np.asarray(self.numbers.randn(*sizes))

    def each(self, dims: int, *choices: Any) -> Any:
        """One for all dimensions, or one for each."""
        if self.some(0.5):
            return self.one(*choices)
        return tuple(self.one(*choices) for _ in range(dims))

    def layouts(self, count: int) -> list[str]:
        return [self.one(*LAYOUTS) for _ in range(count)]


def attention(d: Draw) -> Drawn:
    targets, sources = d.one(0, 1, 2, 5), d.one(1, 2, 3, 7)
    features = d.one(0, 1, 4)
    width = d.one(0, 1, 3)
    batch = d.one((), (2,), (2, 3))
    options: dict[str, Any] = {}
    heads, few, groups = batch, batch, d.one(1, 2, 3)
    if batch and d.some(0.4):
        heads = (*batch[:-1], batch[-1] * groups)
        options["enable_gqa"] = True
    mask, follows_mask = None, False
    kind = d.one("none", "causal", "bool", "number")
    if kind == "causal":
        options["is_causal"] = True
    elif kind != "none":
        sizes = d.one((targets, sources), (1, sources), (*heads, targets, sources))
        if len(heads) > 1 and d.some(0.5):
            sizes = (d.one(heads[-1], 1), targets, sources)
        mask = d.array(*sizes)
        if kind == "bool":
            mask = mask > 0
        follows_mask = kind == "number"
        if d.some(0.3) and mask.size:
            mask[..., 0, :] = False if kind == "bool" else -np.inf
            follows_mask = False
    if d.some(0.3):
        options["scale"] = d.one(0.0, -1.0, 0.3)
    return Drawn(
        f"attention {heads} {few} {targets, sources, features, width} {kind} {options}",
        lambda t, q, k, v, m: t.nn.functional.scaled_dot_product_attention(q, k, v, m, **options),
        [
            d.array(*heads, targets, features),
            d.array(*few, sources, features),
            d.array(*few, sources, width),
            mask,
        ],
        [d.some(0.8), d.some(0.8), d.some(0.8), follows_mask],
        d.layouts(4),
    )


def norm(d: Draw) -> Drawn:
    """Weights are dense: torch reads those of batch_norm as if they always were."""
    kind = d.one("batch", "running", "instance", "group", "layer")
    eps = d.one(1e-5, 0.1)
    channels = d.one(1, 2, 4, 6)
    sizes = (d.one(1, 2, 5), channels, *d.one((), (2,), (9,), (4, 3), (1, 1), (2, 1, 3)))
    shape: tuple[int, ...] = (channels,)
    if kind == "layer":
        sizes = (*d.one((), (2,), (70,), (2, 3)), *d.one((1,), (5,), (70,), (3, 4)))
        shape = sizes[d.numbers.randint(len(sizes)) :]
    x = d.array(*sizes) * d.one(1, 30) + d.one(0, 100)
    weight = d.array(*shape) if d.some(0.6) else None
    bias = d.array(*shape) if d.some(0.6) and weight is not None else None
    groups = d.one(1, 2, channels)
    means, spread = d.array(channels), abs(d.array(channels)) + 0.5

    def call(t: Any, x: Any, w: Any, b: Any) -> Any:
        f = t.nn.functional
        if kind == "layer":
            return f.layer_norm(x, shape, w, b, eps)
        if kind == "group":
            return f.group_norm(x, groups, w, b, eps)
        if kind == "running":
            running = t.from_numpy(means.copy()), t.from_numpy(spread.copy())
            return f.batch_norm(x, *running, w, b, False, 0.1, eps)
        form = f.batch_norm if kind == "batch" else f.instance_norm
        return form(x, None, None, w, b, True, 0.1, eps)

    return Drawn(
        f"{kind} norm {sizes} {shape} {weight is not None} {bias is not None} {groups} {eps}",
        call,
        [x, weight, bias],
        [d.some(0.9), weight is not None and d.some(0.8), bias is not None and d.some(0.8)],
        [d.one("dense", "turned", "stepped", "behind", "channels last"), "dense", "dense"],
        1e-7,
    )


def pool(d: Draw) -> Drawn:
    dims = d.one(1, 2, 3)
    sizes = (d.one(1, 2), d.one(1, 3), *(d.one(1, 2, 3, 5, 8) for _ in range(dims)))
    kernel, stride = d.each(dims, 1, 2, 3, 4), d.one(None, d.each(dims, 1, 2, 3))
    padding, dilation = d.each(dims, 0, 0, 1, 2), d.each(dims, 1, 1, 2)
    ceil = d.some(0.5)
    kind = d.one("max", "avg", "lp", "adaptive max", "adaptive avg")
    counted, power = d.some(0.5), d.one(1.0, 2.0, np.inf, -np.inf)
    target = d.each(dims, 1, 2, 3, 5)
    if dims == 1 and not isinstance(kernel, int):
        kernel = kernel[0]

    def call(t: Any, x: Any) -> Any:
        f = t.nn.functional
        if kind == "max":
            form = getattr(f, f"max_pool{dims}d")
            return form(x, kernel, stride, padding, dilation, ceil)
        if kind == "avg":
            return getattr(f, f"avg_pool{dims}d")(x, kernel, stride, padding, ceil, counted)
        if kind == "lp":
            return getattr(f, f"lp_pool{dims}d")(x, power, kernel, stride, ceil)
        return getattr(f, f"{kind.replace(' ', '_')}_pool{dims}d")(x, target)

    return Drawn(
        f"{kind} pool {sizes} {kernel} {stride} {padding} {dilation} {ceil} {power} {target}",
        call,
        [d.array(*sizes)],
        [True],
        d.layouts(1),
    )


def padded(d: Draw) -> Drawn:
    dims = d.one(1, 2, 3)
    sizes = (d.one(1, 2), 2, *(d.one(1, 2, 3, 4) for _ in range(dims)))
    mode = d.one("constant", "reflect", "replicate", "circular")
    pad = [d.one(-2, -1, 0, 0, 1, 2, 3) for _ in range(2 * dims)]
    left = [n + pad[2 * k] + pad[2 * k + 1] for k, n in enumerate(reversed(sizes[2:]))]
    # Where nothing is left torch leaves gradients unwritten, and where more is wrapped than is left
    # it reads what nobody wrote.
    if mode == "circular" or (mode != "constant" and min(left) < 1):
        pad = [max(0, p) for p in pad]
    return Drawn(
        f"pad {sizes} {pad} {mode}",
        lambda t, x: t.nn.functional.pad(x, pad, mode),
        [d.array(*sizes)],
        [True],
        d.layouts(1),
    )


def convolution(d: Draw) -> Drawn:
    dims, groups = d.one(1, 2, 3), d.one(1, 1, 2, 3)
    ours, theirs = groups * d.one(1, 2), groups * d.one(1, 2, 4)
    kernel = [d.one(1, 2, 3) for _ in range(dims)]
    stride, dilation = d.each(dims, 1, 1, 2, 3), d.each(dims, 1, 1, 2)
    padding = d.each(dims, 0, 1, 2, 4)
    sizes = (d.one(1, 2, 8), ours, *(d.one(1, 3, 5, 9) for _ in range(dims)))
    back = d.some(0.4)
    weight = (ours, theirs // groups, *kernel) if back else (theirs, ours // groups, *kernel)
    name = f"conv{'_transpose' if back else ''}{dims}d"
    settings = (
        (stride, padding, 0, groups, dilation) if back else (stride, padding, dilation, groups)
    )
    bias = d.array(theirs) if d.some(0.6) else None
    return Drawn(
        f"{name} {sizes} {weight} {settings} {bias is not None}",
        lambda t, x, w, b: getattr(t.nn.functional, name)(x, w, b, *settings),
        [d.array(*sizes), d.array(*weight), bias],
        [d.some(0.8), d.some(0.8), bias is not None],
        [*d.layouts(2), d.one("dense", "stepped")],
    )


def transform(d: Draw) -> Drawn:
    name = d.one("fft", "ifft", "rfft", "irfft", "hfft", "ihfft") + d.one("", "n", "2")
    sizes = tuple(d.one(1, 2, 3, 5, 8, 11) for _ in range(d.one(2, 3)))
    x = d.array(*sizes)
    if not name.startswith(("rfft", "ihfft")) and d.some(0.7):
        x = x + 1j * d.array(*sizes)
    options: dict[str, Any] = {"norm": d.one(None, "ortho", "forward", "backward")}
    count = 1 if name.endswith("t") else 2
    dims = [int(i) for i in d.numbers.permutation(len(sizes))[:count]]
    lengths = [d.one(1, 2, 3, 6, 9) for _ in range(count)]
    if d.some(0.6):
        options["dim"] = dims[0] if count == 1 else dims
    if d.some(0.6):
        options["n" if count == 1 else "s"] = lengths[0] if count == 1 else lengths
    return Drawn(
        f"{name} {sizes} {x.dtype} {options}",
        lambda t, x: getattr(t.fft, name)(x, **options),
        [x],
        [True],
        d.layouts(1),
    )


def short_time(d: Draw) -> Drawn:
    n = d.one(1, 2, 5, 8)
    sizes = (*d.one((), (1,), (2,)), n + d.one(0, 3, 9))
    x = d.array(*sizes)
    if d.some(0.5):
        x = x + 1j * d.array(*sizes)
    window = abs(d.array(n)) + 0.1
    options = {"hop_length": d.one(None, 1, 3), "center": d.some(0.5), "normalized": d.some(0.5)}
    if n < 4:
        options["hop_length"] = 1
    mode = d.one("constant", "reflect", "replicate")
    return Drawn(
        f"stft {sizes} {x.dtype} {n} {mode} {options}",
        lambda t, x, w: t.stft(x, n, window=w, pad_mode=mode, return_complex=True, **options),
        [x, window],
        [True, d.some(0.6)],
        [d.one("dense", "stepped"), "dense"],
    )


FAMILIES: dict[str, Callable[[Draw], Drawn]] = {
    "attention": attention,
    "norm": norm,
    "pool": pool,
    "pad": padded,
    "convolution": convolution,
    "transform": transform,
    "short time": short_time,
}
