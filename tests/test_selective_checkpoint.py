"""Checkpoints that keep some results: ``create_selective_checkpoint_contexts``."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pullback as pb
from pullback.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)


class Counts(pb.autograd.Function):
    """The sine, which counts its calls."""

    calls = 0

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        Counts.calls += 1
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grads[0] * x.cos()


def network(x: Any, w: Any) -> Any:
    h = pb.matmul(x, w).sigmoid()
    return (h @ w).tanh() * h


def inputs() -> tuple[Any, Any]:
    generator = pb.Generator().manual_seed(0)
    x = pb.randn(3, 3, generator=generator).requires_grad_()
    w = pb.randn(3, 3, generator=generator).requires_grad_()
    return x, w


def gradients(run: Callable[..., Any]) -> list[Any]:
    x, w = inputs()
    run(x, w).sum().backward()
    return [x.grad.tolist(), w.grad.tolist()]


def calls_of(policy: Any) -> tuple[list[Any], list[str | None]]:
    """Gradients, and the operators that running again computes."""
    log: list[str | None] = []

    class Log(pb.overrides.TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            log.append(pb.overrides.resolve_name(func))
            return func(*args, **(kwargs or {}))

    @contextlib.contextmanager
    def both(again: Any) -> Iterator[None]:
        with Log(), again:
            yield

    def context_fn() -> Any:
        first, again = create_selective_checkpoint_contexts(policy)
        return first, both(again)

    x, w = inputs()
    y = checkpoint(network, x, w, use_reentrant=False, context_fn=context_fn, early_stop=False)
    y.sum().backward()
    assert x.grad is not None
    return [x.grad.tolist(), w.grad.tolist()], log


def test_results_of_listed_operators_are_not_computed_again() -> None:
    expected = gradients(network)
    got, log = calls_of([pb.matmul])
    assert got == expected
    assert log == ["torch.Tensor.sigmoid", "torch.Tensor.tanh", "torch.Tensor.mul"]
    got, log = calls_of([pb.sigmoid, pb.tanh])
    assert got == expected
    assert log == ["torch.matmul", "torch.Tensor.matmul", "torch.Tensor.mul"]


def test_a_policy_decides_for_each_call() -> None:
    seen = []

    def policy(context: Any, function: Any, *args: Any, **kwargs: Any) -> CheckpointPolicy:
        seen.append((context.is_recompute, pb.overrides.resolve_name(function), len(args)))
        kept = function is pb.matmul
        return CheckpointPolicy.PREFER_SAVE if kept else CheckpointPolicy.MUST_RECOMPUTE

    got, log = calls_of(policy)
    assert got == gradients(network)
    assert "torch.matmul" not in log
    assert "torch.Tensor.matmul" in log
    assert {again for again, _, _ in seen} == {False, True}
    assert (False, "torch.matmul", 2) in seen


def test_several_passes_double_backward_and_nested_results() -> None:
    x, _ = inputs()

    def halves(x: Any) -> Any:
        low, high = (x * 2).split(2)
        return low.sum() * high.exp().sum()

    def run(x: Any) -> Any:
        context_fn = functools.partial(create_selective_checkpoint_contexts, [pb.split, pb.exp])
        return checkpoint(halves, x, use_reentrant=False, context_fn=context_fn)

    for _ in range(2):
        (first,) = pb.autograd.grad(halves(x), x, create_graph=True)
        (again,) = pb.autograd.grad(run(x), x, create_graph=True)
        assert pb.equal(first, again)
        (second,) = pb.autograd.grad(first.pow(2).sum(), x)
        (second_again,) = pb.autograd.grad(again.pow(2).sum(), x)
        pb.testing.assert_close(second, second_again)
    y = run(x)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad is not None


def test_a_kept_result_that_was_written_into_is_an_error() -> None:
    def writes(x: Any) -> Any:
        y = x.sin()
        z = y.exp()
        y.detach().fill_(3)
        return z * x.cos()

    def run(**options: bool) -> None:
        x = pb.ones(2, requires_grad=True)
        context_fn = functools.partial(create_selective_checkpoint_contexts, [pb.sin], **options)
        checkpoint(writes, x, use_reentrant=False, context_fn=context_fn).sum().backward()

    with pytest.raises(RuntimeError, match="has been mutated"):
        run()
    run(allow_cache_entry_mutation=True)


def test_an_operand_that_was_written_into_is_an_error() -> None:
    """Of an operator whose result is kept: it is not run again, but reads what it saved."""
    x = pb.ones(2, requires_grad=True) * 1
    context_fn = functools.partial(create_selective_checkpoint_contexts, [pb.sin])
    y = checkpoint(lambda x: x.sin() * 2, x, use_reentrant=False, context_fn=context_fn)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_function_that_does_something_else_again_is_an_error() -> None:
    times = []

    def changes(x: Any) -> Any:
        times.append(1)
        y = x.exp()
        if len(times) > 1:
            y = y.sin()
        return y * y

    x = pb.ones(2, requires_grad=True)
    context_fn = functools.partial(create_selective_checkpoint_contexts, [pb.sin])
    y = checkpoint(changes, x, use_reentrant=False, context_fn=context_fn)
    with pytest.raises(RuntimeError, match="encountered during backward, but not found"):
        y.sum().backward()


def test_misuse() -> None:
    with pytest.raises(TypeError, match="must be a function or a list of operators"):
        create_selective_checkpoint_contexts(3)  # type: ignore[arg-type]
    for wrong in (3, len, pb.Tensor.add_, pb.Tensor.shape.__get__):
        with pytest.raises(ValueError, match="Expected op in `op_list`"):
            create_selective_checkpoint_contexts([wrong])  # type: ignore[list-item]
    x = pb.ones(2, requires_grad=True)
    context_fn = functools.partial(create_selective_checkpoint_contexts, lambda *_: None)
    with pytest.raises(TypeError, match="the policy gave NoneType, expected CheckpointPolicy"):
        checkpoint(pb.sin, x, use_reentrant=False, context_fn=context_fn)


def test_outside_of_recording_the_contexts_are_not_needed() -> None:
    x = pb.ones(2)
    context_fn = functools.partial(create_selective_checkpoint_contexts, [pb.sin])
    with pb.no_grad():
        y = checkpoint(pb.sin, x, use_reentrant=False, context_fn=context_fn)
    assert not y.requires_grad
