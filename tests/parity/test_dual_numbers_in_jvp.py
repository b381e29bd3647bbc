"""``make_dual``, ``unpack_dual`` and custom functions inside ``func.jvp``, beside PyTorch."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

import pullback as pb
from scenarios import check, make

torch = pytest.importorskip("torch")


def dual(t: Any) -> Any:
    return import_module(f"{t.__name__}.autograd.forward_ad")


def jvp(t: Any, function: Any) -> Any:
    return t.func.jvp(function, (t.tensor([1.0, 2.0]),), (t.tensor([3.0, 4.0]),))


def tangent_of_the_argument(t: Any) -> Any:
    return jvp(t, lambda x: dual(t).unpack_dual(x).tangent * 1)


def tangent_at_level_0(t: Any) -> Any:
    return jvp(t, lambda x: dual(t).unpack_dual(x, level=0).tangent * 1)


def value_of_the_argument(t: Any) -> Any:
    return jvp(t, lambda x: dual(t).unpack_dual(x).primal * 1)


def made_inside(t: Any) -> Any:
    return jvp(t, lambda x: x * dual(t).make_dual(t.ones(2), t.full((2,), 5.0)))


def made_of_the_argument(t: Any) -> Any:
    return jvp(t, lambda x: dual(t).make_dual(x, t.ones(2)))


def of_the_inner_one(t: Any) -> Any:
    tangent = t.tensor([5.0, 6.0])
    inner = lambda y: t.func.jvp(lambda z: dual(t).unpack_dual(z).tangent * y, (y,), (tangent,))  # noqa: E731
    return jvp(t, inner)


def made_in_the_inner_one(t: Any) -> Any:
    def inner(y: Any) -> Any:
        made = lambda z: z * dual(t).make_dual(t.ones(2), t.full((2,), 5.0))  # noqa: E731
        return t.func.jvp(made, (y,), (t.tensor([5.0, 6.0]),))

    return jvp(t, inner)


def of_the_outer_one(t: Any) -> Any:
    def inner(y: Any) -> Any:
        seen: list[Any] = []
        t.func.jvp(lambda z: (seen.append(dual(t).unpack_dual(y).tangent), z * 1)[1], (y,), (y,))
        return y * (0 if seen[0] is None else 1)

    return jvp(t, inner)


def around_a_gradient(t: Any) -> Any:
    cube = t.func.grad(lambda x: (x**3).sum() * dual(t).unpack_dual(x).primal.sum())
    return jvp(t, cube)


def in_jacfwd(t: Any) -> Any:
    return t.func.jacfwd(lambda x: dual(t).unpack_dual(x).tangent * x)(t.ones(2))


def inside_a_vmap(t: Any) -> Any:
    both = t.arange(6.0).reshape(3, 2)
    product = lambda x: dual(t).unpack_dual(x).tangent * x  # noqa: E731
    return t.func.vmap(lambda x, d: t.func.jvp(product, (x,), (d,)))(both, both + 1)


def made_in_a_vmap(t: Any) -> Any:
    made = lambda y: y * dual(t).make_dual(t.ones(2), t.full((2,), 5.0))  # noqa: E731
    return t.func.jvp(t.func.vmap(made), (t.ones(3, 2),), (t.full((3, 2), 2.0),))


def made_in_linearize(t: Any) -> Any:
    return t.func.linearize(lambda x: x * dual(t).make_dual(x * 1, x * 1), t.ones(2))


def left_inside(t: Any) -> Any:
    return jvp(t, lambda x: (dual(t).exit_dual_level(), x)[1])


def dirty(other: bool) -> Any:
    def scenario(t: Any) -> Any:
        def forward(ctx: Any, x: Any) -> Any:
            y = x * 2
            ctx.mark_dirty(y)
            return (x * 3, y) if other else y

        def push(ctx: Any, d: Any) -> Any:
            return (d * 3, None) if other else d * 2

        function = make(t, forward, jvp=push)
        with dual(t).dual_level():
            return function.apply(dual(t).make_dual(t.ones(2), t.ones(2)))

    return scenario


def returned(push: Any) -> Any:
    def scenario(t: Any) -> Any:
        function = make(
            t,
            lambda x: x,
            setup_context=lambda ctx, inputs, output: ctx.mark_non_differentiable(inputs[0]),
            jvp=push,
        )
        return jvp(t, function.apply)

    return scenario


def returned_with_a_level(t: Any) -> Any:
    function = make(
        t,
        lambda x: x,
        setup_context=lambda ctx, inputs, output: ctx.mark_non_differentiable(inputs[0]),
        jvp=lambda ctx, d: d,
    )
    with dual(t).dual_level():
        return function.apply(dual(t).make_dual(t.ones(2), t.ones(2)))


def result_without_derivative(t: Any) -> Any:
    function = make(
        t,
        lambda x: x * 2,
        setup_context=lambda ctx, inputs, output: ctx.mark_non_differentiable(output),
        jvp=lambda ctx, d: d,
    )
    return jvp(t, function.apply)


SCENARIOS = [
    tangent_of_the_argument,
    tangent_at_level_0,
    value_of_the_argument,
    made_inside,
    made_of_the_argument,
    of_the_inner_one,
    made_in_the_inner_one,
    of_the_outer_one,
    around_a_gradient,
    in_jacfwd,
    inside_a_vmap,
    made_in_a_vmap,
    made_in_linearize,
    left_inside,
    dirty(other=False),
    dirty(other=True),
    returned(lambda ctx, d: d),
    returned(lambda ctx, d: d.view(2)),
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_dual_numbers(scenario: Any) -> None:
    check(scenario, pb, torch)


# torch's sentence has spaces of its own.
@pytest.mark.parametrize("scenario", [returned_with_a_level, result_without_derivative])
def test_a_tangent_where_there_is_no_derivative(scenario: Any) -> None:
    for t in (pb, torch):
        with pytest.raises(RuntimeError, match="jvp returned a gradient at position 0, but"):
            scenario(t)
