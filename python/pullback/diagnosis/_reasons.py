"""Why an operation gives a zero gradient, in words, by its kind and by the values around it.

``Reasons.of`` is for an operation that did; ``Reasons.may`` says whether one can have done it,
where nobody saw the gradients, and whether the values leave no doubt.
"""

from __future__ import annotations

from typing import Any

from pullback import _core
from pullback.diagnosis._anew import Values
from pullback.diagnosis._walk import is_zero, origin_of, place_of

__all__ = ["Reasons"]

_OVERWRITES = ("Zero", "Fill", "CopySlices", "CopyBackwards", "Overwrite")
_STEPS = ("Round", "Floor", "Ceil", "Sign", "Trunc", "Heaviside")
_PRODUCTS = ("Mul", "Mm", "Bmm", "Baddbmm", "Dot", "Mv", "Addmm", "Addmv", "Linear")
_CHOICES = ("Maximum", "Minimum", "Fmax", "Fmin", "Max", "Min", "Amax", "Amin", "Topk", "Kthvalue")
_MASKS = ("Where", "MaskedFill", "MaskedSelect", "MaskedScatter", "Threshold", "Tril", "Triu")
_BOUNDS = ("Clamp", "Hardtanh", "Hardsigmoid", "Hardshrink", "Softshrink")
_PARTS = ("Index", "Slice", "Select", "Gather", "Take", "Narrow")
_SATURATE = ("Sigmoid", "Tanh", "LogSigmoid", "Erf", "Softplus")

_STEP = "the function is piecewise constant: its slope is 0"
_DEAD = "a dead relu: its result is zero everywhere, so its slope is too"


class Reasons:
    """Reasons by the values of a graph."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def of(self, node: Any, place: int, *, none: bool = False, empty: bool = False) -> str:
        """Why it gave zero (None, an empty gradient) to its input at ``place``."""
        name = node.name().removeprefix("torch::autograd::")
        if isinstance(node, _core._FunctionBase):
            return f"its backward returned {'None' if none else 'zeros'}"
        if empty:
            return "its input is empty: nothing was selected"
        known = self._by_values(name, node, place)
        if known:
            return known
        if name.startswith("Relu"):
            return "a dead relu: its result is zero wherever a gradient arrives"
        if name.startswith(_BOUNDS):
            return "all values were outside of the bounds, where the slope is 0"
        if name.startswith(_OVERWRITES):
            return "the values were overwritten, so what was there before does not matter"
        if name.startswith(_PRODUCTS):
            return "the other factor is zero where a gradient arrived"
        if name.startswith(_MASKS):
            return "the mask selects nothing of it"
        if name.startswith(_CHOICES):
            return "the other operand is chosen everywhere"
        if name.startswith(("Softmax", "LogSoftmax")):
            return "the gradient is the same for all classes, or the result is saturated"
        return "its derivative is zero there"

    def may(self, node: Any, place: int) -> tuple[str, bool] | None:
        """Why it may give zero, and whether it is sure to; None when that is unlikely."""
        name = node.name().removeprefix("torch::autograd::")
        if isinstance(node, _core._FunctionBase):
            none = place in _core._got_none(node)
            return f"its backward {'returned None' if none else 'may return zeros'}", none
        known = self._by_values(name, node, place)
        if known:
            return known, True
        if name.startswith("Relu"):
            return "a relu may be dead: a result that is zero everywhere", False
        if name.startswith(_SATURATE):
            return "it may be saturated, where the slope is 0", False
        if name.startswith(_BOUNDS):
            return "all values may be outside of the bounds, where the slope is 0", False
        if name.startswith(_OVERWRITES):
            return "the values were overwritten, at least in part", False
        if name.startswith(_MASKS):
            return "the mask may select nothing of it", False
        if name.startswith(_CHOICES):
            return "another element may be chosen everywhere", False
        if name.startswith(("Softmax", "LogSoftmax")):
            return "the gradient may be the same for all classes, or the result saturated", False
        if name.startswith(_PARTS):
            return "what was selected may be empty", False
        if name.startswith(_PRODUCTS):
            freed = _core._saved_origins(node)
            origins = " ".join(text for i, text in freed.items() if i != place)
            return f"the other factor may be zero. {origins}".strip(), False
        if name.startswith("Pow"):
            target, _ = node._inputs[place]
            made = "" if hasattr(target, "variable") else f". {target.name()} made it at "
            return f"its input may be zero everywhere{made}{made and place_of(target)}", False
        return None

    def _by_values(self, name: str, node: Any, place: int) -> str | None:
        """A reason that the values prove."""
        if name.startswith(_STEPS):
            return _STEP
        inputs = self._values.inputs.get(node) or []
        own = inputs[place] if place < len(inputs) else None
        result = self._values.result(node)
        if isinstance(own, _core.Tensor) and own.numel() == 0:
            return "its input is empty: nothing was selected"
        if result is not None and result.numel() == 0:
            return "its result is empty: nothing was selected"
        if name.startswith("Relu"):
            return _DEAD if is_zero(result) else None
        if name.startswith(("Sigmoid", "Tanh")) and result is not None:
            slope = result * (1 - result) if name.startswith("Sig") else 1 - result * result
            if is_zero(slope):
                ends = f"{result.min().item()} and {result.max().item()}"
                return f"it is saturated: its results are between {ends}, where the slope is 0"
            return None
        if name.startswith(_BOUNDS) and isinstance(own, _core.Tensor) and result is not None:
            return (
                "all values were outside of the bounds, where the slope is 0"
                if own.shape == result.shape and not bool((own == result).any())
                else None
            )
        if name.startswith(("Softmax", "LogSoftmax")) and result is not None:
            sums = result if name.startswith("Softmax") else result.exp()
            ones = bool(((sums == 0) | (sums == 1)).all())
            return "its result is saturated: all probabilities are 0 or 1" if ones else None
        if name.startswith(_PRODUCTS):
            return self._zero_factor(node, place, inputs)
        if name.startswith("Pow") and is_zero(own):
            return f"its input is zero everywhere. {self._source_of_zero(node, place)}".strip()
        return None

    def _zero_factor(self, node: Any, place: int, inputs: list[Any]) -> str | None:
        numbers = _core._saved_values(node)[0]
        for i, value in enumerate(inputs):
            other = numbers.get(i) if value is None else value
            if i == place or other is None or (node.name().startswith("Addm") and i == 0):
                continue
            zero = is_zero(other) if isinstance(other, _core.Tensor) else other == 0
            if zero:
                return (
                    f"the other factor is zero everywhere. {self._source_of_zero(node, i)}".strip()
                )
        return None

    def _source_of_zero(self, node: Any, place: int) -> str:
        """The operation, or leaf, that a zero operand comes from."""
        while True:
            target, number = node._inputs[place]
            if target is None:
                return origin_of(_core._saved_values(node)[0].get(place))
            if hasattr(target, "variable"):
                return origin_of(target.variable)
            if not is_zero(self._values.results.get((target, number))):
                return ""
            node = target
            zeros = [i for i, value in enumerate(self._values.inputs[node]) if is_zero(value)]
            if len(zeros) != sum(edge[0] is not None for edge in node._inputs) or not zeros:
                return f"{node.name()} made it so at {place_of(node)}."
            place = zeros[0]
