"""Nodes and edges as objects: identity, lifetimes, misuse; torch's semantics are compared in
parity/test_graph_objects.py."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import pullback as pb
from pullback import _core
from pullback.autograd import graph


def leaf(*values: float) -> Any:
    return pb.tensor(values, dtype=pb.float64, requires_grad=True)


# --- nodes ---


def test_a_node_is_one_object_while_somebody_holds_it() -> None:
    y = leaf(1.0) * 2
    assert y.grad_fn is y.grad_fn
    assert y.grad_fn.next_functions[0][0] is y.grad_fn.next_functions[0][0]
    assert isinstance(y.grad_fn, graph.Node)
    assert graph.Node is _core.Node


def test_nodes_cannot_be_made_by_hand() -> None:
    with pytest.raises(TypeError):
        graph.Node()
    with pytest.raises(TypeError):
        type((leaf(1.0) * 2).grad_fn)()


def test_a_node_keeps_its_graph_alive() -> None:
    x = leaf(3.0)
    node = (x * x).grad_fn
    assert node._saved_self is x
    assert node.next_functions[0][0].variable is x


def test_metadata_lives_as_long_as_the_object() -> None:
    y = leaf(1.0) * 2
    node = y.grad_fn
    node.metadata["a"] = 1
    assert y.grad_fn.metadata == {"a": 1}
    node.metadata["self"] = node  # a cycle, which the test's fixture wants collected


def test_what_outputs_look_like() -> None:
    a, b = leaf(1.0, 2.0).view(2, 1).unbind()
    node = a.grad_fn
    assert node._input_metadata == ((pb.Size([1]), pb.float64), None)
    assert b.grad_fn is node
    assert node._input_metadata[1] == ((1,), pb.float64)
    (view, _) = node.next_functions[0]
    (accumulator, _) = view.next_functions[0]
    assert accumulator._input_metadata == (((2,), pb.float64),)


def test_inputs_that_torch_does_not_know() -> None:
    x = pb.ones(2, 3, requires_grad=True)
    node = x.masked_fill(x > 0, 2.0).grad_fn
    assert node is not None
    ((leaf, _),) = node.next_functions
    assert leaf.variable is x
    assert [target and target.variable is x for target, _ in node._inputs] == [None, None, True]
    assert leaf._inputs == leaf.next_functions == ()


def test_attributes_that_are_not_there() -> None:
    node = (leaf(1.0) + 1).grad_fn
    for name in ("_saved_self", "_raw_saved_self", "_saved_nothing", "nothing"):
        with pytest.raises(AttributeError, match=name):
            getattr(node, name)
    assert not hasattr((leaf(1.0) * 2).grad_fn.next_functions[0][0], "_saved_self")


def test_what_is_saved_as_a_number_is_a_number() -> None:
    node = (leaf(1.0) * 3).grad_fn
    assert node._saved_other == 3
    assert node._saved_self is None
    assert not hasattr(node, "_raw_saved_other")


def test_reading_what_was_overwritten_or_released() -> None:
    x = leaf(1.0)
    y = x * 1
    z = y * y
    node = z.grad_fn
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        _ = node._saved_self
    z = x * x
    node = z.grad_fn
    z.backward()
    with pytest.raises(RuntimeError, match="directly access saved tensors"):
        _ = node._saved_self
    with pytest.raises(RuntimeError, match="directly access saved tensors"):
        node._raw_saved_self.unpack()


def test_raw_saved_tensors() -> None:
    x = leaf(2.0)
    y = x * x
    raw = y.grad_fn._raw_saved_self
    assert raw.unpack() is x
    raw.register_hooks(lambda x: x.tolist(), lambda v: pb.tensor(v, dtype=pb.float64) * 10)
    assert raw.unpack().tolist() == [20.0]
    (g,) = pb.autograd.grad(y, x, create_graph=True)
    assert g.tolist() == [22.0]
    assert pb.autograd.grad(g, x)[0].tolist() == [2.0]
    with pytest.raises(TypeError, match="expected two functions"):
        y.grad_fn._raw_saved_other.register_hooks(1, 2)


# --- edges ---


def test_an_edge_does_not_keep_the_value() -> None:
    x = leaf(2.0, 3.0)
    before = _core.live_objects()["tensors"]
    y = x + 1
    edge = graph.get_gradient_edge(y)
    del y
    assert _core.live_objects()["tensors"] == before
    assert pb.autograd.grad(edge, x, pb.ones(2).double())[0].tolist() == [1.0, 1.0]


def test_edges_of_several_outputs() -> None:
    x = leaf(1.0, 2.0, 3.0)
    parts = x.unbind()
    edges = [graph.get_gradient_edge(part) for part in parts]
    assert [edge.output_nr for edge in edges] == [0, 1, 2]
    (gradient,) = pb.autograd.grad(edges[1:], x, retain_graph=True)
    assert gradient.tolist() == [0.0, 1.0, 1.0]
    total = (parts[0] * parts[2]).sum()
    found = pb.autograd.grad(total, edges, allow_unused=True)
    assert [g if g is None else g.item() for g in found] == [3.0, None, 1.0]


def test_edges_are_tuples() -> None:
    edge = graph.get_gradient_edge(leaf(1.0) * 2)
    node, number, token = edge
    assert (node.name(), number, token) == ("MulBackward0", 0, None)
    assert edge == (node, 0, None)
    with pytest.raises(TypeError):
        pickle.dumps(edge)


def test_an_edge_of_an_unknown_output() -> None:
    x = leaf(2.0)
    y = x.exp() * 2
    (node, number) = y.grad_fn.next_functions[0]
    edge = graph.GradientEdge(node, number)
    with pytest.raises(RuntimeError, match="implicitly created only for scalar outputs"):
        pb.autograd.grad(edge, x)
    (gradient,) = pb.autograd.grad(edge, x, pb.ones(1).double())
    assert gradient.tolist() == x.detach().exp().tolist()


def test_edges_that_do_not_exist() -> None:
    x = leaf(2.0)
    node = (x * 2).grad_fn
    with pytest.raises(IndexError, match="got output_nr 1"):
        pb.autograd.grad(graph.GradientEdge(node, 1), x)
    with pytest.raises(TypeError, match="output_nr of type str"):
        pb.autograd.grad(graph.GradientEdge(node, "0"), x)
    with pytest.raises(RuntimeError, match="does not require gradients"):
        graph.get_gradient_edge(pb.ones(1))


def test_a_split_backward() -> None:
    """The use that edges are made for: a backward in two parts."""
    x, w = leaf(2.0), leaf(3.0)
    hidden = x * w
    edge = graph.get_gradient_edge(hidden)
    loss = (hidden * hidden).sum()
    del hidden
    (upstream,) = pb.autograd.grad(loss, edge)
    x_grad, w_grad = pb.autograd.grad(edge, [x, w], upstream)
    assert (x_grad.tolist(), w_grad.tolist()) == ([36.0], [24.0])


# --- hooks over several tensors ---


def test_a_multi_hook_and_grad() -> None:
    """Beyond torch, which refuses leaves under autograd.grad."""
    seen = []
    a, b = leaf(2.0), leaf(3.0)
    graph.register_multi_grad_hook(
        [a, b], lambda grads: seen.append([g and g.item() for g in grads])
    )
    pb.autograd.grad(a * b, [a, b])
    pb.autograd.grad(a * b, b)
    assert seen == [[3.0, 2.0], [None, 2.0]]


def test_a_multi_hook_in_nested_passes() -> None:
    seen: list[Any] = []
    a = leaf(2.0)
    y, z = a * 2, a * 3

    def gathered(grads: list[Any]) -> None:
        seen.append([None if g is None else g.item() for g in grads])

    graph.register_multi_grad_hook([y, z], gathered)

    def nested(g: Any) -> None:
        if len(seen) == 0:
            pb.autograd.grad(scaled, a, retain_graph=True)

    scaled = y * 5
    w = y * z
    w.register_hook(nested)
    w.backward()
    assert seen == [[5.0, None], [6.0, 4.0]]


def test_a_multi_hook_does_not_keep_its_tensors() -> None:
    before = _core.live_objects()
    a = leaf(2.0)
    y, z = a * 2, a * 3
    handle = graph.register_multi_grad_hook([y, z], print)
    del a, y, z
    assert _core.live_objects() == before
    handle.remove()


def test_a_multi_hook_whose_tensor_is_gone() -> None:
    seen = []
    a, b = leaf(2.0), leaf(3.0)
    graph.register_multi_grad_hook([a, b], lambda grads: seen.append(len(grads)))
    del b
    (a * 2).backward()
    assert seen == [2]


def test_the_first_of_several_wins_once_in_a_pass() -> None:
    seen: list[float] = []
    a, b = leaf(2.0), leaf(3.0)
    handle = graph.register_multi_grad_hook([a, b], lambda g: seen.append(g.item()), mode="any")
    (a * b).backward()
    b.sum().backward()
    assert seen == [3.0, 1.0]
    handle.remove()
    (a * b).backward()
    assert len(seen) == 2


def test_versions() -> None:
    x = leaf(1.0)
    y = x * 1
    z = y * y
    graph.increment_version(y)
    assert y._version == 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()
