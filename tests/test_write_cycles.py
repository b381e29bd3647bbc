"""Writing into a tensor that a node keeps makes no cycle: its new history may lead to that node
(NOTE [Saved tensors] in csrc/graph/saved.h). Everything dies with its last reference, without the
garbage collector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from cycles import leaf
from pullback import _core
from pullback.utils.checkpoint import checkpoint


def intermediate() -> None:
    x = leaf(1.0, 2.0) * 2
    x.mul_(x * x)


def buffer_that_joins() -> None:
    w, x = leaf(1.0, 2.0), pb.ones(2, dtype=pb.float64)
    x.copy_(w * x)


def many_times() -> None:
    x = leaf(1.0, 2.0) * 2
    for _ in range(5):
        x.mul_((x * x).sigmoid() * x)
    y = x * x
    del x
    assert y.grad_fn is not None


def saved_view_of_a_written_base() -> None:
    x = leaf(1.0, 2.0, 3.0) * 2
    v = x[1:]
    x[:2] = v.sigmoid() * v


def saved_base_of_a_written_view() -> None:
    x = leaf(1.0, 2.0, 3.0) * 2
    v = x[1:]
    v.mul_((x * x)[:2])


def state_of_a_recurrent_network() -> None:
    w = leaf(0.5, 0.6)
    states = pb.zeros(5, 2, dtype=pb.float64)
    states[0] = w
    for i in range(1, 5):
        states[i] = (states[i - 1] * w).tanh()


def transposed_in_place() -> None:
    x = (leaf(1.0, 2.0) * 2).reshape(1, 2)
    y = x * x
    x.t_()
    x.mul_(y.t())


def checkpointed() -> None:
    a = leaf(1.0, 2.0) * 1
    a.mul_(checkpoint(lambda x: x * x, a, use_reentrant=False).sigmoid())


def checkpointed_with_reentrance() -> None:
    a = leaf(1.0, 2.0) * 1
    a.mul_(checkpoint(lambda x: x * x, a, use_reentrant=True).sigmoid())


class Keeps(pb.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.saved_tensors[0]


def custom_function() -> None:
    x = leaf(1.0, 2.0) * 2
    x.mul_(Keeps.apply(x))


def tangents() -> None:
    def f(x: Any) -> Any:
        y = x * 2
        y.mul_((y * y).detach() + y.sin())
        return y.sum()

    pb.func.jvp(f, (leaf(1.0, 2.0),), (leaf(1.0, 1.0),))


def batches() -> None:
    def f(x: Any) -> Any:
        y = x * 2
        z = y * y
        y.mul_(z)
        return y.sum()

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        pb.func.vmap(pb.func.grad(f))(pb.ones(2, 3, dtype=pb.float64))


def budget() -> None:
    with pb.memory_budget("1MB"):
        x = pb.ones(2000, dtype=pb.float64)
        x.copy_(x * leaf(2.0))
        x.mul_(x * x)


def exchanged_memory() -> None:
    x = leaf(1.0, 2.0) * 2
    y = x * x
    x.data = pb.ones(2, dtype=pb.float64)
    x.mul_(y)


def error_while_writing() -> None:
    x = leaf(1.0, 2.0) * 2
    y = x * x
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        x.mul_(y.expand(3, 2))
    x.mul_(y)


PROGRAMS = [
    intermediate,
    buffer_that_joins,
    many_times,
    saved_view_of_a_written_base,
    saved_base_of_a_written_view,
    state_of_a_recurrent_network,
    transposed_in_place,
    checkpointed,
    checkpointed_with_reentrance,
    custom_function,
    tangents,
    batches,
    budget,
    exchanged_memory,
    error_while_writing,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_nothing_is_left(program: Callable[[], None]) -> None:
    program()  # what is imported and kept the first time
    before = _core.live_objects()
    program()
    assert _core.live_objects() == before


def test_overwritten_is_still_an_error_that_names_the_maker() -> None:
    x = leaf(1.0, 2.0) * 2
    y = x * x
    node = y.grad_fn
    assert node._saved_self is x
    x.mul_(y)
    expected = r"\[2\]\], which is output 0 of Mul, is at version 1; expected version 0"
    with pytest.raises(RuntimeError, match=expected):
        y.sum().backward()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        _ = node._saved_self


def test_what_is_saved_after_the_write_keeps_its_history() -> None:
    w = leaf(1.0, 2.0)
    x = w * 2
    old = x * x
    x.add_(old.detach())
    new = x * x
    assert new.grad_fn._saved_self is x
    (g,) = pb.autograd.grad(new.sum(), w, create_graph=True)
    (h,) = pb.autograd.grad(g.sum(), w)
    assert g.tolist() == [24.0, 80.0]
    assert h.tolist() == [8.0, 8.0]


def test_a_write_that_is_not_recorded_leaves_what_is_saved_alone() -> None:
    w = leaf(1.0, 2.0)
    x = pb.ones(2, dtype=pb.float64)
    y = w * x
    x.mul_(3)
    with pytest.raises(RuntimeError, match="is at version 1; expected version 0"):
        y.sum().backward()


def test_hooks_of_one_saved_tensor_see_the_memory_as_it_is_now() -> None:
    x = leaf(1.0, 2.0) * 2
    y = x * x
    raw = y.grad_fn._raw_saved_self
    x.mul_(y)
    seen: list[Any] = []
    raw.register_hooks(lambda t: seen.append(t.tolist()) or t, lambda t: t)
    assert seen == [[8.0, 64.0]]
