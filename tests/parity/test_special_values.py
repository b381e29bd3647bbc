"""Special functions beside PyTorch where they are special: poles, degrees, complex arguments."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

NAN, INF = float("nan"), float("inf")
CHEBYSHEV = [f"{s}chebyshev_polynomial_{k}" for s in ("", "shifted_") for k in "tuvw"]
POLYNOMIALS = [
    *CHEBYSHEV,
    "hermite_polynomial_h",
    "hermite_polynomial_he",
    "laguerre_polynomial_l",
    "legendre_polynomial_p",
]


def both(function: Any) -> tuple[Any, Any]:
    return function(pb), function(torch)


@pytest.mark.parametrize("name", POLYNOMIALS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_degrees_that_are_none(name: str, dtype: str) -> None:
    points = [0.5, 1, -1, 0, 2, -2, 30, INF, -INF, 1e-3]
    for degree in (NAN, INF, -INF, -1, -3, -0.5, 0, 0.9, 2.0**63, 1e300, -1e300):
        if dtype == "float32" and INF > abs(degree) > 1e38:
            continue

        def values(lib: Any, degree: float = degree) -> Any:
            x = lib.tensor(points, dtype=getattr(lib, dtype))
            return getattr(lib.special, name)(x, lib.tensor(degree, dtype=x.dtype)).numpy()

        np.testing.assert_array_equal(*both(values), err_msg=f"degree {degree}")


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_great_degrees_where_there_is_a_closed_form(name: str) -> None:
    shifted = name.startswith("shifted")
    points = {"laguerre_polynomial_l": [0.0]}.get(name, [1.0, 0.0] if shifted else [1.0, -1.0])

    def values(lib: Any) -> Any:
        n = lib.tensor([2, 3, 7.9, 64, 1000, 1e5 + 1, 1e9, 1e15], dtype=lib.float64)
        x = lib.tensor(points, dtype=lib.float64).unsqueeze(-1)
        return getattr(lib.special, name)(x, n if "hermite" not in name else n[:5]).numpy()

    np.testing.assert_allclose(*both(values), rtol=1e-15)


@pytest.mark.parametrize("name", ["xlogy", "xlog1py"])
@pytest.mark.parametrize("as_number", [False, True])
def test_slopes_of_products_with_logarithms(name: str, as_number: bool) -> None:
    """The pole is at 0 for one and at -1 for the other."""
    shift = 1 if name == "xlogy" else 0
    wide = itertools.product(
        [0.0, -0.0, 1.0, -2.0, NAN, INF],
        [-1.0, -2.0, 0.0, 1.0, NAN, INF, -INF, -0.5],
        [0.0, 1.0, NAN, INF],
    )
    for x, y, t in wide:

        def slopes(lib: Any, x: float = x, y: float = y, t: float = t) -> list[str]:
            a = lib.tensor(x, requires_grad=True)
            b = y + shift if as_number else lib.tensor(y + shift, requires_grad=True)
            getattr(lib.special, name)(a, b).backward(lib.tensor(t))
            return [repr(leaf.grad.item()) for leaf in ([a] if as_number else [a, b])]

        ours, theirs = both(slopes)
        assert ours == theirs, (x, y, t)


REFUSED = """
t.isin(t.ones(2), 1j)
t.isin(t.ones(2), 1 + 0j)
t.isin(1j, t.ones(2))
t.isin(t.ones(2, dtype=t.complex64), t.ones(2))
t.isin(t.ones(2), t.ones(0, dtype=t.complex128))
t.isin(t.ones(2), True)
t.signbit(t.ones(2, dtype=t.complex64))
t.signbit(t.ones(0, dtype=t.complex128))
"""


@pytest.mark.parametrize("line", REFUSED.strip().splitlines())
def test_refusals(line: str) -> None:
    def refusal(lib: Any) -> tuple[type, str]:
        with pytest.raises(RuntimeError) as caught:
            eval(line, {"t": lib})
        return type(caught.value), re.sub("^torch[.]", "", str(caught.value).splitlines()[0])

    ours, theirs = both(refusal)
    assert ours == theirs


@pytest.mark.parametrize("q", [-1e-200, 1e-200, 0.0, -0.0, -1.0, -3.0, -0.01, -INF, -1.5])
@pytest.mark.parametrize("s", [1.0, 2.0, 3.0, 4.0, 200.0, 201.0])
def test_poles_of_zeta(s: float, q: float) -> None:
    def value(lib: Any) -> float:
        return lib.special.zeta(
            lib.tensor(s, dtype=lib.float64), lib.tensor(q, dtype=lib.float64)
        ).item()

    ours, theirs = both(value)
    assert ours == pytest.approx(theirs, rel=1e-12, nan_ok=True)
