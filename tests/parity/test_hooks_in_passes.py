"""Hooks that come, go and change while a pass runs, and nodes that are called, beside torch."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb
from scenarios import Scenario, check, leaf, make

torch = pytest.importorskip("torch")

SCENARIOS: list[Scenario] = []


def scenario(run: Scenario) -> Scenario:
    SCENARIOS.append(run)
    return run


def chain(t: Any) -> tuple[Any, Any, Any]:
    x = leaf(t)
    y = x * 2
    return x, y, y * 3


# --- changes while the pass runs ---


def changing(change: Callable[[Any, list[Any], Any, Any], Any]) -> Scenario:
    """A hook of the last tensor does something to the ones before it; two passes."""

    def run(t: Any) -> Any:
        x, y, z = chain(t)
        log: list[Any] = []

        def hook(gradient: Any) -> None:
            log.append("z")
            if log.count("z") == 1:
                change(t, log, x, y)

        z.register_hook(hook)
        z.sum().backward(retain_graph=True)
        log.append(y.grad.tolist() if y.retains_grad else None)
        z.sum().backward()
        return log, x.grad

    return run


def note(log: list[Any], name: str) -> Callable[..., None]:
    return lambda *args: log.append(name)


CHANGES = {
    "a hook of a tensor": lambda t, log, x, y: y.register_hook(note(log, "y")),
    "a hook of a leaf": lambda t, log, x, y: x.register_hook(note(log, "x")),
    "a hook before a node": lambda t, log, x, y: y.grad_fn.register_prehook(note(log, "before")),
    "a hook after a node": lambda t, log, x, y: y.grad_fn.register_hook(note(log, "after")),
    "a hook of what accumulates": lambda t, log, x, y: x.register_post_accumulate_grad_hook(
        note(log, "accumulated")
    ),
    "a gradient to keep": lambda t, log, x, y: y.retain_grad(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_comes_during_a_pass(name: str) -> None:
    check(changing(CHANGES[name]), pb, torch)


@scenario
def removed_further_down(t: Any) -> Any:
    x, y, z = chain(t)
    log: list[str] = []
    handles = [
        y.register_hook(note(log, "y")),
        y.grad_fn.register_hook(note(log, "after")),
        x.register_hook(note(log, "x")),
    ]
    z.register_hook(lambda g: [handle.remove() for handle in handles] and None)
    z.sum().backward()
    return log, x.grad


@scenario
def removed_by_its_neighbour(t: Any) -> Any:
    _, y, _ = chain(t)
    log: list[str] = []
    y.register_hook(lambda g: (log.append("first"), second.remove())[1])
    second = y.register_hook(note(log, "second"))
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    return log


@scenario
def a_gradient_changed_in_place(t: Any) -> Any:
    x, y, _ = chain(t)
    y.register_hook(lambda g: (g.mul_(3), None)[1])
    x.register_hook(lambda g: (g.add_(1), None)[1])
    y.sum().backward()
    return x.grad


@scenario
def a_hook_with_a_graph_of_its_own(t: Any) -> Any:
    x, y, _ = chain(t)
    w = leaf(t, 3.0, 4.0)
    y.register_hook(lambda g: g * w)
    (first,) = t.autograd.grad((y * y).sum(), x, create_graph=True)
    first.sum().backward()
    return first.detach(), x.grad, w.grad


@scenario
def a_leaf_that_stops_in_its_own_hook(t: Any) -> Any:
    x = leaf(t)
    x.register_post_accumulate_grad_hook(lambda p: p.requires_grad_(False) and None)
    (x * x).sum().backward()
    return x.requires_grad, x.grad


@scenario
def a_leaf_whose_value_is_replaced(t: Any) -> Any:
    x = leaf(t)
    x.register_post_accumulate_grad_hook(lambda p: setattr(p, "data", p.data * 10))
    (x * x).sum().backward()
    return x


def chosen(names: str, how: str, twice: bool) -> Scenario:
    """All hooks of a chain with a custom function, in a pass for some inputs."""

    def run(t: Any) -> Any:
        log: list[Any] = []

        def lists(gradients: Any) -> Any:
            return [None if g is None else g.tolist() for g in gradients]

        def backward(ctx: Any, g: Any) -> Any:
            log.append("backward")
            return g * ctx.saved_tensors[0]

        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * 2

        a = leaf(t)
        z = a * 1
        b = make(t, forward, backward).apply(z)
        c = b * b
        tensors = {"a": a, "z": z, "b": b, "c": c}
        for name, each in list(tensors.items())[1:]:
            each.register_hook(lambda g, name=name: log.append(name))
            node = each.grad_fn
            node.register_prehook(lambda o, name=name: log.append(("before", name, lists(o))))
            node.register_hook(lambda i, o, name=name: log.append((name, lists(i), lists(o))))
        inputs = [tensors[name] for name in names]
        for _ in range(1 + twice):
            try:
                if how == "backward":
                    c.sum().backward(inputs=inputs, retain_graph=not twice)
                else:
                    log.append(lists(t.autograd.grad(c.sum(), inputs, retain_graph=not twice)))
            except RuntimeError as error:
                log.append(str(error)[:40])
        kept = [each.grad for each in tensors.values() if each.is_leaf or each.retains_grad]
        return log, lists(kept)

    run.__name__ = f"{how}_for_{names}{'_twice' * twice}"
    return run


for names in ("a", "z", "b", "c", "ba", "cb", "bz", "cba"):
    for how in ("backward", "grad"):
        for twice in (False, True):
            scenario(chosen(names, how, twice))


@scenario
def chosen_by_an_edge(t: Any) -> Any:
    log: list[str] = []
    a = leaf(t)
    b = a.exp()
    b.grad_fn.register_hook(lambda *_: log.append("after"))
    b.grad_fn.register_prehook(lambda *_: log.append("before"))
    (b * 2).sum().backward(inputs=[t.autograd.graph.get_gradient_edge(b)])
    return log, a.grad


@scenario
def removed_after_a_write(t: Any) -> Any:
    _, y, _ = chain(t)
    log: list[str] = []
    handle = y.register_hook(note(log, "y"))
    before = y._backward_hooks is None
    y.mul_(3)
    after = y._backward_hooks is None
    handle.remove()
    y.sum().backward()
    return log, before, after


@scenario
def kept_gradients_and_writes_through_views(t: Any) -> Any:
    x, y, _ = chain(t)
    y.retain_grad()
    part = y[:1]
    part.retain_grad()
    part.mul_(3)
    (y * 5).sum().backward()
    return y.grad, part.grad, x.grad


@scenario
def a_handle_that_was_pickled(t: Any) -> Any:
    x = leaf(t)
    handle = x.register_hook(repr)
    again = pickle.loads(pickle.dumps(handle))
    handle.remove()
    handle.remove()
    return again.id == handle.id, len(x._backward_hooks)


# --- hooks that are no hooks ---


def registering(register: Callable[[Any, Any], Any]) -> Scenario:
    def run(t: Any) -> Any:
        x, y, _ = chain(t)
        register(x, y)
        y.sum().backward()
        return x.grad

    return run


NO_HOOKS = {
    "no function": lambda x, y: y.register_hook(3),
    "no function before": lambda x, y: y.grad_fn.register_prehook(3),
    "no function after": lambda x, y: y.grad_fn.register_hook(3),
    "no arguments": lambda x, y: y.register_hook(lambda: None),
    "one argument after": lambda x, y: y.grad_fn.register_hook(lambda g: None),
    "of a constant": lambda x, y: y.detach().register_hook(repr),
    "accumulated of a non-leaf": lambda x, y: y.register_post_accumulate_grad_hook(repr),
    "accumulated of a constant": lambda x, y: x.detach().register_post_accumulate_grad_hook(repr),
    "kept of a constant": lambda x, y: y.detach().retain_grad(),
}


@pytest.mark.parametrize("name", NO_HOOKS)
def test_what_is_no_hook(name: str) -> None:
    check(registering(NO_HOOKS[name]), pb, torch)


# --- nodes that are called ---


def calling(make: Callable[[Any, Any], Any], *args: Any, **kwargs: Any) -> Scenario:
    def run(t: Any) -> Any:
        x = leaf(t)
        node = make(t, x)
        given = [t.tensor(each) if isinstance(each, (list, float)) else each for each in args]
        found = node(*given, **kwargs)
        several = found if isinstance(found, tuple) else (found,)
        return type(found).__name__, [each and each.tolist() for each in several], x.grad

    return run


def product(t: Any, x: Any) -> Any:
    node = (x * t.tensor([5.0, 6.0])).grad_fn
    node.register_hook(lambda *_: 1 / 0)
    return node


CALLS = {
    "a product": calling(product, [1.0, 2.0]),
    "nothing": calling(product),
    "too much": calling(product, [1.0, 2.0], [1.0, 2.0]),
    "no gradient": calling(product, None),
    "no tensor": calling(product, 3),
    "a keyword": calling(product, [1.0, 2.0], name=1),
    "one input": calling(lambda t, x: x.sin().grad_fn, [1.0, 1.0]),
    "several outputs": calling(lambda t, x: x.unbind()[0].grad_fn, 2.0, None),
    "an accumulation": calling(lambda t, x: (x * 2).grad_fn.next_functions[0][0], [1.0, 2.0]),
    "a custom function": calling(lambda t, x: custom(t).apply(x).grad_fn, [1.0, 2.0]),
}


def custom(t: Any) -> Any:
    class Twice(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    return Twice


@pytest.mark.parametrize("name", CALLS)
def test_calling_a_node(name: str) -> None:
    def run(t: Any) -> Any:
        kind, values, grad = CALLS[name](t)
        return kind, [None if v is None else [round(each, 5) for each in v] for v in values], grad

    check(run, pb, torch)


@pytest.mark.parametrize("run", SCENARIOS, ids=lambda run: run.__name__)
def test_scenario(run: Scenario) -> None:
    check(run, pb, torch)
