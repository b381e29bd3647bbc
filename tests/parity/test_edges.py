"""Gradient edges, dictionaries and batches of vectors in a pass, beside torch."""

from __future__ import annotations

from collections import OrderedDict, UserDict
from typing import Any

import pytest

import pullback as pb
from scenarios import Scenario, check, leaf

torch = pytest.importorskip("torch")

SCENARIOS: list[Scenario] = []


def scenario(run: Scenario) -> Scenario:
    SCENARIOS.append(run)
    return run


def edge_of(t: Any, tensor: Any) -> Any:
    return t.autograd.graph.get_gradient_edge(tensor)


@scenario
def of_a_leaf(t: Any) -> Any:
    x = leaf(t)
    edge = edge_of(t, x)
    (x * 3).sum().backward(inputs=edge)
    return t.autograd.grad((x * 2).sum(), edge), x.grad, edge.output_nr, edge._fields


@scenario
def of_a_non_leaf(t: Any) -> Any:
    x = leaf(t)
    y = x * 2
    (y * 3).sum().backward(inputs=[edge_of(t, y), x])
    return y.grad, x.grad


@scenario
def among_the_roots(t: Any) -> Any:
    x = leaf(t)
    y = x * 2
    t.autograd.backward([edge_of(t, y), (y * y).sum()], [t.ones(2), None])
    return x.grad


@scenario
def before_a_write(t: Any) -> Any:
    x = leaf(t)
    y = x * 2
    edge = edge_of(t, y)
    y.mul_(3)
    return t.autograd.grad(y.sum(), edge)


@scenario
def one_node_with_two_outputs(t: Any) -> Any:
    a, b = leaf(t).unbind()
    edges = [edge_of(t, a), edge_of(t, b)]
    same = edges[0].node is edges[1].node
    return same, [e.output_nr for e in edges], t.autograd.grad(a * 2 + b * 3, edges)


@scenario
def second_order(t: Any) -> Any:
    x = leaf(t)
    y = x * x
    (g,) = t.autograd.grad((y * y).sum(), edge_of(t, y), create_graph=True)
    return g.detach(), t.autograd.grad(g.sum(), x)


@scenario
def batched(t: Any) -> Any:
    x = leaf(t)
    y = x * 2
    seeds = t.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
    as_input = t.autograd.grad(y * 3, edge_of(t, y), seeds, True, is_grads_batched=True)
    return as_input, t.autograd.grad(edge_of(t, y), x, seeds, is_grads_batched=True)


@scenario
def batched_of_another_shape(t: Any) -> Any:
    x = leaf(t)
    return t.autograd.grad(x * 2, x, t.ones(2, 3), is_grads_batched=True)


def hand_made(*parts: Any) -> Scenario:
    def run(t: Any) -> Any:
        x = leaf(t)
        edge = t.autograd.graph.GradientEdge(*parts)
        return t.autograd.grad((x * 2).sum(), edge)

    return run


@scenario
def hand_made_of_a_node(t: Any) -> Any:
    x = leaf(t)
    z = x * 2 * 3
    edge = t.autograd.graph.GradientEdge(*z.grad_fn.next_functions[0])
    return t.autograd.grad(z.sum(), edge)


# --- dictionaries ---


@scenario
def gradients_by_name(t: Any) -> Any:
    a, b = leaf(t), leaf(t, 3.0, 4.0)
    return t.autograd.grad((a * b).sum(), {"first": a, "second": b})


@scenario
def gradients_by_name_that_there_are_not(t: Any) -> Any:
    a, b = leaf(t), leaf(t)
    inputs = {"a": a, "b": b}
    loss = (a * 2).sum()
    return (
        t.autograd.grad(loss, inputs, retain_graph=True, allow_unused=True),
        t.autograd.grad(loss, inputs, materialize_grads=True),
    )


@scenario
def unused_by_name(t: Any) -> Any:
    a, b = leaf(t), leaf(t)
    return t.autograd.grad((a * 2).sum(), {"a": a, "b": b})


@scenario
def accumulated_by_name(t: Any) -> Any:
    a, b = leaf(t), leaf(t)
    (a * b).sum().backward(inputs={"b": b})
    return a.grad, b.grad


def wrong(kind: Any, *, accumulate: bool) -> Scenario:
    def run(t: Any) -> Any:
        x = leaf(t)
        loss = (x * 2).sum()
        if accumulate:
            return loss.backward(inputs=kind(x))
        return t.autograd.grad(loss, kind(x))

    return run


WRONG = {
    "UserDict": lambda x: UserDict({"x": x}),
    "OrderedDict": lambda x: OrderedDict({"x": x}),
    "empty list": lambda x: [],
    "empty dict": lambda x: {},
}


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_dict(kind: str, accumulate: bool) -> None:
    check(wrong(WRONG[kind], accumulate=accumulate), pb, torch)


# --- arguments ---


@scenario
def zeros_for_another_order(t: Any) -> Any:
    a, b = leaf(t), leaf(t)
    found = t.autograd.grad((a * a).sum(), (a, b), create_graph=True, materialize_grads=True)
    return [each.requires_grad for each in found], found[1].detach()


@scenario
def old_name_of_the_vectors(t: Any) -> Any:
    x = leaf(t)
    with pytest.warns(FutureWarning):
        t.autograd.backward([x * 2], grad_variables=[t.ones(2)])
    return x.grad


@scenario
def both_names_of_the_vectors(t: Any) -> Any:
    x = leaf(t)
    t.autograd.backward([x * 2], [t.ones(2)], grad_variables=[t.ones(2)])


@scenario
def any_of_some_that_need_no_gradient(t: Any) -> Any:
    x = leaf(t)
    log: list[Any] = []
    hook = t.autograd.graph.register_multi_grad_hook([t.ones(2), x], log.append, mode="any")
    (x * 2).sum().backward()
    return log, len(hook.handles)


@pytest.mark.parametrize("run", SCENARIOS, ids=lambda run: run.__name__)
def test_scenario(run: Scenario) -> None:
    check(run, pb, torch)


@pytest.mark.parametrize("parts", [(3, 0), ("node", 0), (None, 0)])
def test_an_edge_of_no_node(parts: Any) -> None:
    check(hand_made(*parts), pb, torch)


def test_a_batch_for_an_edge_whose_shape_is_not_known() -> None:
    x = pb.ones(2, requires_grad=True)
    z = x * 2 * 3
    edge = pb.autograd.graph.GradientEdge(*z.grad_fn.next_functions[0])
    with pytest.raises(RuntimeError, match="made by hand is not known"):
        pb.autograd.grad(edge, x, pb.ones(3, 2), is_grads_batched=True)
