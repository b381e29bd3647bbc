"""``replace_pattern``: parts of a graph that look like a pattern become something else."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import pullback as pb
from pullback.fx._symbolic_trace import symbolic_trace
from pullback.fx.graph import Graph
from pullback.fx.graph_module import GraphModule, _copy_attribute
from pullback.fx.node import Argument, Node
from pullback.nn import Module

__all__ = ["Match", "replace_pattern"]


class Match(NamedTuple):
    """A place where the pattern was found."""

    anchor: Node
    nodes_map: dict[Node, Any]


def _graph_of(program: Any) -> tuple[Graph, Any]:
    if isinstance(program, Graph):
        return program, None
    if isinstance(program, GraphModule):
        return program.graph, program
    traced = symbolic_trace(program)
    return traced.graph, traced


def _is_input(argument: Argument) -> bool:
    return isinstance(argument, Node) and argument.op == "placeholder"


def _same_constant(own: Any, other: Any) -> bool:
    """Whether programs cannot tell them apart: 1, 1.0 and True are equal, but not the same."""
    return type(own) is type(other) and bool(own == other)


def _pairs(wanted: Argument, own: Argument) -> list[tuple[Node, Argument]] | None:
    """Which arguments stand for the nodes of the pattern in one of its; None if it differs."""
    if isinstance(wanted, Node):
        return [(wanted, own)] if isinstance(own, Node) or _is_input(wanted) else None
    parts: list[tuple[Argument, Argument]]
    if isinstance(wanted, (tuple, list)):
        if not isinstance(own, (tuple, list)) or len(wanted) != len(own):
            return None
        parts = list(zip(wanted, own, strict=True))
    elif isinstance(wanted, dict):
        if not isinstance(own, dict) or wanted.keys() != own.keys():
            return None
        parts = [(value, own[key]) for key, value in wanted.items()]
    elif isinstance(wanted, slice):
        if not isinstance(own, slice):
            return None
        ends = ("start", "stop", "step")
        parts = [(getattr(wanted, end), getattr(own, end)) for end in ends]
    else:
        return [] if _same_constant(wanted, own) else None
    found: list[tuple[Node, Argument]] = []
    for each, other in parts:
        below = _pairs(each, other)
        if below is None:
            return None
        found += below
    return found


def _constant(node: Node) -> Any:
    """The value of a tensor that a traced program made itself; else None."""
    is_constant = node.op == "get_attr" and node.target.startswith("_tensor_constant")
    return getattr(node.graph.owning_module, node.target, None) if is_constant else None


def _same_step(pattern: Node, node: Node) -> bool:
    own, other = _constant(pattern), _constant(node)
    if own is not None or other is not None:  # their names are numbers, which say nothing
        same = own is not None and other is not None and own.dtype == other.dtype
        return same and pb.equal(own, other)
    return pattern.op == node.op and (pattern.target == node.target)


def _match(anchor: Node, node: Node, inner: set[Node]) -> dict[Node, Any] | None:
    """Which nodes stand for those of the pattern that end in ``anchor``; None if they do not.

    A node stands for one of the pattern only; for an input of the pattern a constant may stand.
    """
    found: dict[Node, Any] = {}
    used: set[Node] = set()
    pending: list[tuple[Node, Argument]] = [(anchor, node)]
    while pending:
        wanted, own = pending.pop()
        if wanted in found:
            if found[wanted] is not own and not _same_constant(found[wanted], own):
                return None
            continue
        found[wanted] = own
        if isinstance(own, Node):
            if own in used:
                return None
            used.add(own)
        if wanted.op == "placeholder":
            continue
        if not isinstance(own, Node) or not _same_step(wanted, own):
            return None
        below = _pairs((wanted.args, wanted.kwargs), (own.args, own.kwargs))
        if below is None:
            return None
        pending += below
    taken = {found[each] for each in inner if each in found}
    for each in inner:
        # What the part computes on the way may not be read from outside of it.
        if each in found and each is not anchor and set(found[each].users) - taken:
            return None
    return found


def _brought(gm: GraphModule, new: Graph, owner: Any) -> dict[Node, str]:
    """Gives the module what the replacement reads and it has not; new names of constants."""
    renamed: dict[Node, str] = {}
    for node in new.nodes if owner is not None else ():
        if _constant(node) is not None:
            free = (f"_tensor_constant{n}" for n in itertools.count())
            renamed[node] = next(name for name in free if not hasattr(gm, name))
            setattr(gm, renamed[node], _constant(node))
        elif node.op in ("get_attr", "call_module"):
            place: Any = gm
            for name in node.target.split("."):
                place = getattr(place, name, None)
            if place is None:
                _copy_attribute(owner, gm, node.target)
    return renamed


def replace_pattern(
    gm: GraphModule,
    pattern: Callable[..., Any] | Module | GraphModule,
    replacement: Callable[..., Any] | Module | GraphModule,
) -> list[Match]:
    """Replace every part of a program that looks like a pattern, in place.

    Args:
        gm: the traced module.
        pattern: a program with one result; its inputs stand for any values.
        replacement: a program with the same inputs.

    Returns:
        The places, each with the node of the result and the nodes by those of the pattern (or
        the constant that stands for an input).

    Raises:
        ValueError: the pattern has no single result, or the two have different numbers of inputs.

    Example:
        >>> import pullback as pb
        >>> traced = pb.fx.symbolic_trace(lambda x: pb.relu(x) + 1)
        >>> found = pb.fx.replace_pattern(traced, lambda a: pb.relu(a), lambda a: pb.neg(a))
        >>> len(found), traced(pb.ones(1))
        (1, tensor([0.]))
    """
    wanted, _ = _graph_of(pattern)
    new, owner = _graph_of(replacement)
    anchor = wanted.output_node().args[0]
    if not isinstance(anchor, Node) or anchor.op == "placeholder":
        raise ValueError("replace_pattern: the pattern must compute one result.")
    inputs = [n for n in wanted.nodes if n.op == "placeholder"]
    new_inputs = [n for n in new.nodes if n.op == "placeholder"]
    if len(inputs) != len(new_inputs):
        raise ValueError(
            f"replace_pattern: got a pattern with {len(inputs)} inputs and a replacement with "
            f"{len(new_inputs)}, expected the same number."
        )
    inner = {n for n in wanted.nodes if n.op not in ("placeholder", "output")}
    matches: list[Match] = []
    taken: set[Node] = set()
    for node in gm.graph.nodes:
        found = _match(anchor, node, inner) if node.op not in ("placeholder", "output") else None
        if found is None:
            continue
        own = {found[each] for each in inner if each in found}
        if not own & taken and all(each in found for each in inputs):
            taken |= own
            matches.append(Match(node, found))
    renamed = _brought(gm, new, owner) if matches else {}
    # An input of one part may be the result of another, which is a new node by then.
    made: dict[Node, Node] = {}
    for match in matches:
        values = {}
        for theirs, mine in zip(inputs, new_inputs, strict=True):
            value = match.nodes_map[theirs]
            values[mine] = made.get(value, value) if isinstance(value, Node) else value
        with gm.graph.inserting_before(match.anchor):
            result = gm.graph.graph_copy(new, values)
        for node, name in renamed.items():
            values[node].target = name
        match.anchor.replace_all_uses_with(result)
        made[match.anchor] = result
        own = {match.nodes_map[each] for each in inner if each in match.nodes_map}
        for node in reversed(gm.graph.nodes):
            if node in own and not node.users:
                gm.graph.erase_node(node)
    gm.recompile()
    return matches
