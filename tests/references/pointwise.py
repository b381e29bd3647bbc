"""What the elementwise operators give, element by element: mpmath with 30 digits, or plain NumPy.

A reference takes the arguments of a sample with arrays in the places of the tensors (floating
ones of extended precision) and returns what the operator should.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

mp = mpmath.mp.clone()
mp.dps = 30


def exactly(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of numbers of many digits, for arrays that broadcast; rounded once at the end."""

    def of_numbers(*numbers: Any) -> float:
        return float(function(*(mp.mpf(float(number)) for number in numbers)))

    def of_complex_numbers(*numbers: Any) -> complex:
        return complex(function(*(mp.mpc(complex(number)) for number in numbers)))

    many = np.vectorize(of_numbers, otypes=[np.float64])
    many_complex = np.vectorize(of_complex_numbers, otypes=[np.complex128])

    def of_arrays(*arrays: Any) -> Any:
        of_kind = many_complex if any(map(np.iscomplexobj, arrays)) else many
        return np.asarray(of_kind(*arrays))

    return of_arrays


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """For operators with ``inplace=``, which changes where the result is and not what it is."""

    def call(*args: Any, inplace: bool = False, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


def divided(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    quotient = np.asarray(input) / np.asarray(other)
    if rounding_mode is None:
        return quotient
    return np.floor(quotient) if rounding_mode == "floor" else np.trunc(quotient)


def floored(input: Any, other: Any) -> Any:
    whole = np.floor(np.asarray(input) / np.asarray(other))
    return whole.astype(np.int64) if np.asarray(input).dtype.kind == "i" else whole


def remaining(input: Any, other: Any) -> Any:
    return input - np.floor(np.asarray(input) / other) * other


def remaining_of_trunc(input: Any, other: Any) -> Any:
    return input - np.trunc(np.asarray(input) / other) * other


def rounded(input: Any, *, decimals: int = 0) -> Any:
    scale = np.longdouble(10) ** decimals
    return np.rint(input * scale) / scale


def clamped(input: Any, min: Any = None, max: Any = None) -> Any:
    low = -np.inf if min is None else min
    high = np.inf if max is None else max
    return np.minimum(np.maximum(input, low), high)


def power(input: Any, exponent: Any) -> Any:
    return exactly(mp.power)(input, exponent)


def finite_numbers(input: Any, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    assert np.isfinite(input).all()
    return input


def closeness(
    input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    return np.abs(input - other) <= atol + rtol * np.abs(other)


def equality(input: Any, other: Any) -> bool:
    return input.shape == other.shape and bool((input == other).all())


def chosen(first: Any, second: Any = None, third: Any = None) -> Any:
    if second is None:
        return tuple(np.nonzero(first))
    if np.asarray(first).dtype == np.bool_:
        return np.where(first, second, third)
    return np.where(second, first, third)


def filled_by_mask(input: Any, mask: Any, value: Any) -> Any:
    return np.where(mask, value, input)


def logit(input: Any, eps: float | None = None) -> Any:
    inside = input if eps is None else clamped(input, eps, 1 - eps)
    return exactly(lambda x: mp.log(x / (1 - x)))(inside)


def softplus(input: Any, beta: float = 1, threshold: float = 20) -> Any:
    smooth = exactly(lambda x: mp.log(1 + mp.exp(beta * x)) / beta)(input)
    return np.where(input * beta > threshold, input, smooth)


def elu(input: Any, alpha: float = 1.0) -> Any:
    return exactly(lambda x: x if x > 0 else alpha * mp.expm1(x))(input)


def celu(input: Any, alpha: float = 1.0) -> Any:
    return exactly(lambda x: x if x > 0 else alpha * mp.expm1(x / alpha))(input)


def selu(input: Any) -> Any:
    alpha, scale = (
        mp.mpf("1.6732632423543772848170429916717"),
        mp.mpf("1.05070098735548049341933498"),
    )
    return exactly(lambda x: scale * (x if x > 0 else alpha * mp.expm1(x)))(input)


def gelu(input: Any, *, approximate: str = "none") -> Any:
    if approximate == "none":
        return exactly(lambda x: x * mp.ncdf(x))(input)
    root = mp.sqrt(2 / mp.pi)
    cubic = mp.mpf("0.044715")
    return exactly(lambda x: x / 2 * (1 + mp.tanh(root * (x + cubic * x**3))))(input)


def above(input: Any, threshold: float, value: float) -> Any:
    return np.where(input > threshold, input, value)


def prelu(input: Any, weight: Any) -> Any:
    if weight.ndim and input.ndim > 1:
        weight = weight.reshape((1, -1) + (1,) * (input.ndim - 2))
    elif weight.ndim:
        weight = weight.reshape(())
    return np.where(input > 0, input, weight * input)


def glu(input: Any, dim: int = -1) -> Any:
    kept, gate = np.split(input, 2, axis=dim)
    return kept / (1 + np.exp(-gate))


def softshrunk(input: Any, lambd: float = 0.5) -> Any:
    return np.sign(input) * np.maximum(np.abs(input) - lambd, 0)


def leaky(input: Any, negative_slope: float = 0.01) -> Any:
    return np.where(input > 0, input, input * negative_slope)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    return clamped(input, min_val, max_val)


def hardsigmoid(input: Any) -> Any:
    return clamped(input + 3, 0, 6) / 6


def added(input: Any, other: Any, alpha: Any = 1) -> Any:
    return input + alpha * other


def subtracted(input: Any, other: Any, alpha: Any = 1) -> Any:
    return input - alpha * other


def gamma_slope(shape: Any, value: Any) -> Any:
    """Minus the slope of the distribution function by the shape, over the density."""
    by_shape = mp.diff(lambda a: mp.gammainc(a, 0, value, regularized=True), shape)
    density = value ** (shape - 1) * mp.exp(-value) / mp.gamma(shape)
    return -by_shape / density


def beta_slope(value: Any, first: Any, total: Any) -> Any:
    """The same of a beta distribution, over 1 - value."""
    second = total - first
    by_first = mp.diff(lambda a: mp.betainc(a, second, 0, value, regularized=True), first)
    density = value ** (first - 1) * (1 - value) ** (second - 1) / mp.beta(first, second)
    return -by_first / density / (1 - value)


def no_part(input: Any) -> Any:
    return np.zeros(input.shape, np.bool_)


def sgn(input: Any) -> Any:
    if np.iscomplexobj(input):
        return input / np.hypot(input.real, input.imag)
    return (input > 0).astype(input.dtype) - (input < 0)


# Relative errors of formulas that are approximations in torch, too, and the same ones here.
APPROXIMATE = {"_dirichlet_grad": 1e-3, "_standard_gamma_grad": 1e-3}

REFERENCES: dict[str, Callable[..., Any]] = {
    "_dirichlet_grad": exactly(beta_slope),
    "_standard_gamma_grad": exactly(gamma_slope),
    "abs": lambda input: np.hypot(input.real, input.imag),
    "add": added,
    "addcdiv": lambda input, tensor1, tensor2, *, value=1: input + value * tensor1 / tensor2,
    "addcmul": lambda input, tensor1, tensor2, *, value=1: input + value * tensor1 * tensor2,
    "allclose": lambda *args, **kwargs: bool(closeness(*args, **kwargs).all()),
    "acos": exactly(mp.acos),
    "acosh": exactly(mp.acosh),
    "angle": lambda input: np.arctan2(input.imag, input.real),
    "asin": exactly(mp.asin),
    "asinh": exactly(mp.asinh),
    "atan": exactly(mp.atan),
    "atan2": exactly(mp.atan2),
    "atanh": exactly(mp.atanh),
    "bitwise_and": lambda input, other: input & other,
    "bitwise_left_shift": lambda input, other: input * 2**other,
    "bitwise_not": lambda input: ~input,
    "bitwise_or": lambda input, other: input | other,
    "bitwise_right_shift": lambda input, other: input // 2**other,
    "bitwise_xor": lambda input, other: input ^ other,
    "ceil": np.ceil,
    "celu": plain(celu),
    "clamp": clamped,
    "clamp_max": lambda input, max: clamped(input, max=max),
    "clamp_min": lambda input, min: clamped(input, min=min),
    "complex": lambda real, imag: real + 1j * imag,
    "copysign": np.copysign,
    "cos": exactly(mp.cos),
    "cosh": exactly(mp.cosh),
    "deg2rad": exactly(mp.radians),
    "digamma": exactly(mp.digamma),
    "div": divided,
    "elu": plain(elu),
    "eq": lambda input, other: input == other,
    "equal": equality,
    "erf": exactly(mp.erf),
    "erfc": exactly(mp.erfc),
    "erfinv": exactly(mp.erfinv),
    "exp": exactly(mp.exp),
    "exp2": exactly(lambda x: mp.power(2, x)),
    "expm1": exactly(mp.expm1),
    "float_power": power,
    "floor": np.floor,
    "floor_divide": floored,
    "fmod": remaining_of_trunc,
    "frac": lambda input: input - np.trunc(input),
    "ge": lambda input, other: input >= other,
    "gelu": gelu,
    "glu": glu,
    "gt": lambda input, other: input > other,
    "hardshrink": lambda input, lambd=0.5: np.where(np.abs(input) > lambd, input, 0),
    "hardsigmoid": plain(hardsigmoid),
    "hardswish": plain(lambda input: input * hardsigmoid(input)),
    "hardtanh": plain(hardtanh),
    "heaviside": lambda input, values: np.where(input == 0, values, (input > 0) + 0 * input),
    "hypot": exactly(mp.hypot),
    "igamma": exactly(lambda a, x: mp.gammainc(a, 0, x, regularized=True)),
    "igammac": exactly(lambda a, x: mp.gammainc(a, x, mp.inf, regularized=True)),
    "is_nonzero": lambda input: bool(input.reshape(()) != 0),
    "isclose": closeness,
    "isfinite": lambda input: ~no_part(input),
    "isinf": no_part,
    "isnan": no_part,
    "isneginf": no_part,
    "isposinf": no_part,
    "le": lambda input, other: input <= other,
    "leaky_relu": plain(leaky),
    "lerp": lambda input, end, weight: (1 - weight) * input + weight * end,
    "lgamma": exactly(lambda x: mp.log(abs(mp.gamma(x)))),
    "log": exactly(mp.log),
    "log10": exactly(mp.log10),
    "log1p": exactly(mp.log1p),
    "log2": exactly(lambda x: mp.log(x, 2)),
    "logaddexp": exactly(lambda x, y: mp.log(mp.exp(x) + mp.exp(y))),
    "logaddexp2": exactly(lambda x, y: mp.log(mp.power(2, x) + mp.power(2, y), 2)),
    "logical_and": lambda input, other: (input != 0) & (other != 0),
    "logical_not": lambda input: input == 0,
    "logical_or": lambda input, other: (input != 0) | (other != 0),
    "logical_xor": lambda input, other: (input != 0) != (other != 0),
    "logit": logit,
    "logsigmoid": exactly(lambda x: -mp.log(1 + mp.exp(-x))),
    "lt": lambda input, other: input < other,
    "masked_fill": filled_by_mask,
    "maximum": lambda input, other: np.where(input > other, input, other),
    "minimum": lambda input, other: np.where(input < other, input, other),
    "mish": plain(exactly(lambda x: x * mp.tanh(mp.log(1 + mp.exp(x))))),
    "mul": lambda input, other: input * other,
    "nan_to_num": finite_numbers,
    "ne": lambda input, other: input != other,
    "neg": lambda input: 0 - input,
    "polar": lambda abs, angle: abs * np.cos(angle) + 1j * abs * np.sin(angle),
    "polygamma": lambda a, b: (
        exactly(lambda x: mp.psi(a, x))(b)
        if isinstance(a, int)
        else exactly(lambda x: mp.psi(b, x))(a)
    ),
    "positive": lambda input: input,
    "pow": power,
    "prelu": prelu,
    "rad2deg": exactly(mp.degrees),
    "reciprocal": lambda input: 1 / input,
    "relu": plain(lambda input: np.where(input > 0, input, 0)),
    "relu6": plain(lambda input: clamped(input, 0, 6)),
    "remainder": remaining,
    "round": rounded,
    "rsqrt": exactly(lambda x: 1 / mp.sqrt(x)),
    "rsub": lambda input, other, alpha=1: other - alpha * input,
    "selu": plain(selu),
    "sgn": sgn,
    "sigmoid": exactly(lambda x: 1 / (1 + mp.exp(-x))),
    "silu": plain(exactly(lambda x: x / (1 + mp.exp(-x)))),
    "sin": exactly(mp.sin),
    "sinc": exactly(mp.sincpi),
    "sinh": exactly(mp.sinh),
    "softplus": softplus,
    "softshrink": softshrunk,
    "softsign": lambda input: input / (1 + np.abs(input)),
    "sqrt": exactly(mp.sqrt),
    "square": lambda input: input * input,
    "sub": subtracted,
    "tan": exactly(mp.tan),
    "tanh": exactly(mp.tanh),
    "tanhshrink": exactly(lambda x: x - mp.tanh(x)),
    "threshold": plain(above),
    "true_divide": divided,
    "trunc": np.trunc,
    "where": chosen,
    "xlogy": exactly(lambda x, y: x * mp.log(y)),
}

OTHER_NAMES = {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "clip": "clamp",
    "divide": "div",
    "fix": "trunc",
    "fmax": "maximum",
    "fmin": "minimum",
    "gammainc": "igamma",
    "gammaincc": "igammac",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "sign": "sgn",
    "subtract": "sub",
}
