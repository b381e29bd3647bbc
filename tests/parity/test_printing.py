"""Printing compared with PyTorch, over many tensors and settings.

The text has to be equal character for character; only the module name in front of a dtype may
differ, so ``shown`` takes it away on both sides.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")
hypothesis = pytest.importorskip("hypothesis")
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

DTYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")
SHAPES = [(), (1,), (0,), (2, 0), (7,), (40,), (3, 4), (2, 3, 4), (2, 1, 2, 30), (9, 20, 8)]


@pytest.fixture(autouse=True)
def _default_settings() -> Iterator[None]:
    yield
    reset()


def reset() -> None:
    pb.set_printoptions(profile="default")
    torch.set_printoptions(profile="default")


def shown(text: str) -> str:
    return re.sub(r"dtype=\w+\.", "dtype=", text)


def assert_same(data: Any, dtype: str, shape: tuple[int, ...] | None = None) -> None:
    ours = pb.tensor(data, dtype=getattr(pb, dtype))
    theirs = torch.tensor(data, dtype=getattr(torch, dtype))
    if shape is not None:
        ours, theirs = ours.reshape(shape), theirs.reshape(shape)
    assert shown(repr(ours)) == shown(theirs.__repr__())


def numbers(dtype: str, count: int) -> list[Any]:
    if dtype == "bool":
        return [i % 3 == 0 for i in range(count)]
    if dtype == "uint8":
        return [i * 37 % 256 for i in range(count)]
    if dtype.startswith("int"):
        return [(-1) ** i * i * i for i in range(count)]
    return [math.sin(i) * 3 for i in range(count)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_and_shape(dtype: str, shape: tuple[int, ...]) -> None:
    assert_same(numbers(dtype, math.prod(shape)), dtype, shape)


@pytest.mark.parametrize(
    "options",
    [
        {"precision": 2},
        {"precision": 0},
        {"precision": 9, "sci_mode": True},
        {"sci_mode": False},
        {"threshold": 5},
        {"threshold": 5, "edgeitems": 1},
        {"threshold": 5, "edgeitems": 0},
        {"edgeitems": 0},
        {"threshold": 0},
        {"linewidth": 30},
        {"linewidth": 1},
        {"profile": "short"},
        {"profile": "full"},
        {"profile": "short", "precision": 7},
    ],
    ids=str,
)
def test_settings(options: dict[str, Any]) -> None:
    pb.set_printoptions(**options)
    torch.set_printoptions(**options)
    for shape in SHAPES:
        for dtype in ("float32", "int64", "bool"):
            assert_same(numbers(dtype, math.prod(shape)), dtype, shape)


@pytest.mark.parametrize(
    "values",
    [
        [1e-4],
        [0.0001, 0.00009],
        [1e8],
        [100000001.0],
        [1e5, 1.0],
        [1000.0, 1.0],
        [1001.0, 1.0],
        [0.1, 100.0],
        [0.0, -0.0],
        [5.0, math.nan, -math.inf],
        [0.5, math.inf],
        [1e300, 1e-300],
        [1e-45, 1.0],
        [123456.789, 0.0],
        [0.99999],
        [-99999.5],
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_choice_of_notation(values: list[float], dtype: str) -> None:
    for i, value in enumerate(values):
        assert_same(value, dtype)
        assert_same(values[: i + 1], dtype)


def test_gradient_suffixes() -> None:
    for shape in [(), (3,), (14,), (18,), (2, 0), (1200,)]:
        ours = pb.ones(shape, dtype=pb.float64, requires_grad=True)
        theirs = torch.ones(shape, dtype=torch.float64, requires_grad=True)
        assert shown(repr(ours)) == shown(theirs.__repr__())
        assert shown(repr(ours * 2)) == shown((theirs * 2).__repr__())
        assert shown(repr(ours.exp())) == shown(theirs.exp().__repr__())
        assert shown(repr(ours.reshape(-1))) == shown(theirs.reshape(-1).__repr__())


def test_non_contiguous() -> None:
    ours, theirs = pb.arange(3000).reshape(30, 100), torch.arange(3000).reshape(30, 100)
    assert repr(ours.t()) == theirs.t().__repr__()
    assert repr(ours[::2, ::3]) == theirs[::2, ::3].__repr__()


FLOATS = st.one_of(
    st.floats(width=32),
    st.floats(-10, 10, width=32),
    st.integers(-2000, 2000).map(float),
    st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf]),
)


@given(
    st.lists(FLOATS, max_size=30),
    st.sampled_from(["float32", "float64"]),
    st.booleans(),
    st.integers(0, 8),
    st.sampled_from([None, True, False]),
    st.integers(10, 100),
)
@settings(max_examples=300, deadline=None)
def test_random_floats(
    values: list[float],
    dtype: str,
    small: bool,
    precision: int,
    sci_mode: bool | None,
    linewidth: int,
) -> None:
    options = {"precision": precision, "sci_mode": sci_mode, "linewidth": linewidth}
    pb.set_printoptions(**options, threshold=10 if small else 1000)
    torch.set_printoptions(**options, threshold=10 if small else 1000)
    try:
        assert_same(values, dtype)
        if len(values) % 2 == 0:
            assert_same(values, dtype, (2, len(values) // 2))
    finally:
        reset()


@given(
    st.lists(st.integers(0, 4), max_size=4),
    st.integers(0, 20),
    st.integers(1, 3),
    st.integers(20, 90),
)
@settings(max_examples=200, deadline=None)
def test_random_shapes(shape: list[int], threshold: int, edgeitems: int, linewidth: int) -> None:
    options = {"threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    pb.set_printoptions(**options)
    torch.set_printoptions(**options)
    try:
        assert_same(numbers("int64", math.prod(shape)), "int64", tuple(shape))
    finally:
        reset()
