"""What the structure of a graph tells after a pass has freed it.

Its lines, its hooks, its leaves with their values and gradients, and its numbers are still there. A
leaf with a good gradient (not zero, finite) shows that the gradients above it were good. So what
went wrong for another tensor did so between it and the first operation above it that such a leaf
hangs on. Start reading at ``_between``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pullback import _core
from pullback._grad_mode import enable_grad
from pullback.diagnosis._anew import Values
from pullback.diagnosis._reasons import Reasons
from pullback.diagnosis._walk import (
    Explanation,
    consumers_of,
    grad_of,
    hooks_at,
    is_bad,
    place_in,
    place_of,
    say_freed,
    show_place,
)

__all__ = ["nan_by_structure", "zero_by_structure"]

_MOST = 8


def _between(targets: list[Any], values: Values, is_good: Callable[[Any], bool]) -> list[Any]:
    """The places (node, input) through which the gradients of the targets came, newest first.

    A target is a leaf's accumulator or a pair of a node and the number of its output. The places
    end at operations on which a leaf with a good gradient hangs.
    """
    good: set[Any] = {a for a in values.leaves if a not in targets and is_good(a.variable.grad)}
    for node in values.nodes:
        if any(target in good for target, _ in node._inputs):
            good.add(node)
    consumers = consumers_of(values.nodes)
    pending = list(targets)
    seen: set[Any] = set(pending)
    found: dict[tuple[Any, int], None] = {}
    while pending:
        for node, place in consumers.get(pending.pop(), ()):
            found[(node, place)] = None
            if node not in seen and node not in good:
                seen.add(node)
                pending.append(node)
    return sorted(found, key=lambda each: -each[0]._sequence_nr())


def _target(tensor: Any, values: Values) -> Any:
    if tensor.grad_fn is not None:
        return (tensor.grad_fn, tensor.output_nr)
    return next(a for a in values.leaves if a.variable is tensor)


def _hooked(places: list[Any], target: Any) -> list[str]:
    own = target[0] if isinstance(target, tuple) else target
    found = dict.fromkeys(hooks_at(own))
    for node, _ in places:
        found.update(dict.fromkeys(hooks_at(node)))
    return list(found)


def _report(
    header: str, suspects: list[tuple[Any, str]], hooks: list[str], nodes: list[Any]
) -> Explanation:
    text, places = [header], []
    for node, reason in suspects[:_MOST]:
        text += [f"{node.name()}: {reason}", show_place(place_of(node))]
        places += [p for p in (place_of(node), place_in(reason)) if p]
    if len(suspects) > _MOST:
        text.append(f"... and {len(suspects) - _MOST} more")
    if hooks:
        text += ["Hooks on the way may have done it, too:", *(f"  {hook}" for hook in hooks)]
        places += hooks
    text.append(say_freed(nodes))
    operator = suspects[0][0].name() if suspects else None
    return Explanation(
        "\n".join(text), places[0] if places else None, operator, places=tuple(places)
    )


def zero_by_structure(tensor: Any, values: Values, exact: bool) -> Explanation:
    """Which operations may have made the gradient of a tensor zero.

    ``exact``: the pass was run on the graph as recorded anew, where it is not zero.
    """
    target = _target(tensor, values)
    places = _between([target], values, lambda grad: grad is not None and bool(grad.any()))
    reasons = Reasons(values)
    sure: list[tuple[Any, str]] = []
    perhaps: list[tuple[Any, str]] = []
    seen = set()
    for node, place in places:
        reason = reasons.may(node, place)
        if reason is None or node in seen:
            continue
        seen.add(node)
        (sure if reason[1] else perhaps).append((node, reason[0]))
    hooks = _hooked(places, target)
    if sure:
        header = "The gradient becomes zero at:" if len(sure) == 1 else "It becomes zero at one of:"
        return _report(header, sure, hooks, values.nodes)
    if exact and hooks:
        return _report(
            "No operation makes it zero, as the leaves are now.", [], hooks, values.nodes
        )
    perhaps.sort(key=lambda each: each[1].startswith(("the other factor", "what was")))
    header = (
        "One of these may have made it zero:" if perhaps else "Nothing on the way looks like it."
    )
    return _report(header, perhaps, hooks, values.nodes)


def nan_by_structure(
    tensor: Any | None, values: Values, is_steep: Callable[[Any], bool], exact: bool
) -> Explanation:
    """Which operations may have made the gradient of a tensor, or of any leaf, NaN or infinite."""
    if tensor is not None:
        targets = [_target(tensor, values)]
        finite = not is_bad(grad_of(tensor))
    else:
        targets = [a for a in values.leaves if is_bad(a.variable.grad)]
        finite = not targets
    if finite and tensor is None:
        return Explanation("All gradients of the leaves are finite.")
    places = _between(targets, values, lambda grad: grad is not None and not is_bad(grad))
    sure: list[tuple[Any, str]] = []
    perhaps: list[tuple[Any, str]] = []
    seen = set()
    for node, place in places:
        if node in seen:
            continue
        seen.add(node)
        if _has_infinite_slope(node, place, values):
            sure.append((node, "its slope is infinite or nan somewhere"))
        elif is_steep(node):
            perhaps.append((node, "its slope may be infinite or nan somewhere"))
    hooks = [hook for target in targets for hook in _hooked(places, target)]
    if sure:
        header = "The gradient becomes infinite or nan at:"
        if len(sure) > 1:
            header = "The gradient becomes infinite or nan at one of:"
        return _report(header, sure, hooks, values.nodes)
    if exact and hooks:
        return _report("All slopes are finite, as the leaves are now.", [], hooks, values.nodes)
    header = "One of these may have made it infinite or nan:"
    if not perhaps:
        header = "Nothing on the way looks as if it made it infinite or nan."
    return _report(header, perhaps, hooks, values.nodes)


def _has_infinite_slope(node: Any, place: int, values: Values) -> bool:
    """Whether the slope of an operation by its input is not finite, for the values as they are."""
    inputs = list(values.inputs.get(node) or [])
    own = inputs[place] if place < len(inputs) else None
    if not isinstance(own, _core.Tensor) or not own.is_floating_point():
        return False
    inputs[place] = own.detach().requires_grad_()
    try:
        with enable_grad():
            again = _core._rerun(node, inputs, True)
        if again is None:
            return False
        roots = tuple(each for each in again[1] if each.requires_grad and not is_bad(each))
        if not roots:
            return False
        seeds = tuple(each.detach().clone().fill_(1.0) for each in roots)
        (slope,) = _core._run_backward(roots, seeds, True, False, (inputs[place],), False)
    except RuntimeError:
        return False
    return is_bad(slope)
