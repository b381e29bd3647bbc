"""``Proxy``: a value of a program that is being traced; what is done with it becomes a node."""

from __future__ import annotations

import dis
import operator
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pullback import Tensor
from pullback import dtype as dtype_type
from pullback.fx.node import Argument, Node, map_aggregate

if TYPE_CHECKING:
    from pullback.fx.graph import Graph

__all__ = ["Attribute", "GraphAppendingTracer", "Proxy", "TraceError", "TracerBase"]


class TraceError(ValueError):
    """The program asks for something that is not known while it is traced."""


class TracerBase:
    """What turns values into arguments of nodes, and nodes into proxies.

    Attributes:
        graph: where the nodes go.
    """

    graph: Graph
    trace_asserts = False
    proxy_buffer_attributes = False
    record_stack_traces = False
    check_mutable_operations = False

    def create_node(
        self,
        kind: str,
        target: Any,
        args: tuple[Argument, ...],
        kwargs: dict[str, Argument],
        name: str | None = None,
        type_expr: Any = None,
    ) -> Node:
        """A node at the end of the graph."""
        return self.graph.create_node(kind, target, args, kwargs, name, type_expr)

    def proxy(self, node: Node) -> Proxy:
        """The value of a node."""
        return Proxy(node, self)

    def create_proxy(
        self,
        kind: str,
        target: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None = None,
        type_expr: Any = None,
    ) -> Proxy:
        """A node of values, and its own value."""
        own = tuple(self.create_arg(each) for each in args)
        named = {key: self.create_arg(each) for key, each in kwargs.items()}
        return self.proxy(self.create_node(kind, target, own, named, name, type_expr))

    def create_arg(self, a: Any) -> Argument:
        """A value as an argument of a node.

        Raises:
            NotImplementedError: a value of a kind that nodes cannot hold.
        """
        return map_aggregate(a, self._leaf)

    def _leaf(self, a: Any) -> Argument:
        if isinstance(a, Proxy):
            return a.node
        if isinstance(a, range):
            return range(*(self.create_arg(each) for each in (a.start, a.stop, a.step)))
        plain = (str, int, float, bool, complex, bytes, type, dtype_type, Tensor, Node)
        if a is None or a is ... or isinstance(a, plain) or callable(a):
            return a
        if type(a).__module__.startswith(("pullback", "torch")):
            return a  # devices, memory formats, layouts
        raise NotImplementedError(f"argument of type: {type(a)}")

    def to_bool(self, obj: Proxy) -> bool:
        """Raises: a truth value is not known; a subclass may know it."""
        del obj
        raise TraceError("symbolically traced variables cannot be used as inputs to control flow")

    def iter(self, obj: Any) -> Iterator[Any]:
        """The parts of a value that is unpacked at once; any other loop raises."""
        frame = sys._getframe(2)
        for instruction in dis.get_instructions(frame.f_code):
            if instruction.offset == frame.f_lasti:
                if instruction.opname == "UNPACK_SEQUENCE":
                    return iter([obj[i] for i in range(instruction.argval)])
                break
        raise TraceError(
            "Proxy object cannot be iterated. This can be attempted when the Proxy is used in a "
            "loop or as a *args or **kwargs function argument. What may not depend on values can "
            "be given as concrete_args, or stand in a module that is_leaf_module says is one node."
        )

    def keys(self, obj: Proxy) -> Any:
        """Raises: for ``**proxy``."""
        return Attribute(obj, "keys")()


class GraphAppendingTracer(TracerBase):
    """Puts the nodes of proxies at the end of a graph.

    Args:
        graph: the graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph


class Proxy:
    """A value of a program that is being traced.

    Attributes, methods, operators and functions of pullback give another proxy and leave a node.
    Its truth, its length and its elements are not known, so that a loop or ``if`` over it raises.

    Args:
        node: the node whose value it is.
        tracer: what makes nodes; by default one that appends to the graph of the node.

    Example:
        >>> import pullback as pb
        >>> graph = pb.fx.Graph()
        >>> x = pb.fx.Proxy(graph.placeholder("x"))
        >>> y = x.neg() + 1
        >>> [node.name for node in graph.nodes]
        ['x', 'neg', 'add']
    """

    __hash__ = object.__hash__

    def __init__(self, node: Node, tracer: TracerBase | None = None) -> None:
        self.tracer = GraphAppendingTracer(node.graph) if tracer is None else tracer
        self.node = node

    def __repr__(self) -> str:
        return f"Proxy({self.node.name})"

    def __getattr__(self, k: str) -> Any:
        if k.startswith("__") and k.endswith("__"):
            raise AttributeError(k)
        return Attribute(self, k)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A call of the value is a node."""
        return self.tracer.create_proxy("call_method", "__call__", (self, *args), kwargs)

    def __iter__(self) -> Iterator[Any]:
        return self.tracer.iter(self)

    def __bool__(self) -> bool:
        return self.tracer.to_bool(self)

    def __len__(self) -> int:
        raise RuntimeError(
            "'len' is not supported in symbolic tracing by default. If you want this call to be "
            "recorded, please call torch.fx.wrap('len') at module scope"
        )

    def __abs__(self) -> Any:
        return self.tracer.create_proxy("call_function", abs, (self,), {})


class Attribute(Proxy):
    """An attribute of a proxy: read when it is used, called as a method.

    Args:
        root: the proxy.
        attr: the name.
    """

    def __init__(self, root: Proxy, attr: str) -> None:
        self.root = root
        self.attr = attr
        self.tracer = root.tracer
        self._node: Node | None = None

    @property
    def node(self) -> Node:  # type: ignore[override]
        """The node that reads the attribute, made now if it is not there."""
        if self._node is None:
            made = self.tracer.create_proxy("call_function", getattr, (self.root, self.attr), {})
            self._node = made.node
        return self._node

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A call of the attribute is a node: one of the method."""
        return self.tracer.create_proxy("call_method", self.attr, (self.root, *args), kwargs)


def _binary(function: Callable[..., Any], swapped: bool) -> Callable[[Any, Any], Any]:
    def method(self: Proxy, other: Any) -> Any:
        operands = (other, self) if swapped else (self, other)
        return self.tracer.create_proxy("call_function", function, operands, {})

    return method


def _unary(function: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda self: self.tracer.create_proxy("call_function", function, (self,), {})


_SWAPPED = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
_SWAPPED_TOO = ("lshift", "rshift", "and_", "or_", "xor")
for _name in (*_SWAPPED, *_SWAPPED_TOO):
    _function = getattr(operator, _name)
    setattr(Proxy, f"__{_name.strip('_')}__", _binary(_function, False))
    setattr(Proxy, f"__r{_name.strip('_')}__", _binary(_function, True))
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "getitem"):
    setattr(Proxy, f"__{_name}__", _binary(getattr(operator, _name), False))
for _name in ("neg", "pos", "invert"):
    setattr(Proxy, f"__{_name}__", _unary(getattr(operator, _name)))
