"""``why_none``: why a tensor got no gradient.

Nodes know the line that recorded them and tensors without a node the line that made them or cut
them off; a leaf knows how it was last used without being recorded, and where its gradient was taken
away (NOTE [Origins] in csrc/graph/origin.h). So the answers are lines, with the graph and after it
was freed. Start reading at ``why_none``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pullback import _core
from pullback.diagnosis._anew import is_freed
from pullback.diagnosis._names import name_of, names_of
from pullback.diagnosis._walk import (
    REENTRANT,
    Explanation,
    consumers_of,
    grad_of,
    nodes_of,
    origin_of,
    place_in,
    place_of,
    require_tensor,
    roots_of,
    shape_of,
    show_place,
)

if TYPE_CHECKING:
    from pullback import Tensor

__all__ = ["not_used", "say", "why_none"]

# Of the operands without history so many are named.
_MOST = 8
_MOST_READINGS = 3


def say(text: str, *sentences: str) -> Explanation:
    """The text with the places that the sentences (of ``origin_of``) name."""
    places = tuple(p for p in map(place_in, sentences) if p)
    whole = " ".join([text, *(s for s in sentences if s)])
    return Explanation(whole, places[0] if places else None, places=places)


def _tells_a_cut(sentence: str) -> bool:
    return "cut off" in sentence or "without recording" in sentence


def _cuts(nodes: list[Any]) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
    """Operands of the graph without history.

    Those that were cut off from one by where that was (None for what is not kept), those that were
    made like that, and nodes with an operand of which nothing is known.
    """
    cut: dict[str, Any] = {}
    made: dict[str, Any] = {}
    blind = []
    for node in nodes:
        inputs = _core._saved_values(node)[0]
        freed = _core._saved_origins(node)
        unsaved = str(_core._cut_operand(node)).strip()
        for place, (target, _) in enumerate(node._inputs):
            if target is not None:
                continue
            value = inputs.get(place)
            sentence = origin_of(value) if value is not None else freed.get(place, unsaved)
            if sentence:
                (cut if _tells_a_cut(sentence) else made).setdefault(sentence, value)
            elif value is None:
                blind.append(node)
        for place, sentence in freed.items():  # of a custom function: places that are no inputs
            if _tells_a_cut(sentence):
                cut.setdefault(sentence, inputs.get(place))
    return cut, made, blind


def _last_use(tensor: Any) -> str:
    return str(_core._traces(tensor)[0]).strip() if tensor.is_leaf else ""


def not_used(tensor: Any, roots: tuple[Any, ...]) -> Explanation:
    """The graph does not contain the tensor: name what could have lost it."""
    nodes, leaves = nodes_of(list(roots))
    own = origin_of(tensor)
    if any(node.name() == "CheckpointFunctionBackward" for node in nodes):
        return say(
            "This tensor is not in the graph of the loss, but may be used inside of a checkpoint. "
            + REENTRANT,
            own,
        )
    names = names_of([tensor, *(a.variable for a in leaves)])
    cut, made, blind = _cuts(nodes)
    for accumulator in leaves:  # leaves that were cut off, and then told to require a gradient
        if _tells_a_cut(origin_of(accumulator.variable)):
            cut[origin_of(accumulator.variable)] = accumulator.variable
    last = _last_use(tensor)
    what = names.get(id(tensor), "this tensor")
    text = [f"The loss does not depend on {what}: it is not in the graph. {own}".rstrip()]
    places = []

    def add(header: str, items: list[tuple[str, str | None]]) -> None:
        if not items:
            return
        text.append(header)
        for line, place in items[:_MOST]:
            text.append("  " + line)
            if place:
                places.append(place)
        if len(items) > _MOST:
            text.append(f"  ... and {len(items) - _MOST} more")

    def sentence(origin: str, value: Any) -> tuple[str, str | None]:
        kind = f"{shape_of(value)} {value.dtype}: " if value is not None else ""
        return f"{names.get(id(value), '')} {kind}{origin}".strip(), place_in(origin)

    lost = [sentence(*item) for item in cut.items()]
    add("Tensors in it that were cut off from their history:", lost)
    if last and place_in(last) not in places:
        text.append(last)
        places.append(place_in(last) or "")
    if not cut and not last and nodes:
        numbers = nodes[0]._sequence_nr(), nodes[-1]._sequence_nr()
        readings = [(text, place_in(text)) for text in _core._readings(*numbers)[:_MOST_READINGS]]
        add("Values that left a graph before:", readings)
    add(
        "Operations with an operand without history:",
        [(f"{node.name()} at {place_of(node)}", place_of(node)) for node in reversed(blind)],
    )
    add("Tensors in it that never had a history:", [sentence(*item) for item in made.items()])
    if not places:
        text.append("Nothing in the graph was cut off: it was never used in computing the loss.")
    others = {origin_of(a.variable): a.variable for a in leaves}
    if not cut:
        add("The leaves that the loss depends on:", [sentence(*item) for item in others.items()])
    own_place = place_in(own)
    if own_place:
        places.append(own_place)
    lines = "\n".join(line for line in text if line)
    return Explanation(lines, places[0] if places else None, places=tuple(p for p in places if p))


def _without_loss(tensor: Any) -> Explanation | None:
    """What can be said of a tensor without a gradient by looking at it alone."""
    if not tensor.requires_grad:
        if not tensor.is_floating_point():
            return say(
                f"It has dtype {tensor.dtype}: only floating point tensors have gradients, and a "
                "cast to an integer ends the history.",
                origin_of(tensor),
            )
        cut = _tells_a_cut(origin_of(tensor))
        hint = "" if cut else "Set requires_grad=True before the loss is computed."
        return say(f"It does not require a gradient. {hint}".rstrip(), origin_of(tensor))
    if not tensor.is_leaf and not tensor.retains_grad:
        return say(
            "It is not a leaf: it is the result of an operation, and .grad is kept for leaves "
            "only. Call retain_grad() on it, or use the tensor that it was made from.",
            origin_of(tensor),
        )
    return None


def _no_pass(tensor: Any) -> Explanation:
    """Of a leaf (or a result that keeps its gradient), when nothing but it is known."""
    used, cleared = (str(sentence).strip() for sentence in _core._traces(tensor))
    if cleared:
        return say(
            "Its gradient was there, and was taken away; no backward pass has given it one since.",
            cleared,
            used,
            origin_of(tensor),
        )
    return say(
        "No backward pass has given it a gradient: backward() was not called yet, or the loss "
        "does not depend on it.",
        used,
        "Pass the loss to know more: why_none(p, loss).",
        origin_of(tensor),
    )


def _lost_in_a_function(tensor: Any, nodes: list[Any]) -> Explanation | None:
    """A custom function on the way gave None in the last pass."""
    consumers = consumers_of(nodes)
    if tensor.grad_fn is None:
        pending = [t for t in consumers if getattr(t, "variable", None) is tensor]
    else:
        pending = [(tensor.grad_fn, tensor.output_nr)]
    seen = set(pending)
    found = []
    while pending:
        for node, edge in consumers.get(pending.pop(), ()):
            if edge in _core._got_none(node):
                found.append(node)
            if node not in seen:
                seen.add(node)
                pending.append(node)
    if not found:
        return None
    text = []
    for node in found[:_MOST]:
        text += [f"{node.name()} gives no gradient: its backward returned None"]
        text += [show_place(place_of(node))]
    places = tuple(p for p in map(place_of, found[:_MOST]) if p)
    return Explanation(
        "\n".join(text), places[0] if places else None, found[0].name(), places=places
    )


def why_none(tensor: Tensor, loss: Tensor | Iterable[Tensor] | None = None) -> Explanation:
    """Why ``tensor.grad`` is None.

    Args:
        tensor: the parameter.
        loss: what ``backward`` was or is going to be called on; its graph may have been freed.
            Without it the answer can only come from the tensor itself, which remembers how it was
            last used without being recorded.

    Returns:
        An ``Explanation`` that names the line: where it was made without ``requires_grad``, where
        something between it and the loss was cut off (``detach``, ``.data``, ``no_grad``, an
        integer cast, ``item``), where its gradient was taken away, and so on.

    Raises:
        TypeError: ``tensor`` or ``loss`` is no tensor.

    Example:
        >>> import pullback as pb
        >>> pb.why_none(pb.ones(2, dtype=pb.int64)).text.partition(":")[0]
        'It has dtype torch.int64'
    """
    require_tensor("why_none", tensor)
    if grad_of(tensor) is not None:
        return Explanation("It has a gradient.")
    found = _without_loss(tensor)
    if found is not None:
        return found
    if loss is None:
        return _no_pass(tensor)
    roots = roots_of("why_none", loss)
    for root in roots:
        if not root.requires_grad:
            return say(
                "The loss has no history: no operation was recorded for it.",
                origin_of(root),
                _last_use(tensor),
            )
    nodes, leaves = nodes_of(list(roots))
    if tensor.grad_fn is not None:
        inside = tensor.grad_fn in nodes
    else:
        inside = any(accumulator.variable is tensor for accumulator in leaves)
    if not inside:
        return not_used(tensor, roots)
    none = _lost_in_a_function(tensor, nodes)
    if none is not None:
        return none
    users = [
        node
        for node in nodes
        for target, _ in node._inputs
        if target is not None and getattr(target, "variable", None) is tensor
    ]
    used = place_of(users[0]) if users else None
    text = f"The loss depends on {name_of(tensor) or 'it'}"
    text += f" (first used at {used})" if used else ""
    cleared = str(_core._traces(tensor)[1]).strip()
    if cleared:
        text += f". {cleared}"
    elif is_freed(nodes):
        text += (
            ", but the pass that freed the graph left its .grad alone: backward(inputs=...) "
            "without it, or autograd.grad(), which returns the gradients."
        )
    else:
        text += (
            ", but backward() was not called yet, or backward(inputs=...) left it out, or "
            "autograd.grad() computed the gradients, which returns them."
        )
    places = tuple(p for p in (place_in(cleared), used) if p)
    return Explanation(text, places[0] if places else None, places=places)
