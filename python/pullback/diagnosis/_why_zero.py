"""``why_zero``: why the gradient of a tensor is zero everywhere.

A pass is run again with an observer that sees where a gradient that was not zero became zero. After
a plain ``backward()`` the graph is recorded anew from its leaves where these are all that it needs;
where it is not, its structure tells which operations may have done it (``_freed``). Why one does is
told by values (``_reasons``). Start reading at ``why_zero``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pullback import _core
from pullback._grad_mode import no_grad
from pullback.diagnosis._anew import Anew, Values
from pullback.diagnosis._freed import zero_by_structure
from pullback.diagnosis._reasons import Reasons
from pullback.diagnosis._walk import (
    Explanation,
    FreedError,
    UnseenError,
    as_they_are,
    consumers_of,
    grad_of,
    hooks_at,
    nodes_of,
    origin_of,
    place_in,
    place_of,
    require_tensor,
    rerun_backward,
    roots_of,
    show_place,
)
from pullback.diagnosis._why_none import not_used, say, why_none

if TYPE_CHECKING:
    from pullback import Tensor

__all__ = ["why_zero"]

_MOST = 8
_HOOK = "a hook of it returned zeros: "
_CANCEL = (
    "Every operation gives a gradient that is not zero, but they cancel: the loss does not change "
    "with this tensor."
)


class _Watch:
    """Sees the nodes of a pass: where a gradient that was not zero became zero."""

    def __init__(self) -> None:
        self.zero: dict[Any, list[int]] = {}
        self.none: set[tuple[Any, int]] = set()
        self.empty: set[tuple[Any, int]] = set()
        self.alive: set[Any] = set()

    def look(self, node: Any, arrived: tuple[Any, ...], given: tuple[Any, ...]) -> None:
        if any(gradient is not None and bool(gradient.any()) for gradient in arrived):
            self.alive.add(node)
        for i, gradient in enumerate(given):
            if gradient is None:
                self.none.add((node, i))
            elif gradient.numel() == 0:
                self.empty.add((node, i))
        self.zero[node] = [
            i for i, gradient in enumerate(given) if gradient is None or not bool(gradient.any())
        ]


def why_zero(tensor: Tensor, loss: Tensor | Iterable[Tensor] | None = None) -> Explanation:
    """Why ``tensor.grad`` is zero everywhere.

    Args:
        tensor: the parameter.
        loss: what ``backward`` was or is going to be called on. The pass is run again without
            touching ``.grad``. After a plain ``backward()``, which has freed the graph, the answer
            is exact only where the loss depends on nothing but leaves and numbers.

    Returns:
        An ``Explanation`` that names the operations at which a gradient became zero: a dead relu,
        a factor that is zero, a tensor that was overwritten, a hook, and so on.

    Raises:
        TypeError: ``tensor`` or ``loss`` is no tensor.

    Example:
        >>> import pullback as pb
        >>> w = pb.tensor([-1.0, -2.0], requires_grad=True)
        >>> loss = w.relu().sum()
        >>> found = pb.why_zero(w, loss)
        >>> found.operator
        'ReluBackward0'
    """
    require_tensor("why_zero", tensor)
    grad = grad_of(tensor)
    written = _core._written_at(grad) if grad is not None and not bool(grad.any()) else None
    if loss is None:
        if grad is None:
            return why_none(tensor)
        if bool(grad.any()):
            return Explanation("The gradient is not zero.")
        text = "The gradient is zero."
        if written:
            text += f" It was last written in place at {written}."
        return Explanation(
            text + " Pass the loss to know more: why_zero(p, loss).",
            written,
            places=(written,) if written else (),
        )
    roots = roots_of("why_zero", loss)
    for root in roots:
        if not root.requires_grad:
            return say(
                "The loss has no history: no operation was recorded for it.", origin_of(root)
            )
    if not tensor.requires_grad:
        return why_none(tensor, loss)
    with no_grad():
        return _of_loss(tensor, roots, written)


def _of_loss(tensor: Any, roots: tuple[Any, ...], written: str | None) -> Explanation:
    nodes, leaves = nodes_of(list(roots))
    note = ""
    try:
        found = _stops(tensor, roots)
    except UnseenError as error:
        return Explanation(str(error))
    except FreedError:
        inside = tensor.grad_fn in nodes or any(a.variable is tensor for a in leaves)
        if not inside:
            return not_used(tensor, roots)
        anew = Anew(roots, nodes, leaves)
        found = _stops(anew.of(tensor), anew.roots) if anew.whole else ([], {})
        by_pass = written is not None and written in map(_core._freed_at, nodes)
        if found is None or (not found[0] and (by_pass or written is None)):
            return zero_by_structure(tensor, Values(list(roots)), anew.whole)
        note = as_they_are(nodes) if found[0] else ""
    if found is None:
        return not_used(tensor, roots)
    if found[0]:
        report = _stop_report(*found)
        text = f"{report.text}\n{note}".rstrip()
        return Explanation(text, report.place, report.operator, places=report.places)
    text = "This pass gives it a gradient that is not zero."
    if written:
        text += f" It was overwritten after the pass, at {written}."
    elif tensor.is_leaf or tensor.retains_grad:
        text += " If .grad is zero, it was overwritten after the pass."
    return Explanation(text, written, places=(written,) if written else ())


def _stops(tensor: Any, roots: tuple[Any, ...]) -> tuple[list[Any], dict[Any, str]] | None:
    """Where the gradient of a tensor becomes zero, newest first, and why.

    Empty when it is not zero, None when the tensor is not in the graph.
    """
    nodes, leaves = nodes_of(list(roots))
    own: Any
    if tensor.grad_fn is None:
        own = next((a for a in leaves if a.variable is tensor), None)
    else:
        own = (tensor.grad_fn, tensor.output_nr) if tensor.grad_fn in nodes else None
    if own is None:
        return None
    watch = _Watch()
    (gradient,) = rerun_backward(roots, watch.look, (tensor,))
    if gradient is not None and bool(gradient.any()):
        return [], {}
    reasons = Reasons(Values(list(roots)))
    consumers = consumers_of(nodes)
    pending = [own]
    seen: set[Any] = set()
    stops: dict[Any, str] = {}
    while pending:
        target = pending.pop()
        node = target[0] if isinstance(target, tuple) else target
        givers = consumers.get(target, ())
        live = [(n, i) for n, i in givers if n in watch.alive and i not in watch.zero.get(n, ())]
        if live and node not in stops:
            hooks = hooks_at(node)
            if hooks:
                stops[node] = _HOOK + ", ".join(hooks)
            elif len(live) > 1:
                stops[node] = _cancel(live)
        for n, i in givers:
            if n in watch.alive and i in watch.zero.get(n, ()):
                none, empty = (n, i) in watch.none, (n, i) in watch.empty
                stops.setdefault(n, reasons.of(n, i, none=none, empty=empty))
            elif n not in seen and n not in watch.alive:
                seen.add(n)
                pending.append(n)
    if not stops:
        stops[own[0] if isinstance(own, tuple) else own] = _CANCEL
    return sorted(stops, key=lambda each: -getattr(each, "_sequence_nr", int)()), stops


def _cancel(givers: list[tuple[Any, int]]) -> str:
    lines = dict.fromkeys(f"{node.name()} at {place_of(node)}" for node, _ in givers)
    return "the gradients that arrive there cancel: of " + " and of ".join(lines)


def _stop_report(order: list[Any], reasons: dict[Any, str]) -> Explanation:
    """The operations at which a gradient became zero, in words."""
    text, places = [], []
    for node in order[:_MOST]:
        reason = reasons[node]
        if reason is _CANCEL:
            return Explanation(reason)
        leaf = getattr(node, "variable", None)
        hooks = hooks_at(node) if reason.startswith(_HOOK) else []
        if leaf is not None:
            text.append(f"{reason}. {origin_of(leaf)}")
        else:
            text += [f"{node.name()} gives a zero gradient: {reason}", show_place(place_of(node))]
        places += [*hooks, *(p for p in (place_of(node), place_in(reason)) if p)]
    operator = order[0].name() if not hasattr(order[0], "variable") else None
    return Explanation(
        "\n".join(text), places[0] if places else None, operator, places=tuple(places)
    )
