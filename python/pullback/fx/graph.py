"""``Graph``: the nodes of a traced program in their order, and the Python code that they stand for.

The nodes are a ring around a root that is no step of the program. New nodes go to the place of
insertion, which is the end unless ``inserting_before`` or ``inserting_after`` is in force. The code
is written by ``_code.py``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pullback.fx._code import Namespace, PythonCode, write_code
from pullback.fx.node import Argument, Node, Target, map_arg

if TYPE_CHECKING:
    from pullback.nn import Module

__all__ = ["Graph", "PythonCode"]


class _Nodes:
    """The nodes in order; ones that are erased or inserted on the way are no trouble."""

    def __init__(self, graph: Graph, backwards: bool = False) -> None:
        self.graph = graph
        self.backwards = backwards

    def __len__(self) -> int:
        return self.graph._count

    def __iter__(self) -> Iterator[Node]:
        root = self.graph._root
        node = root._prev if self.backwards else root._next
        while node is not root:
            if not node._erased:
                yield node
            node = node._prev if self.backwards else node._next

    def __reversed__(self) -> _Nodes:
        return _Nodes(self.graph, not self.backwards)


class _Insertion:
    """The place where new nodes go, for the time of a ``with`` block or from now on."""

    def __init__(self, graph: Graph, new: Callable[[Node], None]) -> None:
        self.graph = graph
        self.before = graph._insert
        graph._insert = new

    def __enter__(self) -> None:
        """It is in force already."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.graph._insert = self.before


class Graph:
    """A program as a list of nodes.

    Args:
        owning_module: the module whose program it is, or None.
        tracer_cls: the class of tracers that made it, or None.
        tracer_extras: what such a tracer noted.

    Example:
        >>> import pullback as pb
        >>> graph = pb.fx.Graph()
        >>> x = graph.placeholder("x")
        >>> _ = graph.output(graph.call_function(pb.relu, (x,)))
        >>> print(graph)
        graph():
            %x : [num_users=1] = placeholder[target=x]
            %relu : [num_users=1] = call_function[target=torch.relu](args = (%x,), kwargs = {})
            return relu
    """

    def __init__(
        self,
        owning_module: Module | None = None,
        tracer_cls: type[Any] | None = None,
        tracer_extras: dict[str, Any] | None = None,
    ) -> None:
        self._count = 0
        self._names = Namespace()
        self._root = Node(self, "", "root", "", (), {})
        self._insert: Callable[[Node], None] = self._root.prepend
        self._owning_module = owning_module
        self._tracer_cls = tracer_cls
        self._tracer_extras = tracer_extras

    @property
    def owning_module(self) -> Any:
        """The module whose program it is, or None."""
        return self._owning_module

    @owning_module.setter
    def owning_module(self, module: Any) -> None:
        self._owning_module = module

    @property
    def nodes(self) -> Any:
        """The nodes in order."""
        return _Nodes(self)

    def find_nodes(self, *, op: str, target: Target = None, sort: bool = True) -> list[Node]:
        """The nodes of a kind, and with a target.

        Args:
            op: the kind.
            target: the target; None for any.
            sort: not used: they are always in order.
        """
        del sort
        return [n for n in self.nodes if n.op == op and (target is None or n.target == target)]

    def output_node(self) -> Node:
        """The last node, the output."""
        for node in reversed(self.nodes):
            if node.op == "output":
                found: Node = node
                return found
        raise RuntimeError("Graph.output_node: the graph has no output. Call graph.output(value).")

    # --- making nodes ---

    def create_node(
        self,
        op: str,
        target: Target,
        args: tuple[Argument, ...] | None = None,
        kwargs: dict[str, Argument] | None = None,
        name: str | None = None,
        type_expr: Any = None,
    ) -> Node:
        """A new node at the place of insertion.

        Args:
            op: its kind.
            target: what is called or read.
            args: the arguments.
            kwargs: the named arguments.
            name: a wish for its name, which becomes unique.
            type_expr: an annotation.
        """
        args, kwargs = args or (), kwargs or {}
        self._check_arguments(args, kwargs)
        wish = name or self._name_of(op, target)
        node = Node(self, self._names.create(wish), op, target, args, kwargs, type_expr)
        self._insert(node)
        self._count += 1
        return node

    def _check_arguments(self, args: Argument, kwargs: Argument) -> None:
        def check(node: Node) -> Node:
            if node.graph is not self:
                raise RuntimeError(
                    f"Argument {node} of the node belongs to another graph. Copy it with node_copy."
                )
            return node

        map_arg((args, kwargs), check)

    @staticmethod
    def _name_of(op: str, target: Target) -> str:
        name: str = target if isinstance(target, str) else getattr(target, "__name__", op)
        is_magic = len(name) > 4 and name.startswith("__") and name.endswith("__")
        return name[2:-2] if is_magic else name

    def placeholder(self, name: str, type_expr: Any = None, default_value: Any = ...) -> Node:
        """An input of the program."""
        args = () if default_value is ... else (default_value,)
        return self.create_node("placeholder", name, args, type_expr=type_expr)

    def get_attr(self, qualified_name: str, type_expr: Any = None) -> Node:
        """A parameter, buffer or other attribute of the module, by its dotted name."""
        return self.create_node("get_attr", qualified_name, type_expr=type_expr)

    def call_module(
        self,
        module_name: str,
        args: tuple[Argument, ...] | None = None,
        kwargs: dict[str, Argument] | None = None,
        type_expr: Any = None,
    ) -> Node:
        """A call of a module below the owner, by its dotted name."""
        return self.create_node("call_module", module_name, args, kwargs, type_expr=type_expr)

    def call_method(
        self,
        method_name: str,
        args: tuple[Argument, ...] | None = None,
        kwargs: dict[str, Argument] | None = None,
        type_expr: Any = None,
    ) -> Node:
        """A call of a method of the first argument."""
        return self.create_node("call_method", method_name, args, kwargs, type_expr=type_expr)

    def call_function(
        self,
        the_function: Callable[..., Any],
        args: tuple[Argument, ...] | None = None,
        kwargs: dict[str, Argument] | None = None,
        type_expr: Any = None,
        name: str | None = None,
    ) -> Node:
        """A call of a function."""
        return self.create_node("call_function", the_function, args, kwargs, name, type_expr)

    def output(self, result: Argument, type_expr: Any = None) -> Node:
        """The end of the program: what it returns."""
        return self.create_node("output", "output", (result,), type_expr=type_expr)

    def inserting_before(self, n: Node | None = None) -> Any:
        """New nodes go before a node, by default before all."""
        if n is None:
            return self.inserting_after(self._root)
        if n.graph is not self:
            raise AssertionError("Node to insert before is not in graph.")
        return _Insertion(self, n.prepend)

    def inserting_after(self, n: Node | None = None) -> Any:
        """Each new node goes right behind a node; by default behind all."""
        if n is None:
            return self.inserting_before(self._root)
        if n.graph is not self:
            raise AssertionError("Node to insert after is not in graph.")
        return _Insertion(self, n.append)

    # --- changing the graph ---

    def erase_node(self, to_erase: Node) -> None:
        """Take a node away that nobody reads.

        Raises:
            RuntimeError: another node reads it.
        """
        if to_erase.users:
            raise RuntimeError(
                f"Tried to erase Node {to_erase} but it still had {len(to_erase.users)} users in "
                f"the graph: {to_erase.users}!"
            )
        if to_erase.graph is not self:
            raise RuntimeError(f"Attempting to remove {to_erase} from wrong graph!")
        if to_erase._erased:
            return
        to_erase._unlink()
        to_erase._erased = True
        to_erase._set((), {})
        self._count -= 1

    def node_copy(
        self, node: Node, arg_transform: Callable[[Node], Argument] = lambda node: node
    ) -> Node:
        """A node like one of another graph, at the place of insertion.

        Args:
            node: the other node.
            arg_transform: gives the node of this graph for one that the other reads.
        """
        args = map_arg(node.args, arg_transform)
        kwargs = map_arg(node.kwargs, arg_transform)
        made = self.create_node(node.op, node.target, args, kwargs, node.name, node.type)
        made.meta = copy.copy(node.meta)
        return made

    def graph_copy(
        self, g: Graph, val_map: dict[Node, Any], return_output_node: bool = False
    ) -> Any:
        """Copies of all nodes of another graph but its output, whose value is returned.

        Args:
            g: the other graph.
            val_map: which node of this graph stands for one of the other; those that are there are
                not copied, and the copies are put in.
            return_output_node: return a pair of the value and the output of the other.
        """
        for node in g.nodes:
            if node in val_map:
                continue
            if node.op == "output":
                result = map_arg(node.args[0], lambda n: val_map[n])
                return (result, node) if return_output_node else result
            val_map[node] = self.node_copy(node, lambda n: val_map[n])
        return None

    def eliminate_dead_code(self, is_impure_node: Callable[[Node], bool] | None = None) -> bool:
        """Erase the nodes that nobody reads and that do nothing else.

        Args:
            is_impure_node: says of a node whether it stays; by default ``Node.is_impure``.

        Returns:
            Whether there were any.
        """
        stays = Node.is_impure if is_impure_node is None else is_impure_node
        before = self._count
        for node in reversed(self.nodes):
            if not node.users and node.op not in ("placeholder", "output") and not stays(node):
                self.erase_node(node)
        return self._count < before

    def lint(self) -> None:
        """Look for faults: readers before what they read, names that are twice, missing targets.

        Raises:
            RuntimeError: there is one.
        """
        seen: set[Node] = set()
        names: set[str] = set()
        for node in self.nodes:
            for each in node.all_input_nodes:
                if each not in seen:
                    raise RuntimeError(
                        f"Argument '{each}' of Node '{node}' was used before it has been defined! "
                        f"Please check that Nodes in the graph are topologically ordered\n{self}"
                    )
            if node.name in names:
                raise RuntimeError(f"Node redefined name {node.name}!")
            seen.add(node)
            names.add(node.name)
            if self._owning_module is not None and node.op in ("get_attr", "call_module"):
                self._check_path(node)

    def _check_path(self, node: Node) -> None:
        found: Any = self._owning_module
        for name in node.target.split("."):
            if not hasattr(found, name):
                raise RuntimeError(
                    f"Node {node} target {node.target} references nonexistent attribute {name} of "
                    f"{type(found).__name__}"
                )
            found = getattr(found, name)

    # --- as a text ---

    def python_code(self, root_module: str = "self", *, verbose: bool = False) -> PythonCode:
        """The Python code of the program, as a function ``forward``.

        Args:
            root_module: the name of the module in the code.
            verbose: not used.
        """
        del verbose
        return write_code(self, root_module)

    def print_tabular(self) -> None:
        """Print a table of the nodes."""
        head = ["opcode", "name", "target", "args", "kwargs"]
        rows = [[n.op, n.name, n.target_name(), str(n.args), str(n.kwargs)] for n in self.nodes]
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(5)]
        for row in [head, ["-" * width for width in widths], *rows]:
            print("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())

    def __str__(self) -> str:
        placeholders: list[str] = []
        lines = [node.format_node() for node in self.nodes]
        return "\n    ".join([f"graph({', '.join(placeholders)}):", *filter(None, lines)])

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Graph:
        made = Graph(tracer_cls=self._tracer_cls)
        known: dict[Node, Node] = {}
        result = made.graph_copy(self, known, return_output_node=True)
        if result is not None:
            value, output = result
            made.output(value, output.type).meta = copy.copy(output.meta)
        if memo is not None:
            memo[id(self)] = made
        return made
