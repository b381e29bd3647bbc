"""Hooks registered inside nested transforms run in the passes of their own level, beside torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
Map = Callable[[Any], Any]
NESTS = (
    "G",
    "GG",
    "GV",
    "VG",
    "RG",
    "GR",
    "RR",
    "GGG",
    "JG",
    "MG",
    "MGG",
    "GMG",
    "A",
    "AG",
    "GA",
    "AA",
)
KINDS = ("tensor", "leaf", "node", "node before", "accumulated", "several")


def hooked(t: Any, kind: str, log: list[Any]) -> Map:
    """x^6 with a hook that doubles what passes."""

    def twice(gradient: Any) -> Any:
        log.append(kind)
        return gradient * 2

    def twice_each(gradients: Any, *_: Any) -> Any:
        return tuple(map(twice, gradients))

    def f(x: Any) -> Any:
        y = x**3
        if kind == "tensor":
            y.register_hook(twice)
        elif kind == "leaf":
            x.register_hook(twice)
        elif kind == "node":
            y.grad_fn.register_hook(twice_each)
        elif kind == "node before":
            y.grad_fn.register_prehook(twice_each)
        elif kind == "accumulated":
            x.register_post_accumulate_grad_hook(lambda x: log.append(kind))
        else:
            both = (y, y * 2)
            t.autograd.graph.register_multi_grad_hook(both, lambda _: log.append(kind))
            return both[0] * both[1] / 2
        return y * y

    return f


def transforms(t: Any) -> dict[str, Callable[[Map], Map]]:
    def pulled(f: Map) -> Map:
        def gradient(x: Any) -> Any:
            y, pull = t.func.vjp(f, x)
            return pull(t.ones_like(y))[0]

        return gradient

    return {
        "G": t.func.grad,
        "V": pulled,
        "R": t.func.jacrev,
        "J": lambda f: lambda x: t.func.jvp(f, (x,), (t.ones_like(x),))[1],
        "M": lambda f: lambda x: t.func.vmap(f)(t.stack([x, x])).sum(),
        "A": lambda f: lambda x: t.autograd.grad(f(x), x, create_graph=True)[0],
    }


def outcome(t: Any, kind: str, nest: str) -> list[Any]:
    """The value, its gradient, and how often hooks ran for each."""
    log: list[Any] = []
    f = hooked(t, kind, log)
    for name in reversed(nest):
        f = transforms(t)[name](f)
    x = t.tensor(3.0, dtype=t.float64, requires_grad=True)
    value = f(x)
    inside = len(log)
    (gradient,) = t.autograd.grad(value, x)
    return [value.item(), gradient.item(), inside, len(log)]


@pytest.mark.parametrize("kind", KINDS)
def test_nests(kind: str) -> None:
    for nest in NESTS:
        assert outcome(pb, kind, nest) == outcome(torch, kind, nest), nest


def registered_outside(t: Any, first: str) -> list[Any]:
    """Hooks of one node from inside and from outside of the transform that made it."""
    log = []
    x = t.tensor(3.0, dtype=t.float64, requires_grad=True)

    def f(v: Any) -> Any:
        y = v**3
        y.register_hook(lambda g: log.append("inside"))
        return y

    y, pull = t.func.vjp(f, x)
    y.register_hook(lambda g: log.append("outside"))
    if first == "inside":
        pull(t.ones_like(y))
        t.autograd.grad(y, x)
    else:
        t.autograd.grad(y, x, retain_graph=True)
        pull(t.ones_like(y))
    return log


@pytest.mark.parametrize("first", ["inside", "outside"])
def test_one_node_has_hooks_of_two_levels(first: str) -> None:
    found = registered_outside(pb, first)
    assert found == registered_outside(torch, first)
    assert sorted(found) == ["inside", "outside"]


def test_levels_that_cannot_be_told_apart_refuse() -> None:
    def f(x: Any) -> Any:
        y = x * x
        y.register_hook(lambda g: g)
        return y

    for depth, refused in ((16, False), (17, True)):
        nested: Map = f
        for _ in range(depth):
            nested = pb.func.grad(nested)
        if refused:
            with pytest.raises(RuntimeError, match="more than 16 nested reverse transforms"):
                nested(pb.tensor(1.0))
        else:
            nested(pb.tensor(1.0))
