"""Reading through an index equals NumPy for every index hypothesis makes, and differentiates.

The comparison follows PyTorch where it differs (an integer next to an array is a basic index).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.autograd import gradcheck, gradgradcheck
from table import array, same, weights

settings.register_profile("here", deadline=None, max_examples=150, derandomize=True, database=None)
settings.load_profile("here")

SHAPES = st.lists(st.integers(0, 4), min_size=0, max_size=4).map(tuple)


@st.composite
def slices(draw: Any, size: int) -> slice:
    ends = st.none() | st.integers(-size - 2, size + 2)
    return slice(draw(ends), draw(ends), draw(st.none() | st.integers(1, 3)))


@st.composite
def basic_indices(draw: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Integers, slices, new axes and one ellipsis."""
    used = draw(st.integers(0, len(shape)))
    parts: list[Any] = []
    for size in shape[:used]:
        choices = [slices(size)]
        if size:
            choices.append(st.integers(-size, size - 1))
        parts.append(draw(st.one_of(choices)))
    for _ in range(draw(st.integers(0, 2))):
        parts.insert(draw(st.integers(0, len(parts))), None)
    if used == len(shape) or all(isinstance(p, slice) for p in parts if p is not None):
        parts.append(...)
    return tuple(parts)


@st.composite
def advanced_indices(draw: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """At least one integer array or boolean mask among integers, slices and new axes."""
    parts: list[Any] = []
    common = draw(st.sampled_from([(), (1,), (2,), (3,), (2, 3), (0,)]))
    at = 0
    while at < len(shape):
        size = shape[at]
        kind = draw(st.sampled_from(["array", "slice", "int", "mask", "none", "stop"]))
        if kind == "stop":
            break
        if kind == "none":
            if len(parts) < 6:
                parts.append(None)
            continue
        if kind == "slice":
            parts.append(draw(slices(size)))
        elif kind == "int" and size:
            parts.append(draw(st.integers(-size, size - 1)))
        elif kind == "mask" and not any(isinstance(p, np.ndarray) for p in parts):
            truths = draw(st.lists(st.booleans(), min_size=size, max_size=size))
            parts.append(np.array(truths, dtype=bool))
            common = (int(sum(truths)),) if sum(truths) != 1 else (1,)
        elif kind == "array" and size:
            count = math.prod(common)
            numbers = draw(st.lists(st.integers(-size, size - 1), min_size=count, max_size=count))
            parts.append(np.array(numbers, dtype=np.int64).reshape(common))
        else:
            parts.append(slice(None))
        at += 1
    if not any(isinstance(p, np.ndarray) for p in parts):
        return (np.zeros(common if shape[0] else (0,), dtype=np.int64),)
    return tuple(parts)


def for_pullback(index: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(pb.tensor(p) if isinstance(p, np.ndarray) else p for p in index)


def data(shape: tuple[int, ...], strided: bool) -> tuple[np.ndarray, Any]:
    a = np.arange(1.0, 1.0 + math.prod(shape)).reshape(shape)
    x = pb.tensor(a)
    if strided:
        order = tuple(range(len(shape)))[::-1]
        x = pb.tensor(a.transpose(order).copy()).permute(order)
    return a, x


def read(a: np.ndarray, index: tuple[Any, ...]) -> np.ndarray:
    """By NumPy, with integers as basic indices next to arrays too, as in PyTorch."""
    basic = tuple(slice(None) if isinstance(p, np.ndarray) else p for p in index)
    rest = tuple(
        p if isinstance(p, np.ndarray) else slice(None) for p in index if not isinstance(p, int)
    )
    return a[basic][rest] if any(isinstance(p, np.ndarray) for p in index) else a[index]


def check_read(shape: tuple[int, ...], index: tuple[Any, ...], strided: bool) -> None:
    a, x = data(shape, strided)
    x = x.detach().requires_grad_()
    found = x[for_pullback(index)]
    same(array(found), read(a, index), 0, 0)
    seed = weights(pb, found)
    (gradient,) = pb.autograd.grad(found, x, seed)
    places = read(np.arange(a.size).reshape(shape), index)
    scattered = np.bincount(places.ravel(), array(seed).ravel(), a.size)
    same(array(gradient), scattered.reshape(shape), 1e-15, 1e-15)


@given(st.data(), SHAPES, st.booleans())
def test_basic_indices(draw: Any, shape: tuple[int, ...], strided: bool) -> None:
    index = draw.draw(basic_indices(shape))
    check_read(shape, index, strided)
    _, x = data(shape, strided)
    assert x[index]._storage_ptr() == x._storage_ptr()


@given(st.data(), SHAPES.filter(len), st.booleans())
def test_advanced_indices(draw: Any, shape: tuple[int, ...], strided: bool) -> None:
    check_read(shape, draw.draw(advanced_indices(shape)), strided)


@given(st.data(), st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple))
def test_masks_over_several_dimensions(draw: Any, shape: tuple[int, ...]) -> None:
    depth = draw.draw(st.integers(1, len(shape)))
    count = math.prod(shape[:depth])
    truths = draw.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    check_read(shape, (np.array(truths).reshape(shape[:depth]),), False)


# --- by hand ---


def x34() -> Any:
    return pb.arange(12, dtype=pb.float64).reshape(3, 4).requires_grad_()


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (1, [4, 5, 6, 7]),
        (-1, [8, 9, 10, 11]),
        ((1, 2), 6),
        (slice(1, None), [[4, 5, 6, 7], [8, 9, 10, 11]]),
        ((slice(None), slice(0, 4, 2)), [[0, 2], [4, 6], [8, 10]]),
        ((..., 0), [0, 4, 8]),
        ((None, 0), [[0, 1, 2, 3]]),
        ([0, 2], [[0, 1, 2, 3], [8, 9, 10, 11]]),
        (([0, 2], [1, 3]), [1, 11]),
        (([[0], [2]], [1, 3]), [[1, 3], [9, 11]]),
        ((slice(1, None), [3, 0]), [[7, 4], [11, 8]]),
        ((0, [True, False, False, True]), [0, 3]),
        (np.array([2, 0]), [[8, 9, 10, 11], [0, 1, 2, 3]]),
        ((np.array([True, False, True]), 1), [1, 9]),
        (True, [[[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]]),
        ((slice(5, 9), 0), []),
    ],
    ids=str,
)
def test_forms(index: Any, expected: Any) -> None:
    x = x34()
    assert x[index].tolist() == expected
    assert gradcheck(lambda x: x[index], x)
    assert gradgradcheck(lambda x: x[index], x)


def test_tensors_as_indices() -> None:
    x = x34()
    assert x[pb.tensor(1)].tolist() == [4, 5, 6, 7]
    assert x[pb.tensor(1), pb.tensor(2)].item() == 6
    assert x[pb.tensor([0, 2], dtype=pb.int32)].shape == (2, 4)
    assert x[pb.tensor([True, False, True])].tolist() == [[0, 1, 2, 3], [8, 9, 10, 11]]
    assert x[x > 9].tolist() == [10, 11]
    assert x[pb.zeros(0, dtype=pb.int64)].shape == (0, 4)
    assert x[1][pb.tensor([3, 3, 0])].tolist() == [7, 7, 4]


def test_the_same_element_twice_gets_both_gradients() -> None:
    x = pb.zeros(3, dtype=pb.float64, requires_grad=True)
    x[[1, 1, 2]].sum().backward()
    assert x.grad.tolist() == [0.0, 2.0, 1.0]


def test_node_names() -> None:
    x = x34()
    assert x[1].grad_fn.name() == "SelectBackward0"
    assert x[1:2].grad_fn.name() == "SliceBackward0"
    assert x[None].grad_fn.name() == "UnsqueezeBackward0"
    assert x[[0, 1]].grad_fn.name() == "IndexBackward0"
    assert x[x > 3].grad_fn.name() == "IndexBackward0"
    assert x[...].grad_fn.name() == "AliasBackward0"


def test_advanced_indices_apart_from_each_other_come_first() -> None:
    x = pb.zeros(2, 3, 4, 5)
    assert x[:, [0, 1, 2], :, [0, 1, 2]].shape == (3, 2, 4)
    assert x[:, [0, 1, 2], [0, 1, 2]].shape == (2, 3, 5)
    assert x[0, :, [1, 2]].shape == (3, 2, 5)


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (3, IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
        (-4, IndexError, "index -4 is out of bounds for dimension 0 with size 3"),
        ((0, 0, 0), IndexError, "too many indices for tensor of dimension 2"),
        ([0, 3], IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
        ([True, False], IndexError, "The shape of the mask \\[2\\] at index 0 does not match"),
        (
            ([0, 1], [0, 1, 2]),
            IndexError,
            "shape mismatch: indexing tensors could not be broadcast",
        ),
        (slice(None, None, -1), ValueError, "step must be greater than zero"),
        (slice(None, None, 0), (ValueError, RuntimeError), "step"),
        (1.5, (IndexError, TypeError), "ind"),
        ("a", (IndexError, TypeError), "ind"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning")
def test_wrong_indices(index: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        _ = x34()[index]


def test_a_float_tensor_is_no_index() -> None:
    with pytest.raises(IndexError, match="tensors used as indices must be"):
        _ = x34()[pb.tensor([0.0])]


def test_indexing_a_scalar() -> None:
    x = pb.tensor(3.0)
    assert x[...].item() == 3.0
    assert x[None].shape == (1,)
    assert x[()].item() == 3.0
    with pytest.raises(IndexError, match="invalid index of a 0-dim tensor"):
        _ = x[0]


@pytest.mark.parametrize("shape", [(2, 3), (2,), (2, 0), (0,), (0, 3)])
@pytest.mark.parametrize("position", [5, -6])
def test_positions_of_slices_are_looked_at_without_elements_too(
    shape: tuple[int, ...], position: int
) -> None:
    x, at = pb.ones(shape), pb.tensor([position])
    with pytest.raises(IndexError):
        x.index_select(0, at)
    words = f"of bounds for dimension 0 with size {shape[0]}"
    with pytest.raises(IndexError, match=rf"index_fill_\(\): index {position} is out {words}"):
        x.index_fill(0, at, 1.0)
    with pytest.raises(IndexError, match=rf"index_copy_\(\): index {position} is out {words}"):
        x.index_copy(0, at, pb.ones((1, *shape[1:])))
