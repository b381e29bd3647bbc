"""The Tensor object itself: attributes, conversion to Python, identity, copying, pickling."""

from __future__ import annotations

import copy
import math
import operator
import pickle
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback import Tensor


def leaf(*values: float) -> Any:
    return pb.tensor(values, dtype=pb.float64, requires_grad=True)


# --- conversion to Python ---


@pytest.mark.parametrize(
    ("value", "dtype", "kind"),
    [
        (1.5, "float32", float),
        (1.5, "float64", float),
        (-3, "int32", int),
        (2**40, "int64", int),
        (200, "uint8", int),
        (True, "bool", bool),
    ],
)
def test_item(value: Any, dtype: str, kind: type) -> None:
    t = pb.tensor(value, dtype=getattr(pb, dtype))
    assert type(t.item()) is kind
    assert t.item() == value
    assert pb.tensor([[value]], dtype=getattr(pb, dtype)).item() == value
    assert float(t) == float(value)
    assert int(t) == int(value)
    assert bool(t) is True


def test_item_needs_one_element() -> None:
    for t in (pb.zeros(2), pb.zeros(0)):
        with pytest.raises(RuntimeError, match="cannot be converted to Scalar"):
            t.item()
        with pytest.raises((RuntimeError, ValueError, TypeError)):
            float(t)


def test_truth() -> None:
    assert not pb.tensor(0.0)
    assert not pb.tensor([[0]])
    assert pb.tensor(math.nan)
    with pytest.raises(RuntimeError, match="more than one value is ambiguous"):
        bool(pb.zeros(2))
    with pytest.raises(RuntimeError, match="no values is ambiguous"):
        bool(pb.zeros(0))


def test_index() -> None:
    assert [10, 20, 30][pb.tensor(1)] == 20
    assert operator.index(pb.tensor([2])) == 2
    assert list(range(5))[: pb.tensor(2)] == [0, 1]
    with pytest.raises(TypeError, match="only integer tensors of a single element"):
        operator.index(pb.tensor(1.0))
    with pytest.raises(TypeError):
        operator.index(pb.tensor([1, 2]))


def test_int_truncates_and_float_of_grad_tensors() -> None:
    assert int(pb.tensor(-2.7)) == -2
    assert float(pb.tensor(0.1)) == float(np.float32(0.1))
    with pytest.raises((ValueError, OverflowError, RuntimeError)):
        int(pb.tensor(math.nan))


def test_tolist() -> None:
    assert pb.tensor(3).tolist() == 3
    assert pb.tensor([[1, 2], [3, 4]]).t().tolist() == [[1, 3], [2, 4]]
    assert pb.zeros(2, 0, 3).tolist() == [[], []]
    assert pb.tensor([True, False]).tolist() == [True, False]
    assert leaf(1.0).tolist() == [1.0]
    assert type(pb.tensor([1.0]).tolist()[0]) is float


def test_len_and_iteration() -> None:
    x = pb.tensor([[1, 2], [3, 4], [5, 6]])
    assert len(x) == 3
    assert [row.tolist() for row in x] == [[1, 2], [3, 4], [5, 6]]
    assert [row.tolist() for row in reversed(x)] == [[5, 6], [3, 4], [1, 2]]
    a, b, c = x
    assert b.tolist() == [3, 4]
    assert a.shape == c.shape == (2,)
    assert list(pb.zeros(0, 3)) == []
    for run in (lambda: len(pb.tensor(1)), lambda: iter(pb.tensor(1))):
        with pytest.raises(TypeError, match="0-d tensor"):
            run()


def test_iteration_is_differentiable() -> None:
    x = leaf(1.0, 2.0, 3.0)
    total = sum(v * k for k, v in enumerate(x))
    total.backward()
    assert x.grad.tolist() == [0.0, 1.0, 2.0]
    assert next(iter(x)).grad_fn.name() == "UnbindBackward0"


def test_contains() -> None:
    x = pb.tensor([1.0, 2.0])
    assert 2.0 in x
    assert pb.tensor(1) in x
    assert 3 not in x
    with pytest.raises(RuntimeError, match=r"Tensor.__contains__ only supports"):
        assert "text" in x


def test_format() -> None:
    assert f"{pb.tensor(1.25):.1f}" == "1.2"
    assert f"{pb.tensor(7):>4d}" == "   7"
    assert f"{pb.tensor(0.5)}" == "0.5"
    assert f"{leaf(1.0)}" == str(leaf(1.0))
    assert f"{pb.tensor([1, 2])}" == "tensor([1, 2])"
    assert f"{pb.tensor(2.0)!s}" == "tensor(2.)"
    with pytest.raises(TypeError):
        f"{pb.tensor([1.0]):.1f}"


def test_round_and_other_builtins() -> None:
    assert abs(pb.tensor(-2.0)).item() == 2.0
    assert divmod(7, 2) == (3, 1)
    assert (-pb.tensor([1, -2])).tolist() == [-1, 2]
    assert (+pb.tensor([1])).tolist() == [1]
    assert (~pb.tensor([True, False])).tolist() == [False, True]
    assert (~pb.tensor([0, 5])).tolist() == [-1, -6]
    assert sum(pb.tensor([1, 2, 3])).item() == 6
    assert max(pb.tensor([1, 3, 2])).item() == 3


# --- identity and hash ---


def test_hash_is_identity() -> None:
    x, y = pb.tensor([1.0]), pb.tensor([1.0])
    assert len({x, y, x}) == 2
    table = {x: "x", y: "y"}
    assert table[x] == "x"
    assert hash(x) == hash(x)


def test_comparison_is_elementwise() -> None:
    x = pb.tensor([1.0, 2.0])
    assert (x == x).tolist() == [True, True]
    assert (x != pb.tensor([1.0, 0.0])).tolist() == [False, True]
    assert (x < 2).tolist() == [True, False]
    assert (x < 2).tolist() == [True, False]
    assert (x == "text") is False
    assert (x != None) is True  # noqa: E711


# --- attributes ---


def test_shape_is_a_size() -> None:
    x = pb.zeros(2, 3)
    assert type(x.shape) is pb.Size
    assert x.size() == x.shape == (2, 3)
    assert repr(x.shape) == "torch.Size([2, 3])"
    assert x.shape.numel() == 6
    assert type(x.shape[1:]) is pb.Size
    assert type(x.shape + (1,)) is pb.Size  # noqa: RUF005 - its own addition
    assert x.shape + (1,) == (2, 3, 1)  # noqa: RUF005 - its own addition
    assert (x.size(0), x.size(-1)) == (2, 3)
    assert isinstance(x.shape, tuple)
    assert pb.zeros(x.shape).shape == x.shape
    assert pb.Size([4, 5]) == (4, 5)
    assert pickle.loads(pickle.dumps(x.shape)) == x.shape
    with pytest.raises(IndexError, match="Dimension out of range"):
        x.size(2)
    with pytest.raises(TypeError):
        pb.Size([1.5])
    rows, columns = x.shape
    assert (rows, columns) == (2, 3)
    assert hash(x.shape) == hash((2, 3))


def test_layout_attributes() -> None:
    x = pb.zeros(2, 3, 4)
    view = x[1].t()
    assert (x.stride(), x.stride(0), x.stride(-1)) == ((12, 4, 1), 12, 1)
    assert (view.shape, view.stride(), view.storage_offset()) == ((4, 3), (1, 4), 12)
    assert (x.dim(), x.ndim, x.numel(), x.nelement()) == (3, 3, 24, 24)
    assert (x.element_size(), x.itemsize, x.nbytes) == (4, 4, 96)
    assert x.is_contiguous()
    assert not view.is_contiguous()
    assert view.data_ptr() == x.data_ptr() + 12 * 4
    assert x.layout == pb.strided


def test_device() -> None:
    x = pb.zeros(2)
    assert x.device == pb.device("cpu")
    assert x.device.type == "cpu"
    assert str(x.device) == "cpu"
    assert repr(x.device) == "device(type='cpu')"
    assert x.cpu() is x
    assert x.to("cpu") is x
    assert x.to(pb.device("cpu")) is x
    assert pb.zeros(2, device="cpu").device == x.device
    assert not x.is_cuda
    assert x.is_cpu
    for wrong in (lambda: pb.zeros(2, device="cuda"), lambda: x.to("cuda")):
        with pytest.raises((RuntimeError, AssertionError, NotImplementedError)):
            wrong()


def test_dtype_objects() -> None:
    assert pb.float is pb.float32
    assert pb.double is pb.float64
    assert pb.long is pb.int64
    assert pb.int is pb.int32
    assert (pb.float64.is_floating_point, pb.int64.is_floating_point) == (True, False)
    assert (pb.float64.itemsize, pb.uint8.itemsize, pb.bool.itemsize) == (8, 1, 1)
    assert pb.float32.is_signed
    assert not pb.uint8.is_signed
    assert str(pb.float64) == "torch.float64"
    assert pickle.loads(pickle.dumps(pb.float32)) is pb.float32
    assert copy.deepcopy(pb.int64) is pb.int64
    assert len({pb.float32, pb.float64, pb.float32}) == 2


def test_to_and_casts() -> None:
    x = pb.tensor([1.7, -1.7])
    assert x.to(pb.float32) is x
    assert x.float() is x
    assert x.to(pb.int64).tolist() == [1, -1]
    assert (x.int().dtype, x.long().dtype, x.bool().tolist()) == (pb.int32, pb.int64, [True, True])
    assert x.to(pb.float32, copy=True) is not x
    assert x.to(pb.zeros(1, dtype=pb.float64)).dtype == pb.float64
    assert x.type_as(pb.zeros(1, dtype=pb.int32)).dtype == pb.int32
    assert x.to("cpu", pb.float64).dtype == pb.float64
    assert x.to(device="cpu", dtype=pb.float64).dtype == pb.float64
    y = leaf(2.0)
    y.float().sum().backward()
    assert (y.grad.dtype, y.grad.tolist()) == (pb.float64, [1.0])


def test_detach_and_data() -> None:
    x = leaf(1.0, 2.0)
    d = x.detach()
    assert not d.requires_grad
    assert d.grad_fn is None
    assert d.data_ptr() == x.data_ptr()
    assert (x * 2).detach().is_leaf
    assert not x.data.requires_grad
    x.data = pb.tensor([5.0, 6.0, 7.0], dtype=pb.float64)
    assert (x.tolist(), x.requires_grad) == ([5.0, 6.0, 7.0], True)
    y = x * 2
    assert y.detach_() is y
    assert not y.requires_grad


def test_requires_grad() -> None:
    x = pb.zeros(2)
    assert not x.requires_grad
    assert x.requires_grad_() is x
    assert x.requires_grad
    x.requires_grad = False
    assert not x.requires_grad
    assert x.requires_grad_(True).requires_grad
    with pytest.raises(RuntimeError, match="must be a bool"):
        x.requires_grad = 1


def test_names_that_do_not_exist() -> None:
    with pytest.raises(AttributeError):
        _ = pb.zeros(1).no_such_attribute
    x = pb.zeros(1)
    x.note = "kept"
    assert x.note == "kept"


def test_properties_that_transpose() -> None:
    x = pb.zeros(2, 3)
    assert x.T.shape == (3, 2)
    assert x.mT.shape == (3, 2)
    assert pb.zeros(4, 2, 3).mT.shape == (4, 3, 2)
    assert x.T.data_ptr() == x.data_ptr()


def test_predicates() -> None:
    x = pb.zeros(2)
    assert pb.is_tensor(x)
    assert not pb.is_tensor([1])
    assert isinstance(x, Tensor)
    assert x.is_floating_point()
    assert not pb.tensor([1]).is_floating_point()
    assert not x.is_complex()
    assert x.is_same_size(pb.zeros(2))
    assert pb.equal(x, pb.zeros(2))
    assert not pb.equal(x, pb.zeros(1, 2))
    assert pb.is_floating_point(x)
    assert pb.numel(x) == 2


# --- copying and pickling ---


def test_pickle() -> None:
    for x in (
        pb.tensor([[1.5, 2.5], [3.5, 4.5]]).t(),
        pb.tensor(3),
        pb.zeros(2, 0),
        pb.tensor([True, False]),
        leaf(1.0, 2.0),
    ):
        y = pickle.loads(pickle.dumps(x))
        assert (y.dtype, y.shape, y.stride()) == (x.dtype, x.shape, x.stride())
        assert y.requires_grad == x.requires_grad
        assert y.tolist() == x.tolist()
        assert y.data_ptr() != x.data_ptr() or x.numel() == 0


def test_copies() -> None:
    x = leaf(1.0, 2.0)
    deep = copy.deepcopy(x)
    assert deep is not x
    assert deep.requires_grad
    assert deep.tolist() == [1.0, 2.0]
    assert deep.data_ptr() != x.data_ptr()
    x.grad = pb.ones(2, dtype=pb.float64)
    assert copy.deepcopy(x).grad.tolist() == [1.0, 1.0]
    memo = copy.deepcopy([x, x])
    assert memo[0] is memo[1]
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(x * 2)
    copy.deepcopy((x * 2).detach())


def test_clone() -> None:
    x = leaf(1.0, 2.0)
    y = x.clone()
    assert y.grad_fn.name() == "CloneBackward0"
    assert y.data_ptr() != x.data_ptr()
    assert pb.zeros(2, 3).t().clone().stride() == (1, 3)


# --- operators with foreign operands ---


class Foreign:
    def __radd__(self, other: Any) -> str:
        return "mine"

    def __rmatmul__(self, other: Any) -> str:
        return "mine too"


def test_a_foreign_operand_gets_its_turn() -> None:
    assert pb.zeros(1) + Foreign() == "mine"
    assert pb.zeros(1, 1) @ Foreign() == "mine too"
    for run in (
        lambda: pb.zeros(1) + "text",
        lambda: "text" + pb.zeros(1),
        lambda: pb.zeros(1) * None,
        lambda: [1.0] - pb.zeros(1),
    ):
        with pytest.raises(TypeError):
            run()


def test_reflected_operators() -> None:
    x = pb.tensor([1.0, 2.0, 4.0])
    assert (8 / x).tolist() == [8.0, 4.0, 2.0]
    assert (2**x).tolist() == [2.0, 4.0, 16.0]
    assert (1 - x).tolist() == [0.0, -1.0, -3.0]
    assert (7 // x).tolist() == [7.0, 3.0, 1.0]
    assert (7 % x).tolist() == [0.0, 1.0, 3.0]
    assert (x @ x).item() == 21.0


def test_integer_operators() -> None:
    x = pb.tensor([5, -5, 12])
    assert (x // 3).tolist() == [1, -2, 4]
    assert (x % 3).tolist() == [2, 1, 0]
    assert (x & 4).tolist() == [4, 0, 4]
    assert (x | 1).tolist() == [5, -5, 13]
    assert (x ^ x).tolist() == [0, 0, 0]
    assert (x << 1).tolist() == [10, -10, 24]
    assert (x >> 1).tolist() == [2, -3, 6]
    assert (x / 2).tolist() == [2.5, -2.5, 6.0]
    assert (x**2).tolist() == [25, 25, 144]
    with pytest.raises(RuntimeError, match=r"ZeroDivisionError|division by zero"):
        x // 0


def test_in_place_operators() -> None:
    x = pb.tensor([1.0, 2.0])
    same = x
    x += 1
    x *= 2
    x -= 1
    x /= 2
    x **= 2
    assert x is same
    assert x.tolist() == [2.25, 6.25]
    y = pb.tensor([7, 9])
    y //= 2
    y %= 4
    y &= 3
    y |= 8
    y ^= 1
    y <<= 2
    y >>= 1
    assert y.tolist() == [20, 18]


def test_a_tensor_has_no_name_and_gets_none() -> None:
    x = pb.ones(2)
    assert x.name is None
    with pytest.raises(AttributeError):
        x.name = "weight"
