"""Custom functions side by side with torch: calls, what backward returns, the pass, the class."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

import pullback as pb
from scenarios import Scenario, check, double, grad_of, leaf, make, saving

torch = pytest.importorskip("torch")

SCENARIOS: list[Scenario] = []


def scenario(run: Scenario) -> Scenario:
    SCENARIOS.append(run)
    return run


# --- calls ---


@scenario
def plain(t: Any) -> Any:
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.save_for_backward(x, y)
        return x * y

    def backward(ctx: Any, g: Any) -> Any:
        x, y = ctx.saved_tensors
        return g * y, g * x

    x, y = leaf(t), leaf(t, 3.0, 5.0)
    z = make(t, forward, backward).apply(x, y)
    z.sum().backward()
    return z, x.grad, y.grad, type(z.grad_fn).__name__, z.grad_fn.name(), z.is_leaf


@scenario
def separate_setup(t: Any) -> Any:
    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0], output)
        ctx.k = inputs[1]

    function = make(
        t,
        lambda x, k=3: x * k,
        lambda ctx, g: (g * ctx.k + ctx.saved_tensors[1], None),
        setup_context=setup,
    )
    results = []
    for call in (
        lambda x: function.apply(x),
        lambda x: function.apply(x, 5),
        lambda x: function.apply(x, k=7),
        lambda x: function.apply(k=7, x=x),
    ):
        x = leaf(t)
        y = call(x)
        y.sum().backward()
        results.append((y, x.grad, y.grad_fn.needs_input_grad))
    return results


@scenario
def keyword_only(t: Any) -> Any:
    return make(t, lambda ctx, x, *, s=1: x * s, lambda ctx, g: g).apply(leaf(t), s=3)


@scenario
def keywords_take_their_place(t: Any) -> Any:
    function = make(t, lambda ctx, x, k=3: x * k, lambda ctx, g: (g * 3, g * 2))
    x, k = leaf(t), leaf(t)
    y = function.apply(k=k, x=x)
    y.sum().backward()
    return y, y.grad_fn.needs_input_grad, x.grad, k.grad


def keyword_errors(t: Any, **kwargs: Any) -> Any:
    return make(t, lambda ctx, x, a=1, k=3: x * k, lambda ctx, g: g).apply(leaf(t), **kwargs)


scenario(lambda t: keyword_errors(t, k=4))
scenario(lambda t: keyword_errors(t, x=4))
scenario(lambda t: keyword_errors(t, wrong=4))
scenario(lambda t: make(t, lambda x: x, setup_context=lambda c, i, o: None).apply())


@scenario
def non_tensors_and_none(t: Any) -> Any:
    seen = []

    def backward(ctx: Any, *g: Any) -> Any:
        seen.append(g)
        return g[0], None, None

    function = make(t, lambda ctx, x, a, b: (x * 2, 3, None, "s", x * 3), backward)
    x = leaf(t)
    results = function.apply(x, None, [1])
    results[0].sum().backward()
    return results, seen, x.grad, results[0].grad_fn.needs_input_grad


scenario(lambda t: make(t, lambda ctx, x: None).apply(leaf(t)))
scenario(lambda t: make(t, lambda ctx, x: ()).apply(leaf(t)))
scenario(lambda t: make(t, lambda ctx, x: (x * 2,)).apply(leaf(t)))
scenario(lambda t: make(t, lambda ctx, x: [x * 2]).apply(leaf(t)))
scenario(lambda t: make(t, lambda ctx, x: {"a": x * 2}).apply(leaf(t)))


@scenario
def the_same_result_twice(t: Any) -> Any:
    a, b = make(t, lambda ctx, x: (y := x * 2, y)).apply(leaf(t))
    return a is b, a.output_nr, a


@scenario
def no_arguments_that_need_gradients(t: Any) -> Any:
    y = make(t, double).apply(t.ones(2))
    return y, y.requires_grad, y.grad_fn


@scenario
def under_no_grad(t: Any) -> Any:
    seen = []

    def forward(ctx: Any, x: Any) -> Any:
        seen.append(ctx.needs_input_grad)
        return x * 2

    with t.no_grad():
        y = make(t, forward).apply(leaf(t))
    return y, seen


@scenario
def what_forward_sees(t: Any) -> Any:
    seen = []

    def forward(ctx: Any, x: Any) -> Any:
        seen.extend([t.is_grad_enabled(), ctx.name(), ctx.saved_tensors, x.requires_grad])
        return x * 2

    make(t, forward).apply(leaf(t))
    return seen


@scenario
def next_functions(t: Any) -> Any:
    x, y = leaf(t), leaf(t) * 1
    z = make(t, lambda ctx, x, k, y, c: x * y).apply(x, 3, y, t.ones(2))
    return [(type(f).__name__, k) for f, k in z.grad_fn.next_functions]


@scenario
def a_context_outlives_its_result(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * 2

    node = make(t, forward).apply(leaf(t)).grad_fn
    return (
        node.saved_tensors,
        node.name(),
        [(type(f).__name__, k) for f, k in node.next_functions],
        node.needs_input_grad,
    )


# --- what backward returns ---


for bad in (
    lambda ctx, g: (g, g),
    lambda ctx, g: (g, None, None),
    lambda ctx, g: (),
    lambda ctx, g: [g],
    lambda ctx, g: 3,
    lambda ctx, g: "a",
    lambda ctx, g: None,
    lambda ctx, g: ctx.nothing,
):
    scenario(lambda t, bad=bad: grad_of(t, make(t, double, bad)))
scenario(lambda t: grad_of(t, make(t, double, lambda ctx, g: g), 3))
scenario(lambda t: grad_of(t, make(t, double, lambda ctx, g: (g, g)), 3))
scenario(lambda t: grad_of(t, make(t, double)))
for shape in ((3,), (4, 2), (), (1,), (2, 1)):
    scenario(lambda t, s=shape: grad_of(t, make(t, double, lambda ctx, g: t.ones(s))))
for dtype in ("float64", "int64", "bool"):
    scenario(
        lambda t, d=dtype: grad_of(
            t, make(t, double, lambda ctx, g: t.ones(2, dtype=getattr(t, d)))
        )
    )
scenario(lambda t: grad_of(t, make(t, double, vjp=lambda ctx, g: g * 5)))
scenario(lambda t: grad_of(t, make(t, double, lambda ctx, g: g, vjp=lambda ctx, g: g)))


@scenario
def zeros_reach_a_function_whose_result_got_no_gradient(t: Any) -> Any:
    seen = []
    inner = make(t, double, lambda ctx, g: (seen.append(g), g)[1])
    outer = make(t, double, lambda ctx, g: None)
    x = leaf(t)
    outer.apply(inner.apply(x)).sum().backward()
    return seen, x.grad


@scenario
def needs_input_grad_is_of_the_call(t: Any) -> Any:
    seen = []

    def backward(ctx: Any, g: Any) -> Any:
        seen.append(ctx.needs_input_grad)
        return g, g, None

    x, y = leaf(t), leaf(t)
    z = make(t, lambda ctx, x, y, k: x * y, backward).apply(x, y, 3)
    return t.autograd.grad(z.sum(), x), seen


@scenario
def boxed_gradients(t: Any) -> Any:
    seen = []

    def backward(ctx: Any, gradients: Any) -> Any:
        seen.append((type(gradients).__name__, gradients))
        return gradients[0]

    function = make(t, lambda ctx, x: (x * 2, x * 3), backward, boxed_grads_call=True)
    return grad_of(t, function), seen


# --- the pass ---


@scenario
def a_backward_in_a_backward(t: Any) -> Any:
    def backward(ctx: Any, g: Any) -> Any:
        with t.enable_grad():
            x = ctx.saved_tensors[0].detach().requires_grad_()
            y = (x * x * x).sum()
        y.backward()
        return x.grad * g

    return grad_of(t, make(t, saving, backward))


@scenario
def differentiated_once(t: Any) -> Any:
    function = import_module(f"{t.__name__}.autograd.function")
    seen = []

    def backward(ctx: Any, g: Any) -> Any:
        seen.append(t.is_grad_enabled())
        return 2 * ctx.saved_tensors[0] * g

    once = make(t, saving, function.once_differentiable(backward))
    x = leaf(t)
    (first,) = t.autograd.grad(once.apply(x).sum(), x, create_graph=True)
    seed = t.ones(2, requires_grad=True)
    (second,) = t.autograd.grad(once.apply(x), x, seed, create_graph=True)
    return first, first.requires_grad, second, seen, second.is_leaf


@scenario
def differentiated_twice(t: Any) -> Any:
    function = import_module(f"{t.__name__}.autograd.function")
    once = make(t, saving, function.once_differentiable(lambda ctx, g: g * 2))
    x = leaf(t)
    seed = t.ones(2, requires_grad=True)
    (first,) = t.autograd.grad(once.apply(x), x, seed, create_graph=True)
    first.sum().backward()


class Mine(Exception):
    pass


def raise_mine(*_: Any) -> Any:
    raise Mine("from the user's code")


scenario(lambda t: grad_of(t, make(t, raise_mine, lambda ctx, g: g)))
scenario(lambda t: grad_of(t, make(t, double, raise_mine)))


@scenario
def hooks_of_the_node(t: Any) -> Any:
    seen: list[Any] = []
    function = make(t, lambda ctx, x: (x * 2, x * 3), lambda ctx, g, h: g * 2 + h * 3)
    x = leaf(t)
    y, _ = function.apply(x)
    node = y.grad_fn
    node.register_hook(lambda given, arrived: seen.append(("after", given, arrived)))
    node.register_prehook(lambda arrived: seen.append(("before", arrived)))
    y.register_hook(lambda g: seen.append(("result", g)))
    node.metadata["note"] = 1
    y.retain_grad()
    y.sum().backward()
    return seen, x.grad, y.grad, node.metadata, y.grad_fn is node


@scenario
def a_hook_that_replaces(t: Any) -> Any:
    x = leaf(t)
    y, z = make(t, lambda ctx, x: (x * 2, x * 3), lambda ctx, g, h: g * 2 + h * 3).apply(x)
    y.grad_fn.register_hook(lambda given, arrived: (given[0] * 10,))
    (y + z).sum().backward()
    return x.grad


@scenario
def as_a_gradient_edge(t: Any) -> Any:
    x = leaf(t)
    function = make(t, double, lambda ctx, g: g * 2)
    graph = import_module(f"{t.__name__}.autograd.graph")
    edge = graph.get_gradient_edge(function.apply(x * 3))
    return t.autograd.grad(edge, x, t.ones(2)), type(edge.node).__name__, edge.output_nr


@scenario
def saved_through_hooks(t: Any) -> Any:
    packed = []
    graph = import_module(f"{t.__name__}.autograd.graph")
    x = leaf(t)
    with graph.saved_tensors_hooks(lambda v: (packed.append(1), v.detach())[1], lambda v: v * 10):
        y = make(t, saving, lambda ctx, g: g * ctx.saved_tensors[0]).apply(x)
    y.sum().backward()
    return packed, x.grad


# --- the class ---


@scenario
def instances(t: Any) -> Any:
    return make(t, double)()(leaf(t))


@scenario
def apply_of_an_instance(t: Any) -> Any:
    return make(t, double, lambda ctx, g: g)().apply(leaf(t))


@scenario
def not_static(t: Any) -> Any:
    class F(t.autograd.Function):
        def forward(self, x: Any) -> Any:
            return x * 2

        def backward(self, g: Any) -> Any:
            return g * 4

    return grad_of(t, F)


@scenario
def inherited(t: Any) -> Any:
    class Child(make(t, double, lambda ctx, g: g * 4)):
        pass

    return grad_of(t, Child), type(Child.apply(leaf(t)).grad_fn).__name__


for name in ("forward", "backward", "jvp", "vmap", "setup_context", "apply"):
    scenario(lambda t, name=name: getattr(t.autograd.Function, name)(1, 2, 3))


@scenario
def classes(t: Any) -> Any:
    module = import_module(f"{t.__name__}.autograd.function")
    function = make(t, double, lambda ctx, g: g)
    node = function.apply(leaf(t)).grad_fn
    return (
        isinstance(node, module.FunctionCtx),
        isinstance(node, module.BackwardCFunction),
        type(node) is function._backward_cls,
        function._backward_cls._forward_cls is function,
        type(node).__name__,
        isinstance(function, module.FunctionMeta),
        node.to_save,
        node.dirty_tensors,
        node.non_differentiable,
    )


@scenario
def called_as_a_method_of_the_node(t: Any) -> Any:
    node = make(t, double, lambda ctx, g: g * 3).apply(leaf(t)).grad_fn
    return node.apply(t.ones(2))


@pytest.mark.parametrize("run", SCENARIOS, ids=lambda run: run.__name__)
def test_scenario(run: Scenario) -> None:
    check(run, pb, torch)
