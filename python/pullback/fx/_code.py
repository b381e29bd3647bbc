"""The Python code of a graph.

Every node becomes one line, in which a value that is not read again is let go. A function is
written by the path that leads to it from ``torch``; one that has none is a global of the code under
a name of its own. Start at ``write_code``.
"""

from __future__ import annotations

import builtins
import keyword
import math
import operator
import re
from collections.abc import Callable
from operator import attrgetter
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import pullback as pb
from pullback.fx.node import Argument, Node, function_name

if TYPE_CHECKING:
    from pullback.fx.graph import Graph

__all__ = ["Namespace", "PythonCode", "spaces", "write_code"]

# How operators are written; {} are the arguments.
FORMS: dict[Callable[..., Any], str] = {
    operator.add: "{} + {}",
    operator.and_: "{} & {}",
    operator.eq: "{} == {}",
    operator.floordiv: "{} // {}",
    operator.ge: "{} >= {}",
    operator.getitem: "{}[{}]",
    operator.gt: "{} > {}",
    operator.invert: "~{}",
    operator.le: "{} <= {}",
    operator.lshift: "{} << {}",
    operator.lt: "{} < {}",
    operator.matmul: "{} @ {}",
    operator.mod: "{} % {}",
    operator.mul: "{} * {}",
    operator.ne: "{} != {}",
    operator.neg: "-{}",
    operator.or_: "{} | {}",
    operator.pos: "+{}",
    operator.pow: "{} ** {}",
    operator.rshift: "{} >> {}",
    operator.sub: "{} - {}",
    operator.truediv: "{} / {}",
    operator.xor: "{} ^ {}",
}


class PythonCode(NamedTuple):
    """Source, and the globals that it needs."""

    src: str
    globals: dict[str, Any]


class Namespace:
    """Names that are taken, and new ones like a wish."""

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}

    def create(self, wish: str) -> str:
        """A name that is not taken yet."""
        base = re.sub(r"\W", "_", wish) or "_unnamed"
        base = f"_{base}" if base[0].isdigit() else base
        match = re.fullmatch(r"(.*)_(\d+)", base)
        stem = match[1] if match and match[1] else base
        name = base
        count = self.taken.get(stem, 0)
        while name in self.taken or keyword.iskeyword(name) or hasattr(builtins, name):
            count += 1
            name = f"{stem}_{count}"
        self.taken[name] = self.taken.get(name, 0)
        self.taken[stem] = count
        return name


def spaces() -> dict[str, ModuleType]:
    """The modules of functions of tensors, by the paths under which code finds them."""
    names = ("nn.functional", "special", "linalg", "fft", "masked")
    return {"torch": pb, **{f"torch.{name}": attrgetter(name)(pb) for name in names}}


def _reachable(target: Callable[..., Any]) -> str | None:
    """The path from ``torch`` to a function of pullback, None if there is none."""
    name = getattr(target, "__name__", "")
    for path, space in spaces().items():
        if vars(space).get(name) is target:
            return f"{path}.{name}"
    return None


class _Writer:
    def __init__(self, root_module: str) -> None:
        self.root = root_module
        self.globals: dict[str, Any] = {"torch": pb}
        self.names = Namespace()

    def known_as(self, wish: str, value: Any) -> str:
        """The name under which the code finds a value."""
        for name, each in self.globals.items():
            if each is value:
                return name
        name = self.names.create(wish)
        self.globals[name] = value
        return name

    def function(self, target: Callable[..., Any]) -> str:
        name = getattr(target, "__name__", type(target).__name__)
        if getattr(builtins, name, None) is target:
            return name
        path = _reachable(target)
        if path is not None:
            return path
        return self.known_as(function_name(target).replace(".", "_"), target)

    def value(self, argument: Argument) -> str:
        """An argument as an expression."""
        if isinstance(argument, Node):
            return argument.name
        if isinstance(argument, tuple):
            inner = ", ".join(map(self.value, argument))
            if hasattr(argument, "_fields"):
                return f"{self.known_as(type(argument).__name__, type(argument))}({inner})"
            return f"({inner},)" if len(argument) == 1 else f"({inner})"
        if isinstance(argument, list):
            return f"[{', '.join(map(self.value, argument))}]"
        if isinstance(argument, dict):
            pairs = (f"{self.value(k)}: {self.value(v)}" for k, v in argument.items())
            return f"{{{', '.join(pairs)}}}"
        if isinstance(argument, slice):
            parts = (argument.start, argument.stop, argument.step)
            return f"slice({', '.join(map(self.value, parts))})"
        if isinstance(argument, float) and not math.isfinite(argument):
            return f"float({str(argument)!r})"
        if argument is None or argument is ... or isinstance(argument, (bool, int, float, str)):
            return repr(argument)
        if isinstance(argument, (complex, bytes)):
            return repr(argument)
        if isinstance(argument, pb.dtype):
            return repr(argument)
        if isinstance(argument, type) or callable(argument):
            return self.function(argument)
        return self.known_as(type(argument).__name__, argument)

    def call(self, node: Node, function: str, args: tuple[Argument, ...]) -> str:
        parts = [self.value(each) for each in args]
        parts += [f"{key} = {self.value(each)}" for key, each in node.kwargs.items()]
        return f"{function}({', '.join(parts)})"

    def attribute(self, path: str) -> str:
        """A dotted name below the module; what is no identifier is asked for by getattr."""
        text = self.root
        for name in path.split("."):
            text = f"{text}.{name}" if name.isidentifier() else f'getattr({text}, "{name}")'
        return text

    def expression(self, node: Node) -> str:
        """What the value of a node is computed by."""
        if node.op == "get_attr":
            return self.attribute(node.target)
        if node.op == "call_module":
            return self.call(node, self.attribute(node.target), node.args)
        if node.op == "call_method":
            owner = self.value(node.args[0])
            owner = owner if owner.isidentifier() else f"({owner})"
            return self.call(node, f"{owner}.{node.target}", node.args[1:])
        form = FORMS.get(node.target)
        if form is not None and not node.kwargs and form.count("{}") == len(node.args):
            first, *rest = map(self.value, node.args)
            if node.target is operator.pow and first.startswith("-"):
                first = f"({first})"
            return form.format(first, *rest)
        is_getattr = node.target is getattr and len(node.args) == 2
        if is_getattr and isinstance(node.args[1], str) and node.args[1].isidentifier():
            return f"{self.value(node.args[0])}.{node.args[1]}"
        return self.call(node, self.function(node.target), node.args)


def _last_uses(graph: Graph) -> dict[Node, list[Node]]:
    """For each node those that nobody reads after it."""
    done: set[Node] = set()
    last: dict[Node, list[Node]] = {}
    for node in reversed(graph.nodes):
        for each in (*node.all_input_nodes, node):
            if each not in done:
                done.add(each)
                last.setdefault(node, []).append(each)
    return last


def write_code(graph: Graph, root_module: str) -> PythonCode:
    """A function ``forward`` that does what the nodes say."""
    writer = _Writer(root_module)
    for node in graph.nodes:
        writer.names.create(node.name)
    last = _last_uses(graph)
    parameters: list[str] = []
    body: list[str] = []
    for node in graph.nodes:
        unused = [each.name for each in last.get(node, ()) if each.op != "output"]
        freed = f";  {' = '.join([*unused, 'None'])}" if unused else ""
        if node.op == "placeholder":
            default = f" = {writer.value(node.args[0])}" if node.args else ""
            raw = str(node.target)
            stars = raw[: len(raw) - len(raw.lstrip("*"))]
            name = raw.lstrip("*")
            parameters.append(f"{stars}{name}{default}")
            if name != node.name:
                body.append(f"{node.name} = {name}")
        elif node.op == "output":
            body.append(f"return {writer.value(node.args[0])}")
        else:
            body.append(f"{node.name} = {writer.expression(node)}{freed}")
    lines = "\n    ".join(body or ["pass"])
    head = ", ".join([root_module, *parameters])
    return PythonCode(f"\n\n\ndef forward({head}):\n    {lines}\n    ", writer.globals)
