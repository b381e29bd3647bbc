"""What the special functions give, element by element: mpmath with 30 digits; parts of numbers.

Polynomials by their sums over powers, which the recurrences of the kernels do not use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from references.pointwise import exactly, mp


def polynomial(coefficient: Callable[[int, int], Any], x: Any, n: Any) -> Any:
    """The sum of coefficient(n, k) x^k."""
    degree = int(n)
    return mp.fsum(coefficient(degree, k) * x**k for k in range(degree + 1)) if degree >= 0 else 0


def gegenbauer(a: Any) -> Callable[[int, int], Any]:
    """Abramowitz and Stegun 22.3.4."""

    def coefficient(n: int, k: int) -> Any:
        if (n - k) % 2:
            return 0
        m = (n - k) // 2
        top = mp.rf(a, n - m) * (-1) ** m * mp.mpf(2) ** k
        return top / (mp.factorial(m) * mp.factorial(k))

    return coefficient


def chebyshev_u(x: Any, n: Any) -> Any:
    return polynomial(gegenbauer(1), x, n)


def chebyshev_t(x: Any, n: Any) -> Any:
    return 1 if n == 0 else (chebyshev_u(x, n) - chebyshev_u(x, n - 2)) / 2


def chebyshev_v(x: Any, n: Any) -> Any:
    return chebyshev_u(x, n) - chebyshev_u(x, n - 1)


def chebyshev_w(x: Any, n: Any) -> Any:
    return chebyshev_u(x, n) + chebyshev_u(x, n - 1)


def shifted(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return exactly(lambda x, n: function(2 * x - 1, n))


def hermite(n: int, k: int) -> Any:
    """Of the physicists: 22.3.10."""
    if (n - k) % 2:
        return 0
    m = (n - k) // 2
    return mp.factorial(n) * (-1) ** m * mp.mpf(2) ** k / (mp.factorial(m) * mp.factorial(k))


def hermite_he(n: int, k: int) -> Any:
    return hermite(n, k) / mp.mpf(2) ** ((n + k) // 2)


def laguerre(n: int, k: int) -> Any:
    return (-1) ** k * mp.binomial(n, k) / mp.factorial(k)


def of_degree(coefficient: Callable[[int, int], Any]) -> Callable[..., Any]:
    return exactly(lambda x, n: polynomial(coefficient, x, n))


def normal(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def multivariate(input: Any, p: int) -> Any:
    constant = mp.mpf(p * (p - 1)) / 4 * mp.log(mp.pi)
    return exactly(
        lambda x: constant + sum(mp.loggamma(x - mp.mpf(k) / 2) for k in range(p)),
    )(input)


def parts(input: Any) -> tuple[Any, Any]:
    """Mantissa and exponent."""
    exponent = np.zeros(input.shape, np.int32)
    mantissa = np.array(input)
    with np.errstate(all="ignore"):
        exponent[mantissa != 0] = np.floor(np.log2(np.abs(mantissa[mantissa != 0]))) + 1
    return mantissa / np.exp2(exponent.astype(input.dtype)), exponent


def neighbour(input: Any, other: Any) -> Any:
    """In the dtype of the sample: a step is below the tolerance (see test_neighbours.py)."""
    return np.nextafter(input, other)


REFERENCES: dict[str, Callable[..., Any]] = {
    "airy_ai": exactly(mp.airyai),
    "bessel_j0": exactly(mp.j0),
    "bessel_j1": exactly(mp.j1),
    "bessel_y0": exactly(lambda x: mp.bessely(0, x)),
    "bessel_y1": exactly(lambda x: mp.bessely(1, x)),
    "chebyshev_polynomial_t": exactly(chebyshev_t),
    "chebyshev_polynomial_u": exactly(chebyshev_u),
    "chebyshev_polynomial_v": exactly(chebyshev_v),
    "chebyshev_polynomial_w": exactly(chebyshev_w),
    "entr": exactly(lambda x: -x * mp.log(x)),
    "erfcx": exactly(lambda x: mp.exp(x * x) * mp.erfc(x)),
    "frexp": parts,
    "gcd": np.gcd,
    "hermite_polynomial_h": of_degree(hermite),
    "hermite_polynomial_he": of_degree(hermite_he),
    "i0": exactly(lambda x: mp.besseli(0, x)),
    "i0e": exactly(lambda x: mp.besseli(0, x) * mp.exp(-abs(x))),
    "i1": exactly(lambda x: mp.besseli(1, x)),
    "i1e": exactly(lambda x: mp.besseli(1, x) * mp.exp(-abs(x))),
    "laguerre_polynomial_l": of_degree(laguerre),
    "lcm": np.lcm,
    "legendre_polynomial_p": of_degree(gegenbauer(mp.mpf(1) / 2)),
    "log_ndtr": exactly(lambda x: mp.log(normal(x)) if x < 0 else mp.log1p(-normal(-x))),
    "modified_bessel_k0": exactly(lambda x: mp.besselk(0, x)),
    "modified_bessel_k1": exactly(lambda x: mp.besselk(1, x)),
    "mvlgamma": multivariate,
    "ndtr": exactly(normal),
    "ndtri": exactly(lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1)),
    "nextafter": neighbour,
    "scaled_modified_bessel_k0": exactly(lambda x: mp.besselk(0, x) * mp.exp(x)),
    "scaled_modified_bessel_k1": exactly(lambda x: mp.besselk(1, x) * mp.exp(x)),
    "shifted_chebyshev_polynomial_t": shifted(chebyshev_t),
    "shifted_chebyshev_polynomial_u": shifted(chebyshev_u),
    "shifted_chebyshev_polynomial_v": shifted(chebyshev_v),
    "shifted_chebyshev_polynomial_w": shifted(chebyshev_w),
    "signbit": np.signbit,
    "spherical_bessel_j0": exactly(mp.sinc),
    "xlog1py": exactly(lambda x, y: x * mp.log1p(y)),
    "zeta": exactly(mp.zeta),
}

OTHER_NAMES = {
    "modified_bessel_i0": "i0",
    "modified_bessel_i1": "i1",
    "multigammaln": "mvlgamma",
}
