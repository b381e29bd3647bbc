"""``explain``: the first operation that turned finite numbers into NaN or infinity.

Forward, the values between the operations are what nodes saved, or computed anew from their inputs
(``_core._rerun``); from the bad value the search follows bad operands down to a node whose operands
are all finite. Where an operand is not known the answer says that it is a guess. Backward, the pass
is run again with an observer that sees what every node gives; the search follows bad gradients up,
to a node, a hook or a sum. A graph that was freed is recorded anew from its leaves, or its
structure is asked (``_freed``). Start reading at ``explain``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from pullback import _core
from pullback._grad_mode import no_grad
from pullback.diagnosis._anew import Anew, Values, is_freed
from pullback.diagnosis._freed import nan_by_structure
from pullback.diagnosis._names import name_of
from pullback.diagnosis._walk import (
    Explanation,
    FreedError,
    UnseenError,
    as_they_are,
    hooks_at,
    is_bad,
    nodes_of,
    origin_of,
    place_in,
    place_of,
    require_tensor,
    rerun_backward,
    roots_of,
    say_freed,
    shape_of,
    show_place,
)

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
# What makes infinity or NaN of small numbers; arithmetic only does of huge ones.
_PRONE = (
    *("Acos", "Asin", "Atan", "Cdist", "Cosh", "Digamma", "Div", "Erfinv", "Exp", "Fmod", "Lgamma"),
    *("Log", "Mean", "Pow", "Reciprocal", "Remainder", "Rsqrt", "Sinh", "Softmax", "Sqrt", "Std"),
    *("Tan", "Var", "Xlogy"),
)
# What does in the backward pass.
_STEEP = (*_PRONE, "Cumprod", "Dist", "Hypot", "LinalgVectorNorm", "Logit", "Norm", "Prod")
_MASKED = (
    "The gradient that arrived is 0 there, and 0 times infinity is nan: a branch that is masked "
    "afterwards. Mask the input of the operation as well, or run backward under "
    "pullback.safe_gradients()."
)


def _word(value: Any) -> str:
    return "nan" if bool(value.isnan().any()) else "infinity"


def _first_bad(value: Any) -> tuple[int, ...]:
    return tuple((~value.isfinite()).nonzero()[0].tolist())


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
        return f"  {name} = {one} there, of shape {shape_of(value)}"
    if value.numel() == 0:
        return f"  {name}: empty, of shape {shape_of(value)}"
    low, high = value.min().item(), value.max().item()
    return f"  {name}: between {low} and {high}, of shape {shape_of(value)}"


def _is_prone(node: Any) -> bool:
    return bool(node.name().startswith(_PRONE)) or isinstance(node, _core._FunctionBase)


def _is_steep(node: Any) -> bool:
    return bool(node.name().startswith(_STEEP)) or isinstance(node, _core._FunctionBase)


def _forward(root: Any) -> Explanation:
    values = Values([root])
    word = _word(root.detach())
    pending = [root.grad_fn]
    sure = {root.grad_fn}  # nodes whose result is known to be bad
    seen = {root.grad_fn}
    makers: list[Any] = []
    guesses: list[Any] = []
    path: list[Any] = []
    sources: list[Any] = []
    while pending:
        node = pending.pop()
        path.append(node)
        bad = False
        for (target, _), value in zip(node._inputs, values.inputs[node], strict=True):
            inner = target is not None and not hasattr(target, "variable")
            is_known_bad = isinstance(value, _core.Tensor) and is_bad(value)
            if is_known_bad:
                bad = True
                if not inner:
                    sources.append(value if target is None else target.variable)
            if inner and (value is None or is_known_bad):
                if is_known_bad:
                    sure.add(target)
                if target not in seen:
                    seen.add(target)
                    pending.append(target)
        if not bad:
            certain = node in sure and node not in values.incomplete
            (makers if certain else guesses).append(node)

    def rank(node: Any) -> tuple[bool, bool, int]:
        prone = _is_prone(node)
        return not prone, prone and node not in sure, node._sequence_nr()

    guesses.sort(key=rank)
    if makers:
        maker = min(makers, key=lambda node: node._sequence_nr())
        return _report_forward(values, maker, word, path, [], guesses)
    if sources:
        return _report_source(sources[0])
    return _report_forward(values, guesses[0], word, path, guesses)


def _names(count: int) -> list[str]:
    usual = {1: ["input"], 2: ["input", "other"]}
    return usual.get(count, [f"input {i}" for i in range(count)])


def _report_forward(
    values: Values,
    node: Any,
    word: str,
    path: list[Any],
    guesses: list[Any],
    others: list[Any] | None = None,
) -> Explanation:
    results = (values.results.get((node, k)) for k in range(len(node._input_metadata)))
    result = next((each for each in results if is_bad(each)), None)
    constants = _core._saved_values(node)[0]
    inputs = [
        constants.get(i) if value is None else value for i, value in enumerate(values.inputs[node])
    ]
    place = place_of(node)
    made = word if result is None else _word(result)
    likely = "Most likely " if guesses else ""
    text = [
        f"{likely}{node.name()} turned finite input into {made} in the forward pass",
        show_place(place),
    ]
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
        for other in [each for each in others or () if _is_prone(each)][:_MOST_GUESSES]:
            text += [f"Or it came of {other.name()}", show_place(place_of(other))]
            places.append(place_of(other) or "")
    hint = _HINTS.get(node.name())
    if hint:
        text.append("  " + hint)
    if guesses:
        text.append("  This is a guess: an operand was not kept.")
    for other in guesses[1 : 1 + _MOST_GUESSES]:
        text += [f"It may also be {other.name()}", show_place(place_of(other))]
        places.append(place_of(other) or "")
    if guesses and is_freed(path):
        came_in = dict.fromkeys(s for other in path for s in _core._saved_origins(other).values())
        for sentence in [*came_in][:_MOST_GUESSES]:
            text.append(f"Or it came in with an operand that was freed. {sentence}")
            places.append(place_in(sentence) or "")
        text.append(say_freed(path))
    return Explanation("\n".join(text), place, node.name(), index, found, tuple(places))


def _report_source(value: Any) -> Explanation:
    origin = origin_of(value) or (
        "Where it comes from is not known: it was computed from tensors that require no gradient."
    )
    index = _first_bad(value)
    what = "leaf" if value.requires_grad else "tensor without history"
    name = name_of(value) if value.requires_grad else ""
    written = _core._written_at(value)
    text = (
        f"{_word(value)} came in from outside: {name or 'a ' + what} of shape {shape_of(value)} "
        f"holds {value[index].item()} at index {index}. {origin}"
    )
    place = place_in(origin)
    if written:
        text += f" It was last written in place at {written}."
        place = written
    places = tuple(p for p in (place, place_in(origin)) if p)
    return Explanation(text, place, None, index, {}, places)


# Besides the likeliest.
_MOST_GUESSES = 3


_UNUSED = (
    "The loss does not depend on this tensor: see pullback.why_none. If it is the gradient of an "
    "intermediate result, pass that result."
)


class _Watch:
    """Sees the nodes of a pass: which of them got and gave bad gradients."""

    def __init__(self) -> None:
        self.got_bad: set[Any] = set()
        self.gave_bad: dict[Any, list[int]] = {}
        self.kept: dict[Any, tuple[tuple[Any, ...], tuple[Any, ...]]] = {}

    def look(self, node: Any, arrived: tuple[Any, ...], given: tuple[Any, ...]) -> None:
        bad = [i for i, gradient in enumerate(given) if is_bad(gradient)]
        if any(is_bad(gradient) for gradient in arrived):
            self.got_bad.add(node)
        if not bad:
            return
        self.gave_bad[node] = bad
        if node not in self.got_bad:
            self.kept[node] = (arrived, given)


def _of_pass(roots: tuple[Any, ...], tensor: Any | None) -> Explanation:
    """The same of a graph that may have been freed."""
    try:
        return _backward(roots, tensor)
    except UnseenError as error:
        return Explanation(str(error))
    except FreedError:
        nodes, leaves = nodes_of(list(roots))
        inside = tensor is None or tensor.grad_fn in nodes
        if not inside and not any(a.variable is tensor for a in leaves):
            return Explanation(_UNUSED)
        anew = Anew(roots, nodes, leaves)
        if anew.whole:
            found = _backward(anew.roots, None if tensor is None else anew.of(tensor))
            if found.place is not None:
                return dataclasses.replace(found, text=f"{found.text}\n{as_they_are(nodes)}")
        return nan_by_structure(tensor, Values(list(roots)), _is_steep, anew.whole)


def _backward(roots: tuple[Any, ...], tensor: Any | None) -> Explanation:
    """Who made the bad gradient of a tensor of the graph, or of any leaf."""
    nodes, leaves = nodes_of(list(roots))
    watch = _Watch()
    wanted = tuple(leaf.variable for leaf in leaves)
    found = rerun_backward(roots, watch.look, wanted)
    bad_leaves = [a for a, g in zip(leaves, found, strict=True) if is_bad(g)]
    # Who gives to whom, as far as bad gradients go.
    givers: dict[Any, list[Any]] = {}
    outputs: dict[tuple[Any, int], list[Any]] = {}
    for node, places in watch.gave_bad.items():
        for i in places:
            target, number = node._inputs[i]
            givers.setdefault(target, []).append(node)
            outputs.setdefault((target, number), []).append(node)
    first: list[Any]
    if tensor is None:
        first = list(leaves)
    elif tensor.grad_fn in nodes:
        first = outputs.get((tensor.grad_fn, tensor.output_nr), [])
    else:
        first = [a for a in leaves if a.variable is tensor]
        if not first:
            return Explanation(_UNUSED)
    pending = []
    makers: list[Any] = []
    sums: list[Any] = []  # what got a bad gradient from nobody
    seen: set[Any] = set()

    def visit(target: Any) -> None:
        if target in seen:
            return
        seen.add(target)
        if target in watch.kept:
            makers.append(target)
        else:
            pending.append(target)

    for target in first:
        visit(target)
    while pending:
        target = pending.pop()
        above = givers.get(target, ())
        if not above and (target in watch.got_bad or target in bad_leaves):
            sums.append(target)
        for node in above:
            visit(node)
    if makers or sums:
        node = max(makers + sums, key=lambda each: getattr(each, "_sequence_nr", int)())
        return _report_backward(node, watch) if node in makers else _report_sum(node)
    if tensor is None or not (tensor.is_leaf or tensor.retains_grad) or not is_bad(tensor.grad):
        return Explanation("All values and gradients are finite.")
    return Explanation(
        "This pass gives finite gradients, but .grad holds infinities or NaN: they were "
        "accumulated in an earlier one (call zero_grad() before backward()), or came in by the "
        "gradient that backward() was given."
    )


def _report_sum(target: Any) -> Explanation:
    """Finite gradients were given to a node or leaf, a bad one arrived."""
    leaf = getattr(target, "variable", None)
    name = target.name() if leaf is None else name_of(leaf) or f"a leaf of shape {shape_of(leaf)}"
    sentence = origin_of(leaf) if leaf is not None else ""
    place = place_in(sentence) if leaf is not None else place_of(target)
    hooks = hooks_at(target)
    if not hooks:
        text = f"The sum of the gradients that arrive at {name} overflowed in the backward pass"
        text += f". {sentence}" if leaf is not None else "\n" + show_place(place)
        return Explanation(text, place, None, places=(place,) if place else ())
    lines = [f"A hook turned finite gradients into infinity or nan on the way to {name}"]
    lines += [f"  hook at {hook}" for hook in hooks]
    if place:
        lines.append(f"  recorded at {place}" if leaf is None else "  " + sentence)
    places = (*hooks, place) if place else tuple(hooks)
    return Explanation("\n".join(lines), hooks[0], places=places)


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
        name = names[i] if i >= 0 else f"saved {-1 - i}"  # by a custom function
        text.append(_describe(name, value, index, shape))
        found[name] = _at(value, index, shape)
    for value in outputs.values():
        text.append(_describe("result", value, index, shape))
        found["result"] = _at(value, index, shape)
    hint = _MASKED if zero else _HINTS.get(node.name())
    if hint:
        text.append("  " + hint)
    return Explanation("\n".join(text), place, node.name(), index, found, (place,) if place else ())


class _Result(NamedTuple):
    """Stands for a result whose tensor nobody has at hand."""

    grad_fn: Any
    output_nr: int
    value: Any

    def detach(self) -> Any:
        return self.value


def bad_value(node: Any) -> Explanation | None:
    """Who made the bad value that a node keeps, while the graph is there."""
    inputs, outputs, _ = _core._saved_values(node)
    for number, value in outputs.items():
        if is_bad(value):
            return _forward(_Result(node, number, value.detach()))
    for place, value in inputs.items():
        if not isinstance(value, _core.Tensor) or not is_bad(value):
            continue
        target, number = node._inputs[place] if 0 <= place < len(node._inputs) else (None, 0)
        if target is None or hasattr(target, "variable"):
            return _report_source(value)
        return _forward(_Result(target, number, value.detach()))
    return None


def bad_gradient(node: Any, given: tuple[Any, ...]) -> Explanation | None:
    """What a node turned finite gradients into."""
    watch = _Watch()
    watch.look(node, (), given)
    return _report_backward(node, watch) if node in watch.kept else None


def explain(tensor: Tensor, loss: Tensor | Iterable[Tensor] | None = None) -> Explanation:
    """Where the NaN or infinity in a tensor, or in its gradient, comes from.

    Args:
        tensor: a tensor that holds NaN or infinity, for instance the loss; or a parameter or
            intermediate result whose gradient does; or the gradient of a parameter.
        loss: what ``backward`` was or is going to be called on, where a gradient is meant. The
            pass is run again (hooks of tensors and nodes, too) without touching ``.grad``. After a
            plain ``backward()``, which has freed the graph, the answer is exact only where the loss
            depends on nothing but leaves and numbers, and tells what is likely otherwise.

    Returns:
        An ``Explanation``: text, and the line, the operator, the index and the operands' values.

    Raises:
        TypeError: ``tensor`` or ``loss`` is no tensor.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor([4.0, 0.0], requires_grad=True)
        >>> loss = x.sqrt().sum()
        >>> found = pb.explain(x, loss)
        >>> found.operator, found.index, found.values["result"]
        ('SqrtBackward0', (1,), 0.0)
    """
    require_tensor("explain", tensor)
    with no_grad():
        if loss is not None:
            roots = roots_of("explain", loss)
            for root in roots:
                if is_bad(root) and root.grad_fn is not None:
                    return _forward(root)
            return _of_pass(roots, _target_for(tensor, roots))
        if not is_bad(tensor):
            grad = tensor.grad if tensor.is_leaf or tensor.retains_grad else None
            if grad is not None and is_bad(grad):
                return Explanation(
                    "The tensor is finite, its .grad is not. Pass what backward() was called on: "
                    "explain(p, loss). " + origin_of(tensor)
                )
            if tensor.grad_fn is not None:
                return _of_pass((tensor,), None)
            return Explanation("All values are finite.")
        if tensor.grad_fn is not None:
            return _forward(tensor)
        source = _report_source(tensor)
        return Explanation(
            source.text + " If it is the gradient of a parameter, pass the loss: explain(p, loss).",
            source.place,
            None,
            source.index,
            {},
            source.places,
        )


def _target_for(tensor: Any, roots: tuple[Any, ...]) -> Any | None:
    """Whose gradient is meant: the tensor's own, or the leaf's whose gradient it is."""
    for accumulator in nodes_of(list(roots))[1]:
        leaf = accumulator.variable
        if leaf is tensor or leaf.grad is tensor:
            return leaf
    return None if any(tensor is root for root in roots) else tensor
