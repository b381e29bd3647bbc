"""``Node``: one step of a traced program, and what its arguments are made of.

An argument is a node, a plain value, or tuples, lists, dicts and slices of arguments. A node knows
the nodes that it reads (``all_input_nodes``) and those that read it (``users``); both follow from
``args`` and ``kwargs``, which are set as a whole.
"""

from __future__ import annotations

import builtins
import inspect
import types
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pullback.fx.immutable_collections import immutable_dict, immutable_list

if TYPE_CHECKING:
    from pullback.fx.graph import Graph

__all__ = ["Argument", "Node", "Target", "has_side_effect", "map_aggregate", "map_arg"]

Argument = Any
Target = Any

OPS = ("placeholder", "call_method", "call_module", "call_function", "get_attr", "output", "root")

# Functions whose nodes stay although nobody reads them.
SIDE_EFFECTS: set[Callable[..., Any]] = set()


def has_side_effect(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function: nodes that call it are not dead code.

    Args:
        fn: the function, which is returned.
    """
    SIDE_EFFECTS.add(fn)
    return fn


def map_aggregate(
    a: Argument,
    fn: Callable[[Argument], Argument],
    lists: Callable[..., Any] = immutable_list,
    dicts: Callable[..., Any] = immutable_dict,
) -> Argument:
    """The same containers with ``fn`` of everything that is no container.

    Args:
        a: tuples, lists, dicts and slices of anything.
        fn: what is done with the rest.
        lists: makes the lists.
        dicts: makes the dicts.

    Example:
        >>> from pullback.fx.node import map_aggregate
        >>> map_aggregate((1, [2, {"a": 3}]), lambda n: n + 1)
        (2, [3, {'a': 4}])
    """
    if isinstance(a, tuple):
        parts = [map_aggregate(each, fn, lists, dicts) for each in a]
        return type(a)(*parts) if hasattr(a, "_fields") else tuple(parts)
    if isinstance(a, list):
        return lists(map_aggregate(each, fn, lists, dicts) for each in a)
    if isinstance(a, dict):
        return dicts((key, map_aggregate(each, fn, lists, dicts)) for key, each in a.items())
    if isinstance(a, slice):
        ends = (a.start, a.stop, a.step)
        return slice(*(map_aggregate(each, fn, lists, dicts) for each in ends))
    return fn(a)


def map_arg(a: Argument, fn: Callable[[Node], Argument]) -> Argument:
    """The same argument with ``fn(node)`` in place of each node.

    Args:
        a: an argument.
        fn: a function of nodes.
    """
    return map_aggregate(a, lambda each: fn(each) if isinstance(each, Node) else each)


def function_name(target: Callable[..., Any]) -> str:
    """The name of a function from the package on: ``torch.relu``, ``_operator.add``."""
    name: str = getattr(target, "__qualname__", "") or getattr(target, "__name__", repr(target))
    module = getattr(target, "__module__", None)
    if getattr(builtins, name, None) is target:
        return name
    if module is None:
        return name
    module = "operator" if module == "_operator" else str(module)
    head, dot, rest = module.partition(".")
    return f"{'torch' if head == 'pullback' else head}{dot}{rest}.{name}"


class Node:
    """One step: an input, a call, an attribute that is read, or the output.

    Args:
        graph: the graph that it belongs to.
        name: of its value, unique in the graph.
        op: "placeholder", "get_attr", "call_function", "call_method", "call_module" or "output".
        target: the function, or the name of the method, module, attribute or input.
        args: the arguments.
        kwargs: the named arguments.
        return_type: an annotation, or None.

    Attributes:
        users: the nodes that read it, as the keys of a dict.
        meta: what passes note about it.
        type: the annotation.
    """

    _prev: Node
    _next: Node

    def __init__(
        self,
        graph: Graph,
        name: str,
        op: str,
        target: Target,
        args: tuple[Argument, ...],
        kwargs: dict[str, Argument],
        return_type: Any = None,
    ) -> None:
        if op not in OPS:
            raise AssertionError(f"Node: got op={op!r}, expected one of {OPS}.")
        if op == "call_function":
            if not callable(target):
                raise ValueError(
                    f"Node [graph = {graph}, name = '{name}'] target {target} has type "
                    f"{type(target).__name__} but a Callable is expected"
                )
        elif not isinstance(target, str):
            raise ValueError(
                f"Node [graph = {graph}, name = '{name}'] target {target} has type "
                f"{type(target).__name__} but a str is expected"
            )
        self.graph = graph
        self.name = name
        self.op = op
        self.target = target
        self.type = return_type
        self.users: dict[Node, None] = {}
        self.meta: dict[str, Any] = {}
        self._inputs: dict[Node, None] = {}
        self._erased = False
        self._args: tuple[Argument, ...] = ()
        self._kwargs: dict[str, Argument] = {}
        self._prev = self._next = self
        self._set(args, kwargs)

    # --- arguments ---

    def _set(self, args: tuple[Argument, ...], kwargs: dict[str, Argument]) -> None:
        for each in self._inputs:
            each.users.pop(self, None)
        self._inputs = {}

        def note(node: Node) -> Node:
            self._inputs.setdefault(node)
            node.users.setdefault(self)
            return node

        self._args = map_arg(tuple(args), note)
        self._kwargs = map_arg(dict(kwargs), note)

    @property
    def args(self) -> tuple[Argument, ...]:
        """The arguments; may be set."""
        return self._args

    @args.setter
    def args(self, args: tuple[Argument, ...]) -> None:
        self._set(args, self._kwargs)

    @property
    def kwargs(self) -> dict[str, Argument]:
        """The named arguments; may be set."""
        return self._kwargs

    @kwargs.setter
    def kwargs(self, kwargs: dict[str, Argument]) -> None:
        self._set(self._args, kwargs)

    @property
    def all_input_nodes(self) -> list[Node]:
        """The nodes that it reads, each once."""
        return list(self._inputs)

    def update_arg(self, idx: int, arg: Argument) -> None:
        """Set one argument."""
        args = list(self._args)
        args[idx] = arg
        self.args = tuple(args)

    def insert_arg(self, idx: int, arg: Argument) -> None:
        """Put one more argument before another."""
        args = list(self._args)
        args.insert(idx, arg)
        self.args = tuple(args)

    def update_kwarg(self, key: str, arg: Argument) -> None:
        """Set one named argument."""
        self.kwargs = {**self._kwargs, key: arg}

    def replace_input_with(self, old_input: Node, new_input: Node) -> None:
        """Read another node in place of one."""
        change = self._replacement(old_input, new_input)
        self._set(map_arg(self._args, change), map_arg(self._kwargs, change))

    @staticmethod
    def _replacement(old: Node, new: Node) -> Callable[[Node], Node]:
        return lambda node: new if node is old else node

    def replace_all_uses_with(
        self,
        replace_with: Node,
        delete_user_cb: Callable[[Node], bool] = lambda _: True,
        *,
        propagate_meta: bool = False,
    ) -> list[Node]:
        """Let those that read this node read another.

        Args:
            replace_with: the other node.
            delete_user_cb: says of each reader whether it changes.
            propagate_meta: whether ``meta`` is given on.

        Returns:
            The readers that changed.
        """
        if propagate_meta:
            replace_with.meta.update(self.meta)
        changed = [user for user in self.users if delete_user_cb(user)]
        for user in changed:
            user.replace_input_with(self, replace_with)
        return changed

    # --- the place in the list ---

    @property
    def next(self) -> Node:
        """The node after it."""
        return self._next

    @property
    def prev(self) -> Node:
        """The node before it."""
        return self._prev

    def prepend(self, x: Node) -> None:
        """Move a node of the same graph before this one."""
        if x.graph is not self.graph:
            raise AssertionError("Attempting to move a Node into a different Graph")
        if x is self:
            return
        x._unlink()
        before = self._prev
        before._next, x._prev = x, before
        x._next, self._prev = self, x

    def append(self, x: Node) -> None:
        """Move a node of the same graph behind this one."""
        self._next.prepend(x)

    def _unlink(self) -> None:
        self._prev._next, self._next._prev = self._next, self._prev

    # --- what it is ---

    @property
    def stack_trace(self) -> str | None:
        """Where it was recorded, if that is known."""
        return self.meta.get("stack_trace")

    @stack_trace.setter
    def stack_trace(self, trace: str | None) -> None:
        self.meta["stack_trace"] = trace

    def is_impure(self) -> bool:
        """Whether it stays although nobody reads it."""
        if self.op in ("placeholder", "output"):
            return True
        if self.op == "call_function":
            return self.target in SIDE_EFFECTS or self._writes()
        if self.op == "call_module":
            owner = self.graph.owning_module
            if owner is not None:
                called = owner.get_submodule(self.target)
                return bool(getattr(called, "_is_impure", False) or getattr(called, "inplace", 0))
        return self.op == "call_method" and self._writes()

    def _writes(self) -> bool:
        """Whether the function changes one of its arguments."""
        name = self.target if isinstance(self.target, str) else getattr(self.target, "__name__", "")
        named = self.kwargs
        if callable(self.target) and len(self.args) > 1:
            try:
                named = inspect.signature(self.target).bind(*self.args, **named).arguments
            except (TypeError, ValueError):  # the core's functions tell theirs in the docstring
                head = (self.target.__doc__ or "").partition("\n")[0]
                named = {
                    "inplace": "inplace=" in head and any(a is True for a in self.args),
                    **named,
                }
        in_place = name.endswith("_") and not name.endswith("__")
        return bool(in_place or named.get("inplace")) or named.get("out") is not None

    def target_name(self) -> str:
        """The target as a text."""
        return self.target if isinstance(self.target, str) else function_name(self.target)

    def format_node(self) -> str | None:
        """The line of the node in the printed form of a graph."""
        users = f"[num_users={len(self.users)}]"
        kind = "" if self.type is None else f"{_type_name(self.type)} "
        if self.op == "placeholder":
            default = f"(default={self.args[0]!r})" if self.args else ""
            return f"%{self.name} : {kind}{users} = placeholder[target={self.target}]{default}"
        if self.op == "get_attr":
            return f"%{self.name} : {kind}{users} = get_attr[target={self.target}]"
        if self.op == "output":
            return f"return {self.args[0]}"
        args = _shown(self.args)
        kwargs = f"{{{', '.join(f'{key}: {_shown(each)}' for key, each in self.kwargs.items())}}}"
        return (
            f"%{self.name} : {kind}{users} = {self.op}[target={self.target_name()}]"
            f"(args = {args}, kwargs = {kwargs})"
        )

    def __repr__(self) -> str:
        return self.name

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("a Node is not iterable")


def _type_name(kind: Any) -> str:
    return function_name(kind) if isinstance(kind, (type, types.FunctionType)) else str(kind)


class _Percent:
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"%{self.name}"


def _shown(argument: Argument) -> str:
    return str(map_arg(argument, lambda node: _Percent(node.name)))
