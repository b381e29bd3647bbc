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
    for nest in NESTS:
        if not function.generate_vmap_rule and not set(nest) <= set(WITHOUT_BATCHES):
            continue
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
