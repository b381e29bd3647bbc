"""The values between the nodes of a graph, as far as they are known, and a freed graph anew.

What nodes saved is there while the graph is kept; the rest is computed from it, and from the leaves
and the numbers that nodes keep, by the operators themselves (``_core._rerun``). The leaves and the
numbers are there after a pass, too: a graph that depends on nothing else can be recorded again.
Start reading at ``Values``.
"""

from __future__ import annotations

from typing import Any

from pullback import _core
from pullback._grad_mode import enable_grad
from pullback.diagnosis._walk import nodes_of

__all__ = ["Anew", "Values", "is_freed"]


def is_freed(nodes: list[Any]) -> bool:
    """Whether a pass has dropped what one of the nodes saved."""
    return any(_core._saved_values(node)[2] for node in nodes)


class Values:
    """The values between the nodes of a graph."""

    def __init__(self, roots: list[Any]) -> None:
        self.nodes, self.leaves = nodes_of(roots)
        self.inputs: dict[Any, list[Any]] = {}
        self.incomplete: set[Any] = set()  # nodes with an operand that is not known
        self.results: dict[tuple[Any, int], Any] = {}
        saved = {node: _core._saved_values(node) for node in self.nodes}
        for node in self.nodes:
            inputs, outputs, _ = saved[node]
            for place, (target, number) in enumerate(node._inputs):
                if target is not None and isinstance(inputs.get(place), _core.Tensor):
                    self.results.setdefault((target, number), inputs[place].detach())
            for number, value in outputs.items():
                self.results.setdefault((node, number), value.detach())
        for root in roots:
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
            if any(value is None for value in known):
                self.incomplete.add(node)
            return
        self.inputs[node] = [
            old if new is None else new for old, new in zip(known, again[0], strict=True)
        ]
        for number, value in enumerate(again[1]):
            self.results.setdefault((node, number), value)

    def result(self, node: Any) -> Any:
        """The first result of a node, or None."""
        return self.results.get((node, 0))


class Anew:
    """A graph recorded again from stand-ins of its leaves, by nodes with the lines of the old ones.

    ``whole`` is False when something that it depends on is gone.
    """

    def __init__(self, roots: tuple[Any, ...], nodes: list[Any], leaves: list[Any]) -> None:
        self.stand_ins = {leaf: _core._stand_in(leaf.variable) for leaf in leaves}
        self.results: dict[tuple[Any, int], Any] = {}
        self.whole = all(self._record(node) for node in nodes)
        if self.whole:
            self.roots = tuple(self.of(root) for root in roots)

    def _record(self, node: Any) -> bool:
        known: list[Any] = []
        for target, number in node._inputs:
            if target is None:
                known.append(None)
            elif target in self.stand_ins:
                known.append(self.stand_ins[target])
            else:
                known.append(self.results.get((target, number)))
        try:
            with enable_grad():
                again = _core._rerun(node, known, True)
        except RuntimeError:
            return False
        if again is None or not any(each.requires_grad for each in again[1]):
            return False
        for number, value in enumerate(again[1]):
            self.results[(node, number)] = value
        return True

    def of(self, tensor: Any) -> Any:
        """What stands for a tensor of the graph; None for one that is not in it."""
        if tensor.grad_fn is not None:
            return self.results.get((tensor.grad_fn, tensor.output_nr))
        return next((s for a, s in self.stand_ins.items() if a.variable is tensor), None)
