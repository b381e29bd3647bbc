"""Special functions where they are special: great degrees, both sides of zero, zeros of a function.

Right values are of mpmath, or written out by hand.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import pullback as pb

mpmath = pytest.importorskip("mpmath")
mp = mpmath.mp.clone()
mp.dps = 40

INF, NAN = math.inf, math.nan
WITH_EDGES = ["laguerre_polynomial_l", "legendre_polynomial_p"]
WITH_EDGES += [f"chebyshev_polynomial_{k}" for k in "tuvw"]
FAMILIES = [*WITH_EDGES, "hermite_polynomial_h", "hermite_polynomial_he"]


def units_off(found: Any, right: list[Any]) -> float:
    """The greatest difference in units in the last place."""
    units = [np.spacing(abs(float(value))) for value in right]
    exact = zip(found.numpy().ravel(), right, units, strict=True)
    return max(float(abs(mp.mpf(float(f)) - r) / u) for f, r, u in exact)


def tensor(values: Any) -> Any:
    return pb.tensor(np.asarray(values, np.float64))


@pytest.mark.parametrize("name", FAMILIES)
def test_slopes_of_no_degree_are_zero(name: str) -> None:
    x = tensor([0.5, 1, -1, 0, 2]).requires_grad_()
    function = getattr(pb.special, name)
    for n in (INF, -INF, NAN, -3.0, 0.0, 2.0**63):
        (slope,) = pb.autograd.grad(function(x, n).sum(), x, create_graph=True)
        assert (slope == 0).all()
        (slope,) = pb.autograd.grad(function(x, tensor(n)).sum(), x)
        assert (slope == 0).all()


def test_slopes_of_great_degrees_at_the_edges() -> None:
    """Legendre's has n (n + 1) / 2 there, Chebyshev's n^2, and Laguerre's -n at 0."""
    one = tensor([1.0, -1.0]).requires_grad_()
    n = 1e9
    (slope,) = pb.autograd.grad(pb.special.legendre_polynomial_p(one, n).sum(), one)
    np.testing.assert_allclose(slope.numpy(), [n * (n + 1) / 2, -n * (n + 1) / 2], 1e-15)
    (slope,) = pb.autograd.grad(pb.special.chebyshev_polynomial_t(one, n).sum(), one)
    np.testing.assert_allclose(slope.numpy(), [n * n, -n * n], 1e-15)
    zero = tensor(0.0).requires_grad_()
    value = pb.special.laguerre_polynomial_l(zero, n)
    (slope,) = pb.autograd.grad(value, zero, create_graph=True)
    assert (value.item(), slope.item()) == (1, -n)
    (bend,) = pb.autograd.grad(slope, zero)
    assert bend.item() == pytest.approx(n * (n - 1) / 2, rel=1e-15)


@pytest.mark.parametrize("name", WITH_EDGES)
def test_edges_are_what_is_beside_them(name: str) -> None:
    """Closed forms at 0 and -1 and 1, in every order of derivatives."""
    for n in range(6):
        for edge in (-1.0, 0.0, 1.0):
            x = tensor([edge, edge + 1e-9]).requires_grad_()
            y = getattr(pb.special, name)(x, n)
            for _ in range(3):
                at, beside = y.detach().numpy()
                assert at == pytest.approx(beside, rel=1e-6, abs=1e-6)
                if not y.requires_grad:
                    break
                (y,) = pb.autograd.grad(y.sum(), x, create_graph=True)


def test_digamma_near_its_zero() -> None:
    zero = 1.4616321449683622
    x = [zero, *np.nextafter(zero, [0, 2]), 1.46, 1.4617, 1.5, 0.9999, 1.0, 1.0001, 2, 2.0001]
    x += [3, 3.0001, 1e-9, 0.1, *np.linspace(0.3, 12, 200)]
    right = [mp.digamma(mp.mpf(float(v))) for v in x]
    assert units_off(pb.digamma(tensor(x)), right) < 6


@pytest.mark.parametrize("n", [1, 2, 3, 5, 30])
def test_polygamma(n: int) -> None:
    x = [*np.linspace(0.1, 20, 100), 1e3, 1e6]
    right = [mp.psi(n, mp.mpf(float(v))) for v in x]
    assert units_off(pb.special.polygamma(n, tensor(x)), right) < (4 if n < 30 else 20)


def test_polygamma_far_to_the_left() -> None:
    """Between two poles the terms on both sides cancel in even orders."""
    x = [-60.25, -60.5, -1000.5, -1000.75]
    for n in (2, 3, 4):
        right = [float(mp.psi(n, mp.mpf(v))) for v in x]
        found = pb.special.polygamma(n, tensor(x)).numpy()
        np.testing.assert_allclose(found, right, rtol=1e-13, atol=1e-30)


def test_incomplete_gamma_functions_of_small_shapes() -> None:
    a, x = (v.ravel() for v in np.meshgrid([1e-310, 1e-5, 0.3, 1, 2.5, 7], [1e-3, 0.2, 1, 5, 60]))
    pairs = [(mp.mpf(float(p)), mp.mpf(float(q))) for p, q in zip(a, x, strict=True)]
    lower = [mp.gammainc(p, 0, q, regularized=True) for p, q in pairs]
    upper = [mp.gammainc(p, q, mp.inf, regularized=True) for p, q in pairs]
    np.testing.assert_allclose(
        pb.special.gammainc(tensor(a), tensor(x)).numpy(), np.array(lower, float), 3e-15
    )
    np.testing.assert_allclose(
        pb.special.gammaincc(tensor(a), tensor(x)).numpy(), np.array(upper, float), 3e-15, 1e-16
    )


@pytest.mark.parametrize(("low", "high"), [(0.01, 1), (1, 10), (10, 100), (100, 400)])
def test_incomplete_gamma_functions(low: float, high: float) -> None:
    """Also far in the tails, where an exponent of -300 alone would cost 300 units."""
    generator = np.random.RandomState(0)
    a = generator.uniform(low, high, 60)
    x = a * generator.uniform(0.2, 2, 60)
    pairs = [(mp.mpf(float(p)), mp.mpf(float(q))) for p, q in zip(a, x, strict=True)]
    lower = [mp.gammainc(p, 0, q, regularized=True) for p, q in pairs]
    upper = [mp.gammainc(p, q, mp.inf, regularized=True) for p, q in pairs]
    assert units_off(pb.special.gammainc(tensor(a), tensor(x)), lower) < 15
    assert units_off(pb.special.gammaincc(tensor(a), tensor(x)), upper) < 15


def test_polygamma_of_great_orders_and_arguments() -> None:
    for n, x in [(1, 1e300), (1, 1e18), (169, 111.5), (150, 1e3), (30, 1e8), (17, 1e17)]:
        right = mp.psi(n, mp.mpf(x))
        assert pb.special.polygamma(n, tensor(x)).item() == pytest.approx(float(right), rel=1e-14)


@pytest.mark.parametrize("name", ["legendre_polynomial_p", "laguerre_polynomial_l"])
def test_huge_degrees_end(name: str) -> None:
    function = getattr(pb.special, name)
    for degree in (2**62, pb.tensor(2.0**40)):
        assert math.isnan(function(pb.tensor(0.5, dtype=pb.float64), degree).item())
    assert math.isfinite(function(pb.tensor(0.5, dtype=pb.float64), 2**16).item())


def test_a_huge_sum_of_gammas_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"got p=4611686018427387904, expected at most 2\*\*30"):
        pb.special.multigammaln(pb.tensor(1e30), 2**62)
