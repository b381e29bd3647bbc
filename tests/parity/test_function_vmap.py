"""Custom functions inside vmap and other transforms, side by side with torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
import pullback.func
from scenarios import Scenario, check, outcome

torch = pytest.importorskip("torch")

SCENARIOS: list[Scenario] = []


def scenario(run: Scenario) -> Scenario:
    SCENARIOS.append(run)
    return run


def generated(t: Any) -> Any:
    """k x^2, saving an argument, a result and a number."""

    class Generated(t.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any, k: Any) -> Any:
            return x * x * k

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(inputs[0], output, None)
            ctx.save_for_forward(inputs[0])
            ctx.k = inputs[1]

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y, nothing = ctx.saved_tensors
            assert nothing is None
            assert y.shape == x.shape
            return g * 2 * x * ctx.k, None

        @staticmethod
        def jvp(ctx: Any, tangent: Any, _: Any) -> Any:
            (x,) = ctx.saved_tensors
            return tangent * 2 * x * ctx.k

    return lambda x: Generated.apply(x, 3)


def product(t: Any, rule: Any = None, **more: Any) -> Any:
    """x y with the rule `vmap`."""

    class Product(t.autograd.Function):
        @staticmethod
        def forward(x: Any, y: Any) -> Any:
            return x * y

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            return g * y, g * x

    if rule is not None:
        Product.vmap = staticmethod(rule)
    for name, value in more.items():
        setattr(Product, name, value)
    return Product


def inputs(t: Any) -> Any:
    x = t.arange(6.0).reshape(3, 2).requires_grad_()
    return x, t.tensor([2.0, 3.0], requires_grad=True)


FORMS: list[Callable[[Any, Any, Any], Any]] = [
    lambda t, f, x: t.func.vmap(f)(x).detach(),
    lambda t, f, x: t.autograd.grad(t.func.vmap(f)(x).sum(), x),
    lambda t, f, x: t.autograd.grad(
        t.autograd.grad(t.func.vmap(f)(x).sum(), x, create_graph=True)[0].sum(), x
    ),
    lambda t, f, x: t.func.vmap(t.func.grad(lambda v: f(v).sum()))(x).detach(),
    lambda t, f, x: t.func.grad(lambda v: t.func.vmap(f)(v).sum())(x).detach(),
    lambda t, f, x: t.func.vmap(t.func.grad(t.func.grad(f)))(x.detach().flatten()),
    lambda t, f, x: t.func.vmap(t.func.vmap(f))(x).detach(),
    lambda t, f, x: t.autograd.grad(t.func.vmap(t.func.vmap(f))(x).sum(), x),
    lambda t, f, x: t.func.vmap(t.func.jacrev(f))(x).detach(),
    lambda t, f, x: t.func.jacrev(t.func.vmap(f))(x).detach(),
    lambda t, f, x: t.func.vmap(f, in_dims=1, out_dims=1)(x).detach(),
    lambda t, f, x: t.func.vmap(lambda v: t.func.jvp(f, (v,), (v,)))(x.detach()),
    lambda t, f, x: t.func.jvp(t.func.vmap(f), (x.detach(),), (x.detach(),)),
    lambda t, f, x: t.func.vmap(t.func.hessian(lambda v: f(v).sum()))(x.detach()),
]


@pytest.mark.parametrize("form", FORMS)
def test_a_generated_rule_in_every_transform(form: Any) -> None:
    ours, theirs = (
        outcome(lambda t: form(t, generated(t), inputs(t)[0]), lib) for lib in (pb, torch)
    )
    if theirs[0] == "":
        assert ours == theirs
    else:
        assert ours[0] in ("", theirs[0])


@scenario
def two_results_and_a_shared_argument(t: Any) -> Any:
    class Both(product(t)):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any, y: Any) -> Any:
            return x * y, x + 1

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any) -> Any:
            x, y = ctx.saved_tensors
            return g * y + h, g * x

    x, y = inputs(t)
    a, b = t.func.vmap(Both.apply, (0, None))(x, y)
    return a.detach(), b.detach(), t.autograd.grad((a + b * 2).sum(), (x, y))


def with_rule(rule: Any) -> Scenario:
    def run(t: Any) -> Any:
        seen = []

        def noted(info: Any, in_dims: Any, x: Any, y: Any) -> Any:
            seen.append((info, in_dims, x.shape, y.shape))
            return rule(t, x, y)

        x, y = inputs(t)
        result = t.func.vmap(product(t, noted).apply, (0, None))(x, y)
        first = result[0] if isinstance(result, tuple) else result
        return seen, first.detach(), t.autograd.grad(first.sum(), (x, y))

    return scenario(run)


with_rule(lambda t, x, y: (product(t).apply(x, y.unsqueeze(0)), 0))
with_rule(lambda t, x, y: (x * y, 1))
with_rule(lambda t, x, y: (x * y, -1))
with_rule(lambda t, x, y: (x * y, None))
with_rule(lambda t, x, y: ((x * y, x), (0, 0)))
with_rule(lambda t, x, y: ((x * y, x), 0))
with_rule(lambda t, x, y: ((x * y, x), (0,)))
with_rule(lambda t, x, y: (x * y, 9))
with_rule(lambda t, x, y: (x * y, 0, 1))
with_rule(lambda t, x, y: [x * y, 0])


@scenario
def a_rule_inside_grad(t: Any) -> Any:
    function = product(t, lambda info, dims, x, y: (x * y, 0))
    x, y = inputs(t)
    grad = t.func.grad(lambda a, b: function.apply(a, b).sum(), argnums=(0, 1))
    return [g.detach() for g in t.func.vmap(grad, (0, None))(x, y)]


@scenario
def no_rule(t: Any) -> Any:
    return t.func.vmap(product(t).apply, (0, None))(*inputs(t))


@scenario
def two_rules(t: Any) -> Any:
    function = product(t, lambda info, dims, x, y: (x * y, 0), generate_vmap_rule=True)
    return t.func.vmap(function.apply, (0, None))(*inputs(t))


@scenario
def without_setup_context(t: Any) -> Any:
    class Old(t.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

    return t.func.vmap(Old.apply)(inputs(t)[0])


@scenario
def nothing_that_is_batched(t: Any) -> Any:
    x, y = inputs(t)
    return t.func.vmap(lambda _: product(t, generate_vmap_rule=True).apply(y, y))(x).detach()


class Nested:
    """A function whose second argument holds tensors, with a rule or a generated one."""

    def __init__(self, t: Any, rule: bool) -> None:
        self.seen: list[Any] = []

        class Function(t.autograd.Function):
            generate_vmap_rule = not rule

            @staticmethod
            def forward(x: Any, more: Any) -> Any:
                a, b = more.values() if isinstance(more, dict) else more
                return x * a * b

            @staticmethod
            def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
                more = inputs[1]
                ctx.save_for_backward(*(more.values() if isinstance(more, dict) else more))

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                a, b = ctx.saved_tensors
                return g * a * b, None

            @staticmethod
            def jvp(ctx: Any, tangent: Any, more: Any) -> Any:
                assert more is None
                return tangent * 3

        def vmap(info: Any, in_dims: Any, x: Any, more: Any) -> Any:
            self.seen.append((info, in_dims))
            return Function.apply(x, more), 0

        if rule:
            Function.vmap = staticmethod(vmap)
        self.apply = Function.apply


def nested(form: Any, rule: bool) -> Scenario:
    def run(t: Any) -> Any:
        function = Nested(t, rule)
        return form(t, function.apply, inputs(t)[0].detach(), t.tensor([2.0, 3.0])), function.seen

    return run


NESTED = [
    lambda t, f, x, y: t.func.vmap(lambda v: f(v, [v, v]))(x),
    lambda t, f, x, y: t.func.vmap(lambda v: f(v, [v, y]))(x),
    lambda t, f, x, y: t.func.vmap(lambda v: f(y, (v, y)))(x),
    lambda t, f, x, y: t.func.vmap(lambda v: f(y, {"a": v, "b": y}))(x),
    lambda t, f, x, y: t.func.vmap(lambda v: f(v, [y, y]))(x),
    lambda t, f, x, y: t.func.vmap(t.func.vmap(lambda v: f(v, [v, v])))(x),
    lambda t, f, x, y: t.func.vmap(t.func.grad(lambda v: f(v, [v, v]).sum()))(x),
    lambda t, f, x, y: t.func.vmap(lambda v: t.func.jvp(lambda z: f(z, [z, z]), (v,), (v,)))(x),
    lambda t, f, x, y: t.func.vmap(lambda a, b: f(a, [b, b]), (None, 0))(y, x),
]


@pytest.mark.parametrize("rule", [True, False])
@pytest.mark.parametrize("form", NESTED)
def test_tensors_in_lists(form: Any, rule: bool) -> None:
    check(nested(form, rule), pb, torch)


@pytest.mark.parametrize("rule", [True, False])
def test_tensors_in_lists_under_a_derivative(rule: bool) -> None:
    """PyTorch counts what the list holds as results of the generated backward and jvp."""
    x, y = inputs(pb)[0].detach(), pb.tensor([2.0, 3.0])
    apply = Nested(pb, rule).apply
    found = pb.func.grad(lambda x: pb.func.vmap(lambda v: apply(v, [v, y]))(x).sum())(x)
    assert found.tolist() == (x * y).tolist()
    _, tangent = pb.func.jvp(pb.func.vmap(lambda v: apply(v, [v, v])), (x,), (x,))
    assert tangent.tolist() == (x * 3).tolist()


def only_by_keyword(value: Any) -> Scenario:
    def run(t: Any) -> Any:
        class Function(product(t)):
            @staticmethod
            def forward(x: Any, *, y: Any) -> Any:
                return x * y

        return t.func.vmap(Function.apply)(t.ones(2), y=value(t))

    return run


SCENARIOS.append(only_by_keyword(lambda t: t.ones(2)))
SCENARIOS.append(only_by_keyword(lambda t: [1.0, t.ones(2)]))


def given_back(saves: str, level: str, view: bool = False) -> Scenario:
    """A function that returns its argument, which it also saves."""

    def run(t: Any) -> Any:
        class Function(t.autograd.Function):
            generate_vmap_rule = True

            @staticmethod
            def forward(x: Any) -> Any:
                return x.view_as(x) if view else x

            @staticmethod
            def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
                getattr(ctx, saves)(*inputs)

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g

            @staticmethod
            def jvp(ctx: Any, tangent: Any) -> Any:
                return tangent.view_as(tangent)

        f, x = Function.apply, t.tensor([1.0, 2.0])
        if level == "plain":
            return f(x)
        if level == "recorded":
            return f(x.requires_grad_() * 1).sum()
        if level == "switched off":
            with t.no_grad():
                return f(x.requires_grad_() * 1).tolist()
        if level == "grad":
            return t.func.grad(lambda x: f(x * 1).sum())(x)
        if level == "vmap":
            return t.func.vmap(f)(x)
        if level == "jvp":
            return t.func.jvp(f, (x,), (x,))
        with t.autograd.forward_ad.dual_level() as scope:
            dual = t.autograd.forward_ad.make_dual(x, x.clone(), level=scope)
            return t.autograd.forward_ad.unpack_dual(f(dual), level=scope).tangent

    return run


SCENARIOS += [
    given_back(saves, level, view)
    for saves in ("save_for_backward", "save_for_forward")
    for level in ("plain", "recorded", "switched off", "grad", "vmap", "jvp", "dual")
    for view in (False, True)
    if not (level == "switched off" and view)
]


@pytest.mark.parametrize("run", SCENARIOS)
def test_scenario(run: Scenario) -> None:
    check(run, pb, torch)


def test_a_generated_rule_refuses_in_place_functions() -> None:
    class Dirty(pb.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any) -> Any:
            return x

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.mark_dirty(inputs[0])

    with pytest.raises(NotImplementedError, match="mark_dirty"):
        pullback.func.vmap(Dirty.apply)(pb.ones(3, requires_grad=True) * 1)
