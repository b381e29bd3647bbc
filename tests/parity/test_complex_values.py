"""Complex elementwise operators at special values beside PyTorch: zeros of both signs, infinities,
NaN, tiny and huge parts, and both sides of the branch cuts. Plain values and gradients of every
row are in ``test_complex.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

INF, NAN = float("inf"), float("nan")
PARTS = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e-8, 1e-20, -1e20, 90.0, INF, -INF, NAN)
GRID = [complex(a, b) for a in PARTS for b in PARTS]
FINITE = [z for z in GRID if np.isfinite(z) and z.real and z.imag]
TOLERANCE = {"complex64": 1.3e-6, "complex128": 1e-10}

UNARY = [
    "abs",
    "angle",
    "sgn",
    "square",
    "logical_not",
    "isnan",
    "isinf",
    "isfinite",
    "nan_to_num",
    "reciprocal",
    "sqrt",
    "rsqrt",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "sin",
    "cos",
    "tan",
    "asin",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "sigmoid",
    "positive",
    "conj",
]
POWERS = (0, 1, 2, 3, 0.5, -0.5, -1, -2, 2.5, 1j, 1 + 0.5j)


def divided(a: complex, b: complex) -> bool:
    """Nothing leaves the range of float32, where the order of the steps would show."""
    return all(x == 0 or not np.isfinite(x) or 1e-15 < x < 1e15 for x in (abs(a), abs(b)))


CALLS: dict[str, tuple[Callable[..., Any], list[tuple[complex, ...]]]] = {
    **{name: (lambda t, x, n=name: getattr(t, n)(x), [(z,) for z in GRID]) for name in UNARY},
    # PyTorch's signs of zeros are those of a difference here, and change with the length.
    "neg": (lambda t, x: -x, [(z,) for z in GRID if z.real and z.imag]),
    # On the real axis PyTorch's depends on the type and the length; next to it it loses digits.
    "acos": (lambda t, x: t.acos(x), [(z,) for z in GRID if not abs(z.imag) < 1e-12]),
    # Infinite parts beside tiny ones are NaN there.
    "log1p": (lambda t, x: t.log1p(x), [(z,) for z in GRID if z.imag and np.isfinite(z)]),
    "sinc": (lambda t, x: t.sinc(x), [(z,) for z in GRID if z.imag]),
    "silu": (lambda t, x: t.nn.functional.silu(x), [(z,) for z in GRID]),
    "mul": (lambda t, x, y: x * y, [(a, b) for a in GRID for b in GRID[::5]]),
    "div": (
        lambda t, x, y: x / y,
        [(a, b) for a in GRID for b in GRID[::5] if divided(a, b)],
    ),
    # PyTorch multiplies by alpha=1 as a complex number, which loses infinite parts and signs.
    "add": (lambda t, x, y: x + y, [(a, b) for a in FINITE for b in FINITE[::3]]),
    "pow": (lambda t, x, y: x**y, [(a, b) for a in GRID for b in GRID[::5]]),
    "eq": (lambda t, x, y: x == y, [(a, b) for a in GRID for b in GRID[::5]]),
    "ne": (lambda t, x, y: x != y, [(a, b) for a in GRID for b in GRID[::5]]),
    "logical_and": (lambda t, x, y: t.logical_and(x, y), [(a, b) for a in GRID for b in GRID[::5]]),
    "polar": (lambda t, x: t.polar(x.abs(), x.imag), [(z,) for z in GRID]),
    "complex": (lambda t, x: t.complex(x.imag, x.real), [(z,) for z in GRID]),
    "angle of real numbers": (lambda t, x: t.angle(x.real), [(z,) for z in GRID]),
    "sgn of real numbers": (lambda t, x: t.sgn(x.real), [(z,) for z in GRID]),
    **{f"x ** {e}": (lambda t, x, e=e: x**e, [(z,) for z in GRID]) for e in POWERS},
    **{f"{e} ** x": (lambda t, x, e=e: e**x, [(z,) for z in GRID]) for e in POWERS},
}


def parts(values: np.ndarray) -> np.ndarray:
    return np.stack([values.real, values.imag]).astype(np.float64)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", CALLS)
def test_special_values(name: str, dtype: str) -> None:
    call, rows = CALLS[name]
    columns = [np.array(column, dtype) for column in zip(*rows, strict=True)]
    ours = call(pb, *(pb.tensor(c) for c in columns)).numpy()
    theirs = call(torch, *(torch.tensor(c) for c in columns)).resolve_conj().numpy()
    assert ours.dtype == theirs.dtype
    a, b = parts(ours), parts(theirs)
    # Relative to the number: where one part cancels, the other gives the scale.
    scale = np.where(np.isfinite(theirs), np.abs(theirs), 0).astype(np.float64)
    with np.errstate(all="ignore"):
        close = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= TOLERANCE[dtype] * scale)
    close &= ~((a == 0) & (b == 0) & (np.signbit(a) != np.signbit(b)))
    bad = np.flatnonzero(~close.all(axis=0))
    assert not bad.size, [(rows[k], ours[k], theirs[k]) for k in bad[:5]]
