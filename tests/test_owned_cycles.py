"""Cycles through Python objects that the graph owns beside hooks: contexts of custom functions and
what hooks put in the place of saved tensors. All garbage is collected, and nothing that can still
be reached is (NOTE [Cycles] in csrc/bind/collector.h)."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from cycles import check_collected, leaf
from pullback import _core
from pullback.autograd.graph import saved_tensors_hooks
from pullback.utils.checkpoint import checkpoint


class Scale(pb.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, keep: Callable[..., None]) -> Any:
        results = x * 2, x * 3
        keep(ctx, x, *results)
        return results

    @staticmethod
    def backward(ctx: Any, a: Any, b: Any) -> Any:
        return a * 2 + b * 3, None


def two_results_on_the_context() -> None:
    Scale.apply(leaf(1.0), lambda ctx, x, a, b: setattr(ctx, "both", (a, b)))


def argument_on_the_context_then_written() -> None:
    x = leaf(1.0) * 2
    a, _ = Scale.apply(x, lambda ctx, x, a, b: setattr(ctx, "x", x))
    x.mul_(a)


def computed_from_a_result_on_the_context() -> None:
    a, b = Scale.apply(leaf(1.0), lambda ctx, x, a, b: None)
    a.grad_fn.later = {"loss": (a * b).exp()}


def appended_to_a_list_on_the_context() -> None:
    a, b = Scale.apply(leaf(1.0), lambda ctx, x, a, b: setattr(ctx, "list", []))
    a.grad_fn.list.append(a + b)


def metadata_of_the_context() -> None:
    a, b = Scale.apply(leaf(1.0), lambda ctx, x, a, b: None)
    a.grad_fn.metadata["both"] = [a, b]


def packed_as_it_is_then_written() -> None:
    x = leaf(1.0) * 2
    with saved_tensors_hooks(lambda t: t, lambda t: t):
        y = x * x
    x.mul_(y)


def packed_in_a_list_of_everything() -> None:
    everything: list[Any] = []

    def pack(t: Any) -> int:
        everything.append(t)
        return len(everything) - 1

    with saved_tensors_hooks(pack, lambda i: everything[i]):
        x = leaf(1.0) * 2
        everything.append((x * x).exp() * x)


def hooks_of_one_saved_tensor() -> None:
    x = leaf(1.0) * 2
    y = x.exp()
    y.grad_fn._raw_saved_result.register_hooks(lambda t: (t, y), lambda pair: pair[0])


def checkpoint_of_a_closure() -> None:
    x = leaf(1.0) * 2
    x.mul_(checkpoint(lambda: x * x, use_reentrant=False))


def checkpoint_of_a_list() -> None:
    x = leaf(1.0) * 2
    x.mul_(checkpoint(lambda many: many[0] * many[0], [x], use_reentrant=False))


def checkpoint_with_its_result_in_a_keyword() -> None:
    holder: dict[str, Any] = {}
    x = leaf(1.0) * 2
    holder["y"] = checkpoint(lambda x, h: x * x, x, use_reentrant=False, h=holder)


def longer_than_a_young_collection_walks() -> None:
    x = leaf(1.0) * 2
    y = x * 1
    for k in range(3000):
        y = y + 1
        y.tag = k
    gc.collect(0)
    x.register_hook(lambda g: y)
    gc.collect(0)


def all_at_once() -> None:
    x = leaf(1.0) * 2
    with saved_tensors_hooks(lambda t: [t], lambda many: many[0]):
        a, b = Scale.apply(x * x, lambda ctx, x, a, b: setattr(ctx, "a", a))
        y = checkpoint(lambda: a * b, use_reentrant=False)
    a.register_hook(lambda g: y)
    x.mul_(y)


PROGRAMS = [
    two_results_on_the_context,
    argument_on_the_context_then_written,
    computed_from_a_result_on_the_context,
    appended_to_a_list_on_the_context,
    metadata_of_the_context,
    packed_as_it_is_then_written,
    packed_in_a_list_of_everything,
    hooks_of_one_saved_tensor,
    checkpoint_of_a_closure,
    checkpoint_of_a_list,
    checkpoint_with_its_result_in_a_keyword,
    longer_than_a_young_collection_walks,
    all_at_once,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_nothing_is_left(program: Callable[[], None]) -> None:
    check_collected(program, times=3)


def grow(rng: random.Random) -> list[Any]:
    """Tensors of random programs with ties of all kinds between them."""
    made = [leaf(rng.uniform(0.5, 1.5)) for _ in range(2)]
    for _ in range(rng.randint(5, 25)):
        x, y, z = (rng.choice(made) for _ in range(3))
        kind = rng.randrange(6)
        if kind == 0:
            made.append((x * y).sin())
        elif kind == 1:
            made.extend(Scale.apply(x * y, lambda ctx, x, a, b: setattr(ctx, "r", [a, b])))
        elif kind == 2:
            with saved_tensors_hooks(lambda t, y=y: [t, y], lambda many: many[0]):
                made.append(x * z)
        elif kind == 3:
            made.append(checkpoint(lambda x, y=y, z=z: x * (y + z).sin(), x, use_reentrant=False))
        elif kind == 4 and not x.is_leaf:
            x.register_hook(lambda g, y=y: y and None)
        elif x.grad_fn is not None and hasattr(x.grad_fn, "r"):
            x.grad_fn.r.append(y)
    return made


@pytest.mark.parametrize("seed", range(30))
def test_what_can_be_reached_stays(seed: int) -> None:
    rng = random.Random(seed)
    before = _core.live_objects()
    made = grow(rng)
    kept = [x for x in made if not x.is_leaf and rng.random() < 0.3]
    leaves = made[:2]
    if kept:
        wanted = pb.autograd.grad(sum(kept), leaves, retain_graph=True, allow_unused=True)
    del made
    for _ in range(3):
        gc.collect()
    if kept:
        again = pb.autograd.grad(sum(kept), leaves, allow_unused=True)
        assert [g and g.item() for g in again] == [g and g.item() for g in wanted]
        del wanted, again
    del kept, leaves
    gc.collect()
    assert _core.live_objects() == before


def test_collections_while_the_graph_is_made() -> None:
    """Young and old objects are looked at apart."""
    x = leaf(1.0)
    ys = [x * 2]
    for k in range(40):
        gc.collect(k % 3)
        a, b = Scale.apply(ys[-1], lambda ctx, x, a, b: setattr(ctx, "r", (x, a, b)))
        ys.append((a * b).sin())
    del ys[1:-1]
    gc.collect()
    (g,) = pb.autograd.grad(ys[-1], x)
    assert pb.isfinite(g).all()
