"""Convolutions of every geometry against the definition, in all parts and in any number of threads.

The operator table has small samples; here the images are large enough for the kernel that slides
(csrc/kernels/nn/slide.h), which takes floating numbers only, and where it must give way.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.autograd import gradcheck, gradgradcheck
from pullback.nn import functional
from same_bits import assert_same_bits


@dataclass
class Geometry:
    """One convolution, in the words of conv1d to conv3d."""

    image: tuple[int, ...]
    weight: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def dims(self) -> int:
        return len(self.stride)

    def options(self) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }


def drawn(number: int) -> Geometry:
    """Geometries by number, among them strides beyond the kernel and kernels that see no pixel."""
    rng = random.Random(number)
    while True:
        dims, groups = rng.randint(1, 3), rng.choice([1, 1, 2, 3])
        most = {1: 300, 2: 20, 3: 8}[dims]
        image = tuple(rng.randint(most // 4, most) for _ in range(dims))
        kernel, stride, dilation = (
            tuple(rng.randint(1, k) for _ in range(dims)) for k in (5, 3, 3)
        )
        padding = tuple(rng.randint(0, 3) for _ in range(dims))
        channels, outputs = groups * rng.randint(1, 9), groups * rng.randint(1, 14)
        fits = all(
            n + 2 * p >= d * (k - 1) + 1
            for n, k, p, d in zip(image, kernel, padding, dilation, strict=True)
        )
        if fits:
            return Geometry(
                (rng.randint(1, 4), channels, *image),
                (outputs, channels // groups, *kernel),
                stride,
                padding,
                dilation,
                groups,
            )


def by_definition(
    g: Geometry, image: np.ndarray, weight: np.ndarray, gradient: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The result, and the gradients of image and weight for that of the result."""
    sizes = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(
            g.image[2:], g.weight[2:], g.stride, g.padding, g.dilation, strict=True
        )
    ]
    padded = np.pad(image, [(0, 0), (0, 0), *((p, p) for p in g.padding)])
    out = np.zeros((len(image), len(weight), *sizes), image.dtype)
    given = np.zeros_like(out) if gradient is None else gradient
    of_image, of_weight = np.zeros_like(padded), np.zeros_like(weight)
    width, height = g.weight[1], len(weight) // g.groups
    for group, tap in itertools.product(
        range(g.groups), itertools.product(*map(range, g.weight[2:]))
    ):
        channels = slice(group * width, (group + 1) * width)
        outputs = slice(group * height, (group + 1) * height)
        seen = tuple(
            slice(k * d, k * d + (n - 1) * s + 1, s)
            for k, d, s, n in zip(tap, g.dilation, g.stride, sizes, strict=True)
        )
        pixels = padded[:, channels][(..., *seen)]
        here = weight[outputs][(slice(None), slice(None), *tap)]
        out[:, outputs] += np.einsum("nc...,oc->no...", pixels, here)
        of_image[:, channels][(..., *seen)] += np.einsum("no...,oc->nc...", given[:, outputs], here)
        of_weight[outputs][(slice(None), slice(None), *tap)] = np.einsum(
            "nox,ncx->oc",
            given[:, outputs].reshape(*given.shape[:1], height, -1),
            pixels.reshape(*pixels.shape[:2], -1),
        )
    inside = tuple(slice(p, p + n) for p, n in zip(g.padding, g.image[2:], strict=True))
    return out, of_image[(..., *inside)], of_weight


def ours(
    g: Geometry, image: np.ndarray, weight: np.ndarray, gradient: np.ndarray | None = None
) -> tuple[np.ndarray, ...]:
    x, w = (pb.from_numpy(a.copy()).requires_grad_() for a in (image, weight))
    out = getattr(functional, f"conv{g.dims}d")(x, w, **g.options())
    given = pb.zeros_like(out) if gradient is None else pb.from_numpy(gradient)
    return tuple(t.detach().numpy() for t in (out, *pb.autograd.grad(out, (x, w), given)))


def operands(g: Geometry, seed: int, dtype: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    image, weight = (rng.standard_normal(sizes).astype(dtype) for sizes in (g.image, g.weight))
    if np.dtype(dtype).kind == "c":
        image, weight = image * (1 + 0.5j), weight * np.exp(1j * rng.random(g.weight))
    image, weight = image.astype(dtype), weight.astype(dtype)
    shape = by_definition(g, image, weight)[0].shape
    return image, weight, rng.standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("seed", range(25))
def test_geometries(seed: int, dtype: str) -> None:
    g = drawn(seed)
    image, weight, gradient = operands(g, seed, dtype)
    wide = "complex128" if dtype.startswith("complex") else "float64"
    # The gradient is that of conjugate Wirtinger derivatives.
    expected = (
        by_definition(g, image.astype(wide), weight.astype(wide))[0],
        by_definition(g, image.astype(wide), weight.astype(wide).conj(), gradient.astype(wide))[1],
        by_definition(g, image.astype(wide).conj(), weight.astype(wide), gradient.astype(wide))[2],
    )
    small = dtype in ("float32", "complex64")
    for found, wanted in zip(ours(g, image, weight, gradient), expected, strict=True):
        assert found.dtype == dtype
        scale = max(1.0, float(np.abs(wanted).max()))
        np.testing.assert_allclose(found, wanted, 0, (2e-6 if small else 1e-14) * scale)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("outputs", range(1, 14))
def test_every_number_of_outputs_and_terms(outputs: int, dtype: str) -> None:
    for channels, size, groups in itertools.product((1, 2, 5, 11), (1, 2, 3), (1, 2)):
        g = Geometry(
            (2, channels * groups, 14, 11),
            (outputs * groups, channels, size, size),
            (1, 1),
            (size // 2, 0),
            (1, 1),
            groups,
        )
        image, weight, gradient = operands(g, outputs, dtype)
        wide = [a.astype("float64") for a in (image, weight, gradient)]
        expected = by_definition(g, *wide)
        for found, wanted in zip(ours(g, image, weight, gradient), expected, strict=True):
            scale = max(1.0, float(np.abs(wanted).max()))
            np.testing.assert_allclose(
                found, wanted, 0, (2e-6 if dtype == "float32" else 1e-14) * scale
            )


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [0, 1])
def test_short_rows_and_long_kernels(padding: int, stride: int, dilation: int) -> None:
    for outputs, groups in ((16, 1), (48, 2)):
        g = Geometry(
            (9, 6 * groups, 17, 15),
            (outputs * groups, 6, 3, 5),
            (stride,) * 2,
            (padding,) * 2,
            (dilation,) * 2,
            groups,
        )
        image, weight, gradient = operands(g, 0, "float32")
        wide = [a.astype("float64") for a in (image, weight, gradient)]
        for found, wanted in zip(
            ours(g, image, weight, gradient), by_definition(g, *wide), strict=True
        ):
            np.testing.assert_allclose(found, wanted, 0, 2e-6 * float(np.abs(wanted).max()))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_batches_whose_last_images_are_fewer(groups: int, stride: int) -> None:
    # Two images are laid out together, and then one.
    g = Geometry(
        (5, 8 * groups, 81, 79), (3 * groups, 8, 3, 3), (stride,) * 2, (1, 1), (1, 1), groups
    )
    image, weight, gradient = operands(g, 0, "float32")
    image[3] *= 100  # what could be left over
    gradient[3] *= 100
    wide = [a.astype("float64") for a in (image, weight, gradient)]
    found, expected = ours(g, image, weight, gradient), by_definition(g, *wide)
    for part, wanted in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_allclose(part[4], wanted[4], 0, 2e-4)
    scale = float(np.abs(expected[2]).max())
    np.testing.assert_allclose(found[2], expected[2], 0, 1e-6 * scale)


@pytest.mark.parametrize("seed", range(8))
def test_the_transpose_is_the_gradient_of_the_image(seed: int) -> None:
    g = drawn(1000 + seed)
    image, weight, gradient = operands(g, seed, "float64")
    extra = tuple(
        (n + 2 * p - d * (k - 1) - 1) % s
        for n, k, s, p, d in zip(
            g.image[2:], g.weight[2:], g.stride, g.padding, g.dilation, strict=True
        )
    )
    transposed = getattr(functional, f"conv_transpose{g.dims}d")
    found = transposed(
        pb.from_numpy(gradient), pb.from_numpy(weight), output_padding=extra, **g.options()
    )
    np.testing.assert_allclose(
        found.numpy(), by_definition(g, image, weight, gradient)[1], atol=1e-11
    )


WIDE = Geometry((2, 3, 30, 30), (8, 3, 3, 3), (1, 1), (1, 1), (1, 1), 1)


# More weights than pixels.
DEEP = Geometry((1, 16, 9, 30), (64, 16, 3, 3), (1, 1), (1, 1), (1, 1), 1)


@pytest.mark.parametrize("geometry", [WIDE, DEEP], ids=["wide", "deep"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("what", ["image", "weight", "gradient"])
def test_what_is_not_finite_stays_where_it_is_seen(
    what: str, value: float, geometry: Geometry
) -> None:
    image, weight, gradient = operands(geometry, 0, "float32")
    place = {"image": (0, 1, 5, 0), "weight": (2, 1, 0, 0), "gradient": (0, 2, 7, 29)}[what]
    {"image": image, "weight": weight, "gradient": gradient}[what][place] = value
    with np.errstate(invalid="ignore"):
        expected = by_definition(geometry, image, weight, gradient)
    for found, wanted in zip(ours(geometry, image, weight, gradient), expected, strict=True):
        np.testing.assert_array_equal(np.isfinite(found), np.isfinite(wanted))
        np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))


@pytest.mark.parametrize("seed", [3, 4, 11, 17])
def test_any_number_of_threads_gives_the_same_bits(seed: int) -> None:
    g = drawn(seed)
    operands_ = operands(g, seed, "float32")
    assert_same_bits(lambda: [pb.tensor(part) for part in ours(g, *operands_)])


@pytest.mark.parametrize("complex_numbers", [False, True])
def test_derivatives_of_large_images(complex_numbers: bool) -> None:
    dtype = pb.complex128 if complex_numbers else pb.float64
    pb.manual_seed(0)
    x = pb.randn(1, 2, 9, 8, dtype=dtype, requires_grad=True)
    w = pb.randn(3, 2, 3, 2, dtype=dtype, requires_grad=True)
    b = pb.randn(3, dtype=dtype, requires_grad=True)

    def call(x: Any, w: Any, b: Any) -> Any:
        return functional.conv2d(x, w, b, padding=(1, 2), stride=(1, 2))

    assert gradcheck(call, (x, w, b), check_forward_ad=True, fast_mode=True)
    assert gradgradcheck(call, (x, w, b), fast_mode=True, check_fwd_over_rev=True)


def test_examples_of_a_batch() -> None:
    pb.manual_seed(0)
    for dtype in (pb.float64, pb.complex128):
        x = pb.randn(3, 2, 4, 12, 11, dtype=dtype)
        w = pb.randn(3, 6, 2, 3, 3, dtype=dtype)

        def call(x: Any, w: Any) -> Any:
            return functional.conv2d(x, w, padding=1, groups=2)

        for dims, parts in {
            (0, None): [(x[k], w[0]) for k in range(3)],
            (None, 0): [(x[0], w[k]) for k in range(3)],
            (0, 0): [(x[k], w[k]) for k in range(3)],
        }.items():
            given = (x if dims[0] == 0 else x[0], w if dims[1] == 0 else w[0])
            together = pb.vmap(call, dims)(*given)
            apart = pb.stack([call(*part) for part in parts])
            assert pb.allclose(together, apart)
