"""Walks over a recorded graph, without recursion, and what is known of tensors and nodes in words.

Shared by everything in this folder. Start reading at ``nodes_of``. Nodes are the Python objects of
``grad_fn``; a list of them keeps them, and with them the dictionaries that use them as keys, alive.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pullback import _arguments, _core

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


def consumers_of(nodes: list[Any]) -> dict[Any, list[tuple[Any, int]]]:
    """Who gives to a node, a leaf's accumulator or one output (node, number): (node, edge)."""
    found: dict[Any, list[tuple[Any, int]]] = {}
    for node in nodes:
        for i, (target, number) in enumerate(node._inputs):
            if target is not None:
                found.setdefault(target, []).append((node, i))
                found.setdefault((target, number), []).append((node, i))
    return found


# --- places and origins ---


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


def origin_of(value: Any) -> str:
    """Where a tensor was made, recorded or cut off: a sentence, or an empty string."""
    return str(getattr(value, "_origin", "") or "").strip()


def place_in(sentence: str) -> str | None:
    """The ``file:line in function`` at the end of an origin."""
    _, found, rest = sentence.rpartition(" at ")
    return rest.rstrip(".") if found else None


def hooks_at(target: Any) -> list[str]:
    """``file:line in name`` of the hooks that a gradient meets before it reaches a node or leaf."""
    return list(_core._hook_places(target))


def shape_of(value: Any) -> str:
    return str(tuple(value.shape)) if isinstance(value, _core.Tensor) else "number"


def is_bad(value: Any) -> bool:
    """Whether a tensor or number holds NaN or infinity."""
    if isinstance(value, float):
        return value != value or value in (float("inf"), float("-inf"))
    if not isinstance(value, _core.Tensor) or not value.is_floating_point():
        return False
    return not bool(value.isfinite().all())


def is_zero(value: Any) -> bool:
    return isinstance(value, _core.Tensor) and not bool(value.any())


def grad_of(tensor: Any) -> Any:
    """``.grad`` without the warning of results that keep none."""
    return tensor.grad if tensor.is_leaf or tensor.retains_grad else None


# --- arguments ---


def require_tensor(name: str, value: Any) -> None:
    """Raise a TypeError for what is no tensor."""
    _arguments.tensors(name, tensor=value)


def roots_of(name: str, loss: Any) -> tuple[Any, ...]:
    """The loss, or the losses, as a tuple."""
    roots = tuple(loss) if isinstance(loss, (list, tuple)) else (loss,)
    for root in roots:
        _arguments.tensors(name, loss=root)
    return roots


# --- a pass that is looked at ---

REENTRANT = (
    "The graph has a checkpoint with use_reentrant=True, whose inside cannot be seen. Use "
    "use_reentrant=False."
)


class FreedError(Exception):
    """The graph cannot be walked: a pass has freed it."""


class UnseenError(Exception):
    """The graph has a part that an observer does not see."""


def rerun_backward(
    roots: tuple[Any, ...],
    look: Callable[[Any, tuple[Any, ...], tuple[Any, ...]], None],
    wanted: tuple[Any, ...],
) -> tuple[Any, ...]:
    """The gradients of the tensors in a pass whose nodes ``look`` sees.

    It gets the node, the gradients that arrived and those that it gave, None where there is none.
    Raises FreedError or UnseenError when the graph cannot be walked.
    """
    seeds = tuple(None if root.numel() == 1 else root.detach().clone().fill_(1.0) for root in roots)
    arrived: tuple[Any, ...] = ()

    def before(_: Any, gradients: tuple[Any, ...]) -> None:
        nonlocal arrived
        arrived = gradients

    def after(node: Any, given: tuple[Any, ...]) -> None:
        look(node, arrived, given)

    _core._push_observer(before, after)
    try:
        found: tuple[Any, ...] = _core._run_backward(roots, seeds, True, False, wanted, False)
        return found
    except RuntimeError as error:
        if "second time" in str(error):
            raise FreedError from None
        if "use_reentrant=True" in str(error):
            raise UnseenError(REENTRANT) from None
        raise
    finally:
        _core._pop_observer()


def _freeing_pass(nodes: Iterable[Any]) -> str:
    place = next((place for place in map(_core._freed_at, nodes) if place), "")
    return f"the backward pass at {place}" if place else "an earlier backward()"


def say_freed(nodes: Iterable[Any]) -> str:
    """What to add to the program so that the question can be answered: one line."""
    return (
        f"The graph was freed by {_freeing_pass(nodes)}. Write backward(retain_graph=True) there, "
        "or ask before it, for the exact answer."
    )


def as_they_are(nodes: Iterable[Any]) -> str:
    """That the answer is for the values of the leaves now."""
    return (
        f"The graph was freed by {_freeing_pass(nodes)}; this is computed anew, from the leaves as "
        "they are now. Write backward(retain_graph=True) there to keep it."
    )
