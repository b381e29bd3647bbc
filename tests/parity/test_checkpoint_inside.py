"""What a checkpointed function does inside, and what is done with its results: in-place writes,
hooks, modes, passes and other transforms, side by side with torch."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

import pullback as pb
from scenarios import Scenario, check, double, leaf, make

torch = pytest.importorskip("torch")

SCENARIOS: list[Scenario] = []


def scenario(run: Scenario) -> Scenario:
    SCENARIOS.append(run)
    return run


def tools(t: Any) -> Any:
    return import_module(f"{t.__name__}.utils.checkpoint")


def module(t: Any, name: str) -> Any:
    return import_module(f"{t.__name__}.{name}")


for reentrant in (True, False):

    def call(t: Any, function: Any, *args: Any, r: bool = reentrant, **options: Any) -> Any:
        return tools(t).checkpoint(function, *args, use_reentrant=r, **options)

    @scenario
    def a_write_into_the_argument(t: Any, call: Any = call) -> Any:
        x = leaf(t)
        h = x * 2
        call(t, lambda a: a.mul_(3).sin(), h).sum().backward()
        return x.grad, h.detach()

    @scenario
    def a_write_into_the_result(t: Any, call: Any = call) -> Any:
        x = leaf(t)
        y = call(t, lambda a: a.sin(), x)
        y.mul_(3)
        y.sum().backward()
        return x.grad

    @scenario
    def a_write_into_a_result_that_is_saved(t: Any, call: Any = call) -> Any:
        x = leaf(t)
        y = call(t, lambda a: a.exp(), x)
        y.mul_(3)
        y.sum().backward()
        return x.grad

    @scenario
    def a_write_through_a_view_that_it_gave(t: Any, call: Any = call) -> Any:
        x = leaf(t)
        h = x * 1
        y = call(t, lambda a: a[:1], h)
        y.mul_(3)
        h.sum().backward()
        return x.grad

    @scenario
    def the_argument_returned(t: Any, call: Any = call) -> Any:
        x = leaf(t)
        h = x * 1
        y = call(t, lambda a: a, h)
        y.sum().backward()
        return y is h, x.grad

    @scenario
    def hooks_in_and_outside(t: Any, call: Any = call) -> Any:
        seen: list[Any] = []
        x = leaf(t)

        def run(a: Any) -> Any:
            b = a.exp()
            if b.requires_grad:
                b.register_hook(lambda g: seen.append(g) or g * 2)
            return b.sin()

        y = call(t, run, x)
        y.register_hook(lambda g: g * 3)
        x.register_hook(lambda g: seen.append(g))
        x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad))
        y.sum().backward()
        return seen, x.grad

    @scenario
    def kept_gradients_inside(t: Any, call: Any = call) -> Any:
        kept = []

        def run(a: Any) -> Any:
            b = a.exp()
            if b.requires_grad:
                b.retain_grad()
                kept.append(b)
            return b.sin()

        call(t, run, leaf(t)).sum().backward()
        return [b.grad for b in kept]

    @scenario
    def modes_inside(t: Any, call: Any = call) -> Any:
        x = leaf(t)

        def run(a: Any) -> Any:
            with t.no_grad():
                c = a.exp()
            t.set_grad_enabled(False)
            d = a.sin()
            t.set_grad_enabled(True)
            return a * c * d

        call(t, run, x).sum().backward()
        return x.grad, t.is_grad_enabled()

    @scenario
    def in_inference_mode(t: Any, call: Any = call) -> Any:
        x = leaf(t)
        with t.inference_mode():
            y = call(t, lambda a: a.exp(), x)
        return y.requires_grad, y.is_inference()

    @scenario
    def a_detached_result(t: Any, call: Any = call) -> Any:
        x = leaf(t)
        (call(t, lambda a: a.detach().exp(), x) + x).sum().backward()
        return x.grad

    @scenario
    def a_gradient_of_a_gradient(t: Any, call: Any = call) -> Any:
        x = leaf(t)
        (g,) = t.autograd.grad(call(t, lambda a: a.exp() * a, x).sum(), x, create_graph=True)
        (h,) = t.autograd.grad(g.sum(), x)
        return g.detach(), h

    @scenario
    def the_other_kind_inside(t: Any, call: Any = call, r: bool = reentrant) -> Any:
        x = leaf(t)
        inner = lambda a: call(t, lambda b: b.exp().sin(), a, r=not r)  # noqa: E731
        call(t, lambda a: inner(a) * a, x).sum().backward()
        return x.grad

    @scenario
    def three_deep(t: Any, call: Any = call) -> Any:
        count = [0]

        def first(a: Any) -> Any:
            count[0] += 1
            return a.sin() * a

        def second(a: Any) -> Any:
            return call(t, first, call(t, first, a))

        def third(a: Any) -> Any:
            return call(t, second, call(t, second, a))

        x = leaf(t)
        call(t, third, x).sum().backward()
        return x.grad, count

    @scenario
    def a_gradient_inside(t: Any, call: Any = call) -> Any:
        x = leaf(t)

        def run(a: Any) -> Any:
            with t.enable_grad():
                b = a.detach().requires_grad_()
                (g,) = t.autograd.grad((b**3).sum(), b)
            return a * g

        call(t, run, x).sum().backward()
        return x.grad

    @scenario
    def a_gradient_inside_that_is_recorded(t: Any, call: Any = call) -> Any:
        x = leaf(t)

        def run(a: Any) -> Any:
            cube = a**3
            if not cube.requires_grad:
                return a * 3 * a**2
            return a * t.autograd.grad(cube.sum(), a, create_graph=True)[0]

        call(t, run, x).sum().backward()
        return x.grad

    @scenario
    def sequential_in_all_segments(t: Any, r: bool = reentrant) -> Any:
        steps = [t.sin, t.exp, t.cos, t.tanh, t.sigmoid]
        found = []
        for segments in (1, 2, 3, 5):
            x = leaf(t)
            tools(t).checkpoint_sequential(steps, segments, x, use_reentrant=r).sum().backward()
            found.append(x.grad)
        return found

    @scenario
    def more_segments_than_functions(t: Any, r: bool = reentrant) -> Any:
        return tools(t).checkpoint_sequential([t.sin, t.exp], 3, leaf(t), use_reentrant=r)

    @scenario
    def an_error_and_then_again(t: Any, call: Any = call) -> Any:
        x = leaf(t)
        count = [0]

        def run(a: Any) -> Any:
            count[0] += 1
            if count[0] == 2:
                raise ValueError("once")
            return a.exp()

        y = call(t, run, x)
        with pytest.raises(ValueError, match="once"):
            y.sum().backward()
        try:
            y.sum().backward()
        except RuntimeError:
            return "released", x.grad, t.is_grad_enabled()
        return x.grad, t.is_grad_enabled()

    @scenario
    def two_results_one_after_the_other(t: Any, call: Any = call) -> Any:
        x = leaf(t)
        a, b = call(t, lambda a: (a.exp(), a.sin()), x)
        a.sum().backward()
        first = x.grad.clone()
        try:
            b.sum().backward()
        except RuntimeError as error:
            return first, str(error)[:50]
        return first, x.grad

    @scenario
    def hooks_of_saved_tensors(t: Any, call: Any = call) -> Any:
        seen: list[str] = []
        hooks = module(t, "autograd.graph").saved_tensors_hooks

        def noted(name: str) -> Any:
            return hooks(lambda x: seen.append(f"{name} packs") or x, lambda x: x)

        def run(a: Any) -> Any:
            with noted("inside"):
                return a.exp() * a

        x = leaf(t)
        with noted("outside"):
            y = call(t, run, x * 1)
        y.sum().backward()
        return seen, x.grad

    @scenario
    def a_custom_function_inside(t: Any, call: Any = call) -> Any:
        function = make(t, double, lambda ctx, g: g * 7)
        x = leaf(t)
        call(t, lambda a: function.apply(a) * a, x).sum().backward()
        return x.grad

    @scenario
    def containers(t: Any, call: Any = call) -> Any:
        x = leaf(t)
        y = call(t, lambda many: {"y": many["x"] * 2}, {"x": x})
        z = call(t, lambda many: [many[0] * 2], [x])
        return type(y).__name__, y["y"].requires_grad, type(z).__name__, z[0].requires_grad

    @scenario
    def forward_mode(t: Any, call: Any = call) -> Any:
        forward_ad = module(t, "autograd.forward_ad")
        with forward_ad.dual_level():
            x = forward_ad.make_dual(t.ones(2), t.ones(2))
            return forward_ad.unpack_dual(call(t, lambda a: a.exp() * a, x)).tangent

    @scenario
    def batches(t: Any, call: Any = call) -> Any:
        run = lambda x: call(t, lambda a: a.exp() * a, x)  # noqa: E731
        return module(t, "func").vmap(run)(t.ones(2, 2))

    @scenario
    def anomalies(t: Any, call: Any = call) -> Any:
        x = leaf(t)
        with t.autograd.detect_anomaly():
            call(t, lambda a: a.exp(), x).sum().backward()
        return x.grad


@scenario
def saved_tensors_that_somebody_reads(t: Any) -> Any:
    x = leaf(t)
    y = tools(t).checkpoint(lambda a: a.exp(), x, use_reentrant=False)
    read = [y.grad_fn._saved_result.detach() for _ in range(2)]
    y.sum().backward()
    return read, x.grad


@scenario
def a_gradient_by_what_is_inside(t: Any) -> Any:
    kept = []

    def run(a: Any) -> Any:
        kept.append(a.exp())
        return kept[-1].sin()

    y = tools(t).checkpoint(run, leaf(t), use_reentrant=False)
    return t.autograd.grad(y.sum(), kept[0])


@scenario
def early_stop_as_it_was_set(t: Any) -> Any:
    seen: list[str] = []
    x, stop = leaf(t), tools(t).set_checkpoint_early_stop

    def run(a: Any) -> Any:
        b = a.exp()
        seen.append("ran")
        return b + 1

    with stop(False):
        with stop(True):
            y = tools(t).checkpoint(run, x, use_reentrant=False)
        y.sum().backward()
        seen.append("then")
        z = tools(t).checkpoint(run, x, use_reentrant=False)
    z.sum().backward()
    return seen, x.grad


@scenario
def a_context_that_switches_recording_off(t: Any) -> Any:
    import contextlib

    x = leaf(t)
    contexts = lambda: (t.no_grad(), contextlib.nullcontext())  # noqa: E731
    y = tools(t).checkpoint(lambda a: a.exp(), x, use_reentrant=False, context_fn=contexts)
    return y.requires_grad


@scenario
def contexts_that_are_none(t: Any) -> Any:
    run = lambda a: a.exp()  # noqa: E731
    return tools(t).checkpoint(run, leaf(t), use_reentrant=False, context_fn=lambda: None)


@pytest.mark.parametrize("run", SCENARIOS, ids=lambda run: run.__name__)
def test_scenario(run: Scenario) -> None:
    check(run, pb, torch)
