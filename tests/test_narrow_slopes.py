"""Slopes of half and bfloat16 whose formulas have several steps: taken in float32, rounded once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb

F = pb.nn.functional
DTYPES = pytest.mark.parametrize("dtype", [pb.bfloat16, pb.float16], ids=str)

# The name of a function and where it is taken.
FUNCTIONS: dict[str, tuple[Any, float, float]] = {
    "acos": (pb.acos, -0.98, 0.98),
    "acosh": (pb.acosh, 1.02, 5),
    "asin": (pb.asin, -0.98, 0.98),
    "asinh": (pb.asinh, -4, 4),
    "atan": (pb.atan, -4, 4),
    "atanh": (pb.atanh, -0.98, 0.98),
    "entr": (pb.special.entr, 0.01, 3),
    "erf": (pb.erf, -2.5, 2.5),
    "erfc": (pb.erfc, -2.5, 2.5),
    "erfinv": (pb.erfinv, -0.98, 0.98),
    "hardswish": (F.hardswish, -2.9, 4),
    "i0e": (pb.special.i0e, -6, 6),
    "i1": (pb.special.i1, -6, 6),
    "i1e": (pb.special.i1e, -6, 6),
    "logit": (pb.logit, 0.02, 0.98),
    "mish": (F.mish, -5, 5),
    "ndtr": (pb.special.ndtr, -3, 3),
}


def slopes(function: Any, x: Any, order: int = 1) -> Any:
    leaf = x.clone().requires_grad_()
    y = function(leaf)
    for _ in range(order):
        (y,) = pb.autograd.grad(y.sum(), leaf, create_graph=True)
    return y.detach().to(pb.float64).numpy()


def units_off(found: Any, right: Any, dtype: Any) -> Any:
    digits = 8 if dtype == pb.bfloat16 else 11
    size = np.maximum(np.abs(right), 2.0 ** (-14))
    return np.abs(found - right) / 2.0 ** (np.floor(np.log2(size)) - digits + 1)


@pytest.mark.parametrize("name", FUNCTIONS)
@DTYPES
def test_a_slope_is_rounded_once(name: str, dtype: Any) -> None:
    function, low, high = FUNCTIONS[name]
    x = pb.linspace(low, high, 1500, dtype=pb.float64).to(dtype)
    right = slopes(function, x.to(pb.float64))
    found = slopes(function, x)
    # Beside a zero of the slope float32 has the digits of its terms only.
    once = units_off(found, right, dtype) <= 0.51
    assert (once | (np.abs(found - right) < 1e-6)).all()


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"hardswish"}))
@DTYPES
def test_it_has_slopes_itself(name: str, dtype: Any) -> None:
    """Those round in between, so they are near the right ones."""
    function, low, high = FUNCTIONS[name]
    x = pb.linspace(low, high, 40, dtype=pb.float64).to(dtype)
    right = slopes(function, x.to(pb.float64), 2)
    size = np.abs(right).max()
    found = slopes(function, x, 2)
    np.testing.assert_allclose(found, right, 0.03, 0.03 * size)


@DTYPES
def test_the_dtype_and_forward_mode(dtype: Any) -> None:
    x = pb.linspace(-2, 2, 9).to(dtype)
    value, tangent = pb.func.jvp(pb.special.i1e, (x,), (pb.ones_like(x),))
    assert value.dtype == tangent.dtype == dtype
    np.testing.assert_array_equal(
        tangent.to(pb.float64).numpy(), slopes(pb.special.i1e, x), strict=True
    )
