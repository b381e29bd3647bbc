"""Checkpoints: what is kept, what is dropped when, and what errors say.

Gradients and refusals are compared with torch in parity/test_checkpoint.py.
"""

from __future__ import annotations

import gc
import inspect
import weakref
from typing import Any

import pytest

import pullback as pb
from pullback import _core
from pullback.autograd import gradcheck, gradgradcheck
from pullback.utils.checkpoint import (
    CheckpointError,
    checkpoint,
    checkpoint_sequential,
    set_checkpoint_debug_enabled,
)
from threads import together


def leaf(*values: float) -> Any:
    return pb.tensor(values, dtype=pb.float64, requires_grad=True)


def deep(x: Any) -> Any:
    for _ in range(20):
        x = x.sin().exp()
    return x


def test_the_package_knows_the_module() -> None:
    assert pb.utils.checkpoint.checkpoint is checkpoint


def test_gradients_of_both_orders() -> None:
    x = leaf(0.5, -0.25)

    def function(x: Any) -> Any:
        return checkpoint(lambda x: (x * x).exp().sin() * x, x, use_reentrant=False)

    assert gradcheck(function, (x,))
    assert gradgradcheck(function, (x,))


@pytest.mark.parametrize("reentrant", [True, False])
def test_the_bits_are_those_without(reentrant: bool) -> None:
    x = pb.rand(100, requires_grad=True)
    (plain,) = pb.autograd.grad(deep(x).sum(), x)
    checkpoint(deep, x, use_reentrant=reentrant).sum().backward()
    assert x.grad.tolist() == plain.tolist()


@pytest.mark.parametrize("reentrant", [True, False])
def test_what_is_inside_is_not_kept(reentrant: bool) -> None:
    x = pb.rand(10000, dtype=pb.float64, requires_grad=True)
    before = pb.memory.stats()["allocated"]
    y = deep(x)
    with_all = pb.memory.stats()["allocated"] - before
    del y
    y = checkpoint(deep, x, use_reentrant=reentrant)
    kept = pb.memory.stats()["allocated"] - before
    assert with_all > 20 * 80000
    assert kept < 2 * 80000
    y.sum().backward()


def test_segments_are_dropped_one_by_one() -> None:
    x = pb.rand(1000, dtype=pb.float64, requires_grad=True)
    y = checkpoint_sequential([deep] * 5, 5, x, use_reentrant=False)
    del y
    y = x
    for _ in range(5):
        y = checkpoint(deep, y, use_reentrant=False)
    pb.memory.reset_peak()
    before = pb.memory.stats()["allocated"]
    y.sum().backward()
    assert pb.memory.stats()["peak"] - before < 2 * 20 * 2 * 8000
    assert x.grad is not None


@pytest.mark.parametrize("reentrant", [True, False])
def test_nothing_is_left(reentrant: bool) -> None:
    before = _core.live_objects()
    for _ in range(3):
        x = leaf(1.0)
        y = checkpoint(deep, x * 2, use_reentrant=reentrant)
        y.backward()
        z = checkpoint(deep, x * 2, use_reentrant=reentrant)
        del x, y, z
    assert _core.live_objects() == before


def test_the_result_holds_the_arguments_until_it_is_released() -> None:
    x = leaf(1.0)
    argument = x * 2
    gone = weakref.ref(argument)
    y = checkpoint(lambda v: (v * v).exp(), argument, use_reentrant=False)
    del argument
    y.backward()
    assert x.grad is not None
    del y
    gc.collect()
    assert gone() is None


def test_keyword_tensors_have_gradients_too() -> None:
    x, w = leaf(2.0), leaf(3.0)
    checkpoint(lambda x, *, w: (x * w).exp(), x, w=w, use_reentrant=False).backward()
    assert w.grad is not None


def test_inside_and_outside_of_other_hooks() -> None:
    packed = []
    hooks = pb.autograd.graph.saved_tensors_hooks(lambda t: (packed.append(1), t.detach())[1], id)
    x = leaf(1.0)
    y = checkpoint(lambda v: (v * v).exp(), x, use_reentrant=False)
    with pb.autograd.graph.saved_tensors_hooks(
        lambda t: (packed.append(1), t.detach())[1], lambda t: t
    ):
        z = checkpoint(lambda v: (v * v).exp(), y, use_reentrant=False)
    assert packed == [1]  # the argument
    z.backward()
    assert x.grad is not None
    assert hooks.pack_hook is not None


def test_an_error_leaves_nothing_and_the_modes_as_they_were() -> None:
    before = _core.live_objects()
    calls = []

    def moody(x: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyError("not again")
        return (x * x).exp()

    x = leaf(1.0)
    state = pb.get_rng_state()
    y = checkpoint(moody, x, use_reentrant=False)
    with pytest.raises(KeyError, match="not again"):
        y.backward()
    assert pb.is_grad_enabled()
    assert (pb.get_rng_state() == state).all()
    y.backward()
    assert len(calls) == 3
    assert x.grad is not None
    del x, y, state
    gc.collect()
    assert _core.live_objects() == before


def test_debug_names_the_lines() -> None:
    calls = []

    def changing(x: Any) -> Any:
        calls.append(1)
        y = x.exp()
        if len(calls) == 1:
            y = y.sin()
        return y

    y = checkpoint(changing, leaf(1.0), use_reentrant=False, debug=True)
    with pytest.raises(CheckpointError, match="A different number of tensors") as caught:
        y.backward()
    first = inspect.getsourcelines(changing)[1]
    assert f"0: {__file__}:{first + 2} in changing" in str(caught.value)
    assert f"1: {__file__}:{first + 4} in changing, then nothing" in str(caught.value)


def test_debug_for_all() -> None:
    calls = []

    def changing(x: Any) -> Any:
        calls.append(1)
        return x.exp().sin() if len(calls) == 1 else x.exp()

    with set_checkpoint_debug_enabled(True):
        y = checkpoint(changing, leaf(1.0), use_reentrant=False)
    with pytest.raises(CheckpointError, match="then nothing"):
        y.backward()


def test_other_shapes_are_listed() -> None:
    sizes = iter([3, 2])
    x = pb.ones(3, requires_grad=True)

    def changing(x: Any) -> Any:
        return (x[: next(sizes)] * 2).exp().sum()

    with pytest.raises(CheckpointError, match="have different metadata") as caught:
        checkpoint(changing, x, use_reentrant=False).backward()
    assert "saved metadata: {'shape': torch.Size([3])" in str(caught.value)
    assert "recomputed metadata: {'shape': torch.Size([2])" in str(caught.value)


def test_a_custom_function_inside() -> None:
    class Square(pb.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 2 * x * g

    x = leaf(3.0)
    checkpoint(lambda v: Square.apply(v.exp()), x, use_reentrant=False).backward()
    assert x.grad.item() == pytest.approx(2 * pb.tensor(6.0, dtype=pb.float64).exp().item())


def test_threads() -> None:

    def work(_: int) -> None:
        for _ in range(20):
            x = leaf(0.5)
            y = checkpoint(deep, x, use_reentrant=False, preserve_rng_state=False)
            y.backward()
            (expected,) = pb.autograd.grad(deep(x), x)
            assert x.grad.tolist() == expected.tolist()

    together(work)


@pytest.mark.parametrize("first", [True, False])
def test_an_argument_that_requires_a_gradient_only_later_or_no_more(first: bool) -> None:
    """It counts as it was, and what was saved fits what is saved again."""
    x = pb.tensor([1.0, 2.0], dtype=pb.float64, requires_grad=True)
    y = pb.tensor([3.0, 4.0], dtype=pb.float64, requires_grad=first)
    z = checkpoint(lambda a, b: (a * b).exp(), x, y, use_reentrant=False)
    y.requires_grad_(not first)
    z.sum().backward()
    wanted = (x * y).exp() * y
    assert x.grad.tolist() == wanted.tolist()


def test_more_segments_than_functions_are_refused() -> None:
    with pytest.raises(ValueError, match="got 3 segments for 2 functions"):
        checkpoint_sequential([pb.sin, pb.exp], 3, pb.ones(2), use_reentrant=False)
