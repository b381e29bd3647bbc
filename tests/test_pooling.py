"""Maxima and means of windows of every geometry against the definition.

The operator table has small samples; here planes are large enough for the loops that take many
outputs at once, by rows and by planes (csrc/kernels/nn/pool.cpp, taps.cpp).
"""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.nn import functional
from same_bits import assert_same_bits

Ranges = list[list[range]]


def windows(sizes: list[int], rng: random.Random) -> tuple[Ranges, str, tuple[Any, ...]]:
    """What each output sees in each dimension, the function's name and its arguments."""
    dims = len(sizes)
    if rng.random() < 0.3:
        out = [rng.randint(1, n) for n in sizes]
        parts = [
            [range(o * n // m, -(-(o + 1) * n // m)) for o in range(m)]
            for n, m in zip(sizes, out, strict=True)
        ]
        return parts, f"adaptive_max_pool{dims}d", (tuple(out), True)
    kernel = [rng.randint(1, min(4, n)) for n in sizes]
    stride = [rng.randint(1, 3) for _ in sizes]
    padding = [rng.randint(0, k // 2) for k in kernel]
    dilation = [
        rng.randint(1, 2) if 2 * (k - 1) < n else 1 for k, n in zip(kernel, sizes, strict=True)
    ]
    parts = []
    for n, k, s, p, d in zip(sizes, kernel, stride, padding, dilation, strict=True):
        starts = range(-p, n + p - d * (k - 1), s)
        parts.append(
            [range(b + -(b // d) * d if b < 0 else b, min(b + d * k, n), d) for b in starts]
        )
    options = tuple(tuple(each) for each in (kernel, stride, padding, dilation))
    return parts, f"max_pool{dims}d", (*options, False, True)


def by_definition(planes: np.ndarray, parts: Ranges) -> tuple[np.ndarray, np.ndarray]:
    """The first of the greatest of each window, or the last that is no number."""
    sizes = planes.shape[1:]
    shape = (len(planes), *map(len, parts))
    values, places = np.zeros(shape, planes.dtype), np.zeros(shape, np.int64)
    for output in itertools.product(*(range(len(part)) for part in parts)):
        seen = [part[o] for part, o in zip(parts, output, strict=True)]
        flat = np.array([np.ravel_multi_index(at, sizes) for at in itertools.product(*seen)])
        for n, plane in enumerate(planes):
            window = plane.reshape(-1)[flat]
            missing = np.flatnonzero(np.isnan(window))
            found = missing[-1] if len(missing) else int(np.argmax(window))
            at = (n, *output)
            values[at], places[at] = window[found], flat[found]
    return values, places


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(40))
def test_windows(seed: int, dtype: str) -> None:
    rng = random.Random(seed)
    dims = rng.randint(1, 3)
    sizes = [rng.randint(1, {1: 90, 2: 30, 3: 9}[dims]) for _ in range(dims)]
    parts, name, arguments = windows(sizes, rng)
    numbers = np.random.default_rng(seed)
    image = np.round(numbers.standard_normal((3, *sizes)) * 2).astype(dtype)
    if seed % 3 == 0:
        image[numbers.random(image.shape) < 0.1] = np.nan
    if seed % 4 == 0:
        image[numbers.random(image.shape) < 0.3] = -np.inf
    found = getattr(functional, name)(pb.from_numpy(image), *arguments)
    for part, wanted in zip(found, by_definition(image, parts), strict=True):
        np.testing.assert_array_equal(part.numpy(), wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_planes_of_more_places_than_a_table_has(dtype: str) -> None:
    image = np.random.default_rng(0).integers(0, 50, (2, 90, 70)).astype(dtype)
    image[0, 50, 3] = image[0, 51, 3] = np.nan
    found = functional.max_pool2d(pb.from_numpy(image), (2, 3), 1, (1, 1), return_indices=True)
    parts = [
        [range(max(o - 1, 0), min(o - 1 + k, n)) for o in range(n + 3 - k)]
        for n, k in ((90, 2), (70, 3))
    ]
    for part, wanted in zip(found, by_definition(image, parts), strict=True):
        np.testing.assert_array_equal(part.numpy(), wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(40))
def test_means(seed: int, dtype: str) -> None:
    rng = random.Random(seed)
    dims = rng.randint(1, 3)
    sizes = [rng.randint(1, {1: 90, 2: 40, 3: 9}[dims]) for _ in range(dims)]
    parts, name, arguments = windows(sizes, rng)
    if name.startswith("adaptive"):
        out, _ = arguments
        arguments = (out,)
    else:
        kernel, stride, padding, *_ = arguments
        arguments = (kernel, stride, padding, False, False)  # what is outside does not count
        parts = [
            [range(max(b, 0), min(b + k, n)) for b in range(-p, n + p - k + 1, s)]
            for n, k, s, p in zip(sizes, kernel, stride, padding, strict=True)
        ]
    numbers = np.random.default_rng(seed)
    image = numbers.standard_normal((5, *sizes)).astype(dtype)
    image[numbers.random(image.shape) < 0.05] = np.inf if seed % 3 == 0 else 0.5
    x = pb.from_numpy(image).requires_grad_()
    found = getattr(functional, name.replace("max", "avg"))(x, *arguments)
    gradient = numbers.standard_normal(tuple(found.shape)).astype(dtype)
    (of_image,) = pb.autograd.grad(found, x, pb.from_numpy(gradient))
    expected, expected_of_image = np.zeros(gradient.shape), np.zeros(image.shape)
    for output in itertools.product(*(range(len(part)) for part in parts)):
        window: Any = np.ix_(range(5), *(part[o] for part, o in zip(parts, output, strict=True)))
        at: Any = (slice(None), *output)
        seen = image[window].reshape(5, -1).astype("float64")
        expected[at] = seen.mean(1)
        share = gradient[at] / seen.shape[1]
        expected_of_image[window] += share.reshape((5,) + (1,) * dims)
    tolerance = 3e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(found.detach().numpy(), expected, tolerance, tolerance)
    np.testing.assert_allclose(of_image.numpy(), expected_of_image, tolerance, tolerance)


def test_any_number_of_threads_gives_the_same_bits() -> None:
    image = pb.randn(16, 16, 30, 31, requires_grad=True)

    def call() -> list[Any]:
        values, places = functional.max_pool2d(image, 3, 2, 1, return_indices=True)
        means = functional.avg_pool2d(image, 3, 2, 1)
        gradients = pb.autograd.grad(values.sum() + means.square().sum(), image)
        return [values.detach(), places, means.detach(), *gradients]

    assert_same_bits(call)
