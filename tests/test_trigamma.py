"""polygamma(1, x), the slope of digamma, has a series of its own: its error in units."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

mpmath = pytest.importorskip("mpmath")


def exact(x: float) -> float:
    mpmath.mp.prec = 120
    at = mpmath.mpf(x)
    if x > 0:
        return mpmath.zeta(2, at)
    return mpmath.pi**2 / mpmath.sin(mpmath.pi * at) ** 2 - mpmath.zeta(2, 1 - at)


@pytest.mark.parametrize(
    ("low", "high", "units"),
    [(0, 1, 2.5), (1, 12, 2.5), (9.9, 10.1, 2.5), (12, 1e5, 2), (-30, 0, 5)],
)
def test_error(low: float, high: float, units: float) -> None:
    x = np.random.RandomState(0).uniform(low, high, 300)
    found = pb.special.polygamma(1, pb.tensor(x)).numpy()
    for at, value in zip(x, found, strict=True):
        wanted = exact(float(at))
        assert abs(float(value - wanted)) <= units * np.spacing(abs(float(wanted)))


def test_ends() -> None:
    x = pb.tensor([0.0, -0.0, -3.0, float("inf"), float("nan"), 1e-200, 1e300], dtype=pb.float64)
    found = pb.special.polygamma(1, x)
    assert found[:4].tolist() == [float("inf")] * 3 + [0.0]
    assert found[4].isnan()
    assert found[5:].tolist() == [float("inf"), 1e-300]
