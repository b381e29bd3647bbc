"""Nodes, edges, saved tensors and their hooks side by side with torch."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import pullback as pb
from scenarios import Scenario, check

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


def backward_outside(t: Any) -> Any:
    with t.autograd.graph.allow_mutation_on_saved_tensors():
        x = leaf(t, 2.0)
        y = x * x
    y.backward()


def mutation_nested(t: Any) -> Any:
    allow = t.autograd.graph.allow_mutation_on_saved_tensors
    with allow(), allow():
        pass


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
    "edge of no tensor": lambda t: t.autograd.graph.get_gradient_edge(3),
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
        backward_outside,
        mutation_nested,
        versions,
    )
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str) -> None:
    check(SCENARIOS[name], pb, torch)


# --- the names of what is saved ---

SAVED: dict[str, tuple[Any, str]] = {
    "exp": (lambda t, x: x.exp(), "result"),
    "sin": (lambda t, x: x.sin(), "self"),
    "relu": (lambda t, x: x.relu(), "result"),
    "pow": (lambda t, x: x**2, "self exponent"),
    "pow 3": (lambda t, x: x**3.5, "self exponent"),
    "pow tensor": (lambda t, x: x**x, "self exponent result"),
    "mul": (lambda t, x: x * x, "self other"),
    "div": (lambda t, x: x / x, "self other"),
    "atan2": (lambda t, x: t.atan2(x, x), "self other"),
    "where": (lambda t, x: t.where(x > 0, x, x), "condition"),
    "clamp": (lambda t, x: x.clamp(0, 1), "self min max"),
    "hardtanh": (lambda t, x: t.nn.functional.hardtanh(x), "self min_val max_val"),
    "leaky_relu": (lambda t, x: t.nn.functional.leaky_relu(x), "self negative_slope"),
    "softplus": (lambda t, x: t.nn.functional.softplus(x), "self beta threshold"),
    "mm": (lambda t, x: x @ x.t(), "self mat2"),
    "mv": (lambda t, x: x @ x[0], "self vec"),
    "dot": (lambda t, x: x[0] @ x[0], "self tensor"),
    "bmm": (lambda t, x: t.bmm(x[None], x.t()[None]), "self mat2"),
    "addmm": (lambda t, x: t.addmm(x[:, :2], x, x.t(), beta=2), "mat1 mat2 alpha beta"),
    "sum": (lambda t, x: x.sum(), "self_sym_sizes"),
    "sum 1": (lambda t, x: x.sum(1, keepdim=True), "self_sym_sizes dim keepdim"),
    "mean 1": (lambda t, x: x.mean(1), "self_sym_sizes dim keepdim"),
    "var": (lambda t, x: x.var(1), "self dim keepdim correction"),
    "logsumexp": (lambda t, x: x.logsumexp(1), "self result dim keepdim"),
    "prod": (lambda t, x: x.prod(1), "self dim keepdim"),
    "max": (lambda t, x: x.max(), "self result"),
    "max 1": (lambda t, x: x.max(1)[0], "indices dim keepdim self_sym_sizes"),
    "amax": (lambda t, x: x.amax(1), "self result dim keepdim"),
    "softmax": (lambda t, x: x.softmax(1), "result dim"),
    "log_softmax": (lambda t, x: x.log_softmax(0), "result dim"),
    "cumsum": (lambda t, x: x.cumsum(1), "dim"),
    "cumprod": (lambda t, x: x.cumprod(1), "self result dim"),
    "sort": (lambda t, x: x.sort()[0], "indices self_sym_sizes"),
    "gather": (lambda t, x: x.gather(1, t.tensor([[0], [1]])), "index dim"),
    "index_select": (
        lambda t, x: x.index_select(0, t.tensor([0])),
        "index dim self_sym_sizes",
    ),
    "select": (lambda t, x: x[1], "dim index self_sym_sizes"),
    "slice": (lambda t, x: x[:, 1:], "dim start step self_sym_sizes"),
    "diagonal": (lambda t, x: x.diagonal(), "dim1 dim2 offset self_sym_sizes"),
    "view": (lambda t, x: x.view(3, 2), "self_sym_sizes"),
    "expand": (lambda t, x: x.expand(4, 2, 3), "self_sym_sizes"),
    "permute": (lambda t, x: x.permute(1, 0), "dims"),
    "unsqueeze": (lambda t, x: x.unsqueeze(1), "dim"),
    "cat": (lambda t, x: t.cat([x, x]), "dim"),
    "stack": (lambda t, x: t.stack([x, x]), "dim"),
    "unbind": (lambda t, x: x.unbind()[0], "dim"),
    "split": (lambda t, x: x.split(1)[0], "dim split_size self_sym_sizes"),
    "repeat": (lambda t, x: x.repeat(2, 1), "repeats"),
    "tril": (lambda t, x: x.tril(), "diagonal"),
    "masked_fill": (lambda t, x: x.masked_fill(x > 0, 1), "mask"),
    "mse_loss": (lambda t, x: t.nn.functional.mse_loss(x, x), "self target reduction"),
    "smooth_l1": (
        lambda t, x: t.nn.functional.smooth_l1_loss(x, x),
        "self target reduction beta",
    ),
    "nll_loss": (
        lambda t, x: t.nn.functional.nll_loss(x, t.tensor([0, 1])),
        "target weight reduction",
    ),
    "bce": (
        lambda t, x: t.nn.functional.binary_cross_entropy_with_logits(x, x.detach()),
        "self target weight pos_weight reduction",
    ),
}


@pytest.mark.parametrize("name", SAVED)
def test_names_of_what_is_saved(name: str) -> None:
    make, attributes = SAVED[name]

    def values(t: Any) -> Any:
        x = t.tensor([[0.5, 1.5, -2.0], [3.0, 0.25, 1.0]], dtype=t.float64, requires_grad=True)
        node = make(t, x).grad_fn
        found = []
        for attribute in attributes.split():
            assert f"_saved_{attribute}" in dir(node)
            value = getattr(node, f"_saved_{attribute}")
            if isinstance(value, t.Tensor):
                value = (value.to(t.float64) * 1e9).round().tolist()
            found.append(value)
        return node.name(), found

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert values(pb) == values(torch)
