"""Checkpoints side by side with torch: gradients, how often the function runs, refusals."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

import pullback as pb
from scenarios import Scenario, check, leaf

torch = pytest.importorskip("torch")

SCENARIOS: list[Scenario] = []


def scenario(run: Scenario) -> Scenario:
    SCENARIOS.append(run)
    return run


def tools(t: Any) -> Any:
    return import_module(f"{t.__name__}.utils.checkpoint")


def counted(function: Any) -> tuple[Any, list[int]]:
    calls: list[int] = []

    def run(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return function(*args, **kwargs)

    return run, calls


for reentrant in (True, False):

    @scenario
    def gradients(t: Any, r: bool = reentrant) -> Any:
        run, calls = counted(lambda x, y: (x * y).exp().sin() * y)
        x, y = leaf(t), leaf(t, 0.5, 0.25)
        z = tools(t).checkpoint(run, x, y, use_reentrant=r)
        before = len(calls)
        z.sum().backward()
        return z.detach(), x.grad, y.grad, before, len(calls), z.requires_grad

    @scenario
    def several_results_and_other_arguments(t: Any, r: bool = reentrant) -> Any:
        def run(x: Any, k: Any, flag: Any, y: Any) -> Any:
            return x.exp() * k, flag, (x * y).sin(), y + 1

        x, y = leaf(t), t.ones(2)
        a, flag, b, c = tools(t).checkpoint(run, x, 3, None, y, use_reentrant=r)
        (a.sum() + b.sum() * 2).backward()
        return a.detach(), flag, b.detach(), x.grad, c.requires_grad

    @scenario
    def random_numbers_are_the_same(t: Any, r: bool = reentrant) -> Any:
        seen = []

        def run(x: Any) -> Any:
            seen.append(t.rand(2).tolist())
            return (x * x).exp()

        t.manual_seed(1)
        y = tools(t).checkpoint(run, leaf(t), use_reentrant=r)
        t.rand(3)
        y.sum().backward()
        return seen[0] == seen[1], t.rand(2)

    @scenario
    def random_numbers_are_not_kept(t: Any, r: bool = reentrant) -> Any:
        seen = []

        def run(x: Any) -> Any:
            seen.append(t.rand(2).tolist())
            return (x * x).exp()

        t.manual_seed(1)
        y = tools(t).checkpoint(run, leaf(t), use_reentrant=r, preserve_rng_state=False)
        y.sum().backward()
        return seen, t.rand(2)

    @scenario
    def under_no_grad(t: Any, r: bool = reentrant) -> Any:
        run, calls = counted(lambda x: x.exp())
        with t.no_grad():
            y = tools(t).checkpoint(run, leaf(t), use_reentrant=r)
        return y, y.requires_grad, len(calls)

    @scenario
    def nothing_requires_a_gradient(t: Any, r: bool = reentrant) -> Any:
        y = tools(t).checkpoint(lambda x: x.exp(), t.ones(2), use_reentrant=r)
        return y, y.requires_grad

    @scenario
    def a_closure(t: Any, r: bool = reentrant) -> Any:
        x, w = leaf(t), leaf(t, 3.0, 4.0)
        tools(t).checkpoint(lambda x: (x * w).exp(), x, use_reentrant=r).sum().backward()
        return x.grad, w.grad

    @scenario
    def twice(t: Any, r: bool = reentrant) -> Any:
        run, calls = counted(lambda x: (x * x).exp())
        x = leaf(t, 0.5, 1.0)
        y = tools(t).checkpoint(run, x, use_reentrant=r).sum()
        y.backward(retain_graph=True)
        y.backward()
        return x.grad, len(calls)

    @scenario
    def a_second_time(t: Any, r: bool = reentrant) -> Any:
        y = tools(t).checkpoint(lambda x: (x * x).exp(), leaf(t), use_reentrant=r).sum()
        y.backward()
        y.backward()

    @scenario
    def with_grad(t: Any, r: bool = reentrant) -> Any:
        x = leaf(t)
        y = tools(t).checkpoint(lambda x: (x * x).exp(), x, use_reentrant=r).sum()
        return t.autograd.grad(y, x)

    @scenario
    def with_inputs(t: Any, r: bool = reentrant) -> Any:
        x = leaf(t)
        y = tools(t).checkpoint(lambda x: (x * x).exp(), x, use_reentrant=r).sum()
        y.backward(inputs=[x])
        return x.grad

    @scenario
    def an_argument_that_was_overwritten(t: Any, r: bool = reentrant) -> Any:
        x = leaf(t) * 1
        y = tools(t).checkpoint(lambda x: (x * x).exp(), x, use_reentrant=r)
        x.add_(1)
        y.sum().backward()

    @scenario
    def nested(t: Any, r: bool = reentrant) -> Any:
        checkpoint = tools(t).checkpoint
        inner, inner_calls = counted(lambda x: (x * x).exp())
        outer, outer_calls = counted(
            lambda x: checkpoint(inner, x.sin(), use_reentrant=r).cos() * x
        )
        x = leaf(t)
        checkpoint(outer, x * 2, use_reentrant=r).sum().backward()
        return x.grad, len(inner_calls), len(outer_calls)

    @scenario
    def one_after_the_other(t: Any, r: bool = reentrant) -> Any:
        counts = []
        x = y = leaf(t, 0.5, 0.25)
        for _ in range(4):
            run, calls = counted(lambda v: (v * v).sin().exp())
            y = tools(t).checkpoint(run, y, use_reentrant=r)
            counts.append(calls)
        y.sum().backward()
        return x.grad, [len(calls) for calls in counts]

    @scenario
    def sequential(t: Any, r: bool = reentrant) -> Any:
        found = []
        for segments in (1, 2, 3, 5):
            steps = [counted(f) for f in (t.sin, t.exp, t.cos, t.tanh, t.sigmoid)]
            x = leaf(t)
            y = tools(t).checkpoint_sequential([s for s, _ in steps], segments, x, use_reentrant=r)
            y.sum().backward()
            found.append((y.detach(), x.grad, [len(calls) for _, calls in steps]))
        return found

    @scenario
    def a_module(t: Any, r: bool = reentrant) -> Any:
        class Layer(t.nn.Module if hasattr(t.nn, "Module") else object):
            def __call__(self, x: Any) -> Any:
                return (x * 3).tanh()

        x = leaf(t)
        tools(t).checkpoint(Layer(), x, use_reentrant=r).sum().backward()
        return x.grad


@scenario
def keyword_arguments(t: Any) -> Any:
    x = leaf(t)
    tools(t).checkpoint(lambda x, k: (x * k).exp(), x, k=2, use_reentrant=False).sum().backward()
    return x.grad


@scenario
def higher_order(t: Any) -> Any:
    x = leaf(t, 0.5, 0.25)
    y = tools(t).checkpoint(lambda x: (x * x).exp().sin(), x, use_reentrant=False)
    (first,) = t.autograd.grad(y.sum(), x, create_graph=True)
    return first.detach(), t.autograd.grad(first.sum(), x)


for stop in (True, False):

    @scenario
    def early_stop(t: Any, stop: bool = stop) -> Any:
        counts = []
        for scope in (None, True, False):
            reached = []

            def run(x: Any, reached: list[int] = reached) -> Any:
                y = (x * x).exp()
                reached.append(1)
                return y.sum()

            with tools(t).set_checkpoint_early_stop(scope):
                y = tools(t).checkpoint(run, leaf(t), use_reentrant=False, early_stop=stop)
            y.backward()
            counts.append(len(reached))
        return counts


@scenario
def contexts(t: Any) -> Any:
    import contextlib

    order = []

    @contextlib.contextmanager
    def note(name: str) -> Any:
        order.append(f"{name} in")
        yield
        order.append(f"{name} out")

    x = leaf(t)
    y = tools(t).checkpoint(
        lambda x: (x * x).exp(),
        x,
        use_reentrant=False,
        context_fn=lambda: (note("first"), note("again")),
        early_stop=False,
    )
    order.append("between")
    y.sum().backward()
    return order, x.grad


class Changing:
    """Does something else each time."""

    def __init__(self, *forms: Any) -> None:
        self.forms = list(forms)

    def __call__(self, x: Any) -> Any:
        form = self.forms.pop(0) if len(self.forms) > 1 else self.forms[0]
        return form(x)


def changing(*forms: Any, **options: Any) -> None:
    @scenario
    def run(t: Any) -> Any:
        x = leaf(t)
        y = tools(t).checkpoint(Changing(*forms), x, use_reentrant=False, **options)
        y.sum().backward()
        return x.grad


changing(lambda x: x.exp().sin(), lambda x: x.exp())
changing(lambda x: x.exp(), lambda x: x.exp().sin().cos(), early_stop=False)
changing(lambda x: x.exp(), lambda x: x.exp().sin().cos())
changing(lambda x: (x * x).exp(), lambda x: (x[:1] * x[:1]).exp())
changing(lambda x: (x * x).exp(), lambda x: (x.double() * x.double()).exp())
changing(lambda x: (x * 2).exp(), lambda x: (x[:1] * 2).exp(), determinism_check="none")


@scenario
def read_twice(t: Any) -> Any:
    class Twice(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return ctx.saved_tensors[0] + ctx.saved_tensors[0]

    x = leaf(t)
    tools(t).checkpoint(lambda x: Twice.apply(x.exp()), x, use_reentrant=False).sum().backward()


@scenario
def what_needs_no_gradient_is_itself(t: Any) -> Any:
    seen = []

    class Product(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, c: Any) -> Any:
            y = x * c
            ctx.save_for_backward(x, c, y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            tensors = ctx.saved_tensors
            seen.append([any(s is a for a in (x, c)) for s in tensors])
            return g * tensors[1], None

    x = leaf(t)
    for c in (t.ones(2), t.ones(4)[1:3]):
        for reentrant in (False, True):
            run = tools(t).checkpoint
            run(
                lambda x, c: Product.apply(x, c) * 2, x, c, use_reentrant=reentrant
            ).sum().backward()
            run(lambda x: Product.apply(x, c) * 2, x, use_reentrant=reentrant).sum().backward()  # noqa: B023
        with t.autograd.graph.saved_tensors_hooks(lambda s: s, lambda s: s):
            y = Product.apply(x, c)
        y.sum().backward()
    return seen, x.grad


@scenario
def a_backward_inside(t: Any) -> Any:
    def run(x: Any) -> Any:
        y = x.exp()
        (g,) = t.autograd.grad(y.sum(), x, create_graph=True)
        return (g * y).sin()

    x = leaf(t)
    tools(t).checkpoint(run, x, use_reentrant=False).sum().backward()
    return x.grad


for bad in (
    {"use_reentrant": True, "k": 3},
    {"use_reentrant": True, "debug": True},
    {"use_reentrant": True, "context_fn": lambda: None},
    {"use_reentrant": False, "determinism_check": "sometimes"},
    {"use_reentrant": False, "debug": True, "context_fn": lambda: None},
):

    @scenario
    def refused(t: Any, options: Any = bad) -> Any:
        return tools(t).checkpoint(lambda x: x, leaf(t), **options)


@scenario
def sequential_with_other_keywords(t: Any) -> Any:
    return tools(t).checkpoint_sequential([t.sin], 1, leaf(t), use_reentrant=False, wrong=1)


@scenario
def no_result_requires_a_gradient(t: Any) -> Any:
    x = leaf(t)
    y = tools(t).checkpoint(lambda x: x.detach(), x, use_reentrant=True)
    y.sum().backward()


@scenario
def an_error_inside(t: Any) -> Any:
    return tools(t).checkpoint(lambda x: {}[x.shape], leaf(t), use_reentrant=False)


@scenario
def an_error_when_it_runs_again(t: Any) -> Any:
    def fail(x: Any) -> Any:
        raise KeyError("again")

    run = Changing(lambda x: x.exp(), fail)
    tools(t).checkpoint(run, leaf(t), use_reentrant=False).sum().backward()


@scenario
def a_context_that_suppresses(t: Any) -> Any:
    import contextlib

    def contexts() -> Any:
        return contextlib.suppress(KeyError), contextlib.nullcontext()

    def fail(x: Any) -> Any:
        raise KeyError

    return tools(t).checkpoint(fail, leaf(t), use_reentrant=False, context_fn=contexts)


@scenario
def the_default_warns(t: Any) -> Any:
    with pytest.warns(UserWarning, match="the use_reentrant parameter should be passed explicitly"):
        y = tools(t).checkpoint(lambda x: x.exp(), leaf(t))
    return y.detach()


@pytest.mark.parametrize("run", SCENARIOS, ids=lambda run: run.__name__)
def test_scenario(run: Scenario) -> None:
    check(run, pb, torch)
