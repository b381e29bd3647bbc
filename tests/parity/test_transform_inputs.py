"""Writes into what transforms were given and what they return, beside torch.

What enters or leaves a transform is a view: a write through it reaches the history of the tensor
outside, while each forward level has tangents of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from scenarios import check, make

torch = pytest.importorskip("torch")

Scenario = Callable[[Any], Any]


def start(t: Any, *shape: int) -> tuple[Any, Any]:
    x = t.ones(*shape or (3,), requires_grad=True)
    return x, x * 1


def slope(t: Any, y: Any, x: Any) -> Any:
    return t.autograd.grad(y.sum(), x, retain_graph=True)[0].tolist()


def tangents(t: Any, *tensors: Any) -> list[Any]:
    found = [t.autograd.forward_ad.unpack_dual(each).tangent for each in tensors]
    return [each if each is None else each.tolist() for each in found]


def lists(tree: Any) -> Any:
    return [lists(each) for each in tree] if isinstance(tree, (tuple, list)) else tree.tolist()


def jvp_writes_its_input(t: Any) -> Any:
    x, p = start(t)
    out = t.func.jvp(lambda a: a.mul_(5), (p,), (t.ones(3),))
    return lists(out), out[0].requires_grad, slope(t, p, x)


def jvp_writes_a_part(t: Any) -> Any:
    x, p = start(t)

    def function(a: Any) -> Any:
        a[:2].mul_(5)
        return a

    out = t.func.jvp(function, (p,), (t.ones(3),))
    return lists(out), lists(p), slope(t, p, x)


def jvp_writes_a_leaf(t: Any) -> Any:
    x, _ = start(t)
    return t.func.jvp(lambda a: a.mul_(5), (x,), (t.ones(3),))


def jvp_writes_a_leaf_without_recording(t: Any) -> Any:
    x, _ = start(t)

    def function(a: Any) -> Any:
        with t.no_grad():
            a.mul_(5)
        return a * 1

    out = t.func.jvp(function, (x,), (t.ones(3),))
    return x.tolist(), lists(out), out[0].requires_grad


def jvp_writes_what_requires_nothing(t: Any) -> Any:
    x = t.ones(3)
    return lists(t.func.jvp(lambda a: a.mul_(5), (x,), (t.ones(3),))), x.tolist()


def jvp_writes_another_tangent(t: Any) -> Any:
    x, p = start(t)
    y = t.tensor([1.0, 2.0, 3.0])
    out = t.func.jvp(lambda a, b: a.mul_(b), (p, y), (t.ones(3), t.full((3,), 0.5)))
    return lists(out), slope(t, p, x)


def jacfwd_writes_its_input(t: Any) -> Any:
    x, p = start(t)

    def function(a: Any) -> Any:
        a[:2].mul_(5)
        return a

    return lists(t.func.jacfwd(function)(p)), p.tolist(), slope(t, p, x)


def jvp_of_jvp_writes(t: Any) -> Any:
    x, p = start(t)

    def function(a: Any) -> Any:
        return a, *t.func.jvp(lambda b: b.mul_(a * 3), (a,), (t.ones(3),))

    return lists(t.func.jvp(function, (p,), (t.ones(3),))), slope(t, p, x)


def jvp_of_jvp_writes_a_part(t: Any) -> Any:
    def function(a: Any) -> Any:
        b = a * 1
        return b, *t.func.jvp(lambda c: c[:2].mul_(3), (b,), (t.ones(3),))

    return lists(t.func.jvp(function, (t.ones(3),), (t.ones(3),)))


def grad_of_jvp_writes(t: Any) -> Any:
    def function(a: Any) -> Any:
        b = a * 2
        out, tangent = t.func.jvp(lambda c: c.mul_(a), (b,), (t.ones(3),))
        return (out * tangent * b).sum()

    return t.func.grad(function)(t.tensor([1.0, 2.0, 3.0])).tolist()


def grad_of_jvp_writes_its_input(t: Any) -> Any:
    def function(a: Any) -> Any:
        return t.func.jvp(lambda c: c.mul_(2), (a,), (t.ones(3),))[0].sum()

    return t.func.grad(function)(t.ones(3))


def vmap_of_jvp_writes(t: Any) -> Any:
    x, p = start(t, 2, 3)
    out = t.vmap(lambda a: t.func.jvp(lambda c: c.mul_(3), (a,), (t.ones_like(a),)))(p)
    return lists(out), p.tolist(), slope(t, p, x)


def duals_are_views(t: Any) -> Any:
    fw = t.autograd.forward_ad
    _, p = start(t)
    v = p[1:]
    with fw.dual_level():
        d = fw.make_dual(p, t.ones(3))
        e = fw.make_dual(v, t.ones(2))
        q = fw.unpack_dual(d).primal
        return d._base is p, e._base is p, q._base is p, q._is_view()


def dual_turned(t: Any) -> Any:
    fw = t.autograd.forward_ad
    x, p = start(t, 2, 3)
    with fw.dual_level():
        d = fw.make_dual(p, t.arange(6.0).view(2, 3))
        d.t_()
        d[0].mul_(2)
        return tangents(t, d, d * 1), d.shape, slope(t, d, x)


def unpacked_written_later(t: Any) -> Any:
    fw = t.autograd.forward_ad
    x, p = start(t)
    with fw.dual_level():
        d = fw.make_dual(p * 2, t.ones(3))
        y = d * 3
        q = fw.unpack_dual(y).primal
    q.mul_(5)
    return slope(t, y, x), slope(t, q, x)


def result_of_jvp_written(t: Any) -> Any:
    x, p = start(t)
    out, tangent = t.func.jvp(lambda v: v[:2], (p,), (t.ones(3),))
    out.mul_(3)
    return p.tolist(), tangent.tolist(), slope(t, p, x)


def captured_result_of_jvp_written(t: Any) -> Any:
    x, _ = start(t)
    kept = []

    def function(v: Any) -> Any:
        kept.append(v * 2)
        return kept[0]

    out, _ = t.func.jvp(function, (x,), (t.ones(3),))
    out.mul_(3)
    return slope(t, out, x)


def result_of_vjp_written(t: Any) -> Any:
    x, p = start(t)
    out, _ = t.func.vjp(lambda v: v, p)
    out.mul_(3)
    return p.tolist(), slope(t, p, x)


def part_of_vjp_written(t: Any) -> Any:
    x, p = start(t)
    out, _ = t.func.vjp(lambda v: v[:2], p)
    out.mul_(3)
    return p.tolist(), slope(t, p, x), slope(t, out, x)


def value_of_grad_written(t: Any) -> Any:
    x = t.tensor(2.0, requires_grad=True)
    p = x * 1
    _, value = t.func.grad_and_value(lambda v: v)(p)
    value.mul_(3)
    return p.item(), slope(t, p, x)


def identities_under_no_grad(t: Any) -> Any:
    x, _ = start(t)
    with t.no_grad():
        return t.func.vjp(lambda v: v, x)[0].requires_grad


def grad_writes_its_input(t: Any) -> Any:
    _, p = start(t)
    return t.func.grad(lambda a: a.mul_(5).sum())(p)


def grad_writes_without_recording(t: Any) -> Any:
    x, p = start(t)

    def function(a: Any) -> Any:
        with t.no_grad():
            a[0] = 7.0
            a[1:].mul_(2)
        a.detach().add_(1)
        return (a * a).sum()

    return t.func.grad(function)(p).tolist(), p.tolist(), slope(t, p, x)


def vmap_writes_its_input(t: Any) -> Any:
    found = []
    for more in ({}, {"in_dims": 1}, {"chunk_size": 1}):
        x, p = start(t, 2, 3)
        out = t.vmap(lambda a: a.mul_(5), **more)(p)
        found.append((out.tolist(), p.tolist(), slope(t, p, x)))
    return found


def vmap_writes_a_leaf(t: Any) -> Any:
    x, _ = start(t, 2, 3)
    return t.vmap(lambda a: a.mul_(5))(x)


# With the primal, the dual of it and a view of that.
WITH_A_DUAL: dict[str, Callable[..., Any]] = {
    "view written": lambda t, p, d, h: (h.mul_(5), tangents(t, d, h, p)),
    "dual written": lambda t, p, d, h: (d.mul_(5), tangents(t, d, h, p)),
    "primal written": lambda t, p, d, h: (p.mul_(5), tangents(t, d, h, p)),
    "view filled": lambda t, p, d, h: (h.copy_(t.ones(2)), tangents(t, d, h)),
    "dual filled": lambda t, p, d, h: (d.zero_(), tangents(t, d, h)),
    "view, then dual": lambda t, p, d, h: (h.copy_(t.ones(2)), d.mul_(3), tangents(t, d, h)),
    "value written": lambda t, p, d, h: (value_of(t, d).mul_(5), tangents(t, d, p)),
    "value, then dual": lambda t, p, d, h: (value_of(t, d).mul_(5), d.mul_(2), tangents(t, d, p)),
}


def value_of(t: Any, dual: Any) -> Any:
    return t.autograd.forward_ad.unpack_dual(dual).primal


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", WITH_A_DUAL)
def test_writes_into_a_dual(name: str) -> None:
    def found(t: Any) -> list[Any]:
        fw = t.autograd.forward_ad
        x, p = start(t)
        with fw.dual_level():
            d = fw.make_dual(p, t.ones(3))
            h = d[:2]
            *_, seen = WITH_A_DUAL[name](t, p, d, h)
            return [seen, lists([p, d, h]), *(slope(t, y, x) for y in (p, d, h, h.sum() + d.sum()))]

    assert found(pb) == found(torch)


SCENARIOS = [each for name, each in list(globals().items()) if name[0] != "_" and callable(each)]
SCENARIOS = [
    each
    for each in SCENARIOS
    if getattr(each, "__module__", "") == __name__
    and each not in (start, slope, tangents, lists, value_of)
    and each is not test_writes_into_a_dual
]


@pytest.mark.parametrize("run", SCENARIOS, ids=lambda run: run.__name__)
def test_writes_beside_torch(run: Scenario) -> None:
    check(run, pb, torch)


def dirty_double(jvp: Callable[..., Any]) -> Callable[[Any], Any]:
    def forward(ctx: Any, x: Any, *more: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(2)

    def backward(ctx: Any, g: Any) -> Any:
        return g * 2, *([None] * (len(ctx.needs_input_grad) - 1))

    return lambda t: make(t, forward, backward, jvp=jvp)


DIRTY = [dirty_double(lambda ctx, tangent: tangent.mul_(2)), dirty_double(lambda ctx, g: g * 2)]


@pytest.mark.parametrize("function", DIRTY)
@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("written", ["view", "whole", "input"])
def test_what_is_marked_dirty_keeps_the_tangents_of_its_base(
    function: Callable[[Any], Any], requires_grad: bool, written: str
) -> None:
    def run(t: Any) -> Any:
        fw = t.autograd.forward_ad
        x = t.ones(3, requires_grad=requires_grad)
        with fw.dual_level():
            d = fw.make_dual(x * 1, t.full((3,), 3.0))
            b = d if written == "input" else d * 1
            v, w = b[:2], b[1:]
            r = function(t).apply(b if written == "whole" else v)
            found = tangents(t, b, v, w, r)
        return found, r is v, slope(t, b, x) if requires_grad else None

    check(run, pb, torch)


@pytest.mark.parametrize("requires_grad", [False, True])
def test_what_is_marked_dirty_gets_a_tangent(requires_grad: bool) -> None:
    def jvp(ctx: Any, a: Any, b: Any) -> Any:
        return a.mul_(2) + b

    def run(t: Any) -> Any:
        fw = t.autograd.forward_ad
        b = t.ones(3, requires_grad=requires_grad) * 1
        with fw.dual_level():
            v = b[:2]
            dirty_double(jvp)(t).apply(v, fw.make_dual(t.ones(2), t.ones(2)))
            return tangents(t, b, v, b[1:])

    check(run, pb, torch)
