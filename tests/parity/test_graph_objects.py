"""Nodes, edges, saved tensors and their hooks side by side with torch.

The names of all that nodes save are compared in test_graph_table.py.
"""

from __future__ import annotations

from typing import Any

import pytest

import pullback as pb
from scenarios import Scenario, check, make

torch = pytest.importorskip("torch")


def leaf(t: Any, *values: float) -> Any:
    return t.tensor(values, dtype=t.float64, requires_grad=True)


# --- saved_tensors_hooks ---


def saving(pack: Any = None, unpack: Any = None) -> Scenario:
    def scenario(t: Any) -> Any:
        log: list[Any] = []

        def on_pack(x: Any) -> Any:
            seen = (x.requires_grad, x.grad_fn is None, x.is_leaf, t.is_grad_enabled())
            log.append(("pack", *seen, x.tolist()))
            return pack(t, x) if pack else x.detach().clone()

        def on_unpack(x: Any) -> Any:
            log.append(("unpack", x.tolist(), t.is_grad_enabled()))
            return unpack(t, x) if unpack else x

        x = leaf(t, 2.0, 3.0)
        with t.autograd.graph.saved_tensors_hooks(on_pack, on_unpack):
            y = x * x
            z = y.exp().sum()
        log.append("backward")
        (g,) = t.autograd.grad(z, x, create_graph=True)
        return g.detach(), t.autograd.grad(g.sum(), x), log

    return scenario


def innermost_wins(t: Any) -> Any:
    log: list[str] = []
    x = leaf(t, 2.0)

    def hooks(name: str) -> Any:
        return t.autograd.graph.saved_tensors_hooks(
            lambda x: (log.append(name), x.detach())[1], lambda x: x
        )

    with hooks("outer"):
        with hooks("inner"):
            y = x.sin()
        y = y.sin()
    y.sin()
    return log


def packing_inside_packing(t: Any) -> Any:
    depth: list[int] = []

    def pack(x: Any) -> Any:
        depth.append(len(depth))
        if len(depth) < 4:
            with t.enable_grad():
                leaf(t, 1.0).sin()
        return x.detach()

    with t.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        leaf(t, 1.0).sin()
    return depth


def changed_by_unpack(t: Any) -> Any:
    x = leaf(t, 2.0)
    with t.autograd.graph.saved_tensors_hooks(lambda x: x.detach() * 10, lambda x: x):
        y = x * x
    y.backward()
    return x.grad


def versions_are_not_compared(t: Any) -> Any:
    x = leaf(t, 2.0)
    y = x * 1
    with t.autograd.graph.saved_tensors_hooks(lambda x: x.detach().clone(), lambda x: x):
        z = y * y
    y.zero_()
    z.backward()
    return x.grad


def second_backward(t: Any) -> Any:
    x = leaf(t, 2.0)
    with t.autograd.graph.saved_tensors_hooks(lambda x: x.detach(), lambda x: x):
        y = x * x
    y.backward()
    y.backward()


def disabled(t: Any) -> Any:
    graph = t.autograd.graph
    seen = []

    def attempt(context: Any) -> None:
        try:
            with context:
                pass
        except RuntimeError as error:
            seen.append(str(error))

    with graph.disable_saved_tensors_hooks("not here"):
        attempt(graph.saved_tensors_hooks(lambda x: x, lambda x: x))
        with graph.disable_saved_tensors_hooks("inner"):
            attempt(graph.saved_tensors_hooks(lambda x: x, lambda x: x))
        attempt(graph.saved_tensors_hooks(lambda x: x, lambda x: x))
    attempt(graph.saved_tensors_hooks(lambda x: x, lambda x: x))
    with graph.saved_tensors_hooks(lambda x: x.detach(), lambda x: x):
        attempt(graph.disable_saved_tensors_hooks("active already"))
    return seen


def on_cpu(t: Any) -> Any:
    x = leaf(t, 2.0, 3.0)
    with t.autograd.graph.save_on_cpu():
        y = (x * x).exp().sum()
    y.backward()
    return x.grad


# --- SavedTensor ---


def raw_hooks(t: Any) -> Any:
    log: list[Any] = []
    x = leaf(t, 2.0)
    y = x * x
    node = y.grad_fn
    raw = node._raw_saved_self
    log.append((type(raw).__name__, node._saved_self is x, node._saved_other is x))
    raw.register_hooks(
        lambda x: (log.append((x.requires_grad, x.is_leaf)), x.detach() * 10)[1], lambda x: x
    )
    log.append(node._saved_self.detach())
    y.backward()
    return log, x.grad


def raw_hooks_twice(t: Any) -> Any:
    y = leaf(t, 2.0) ** 2  # torch's SavedTensor does not keep its node alive
    raw = y.grad_fn._raw_saved_self
    raw.register_hooks(lambda x: x.detach(), lambda x: x)
    raw.register_hooks(lambda x: x.detach(), lambda x: x)


def raw_hooks_of_nothing(t: Any) -> Any:
    y = leaf(t, 2.0) * t.ones(1, dtype=t.float64)
    y.grad_fn._raw_saved_self.register_hooks(lambda x: x, lambda x: x)


def raw_hooks_after_release(t: Any) -> Any:
    y = leaf(t, 2.0) ** 2
    y.backward()
    y.grad_fn._raw_saved_self.register_hooks(lambda x: x, lambda x: x)


def saved_after_release(t: Any) -> Any:
    y = leaf(t, 2.0) ** 2
    y.backward()
    return y.grad_fn._saved_self


def saved_result(t: Any) -> Any:
    y = leaf(t, 2.0).exp()
    saved = y.grad_fn._saved_result
    return saved is y, saved.grad_fn is y.grad_fn, saved.detach()


def a_saved_tensor_by_hand(t: Any) -> Any:
    y = leaf(t, 2.0).sin()
    return type(y.grad_fn._raw_saved_self)()


def setting_what_is_saved(t: Any) -> None:
    node = leaf(t, 2.0).sin().grad_fn
    try:
        node._saved_self = 1
    except AttributeError:
        return
    raise AssertionError


# --- nodes and edges ---


def a_node(t: Any) -> Any:
    x = leaf(t, 1.0)
    node = (x * 2).grad_fn
    (accumulator, number), (nothing, _) = node.next_functions
    node.metadata["note"] = 1
    return (
        isinstance(node, t.autograd.graph.Node),
        isinstance(accumulator, t.autograd.graph.Node),
        isinstance(x, t.autograd.graph.Node),
        issubclass(type(node), t.autograd.graph.Node),
        (node.name(), accumulator.name(), type(accumulator).__name__),
        (number, nothing, accumulator.next_functions, accumulator.variable is x),
        node.metadata,
        node._sequence_nr() < (x * 3).grad_fn._sequence_nr() < accumulator._sequence_nr(),
    )


def an_edge(t: Any) -> Any:
    x = leaf(t, 2.0)
    a, b = x.expand(2).unbind()
    edge = t.autograd.graph.get_gradient_edge(b)
    at_leaf = t.autograd.graph.get_gradient_edge(x)
    return (
        (edge._fields, edge.node is b.grad_fn, edge.output_nr, edge.ownership_token),
        (type(at_leaf.node).__name__, at_leaf.output_nr, at_leaf.node.variable is x),
        edge == t.autograd.graph.get_gradient_edge(b),
        edge == t.autograd.graph.get_gradient_edge(a),
    )


def edges_as_roots(t: Any) -> Any:
    x = leaf(t, 2.0)
    y = x * x
    edge = t.autograd.graph.get_gradient_edge(y)
    seed = t.tensor([3.0], dtype=t.float64)
    found = [
        t.autograd.grad(edge, x, retain_graph=True),
        t.autograd.grad([edge, y], x, retain_graph=True),
        t.autograd.grad(edge, x, seed, retain_graph=True),
        t.autograd.grad(t.autograd.graph.GradientEdge(y.grad_fn, 0), x, retain_graph=True),
        t.autograd.grad(t.autograd.graph.get_gradient_edge(x), x),
    ]
    t.autograd.backward(edge, retain_graph=True)
    t.autograd.backward([edge], [seed])
    return found, x.grad


def an_edge_with_seed(*shape: int, dtype: str = "float64") -> Scenario:
    def scenario(t: Any) -> Any:
        x = leaf(t, 2.0, 3.0)
        edge = t.autograd.graph.get_gradient_edge(x * x)
        seed = t.ones(shape, dtype=getattr(t, dtype)) if shape else None
        return t.autograd.grad(edge, x, seed)

    return scenario


def edges_as_inputs(t: Any) -> Any:
    x = leaf(t, 2.0)
    y = x * x
    z = y * 3
    edge, at_leaf = map(t.autograd.graph.get_gradient_edge, (y, x))
    found = [
        t.autograd.grad(z, edge, retain_graph=True),
        t.autograd.grad(z, [at_leaf, y, edge], retain_graph=True),
    ]
    y.register_hook(lambda g: g * 10)
    del y
    found.append(t.autograd.grad(z, [edge], retain_graph=True))
    z.backward(inputs=[edge], retain_graph=True)
    found.append(x.grad)
    z.backward(inputs=at_leaf)
    return found, x.grad


def an_unused_edge(**options: Any) -> Scenario:
    def scenario(t: Any) -> Any:
        edge = t.autograd.graph.get_gradient_edge(leaf(t, 1.0) * 2)
        return t.autograd.grad(leaf(t, 2.0) * 3, edge, **options)

    return scenario


# --- register_multi_grad_hook ---


def multi(mode: str) -> Scenario:
    def scenario(t: Any) -> Any:
        log: list[Any] = []
        a, b, c = leaf(t, 1.0), leaf(t, 2.0), leaf(t, 3.0)
        handle = t.autograd.graph.register_multi_grad_hook([a, b, c], log.append, mode=mode)
        for y in (a * b, a * b * c, a * 2):
            y.backward()
            log.append("next")
        handle.remove()
        (a * b * c).backward()
        return log, a.grad, type(handle).__name__

    return scenario


def multi_of_non_leaves(t: Any) -> Any:
    log: list[Any] = []
    a, b = leaf(t, 1.0), leaf(t, 2.0)
    y, z = a * b, a + b
    t.autograd.graph.register_multi_grad_hook((y, z), log.append)
    (y * 2).backward(retain_graph=True)
    (y * z).backward(retain_graph=True)
    t.autograd.grad(y * z, a, retain_graph=True)
    return log


def multi_with_an_error(t: Any) -> Any:
    a = leaf(t, 1.0)
    y, z = a * 2, a * 3

    def hook(gradients: Any) -> None:
        raise ZeroDivisionError

    handle = t.autograd.graph.register_multi_grad_hook((y, z), hook)
    try:
        (y * z).backward(retain_graph=True)
    except ZeroDivisionError:
        handle.remove()
    (y * z).backward()
    return a.grad


# --- mutation of what is saved ---


def mutation(t: Any) -> Any:
    with t.autograd.graph.allow_mutation_on_saved_tensors():
        x = leaf(t, 2.0, 3.0)
        a = x.clone()
        b = (a * a).sum()
        a.sin_()
        c = a.exp()
        d = c.sum()
        c.mul_(5)
        v = a[0]
        e = v * v
        v.zero_()
        (b + d + e).backward()
    return x.grad


def mutation_of_a_leaf(t: Any) -> Any:
    with t.autograd.graph.allow_mutation_on_saved_tensors():
        x = leaf(t, 2.0, 3.0)
        y = (x * x).sum()
        with t.no_grad():
            x.zero_()
        y.backward()
    return x, x.grad


def mutation_copies_once(t: Any) -> Any:
    """What is saved several times at one version has one copy."""
    counts = []
    with t.autograd.graph.allow_mutation_on_saved_tensors() as context:
        x = leaf(t, 2.0, 3.0)
        a = x.clone()
        b, c, part = a**2, a**3, a[:1] ** 2
        a.sin_()
        counts.append(len(context.cloned))
        d = a * a
        a.mul_(2)
        counts.append(len(context.cloned))
        (b.sum() + c.sum() + d.sum() + part.sum()).backward()
    return counts, x.grad


def backward_outside(t: Any) -> Any:
    with t.autograd.graph.allow_mutation_on_saved_tensors():
        x = leaf(t, 2.0)
        y = x * x
    y.backward()


def mutation_nested(t: Any) -> Any:
    allow = t.autograd.graph.allow_mutation_on_saved_tensors
    with allow(), allow():
        pass


def saved_indices(t: Any) -> Any:
    x = t.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    found = []
    for y in (x[t.tensor([1])], x[:, t.tensor([0, 2])], x[None, t.tensor([0])]):
        node = y.grad_fn
        raw = [each.unpack() for each in node._raw_saved_indices]
        found += [node._saved_indices, raw, node._saved_self_sym_sizes]
    return found


def saved_indices_after_release(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    y = x[t.tensor([1])]
    y.sum().backward()
    return y.grad_fn._saved_indices


def hooks_on_the_place_of_none(t: Any) -> Any:
    y = t.ones(2, 2, requires_grad=True)[:, t.tensor([0])]
    raw = y.grad_fn._raw_saved_indices[0]
    raw.register_hooks(lambda x: x, lambda x: x)


def sizes_of_a_product(t: Any) -> Any:
    a, b = t.ones(2, 3, requires_grad=True), t.ones(4, 3, requires_grad=True)
    node = (a @ b.t()).grad_fn
    names = [f"_saved_{of}_sym_{what}" for of in ("self", "mat2") for what in ("sizes", "strides")]
    return [getattr(node, name) for name in names], [name in dir(node) for name in names]


def constants_of_nodes(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    added, taken = t.add(x, x, alpha=3), t.sub(x, x, alpha=3)
    alphas = [(x + x), (x - x), added, taken]
    scales = [t.nn.functional.elu(x), t.nn.functional.selu(x)]
    clamped = [x.clamp(max=1.0), x.clamp(min=1.0), x.clamp(max=x), x.clamp(min=x)]
    return (
        [float(y.grad_fn._saved_alpha) for y in alphas],
        [round(float(y.grad_fn._saved_scale), 4) for y in scales],
        [(y.grad_fn._saved_min, y.grad_fn._saved_max) for y in clamped],
    )


def inputs_that_take_no_gradient(t: Any) -> Any:
    x = t.ones(2, 3, requires_grad=True)
    index, mask = t.tensor([[0, 1]]), t.tensor([[True, False, True]])
    made = [
        x.gather(0, index),
        x.index_select(0, index[0]),
        x.masked_fill(mask, 2.0),
        x.masked_fill(mask, x.sum()),
        t.where(mask, x, 0.0),
        t.where(mask, 0.0, x),
        x**3.0,
        2.0**x,
        x.clamp(max=x),
        x * 2,
        x[:, index[0]],
        x.scatter(0, index, x[:1, :2]),
    ]
    counts = []
    for y in made:
        node = y.grad_fn
        node.register_hook(lambda given, _: counts.append([g is not None for g in given]))
        y.sum().backward()
    edges = [[each and each.name() for each, _ in y.grad_fn.next_functions] for y in made]
    return edges, counts, x.grad


def hooks_replace_in_the_order_of_the_edges(t: Any) -> Any:
    x, v = leaf(t, 1.0, 2.0), t.tensor(3.0, dtype=t.float64, requires_grad=True)
    y = x.masked_fill(t.tensor([True, False]), v)
    y.grad_fn.register_hook(lambda given, _: (given[0] * 10, given[1] * 100))
    y.sum().backward()
    return x.grad, v.grad


def raw_saved_tensors_of_a_function(t: Any) -> Any:
    def backward(ctx: Any, g: Any) -> Any:
        x, _, y = ctx.saved_tensors
        return g * x * 2, g * y

    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.save_for_backward(x, None, y)
        return x * y

    x, y = leaf(t, 1.0, 2.0), leaf(t, 3.0, 4.0)
    z = make(t, forward, backward).apply(x, y)
    raw = z.grad_fn._raw_saved_tensors
    raw[0].register_hooks(lambda x: x.detach() * 10, lambda x: x)
    values = [
        None if value is None else value.tolist() for value in (each.unpack() for each in raw)
    ]
    found = values, [n for n in dir(z.grad_fn) if n[:7] == "_saved_"]
    z.sum().backward()
    return found, x.grad, y.grad


def raw_saved_tensors_after_release(t: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * 2

    y = make(t, forward, lambda ctx, g: g).apply(leaf(t, 1.0))
    y.backward()
    return y.grad_fn._raw_saved_tensors


def versions(t: Any) -> Any:
    x = t.ones(2)
    t.autograd.graph.increment_version(x)
    t.autograd.graph.increment_version([x, x[:1]])
    return x._version


SCENARIOS = {
    "saving": saving(),
    "pack modifies": saving(pack=lambda t, x: x.detach().mul_(2)),
    "pack raises": saving(pack=lambda t, x: {}["missing"]),
    "unpack gives no tensor": saving(unpack=lambda t, x: 1),
    "unpack gives another dtype": saving(unpack=lambda t, x: t.zeros(2)),
    "unpack raises": saving(unpack=lambda t, x: {}["missing"]),
    "no edge": lambda t: t.autograd.graph.get_gradient_edge(t.ones(1)),
    "edge without seed": an_edge_with_seed(),
    "edge with a seed of another shape": an_edge_with_seed(3),
    "edge with a seed": an_edge_with_seed(2),
    "edge with a seed of another dtype": an_edge_with_seed(2, dtype="float32"),
    "unused edge": an_unused_edge(),
    "unused edge allowed": an_unused_edge(allow_unused=True),
    "unused edge materialized": an_unused_edge(materialize_grads=True),
    "multi all": multi("all"),
    "multi any": multi("any"),
    "multi other": multi("other"),
    "multi without gradient": lambda t: t.autograd.graph.register_multi_grad_hook(
        [t.ones(1)], print
    ),
    "version of nothing": lambda t: t.autograd.graph.increment_version(3),
    "version of no tensors": lambda t: t.autograd.graph.increment_version([3]),
} | {
    each.__name__: each
    for each in (
        innermost_wins,
        packing_inside_packing,
        changed_by_unpack,
        versions_are_not_compared,
        second_backward,
        disabled,
        on_cpu,
        raw_hooks,
        raw_hooks_twice,
        raw_hooks_of_nothing,
        raw_hooks_after_release,
        saved_after_release,
        saved_result,
        a_saved_tensor_by_hand,
        setting_what_is_saved,
        a_node,
        an_edge,
        edges_as_roots,
        edges_as_inputs,
        multi_of_non_leaves,
        multi_with_an_error,
        mutation,
        mutation_of_a_leaf,
        mutation_copies_once,
        backward_outside,
        mutation_nested,
        saved_indices,
        saved_indices_after_release,
        hooks_on_the_place_of_none,
        sizes_of_a_product,
        constants_of_nodes,
        inputs_that_take_no_gradient,
        hooks_replace_in_the_order_of_the_edges,
        raw_saved_tensors_of_a_function,
        raw_saved_tensors_after_release,
        versions,
    )
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str) -> None:
    check(SCENARIOS[name], pb, torch)
