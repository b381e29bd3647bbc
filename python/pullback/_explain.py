"""``explain``: the first operation that turned finite numbers into NaN or infinity.

Forward, the values between the operations are what nodes saved, or computed anew from their inputs
(``_core._rerun``); from the bad value the search follows bad operands down to a node whose operands
are all finite. Backward, the pass is run again with an observer that sees what every node gives;
the search follows bad gradients up. Start reading at ``explain``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pullback import _core
from pullback._grad_mode import no_grad
from pullback._walk import Explanation, nodes_of, place_of, show_place

if TYPE_CHECKING:
    from pullback import Tensor

__all__ = ["explain"]

_HINTS = {
    "SqrtBackward0": "The slope of sqrt at 0 is infinite: add a small number under the root.",
    "LogBackward0": "Clamp the argument away from 0, or use log1p or log_softmax.",
    "DivBackward0": "Keep the divisor away from 0, also where the quotient is not used.",
    "LinalgVectorNormBackward0": "The norm has no slope at 0: add a small number to the square.",
    "PowBackward0": "The power has no finite slope at 0 for an exponent below 1.",
    "ExpBackward0": "exp overflows above 88 (float32) or 709 (float64): subtract the maximum.",
    "AcosBackward0": "Clamp the argument to the inside of -1 .. 1.",
    "AsinBackward0": "Clamp the argument to the inside of -1 .. 1.",
}
_MASKED = (
    "The gradient that arrived is 0 there, and 0 times infinity is nan: a branch that is masked "
    "afterwards. Mask the input of the operation as well, or run backward under "
    "pullback.safe_gradients()."
)


def is_bad(value: Any) -> bool:
    """Whether a tensor or number holds NaN or infinity."""
    if isinstance(value, float):
        return value != value or value in (float("inf"), float("-inf"))
    if not isinstance(value, _core.Tensor) or not value.is_floating_point():
        return False
    return not bool(value.isfinite().all())


def _word(value: Any) -> str:
    return "nan" if bool(value.isnan().any()) else "infinity"


def _first_bad(value: Any) -> tuple[int, ...]:
    return tuple((~value.isfinite()).nonzero()[0].tolist())


def _shape(value: Any) -> str:
    return str(tuple(value.shape)) if isinstance(value, _core.Tensor) else "number"


def _at(value: Any, index: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The element of an operand that broadcasts to ``shape``; None when it does not."""
    if not isinstance(value, _core.Tensor):
        return value
    if value.dim() > len(shape):
        return None
    own = index[len(index) - value.dim() :]
    sizes = tuple(value.shape)
    if any(a not in (1, b) for a, b in zip(sizes, shape[len(shape) - len(sizes) :], strict=True)):
        return None
    return value[tuple(0 if n == 1 else i for i, n in zip(own, sizes, strict=True))].item()


def _describe(name: str, value: Any, index: tuple[int, ...], shape: tuple[int, ...]) -> str:
    one = _at(value, index, shape)
    if one is not None:
        return f"  {name} = {one} there, of shape {_shape(value)}"
    if value.numel() == 0:
        return f"  {name}: empty, of shape {_shape(value)}"
    low, high = value.min().item(), value.max().item()
    return f"  {name}: between {low} and {high}, of shape {_shape(value)}"


class _Values:
    """The values between the nodes of a graph, as far as they are known."""

    def __init__(self, root: Any) -> None:
        self.nodes, self.leaves = nodes_of([root])
        self.inputs: dict[Any, list[Any]] = {}
        self.results: dict[tuple[Any, int], Any] = {}
        saved = {node: _core._saved_values(node) for node in self.nodes}
        for node in self.nodes:
            inputs, outputs, _ = saved[node]
            for place, (target, number) in enumerate(node._inputs):
                if target is not None and isinstance(inputs.get(place), _core.Tensor):
                    self.results.setdefault((target, number), inputs[place].detach())
            for number, value in outputs.items():
                self.results.setdefault((node, number), value.detach())
        if root.grad_fn is not None:
            self.results[(root.grad_fn, root.output_nr)] = root.detach()
        for node in self.nodes:
            self._fill(node, saved[node][0])

    def _fill(self, node: Any, kept: dict[int, Any]) -> None:
        known = []
        for place, (target, number) in enumerate(node._inputs):
            if target is None:
                known.append(kept.get(place))
            elif hasattr(target, "variable"):
                known.append(target.variable.detach())
            else:
                known.append(self.results.get((target, number)))
        self.inputs[node] = known
        try:
            again = _core._rerun(node, list(known))
        except RuntimeError:  # an operand was overwritten since
            again = None
        if again is None:
            return
        self.inputs[node] = [
            old if new is None else new for old, new in zip(known, again[0], strict=True)
        ]
        for number, value in enumerate(again[1]):
            self.results.setdefault((node, number), value)


def _origin(value: Any) -> str:
    return str(getattr(value, "_origin", "") or "").strip()


def _place_in(sentence: str) -> str | None:
    """The ``file:line in function`` at the end of an origin."""
    _, found, rest = sentence.rpartition(" at ")
    return rest.rstrip(".") if found else None


def _forward(root: Any) -> Explanation:
    values = _Values(root)
    word = _word(root)
    pending = [root.grad_fn]
    seen = {root.grad_fn}
    makers: list[Any] = []
    guesses: list[Any] = []
    path: list[Any] = []
    sources: list[Any] = []
    while pending:
        node = pending.pop()
        path.append(node)
        bad = False
        unknown = False
        for (target, _), value in zip(node._inputs, values.inputs[node], strict=True):
            if target is None or hasattr(target, "variable"):
                if isinstance(value, _core.Tensor) and is_bad(value):
                    bad = True
                    sources.append(value if target is None else target.variable)
            elif value is None:
                unknown = True
                if target not in seen:
                    seen.add(target)
                    pending.append(target)
            elif is_bad(value):
                bad = True
                if target not in seen:
                    seen.add(target)
                    pending.append(target)
        if not bad:
            (guesses if unknown else makers).append(node)
    if makers:
        maker = min(makers, key=lambda node: node._sequence_nr())
        return _report_forward(values, maker, word, path)
    if sources:
        return _report_source(sources[0], word)
    maker = min(guesses, key=lambda node: node._sequence_nr())
    return _report_forward(values, maker, word, path)


def _names(count: int) -> list[str]:
    usual = {1: ["input"], 2: ["input", "other"]}
    return usual.get(count, [f"input {i}" for i in range(count)])


def _report_forward(values: _Values, node: Any, word: str, path: list[Any]) -> Explanation:
    results = (values.results.get((node, k)) for k in range(len(node._input_metadata)))
    result = next((each for each in results if is_bad(each)), None)
    constants = _core._saved_values(node)[0]
    inputs = [
        constants.get(i) if value is None else value for i, value in enumerate(values.inputs[node])
    ]
    place = place_of(node)
    made = word if result is None else _word(result)
    text = [f"{node.name()} turned finite input into {made} in the forward pass", show_place(place)]
    index: tuple[int, ...] | None = None
    found: dict[str, Any] = {}
    if result is not None:
        index = _first_bad(result)
        shape = tuple(result.shape)
        text.append(f"  result = {result[index].item()} at index {index}, of shape {shape}")
        for name, value in zip(_names(len(inputs)), inputs, strict=True):
            if value is None:
                continue
            text.append(_describe(name, value, index, shape))
            found[name] = _at(value, index, shape)
    places = [place] if place else []
    if made != word:
        turned = [
            other
            for other in path
            if any(
                is_bad(values.results.get((other, k))) and _word(values.results[(other, k)]) == word
                for k in range(len(other._input_metadata))
            )
        ]
        if turned:
            later = min(turned, key=lambda other: other._sequence_nr())
            text += [f"{later.name()} made {word} of that", show_place(place_of(later))]
            places.append(place_of(later) or "")
    hint = _HINTS.get(node.name())
    if hint:
        text.append("  " + hint)
    return Explanation("\n".join(text), place, node.name(), index, found, tuple(places))


def _report_source(value: Any, word: str) -> Explanation:
    origin = _origin(value)
    index = _first_bad(value)
    what = "leaf" if value.requires_grad else "tensor without history"
    written = _core._written_at(value)
    text = (
        f"{word} came in from outside: a {what} of shape {_shape(value)} holds "
        f"{value[index].item()} at index {index}. {origin}"
    )
    place = _place_in(origin)
    if written:
        text += f" It was last written in place at {written}."
        place = written
    places = tuple(p for p in (place, _place_in(origin)) if p)
    return Explanation(text, place, None, index, {}, places)


class _Watch:
    """Sees the nodes of a pass: which of them got and gave bad gradients."""

    def __init__(self) -> None:
        self.arrived: tuple[Any, ...] = ()
        self.got_bad: set[Any] = set()
        self.gave_bad: dict[Any, list[int]] = {}
        self.kept: dict[Any, tuple[tuple[Any, ...], tuple[Any, ...]]] = {}

    def before(self, _: Any, arrived: tuple[Any, ...]) -> None:
        self.arrived = arrived

    def after(self, node: Any, given: tuple[Any, ...]) -> None:
        bad = [i for i, gradient in enumerate(given) if is_bad(gradient)]
        if any(is_bad(gradient) for gradient in self.arrived):
            self.got_bad.add(node)
        if not bad:
            return
        self.gave_bad[node] = bad
        if node not in self.got_bad:
            self.kept[node] = (self.arrived, given)


def _roots_of(loss: Any) -> tuple[Any, ...]:
    return (loss,) if isinstance(loss, _core.Tensor) else tuple(loss)


def rerun_backward(
    roots: tuple[Any, ...], leaves: Iterable[Any], before: Any, after: Any
) -> tuple[Any, ...] | None:
    """The gradients of the leaves in a pass that ``before`` and ``after`` see.

    None when the graph was freed.
    """
    wanted = tuple(leaf.variable for leaf in leaves)
    seeds = tuple(None if root.numel() == 1 else root.detach().clone().fill_(1.0) for root in roots)
    _core._push_observer(before, after)
    try:
        found: tuple[Any, ...] = _core._run_backward(roots, seeds, True, False, wanted, False)
        return found
    except RuntimeError as error:
        if "second time" in str(error):
            return None
        raise
    finally:
        _core._pop_observer()


FREED = (
    "The graph was freed by an earlier backward(). Call this before backward(), or keep the graph "
    "by backward(retain_graph=True)."
)


def _backward(roots: tuple[Any, ...], leaf: Any | None) -> Explanation:
    _, leaves = nodes_of(list(roots))
    watch = _Watch()
    found = rerun_backward(roots, leaves, watch.before, watch.after)
    if found is None:
        return Explanation(FREED)
    wanted = [a for a in leaves if leaf is None or a.variable is leaf]
    if not wanted:
        return Explanation("The loss does not depend on this tensor: see pullback.why_none.")
    # Who gives to whom, as far as bad gradients go.
    givers: dict[Any, list[Any]] = {}
    for node, places in watch.gave_bad.items():
        for i in places:
            givers.setdefault(node._inputs[i][0], []).append(node)
    pending = list(wanted)
    seen = set(pending)
    makers = []
    while pending:
        for node in givers.get(pending.pop(), ()):
            if node in seen:
                continue
            seen.add(node)
            if node in watch.kept:
                makers.append(node)
            else:
                pending.append(node)
    if not makers:
        own = [g for a, g in zip(leaves, found, strict=True) if a in wanted]
        bad = any(is_bad(gradient) for gradient in own)
        if leaf is None or not is_bad(leaf.grad):
            text = (
                "A sum of gradients overflowed." if bad else "All values and gradients are finite."
            )
            return Explanation(text)
        return Explanation(
            "This pass gives finite gradients, but .grad holds infinities or NaN: they were "
            "accumulated in an earlier one. Call zero_grad() before backward()."
        )
    node = max(makers, key=lambda each: each._sequence_nr())
    return _report_backward(node, watch)


def _report_backward(node: Any, watch: _Watch) -> Explanation:
    arrived, given = watch.kept[node]
    place_number = watch.gave_bad[node][0]
    gradient = given[place_number]
    index = _first_bad(gradient)
    shape = tuple(gradient.shape)
    place = place_of(node)
    text = [
        f"{node.name()} turned finite gradients into {_word(gradient)} in the backward pass",
        show_place(place),
        f"  gradient {place_number} = {gradient[index].item()} at index {index}, of shape {shape}",
    ]
    found: dict[str, Any] = {}
    zero = False
    for k, value in enumerate(arrived):
        if value is None:
            continue
        name = "gradient that arrived" if len(arrived) == 1 else f"gradient {k} that arrived"
        text.append(_describe(name, value, index, shape))
        found[name] = _at(value, index, shape)
        zero |= found[name] == 0
    inputs, outputs, _ = _core._saved_values(node)
    names = _names(len(node._inputs))
    for i, value in inputs.items():
        text.append(_describe(names[i], value, index, shape))
        found[names[i]] = _at(value, index, shape)
    for value in outputs.values():
        text.append(_describe("result", value, index, shape))
        found["result"] = _at(value, index, shape)
    hint = _MASKED if zero else _HINTS.get(node.name())
    if hint:
        text.append("  " + hint)
    return Explanation("\n".join(text), place, node.name(), index, found, (place,) if place else ())


def explain(tensor: Tensor, loss: Tensor | Iterable[Tensor] | None = None) -> Explanation:
    """Where the NaN or infinity in a tensor, or in its gradient, comes from.

    Args:
        tensor: a tensor that holds NaN or infinity, for instance the loss; or a parameter whose
            gradient does; or that gradient.
        loss: what ``backward`` was or is going to be called on, for a parameter or its gradient.
            The pass is run again without touching ``.grad``, so the graph must still be there.

    Returns:
        An ``Explanation``: text, and the line, the operator, the index and the operands' values.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor([4.0, 0.0], requires_grad=True)
        >>> loss = x.sqrt().sum()
        >>> found = pb.explain(x, loss)
        >>> found.operator, found.index, found.values["result"]
        ('SqrtBackward0', (1,), 0.0)
    """
    with no_grad():
        if loss is not None:
            roots = _roots_of(loss)
            for root in roots:
                if is_bad(root) and root.grad_fn is not None:
                    return _forward(root)
            return _backward(roots, _leaf_for(tensor, roots))
        if not is_bad(tensor):
            grad = tensor.grad if tensor.is_leaf or tensor.retains_grad else None
            if grad is not None and is_bad(grad):
                return Explanation(
                    "The tensor is finite, its .grad is not. Pass what backward() was called on: "
                    "explain(p, loss), with the graph kept by backward(retain_graph=True). "
                    + _origin(tensor)
                )
            if tensor.grad_fn is not None:
                return _backward((tensor,), None)
            return Explanation("All values are finite.")
        if tensor.grad_fn is not None:
            return _forward(tensor)
        source = _report_source(tensor, _word(tensor))
        return Explanation(
            source.text + " If it is the gradient of a parameter, pass the loss: explain(p, loss).",
            source.place,
            None,
            source.index,
            {},
            source.places,
        )


def _leaf_for(tensor: Any, roots: tuple[Any, ...]) -> Any | None:
    """The leaf that is meant: the tensor itself, or the one whose gradient it is."""
    leaves = [accumulator.variable for accumulator in nodes_of(list(roots))[1]]
    for leaf in leaves:
        if leaf is tensor or leaf.grad is tensor:
            return leaf
    return None if any(tensor is root for root in roots) else tensor
