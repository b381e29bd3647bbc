"""Fourier transforms as sums of products with the roots of unity, windows, and frames in loops.

Nothing here calls a fast transform: the operators use NumPy's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.signal import windows

TURN = 2 * np.arctan2(np.longdouble(0), np.longdouble(-1))


def roots(n: int, sign: int, real: Any) -> Any:
    """exp(sign 2 pi i j k / n) for all j, k."""
    angles = TURN * (np.outer(np.arange(n), np.arange(n)) % n) / n
    return (np.cos(angles) + sign * 1j * np.sin(angles)).astype(np.result_type(real, np.complex64))


def sized(x: Any, n: int, dim: int) -> Any:
    x = np.moveaxis(x, dim, -1)
    result = np.zeros((*x.shape[:-1], n), x.dtype)
    count = min(n, x.shape[-1])
    result[..., :count] = x[..., :count]
    return np.moveaxis(result, -1, dim)


def scale(norm: str | None, sign: int, n: int) -> Any:
    if norm == "ortho":
        return 1 / np.sqrt(np.longdouble(n))
    divides = (norm or "backward") == ("forward" if sign < 0 else "backward")
    return 1 / np.longdouble(n) if divides else np.longdouble(1)


def sums(x: Any, dim: int, sign: int) -> Any:
    n = x.shape[dim]
    return np.moveaxis(np.moveaxis(x, dim, -1) @ roots(n, sign, x.dtype), -1, dim)


def taken(x: Any, dim: int, count: int) -> Any:
    return np.moveaxis(np.moveaxis(x, dim, -1)[..., :count], -1, dim)


def completed(half: Any, n: int, dim: int) -> Any:
    """The Hermitian signal of n numbers whose first half this is; what must be real is."""
    half = np.moveaxis(half, dim, -1)
    whole = np.zeros((*half.shape[:-1], n), np.result_type(half.dtype, np.complex64))
    for k in range(n):
        mirrored = (n - k) % n
        if mirrored == k:
            whole[..., k] = half[..., k].real
        else:
            whole[..., k] = half[..., k] if k <= n // 2 else np.conj(half[..., mirrored])
    return np.moveaxis(whole, -1, dim)


def places(x: Any, s: Any, dim: Any, halved: bool = False) -> tuple[list[int], list[int]]:
    if isinstance(s, int):
        s = (s,)
    if isinstance(dim, int):
        dim = (dim,)
    if dim is None:
        count = x.ndim if s is None else len(s)
        dim = range(x.ndim - count, x.ndim)
    dims = [d % x.ndim for d in dim]
    sizes = [x.shape[d] for d in dims]
    if halved:
        sizes[-1] = 2 * (sizes[-1] - 1)
    if s is not None:
        sizes = [own if wanted == -1 else wanted for own, wanted in zip(sizes, s, strict=True)]
    return dims, sizes


def whole(sign: int) -> Any:
    def reference(input: Any, s: Any = None, dim: Any = None, norm: Any = None) -> Any:
        dims, sizes = places(input, s, dim)
        result = input + 0j
        for d, n in zip(dims, sizes, strict=True):
            result = sums(sized(result, n, d), d, sign)
        return result * scale(norm, sign, math.prod(sizes))

    return reference


def halved(sign: int) -> Any:
    def reference(input: Any, s: Any = None, dim: Any = None, norm: Any = None) -> Any:
        dims, sizes = places(input, s, dim)
        return taken(whole(sign)(input, s, dim, norm), dims[-1], sizes[-1] // 2 + 1)

    return reference


def unhalved(sign: int) -> Any:
    def reference(input: Any, s: Any = None, dim: Any = None, norm: Any = None) -> Any:
        dims, sizes = places(input, s, dim, halved=True)
        result = input + 0j
        for d, n in zip(dims[:-1], sizes[:-1], strict=True):
            result = sums(sized(result, n, d), d, sign)
        half = sized(result, sizes[-1] // 2 + 1, dims[-1])
        result = sums(completed(half, sizes[-1], dims[-1]), dims[-1], sign).real
        return result * scale(norm, sign, math.prod(sizes))

    return reference


def one(reference: Any) -> Any:
    return lambda input, n=None, dim=-1, norm=None: reference(
        input, None if n is None else (n,), (dim,), norm
    )


def two(reference: Any) -> Any:
    return lambda input, s=None, dim=(-2, -1), norm=None: reference(input, s, dim, norm)


def shift(input: Any, dim: Any, back: bool) -> Any:
    dims = range(input.ndim) if dim is None else np.atleast_1d(dim)
    for d in dims:
        n = input.shape[d]
        first = n // 2 if back else (n + 1) // 2
        input = np.take(input, (np.arange(n) + first) % max(n, 1), axis=d)
    return input


def frequencies(n: int, d: float = 1.0, dtype: Any = np.float64) -> Any:
    numbers = [k if 2 * k < n else k - n for k in range(n)]
    return np.array(numbers, dtype) / (n * d) if n else np.zeros(0, dtype)


def half_frequencies(n: int, d: float = 1.0, dtype: Any = np.float64) -> Any:
    return np.arange(n // 2 + 1).astype(dtype) / (n * d)


def window(kind: Any) -> Any:
    def reference(length: int, periodic: bool = True, *more: float, dtype: Any = None) -> Any:
        name = kind(*more) if callable(kind) else kind
        values = windows.get_window(name, length, fftbins=periodic) if length else np.zeros(0)
        return values.astype(dtype or np.float64)

    return reference


def hamming(length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46) -> Any:
    steps = max(length if periodic else length - 1, 1)
    turns = 2 * np.pi * np.arange(length) / steps
    return alpha - beta * np.cos(turns) if length != 1 else np.ones(1)


def centred(window: Any, n: int) -> Any:
    left = (n - len(window)) // 2
    return np.pad(window, (left, n - len(window) - left))


def stft(
    input: Any,
    n_fft: int,
    hop_length: Any = None,
    win_length: Any = None,
    window: Any = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: Any = None,
    return_complex: Any = None,
    align_to_window: Any = None,
) -> Any:
    hop = hop_length or n_fft // 4
    weights = centred(window, n_fft)
    if center:
        around = [(0, 0)] * (input.ndim - 1) + [(n_fft // 2, n_fft // 2)]
        input = np.pad(input, around, mode=pad_mode)
    if align_to_window:
        left = (n_fft - win_length) // 2
        input = np.pad(input, [(0, 0)] * (input.ndim - 1) + [(left, n_fft - win_length - left)])
    starts = range(0, input.shape[-1] - n_fft + 1, hop)
    half = np.isrealobj(input) if onesided is None else onesided
    norm = "ortho" if normalized else None
    spectra = [whole(-1)(input[..., s : s + n_fft] * weights, None, (-1,), norm) for s in starts]
    result = np.stack(spectra, axis=-1)
    return result[..., : n_fft // 2 + 1, :] if half else result


def istft(
    input: Any,
    n_fft: int,
    hop_length: Any = None,
    win_length: Any = None,
    window: Any = None,
    center: bool = True,
    normalized: bool = False,
    onesided: Any = None,
    length: Any = None,
    return_complex: bool = False,
) -> Any:
    hop = hop_length or n_fft // 4
    weights = centred(window, n_fft)
    norm = "ortho" if normalized else None
    back = whole(1) if return_complex else unhalved(1)
    total = n_fft + hop * (input.shape[-1] - 1)
    sizes = None if return_complex else (n_fft,)
    signal = np.zeros((*input.shape[:-2], total), input.dtype)
    squares = np.zeros(total, weights.dtype)
    for frame in range(input.shape[-1]):
        part = slice(frame * hop, frame * hop + n_fft)
        signal[..., part] += back(input[..., frame], sizes, (-1,), norm) * weights
        squares[part] += weights**2
    start = n_fft // 2 if center else 0
    end = total - start if length is None else start + length
    result = signal[..., start:end] / squares[start:end]
    return result if return_complex else result.real


REFERENCES = {
    "fft.fft": one(whole(-1)),
    "fft.ifft": one(whole(1)),
    "fft.rfft": one(halved(-1)),
    "fft.ihfft": one(halved(1)),
    "fft.irfft": one(unhalved(1)),
    "fft.hfft": one(unhalved(-1)),
    "fft.fftn": whole(-1),
    "fft.ifftn": whole(1),
    "fft.rfftn": halved(-1),
    "fft.ihfftn": halved(1),
    "fft.irfftn": unhalved(1),
    "fft.hfftn": unhalved(-1),
    "fft.fft2": two(whole(-1)),
    "fft.ifft2": two(whole(1)),
    "fft.rfft2": two(halved(-1)),
    "fft.ihfft2": two(halved(1)),
    "fft.irfft2": two(unhalved(1)),
    "fft.hfft2": two(unhalved(-1)),
    "fft.fftshift": lambda input, dim=None: shift(input, dim, back=False),
    "fft.ifftshift": lambda input, dim=None: shift(input, dim, back=True),
    "fft.fftfreq": frequencies,
    "fft.rfftfreq": half_frequencies,
    "hann_window": window("hann"),
    "hamming_window": hamming,
    "blackman_window": window("blackman"),
    "bartlett_window": window("bartlett"),
    "kaiser_window": window(lambda beta=12.0: ("kaiser", beta)),
    "stft": stft,
    "istft": istft,
}
OTHER_NAMES: dict[str, str] = {}
