"""NumPy's universal functions on tensors: ``np.ones(2) * x``, ``np.exp(x)``, ``np.float64(2) * x``.

Start reading at ``array_ufunc``.  Where nothing follows a tensor (no gradient, tangent or batch)
NumPy computes, and its result becomes a tensor, as in torch.  Where something does, an operator of
pullback with the same meaning computes in the dtype that NumPy would choose, and is recorded; a
function without such an operator refuses, as ``x.numpy()`` does.  NumPy is imported already when
these functions are called.
"""

from __future__ import annotations

import operator
from typing import Any

from pullback import _core
from pullback._core import Tensor

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
_COMPARISONS = {"greater", "greater_equal", "less", "less_equal", "equal", "not_equal"}
# Results of NumPy in dtypes that tensors do not have become the next larger one.
_WIDER = {
    "uint16": "int32",
    "uint32": "int64",
}


def _array(value: Any) -> Any:
    return value.numpy() if isinstance(value, Tensor) else value


def as_tensors(value: Any) -> Any:
    """What NumPy gave, as tensors."""
    if isinstance(value, tuple):
        return tuple(map(as_tensors, value))
    if not hasattr(value, "dtype"):
        return value
    import numpy as np

    array = np.asarray(value)
    wider = _WIDER.get(array.dtype.name)
    return _core._from_buffer(array if wider is None else array.astype(wider))


def _common_dtype(ufunc: Any, inputs: tuple[Any, ...]) -> Any:
    """The dtype NumPy computes in, if it is a floating one: NumPy is asked with empty arrays."""
    import numpy as np

    def empty(value: Any) -> Any:
        if isinstance(value, Tensor):
            return np.empty((0, 0), str(value.dtype).removeprefix("torch."))
        if isinstance(value, (bool, int, float)) and not isinstance(value, np.generic):
            return value
        return np.empty((0, 0), np.asarray(value).dtype)

    name = ufunc(*map(empty, inputs)).dtype.name
    return getattr(_core, name) if name in ("float16", "float32", "float64") else None


def _recorded(ufunc: Any, ours: Any, inputs: tuple[Any, ...]) -> Any:
    """The operator ``ours`` on tensors of the dtype in which NumPy would compute ``ufunc``."""
    dtype = _common_dtype(ufunc, inputs)

    def operand(value: Any) -> Any:
        if not isinstance(value, Tensor):
            value = as_tensors(value) if hasattr(value, "dtype") else _core.as_tensor(value)
        # The exponents of ldexp stay whole numbers.
        return value if dtype is None or ufunc.__name__ == "ldexp" else value.to(dtype)

    return ours(*map(operand, inputs))


def _ours(name: str) -> Any:
    found: Any = _OPERATORS.get(name)
    return found or getattr(_core._functions, _FUNCTIONS.get(name, ""), None)


def _is_number(value: Any, name: str) -> bool:
    """A number of NumPy; in a comparison it comes as an array without dimensions."""
    import numpy as np

    if isinstance(value, np.ndarray):
        return name in _COMPARISONS and value.shape == () and value.dtype.kind in "biuf"
    return isinstance(value, (np.number, np.bool_))


def _number(value: Any) -> Any:
    return float(value) if value.dtype.char in "g?" else value.item()


def array_ufunc(ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """``Tensor.__array_ufunc__``."""
    name = ufunc.__name__
    out = kwargs.get("out", ())
    written = (*out, *inputs[:1]) if method == "at" else out
    if any(isinstance(each, Tensor) for each in written):
        raise TypeError(
            f"numpy.{name}: got a Tensor to write into, expected an array. Write into x.numpy(), "
            "or into the tensor with a function of pullback."
        )
    if method == "__call__" and not kwargs:
        first = inputs[0]
        if name in _OPERATORS and _is_number(first, name):
            # An operator after a number of NumPy, which counts as a number of Python does.
            return _ours(name)(_number(first), *inputs[1:])
        if any(isinstance(each, Tensor) and _core._is_followed(each) for each in inputs):
            ours = _ours(name)
            if ours is not None:
                return _recorded(ufunc, ours, inputs)
    if "where" in kwargs:
        kwargs["where"] = _array(kwargs["where"])
    result = getattr(ufunc, method)(*map(_array, inputs), **kwargs)
    return result if out or method == "at" else as_tensors(result)
