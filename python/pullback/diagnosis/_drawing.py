"""A picture of the graph that made a tensor: text, Graphviz DOT, or a self-contained SVG.

``draw(t)`` walks the recorded nodes without recursion and keeps plain data. Of a large graph, nodes
of one operation and line become one box (``_fold``). Leaves stand at the bottom, the tensor itself
on top, gradients flow downwards. Layers are the longest distances from the root, the order within
a layer is that of the neighbours' mean places (Sugiyama's method with one sweep each way).
"""

from __future__ import annotations

import html
import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pullback import _arguments, _core
from pullback._grad_mode import no_grad
from pullback.diagnosis._names import names_of
from pullback.diagnosis._walk import (
    FreedError,
    UnseenError,
    nodes_of,
    require_tensor,
    rerun_backward,
    say_freed,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

__all__ = ["Drawing", "draw"]

# Above this many boxes a picture cannot be read.
_MOST_BOXES = 200
_GAP, _CELL_HEIGHT = 20, 112
_LEAST_WIDTH, _BOX_HEIGHT = 100, 68
_SIZES = (13, 11, 10)  # of the three lines of a box
# Of a letter in a sans-serif font as it is drawn where nobody measures: about the widest one's.
_LETTER = 0.62
_COLOURS = {"root": "#fde7c8", "node": "#dbe7f5", "leaf": "#d8f0d8"}


@dataclass
class _Box:
    title: str
    note: str
    kind: str
    inputs: list[int] = field(default_factory=list)
    detail: str = ""
    gradient: str = ""
    layer: int = 0
    place: float = 0.0

    def lines(self) -> tuple[str, str, str]:
        """What stands in the box."""
        return self.title, self.note, ", ".join(t for t in (self.detail, self.gradient) if t)

    def width(self) -> float:
        needed = (len(t) * size * _LETTER for t, size in zip(self.lines(), _SIZES, strict=True))
        return max(_LEAST_WIDTH, *needed) + 16


class Drawing:
    """The graph of one tensor; a notebook shows it as a picture, ``print`` as text.

    Example:
        >>> import pullback as pb
        >>> a = pb.tensor(2.0, requires_grad=True)
        >>> print(pb.draw(3 * a, names={"a": a}))
        tensor ()
          MulBackward0
            a ()
    """

    def __init__(self, boxes: list[_Box]) -> None:
        self._boxes = boxes
        self._arrange()

    def _arrange(self) -> None:
        """Give every box a layer and a place within it; long edges get a bend in every layer."""
        for box in self._boxes:
            for target in box.inputs:
                below = self._boxes[target]
                below.layer = max(below.layer, box.layer + 1)
        self._points = list(self._boxes)
        self._lines: list[list[int]] = []
        parents: dict[int, list[int]] = {}
        children: dict[int, list[int]] = {}
        for number, box in enumerate(self._boxes):
            for target in box.inputs:
                line = [number]
                for layer in range(box.layer + 1, self._boxes[target].layer):
                    line.append(len(self._points))
                    self._points.append(_Box("", "", "bend", layer=layer))
                line.append(target)
                self._lines.append(line)
                for above, below_it in itertools.pairwise(line):
                    parents.setdefault(below_it, []).append(above)
                    children.setdefault(above, []).append(below_it)
        layers: dict[int, list[int]] = {}
        for number, point in enumerate(self._points):
            layers.setdefault(point.layer, []).append(number)
        for members in layers.values():
            self._spread(members)
        for neighbours, order in ((parents, sorted(layers)), (children, sorted(layers)[::-1])) * 2:
            for layer in order:
                self._sort(layers[layer], neighbours)

    def _sort(self, members: list[int], neighbours: Mapping[int, list[int]]) -> None:
        def mean_place(number: int) -> float:
            near = neighbours.get(number)
            if not near:
                return self._points[number].place
            return sum(self._points[other].place for other in near) / len(near)

        members.sort(key=mean_place)
        self._spread(members)

    def _spread(self, members: list[int]) -> None:
        for i, number in enumerate(members):
            self._points[number].place = i - (len(members) - 1) / 2

    def text(self) -> str:
        """The graph as an indented list; what was shown already is named only."""
        lines: list[str] = []
        shown: set[int] = set()
        stack = [(0, 0)]
        while stack:
            number, depth = stack.pop()
            box = self._boxes[number]
            again = number in shown and bool(box.inputs)
            title = f"{box.title} {box.note}" if box.kind != "node" else box.title
            title += f", {box.gradient}" if box.gradient else ""
            lines.append("  " * depth + title + (" (above)" if again else ""))
            if not again:
                shown.add(number)
                stack.extend((target, depth + 1) for target in reversed(box.inputs))
        return "\n".join(lines)

    __str__ = text

    def dot(self) -> str:
        """The graph in Graphviz' language."""
        lines = ["digraph {", "  node [shape=box, style=filled, fontname=sans];"]
        for number, box in enumerate(self._boxes):
            texts = (box.title, box.note, box.detail, box.gradient)
            parts = tuple(t.replace("\\", "\\\\").replace('"', '\\"') for t in texts if t)
            label = "\\n".join(parts)
            lines.append(f'  n{number} [label="{label}", fillcolor="{_COLOURS[box.kind]}"];')
        lines += [
            f"  n{number} -> n{target};"
            for number, box in enumerate(self._boxes)
            for target in box.inputs
        ]
        return "\n".join([*lines, "}"])

    def svg(self) -> str:
        """The picture, self-contained."""
        cell = max(box.width() for box in self._boxes) + _GAP
        widest = max(abs(point.place) for point in self._points)
        width = int((2 * widest + 1) * cell)
        height = (max(box.layer for box in self._boxes) + 1) * _CELL_HEIGHT

        def centre(box: _Box) -> tuple[float, float]:
            return width / 2 + box.place * cell, (box.layer + 0.5) * _CELL_HEIGHT

        parts = [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                f'viewBox="0 0 {width} {height}" font-family="sans-serif" text-anchor="middle">'
            ),
            (
                '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
                'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#556"/></marker>'
                "</defs>"
            ),
        ]
        for line in self._lines:
            x, y = centre(self._points[line[0]])
            path = f"M{x:.0f} {y + _BOX_HEIGHT / 2:.0f}"
            y += _BOX_HEIGHT / 2
            for number in line[1:]:
                tx, ty = centre(self._points[number])
                ty -= _BOX_HEIGHT / 2
                middle = (y + ty) / 2
                path += f"C{x:.0f} {middle:.0f} {tx:.0f} {middle:.0f} {tx:.0f} {ty:.0f}"
                x, y = tx, ty
                if number != line[-1]:
                    y += _BOX_HEIGHT
                    path += f"V{y:.0f}"
            parts.append(f'<path d="{path}" fill="none" stroke="#556" marker-end="url(#arrow)"/>')
        for box in self._boxes:
            x, y = centre(box)
            own = box.width()
            parts.append(
                f'<rect x="{x - own / 2:.0f}" y="{y - _BOX_HEIGHT / 2:.0f}" rx="6" '
                f'width="{own:.0f}" height="{_BOX_HEIGHT}" fill="{_COLOURS[box.kind]}" '
                'stroke="#556"/>'
            )
            for text, size, below, colour in zip(
                box.lines(), _SIZES, (-11, 7, 23), ("#000", "#445", "#667"), strict=True
            ):
                parts.append(
                    f'<text x="{x:.0f}" y="{y + below:.0f}" font-size="{size}" fill="{colour}">'
                    f"{html.escape(text)}</text>"
                )
        return "\n".join([*parts, "</svg>"])

    _repr_svg_ = svg

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to an ``.svg`` file, or the text to a ``.dot`` or ``.txt`` file."""
        name = str(path)
        forms = {".svg": self.svg, ".dot": self.dot, ".txt": self.text}
        for ending, form in forms.items():
            if name.endswith(ending):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(form() + "\n")
                return
        raise ValueError(
            f"Drawing.save: got {name!r}, expected a name ending in .svg, .dot or .txt."
        )


def _shape(tensor: Any) -> str:
    return str(tuple(tensor.shape))


def _place(node: Any) -> str:
    """``file.py:12`` of the line that recorded the node."""
    where: str | None = getattr(node, "recorded_at", None)
    if where is None:
        return ""
    file, _, rest = where.partition(" in ")[0].rpartition(":")
    return f"{file.replace(chr(92), '/').rpartition('/')[2]}:{rest}"


def _size(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


@dataclass
class _Group:
    """Nodes, or leaves, that one box stands for; ``newest`` orders the groups."""

    title: str
    note: str
    kind: str
    newest: int
    count: int = 0
    saved: int = 0
    norms: list[float] = field(default_factory=list)  # of the gradients that arrive
    shapes: dict[str, None] = field(default_factory=dict)
    inputs: dict[int, None] = field(default_factory=dict)

    def detail(self) -> str:
        shapes = list(self.shapes)
        parts = [shapes[0] + (" ..." if len(shapes) > 1 else "")] if shapes else []
        if self.saved:
            parts.append(f"saves {_size(self.saved)}")
        return ", ".join(parts)

    def gradient(self) -> str:
        if not self.norms:
            return ""
        bad = next((norm for norm in self.norms if not math.isfinite(norm)), None)
        low, high = (bad, bad) if bad is not None else (min(self.norms), max(self.norms))
        return f"grad {low:.3g}" + (f" .. {high:.3g}" if high > low else "")


class _Graph:
    """The nodes below a tensor: edges as numbers, consumers first, leaves behind the nodes."""

    def __init__(self, tensor: Any, names: Any, gradients: bool) -> None:
        nodes, leaves = nodes_of([tensor])
        nodes.reverse()
        known = names_of((a.variable for a in leaves), names)
        number = {node: i for i, node in enumerate([*nodes, *leaves])}
        shapes: dict[tuple[Any, int], str] = {(tensor.grad_fn, tensor.output_nr): _shape(tensor)}
        self.groups: list[_Group] = []
        self.pairs: list[list[int]] = []  # of a graph that is not folded, with repeated edges
        saved = []
        for node in nodes:
            inputs, outputs, _ = _core._saved_values(node)
            kept = [v for v in (*inputs.values(), *outputs.values()) if isinstance(v, _core.Tensor)]
            saved.append(sum(v.numel() * v.element_size() for v in kept))
            for place, edge in enumerate(node._inputs):
                if isinstance(inputs.get(place), _core.Tensor):
                    shapes.setdefault(edge, _shape(inputs[place]))
            for output_nr, value in outputs.items():
                shapes.setdefault((node, output_nr), _shape(value))
        norms = _norms(tensor, leaves) if gradients else {}
        for node, count in zip(nodes, saved, strict=True):
            group = _Group(node.name(), _place(node), "node", node._sequence_nr(), 1, count)
            if (node, 0) in shapes:
                group.shapes[shapes[node, 0]] = None
            targets = [number[target] for target, _ in node._inputs if target is not None]
            group.inputs = dict.fromkeys(targets)
            group.norms = norms.get(node, [])
            self.pairs.append(targets)
            self.groups.append(group)
        for order, node in enumerate(leaves):
            leaf = node.variable
            name = known.get(id(leaf), "leaf")
            self.groups.append(_Group(name, _shape(leaf), "leaf", -1 - order, 1))
            self.groups[-1].norms = norms.get(node, [])

    def fold(self, key: Callable[[_Group], Any]) -> None:
        """Make one group of all with the same key; loops that come of it are left out."""
        merged: dict[Any, int] = {}
        found: list[_Group] = []
        place = []
        for group in self.groups:
            at = merged.setdefault(key(group), len(found))
            if at == len(found):
                found.append(_Group(group.title, group.note, group.kind, group.newest))
            whole = found[at]
            whole.newest = max(whole.newest, group.newest)
            whole.count += group.count
            whole.saved += group.saved
            whole.norms += group.norms
            whole.shapes.update(group.shapes)
            if whole.title != group.title:
                whole.title = "operations" if group.kind == "node" else "leaves"
            if whole.note != group.note:
                whole.note = ""
            place.append(at)
        for group, at in zip(self.groups, place, strict=True):
            for target in group.inputs:
                if found[place[target]].newest < found[at].newest:
                    found[at].inputs[place[target]] = None
        self.groups = found
        self.pairs = []

    def fold_leaves(self) -> None:
        """One box for the leaves that go to the same boxes."""
        users: dict[int, list[int]] = {}
        for number, group in enumerate(self.groups):
            for target in group.inputs:
                users.setdefault(target, []).append(number)
        keys = {
            id(group): tuple(users.get(number, ())) if group.kind == "leaf" else number
            for number, group in enumerate(self.groups)
        }
        self.fold(lambda group: keys[id(group)])

    def boxes(self) -> list[_Box]:
        order = sorted(range(len(self.groups)), key=lambda i: -self.groups[i].newest)
        place = {number: at for at, number in enumerate(order, start=1)}
        found = []
        for number in order:
            group = self.groups[number]
            title = group.title if group.count == 1 else f"{group.title} \u00d7{group.count}"
            targets = self.pairs[number] if number < len(self.pairs) else [*group.inputs]
            inputs = [place[target] for target in targets]
            detail = group.detail()
            found.append(_Box(title, group.note, group.kind, inputs, detail, group.gradient()))
        return found


def _norms(tensor: Any, leaves: list[Any]) -> dict[Any, list[float]]:
    """The 2-norms of the gradients that arrive at nodes and leaves in a pass from the tensor."""
    found: dict[Any, list[float]] = {}

    def look(node: Any, arrived: tuple[Any, ...], _: Any) -> None:
        found[node] = [g.norm().item() for g in arrived if g is not None]

    with no_grad():
        try:
            wanted = tuple(leaf.variable for leaf in leaves)
            gradients = rerun_backward((tensor,), look, wanted)
        except (FreedError, UnseenError) as error:
            reason = str(error) or say_freed(nodes_of([tensor])[0])
            raise RuntimeError(f"draw: got gradients=True. {reason}") from None
        for leaf, gradient in zip(leaves, gradients, strict=True):
            found[leaf] = [] if gradient is None else [gradient.norm().item()]
    return found


def _fold(graph: _Graph, most: int) -> None:
    """Fold more and more until no more than ``most`` boxes are left."""
    whole = len(graph.groups)
    steps: list[Callable[[], None]] = [
        lambda: graph.fold(
            lambda g: (g.title, g.note, g.kind) if g.kind == "node" else (id(g), "", "")
        ),
        graph.fold_leaves,
        lambda: graph.fold(lambda g: (g.note if g.kind == "node" else id(g), g.kind)),
        graph.fold_leaves,
        lambda: graph.fold(lambda g: (g.title if g.kind == "node" else "", g.kind)),
    ]
    for step in steps:
        if len(graph.groups) <= most:
            return
        step()
    if len(graph.groups) > most:
        raise ValueError(
            f"draw: got a graph of {whole} nodes that cannot be folded to {most} boxes; raise "
            "most_boxes."
        )


def draw(
    tensor: Any,
    names: Any = None,
    *,
    gradients: bool = False,
    most_boxes: int = _MOST_BOXES,
) -> Drawing:
    """The graph of the operations that made ``tensor``.

    Boxes name the operator, the line that recorded it, the result's shape as far as it is known and
    the bytes that are kept for the backward pass.

    Args:
        tensor: the root; a tensor that requires a gradient.
        names: the model whose names the leaves get (``0.weight``), or a mapping of names to
            tensors. Without it they get those of a module that they belong to, if one is alive.
        gradients: run the backward pass (with hooks, but without touching ``.grad``) and write the
            norm of the gradient that arrives into every box.
        most_boxes: of a larger graph the nodes of one operator and line become one box, then those
            of one line, then those of one operator.

    Returns:
        A ``Drawing`` with ``text()``, ``dot()``, ``svg()`` and ``save(path)``; notebooks show it.

    Raises:
        TypeError: it is no tensor.
        RuntimeError: nothing was recorded for the tensor, or the graph was freed and
            ``gradients`` asks for a pass.
        ValueError: the graph cannot be folded to so few boxes.

    Example:
        >>> import pullback as pb
        >>> x = pb.ones(3, requires_grad=True)
        >>> print(pb.draw((x * x).sum()))
        tensor ()
          SumBackward0
            MulBackward0
              leaf (3,)
              leaf (3,)
        >>> model = pb.nn.Sequential(pb.nn.Linear(3, 1))
        >>> print(pb.draw(model(pb.ones(2, 3)).sum(), model))
        tensor ()
          SumBackward0
            AddmmBackward0
              0.bias (1,)
              TBackward0
                0.weight (1, 3)
    """
    _arguments.flags("draw", gradients=gradients)
    _arguments.integers("draw", most_boxes=most_boxes)
    require_tensor("draw", tensor)
    if not tensor.requires_grad:
        raise RuntimeError(
            "draw: nothing was recorded for this tensor: it does not require grad and does not "
            "have a grad_fn." + (f" {tensor._origin}" if tensor._origin else "")
        )
    boxes = [_Box("tensor", _shape(tensor), "root")]
    if tensor.grad_fn is None:
        known = names_of([tensor], names)
        boxes[0].kind, boxes[0].title = "leaf", known.get(id(tensor), "leaf")
        return Drawing(boxes)
    graph = _Graph(tensor, names, gradients)
    if len(graph.groups) > most_boxes:
        _fold(graph, most_boxes)
    boxes += graph.boxes()
    boxes[0].inputs = [1]
    return Drawing(boxes)
