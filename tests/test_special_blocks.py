"""Special functions are computed in blocks of numbers: a number's value knows no neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb

BESSEL = ["bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "i0", "i0e", "i1", "i1e"]
NAMES = [*BESSEL, "erfcx", "log_ndtr", "ndtri", "spherical_bessel_j0"]
POLYNOMIALS = [
    "chebyshev_polynomial_t",
    "chebyshev_polynomial_w",
    "shifted_chebyshev_polynomial_u",
    "hermite_polynomial_h",
    "hermite_polynomial_he",
    "laguerre_polynomial_l",
    "legendre_polynomial_p",
]
EDGES = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-300, -1e-300, 0.25, 0.49999, 0.5, 1.0, -1.0, 7.9999]
EDGES += [8.0, -8.0, 8.0001, 40.0, -40.0, 699.0, 701.0, -701.0, 1e6, 1.1e6, -3e7, 1e300]


def numbers(dtype: str) -> Any:
    """Edges among numbers of every range, in no multiple of a block."""
    draw = np.random.default_rng(3)
    parts = [EDGES, draw.uniform(0, 1, 50), draw.uniform(-9, 9, 70), draw.uniform(-300, 300, 60)]
    mixed = draw.permutation(np.concatenate(parts))
    with np.errstate(over="ignore", under="ignore"):
        return pb.from_numpy(mixed.astype(dtype))


def same(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(a.numpy(), b.numpy(), strict=True)
    real = ~np.isnan(a.numpy())
    np.testing.assert_array_equal(np.signbit(a.numpy())[real], np.signbit(b.numpy())[real])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_each_number_alone(name: str, dtype: str) -> None:
    function = getattr(pb.special, name)
    x = numbers(dtype)
    whole = function(x)
    same(whole, pb.stack([function(each) for each in x]))
    same(whole.flip(0), function(x.flip(0)))
    spread = pb.stack([x, pb.full_like(x, 3.0)], 1)[:, 0]
    assert spread.stride() == (2,)
    same(whole, function(spread))
    same(whole[3:], function(x[3:]))
    assert bool(whole[x.isnan()].isnan().all())
    assert function(x[:0]).shape == (0,)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_each_polynomial_alone(name: str, dtype: str) -> None:
    function = getattr(pb.special, name)
    x = numbers(dtype)
    degrees = np.random.default_rng(4).integers(-2, 9, x.numel()).astype(dtype)
    degrees[::17] = 2.7
    degrees[5::29] = 100.0
    degrees[7::41] = np.nan
    n = pb.from_numpy(degrees)
    whole = function(x, n)
    same(whole, pb.stack([function(a, b) for a, b in zip(x, n, strict=True)]))
    spread = pb.stack([n, n + 1], 1)[:, 0]
    same(whole, function(x, spread))
    assert bool((whole[n < 0] == 0).all())
    assert bool((whole[n.isnan()] == 0).all())
    assert bool((function(x, pb.zeros_like(x)) == 1).all())


@pytest.mark.parametrize("name", ["i0e", "bessel_j0", "log_ndtr", "hermite_polynomial_h"])
def test_any_number_of_threads(name: str) -> None:
    function = getattr(pb.special, name)
    x = pb.linspace(-30, 30, 200_003, dtype=pb.float64)
    rest = (pb.arange(200_003) % 7,) if name.startswith("hermite") else ()
    before = pb.get_num_threads()
    try:
        found = []
        for threads in (1, 3):
            pb.set_num_threads(threads)
            found.append(function(x, *rest))
    finally:
        pb.set_num_threads(before)
    same(*found)
