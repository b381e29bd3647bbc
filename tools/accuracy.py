# ruff: noqa: D103 - as in the other tools
"""How far special functions are from the right values, and SciPy's: docs/accuracy.md.

``python tools/accuracy.py`` needs SciPy and mpmath and writes the page anew, in some minutes.
Errors are in units in the last place of the float64 next to the value that mpmath has with 50
digits, at 1,000 points for each function, its tails among them. Start reading at ``FUNCTIONS``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import scipy.special as sp

import pullback as pb

mp = mpmath.mp.clone()
mp.dps = 50
PAGE = Path(__file__).parents[1] / "docs/accuracy.md"
RANDOM = np.random.default_rng(0)
HEAD = """# Accuracy of special functions

Made by `python tools/accuracy.py`: the largest error, and that of 99 of 100 points, in units in the
last place of float64, at 1,000 points; where SciPy is at most 4 units off, the largest error here.
Beside a zero of a function that waves (Bessel functions of the first two kinds, `airy_ai` to the
left) an error of one unit of its amplitude is many units of its value.

| `special.` | points | largest | 99 % | SciPy: largest | 99 % | where SciPy is within 4 |
|---|---|---:|---:|---:|---:|---:|
"""


def even(low: float, high: float) -> Any:
    return lambda n: RANDOM.uniform(low, high, n)


def by_size(low: float, high: float) -> Any:
    return lambda n: 10 ** RANDOM.uniform(np.log10(low), np.log10(high), n)


LINE = (even(-8, 8), even(-100, 100), by_size(1e-8, 1e6))
RIGHT = (even(0, 8), even(0, 100), by_size(1e-8, 1e6))
MODERATE = (even(-8, 8), even(-700, 700), by_size(1e-8, 100))


def normal(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def quantile(p: Any) -> Any:
    y = mp.mpf(float(sp.ndtri(float(p))))
    for _ in range(4):
        y += (p - normal(y)) / mp.npdf(y) if p < 0.5 else (normal(-y) - (1 - p)) / mp.npdf(y)
    return y


def erfcx(x: Any) -> Any:
    if x < 1e4:
        return mp.exp(x * x) * mp.erfc(x)
    return (1 - 1 / (2 * x * x) + 3 / (4 * x**4)) / (x * mp.sqrt(mp.pi))


def at_first(name: str, value: float) -> Callable[[Any], Any]:
    return lambda x: getattr(pb.special, name)(pb.full_like(x, value), x)


# The exact function, SciPy's, ours if it is no function of one argument, and the points.
Function = tuple[Any, Any, Any, tuple[Any, ...]]
FUNCTIONS: dict[str, Function] = {
    "airy_ai": (mp.airyai, lambda x: sp.airy(x)[0], None, (even(-4, 4), even(-100, 100))),
    "bessel_j0": (lambda x: mp.besselj(0, x), sp.j0, None, LINE),
    "bessel_j1": (lambda x: mp.besselj(1, x), sp.j1, None, LINE),
    "bessel_y0": (lambda x: mp.bessely(0, x), sp.y0, None, RIGHT),
    "bessel_y1": (lambda x: mp.bessely(1, x), sp.y1, None, RIGHT),
    "digamma": (mp.digamma, sp.psi, None, (even(0, 20), by_size(1e-8, 1e8))),
    "entr": (lambda x: -x * mp.log(x), sp.entr, None, (even(0, 3), by_size(1e-300, 1e300))),
    "erfcx": (erfcx, sp.erfcx, None, (even(-26, 30), by_size(1e-8, 1e8))),
    "erfinv": (mp.erfinv, sp.erfinv, None, (even(-1, 1), by_size(1e-8, 1))),
    "gammaln": (mp.loggamma, sp.gammaln, None, (even(0, 20), by_size(1e-8, 1e8))),
    "i0": (lambda x: mp.besseli(0, x), sp.i0, None, MODERATE),
    "i0e": (lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), sp.i0e, None, MODERATE),
    "i1": (lambda x: mp.besseli(1, x), sp.i1, None, MODERATE),
    "i1e": (lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), sp.i1e, None, MODERATE),
    "log_ndtr": (
        lambda x: mp.log(normal(x)) if x < 0 else mp.log1p(-normal(-x)),
        sp.log_ndtr,
        None,
        (even(-2, 2), even(-100, 37)),
    ),
    "modified_bessel_k0": (lambda x: mp.besselk(0, x), sp.k0, None, (*RIGHT[:2], even(0, 700))),
    "modified_bessel_k1": (lambda x: mp.besselk(1, x), sp.k1, None, (*RIGHT[:2], even(0, 700))),
    "ndtr": (normal, sp.ndtr, None, (even(-2, 2), even(-37, 9))),
    "ndtri": (quantile, sp.ndtri, None, (even(0, 1), by_size(1e-300, 0.5))),
    "scaled_modified_bessel_k0": (
        lambda x: mp.besselk(0, x) * mp.exp(x),
        sp.k0e,
        None,
        (*RIGHT[:2], even(0, 700)),
    ),
    "scaled_modified_bessel_k1": (
        lambda x: mp.besselk(1, x) * mp.exp(x),
        sp.k1e,
        None,
        (*RIGHT[:2], even(0, 700)),
    ),
    "spherical_bessel_j0": (mp.sinc, lambda x: sp.spherical_jn(0, x), None, LINE[:2]),
    "zeta(2.5, x)": (
        lambda x: mp.zeta(2.5, x),
        lambda x: sp.zeta(2.5, x),
        at_first("zeta", 2.5),
        (even(0, 20), by_size(1e-3, 1e6)),
    ),
    "gammainc(2.5, x)": (
        lambda x: mp.gammainc(2.5, 0, x, regularized=True),
        lambda x: sp.gammainc(2.5, x),
        at_first("gammainc", 2.5),
        (even(0, 10), by_size(1e-3, 1e2)),
    ),
    "gammaincc(2.5, x)": (
        lambda x: mp.gammainc(2.5, x, mp.inf, regularized=True),
        lambda x: sp.gammaincc(2.5, x),
        at_first("gammaincc", 2.5),
        (even(0, 10), by_size(1e-3, 1e2)),
    ),
    "polygamma(3, x)": (
        lambda x: mp.psi(3, x),
        lambda x: sp.polygamma(3, x),
        lambda x: pb.special.polygamma(3, x),
        (even(0, 20), by_size(1e-3, 1e6)),
    ),
}


def units(found: Any, exact: list[Any]) -> Any:
    errors = []
    for value, right in zip(found, exact, strict=True):
        nearest = float(right)
        unit = mp.mpf(float(np.spacing(abs(nearest))))
        errors.append(float(abs(mp.mpf(float(value)) - right) / unit))
    return np.array(errors)


def row(name: str, function: Function) -> str:
    exactly, scipy_function, ours, makers = function
    sizes = [len(part) for part in np.array_split(np.arange(1000), len(makers))]
    x = np.concatenate([make(n) for make, n in zip(makers, sizes, strict=True)])
    exact = [exactly(mp.mpf(float(each))) for each in x]
    call = ours or getattr(pb.special, name)
    mine = units(call(pb.tensor(x)).numpy(), exact)
    theirs = units(scipy_function(x), exact)
    good = mine[theirs <= 4].max()
    edges = f"{x.min():.2g} to {x.max():.2g}"
    cells = [mine.max(), np.percentile(mine, 99), theirs.max(), np.percentile(theirs, 99), good]
    return f"| `{name}` | {edges} | " + " | ".join(f"{cell:.3g}" for cell in cells) + " |"


def main() -> None:
    rows = []
    with np.errstate(all="ignore"):
        for name, function in FUNCTIONS.items():
            rows.append(row(name, function))
            print(rows[-1], flush=True)
    PAGE.write_text(HEAD + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
