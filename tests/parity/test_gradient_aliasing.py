"""Who holds a gradient, and what writing does to the others, beside torch.

Every holder keeps tensors that flowed through a backward pass; then something is written, by the
user or by another pass, and everything that can be seen is compared: nothing that a user holds is
the buffer that the engine writes into, and ``.grad`` is a tensor that nothing else holds.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pullback as pb
from scenarios import make

torch = pytest.importorskip("torch")

# Runs a pass over the two leaves; returns what it kept.
Holder = Callable[[Any, Any, Any, bool], list[Any]]
HOLDERS: list[Holder] = []
# (leaves, held): writes somewhere.
Write = Callable[[Any, list[Any], list[Any]], None]
WRITES: list[Write] = []


def holder(run: Holder) -> Holder:
    HOLDERS.append(run)
    return run


def write(run: Write) -> Write:
    WRITES.append(run)
    return run


def custom(t: Any, backward: Any, count: int = 2) -> Any:
    def forward(ctx: Any, *inputs: Any) -> Any:
        ctx.save_for_backward(*inputs)
        return sum(each * 2 for each in inputs)

    return make(t, forward, backward).apply


# --- who holds ---


@holder
def seed(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    g = t.ones(2)
    (x + y).backward(g, create_graph=create_graph)
    return [g]


@holder
def seed_of_a_leaf(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    g = t.ones(2)
    t.autograd.backward([x, y], [g, g], create_graph=create_graph)
    return [g]


@holder
def seed_that_is_a_leaf_itself(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    g = t.ones(2, requires_grad=True)
    (x + y).backward(g, create_graph=create_graph)
    return [g]


@holder
def seed_that_is_the_parameter(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    (x * 1 + y).backward(x, create_graph=create_graph)
    return []


@holder
def one_seed_for_two_roots(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    g = t.ones(2)
    z = x * y
    t.autograd.backward([z, z], [g, g], create_graph=create_graph)
    return [g]


@holder
def strided_seed(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    g = t.arange(4.0)[::2]
    (x + y).backward(g, create_graph=create_graph)
    return [g]


@holder
def expanded_seed(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    g = t.ones(1).expand(2)
    (x + y).backward(g, create_graph=create_graph)
    return [g]


@holder
def hooks_of_leaves(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    held: list[Any] = []
    for each in (x, y):
        each.register_hook(held.append)
    (x * y + x).sum().backward(create_graph=create_graph)
    return held


@holder
def hook_that_replaces_by_what_it_holds(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    held = [t.full((2,), 5.0)]
    for each in (x, y):
        each.register_hook(lambda g: held[0])
    (x * y).sum().backward(create_graph=create_graph)
    return held


@holder
def hook_that_gives_the_leaf(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    x.register_hook(lambda g: y)
    (x * 3).sum().backward(create_graph=create_graph)
    return []


@holder
def hook_of_a_non_leaf(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    held: list[Any] = []
    z = x + y
    z.register_hook(held.append)
    (z * 2).sum().backward(create_graph=create_graph)
    return held


@holder
def hooks_of_a_node(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    held: list[Any] = []
    z = x + y
    z.grad_fn.register_prehook(held.extend)
    z.grad_fn.register_hook(lambda given, arrived: held.extend((*given, *arrived)))
    (z * 2).sum().backward(create_graph=create_graph)
    return held


@holder
def hooks_of_a_node_that_replace(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    g = t.full((2,), 5.0)
    z = x + y
    z.grad_fn.register_hook(lambda given, arrived: (g, g))
    (z * 2 + x).sum().backward(create_graph=create_graph)
    return [g]


@holder
def hook_before_the_accumulation(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    held: list[Any] = []
    z = x * y
    handle = z.grad_fn.next_functions[0][0].register_prehook(held.extend)
    z.sum().backward(create_graph=create_graph)
    handle.remove()
    return held


@holder
def hook_after_the_accumulation(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    held: list[Any] = []
    z = x * y
    node = z.grad_fn.next_functions[0][0]
    handle = node.register_hook(lambda given, arrived: held.extend(arrived))
    z.sum().backward(create_graph=create_graph)
    handle.remove()
    return held


@holder
def hook_after_an_accumulation_that_scales(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    held: list[Any] = []
    z = x * y
    node = z.grad_fn.next_functions[0][0]

    def scale(leaf: Any) -> None:
        with t.no_grad():
            leaf.grad.mul_(7)

    x.register_post_accumulate_grad_hook(scale)
    handle = node.register_hook(lambda given, arrived: held.append(arrived[0].clone()))
    z.sum().backward(create_graph=create_graph)
    handle.remove()
    return held


@holder
def both_hooks_around_the_accumulation(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    held: list[Any] = []
    z = x * y
    node = z.grad_fn.next_functions[0][0]
    before = node.register_prehook(held.extend)
    handle = node.register_hook(lambda given, arrived: held.extend(arrived))
    z.sum().backward(create_graph=create_graph)
    handle.remove()
    before.remove()
    return held


@holder
def hook_of_the_accumulated(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    held: list[Any] = []
    for each in (x, y):
        each.register_post_accumulate_grad_hook(lambda leaf: held.append(leaf.grad))
    (x * y).sum().backward(create_graph=create_graph)
    return held


@holder
def hook_for_several(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    held: list[Any] = []
    z = x * 2
    handle = t.autograd.graph.register_multi_grad_hook((x, y, z), held.extend)
    (z + y + x).sum().backward(create_graph=create_graph)
    handle.remove()
    return held


@holder
def custom_backward_returns_a_parameter(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    custom(t, lambda ctx, g: ctx.saved_tensors)(x, y).sum().backward(create_graph=create_graph)
    return []


@holder
def custom_backward_returns_what_it_holds(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    held = [t.full((2,), 5.0)]
    z = custom(t, lambda ctx, g: (held[0], held[0]))(x, y)
    (z + x).sum().backward(create_graph=create_graph)
    return held


@holder
def custom_backward_gives_what_arrived_twice(
    t: Any, x: Any, y: Any, create_graph: bool
) -> list[Any]:
    held: list[Any] = []

    def backward(ctx: Any, g: Any) -> Any:
        held.append(g)
        return g, g

    z = custom(t, backward)(x, y)
    (z * t.tensor([1.0, 2.0]) + y).sum().backward(create_graph=create_graph)
    return held


@holder
def custom_backward_makes_and_forgets(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    z = custom(t, lambda ctx, g: (g * 2, g * 3))(x, y)
    (z + z * x).sum().backward(create_graph=create_graph)
    return []


@holder
def retained(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    a = x + y
    b = a * 1
    a.retain_grad()
    b.retain_grad()
    b.backward(t.ones(2), create_graph=create_graph)
    return [a.grad, b.grad]


@holder
def retained_over_two_passes(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    a = x + y
    a.retain_grad()
    g = t.ones(2)
    a.backward(g, retain_graph=True, create_graph=create_graph)
    first = a.grad
    a.backward(g, create_graph=create_graph)
    return [g, first, a.grad]


@holder
def returned(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    z = x + y
    g = t.ones(2)
    held = t.autograd.grad(z, (x, y, z), g, retain_graph=True, create_graph=create_graph)
    z.backward(g, create_graph=create_graph)
    return [*held, g]


@holder
def returned_and_given_as_seed(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    (g,) = t.autograd.grad((x * y).sum(), x, create_graph=create_graph)
    (x + y).backward(g, create_graph=create_graph)
    return [g]


@holder
def chosen_inputs(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    held: list[Any] = []
    z = x + y
    z.register_hook(held.append)
    (z * 2).sum().backward(inputs=[z, x], create_graph=create_graph)
    return [*held, z.grad]


@holder
def set_by_the_user(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    g = t.ones(2)
    x.grad = g
    y.grad = g
    (x + y * 2).sum().backward(create_graph=create_graph)
    return [g]


@holder
def moved_to_another_leaf(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    (x * 2).sum().backward(create_graph=create_graph)
    y.grad = x.grad
    return []


@holder
def two_passes(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    (x * x + y).sum().backward(create_graph=create_graph)
    first = [x.grad, y.grad]
    (x * y).sum().backward(create_graph=create_graph)
    return first


@holder
def a_graph_then_none(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    (x * x + y).sum().backward(create_graph=True)
    first = [x.grad, y.grad]
    (x * y).sum().backward(create_graph=create_graph)
    return first


@holder
def the_graph_holds_it(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    """A node of the gradient's own graph saved what became .grad."""
    held: list[Any] = []
    x.register_hook(lambda g: held.append(g * g))
    ((x * y) * y).sum().backward(create_graph=create_graph)
    return held


@holder
def checkpointed(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    held: list[Any] = []
    checkpoint = (pb.utils if t is pb else torch.utils).checkpoint.checkpoint
    z = checkpoint(lambda a, b: a * b + a, x, y, use_reentrant=False)
    z.register_hook(held.append)
    z.backward(t.ones(2), create_graph=create_graph)
    return held


@holder
def checkpointed_reentrant(t: Any, x: Any, y: Any, create_graph: bool) -> list[Any]:
    if create_graph:
        return []
    checkpoint = (pb.utils if t is pb else torch.utils).checkpoint.checkpoint
    z = checkpoint(lambda a, b: a + b, x, y, use_reentrant=True)
    g = t.ones(2)
    z.backward(g)
    return [g]


# --- how it is written then ---


@write
def another_pass(t: Any, leaves: list[Any], held: list[Any]) -> None:
    for each in leaves:
        each.backward(t.ones(2))


@write
def another_pass_with_a_graph(t: Any, leaves: list[Any], held: list[Any]) -> None:
    for each in leaves:
        (each * each).sum().backward(create_graph=True)


@write
def zero(t: Any, leaves: list[Any], held: list[Any]) -> None:
    with t.no_grad():
        for each in leaves:
            if each.grad is not None:
                each.grad.zero_()


@write
def clip(t: Any, leaves: list[Any], held: list[Any]) -> None:
    with t.no_grad():
        for each in leaves:
            if each.grad is not None:
                each.grad.mul_(0.25)


@write
def step(t: Any, leaves: list[Any], held: list[Any]) -> None:
    with t.no_grad():
        for each in leaves:
            if each.grad is not None:
                each.sub_(each.grad)
                each.grad.fill_(9)


@write
def overwrite_what_is_held(t: Any, leaves: list[Any], held: list[Any]) -> None:
    with t.no_grad():
        for each in held:
            if each is not None:
                each.mul_(3)


@write
def everything(t: Any, leaves: list[Any], held: list[Any]) -> None:
    for run in WRITES[:-1]:
        run(t, leaves, held)


def seen(tensor: Any) -> Any:
    return None if tensor is None else tensor.tolist()


def story(t: Any, hold: Holder, then: Write, create_graph: bool) -> list[Any]:
    leaves = [t.tensor(values, requires_grad=True) for values in ([1.0, 2.0], [3.0, 5.0])]
    lines: list[Any] = []
    try:
        held = hold(t, *leaves, create_graph)
        for _ in range(2):
            gradients = [each.grad for each in leaves]
            lines.append([seen(each) for each in (*leaves, *gradients, *held)])
            lines += [g is not None and (g.requires_grad, name_of(g.grad_fn)) for g in gradients]
            for one in gradients:
                lines.append([one is other for other in (*held, *leaves)])
                if one is not None:
                    memory = one.data_ptr()
                    others = (*gradients, *held, *leaves)
                    lines.append([o is not None and o.data_ptr() == memory for o in others])
            then(t, leaves, held)
        lines.append([seen(each.grad) for each in leaves] + [seen(each) for each in held])
    except RuntimeError as error:
        lines.append(str(error)[:60])
    for each in leaves:  # a graph that was created leads back to them
        each.grad = None
    return lines


def name_of(node: Any) -> str:
    return "" if node is None else type(node).__name__


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    gc.collect()


@pytest.mark.parametrize("create_graph", [False, True], ids=["", "graph"])
@pytest.mark.parametrize("hold", HOLDERS, ids=lambda run: run.__name__)
def test_what_writing_changes(hold: Holder, create_graph: bool) -> None:
    for then in WRITES:
        ours = story(pb, hold, then, create_graph)
        assert ours == story(torch, hold, then, create_graph), then.__name__


def tangents(t: Any, hold: bool, create_graph: bool) -> list[Any]:
    """Of .grad: lost with a buffer that is taken over, kept by a copy, added to in place."""
    x = t.tensor([1.0, 2.0], requires_grad=True)
    held: list[Any] = []
    if hold:
        x.register_hook(held.append)
    lines = []
    F = t.autograd.forward_ad
    with F.dual_level():
        d = F.make_dual(t.tensor([3.0, 4.0]), t.tensor([1.0, 10.0]))
        for _ in range(3):
            (x * d * d + x * 2).sum().backward(create_graph=create_graph)
            lines += [seen(each) for each in F.unpack_dual(x.grad)]
        x.grad = None
    return lines


@pytest.mark.parametrize("create_graph", [False, True], ids=["", "graph"])
@pytest.mark.parametrize("hold", [False, True], ids=["", "held"])
def test_tangents_of_gradients(hold: bool, create_graph: bool) -> None:
    assert tangents(pb, hold, create_graph) == tangents(torch, hold, create_graph)


@pytest.mark.parametrize("create_graph", [False, True], ids=["", "graph"])
def test_a_view_of_what_is_held_is_copied(create_graph: bool) -> None:
    """torch takes the view over and writes into what it is a view of."""
    held = pb.arange(6.0)
    x, y = (pb.zeros(2, requires_grad=True) for _ in range(2))
    z = custom(pb, lambda ctx, g: (held[1:3], held[2:4]))(x, y)
    z.sum().backward(create_graph=create_graph)
    for leaf in (x, y):
        leaf.backward(pb.ones(2))
    assert (x.grad.tolist(), y.grad.tolist()) == ([2.0, 3.0], [3.0, 4.0])
    assert held.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_memory_of_numpy_is_copied() -> None:
    """The same of an array that the program holds."""
    numpy = pytest.importorskip("numpy")
    held = numpy.ones(2, dtype="float32")
    x, y = (pb.zeros(2, requires_grad=True) for _ in range(2))
    z = custom(pb, lambda ctx, g: (pb.from_numpy(held), g))(x, y)
    (x + z * 3).sum().backward()
    x.backward(pb.ones(2))
    assert (x.grad.tolist(), held.tolist()) == ([3.0, 3.0], [1.0, 1.0])
