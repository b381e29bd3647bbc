"""NumPy's universal functions on tensors: ``np.ones(2) * x``, ``np.exp(x)``, ``np.float64(2) * x``.

A function that pullback has under some name is ours: the result is a tensor and differentiable.
The others compute with arrays and give tensors without history.  NumPy is imported already when
these functions are called.
"""

from __future__ import annotations

import operator
from typing import Any

from pullback import _core

_OPERATORS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "true_divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "power": operator.pow,
    "matmul": operator.matmul,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "less": operator.lt,
    "less_equal": operator.le,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
    "left_shift": operator.lshift,
    "right_shift": operator.rshift,
    "negative": operator.neg,
    "positive": operator.pos,
    "invert": operator.invert,
}
_FUNCTIONS = {
    "absolute": "abs",
    "fabs": "abs",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "rint": "round",
    "deg2rad": "deg2rad",
    "rad2deg": "rad2deg",
    "radians": "deg2rad",
    "degrees": "rad2deg",
    "float_power": "float_power",
} | {
    name: name
    for name in [
        "ceil",
        "copysign",
        "cos",
        "cosh",
        "exp",
        "exp2",
        "expm1",
        "floor",
        "fmax",
        "fmin",
        "fmod",
        "gcd",
        "heaviside",
        "hypot",
        "isfinite",
        "isinf",
        "isnan",
        "lcm",
        "ldexp",
        "log",
        "log10",
        "log1p",
        "log2",
        "logaddexp",
        "logaddexp2",
        "logical_and",
        "logical_not",
        "logical_or",
        "logical_xor",
        "maximum",
        "minimum",
        "nextafter",
        "reciprocal",
        "sign",
        "signbit",
        "sin",
        "sinh",
        "sqrt",
        "square",
        "tan",
        "tanh",
        "trunc",
    ]
}


def _operand(value: Any) -> Any:
    """Arrays become tensors and NumPy's numbers Python's, so that our operators meet."""
    if isinstance(value, _core.Tensor):
        return value
    if hasattr(value, "dtype"):
        return value.item() if value.shape == () else _core._from_buffer(value)
    return _core.tensor(value) if isinstance(value, (list, tuple)) else value


def _array(value: Any) -> Any:
    return value.numpy() if isinstance(value, _core.Tensor) else value


def as_tensors(value: Any) -> Any:
    """What NumPy gave, as tensors where there is a dtype for it."""
    if isinstance(value, tuple):
        return tuple(as_tensors(each) for each in value)
    try:
        return _core._from_buffer(value) if value.shape else _core.as_tensor(value.item())
    except (AttributeError, TypeError):
        return value


def array_ufunc(ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """``Tensor.__array_ufunc__``."""
    if method == "__call__" and not kwargs:
        name = ufunc.__name__
        ours: Any = _OPERATORS.get(name) or getattr(
            _core._functions, _FUNCTIONS.get(name, ""), None
        )
        if ours is not None:
            return ours(*map(_operand, inputs))
    out = kwargs.get("out")
    if out is not None:
        kwargs["out"] = tuple(map(_array, out))
    result = getattr(ufunc, method)(*map(_array, inputs), **kwargs)
    if out is not None:
        return out[0] if len(out) == 1 else out
    return as_tensors(result)
