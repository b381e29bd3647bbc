"""``why_none`` and ``why_zero``: why a parameter got no gradient, or one that is zero.

Nodes know the line that recorded them and tensors without a node the line that made them or cut
them off, so the answers are lines. Start reading at ``why_none``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pullback import _core
from pullback._grad_mode import no_grad
from pullback.diagnosis._explain import (
    REENTRANT,
    _origin,
    _place_in,
    _shape,
    hooks_at,
    require_tensor,
    rerun_backward,
    roots_of,
)
from pullback.diagnosis._walk import Explanation, nodes_of, place_of, show_place

if TYPE_CHECKING:
    from pullback import Tensor

__all__ = ["why_none", "why_zero"]

# Of the operands without history so many are named.
_MOST = 8
_OVERWRITES = ("Zero", "Fill", "CopySlices", "CopyBackwards", "Overwrite")


def _say(text: str, *sentences: str) -> Explanation:
    """The text with the places that the sentences (of ``_origin``) name."""
    places = tuple(p for p in map(_place_in, sentences) if p)
    whole = " ".join([text, *(s for s in sentences if s)])
    return Explanation(whole, places[0] if places else None, places=places)


def _is_cut(value: Any) -> bool:
    return "cut off" in _origin(value) or "without recording" in _origin(value)


def _cuts(nodes: list[Any]) -> tuple[dict[str, Any], list[Any], list[Any]]:
    """Operands of the graph without history.

    Those that were cut off from one by where that was (None for what is not kept), those that were
    made like that, and nodes with an operand that is not kept, so that nothing is known of it.
    """
    cut: dict[str, Any] = {}
    made: dict[str, Any] = {}
    blind = []
    for node in nodes:
        inputs = _core._saved_values(node)[0]
        for place, (target, _) in enumerate(node._inputs):
            if target is not None:
                continue
            value = inputs.get(place)
            unsaved = str(_core._cut_operand(node)).strip() if value is None else ""
            if unsaved:
                cut[unsaved] = None
            elif value is None:
                blind.append(node)
            elif isinstance(value, _core.Tensor) and _origin(value):
                (cut if _is_cut(value) else made)[_origin(value)] = value
    return cut, list(made.values()), blind


def _not_used(tensor: Any, roots: tuple[Any, ...]) -> Explanation:
    """The graph does not contain the tensor: name what could have lost it."""
    nodes, leaves = nodes_of(list(roots))
    if any(node.name() == "CheckpointFunctionBackward" for node in nodes):
        return _say(
            "This tensor is not in the graph of the loss, but may be used inside of a checkpoint. "
            + REENTRANT,
            _origin(tensor),
        )
    cut, made, blind = _cuts(nodes)
    own = _origin(tensor)
    text = [f"The loss does not depend on this tensor: it is not in the graph. {own}"]
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

    def sentence(value: Any, origin: str = "") -> tuple[str, str | None]:
        origin = origin or _origin(value)
        what = f"{_shape(value)} {value.dtype}: " if value is not None else ""
        return what + origin, _place_in(origin)

    lost = [sentence(value, origin) for origin, value in cut.items()]
    add("Tensors in it that were cut off from their history:", lost)
    add(
        "Operations with an operand without history:",
        [(f"{node.name()} at {place_of(node)}", place_of(node)) for node in reversed(blind)],
    )
    add("Tensors in it that never had a history:", [sentence(v) for v in made])
    if not places:
        text.append("Nothing in the graph was cut off: it was never used in computing the loss.")
    others = {_origin(a.variable): a.variable for a in leaves}
    if not cut:
        add("The leaves that the loss depends on:", [sentence(v) for v in others.values()])
    own_place = _place_in(own)
    if own_place:
        places.append(own_place)
    return Explanation("\n".join(text), places[0] if places else None, places=tuple(places))


def _without_loss(tensor: Any) -> Explanation | None:
    """What can be said of a tensor without a gradient by looking at it alone."""
    if not tensor.requires_grad:
        if not tensor.is_floating_point():
            return _say(
                f"It has dtype {tensor.dtype}: only floating point tensors have gradients, and a "
                "cast to an integer ends the history.",
                _origin(tensor),
            )
        hint = "" if _is_cut(tensor) else "Set requires_grad=True before the loss is computed."
        return _say(f"It does not require a gradient. {hint}".rstrip(), _origin(tensor))
    if not tensor.is_leaf and not tensor.retains_grad:
        return _say(
            "It is not a leaf: it is the result of an operation, and .grad is kept for leaves "
            "only. Call retain_grad() on it, or use the tensor that it was made from.",
            _origin(tensor),
        )
    return None


def _grad_of(tensor: Any) -> Any:
    """``.grad`` without the warning of results that keep none."""
    return tensor.grad if tensor.is_leaf or tensor.retains_grad else None


def why_none(tensor: Tensor, loss: Tensor | Iterable[Tensor] | None = None) -> Explanation:
    """Why ``tensor.grad`` is None.

    Args:
        tensor: the parameter.
        loss: what ``backward`` was or is going to be called on. Without it the answer can only
            come from the tensor itself.

    Returns:
        An ``Explanation`` that names the line: where it was made without ``requires_grad``, where
        something between it and the loss was cut off (``detach``, ``.data``, ``no_grad``, an
        integer cast, ``item``), and so on.

    Raises:
        TypeError: ``tensor`` or ``loss`` is no tensor.

    Example:
        >>> import pullback as pb
        >>> pb.why_none(pb.ones(2, dtype=pb.int64)).text.partition(":")[0]
        'It has dtype torch.int64'
    """
    require_tensor("why_none", tensor)
    if _grad_of(tensor) is not None:
        return Explanation("It has a gradient.")
    found = _without_loss(tensor)
    if found is not None:
        return found
    if loss is None:
        return _say(
            "No backward pass has given it a gradient: backward() was not called yet, or the loss "
            "does not depend on it, or zero_grad() took the gradient away. Pass the loss to know "
            "more: why_none(p, loss).",
            _origin(tensor),
        )
    roots = roots_of("why_none", loss)
    for root in roots:
        if not root.requires_grad:
            return _say("The loss has no history: no operation was recorded for it.", _origin(root))
    nodes, leaves = nodes_of(list(roots))
    if tensor.grad_fn is not None:
        inside = tensor.grad_fn in nodes
    else:
        inside = any(accumulator.variable is tensor for accumulator in leaves)
    if not inside:
        return _not_used(tensor, roots)
    users = [
        node
        for node in nodes
        for target, _ in node._inputs
        if target is not None and getattr(target, "variable", None) is tensor
    ]
    used = place_of(users[0]) if users else None
    text = "The loss depends on it" + (f" (first used at {used})" if used else "") + ", but "
    places = (used,) if used else ()
    if any(_core._saved_values(node)[2] for node in nodes):
        text += (
            "the gradient is gone: zero_grad() took it away, or backward(inputs=...) left it out."
        )
        return Explanation(text, used, places=places)
    if any(_is_custom(node) for node in nodes):  # its backward may return None
        with no_grad():
            stopped = _stops(tensor, roots, nodes, leaves)
        if not isinstance(stopped, str) and stopped is not None:
            order, reasons = stopped
            if any("returned None" in reason for reason in reasons.values()):
                return _stop_report(order, reasons)
    text += "backward() was not called yet, or backward(inputs=...) left it out."
    return Explanation(text, used, places=places)


class _Watch:
    """Sees the nodes of a pass: where a gradient that was not zero became zero."""

    def __init__(self) -> None:
        self.arrived: tuple[Any, ...] = ()
        self.zero: dict[Any, list[int]] = {}
        self.none: set[tuple[Any, int]] = set()
        self.empty: set[tuple[Any, int]] = set()
        self.alive: set[Any] = set()

    def before(self, _: Any, arrived: tuple[Any, ...]) -> None:
        self.arrived = arrived

    def after(self, node: Any, given: tuple[Any, ...]) -> None:
        if any(gradient is not None and bool(gradient.any()) for gradient in self.arrived):
            self.alive.add(node)
        for i, gradient in enumerate(given):
            if gradient is None:
                self.none.add((node, i))
            elif gradient.numel() == 0:
                self.empty.add((node, i))
        self.zero[node] = [
            i for i, gradient in enumerate(given) if gradient is None or not bool(gradient.any())
        ]


def _is_custom(node: Any) -> bool:
    return isinstance(node, _core._FunctionBase)


def _reason(node: Any, place: int, watch: _Watch) -> str:
    """Why a node gives zero, in words."""
    name = node.name().removeprefix("torch::autograd::")
    inputs, outputs, _ = _core._saved_values(node)
    result = outputs.get(0)
    if _is_custom(node):
        return f"its backward returned {'None' if (node, place) in watch.none else 'zeros'}"
    if (node, place) in watch.empty:
        return "its input is empty: nothing was selected"
    if name == "ReluBackward0" and result is not None:
        if not bool(result.any()):
            return "a dead relu: its result is zero everywhere, so its slope is too"
        return "a dead relu: its result is zero wherever a gradient arrives"
    if name in ("SigmoidBackward0", "TanhBackward0") and result is not None:
        low, high = result.min().item(), result.max().item()
        return f"it is saturated: its results are between {low} and {high}, where the slope is 0"
    if name.startswith(("Clamp", "Hardtanh")):
        return "all values were outside of the bounds, where the slope is 0"
    if name.startswith(_OVERWRITES):
        return "the values were overwritten, so what was there before does not matter"
    if name.startswith(("Mul", "Mm", "Bmm", "Dot", "Mv", "Addmm")):
        other = inputs.get(1 - place) if len(node._inputs) == 2 else None
        if isinstance(other, _core.Tensor) and not bool(other.any()):
            return f"the other factor is zero everywhere. {_origin(other)}"
        return "the other factor is zero where a gradient arrived"
    if name in ("WhereBackward0", "MaskedFillBackward0", "MaskedFillBackward1"):
        return "the mask selects nothing of it"
    if name in ("RoundBackward0", "FloorBackward0", "CeilBackward0", "SignBackward0"):
        return "the function is piecewise constant: its slope is 0"
    if name.startswith(("Maximum", "Minimum", "Fmax", "Fmin")):
        return "the other operand is chosen everywhere"
    if name == "SoftmaxBackward0" or name == "LogSoftmaxBackward0":
        return "the gradient is the same for all classes, or the result is saturated"
    return "its derivative is zero there"


def why_zero(tensor: Tensor, loss: Tensor | Iterable[Tensor] | None = None) -> Explanation:
    """Why ``tensor.grad`` is zero everywhere.

    Args:
        tensor: the parameter.
        loss: what ``backward`` was or is going to be called on. The pass is run again without
            touching ``.grad``, so the graph must still be there.

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
    grad = _grad_of(tensor)
    if loss is None:
        if grad is None:
            return why_none(tensor)
        if bool(grad.any()):
            return Explanation("The gradient is not zero.")
        written = _core._written_at(grad)
        text = "The gradient is zero."
        if written:
            text += f" It was last written in place at {written}."
        return Explanation(
            text + " Pass the loss to know more: why_zero(p, loss), with the graph kept by "
            "backward(retain_graph=True).",
            written,
            places=(written,) if written else (),
        )
    roots = roots_of("why_zero", loss)
    for root in roots:
        if not root.requires_grad:
            return _say("The loss has no history: no operation was recorded for it.", _origin(root))
    if not tensor.requires_grad:
        return why_none(tensor, loss)
    nodes, leaves = nodes_of(list(roots))
    with no_grad():
        found = _stops(tensor, roots, nodes, leaves)
    if isinstance(found, str):
        return Explanation(found)
    if found is None:
        return _not_used(tensor, roots)
    order, reasons = found
    if reasons:
        return _stop_report(order, reasons)
    return Explanation(
        "This pass gives it a gradient that is not zero."
        + (
            " If .grad is zero, it was overwritten after the pass, for instance by "
            "zero_grad(set_to_none=False)."
            if tensor.is_leaf or tensor.retains_grad
            else ""
        )
    )


_CANCEL = (
    "Every operation gives a gradient that is not zero, but they cancel: the loss does not change "
    "with this tensor."
)


def _stops(
    tensor: Any, roots: tuple[Any, ...], nodes: list[Any], leaves: list[Any]
) -> tuple[list[Any], dict[Any, str]] | str | None:
    """Where the gradient of a tensor becomes zero, newest first, and why.

    No reasons when it is not zero, None when the tensor is not in the graph, a text when the graph
    cannot be walked.
    """
    if tensor.grad_fn is None:
        own = [(a, 0) for a in leaves if a.variable is tensor]
    else:
        own = [(tensor.grad_fn, tensor.output_nr)] if tensor.grad_fn in nodes else []
    if not own:
        return None
    watch = _Watch()
    gradients = rerun_backward(roots, (), watch.before, watch.after, (tensor,))
    if isinstance(gradients, str):
        return gradients
    if gradients[0] is not None and bool(gradients[0].any()):
        return [], {}
    givers: dict[Any, list[tuple[Any, int]]] = {}
    for node in nodes:
        for i, (target, number) in enumerate(node._inputs):
            if target is not None:
                givers.setdefault(target, []).append((node, i))
                if (target, number) == own[0]:
                    givers.setdefault(own[0], []).append((node, i))
    pending: list[Any] = list(own)
    seen: set[Any] = set()
    stops: dict[Any, str] = {}
    while pending:
        target = pending.pop()
        above = givers.get(target, ())
        node = target[0] if isinstance(target, tuple) else target
        live = [(n, i) for n, i in above if n in watch.alive and i not in watch.zero.get(n, ())]
        if live and node not in stops and hooks_at(node):
            stops[node] = "a hook of it returned zeros: " + ", ".join(hooks_at(node))
        for n, i in above:
            if n in watch.alive and i in watch.zero.get(n, ()):
                stops.setdefault(n, _reason(n, i, watch))
            elif n not in seen and n not in watch.alive:
                seen.add(n)
                pending.append(n)
    if not stops:
        stops[own[0][0]] = _CANCEL
    return sorted(stops, key=lambda each: -getattr(each, "_sequence_nr", int)()), stops


def _stop_report(order: list[Any], reasons: dict[Any, str]) -> Explanation:
    """The operations at which a gradient became zero, in words."""
    text, places = [], []
    for node in order[:_MOST]:
        reason = reasons[node]
        if reason is _CANCEL:
            return Explanation(reason)
        leaf = getattr(node, "variable", None)
        hooks = hooks_at(node) if "a hook of it" in reason else []
        if leaf is not None:
            text.append(f"{reason}. {_origin(leaf)}")
        else:
            text += [f"{node.name()} gives a zero gradient: {reason}", show_place(place_of(node))]
        places += [*hooks, *(p for p in (place_of(node), _place_in(reason)) if p)]
    operator = order[0].name() if not hasattr(order[0], "variable") else None
    return Explanation(
        "\n".join(text), places[0] if places else None, operator, places=tuple(places)
    )
