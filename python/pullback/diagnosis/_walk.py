"""Walks over a recorded graph, without recursion; what ``explain`` and ``why_none`` share.

Start reading at ``nodes_of``. Nodes are the Python objects of ``grad_fn``; a list of them keeps
them, and with them the dictionaries that use them as keys, alive.
"""

from __future__ import annotations

import linecache
from dataclasses import dataclass, field
from typing import Any

from pullback import _core

__all__ = ["Explanation", "nodes_of", "place_of", "show_place", "source_line"]


@dataclass(frozen=True, repr=False)
class Explanation:
    """What was found; prints as text.

    Attributes:
        text: everything in words.
        place: ``file:line in function`` of the line at fault, or None.
        operator: the name of the node at fault, or None.
        index: where the first bad value is in the result, or None.
        values: what the operands hold there, or the operands' ranges, by name.
        places: every line that the text names, the one at fault first.
    """

    text: str
    place: str | None = None
    operator: str | None = None
    index: tuple[int, ...] | None = None
    values: dict[str, Any] = field(default_factory=dict)
    places: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__


def nodes_of(roots: list[Any]) -> tuple[list[Any], list[Any]]:
    """The nodes that the tensors depend on, oldest first, and the leaves."""
    found: dict[Any, None] = {}
    leaves: dict[Any, None] = {}
    pending = []
    for root in roots:
        node = root.grad_fn
        if node is None:
            if root.requires_grad:
                leaves[_core._accumulator(root)] = None
        elif node not in found:
            found[node] = None
            pending.append(node)
    while pending:
        for target, _ in pending.pop()._inputs:
            if target is None:
                continue
            if hasattr(target, "variable"):
                leaves[target] = None
            elif target not in found:
                found[target] = None
                pending.append(target)
    return sorted(found, key=lambda node: node._sequence_nr()), list(leaves)


def place_of(node: Any) -> str | None:
    """``file:line in function`` of the line that recorded a node."""
    return getattr(node, "recorded_at", None)


def source_line(place: str | None) -> str:
    """The text of the line, or an empty string."""
    if not place:
        return ""
    file, _, number = place.rpartition(" in ")[0].rpartition(":")
    return linecache.getline(file, int(number)).strip() if number.isdigit() else ""


def show_place(place: str | None) -> str:
    """The place and the text of its line, indented, for a report."""
    code = source_line(place)
    return f"  at {place or 'an unknown line'}" + (f"\n     {code}" if code else "")
