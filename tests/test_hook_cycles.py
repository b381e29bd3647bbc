"""Cycles of Python objects through hooks and the graph: all garbage is collected, and nothing that
can still be reached loses its hooks (NOTE [Cycles] in csrc/bind/collector.h)."""

from __future__ import annotations

import gc
import random
from typing import Any

import pytest

import pullback as pb
from cycles import check_collected, leaf
from pullback import _core


def cycle_through_a_result() -> None:
    x = leaf(1.0)
    y = x * 2
    z = y * y * 3
    y.register_hook(lambda g: z)


def cycle_through_a_later_result() -> None:
    x = leaf(1.0)
    y = x * 2
    holder: list[Any] = []
    y.register_hook(lambda g: holder)
    z = y * y
    holder.append((z * y).exp())
    holder.append(y)


def cycle_through_a_leaf() -> None:
    x = leaf(1.0)
    loss = (x * x * 3).sum()
    x.register_hook(lambda g: loss)
    x.register_post_accumulate_grad_hook(lambda p: loss and None)


def cycle_through_two_nodes() -> None:
    x = leaf(1.0)
    a, b = x * 2, x * 3
    c = a * b
    a.register_hook(lambda g: c)
    b.grad_fn.register_hook(lambda given, arrived: given if a is c else None)


def cycle_through_an_error() -> None:
    x, w = leaf(1.0), leaf(2.0)
    errors: list[BaseException] = []

    def hook(g: Any) -> None:
        errors.append(KeyError())
        raise errors[-1]

    y = x * w
    y.register_hook(hook)
    z = y * w
    with pytest.raises(KeyError):
        z.backward()


def cycle_through_stored_activations() -> None:
    kept: list[Any] = []
    layer = pb.nn.Linear(2, 2)
    layer.register_forward_hook(lambda m, args, y: kept.append((args, y)))
    layer.register_full_backward_hook(lambda m, given, arrived: kept.append((given, arrived)))
    layer(pb.ones(1, 2, requires_grad=True)).sum().backward()


def cycle_through_a_bound_method() -> None:
    class Keeper:
        def __init__(self, result: Any) -> None:
            self.results = [{"result": result}]

        def hook(self, g: Any) -> None:
            pass

    x = leaf(1.0)
    y = x * 2
    y.register_hook(Keeper(y.exp()).hook)


def cycle_through_defaults() -> None:
    x = leaf(1.0)
    y = x * x

    def hook(g: Any, held: Any = y, *, more: Any = (x,)) -> None:
        pass

    x.register_hook(hook)


CYCLES = [
    cycle_through_a_bound_method,
    cycle_through_defaults,
    cycle_through_a_result,
    cycle_through_a_later_result,
    cycle_through_a_leaf,
    cycle_through_two_nodes,
    cycle_through_an_error,
    cycle_through_stored_activations,
]


@pytest.mark.parametrize("make", CYCLES)
def test_cycles_through_the_graph_are_collected(make: Any) -> None:
    check_collected(make)


@pytest.mark.parametrize("held", ["root", "middle", "leaf", "node", "saved"])
def test_what_is_held_from_outside_keeps_its_hooks(held: str) -> None:
    seen: list[str] = []

    def make() -> Any:
        x = leaf(1.0)
        y = x * 2
        z = y * y
        y.register_hook(lambda g: seen.append("y") or (z and None))
        x.register_hook(lambda g: seen.append("x") or (y and None))
        x.register_post_accumulate_grad_hook(lambda p: seen.append("acc") or (z and None))
        return {
            "root": z,
            "middle": y,
            "leaf": x,
            "node": z.grad_fn,
            "saved": (z * z).grad_fn,
        }[held]

    kept = make()
    for _ in range(3):
        gc.collect()
    if held in ("node", "saved"):
        edge = pb.autograd.graph.GradientEdge(kept, 0)
        pb.autograd.backward([edge], [pb.ones(1).double()])
    else:
        (kept * 1).backward()
    expected = {"leaf": ["x", "acc"]}.get(held, ["y", "x", "acc"])
    assert seen == expected


def test_collections_of_every_generation_and_inside_hooks() -> None:
    seen = 0

    def hook(g: Any) -> None:
        nonlocal seen
        seen += 1
        gc.collect(seen % 3)

    for _ in range(20):
        x = leaf(1.0)
        y = x * 2
        y.register_hook(hook)
        z = y * y
        y.register_hook(lambda g, z=z: z and None)
        gc.collect(0)
        z.backward()
        assert x.grad.tolist() == [8.0]
    assert seen == 20


OPERATIONS = [
    lambda a, b: a * b,
    lambda a, b: a + b,
    lambda a, b: a * 2,
    lambda a, b: (a * b).exp(),
    lambda a, b: a.unbind()[0].reshape(1),
]


def make_hook(counts: dict[int, int], number: int, held: list[Any], closes: bool) -> Any:
    """A function of any arguments that holds tensors, in one way or another."""
    if closes:
        first = held[0] if held else None

        def hook(*_: Any) -> None:
            counts[number] = counts.get(number, 0) + (first is not counts)
    else:

        def hook(*_: Any, held: Any = held) -> None:
            counts[number] = counts.get(number, 0) + (held is not counts)

    return hook


def random_graph(choose: random.Random, counts: dict[int, int]) -> Any:
    """A tensor of a graph whose hooks hold tensors of the graph; everything else is dropped."""
    tensors = [leaf(1.0), leaf(1.0)]
    for number in range(choose.randint(3, 14)):
        kind = choose.random()
        if kind < 0.55:
            operation = choose.choice(OPERATIONS)
            tensors.append(operation(choose.choice(tensors), choose.choice(tensors)))
        elif kind < 0.85:
            tensor = choose.choice(tensors)
            held = choose.sample(tensors, min(len(tensors), choose.randint(0, 3)))
            hook = make_hook(counts, number, held, closes=choose.random() < 0.5)
            where = choose.random()
            if where < 0.5:
                tensor.register_hook(hook)
            elif tensor.grad_fn is None:
                tensor.register_post_accumulate_grad_hook(hook)
            elif where < 0.75:
                tensor.grad_fn.register_hook(hook)
            else:
                tensor.grad_fn.register_prehook(hook)
        elif kind < 0.93:
            gc.collect(choose.randint(0, 2))
        else:
            choose.choice(tensors).retain_grad()
    return choose.choice(tensors)


@pytest.mark.parametrize("seed", range(10))
def test_random_graphs(seed: int) -> None:
    for program in range(15):
        counts: dict[int, int] = {}
        before = _core.live_objects()
        root = (random_graph(random.Random(100 * seed + program), counts) * 1).sum()
        root.backward(retain_graph=True)
        expected = dict(counts)
        counts.clear()
        gc.collect()
        root.backward()
        assert counts == expected
        del root
        gc.collect()
        assert _core.live_objects() == before
