"""Which dtype two others have together: three categories, and NumPy's rule inside of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# As a dtype the type float has 64 bits, and a number of it the default dtype.
DTYPES = {bool: np.dtype(np.bool_), int: np.dtype(np.int64), float: np.dtype(np.float64)}
NUMBERS = DTYPES | {float: np.dtype(np.float32)}


def category(dtype: Any) -> int:
    return "biufc".index(dtype.kind) if dtype.kind != "u" else 1


def named(dtype: Any) -> Any:
    return DTYPES.get(dtype, dtype)


def promote(first: Any, second: Any) -> Any:
    first, second = named(first), named(second)
    if category(first) == category(second):
        return np.promote_types(first, second)
    return max(first, second, key=category)


def rank(value: Any) -> int:
    """A number, a tensor without dimensions, another tensor."""
    return 0 if not isinstance(value, np.ndarray) else 1 if value.ndim == 0 else 2


def dtype_of(value: Any) -> Any:
    return value.dtype if isinstance(value, np.ndarray) else NUMBERS[type(value)]


def result_type(first: Any, second: Any) -> Any:
    low, high = sorted((first, second), key=rank)
    kind, other = dtype_of(high), dtype_of(low)
    if rank(low) == rank(high):
        return promote(kind, other)
    return kind if category(kind) >= category(other) else other


def can_cast(from_: Any, to: Any) -> bool:
    return category(named(from_)) <= category(named(to))


REFERENCES: dict[str, Callable[..., Any]] = {
    "can_cast": can_cast,
    "promote_types": promote,
    "result_type": result_type,
}

OTHER_NAMES: dict[str, str] = {}
