"""A picture of the graph that made a tensor: text, Graphviz DOT, or a self-contained SVG.

``draw(t)`` walks the recorded nodes without recursion and keeps plain data; the picture is laid out
when it is asked for.  Leaves stand at the bottom, the tensor itself on top, gradients flow
downwards.  Layers are the longest distances from the root, the order within a layer is that of the
neighbours' mean places (Sugiyama's method with one sweep each way).
"""

from __future__ import annotations

import html
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["Drawing", "draw"]

# Above this many nodes a picture cannot be read.
_MOST_NODES = 2000
_CELL_WIDTH, _CELL_HEIGHT = 168, 84
_BOX_WIDTH, _BOX_HEIGHT = 144, 44
_COLOURS = {"root": "#fde7c8", "node": "#dbe7f5", "leaf": "#d8f0d8"}


@dataclass
class _Box:
    title: str
    note: str
    kind: str
    inputs: list[int] = field(default_factory=list)
    layer: int = 0
    place: float = 0.0


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
            label = f"{box.title}\\n{box.note}" if box.note else box.title
            label = label.replace('"', '\\"')
            lines.append(f'  n{number} [label="{label}", fillcolor="{_COLOURS[box.kind]}"];')
        lines += [
            f"  n{number} -> n{target};"
            for number, box in enumerate(self._boxes)
            for target in box.inputs
        ]
        return "\n".join([*lines, "}"])

    def svg(self) -> str:
        """The picture, self-contained."""
        widest = max(abs(point.place) for point in self._points)
        width = int((2 * widest + 1) * _CELL_WIDTH)
        height = (max(box.layer for box in self._boxes) + 1) * _CELL_HEIGHT

        def centre(box: _Box) -> tuple[float, float]:
            return width / 2 + box.place * _CELL_WIDTH, (box.layer + 0.5) * _CELL_HEIGHT

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
            parts.append(
                f'<rect x="{x - _BOX_WIDTH / 2:.0f}" y="{y - _BOX_HEIGHT / 2:.0f}" rx="6" '
                f'width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" fill="{_COLOURS[box.kind]}" '
                f'stroke="#556"/><text x="{x:.0f}" y="{y - 3:.0f}" font-size="14">'
                f'{html.escape(box.title)}</text><text x="{x:.0f}" y="{y + 14:.0f}" '
                f'font-size="11" fill="#445">{html.escape(box.note)}</text>'
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


def draw(tensor: Any, names: Mapping[str, Any] | None = None) -> Drawing:
    """The graph of the operations that made ``tensor``.

    Args:
        tensor: the root; a tensor that requires a gradient.
        names: names for leaves, for instance ``dict(model.named_parameters())``.

    Returns:
        A ``Drawing`` with ``text()``, ``dot()``, ``svg()`` and ``save(path)``; notebooks show it.

    Raises:
        RuntimeError: nothing was recorded for the tensor.
        ValueError: the graph is too large for a picture.

    Example:
        >>> import pullback as pb
        >>> x = pb.ones(3, requires_grad=True)
        >>> print(pb.draw((x * x).sum()))
        tensor ()
          SumBackward0
            MulBackward0
              leaf (3,)
              leaf (3,)
    """
    if not tensor.requires_grad:
        raise RuntimeError(
            "draw: nothing was recorded for this tensor: it does not require grad and does not "
            "have a grad_fn."
        )
    known = {id(leaf): name for name, leaf in (names or {}).items()}
    boxes = [_Box("tensor", _shape(tensor), "root")]
    if tensor.grad_fn is None:
        boxes[0].kind, boxes[0].title = "leaf", known.get(id(tensor), "leaf")
        return Drawing(boxes)
    # Nodes are met in an order in which an input may come before a later consumer of it, so the
    # boxes are sorted by sequence number afterwards: consumers first.
    seen: dict[Any, None] = {tensor.grad_fn: None}
    pending = [tensor.grad_fn]
    while pending:
        for target, _ in pending.pop().next_functions:
            if target is not None and target not in seen:
                seen[target] = None
                pending.append(target)
        if len(seen) > _MOST_NODES:
            raise ValueError(
                f"draw: got a graph of more than {_MOST_NODES} nodes, too many to draw."
            )
    nodes = [node for node in seen if node.next_functions]
    leaves = [node for node in seen if not node.next_functions]
    nodes.sort(key=lambda node: -node._sequence_nr())
    place = {node: number for number, node in enumerate([*nodes, *leaves], start=1)}
    boxes[0].inputs = [place[tensor.grad_fn]]
    for node in nodes:
        inputs = [place[target] for target, _ in node.next_functions if target is not None]
        boxes.append(_Box(node.name(), _place(node), "node", inputs))
    for node in leaves:
        leaf = getattr(node, "variable", None)
        if leaf is None:
            boxes.append(_Box(node.name(), _place(node), "node"))
        else:
            boxes.append(_Box(known.get(id(leaf), "leaf"), _shape(leaf), "leaf"))
    return Drawing(boxes)
