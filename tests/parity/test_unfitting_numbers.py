"""Numbers that a dtype cannot hold, beside PyTorch: refused, wrapped around, or cut."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from scenarios import check

torch = pytest.importorskip("torch")

VALUES = [math.nan, math.inf, -1, -1.5, 300, 300.7, -300, 2**31, -(2**31) - 1, 2**40, 1e40, 2.5]
DTYPES = ("uint8", "int32", "int64", "bool", "float32", "float64")


def put(x: Any, value: Any) -> Any:
    x[0] = value
    return x


WRITES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "fill_": lambda t, x, value: x.fill_(value),
    "item": lambda t, x, value: put(x, value),
    "full": lambda t, x, value: t.full((2,), value, dtype=x.dtype),
    "full_like": lambda t, x, value: t.full_like(x, value),
    "new_full": lambda t, x, value: x.new_full((1,), value),
    "masked_fill_": lambda t, x, value: x.masked_fill_(t.tensor([True, False]), value),
    "index_fill_": lambda t, x, value: x.index_fill_(0, t.tensor([1]), value),
    "scatter_": lambda t, x, value: x.scatter_(0, t.tensor([1]), value),
    "tensor": lambda t, x, value: t.tensor([value], dtype=x.dtype),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", WRITES)
def test_the_same_is_refused(name: str, dtype: str) -> None:
    for value in VALUES:

        def run(t: Any, value: float = value) -> Any:
            return WRITES[name](t, t.zeros(2, dtype=getattr(t, dtype)), value).tolist()

        check(run, pb, torch)
