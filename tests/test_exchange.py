"""Views and bases that no longer share their memory: what can be known is right, the rest refused.

PyTorch goes on as if they shared it, and its gradients are wrong there; where the two agree stands
in parity/test_exchange.py.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb

APART = "no longer shares memory with its base"


def parts(grad: bool = True) -> tuple[pb.Tensor, pb.Tensor, pb.Tensor, pb.Tensor]:
    """A leaf, a base and two views of it."""
    w = pb.tensor([2.0, 3.0], requires_grad=True)
    x = w * 1 if grad else pb.tensor([2.0, 3.0])
    return w, x, x[:], x[1:]


def exchange(of: pb.Tensor) -> None:
    of.data = pb.tensor([5.0, 7.0])


def gradient(of: pb.Tensor, w: pb.Tensor) -> list[float]:
    (found,) = pb.autograd.grad(of, w, retain_graph=True)
    return found.tolist()


def test_what_was_recorded_before_stays() -> None:
    w, x, v, u = parts()
    exchange(v)
    assert v._is_view()
    assert v._base is x
    assert gradient((v * v).sum(), w) == [10, 14]
    assert gradient((u * u).sum(), w) == [0, 6]
    w, x, v, u = parts()
    exchange(x)
    assert gradient((v * v).sum(), w) == [4, 6]
    assert gradient((x * x).sum(), w) == [10, 14]


def test_a_write_into_the_base_does_not_reach_a_view_of_other_memory() -> None:
    for exchanged in (1, 2):
        tensors = w, x, v, u = parts()
        exchange(tensors[exchanged])
        before = gradient(v.sum(), w)
        x.mul_(w)
        assert gradient(v.sum(), w) == before == [1, 1]
        assert u.tolist() == ([3] if exchanged == 1 else [9])


WRITES: dict[str, Callable[[pb.Tensor, pb.Tensor], object]] = {
    "mul_": lambda v, w: v.mul_(w),
    "copy_": lambda v, w: v.copy_(w),
    "zero_": lambda v, w: v.zero_(),
    "item": lambda v, w: v.__setitem__(0, w[0]),
    "t_": lambda v, w: v.t_(),
    "uniform_": lambda v, w: v.uniform_(),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("exchanged", ["view", "base"])
def test_a_recorded_write_through_the_view_is_refused(name: str, exchanged: str) -> None:
    w, x, v, _ = parts()
    exchange(v if exchanged == "view" else x)
    values = v.tolist()
    with pytest.raises(RuntimeError, match=APART):
        WRITES[name](v, w)
    assert v.tolist() == values
    with pb.no_grad():
        WRITES[name](v, w)


def test_the_write_is_refused_also_when_only_the_value_is_recorded() -> None:
    w, x, v, u = parts(grad=False)
    exchange(x)
    v.mul_(2)
    assert v.tolist() == [4, 6]
    assert u.tolist() == [6]
    assert x.tolist() == [5, 7]
    with pytest.raises(RuntimeError, match=APART):
        v.mul_(w)
    assert not x.requires_grad


def test_a_base_that_is_made_a_leaf_afterwards_is_not_followed() -> None:
    _, x, v, _ = parts(grad=False)
    exchange(x)
    x.requires_grad_()
    assert not v.requires_grad
    assert v.mul_(2).tolist() == [4, 6]
    assert not (v * 2).requires_grad or pb.is_grad_enabled()


def test_a_view_that_missed_a_write_before_is_refused() -> None:
    w, x, v, u = parts()
    v.mul_(w)
    exchange(x)
    with pytest.raises(RuntimeError, match=APART):
        u * 2
    with pb.no_grad():
        assert (u * 2).tolist() == [18]
    assert u.detach().tolist() == [9]
    w, x, v, u = parts(grad=False)
    v.mul_(w)
    exchange(x)
    with pytest.raises(RuntimeError, match=APART):
        u * 2


def test_views_of_the_view_do_not_escape() -> None:
    w, _, v, _ = parts()
    exchange(v)
    deeper = v[:1]
    assert gradient(deeper.sum(), w) == [1, 0]
    with pytest.raises(RuntimeError, match=APART):
        deeper.mul_(w[0])


def test_a_stale_view_takes_its_history_along() -> None:
    w, x, v, _ = parts()
    x.mul_(w)
    exchange(v)
    assert gradient(v.sum(), w) == [4, 6]


def test_another_part_of_the_memory_of_the_base() -> None:
    w, x, v, u = parts()
    v.data = x.data[1:]
    assert gradient((v * v).sum(), w) == [0, 6]  # PyTorch: [6, 6], the part that it was
    kept, u.data = u.data, pb.zeros(1)
    x.mul_(w)
    u.data = kept
    assert gradient(u.sum(), w) == [0, 6]  # PyTorch: the same, its version is that of the base
    with pb.no_grad():
        (made_silently,) = (x[:1],)
    made_silently.data = x.data[1:]
    with pytest.raises(RuntimeError, match="created in no_grad mode"):
        made_silently * 2


def test_tangents() -> None:
    w = pb.tensor([2.0, 3.0])
    with pb.autograd.forward_ad.dual_level():
        a = pb.autograd.forward_ad.make_dual(w, pb.ones(2))
        x = a * 1
        v = x[:]
        exchange(x)
        with pytest.raises(RuntimeError, match=APART):
            v.mul_(a)
        x, v = (y := pb.zeros(2)), y[:]
        exchange(x)
        with pytest.raises(RuntimeError, match=APART):
            v.mul_(a)


def test_a_function_that_writes_into_such_a_view() -> None:
    class Double(pb.autograd.Function):
        @staticmethod
        def forward(ctx: pb.autograd.function.FunctionCtx, x: pb.Tensor) -> pb.Tensor:  # type: ignore[override]
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx: pb.autograd.function.FunctionCtx, g: pb.Tensor) -> pb.Tensor:  # type: ignore[override]
            return g * 2

    _, x, v, _ = parts()
    exchange(x)
    with pytest.raises(RuntimeError, match=APART):
        Double.apply(v)


def test_set_leaves_views_behind() -> None:
    x = pb.arange(3.0)
    v = x[1:]
    x.set_(pb.zeros(2))
    v.add_(1)
    assert v.tolist() == [2, 3]
    assert x.tolist() == [0, 0]
    with pytest.raises(RuntimeError, match=APART):
        v.mul_(pb.ones(2, requires_grad=True))


@pytest.mark.parametrize("through", ["data", "set_"])
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_gradient_of_the_old_shape_is_not_accumulated(through: str, create_graph: bool) -> None:
    x = pb.ones(1, requires_grad=True)
    y = (x * 3).sum()
    with pb.no_grad():
        if through == "data":
            x.data = pb.ones(3)
        else:
            x.set_(pb.ones(3))
    with pytest.raises(RuntimeError, match=r"given another shape \(by .data = ... or set_\) after"):
        y.backward(create_graph=create_graph)
    assert x.grad is None


def test_set_does_not_reach_out_of_the_memory() -> None:
    with pytest.raises(RuntimeError, match="out of bounds for storage of size 8"):
        pb.zeros(3).set_(pb.zeros(2), 1, (2,))


def test_memory_that_others_look_at_does_not_grow() -> None:
    x = pb.arange(4.0)
    v = x[2:]
    for each in (x, v):
        with pytest.raises(RuntimeError, match="other tensors share the memory"):
            each.resize_(9)
    assert x.tolist() == [0, 1, 2, 3]
    del v, each
    assert x.resize_(9)[:4].tolist() == [0, 1, 2, 3]
    y = pb.arange(4.0)
    y.data = pb.ones(2)
    assert y.resize_(3)[:2].tolist() == [1, 1]
    z = pb.zeros(1)
    z.data = y
    with pytest.raises(RuntimeError, match="other tensors share the memory"):
        z.resize_(99)


def test_a_resize_is_a_write() -> None:
    w = pb.ones(2, requires_grad=True)
    c = pb.tensor([2.0, 3.0])
    y = (w * c).sum()
    c.resize_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_exchanges_in_a_loop_make_no_chain() -> None:
    x = pb.arange(2.0)
    for _ in range(100_000):
        x.data = x.data
    y = pb.zeros(2)
    for _ in range(100_000):
        x.data = y
        y.data = x.data
    del x, y


def test_out_does_not_write_over_what_it_reads_through_data() -> None:
    x = pb.tensor([[1.0, 2.0], [3.0, 4.0]])
    expected = np.array([[7.0, 10.0], [15.0, 22.0]])
    pb.matmul(x, x.clone(), out=x.data)
    np.testing.assert_array_equal(x.numpy(), expected)


def test_inside_vmap_it_is_refused() -> None:
    with pytest.raises(RuntimeError, match="Batching rule not implemented for aten::set_"):
        pb.func.vmap(lambda e: e.set_(pb.zeros(2)))(pb.ones(3, 2))
