"""``Interpreter``: a graph run node by node; ``Transformer``: a graph made from one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pullback.fx.graph import Graph
from pullback.fx.graph_module import GraphModule
from pullback.fx.node import Argument, Node, Target, map_aggregate
from pullback.fx.proxy import GraphAppendingTracer, Proxy
from pullback.nn import Module

__all__ = ["Interpreter", "Transformer"]


class Interpreter:
    """Runs a graph; subclass it to see or change what a kind of node does.

    Args:
        module: a traced module.
        garbage_collect_values: whether values are let go when nobody reads them any more.
        graph: another graph over the same module.

    Example:
        >>> import pullback as pb
        >>> class Doubled(pb.fx.Interpreter):
        ...     def call_function(self, target, args, kwargs):
        ...         return 2 * super().call_function(target, args, kwargs)
        >>> traced = pb.fx.symbolic_trace(lambda x: pb.neg(x))
        >>> Doubled(traced).run(pb.ones(2))
        tensor([-2., -2.])
    """

    def __init__(
        self, module: Any, garbage_collect_values: bool = True, graph: Graph | None = None
    ) -> None:
        self.module: Module = module
        self.graph: Graph = module.graph if graph is None else graph
        self.submodules = dict(self.module.named_modules())
        self.env: dict[Node, Any] = {}
        self.args_iter: Iterator[Any] = iter(())
        self.garbage_collect_values = garbage_collect_values
        self.name = "Interpreter"
        self._last: dict[Node, list[Node]] = {}
        if garbage_collect_values:
            done: set[Node] = set()
            for node in reversed(self.graph.nodes):
                for each in node.all_input_nodes:
                    if each not in done:
                        done.add(each)
                        self._last.setdefault(node, []).append(each)

    def run(
        self,
        *args: Any,
        initial_env: dict[Node, Any] | None = None,
        enable_io_processing: bool = True,
    ) -> Any:
        """What the graph gives for these inputs.

        Args:
            args: the inputs, in the order of the placeholders.
            initial_env: values of nodes that are known already.
            enable_io_processing: not used.
        """
        del enable_io_processing
        self.env = dict(initial_env or {})
        self.args_iter = iter(args)
        for node in self.graph.nodes:
            if node in self.env:
                continue
            self.env[node] = self.run_node(node)
            if node.op == "output":
                return self.env[node]
            for each in self._last.get(node, ()):
                self.env.pop(each, None)
        return None

    def run_node(self, n: Node) -> Any:
        """What a node gives."""
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        return getattr(self, n.op)(n.target, args, kwargs)

    def placeholder(
        self, target: Target, args: tuple[Argument, ...], kwargs: dict[str, Any]
    ) -> Any:
        """The next input, or its default.

        Raises:
            RuntimeError: there is neither.
        """
        del kwargs
        if target.startswith("*"):
            return list(self.args_iter)
        missing = object()
        value = next(self.args_iter, missing)
        if value is not missing:
            return value
        if args:
            return args[0]
        raise RuntimeError(
            f"Expected positional argument for parameter {target}, but one was not passed in!"
        )

    def get_attr(self, target: Target, args: tuple[Argument, ...], kwargs: dict[str, Any]) -> Any:
        """An attribute of the module."""
        del args, kwargs
        return self.fetch_attr(target)

    def call_function(
        self, target: Target, args: tuple[Argument, ...], kwargs: dict[str, Any]
    ) -> Any:
        """What a function gives."""
        return target(*args, **kwargs)

    def call_method(
        self, target: Target, args: tuple[Argument, ...], kwargs: dict[str, Any]
    ) -> Any:
        """What a method of the first argument gives."""
        owner, *rest = args
        return getattr(owner, target)(*rest, **kwargs)

    def call_module(
        self, target: Target, args: tuple[Argument, ...], kwargs: dict[str, Any]
    ) -> Any:
        """What a module gives."""
        return self.fetch_attr(target)(*args, **kwargs)

    def output(self, target: Target, args: tuple[Argument, ...], kwargs: dict[str, Any]) -> Any:
        """What the program gives."""
        del target, kwargs
        return args[0]

    def fetch_attr(self, target: str) -> Any:
        """An attribute of the module by its dotted name.

        Raises:
            RuntimeError: it is not there.
        """
        found: Any = self.module
        for index, name in enumerate(target.split(".")):
            if not hasattr(found, name):
                path = ".".join(target.split(".")[: index + 1])
                raise RuntimeError(f"Node referenced nonexistent target {path}")
            found = getattr(found, name)
        return found

    def fetch_args_kwargs_from_env(self, n: Node) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a node with the values of the nodes among them."""
        return self.map_nodes_to_values(n.args, n), self.map_nodes_to_values(n.kwargs, n)

    def map_nodes_to_values(self, args: Argument, n: Node) -> Any:
        """An argument with the values of the nodes in it."""

        def value(each: Node) -> Any:
            if each not in self.env:
                raise RuntimeError(
                    f"Node {n} referenced nonexistent value {each}! Run Graph.lint() to diagnose "
                    "such issues"
                )
            return self.env[each]

        # Lists and dicts of nodes become plain ones; the values of nodes stay what they are.
        return map_aggregate(args, lambda a: value(a) if isinstance(a, Node) else a, list, dict)


class Transformer(Interpreter):
    """Makes a new module from a traced one: what its methods return for proxies is recorded.

    Args:
        module: a traced module.

    Example:
        >>> import operator
        >>> import pullback as pb
        >>> class Swap(pb.fx.Transformer):
        ...     def call_function(self, target, args, kwargs):
        ...         target = operator.sub if target is operator.add else target
        ...         return super().call_function(target, args, kwargs)
        >>> traced = pb.fx.symbolic_trace(lambda x: x + 1)
        >>> Swap(traced).transform()(pb.ones(1))
        tensor([0.])
    """

    def __init__(self, module: Any) -> None:
        super().__init__(module)
        self.new_graph = Graph()
        self.tracer = GraphAppendingTracer(self.new_graph)

    def placeholder(
        self, target: Target, args: tuple[Argument, ...], kwargs: dict[str, Any]
    ) -> Any:
        """An input of the new program."""
        del kwargs
        default = args[0] if args else ...
        return Proxy(self.new_graph.placeholder(target, default_value=default), self.tracer)

    def get_attr(self, target: Target, args: tuple[Argument, ...], kwargs: dict[str, Any]) -> Any:
        """An attribute that the new program reads."""
        del args, kwargs
        return self.tracer.create_proxy("get_attr", target, (), {})

    def call_module(
        self, target: Target, args: tuple[Argument, ...], kwargs: dict[str, Any]
    ) -> Any:
        """A call of a module in the new program."""
        return self.tracer.create_proxy("call_module", target, args, kwargs)

    def call_function(
        self, target: Target, args: tuple[Argument, ...], kwargs: dict[str, Any]
    ) -> Any:
        """A call of a function in the new program."""
        return self.tracer.create_proxy("call_function", target, args, kwargs)

    def transform(self) -> GraphModule:
        """The new module."""
        result = self.run()

        def node(value: Any) -> Any:
            return value.node if isinstance(value, Proxy) else value

        self.new_graph.output(map_aggregate(result, node))
        return GraphModule(self.module, self.new_graph, type(self.module).__name__)
