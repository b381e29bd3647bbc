# ruff: noqa: D103 - what is not said in a line is in the formula
"""The polynomials behind the special functions: csrc/kernels/special/*_tables.h, from mpmath.

``python tools/expansions.py`` writes them anew, in about a minute.  A table has a row for each
piece of an interval: the coefficients of a polynomial in t, which goes from -1 to 1 over it,
fitted at Chebyshev's nodes with 40 digits.  Pieces have one width (``uniform``), or are the
quarters of the octaves from 2**first on (``octaves``).  What stands in the way of a
polynomial is divided out first: zeros, roots, exponentials.  Start reading at ``TABLES``.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import mpmath

mp = mpmath.mp.clone()
mp.dps = 40
TO = Path(__file__).parents[1] / "csrc/kernels/special"
FIT = 30  # nodes of a fit, of which the coefficients that matter are kept
PRECISION = mp.mpf("1.5e-18")


def fitted(function: Callable[[Any], Any], low: Any, high: Any) -> list[Any]:
    """Chebyshev coefficients over an interval."""
    nodes = [mp.cos(mp.pi * (k + mp.mpf(1) / 2) / FIT) for k in range(FIT)]
    values = [function((low + high) / 2 + (high - low) / 2 * t) for t in nodes]
    found = []
    for j in range(FIT):
        waves = (mp.cos(mp.pi * j * (k + mp.mpf(1) / 2) / FIT) for k in range(FIT))
        found.append(sum(v * w for v, w in zip(values, waves, strict=True)) * 2 / FIT)
    found[0] /= 2
    return found


def degree(coefficients: list[Any]) -> int:
    """How many are kept: the rest is below the rounding of the smallest value."""
    least = abs(coefficients[0]) - sum(abs(c) for c in coefficients[1:])
    unit = max(least, abs(coefficients[0]) / 100) * PRECISION
    rest = mp.mpf(0)
    for j in range(FIT - 1, 0, -1):
        rest += abs(coefficients[j])
        if rest > unit:
            return j
    return 0


def monomials(coefficients: list[Any]) -> list[Any]:
    """The same polynomial by powers of t."""
    before, last = [mp.mpf(1)], [mp.mpf(0), mp.mpf(1)]
    total = [mp.mpf(0)] * len(coefficients)
    for j, c in enumerate(coefficients):
        wave = before if j == 0 else last
        for power, w in enumerate(wave):
            total[power] += c * w
        if j > 0:
            doubled = [mp.mpf(0), *(2 * w for w in last)]
            for power, w in enumerate(before):
                doubled[power] -= w
            before, last = last, doubled
    return total


def pieces(function: Callable[[Any], Any], edges: list[Any]) -> list[list[Any]]:
    fits = [fitted(function, a, b) for a, b in pairwise(edges)]
    most = max(map(degree, fits)) + 1
    return [monomials(fit[:most]) for fit in fits]


def uniform(function: Callable[[Any], Any], count: int, width: float) -> list[list[Any]]:
    return pieces(function, [mp.mpf(width) * k for k in range(count + 1)])


def octaves(function: Callable[[Any], Any], first: int, end: int) -> list[list[Any]]:
    edges = [mp.mpf(2) ** e * (4 + q) / 4 for e in range(first, end) for q in range(4)]
    return pieces(function, [*edges, mp.mpf(2) ** end])


# --- the normal distribution ---


def erfcx(x: Any) -> Any:
    if x < 60:
        return mp.exp(x * x) * mp.erfc(x)
    total = term = mp.mpf(1)
    for k in range(1, 60):
        term *= -(2 * k - 1) / (2 * x * x)
        total += term
        if abs(term) < mp.mpf(10) ** -35:
            break
    return total / (x * mp.sqrt(mp.pi))


def far_erfcx(v: Any) -> Any:
    """X erfcx(x) by v = (4 / x)^2."""
    x = 4 / mp.sqrt(v)
    return x * erfcx(x)


def quantile(log_p: Any) -> Any:
    """Minus the number that a normal one is below with the probability exp(log_p) < 1 / 2."""
    y = mp.sqrt(-2 * log_p)
    for _ in range(60):
        ratio = erfcx(y / mp.sqrt(2)) / 2  # the probability over exp(-y * y / 2)
        off = mp.log(ratio) - y * y / 2 - log_p
        step = off * ratio * mp.sqrt(2 * mp.pi)
        y += step
        if abs(step) < mp.mpf(10) ** -33:
            break
    return y


def central_quantile(square: Any) -> Any:
    """The normal quantile of 1/2 + q over q, by q * q."""
    q = mp.sqrt(square)
    return mp.sqrt(2) * mp.erfinv(2 * q) / q


# --- Bessel functions ---


def zero(function: Callable[[Any], Any], near: float) -> Any:
    return mp.findroot(function, near)


def without_zeros(function: Callable[[Any], Any], *near: float) -> Callable[[Any], Any]:
    roots = [zero(function, n) for n in near]

    def divided(x: Any) -> Any:
        product = mp.mpf(1)
        for root in roots:
            product *= x - root
        return function(x) / product

    return divided


def waves(order: int, x: Any) -> tuple[Any, Any]:
    """P and Q of Abramowitz and Stegun 9.2.5 and 9.2.6."""
    with mpmath.workdps(40):
        angle = x - (2 * order + 1) * mp.pi / 4
        j, y = mp.besselj(order, x), mp.bessely(order, x)
        root = mp.sqrt(mp.pi * x / 2)
        c, s = mp.cos(angle), mp.sin(angle)
        return root * (j * c + y * s), root * (y * c - j * s)


def p_wave(order: int) -> Callable[[Any], Any]:
    return lambda v: waves(order, 16 / mp.sqrt(v))[0]


def q_wave(order: int) -> Callable[[Any], Any]:
    def of(v: Any) -> Any:
        x = 16 / mp.sqrt(v)
        return waves(order, x)[1] * x

    return of


def scaled(function: Callable[[Any, Any], Any], order: int, sign: int) -> Callable[[Any], Any]:
    """exp(sign * x) sqrt(x) times a modified Bessel function."""
    return lambda x: mp.exp(sign * x) * mp.sqrt(x) * function(order, x)


def far(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda v: function(64 / v)


def rest_of_y(order: int, square: Any) -> Any:
    """What Y has besides the logarithm and the pole, an entire function of the square."""
    x = mp.sqrt(square)
    y = mp.bessely(order, x) - 2 / mp.pi * mp.log(x / 2) * mp.besselj(order, x)
    return y if order == 0 else (y + 2 / (mp.pi * x)) / x


def rest_of_k(order: int, square: Any) -> Any:
    x = mp.sqrt(square)
    if order == 0:
        return mp.besselk(0, x) + mp.log(x / 2) * mp.besseli(0, x)
    return (mp.besselk(1, x) - mp.log(x / 2) * mp.besseli(1, x) - 1 / x) / x


# --- Airy's function ---


def zeta(x: Any) -> Any:
    return mp.sqrt(x) ** 3 * 2 / 3


def airy_falling(derivative: int) -> Callable[[Any], Any]:
    def of(v: Any) -> Any:
        z = 8 / v
        x = (z * 3 / 2) ** (mp.mpf(2) / 3)
        root = mp.root(x, 4)
        value = mp.airyai(x, derivative=derivative) * mp.exp(z)
        return value / root if derivative else value * root

    return of


def airy_waves(derivative: int, part: int) -> Callable[[Any], Any]:
    """The two slow factors of Abramowitz and Stegun 10.4.60 and 10.4.62."""

    def of(v: Any) -> Any:
        z = 8 / mp.sqrt(v)
        x = (z * 3 / 2) ** (mp.mpf(2) / 3)
        c, s = mp.cos(z - mp.pi / 4), mp.sin(z - mp.pi / 4)
        a, b = mp.airyai(-x, derivative=derivative), mp.airybi(-x, derivative=derivative)
        scale = mp.sqrt(mp.pi) * (1 / mp.root(x, 4) if derivative else mp.root(x, 4))
        if derivative:
            return scale * (a * s + b * c) if part == 0 else scale * (b * s - a * c) * z
        return scale * (a * c - b * s) if part == 0 else scale * (a * s + b * c) * z

    return of


def ai(derivative: int, sign: int) -> Callable[[Any], Any]:
    return lambda x: mp.airyai(sign * x, derivative=derivative)


Rows = Callable[[], list[list[Any]]]
J0, J1 = (lambda x: mp.besselj(0, x)), (lambda x: mp.besselj(1, x))
Y0, Y1 = (lambda x: mp.bessely(0, x)), (lambda x: mp.bessely(1, x))


def after_one(x: Any) -> Any:
    return mp.digamma(1 + x)


# File, what it is for, and for each table its name, what it holds, and the rows.
TABLES: list[tuple[str, str, list[tuple[str, str, Rows]]]] = [
    (
        "normal",
        "the scaled error function and the quantiles of the normal distribution",
        [
            ("kErfcx", "erfcx(x), pieces of 1/2", lambda: uniform(erfcx, 8, 1 / 2)),
            (
                "kErfcxFar",
                "x erfcx(x) by 16 / x^2, pieces of 1/4",
                lambda: uniform(far_erfcx, 4, 1 / 4),
            ),
            (
                "kCentralQuantile",
                "the quantile of 1/2 + q over q by q * q, pieces of 1/32",
                lambda: uniform(central_quantile, 5, 1 / 32),
            ),
            (
                "kTailQuantile",
                "minus the quantile over r by r = sqrt(-2 log p), octaves from 2",
                lambda: octaves(lambda r: quantile(-r * r / 2) / r, 1, 6),
            ),
        ],
    ),
    (
        "gamma",
        "log gamma and its derivative",
        [
            (
                "kDigamma",
                "digamma(1 + x) over its zero's factor, pieces of 1/2",
                lambda: uniform(without_zeros(after_one, 0.46), 2, 1 / 2),
            ),
            (
                "kLogGamma",
                "log gamma(1 + x) over x, pieces of 1/2",
                lambda: uniform(lambda x: mp.loggamma(1 + x) / x, 2, 1 / 2),
            ),
        ],
    ),
    (
        "bessel",
        "the Bessel functions of orders 0 and 1",
        [
            (
                "kJ0",
                "J0(x) over its first two zeros' factors, pieces of 1",
                lambda: uniform(without_zeros(J0, 2.4, 5.5), 8, 1),
            ),
            (
                "kJ1",
                "J1(x) / x over its first two zeros' factors, pieces of 1",
                lambda: uniform(
                    lambda x: without_zeros(J1, 3.8, 7.0)(x) / x,
                    8,
                    1,
                ),
            ),
            (
                "kY0Rest",
                "Y0(x) - 2/pi log(x/2) J0(x) by x * x up to 1/4",
                lambda: uniform(lambda s: rest_of_y(0, s), 1, 0.25),
            ),
            (
                "kY1Rest",
                "(Y1(x) + 2/(pi x) - 2/pi log(x/2) J1(x)) / x by x * x up to 1/4",
                lambda: uniform(lambda s: rest_of_y(1, s), 1, 0.25),
            ),
            (
                "kY0",
                "Y0(x) over its first three zeros' factors, octaves from 1/2",
                lambda: octaves(without_zeros(Y0, 0.89, 3.96, 7.09), -1, 3),
            ),
            (
                "kY1",
                "Y1(x) over its first two zeros' factors, octaves from 1/2",
                lambda: octaves(without_zeros(Y1, 2.2, 5.43), -1, 3),
            ),
            ("kP0", "P of order 0 by 256 / x^2, pieces of 1", lambda: uniform(p_wave(0), 4, 1)),
            ("kQ0", "Q of order 0 times x, the same", lambda: uniform(q_wave(0), 4, 1)),
            ("kP1", "P of order 1, the same", lambda: uniform(p_wave(1), 4, 1)),
            ("kQ1", "Q of order 1 times x, the same", lambda: uniform(q_wave(1), 4, 1)),
        ],
    ),
    (
        "modified_bessel",
        "the modified Bessel functions of orders 0 and 1, scaled by exponentials",
        [
            (
                "kI0",
                "exp(-x) I0(x), pieces of 1",
                lambda: uniform(lambda x: mp.exp(-x) * mp.besseli(0, x), 8, 1),
            ),
            (
                "kI1",
                "exp(-x) I1(x) / x, pieces of 1",
                lambda: uniform(lambda x: mp.exp(-x) * mp.besseli(1, x) / x, 8, 1),
            ),
            (
                "kI0Far",
                "exp(-x) sqrt(x) I0(x) by 64 / x, pieces of 1",
                lambda: uniform(far(scaled(mp.besseli, 0, -1)), 8, 1),
            ),
            (
                "kI1Far",
                "the same of I1",
                lambda: uniform(far(scaled(mp.besseli, 1, -1)), 8, 1),
            ),
            (
                "kK0Rest",
                "K0(x) + log(x/2) I0(x) by x * x up to 1/4",
                lambda: uniform(lambda s: rest_of_k(0, s), 1, 0.25),
            ),
            (
                "kK1Rest",
                "(K1(x) - log(x/2) I1(x) - 1/x) / x by x * x up to 1/4",
                lambda: uniform(lambda s: rest_of_k(1, s), 1, 0.25),
            ),
            (
                "kK0",
                "exp(x) sqrt(x) K0(x), octaves from 1/2",
                lambda: octaves(scaled(mp.besselk, 0, 1), -1, 3),
            ),
            (
                "kK1",
                "exp(x) sqrt(x) K1(x), octaves from 1/2",
                lambda: octaves(scaled(mp.besselk, 1, 1), -1, 3),
            ),
            (
                "kK0Far",
                "exp(x) sqrt(x) K0(x) by 64 / x, pieces of 1",
                lambda: uniform(far(scaled(mp.besselk, 0, 1)), 8, 1),
            ),
            (
                "kK1Far",
                "the same of K1",
                lambda: uniform(far(scaled(mp.besselk, 1, 1)), 8, 1),
            ),
        ],
    ),
    (
        "airy",
        "Airy's function and its derivative",
        [
            ("kAi", "Ai(x), pieces of 1/2", lambda: uniform(ai(0, 1), 4, 0.5)),
            ("kAiSlope", "Ai'(x), pieces of 1/2", lambda: uniform(ai(1, 1), 4, 0.5)),
            (
                "kAiFalling",
                "exp(z) x^(1/4) Ai(x) by 8 / z, z = 2/3 x^(3/2), pieces of 1",
                lambda: uniform(airy_falling(0), 5, 1),
            ),
            (
                "kAiSlopeFalling",
                "exp(z) x^(-1/4) Ai'(x), the same",
                lambda: uniform(airy_falling(1), 5, 1),
            ),
            (
                "kAiNegative",
                "Ai(-x) over its first zero's factor, pieces of 1/2",
                lambda: uniform(without_zeros(ai(0, -1), 2.34), 8, 0.5),
            ),
            (
                "kAiSlopeNegative",
                "Ai'(-x) over its first two zeros' factors, pieces of 1/2",
                lambda: uniform(without_zeros(ai(1, -1), 1.02, 3.25), 8, 0.5),
            ),
            (
                "kAiP",
                "the first factor of the waves by 64 / z^2, pieces of 1",
                lambda: uniform(airy_waves(0, 0), 3, 1),
            ),
            ("kAiQ", "the second one times z, the same", lambda: uniform(airy_waves(0, 1), 3, 1)),
            ("kAiSlopeP", "those of the derivative", lambda: uniform(airy_waves(1, 0), 3, 1)),
            ("kAiSlopeQ", "those of the derivative", lambda: uniform(airy_waves(1, 1), 3, 1)),
        ],
    ),
]

ZEROS: dict[str, list[tuple[str, Callable[[Any], Any], list[float]]]] = {
    "gamma": [("kDigammaZeros", after_one, [0.46])],
    "bessel": [
        ("kJ0Zeros", J0, [2.4, 5.5]),
        ("kJ1Zeros", J1, [3.8, 7.0]),
        ("kY0Zeros", Y0, [0.89, 3.96, 7.09]),
        ("kY1Zeros", Y1, [2.2, 5.43]),
    ],
    "airy": [
        ("kAiZeros", ai(0, -1), [2.34]),
        ("kAiSlopeZeros", ai(1, -1), [1.02, 3.25]),
    ],
}


def number(value: Any) -> str:
    return repr(float(value))


def text_of(file: str, purpose: str, tables: list[tuple[str, str, Rows]]) -> str:
    lines = [
        f"// Polynomials for {purpose}.",
        "//",
        "// Made by tools/expansions.py, which says what they are; change them there.",
        "// clang-format off",
        "#pragma once",
        "",
        "namespace pullback::kernels {",
    ]
    for name, function, near in ZEROS.get(file, []):
        roots = [zero(function, n) for n in near]
        pairs = [f"{{{number(r)}, {number(r - mp.mpf(float(r)))}}}" for r in roots]
        lines += [
            "",
            "// Zeros, each as a number and what its rounding took away.",
            f"inline constexpr double {name}[][2] = {{{', '.join(pairs)}}};",
        ]
    for name, holds, rows in tables:
        made = rows()
        print(file, name, len(made), len(made[0]))
        lines += ["", f"// {holds[0].upper()}{holds[1:]}."]
        lines.append(f"inline constexpr double {name}[][{len(made[0])}] = {{")
        for row in made:
            entries = [f"{number(c)}," for c in row]
            lines.append("    {")
            line = "     "
            for each in entries:
                if len(line) + 1 + len(each) > 99:
                    lines.append(line)
                    line = "     "
                line += " " + each
            lines += [line, "    },"]
        lines.append("};")
    return "\n".join([*lines, "", "}  // namespace pullback::kernels", ""])


def main() -> None:
    for file, purpose, tables in TABLES:
        (TO / f"{file}_tables.h").write_text(text_of(file, purpose, tables))


if __name__ == "__main__":
    main()
