"""``GraphModule``: a module whose ``forward`` is written from a graph."""

from __future__ import annotations

import copy
import itertools
import linecache
from collections.abc import Callable
from typing import Any

from pullback.fx.graph import Graph
from pullback.nn import Module

__all__ = ["GraphModule"]

_numbers = itertools.count()


def _compiled(source: str, names: dict[str, Any]) -> Callable[..., Any]:
    """The function of the source, whose lines errors can show."""
    file = f"<eval_with_key>.{next(_numbers)}"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    space = dict(names)
    exec(compile(source, file, "exec"), space)
    forward: Callable[..., Any] = space["forward"]
    return forward


def _copy_attribute(source: Module, target: Module, path: str) -> None:
    """Gives a module the attribute of another one, with the modules on the way."""
    *prefix, name = path.split(".")
    have: Any = source
    make: Any = target
    for each in prefix:
        have = getattr(have, each)
        below = getattr(make, each, None)
        if below is have:  # the whole branch is there already
            return
        if below is None:
            below = Module()
            setattr(make, each, below)
        make = below
    value = getattr(have, name)
    kept = name in getattr(have, "_buffers", {})
    if kept and name not in make._buffers:
        make.register_buffer(name, value)
    else:
        setattr(make, name, value)


class GraphModule(Module):
    """A module that runs a graph, and has what the graph reads of another module.

    Args:
        root: the module that has the attributes, or a dict of them by path.
        graph: the program.
        class_name: the name of its class.

    Attributes:
        code: the source of ``forward``.

    Example:
        >>> import pullback as pb
        >>> traced = pb.fx.symbolic_trace(pb.nn.Linear(2, 1))
        >>> list(traced.state_dict())
        ['weight', 'bias']
    """

    _graph: Graph

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """An object of a class of its own, whose ``forward`` can be set."""
        del args, kwargs
        base = next(each for each in cls.__mro__ if "_is_of_one_graph" not in vars(each))
        own = type(cls.__name__, (base,), {"_is_of_one_graph": True})
        return object.__new__(own)

    def __init__(
        self, root: Module | dict[str, Any], graph: Graph, class_name: str = "GraphModule"
    ) -> None:
        super().__init__()
        type(self).__name__ = type(self).__qualname__ = class_name
        paths = [n.target for n in graph.nodes if n.op in ("get_attr", "call_module")]
        if isinstance(root, Module):
            self.training = root.training
            for path in paths:
                _copy_attribute(root, self, path)
        elif isinstance(root, dict):
            for path in sorted(set(paths), key=lambda each: each.count(".")):
                if path not in root:
                    raise RuntimeError(
                        f"Node referenced target {path} but that target was not provided in `root`!"
                    )
                self._place(path, root[path])
        else:
            raise RuntimeError(f"Unsupported type {root} passed for root!")
        self.graph = graph

    def _place(self, path: str, value: Any) -> None:
        *prefix, name = path.split(".")
        place: Any = self
        for each in prefix:
            if not hasattr(place, each):
                setattr(place, each, Module())
            place = getattr(place, each)
        setattr(place, name, value)

    @property
    def graph(self) -> Graph:
        """The program; setting another one writes ``forward`` anew."""
        return self._graph

    @graph.setter
    def graph(self, g: Graph) -> None:
        if not isinstance(g, Graph):
            raise AssertionError(f"Expected a Graph instance, but got {type(g).__name__}")
        self._graph = g
        g.owning_module = self
        self.recompile()

    @property
    def code(self) -> str:
        """The source of ``forward``."""
        return str(self._code)

    def recompile(self) -> Any:
        """Write ``forward`` anew, after the graph was changed."""
        code = self._graph.python_code("self")
        self._code = code.src
        type(self).forward = _compiled(code.src, code.globals)
        return code

    # --- modules below ---

    def add_submodule(self, target: str, m: Module) -> bool:
        """Put a module at a path; False where something else stands on the way."""
        *prefix, name = target.split(".")
        place: Any = self
        for each in prefix:
            below = getattr(place, each, None)
            if below is None:
                below = Module()
                setattr(place, each, below)
            if not isinstance(below, Module):
                return False
            place = below
        place.add_module(name, m)
        return True

    def delete_submodule(self, target: str) -> bool:
        """Take a module away; False where there is none."""
        *prefix, name = target.split(".")
        place: Any = self
        for each in prefix:
            place = getattr(place, each, None)
            if not isinstance(place, Module):
                return False
        if not isinstance(getattr(place, name, None), Module):
            return False
        delattr(place, name)
        return True

    def delete_all_unused_submodules(self) -> None:
        """Take away the modules that no node reads."""
        used: set[str] = set()
        for node in self._graph.nodes:
            if node.op in ("get_attr", "call_module"):
                parts = node.target.split(".")
                used.update(".".join(parts[:i]) for i in range(1, len(parts) + 1))
                if node.op == "call_module":
                    below = self.get_submodule(node.target)
                    names = [name for name, _ in below.named_modules() if name]
                    used.update(f"{node.target}.{name}" for name in names)
        for name, _ in list(self.named_modules()):
            if name and name not in used:
                self.delete_submodule(name)

    # --- copies ---

    def __deepcopy__(self, memo: dict[int, Any]) -> GraphModule:
        made = Module()
        kept = {k: v for k, v in self.__dict__.items() if k != "_graph"}
        made.__dict__ = copy.deepcopy(kept, memo)
        copied = GraphModule(made, copy.deepcopy(self._graph), type(self).__name__)
        # Also what no node reads: hooks, and attributes that programs put there.
        copied.__dict__.update({k: v for k, v in made.__dict__.items() if k != "_code"})
        memo[id(self)] = copied
        return copied

    def __copy__(self) -> GraphModule:
        return GraphModule(self, copy.deepcopy(self._graph), type(self).__name__)

    def __reduce__(self) -> Any:
        raise NotImplementedError(
            "GraphModule: a traced module cannot be pickled. Save its state with state_dict(), and "
            "trace the module again."
        )

    def __reduce_ex__(self, protocol: Any) -> Any:
        del protocol
        return self.__reduce__()

    def print_readable(self, print_output: bool = True) -> str:
        """The source as that of a class.

        Args:
            print_output: whether it is printed, too.
        """
        body = self.code.strip("\n ").replace("\n", "\n    ")
        text = f"class {type(self).__name__}(torch.nn.Module):\n    {body}\n"
        if print_output:
            print(text)
        return text

    def __str__(self) -> str:
        hint = "# To see more debug info, please use `graph_module.print_readable()`"
        return f"{super().__repr__()}\n\n{self.code}\n{hint}"
