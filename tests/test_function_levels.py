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


def in_two(x: Any) -> Any:
    return x.chunk(2, -1)


SPLITS: dict[str, Callable[[Any], Any]] = {
    "chunk": in_two,
    "split": lambda x: x.split([2, 2], -1),
    "unbind": lambda x: x.unflatten(-1, (2, 2)).unbind(-2),
    "iteration": lambda x: list(x.unflatten(-1, (2, 2)).movedim(-2, 0)),
    "views of views": lambda x: [x[..., :3].chunk(2, -1)[0], pb.cat(x[..., 2:].split(1, -1), -1)],
}


def gated(split: Callable[[Any], Any]) -> Any:
    """a sigmoid(b) of the halves of x, whose derivatives take apart what was kept."""

    class Gated(Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any) -> Any:
            a, b = split(x)
            return a * b.sigmoid()

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            a, b = split(ctx.saved_tensors[0])
            s = b.sigmoid()
            return pb.cat([gradient * s, gradient * a * s * (1 - s)], -1)

        @staticmethod
        def jvp(ctx: Any, tangent: Any) -> Any:
            (a, b), (da, db) = split(ctx.saved_tensors[0]), split(tangent)
            s = b.sigmoid()
            return da * s + a * s * (1 - s) * db

    return Gated.apply


def by_halves(x: Any) -> Any:
    a, b = in_two(x)
    return a * b.sigmoid()


OF_VECTORS: dict[str, Callable[[Map], Map]] = {
    "grad": lambda f: pb.func.grad(lambda x: f(x).sum()),
    "vjp": pulled,
    "jvp": lambda f: lambda x: pb.func.jvp(f, (x,), (x.cos(),))[1],
    "vmap": lambda f: lambda x: pb.func.vmap(f)(pb.stack([x, x * 0.9, -x])),
}


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_parts_of_what_was_kept_in_all_nests(split: str, depth: int) -> None:
    def nested(gate: Map, nest: tuple[str, ...]) -> Map:
        def f(x: Any) -> Any:
            state = x[0, :2] * 0
            for step in x:
                state = gate(pb.cat([state, step[..., 1:3]], -1).sin())
            return state.square() + gate(x).sum(0)

        for name in reversed(nest):
            f = OF_VECTORS[name](f)
        return f

    x = (pb.arange(12.0, dtype=pb.float64) / 7 - 0.8).view(3, 4)
    for nest in itertools.product(OF_VECTORS, repeat=depth):
        value = nested(gated(SPLITS[split]), nest)(x)
        expected = nested(by_halves, nest)(x)
        assert value.shape == expected.shape
        assert not value.requires_grad
        assert pb.allclose(value, expected, rtol=1e-9, atol=1e-12), nest


@pytest.mark.parametrize("nest", [("grad",), ("jvp", "grad"), ("grad", "grad"), ("vmap", "grad")])
@pytest.mark.parametrize("target", ["part", "whole"])
def test_a_write_into_one_of_the_parts_is_refused(nest: tuple[str, ...], target: str) -> None:
    def split(x: Any) -> Any:
        a, b = in_two(x)
        (a if target == "part" else x).mul_(2)
        return a, b

    class Written(Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any) -> Any:
            return x * x

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return pb.cat(split(ctx.saved_tensors[0]), -1) * 2 * gradient

        @staticmethod
        def jvp(ctx: Any, tangent: Any) -> Any:
            return ctx.saved_tensors[0] * 2 * tangent

    x = pb.arange(12.0).view(3, 4)
    for inner in (lambda x: Written.apply(x.sin()), lambda x: sum(split(x.sin()))):
        f: Any = inner
        for name in reversed(nest):
            f = OF_VECTORS[name](f)
        with pytest.raises(RuntimeError, match="function that returns multiple views"):
            f(x)


@pytest.mark.parametrize("nest", [("grad",), ("jvp", "grad"), ("grad", "grad"), ("vmap", "grad")])
def test_a_write_through_a_view_of_what_was_kept_joins_no_graph(nest: tuple[str, ...]) -> None:
    class Scaled(Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Any) -> Any:
            return x * x

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            x = ctx.saved_tensors[0]
            half = x[:2]
            half.mul_(half)
            return gradient * pb.cat([half, x[2:]]) * x

        @staticmethod
        def jvp(ctx: Any, tangent: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * tangent

    def by_operators(x: Any) -> Any:  # its first derivative
        y = pb.cat([x[:2] * x[:2], x[2:]])
        return y * y

    x = pb.arange(4.0, dtype=pb.float64) / 3 - 0.4
    f: Any = lambda x: Scaled.apply(x * 1)  # noqa: E731
    expected: Any = by_operators
    for name in reversed(nest[:-1]):
        expected = OF_VECTORS[name](expected)
    for name in reversed(nest):
        f = OF_VECTORS[name](f)
    value = f(x)
    assert not value.requires_grad
    assert pb.allclose(value, expected(x))
