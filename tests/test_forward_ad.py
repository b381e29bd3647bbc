"""Forward mode by dual tensors: what propagates, writes in place, views, orders with reverse mode.

Each operator's derivative is checked in test_ops.py; programs beside PyTorch in
parity/test_functional.py.
"""

from __future__ import annotations

import math
import weakref
from typing import Any

import pytest

import pullback as pb
import pullback.autograd.forward_ad as fw
from pullback import _core

Tensor = pb.Tensor
F64 = pb.float64


def vector(*values: float, requires_grad: bool = False) -> Tensor:
    return pb.tensor(values, dtype=F64, requires_grad=requires_grad)


def tangent(t: Tensor) -> list[float] | None:
    found = fw.unpack_dual(t).tangent
    return None if found is None else found.tolist()


@pytest.fixture(autouse=True)
def _levels_are_clean() -> Any:
    yield
    assert _core._level_kinds() == ()


def dual() -> Tensor:
    return fw.make_dual(vector(1.0, 2.0), vector(1.0, 10.0))


# --- in place and views ---


def test_in_place_on_a_dual_tensor() -> None:
    with fw.dual_level():
        x = dual()
        y = x * 1
        y.mul_(x)
        assert tangent(y) == [2.0, 40.0]
        y.add_(1)
        assert tangent(y) == [2.0, 40.0]
        y.exp_()
        assert tangent(y) == [2.0 * math.exp(2.0), 40.0 * math.exp(5.0)]
        y.zero_()
        assert y.tolist() == [0.0, 0.0]
        assert tangent(y) in (None, [0.0, 0.0])


def test_in_place_with_a_dual_operand() -> None:
    with fw.dual_level():
        y = vector(3.0, 3.0)
        y.mul_(dual())
        assert y.tolist() == [3.0, 6.0]
        assert tangent(y) == [3.0, 30.0]
        z = vector(0.0, 0.0)
        z.copy_(dual())
        assert tangent(z) == [1.0, 10.0]


def test_views_share_the_tangent() -> None:
    with fw.dual_level():
        x = dual() * 1
        view = x[1:]
        assert tangent(view) == [10.0]
        view.mul_(2)
        assert x.tolist() == [1.0, 4.0]
        assert tangent(x) == [1.0, 20.0]
        x.mul_(3)
        assert view.tolist() == [12.0]
        assert tangent(view) == [60.0]


def test_a_write_of_a_dual_tensor_into_a_view_makes_the_base_dual() -> None:
    with fw.dual_level():
        base = pb.zeros(3, dtype=F64)
        base[1:] = dual()
        assert base.tolist() == [0.0, 1.0, 2.0]
        assert tangent(base) == [0.0, 1.0, 10.0]
        base[0] = base[2] * base[1]
        assert tangent(base) == [12.0, 1.0, 10.0]


def test_a_constant_written_over_a_part() -> None:
    with fw.dual_level():
        x = dual() * 1
        x[0] = 5.0
        assert tangent(x) == [0.0, 10.0]
        x.masked_fill_(pb.tensor([False, True]), 7.0)
        assert tangent(x) == [0.0, 0.0]


def test_in_place_in_all_orders_with_reverse_mode() -> None:
    def f(x: Tensor) -> Tensor:
        y = x * x
        y[0] = y[1].clone() * x[0]
        y.mul_(x)
        return y.sum()

    # y0 = x1^2 x0^2, y1 = x1^3
    x, v = vector(1.0, 2.0, requires_grad=True), vector(1.0, 10.0)
    expected = [2 * 4.0 * 1 + 4 * 2.0 * 10, 4 * 2.0 * 1 + (2.0 + 6 * 2) * 10]
    with fw.dual_level():
        (g,) = pb.autograd.grad(f(fw.make_dual(x, v)), x)
        assert tangent(g) == expected
    with fw.dual_level():
        derivative = fw.unpack_dual(f(fw.make_dual(x, v))).tangent
        assert derivative is not None
        (g,) = pb.autograd.grad(derivative, x)
        assert g.tolist() == expected


# --- what keeps and what drops the tangent ---


def test_detach_and_data_drop_the_tangent_of_what_they_give() -> None:
    with fw.dual_level():
        x = dual()
        assert tangent(x.detach()) is None
        assert tangent(x * x.detach()) == [1.0, 20.0]


def test_inference_mode_and_the_switch() -> None:
    with fw.dual_level():
        x = dual()
        with pb.inference_mode():
            assert tangent(x.exp()) is None
        with fw.set_forward_grad_enabled(False):
            y = x.exp()
        assert tangent(y) is None
        assert tangent(x.exp()) is not None


def test_the_primal_can_be_used_further() -> None:
    with fw.dual_level():
        x = dual()
        primal, direction = fw.unpack_dual(x * x)
        assert tangent(primal) is None
        assert direction is not None
        assert tangent(primal * x) == [1.0, 40.0]


def test_the_plain_tensor_does_not_become_dual() -> None:
    x = vector(1.0, 2.0)
    with fw.dual_level():
        fw.make_dual(x, vector(1.0, 1.0))
        assert tangent(x) is None
        assert tangent(x * 2) is None


def test_dual_level_as_a_decorator_and_by_hand() -> None:
    @fw.dual_level()
    def derivative() -> Any:
        return tangent(dual().sin())

    assert derivative() == [math.cos(1.0), 10.0 * math.cos(2.0)]
    assert fw.enter_dual_level() == 0
    assert tangent(dual()) == [1.0, 10.0]
    fw.exit_dual_level(level=0)


def test_an_exception_ends_the_level() -> None:
    with pytest.raises(ZeroDivisionError), fw.dual_level():
        raise ZeroDivisionError
    with fw.dual_level():
        pass


def test_levels_end_in_order() -> None:
    def ends_the_outer_one(x: Tensor) -> Tensor:
        with pytest.raises(RuntimeError, match="not the last one"):
            fw.exit_dual_level()
        return x

    with fw.dual_level():
        pb.func.jvp(ends_the_outer_one, (vector(1.0),), (vector(1.0),))


def test_transforms_inside_a_level() -> None:
    with fw.dual_level():
        x = dual()
        value, inner = pb.func.jvp(lambda y: y * y * x, (x,), (vector(1.0, 1.0),))
        # 2 y x along 1 is 2 x^2, whose derivative along (1, 10) is 4 x (1, 10).
        assert inner.tolist() == [2.0, 8.0]
        assert tangent(inner) == [4.0, 80.0]
        assert tangent(value) == [3.0, 120.0]
        assert tangent(pb.vmap(lambda y: (y * x).sum())(pb.eye(2, dtype=F64))) == [1.0, 10.0]


def test_results_that_are_saved_do_not_leave_cycles() -> None:
    """The fixture counts: exp saves its result, whose tangent's history saves it again."""
    x = vector(1.0, 2.0, requires_grad=True)
    with fw.dual_level():
        for _ in range(3):
            y = fw.make_dual(x, vector(1.0, 1.0)).exp().tanh().sqrt().softmax(0)
            derivative = fw.unpack_dual(y).tangent
            assert derivative is not None
            assert derivative.requires_grad


def test_different_dtypes() -> None:
    with fw.dual_level():
        x = fw.make_dual(pb.tensor([1.0, 2.0]), pb.tensor([1.0, 1.0]))
        y = x.double() * vector(2.0, 3.0)
        assert y.dtype == F64
        found = fw.unpack_dual(y).tangent
        assert found is not None
        assert found.dtype == F64
        assert found.tolist() == [2.0, 3.0]
        assert tangent(x.long()) is None
        assert tangent(x > 1) is None


def test_printing_shows_the_tangent() -> None:
    with fw.dual_level():
        x = fw.make_dual(pb.tensor([1.0]), pb.tensor([2.0]))
        assert repr(x) == "tensor([1.], tangent=tensor([2.]))"
    assert repr(x) == "tensor([1.])"


def test_the_value_of_a_dual_does_not_keep_it() -> None:
    p = vector(1.0, 2.0)
    with fw.dual_level():
        d = fw.make_dual(p, vector(3.0, 4.0))
        gone = weakref.ref(d)
        value = fw.unpack_dual(d).primal
        del d
        assert gone() is None
        assert value._base is p
        value.mul_(fw.make_dual(vector(2.0, 2.0), vector(1.0, 0.0)))
        assert tangent(value) == [1.0, 0.0]
