"""Custom functions side by side with torch: marks, views, in-place writes, saved tensors."""

from __future__ import annotations

from collections.abc import Callable
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


# --- marks ---


@scenario
def not_differentiable(t: Any) -> Any:
    seen = []

    def forward(ctx: Any, x: Any) -> Any:
        values, indices = x.sort()
        scaled = x * 3
        ctx.mark_non_differentiable(indices, scaled)
        return values, indices, scaled

    def backward(ctx: Any, *g: Any) -> Any:
        seen.append(g)
        return g[0]

    x = leaf(t)
    results = make(t, forward, backward).apply(x)
    results[0].sum().backward()
    return results, seen, [r.requires_grad for r in results]


@scenario
def an_argument_that_is_not_differentiable(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_non_differentiable(x)
        return x * 2, x

    x = leaf(t)
    y = make(t, forward).apply(x)
    return y, y[1] is x, y[1]._is_view(), y[1].requires_grad


@scenario
def without_zeros(t: Any) -> Any:
    seen = []

    def forward(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    def backward(ctx: Any, *g: Any) -> Any:
        seen.append(g)
        return g[0]

    return grad_of(t, make(t, forward, backward)), seen


def marked(mark: str, value: Any) -> Callable[[Any], Any]:
    def run(t: Any) -> Any:
        def forward(ctx: Any, x: Any) -> Any:
            getattr(ctx, mark)(value)
            return x * 2

        return grad_of(t, make(t, forward, lambda ctx, g: g))

    return run


for mark, value in (
    ("save_for_backward", 3),
    ("save_for_backward", [1]),
    ("save_for_backward", None),
    ("save_for_forward", 3),
):
    scenario(marked(mark, value))


# --- arguments returned, views, in-place ---


@scenario
def an_argument_returned_unchanged(t: Any) -> Any:
    results = []
    for x in (leaf(t), t.ones(2), leaf(t) * 1):
        y = make(t, lambda ctx, x: x, lambda ctx, g: g * 2).apply(x)
        results.append((y, y is x, y._is_view(), y._base is x, y._version))
        if y.requires_grad:
            y.sum().backward()
            results.append(x.grad if x.is_leaf else None)
    x = leaf(t)
    with t.no_grad():
        y = make(t, lambda ctx, x: x).apply(x)
    return results, y, y is x, y._is_view()


@scenario
def a_view_returned(t: Any) -> Any:
    x = leaf(t)
    y = make(t, lambda ctx, x: x.view(2, 1), lambda ctx, g: g.view(2) * 3).apply(x)
    y.sum().backward()
    return y, y._is_view(), y._base is x, x.grad


for forward in (lambda ctx, x: x.view(2, 1), lambda ctx, x: x, lambda ctx, x: (x, x * 2)):

    @scenario
    def writing_into_a_view_returned(t: Any, forward: Any = forward) -> Any:
        y = make(t, forward, lambda ctx, *g: g[0]).apply(leaf(t) * 1)
        (y[0] if isinstance(y, tuple) else y).add_(1)


@scenario
def saved_and_returned_unchanged(t: Any) -> Any:
    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0])

    return make(t, lambda x: x, lambda ctx, g: g, setup_context=setup).apply(leaf(t))


@pytest.mark.parametrize("save", ["save_for_backward", "save_for_forward"])
@pytest.mark.parametrize("saved", [0, 1])
@pytest.mark.parametrize("marked", [(), (0,), (1,), (0, 1)])
def test_saved_and_returned_without_derivatives(
    marked: tuple[int, ...], saved: int, save: str
) -> None:
    """In every transform, with arguments that are differentiated by, or are captured, or not."""

    def scenario(run: Callable[[Any, Any], Any]) -> Scenario:
        def each(t: Any) -> Any:
            def setup(ctx: Any, inputs: Any, output: Any) -> None:
                ctx.mark_non_differentiable(*(output[i] for i in marked))
                getattr(ctx, save)(inputs[saved])

            function = make(
                t,
                lambda x, y: (x, y, x * 2),
                lambda ctx, *g: (g[0] + g[2] * 2, g[1]),
                setup_context=setup,
                jvp=lambda ctx, a, b: (
                    None if 0 in marked else a,
                    None if 1 in marked else b,
                    a * 2,
                ),
                generate_vmap_rule=True,
            )
            return run(t, lambda x, y: sum(r.sum() for r in function.apply(x, y)))

        return each

    def fixed(t: Any, *values: float) -> Any:
        return leaf(t, *values).detach()

    def captured(t: Any, f: Any, scale: Any) -> Any:
        return t.func.grad(lambda x: f(x * scale, fixed(t)))(fixed(t))

    runs: list[Callable[[Any, Any], Any]] = [
        lambda t, f: f(fixed(t), fixed(t)),
        lambda t, f: f(leaf(t), fixed(t)),
        lambda t, f: f(fixed(t), leaf(t)),
        lambda t, f: t.func.grad(f)(fixed(t), fixed(t)),
        lambda t, f: t.func.grad(f, argnums=1)(fixed(t), fixed(t)),
        lambda t, f: t.func.grad(f, argnums=(0, 1))(fixed(t), fixed(t)),
        lambda t, f: captured(t, f, leaf(t)),
        lambda t, f: t.func.grad(lambda x: t.func.grad(f)(x, x).sum())(fixed(t)),
        lambda t, f: t.func.vjp(f, fixed(t), fixed(t))[1](t.ones(())),
        lambda t, f: t.func.jvp(f, (fixed(t), fixed(t)), (t.ones(2), t.ones(2))),
        lambda t, f: t.vmap(f)(fixed(t).expand(3, 2), fixed(t).expand(3, 2)),
    ]
    for run in runs:
        check(scenario(run), pb, torch)


def scale_in_place(ctx: Any, x: Any) -> Any:
    x.mul_(2)
    ctx.mark_dirty(x)
    return x


@scenario
def dirty(t: Any) -> Any:
    x = leaf(t)
    y = x * 1
    z = make(t, scale_in_place, lambda ctx, g: g * 2).apply(y)
    y.sum().backward()
    return z is y, y, y._version, type(y.grad_fn).__name__, x.grad


@scenario
def dirty_counts_as_a_write(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x

    x = t.ones(2)
    return make(t, forward).apply(x) is x, x._version


@scenario
def a_dirty_leaf(t: Any) -> Any:
    return make(t, scale_in_place, lambda ctx, g: g).apply(leaf(t))


@scenario
def a_dirty_view(t: Any) -> Any:
    x = leaf(t)
    y = x * 1
    v = y[:1]
    z = make(t, scale_in_place, lambda ctx, g: g * 5).apply(v)
    y.sum().backward()
    return z is v, y, type(y.grad_fn).__name__, type(v.grad_fn).__name__, x.grad


@scenario
def a_dirty_view_and_another_result(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        return scale_in_place(ctx, x), x * 2

    return make(t, forward, lambda ctx, g, h: g).apply((leaf(t) * 1)[:1])


@scenario
def dirty_but_not_returned(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        scale_in_place(ctx, x)
        return x * 2

    return make(t, forward, lambda ctx, g: g).apply(leaf(t) * 1)


@scenario
def a_constant_that_becomes_dirty(t: Any) -> Any:
    def forward(ctx: Any, a: Any, b: Any) -> Any:
        a.add_(b)
        ctx.mark_dirty(a)
        return a

    function = make(t, forward, lambda ctx, g: (g, g * 3))
    x, a = leaf(t), t.ones(2)
    function.apply(a, x)
    base = t.ones(2)
    view, other = base[:], base.view(2, 1)
    function.apply(view, x)
    names = [type(v.grad_fn).__name__ for v in (a, base, view, other)]
    (a.sum() + other.sum()).backward()
    return names, x.grad, a, base


@scenario
def dirty_and_saved(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        x.exp_()
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    x = leaf(t, 0.5, 1.0)
    y = make(t, forward, lambda ctx, g: g * ctx.saved_tensors[0]).apply(x * 1)
    (first,) = t.autograd.grad(y.sum(), x, create_graph=True)
    return first, t.autograd.grad(first.sum(), x)


def dual_call(t: Any, forward: Any, jvp: Any) -> Any:
    fw = import_module(f"{t.__name__}.autograd.forward_ad")
    with fw.dual_level():
        x = fw.make_dual(t.ones(2), t.tensor([5.0, 7.0]))
        result = make(t, forward, jvp=jvp).apply(x)
        results = result if isinstance(result, tuple) else (result,)
        return [tuple(fw.unpack_dual(r)) for r in results if isinstance(r, type(x))]


def dirty_identity(ctx: Any, x: Any) -> Any:
    return scale_in_place(ctx, x)


for forward, jvp in (
    (double, lambda ctx, g: g * 2),
    (double, lambda ctx, g: (g, g)),
    (double, lambda ctx, g: 3),
    (double, lambda ctx, g: g[:1]),
    (double, lambda ctx, g: g.double()),
    (lambda ctx, x: (x * 2, 3, x.long()), lambda ctx, g: (g, None, None)),
    (lambda ctx, x: x.view(2, 1), lambda ctx, g: g.view(2, 1)),
    (lambda ctx, x: x.view(2, 1), lambda ctx, g: g.view(2, 1) * 2),
    (dirty_identity, lambda ctx, g: g.mul_(2)),
    (dirty_identity, lambda ctx, g: g * 2),
    (dirty_identity, lambda ctx, g: g),
):
    scenario(lambda t, f=forward, j=jvp: dual_call(t, f, j))


@scenario
def a_global_tensor_returned(t: Any) -> Any:
    other, x = t.ones(2), leaf(t)
    y = make(t, lambda ctx, x: other, lambda ctx, g: g * 7).apply(x)
    y.sum().backward()
    return y is other, other.requires_grad, x.grad


# --- saved tensors ---


@scenario
def a_saved_argument_that_was_overwritten(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * 2

    x = leaf(t) * 1
    y = make(t, forward, lambda ctx, g: g * ctx.saved_tensors[0]).apply(x)
    x.add_(1)
    y.sum().backward()


@scenario
def a_second_backward(t: Any) -> Any:
    y = make(t, saving, lambda ctx, g: g * ctx.saved_tensors[0]).apply(leaf(t)).sum()
    y.backward()
    y.backward()


@scenario
def saved_tensors_after_the_release(t: Any) -> Any:
    y = make(t, saving, lambda ctx, g: g).apply(leaf(t))
    y.sum().backward()
    return y.grad_fn.saved_tensors


@scenario
def a_second_backward_of_what_saved_nothing(t: Any) -> Any:
    x = leaf(t)
    y = make(t, double, lambda ctx, g: g).apply(x)
    y.backward(t.ones(2))
    y.backward(t.ones(2))
    return x.grad


@scenario
def cleared_on_access(t: Any) -> Any:
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.saved_tensors[0] * ctx.saved_tensors[0]

    return grad_of(t, make(t, saving, backward, clear_saved_tensors_on_access=True))


@scenario
def saved_results_know_their_node(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    seen = []

    def backward(ctx: Any, g: Any) -> Any:
        (y,) = ctx.saved_tensors
        seen.append(y.requires_grad)
        return g * y

    x = leaf(t, 0.5, 1.0)
    y = make(t, forward, backward).apply(x)
    same = y.grad_fn.saved_tensors[0].grad_fn is y.grad_fn
    (first,) = t.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = t.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = t.autograd.grad(second.sum(), x)
    return same, first, second, third, seen


@pytest.mark.parametrize("run", SCENARIOS, ids=lambda run: run.__name__)
def test_scenario(run: Scenario) -> None:
    check(run, pb, torch)
