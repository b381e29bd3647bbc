"""Custom functions in nested transforms: what a ctx keeps has what belongs to every level.

PyTorch loses the outer derivative where one ``jvp`` is inside of another one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from pullback.autograd import Function, forward_ad

Map = Callable[[Any], Any]


class Exp(Function):
    """Each order of its derivative is its value; a subclass says what it keeps of it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any) -> Any:
        return x.exp()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return gradient * ctx.saved_tensors[0]

    @staticmethod
    def jvp(ctx: Any, tangent: Any) -> Any:
        return tangent * ctx.saved_tensors[0]


class OfInput(Exp):
    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return gradient * ctx.saved_tensors[0].exp()

    @staticmethod
    def jvp(ctx: Any, tangent: Any) -> Any:
        return tangent * ctx.saved_tensors[0].exp()


class ByAttribute(Exp):
    generate_vmap_rule = False

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.result = output

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return gradient * ctx.result

    @staticmethod
    def jvp(ctx: Any, tangent: Any) -> Any:
        return tangent * ctx.result


class WithoutSetup(Exp):
    generate_vmap_rule = False
    setup_context = Function.setup_context

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:  # type: ignore[override]
        y = x.exp()
        ctx.save_for_backward(y)
        ctx.save_for_forward(y)
        return y


def pulled(f: Map) -> Map:
    def gradient(x: Any) -> Any:
        y, pull = pb.func.vjp(f, x)
        return pull(pb.ones_like(y))[0]

    return gradient


DERIVATIVES: dict[str, Callable[[Map], Map]] = {
    "jvp": lambda f: lambda x: pb.func.jvp(f, (x,), (pb.ones_like(x),))[1],
    "jacfwd": pb.func.jacfwd,
    "grad": pb.func.grad,
    "jacrev": pb.func.jacrev,
    "vjp": pulled,
}
WITHOUT_BATCHES = ("jvp", "grad", "vjp", "jacrev")
NESTS = [
    *itertools.product(DERIVATIVES, repeat=2),
    *itertools.product(("jvp", "grad", "jacrev"), repeat=3),
    *itertools.product(("jvp", "grad"), repeat=4),
]


def derivative(function: Any, nest: tuple[str, ...]) -> Map:
    f: Map = function.apply
    for name in reversed(nest):
        f = DERIVATIVES[name](f)
    return f


@pytest.mark.parametrize("function", [Exp, OfInput, ByAttribute, WithoutSetup])
def test_every_nest_has_every_level(function: Any) -> None:
    expected = pytest.approx(math.exp(0.5), rel=1e-12)
    batches = function.generate_vmap_rule
    nests = [nest for nest in NESTS if batches or set(nest) <= set(WITHOUT_BATCHES)]
    assert len(nests) > 10
    for nest in nests:
        f = derivative(function, nest)
        x = pb.tensor(0.5, dtype=pb.float64, requires_grad=True)
        value = f(x)
        (gradient,) = pb.autograd.grad(value, x, create_graph=True)
        (second,) = pb.autograd.grad(gradient, x)
        assert [value.item(), gradient.item(), second.item()] == [expected] * 3, nest


def test_dual_tensors_see_the_gradient_of_a_kept_result() -> None:
    x = pb.tensor(0.5, dtype=pb.float64, requires_grad=True)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, pb.tensor(1.0, dtype=pb.float64))
        (gradient,) = pb.autograd.grad(Exp.apply(dual), dual, create_graph=True)
        tangent = forward_ad.unpack_dual(gradient).tangent
        assert tangent.item() == pytest.approx(math.exp(0.5))
        (third,) = pb.autograd.grad(tangent, x)
    assert third.item() == pytest.approx(math.exp(0.5))


class Two(Function):
    """exp(x y), x exp(x y), and whether x is positive."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any, y: Any) -> Any:
        e = (x * y).exp()
        return e, x * e, x > 0

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        e, xe, positive = output
        ctx.mark_non_differentiable(positive)
        ctx.save_for_backward(*inputs, e)
        ctx.save_for_forward(*inputs, e, xe)

    @staticmethod
    def backward(ctx: Any, g: Any, h: Any, _: Any) -> Any:
        x, y, e = ctx.saved_tensors
        t = (g + h * x) * e
        return t * y + h * e, t * x

    @staticmethod
    def jvp(ctx: Any, a: Any, b: Any) -> Any:
        x, y, e, _ = ctx.saved_tensors
        t = e * (a * y + b * x)
        return t, a * e + x * t, None


class TwoByRule(Two):
    generate_vmap_rule = False

    @staticmethod
    def vmap(info: Any, in_dims: Any, *values: Any) -> Any:
        pairs = zip(values, in_dims, strict=True)
        batches = [v.expand(info.batch_size, *v.shape) if d is None else v for v, d in pairs]
        return TwoByRule.apply(*batches), 0


def by_operators(x: Any, y: Any) -> Any:
    e = (x * y).exp()
    return e, x * e, x > 0


MAPS: dict[str, Callable[[Map], Map]] = {
    **DERIVATIVES,
    "jvp and value": lambda f: lambda x: sum(pb.func.jvp(f, (x,), (x.sin(),))),
    "linearize": lambda f: lambda x: pb.func.linearize(f, x)[1](x),
    "vmap": lambda f: lambda x: pb.func.vmap(f)(pb.stack([x, x * 0.9])).sum(),
    "vmap around": lambda f: (
        lambda x: pb.func.vmap(lambda y: f(y * x))(pb.ones(2, dtype=pb.float64)).sum()
    ),
}


@pytest.mark.parametrize("function", [Two, TwoByRule])
def test_two_results_in_all_pairs_of_transforms(function: Any) -> None:
    def orders(two: Any, outer: str, inner: str) -> list[float]:
        def f(x: Any) -> Any:
            a, b, _ = two(x * x, x.sin())
            c, d, positive = two(a.log(), b)
            return c * d * positive + b

        x = pb.tensor(0.6, dtype=pb.float64, requires_grad=True)
        value = MAPS[outer](MAPS[inner](f))(x)
        (first,) = pb.autograd.grad(value, x, create_graph=True)
        (second,) = pb.autograd.grad(first, x)
        return [value.item(), first.item(), second.item()]

    for pair in itertools.product(MAPS, repeat=2):
        expected = pytest.approx(orders(by_operators, *pair), rel=1e-9)
        assert orders(function.apply, *pair) == expected, pair
