"""Tensors from nothing: values, dtypes, keywords, the generator."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pullback as pb

DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"]


@pytest.fixture
def _default_dtype() -> Iterator[None]:
    yield
    pb.set_default_dtype(pb.float32)


# --- tensor ---


@pytest.mark.parametrize(
    ("data", "dtype", "shape"),
    [
        (1, "int64", ()),
        (1.0, "float32", ()),
        (True, "bool", ()),
        ([1, 2], "int64", (2,)),
        ([1, 2.5], "float32", (2,)),
        ([True, 2], "int64", (2,)),
        ([True, 2.5], "float32", (2,)),
        ([], "float32", (0,)),
        ([[], []], "float32", (2, 0)),
        ([[1, 2, 3], [4, 5, 6]], "int64", (2, 3)),
        (((1.0,), (2.0,)), "float32", (2, 1)),
        (range(3), "int64", (3,)),
    ],
    ids=str,
)
def test_tensor_finds_shape_and_dtype(data: Any, dtype: str, shape: tuple[int, ...]) -> None:
    x = pb.tensor(data)
    assert (x.dtype, x.shape) == (getattr(pb, dtype), shape)
    assert np.array_equal(np.array(x.tolist()).reshape(shape), np.array(data).reshape(shape))


def test_tensor_with_keywords() -> None:
    x = pb.tensor([1, 2], dtype=pb.float64, device="cpu", requires_grad=True)
    assert (x.dtype, x.requires_grad, x.is_leaf) == (pb.float64, True, True)
    assert pb.tensor([0.0, 1.7, -1.7], dtype=pb.int32).tolist() == [0, 1, -1]
    assert pb.tensor([0.0, 0.5], dtype=pb.bool).tolist() == [False, True]
    assert pb.tensor(data=[1.0]).tolist() == [1.0]


def test_tensor_of_tensors() -> None:
    a = pb.tensor(2.0)
    assert pb.tensor([a, 3.0]).tolist() == [2.0, 3.0]
    with pytest.warns(UserWarning, match="clone"):
        copied = pb.tensor(a)
    assert copied is not a


def test_tensor_refuses() -> None:
    with pytest.raises(ValueError, match="expected sequence of length 2 at dim 1"):
        pb.tensor([[1, 2], [3]])
    with pytest.raises((TypeError, ValueError)):
        pb.tensor([1, [2]])
    with pytest.raises((TypeError, ValueError, RuntimeError)):
        pb.tensor("text")
    with pytest.raises(RuntimeError, match="Could not infer dtype of NoneType"):
        pb.tensor(None)
    with pytest.raises((RuntimeError, OverflowError)):
        pb.tensor(300, dtype=pb.uint8)
    with pytest.raises((RuntimeError, OverflowError, ValueError)):
        pb.tensor(2**63)
    with pytest.raises(TypeError):
        pb.tensor()


def test_extreme_values() -> None:
    assert pb.tensor(2**63 - 1).item() == 2**63 - 1
    assert pb.tensor(-(2**63)).item() == -(2**63)
    assert pb.tensor([math.inf, -math.inf]).tolist() == [math.inf, -math.inf]
    assert math.isnan(pb.tensor(math.nan).item())
    assert pb.tensor(1e300).item() == math.inf
    assert pb.tensor(1e300, dtype=pb.float64).item() == 1e300
    assert str(pb.tensor(-0.0)) == "tensor(-0.)"


# --- filled tensors ---


@pytest.mark.parametrize("dtype", DTYPES)
def test_zeros_ones_full(dtype: str) -> None:
    d = getattr(pb, dtype)
    for x, value in (
        (pb.zeros(2, 3, dtype=d), 0),
        (pb.ones((2, 3), dtype=d), 1),
        (pb.full((2, 3), 1, dtype=d), 1),
        (pb.zeros([2, 3], dtype=d), 0),
        (pb.empty(2, 3, dtype=d).fill_(1), 1),
    ):
        assert (x.dtype, x.shape, x.tolist()) == (d, (2, 3), [[value] * 3] * 2)


def test_defaults() -> None:
    assert pb.zeros(2).dtype == pb.float32
    assert pb.zeros(()).shape == pb.ones([]).shape == ()
    assert pb.full((2,), 7).dtype == pb.int64
    assert pb.full((2,), 7.0).dtype == pb.float32
    assert pb.full((2,), True).dtype == pb.bool
    assert pb.full((), 3).item() == 3
    assert pb.zeros(2, requires_grad=True).requires_grad
    assert pb.scalar_tensor(2).dtype == pb.float32
    assert pb.scalar_tensor(2).shape == ()


def test_wrong_sizes() -> None:
    with pytest.raises(RuntimeError, match="negative"):
        pb.zeros(2, -1)
    with pytest.raises(TypeError):
        pb.zeros(2.5)
    with pytest.raises(TypeError):
        pb.zeros("3")
    with pytest.raises(RuntimeError, match="floating point"):
        pb.zeros(2, dtype=pb.int64, requires_grad=True)


def test_like_and_new() -> None:
    x = pb.tensor([[1, 2, 3], [4, 5, 6]], dtype=pb.int32)
    for y, value in (
        (pb.zeros_like(x), 0),
        (pb.ones_like(x), 1),
        (pb.full_like(x, 7), 7),
        (pb.empty_like(x).fill_(7), 7),
        (x.new_zeros(2, 3), 0),
        (x.new_ones((2, 3)), 1),
        (x.new_full((2, 3), 7), 7),
        (x.new_empty(2, 3).fill_(7), 7),
        (x.new_tensor([[7, 7, 7], [7, 7, 7]]), 7),
    ):
        assert (y.dtype, y.tolist()) == (pb.int32, [[value] * 3] * 2)
    assert pb.zeros_like(x, dtype=pb.float64).dtype == pb.float64
    assert pb.ones_like(x, dtype=pb.float32, requires_grad=True).requires_grad
    assert pb.zeros_like(x.t()).stride() == (1, 3)
    assert pb.rand_like(pb.zeros(2, 3)).shape == (2, 3)
    assert pb.randn_like(x, dtype=pb.float64).dtype == pb.float64
    assert not pb.zeros_like(pb.zeros(1, requires_grad=True)).requires_grad


# --- ranges ---


@pytest.mark.parametrize(
    ("arguments", "dtype", "expected"),
    [
        ((3,), "int64", [0, 1, 2]),
        ((3.0,), "float32", [0.0, 1.0, 2.0]),
        ((1, 4), "int64", [1, 2, 3]),
        ((1, 8, 3), "int64", [1, 4, 7]),
        ((5, 0, -2), "int64", [5, 3, 1]),
        ((0, 1, 0.25), "float32", [0.0, 0.25, 0.5, 0.75]),
        ((2, 2), "int64", []),
    ],
    ids=str,
)
def test_arange(arguments: Any, dtype: str, expected: list[Any]) -> None:
    x = pb.arange(*arguments)
    assert (x.dtype, x.tolist()) == (getattr(pb, dtype), expected)


def test_arange_keywords_and_errors() -> None:
    assert pb.arange(start=1, end=4, step=2).tolist() == [1, 3]
    assert pb.arange(3, dtype=pb.float64).dtype == pb.float64
    assert pb.arange(3.0, requires_grad=True).requires_grad
    with pytest.raises(RuntimeError, match="step must be nonzero"):
        pb.arange(0, 3, 0)
    with pytest.raises(RuntimeError, match="inconsistent with step sign"):
        pb.arange(3, 0)


def test_linspace_and_logspace() -> None:
    assert pb.linspace(0, 1, 5).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert pb.linspace(3, 3, 1).tolist() == [3.0]
    assert pb.linspace(1, 0, 3, dtype=pb.float64).tolist() == [1.0, 0.5, 0.0]
    assert pb.linspace(0, 1, 0).shape == (0,)
    x = pb.linspace(-1, 1, 101, dtype=pb.float64)
    assert (x[0].item(), x[-1].item()) == (-1.0, 1.0)
    assert pb.logspace(0, 3, 4, dtype=pb.float64).tolist() == [1.0, 10.0, 100.0, 1000.0]
    assert pb.logspace(0, 3, 4, base=2).tolist() == [1.0, 2.0, 4.0, 8.0]
    with pytest.raises(RuntimeError, match="number of steps must be non-negative"):
        pb.linspace(0, 1, -1)


def test_eye_and_triangles() -> None:
    assert pb.eye(2).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert pb.eye(2, 3, dtype=pb.int64).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert pb.eye(0).shape == (0, 0)
    assert pb.tril_indices(2, 3).tolist() == [[0, 1, 1], [0, 0, 1]]
    assert pb.triu_indices(2, 3, 1).tolist() == [[0, 0, 1], [1, 2, 2]]
    assert pb.tril_indices(2, 2).dtype == pb.int64


# --- dtypes ---


@pytest.mark.usefixtures("_default_dtype")
def test_default_dtype() -> None:
    pb.set_default_dtype(pb.float64)
    assert pb.get_default_dtype() == pb.float64
    assert pb.tensor(1.5).dtype == pb.zeros(1).dtype == pb.rand(1).dtype == pb.float64
    assert (pb.tensor(1) / 2).dtype == pb.float64
    assert (pb.tensor(1) * 1.5).dtype == pb.float64
    assert repr(pb.tensor(1.5)) == "tensor(1.5000)"
    assert repr(pb.zeros(1, dtype=pb.float32)) == "tensor([0.], dtype=torch.float32)"
    with pytest.raises(TypeError, match="only floating-point types are supported"):
        pb.set_default_dtype(pb.int64)


def test_finfo_and_iinfo() -> None:
    for dtype in ("float32", "float64"):
        ours, numpys = pb.finfo(getattr(pb, dtype)), np.finfo(dtype)
        for name in ("eps", "max", "min", "tiny", "smallest_normal", "bits"):
            assert getattr(ours, name) == float(getattr(numpys, name)), name
        assert ours.dtype == dtype
        assert ours.resolution == float(str(numpys.resolution))
    for dtype in ("int32", "int64", "uint8"):
        ours, numpys = pb.iinfo(getattr(pb, dtype)), np.iinfo(dtype)
        assert (ours.min, ours.max, ours.bits) == (numpys.min, numpys.max, numpys.bits)
    assert pb.finfo().dtype == "float32"
    with pytest.raises(TypeError):
        pb.finfo(pb.int64)
    with pytest.raises(TypeError):
        pb.iinfo(pb.float32)


# --- random numbers ---


DRAWS = {
    "rand": lambda: pb.rand(1000),
    "rand64": lambda: pb.rand(1000, dtype=pb.float64),
    "randn": lambda: pb.randn(1000),
    "randn_small": lambda: pb.randn(7),
    "randint": lambda: pb.randint(3, 10, (1000,)),
    "randperm": lambda: pb.randperm(100),
    "normal_": lambda: pb.empty(1000).normal_(2.0, 0.5),
    "uniform_": lambda: pb.empty(1000).uniform_(-1, 1),
    "bernoulli": lambda: pb.bernoulli(pb.full((1000,), 0.25)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_the_seed_decides(name: str) -> None:
    pb.manual_seed(7)
    first, second = DRAWS[name](), DRAWS[name]()
    pb.manual_seed(7)
    assert pb.equal(DRAWS[name](), first)
    assert not pb.equal(first, second)
    pb.manual_seed(8)
    assert not pb.equal(DRAWS[name](), first)


def test_ranges_and_moments() -> None:
    u = pb.rand(20000, dtype=pb.float64)
    assert 0 <= u.min().item() < 0.01 < 0.99 < u.max().item() < 1
    assert abs(u.mean().item() - 0.5) < 0.02
    n = pb.randn(20000, dtype=pb.float64)
    assert abs(n.mean().item()) < 0.04
    assert abs(n.std().item() - 1) < 0.04
    assert abs((n**3).mean().item()) < 0.15
    assert abs((n**4).mean().item() - 3) < 0.4
    r = pb.randint(3, 10, (1000,))
    assert (r.dtype, r.min().item(), r.max().item()) == (pb.int64, 3, 9)
    assert pb.randint(5, (2, 3)).shape == (2, 3)
    assert sorted(pb.randperm(50).tolist()) == list(range(50))
    assert pb.randperm(3).dtype == pb.int64
    b = pb.bernoulli(pb.full((20000,), 0.25))
    assert set(b.tolist()) == {0.0, 1.0}
    assert abs(b.mean().item() - 0.25) < 0.02


def test_random_keywords() -> None:
    x = pb.randn(2, 3, dtype=pb.float64, requires_grad=True)
    assert (x.dtype, x.shape, x.requires_grad) == (pb.float64, (2, 3), True)
    assert pb.rand((2, 3)).shape == pb.rand([2, 3]).shape == (2, 3)
    assert pb.rand(()).shape == ()
    with pytest.raises(RuntimeError):
        pb.randint(5, 5, (1,))


def test_a_thread_draws_from_the_one_generator() -> None:
    pb.manual_seed(3)
    first = pb.rand(5)
    second = pb.rand(5)
    pb.manual_seed(3)
    drawn = []
    thread = threading.Thread(target=lambda: drawn.append(pb.rand(5)))
    thread.start()
    thread.join()
    assert pb.equal(drawn[0], first)
    assert pb.equal(pb.rand(5), second)


def test_keywords_made_at_run_time_find_their_parameters() -> None:
    """A keyword that only equals a name, twice the same one, and one that is none."""
    name = "".join(["requires", "_", "grad"])
    assert pb.tensor(2.0, **{name: True}).requires_grad
    with pytest.raises(TypeError, match="multiple values for argument 'data'"):
        pb.tensor(2.0, **{"".join(["da", "ta"]): 1.0})
    with pytest.raises(TypeError, match="multiple values for argument 'data'"):
        pb.tensor(2.0, data=1.0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'require_grad'"):
        pb.tensor(2.0, require_grad=True)
