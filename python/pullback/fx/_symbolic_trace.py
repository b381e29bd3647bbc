"""Tracing: a program runs once on proxies, and what it does with them is its graph.

While a tracer runs, functions of pullback look whether an argument is a proxy, modules are called
through the tracer, and the parameters of the traced module are proxies. This is taken back when it
ends, and does not concern other threads. Start at ``Tracer.trace``.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.fx._code import spaces
from pullback.fx.graph import Graph
from pullback.fx.graph_module import GraphModule
from pullback.fx.node import Argument, Node, has_side_effect, map_aggregate
from pullback.fx.proxy import Proxy, TracerBase
from pullback.nn import Module, Parameter, Sequential

__all__ = ["Tracer", "symbolic_trace", "wrap"]


class _Current(threading.local):
    tracer: Tracer | None = None


_current = _Current()
# Functions of programs that are recorded as one call: (the globals of their module, their name).
_wrapped: dict[tuple[int, str], tuple[dict[str, Any], str]] = {}


def wrap(fn_or_name: str | Callable[..., Any]) -> Any:
    """Record calls of a function as one node, instead of what happens inside of it.

    Args:
        fn_or_name: a function at the top of a module, or its name; used as a decorator, too.

    Raises:
        NotImplementedError: it is not called at the top of a module.
    """
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError(
            "Unsupported type for global function! Must be either a callable or string name"
        )
    name = fn_or_name if isinstance(fn_or_name, str) else fn_or_name.__name__
    frame = sys._getframe(1)
    if frame.f_code.co_name != "<module>":
        raise NotImplementedError("wrap must be called at the top level of a module")
    _wrapped[(id(frame.f_globals), name)] = (frame.f_globals, name)
    return fn_or_name


@has_side_effect
def _check_concrete(given: Any, expected: Any, name: str) -> None:
    """Raises unless an input has the value that it had when the program was traced."""
    both = isinstance(given, Tensor) and isinstance(expected, Tensor)
    if given is not expected and not (pb.equal(given, expected) if both else given == expected):
        raise AssertionError(
            f"{name} has been specialized to have value {expected!r} but got another value: "
            f"{given!r}"
        )


class _Parameter(Proxy):
    """A parameter of the traced module: a node reads it where it is used first."""

    def __init__(self, tracer: TracerBase, path: str) -> None:
        self.tracer = tracer
        self._path = path
        self._node: Node | None = None

    @property
    def node(self) -> Node:  # type: ignore[override]
        if self._node is None:
            self._node = self.tracer.create_node("get_attr", self._path, (), {})
        return self._node


def _taking_all(function: Any) -> Callable[..., Any]:
    """The function with all its parameters by position, also ``*args`` and ``**kwargs`` as one."""
    bound = getattr(function, "__self__", None)
    plain = getattr(function, "__func__", function)
    code = getattr(plain, "__code__", None)
    if code is None or hasattr(plain, "__wrapped__"):
        return _calling(function)
    stars = bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    taking = FunctionType(
        code.replace(
            co_argcount=code.co_argcount + code.co_kwonlyargcount + stars,
            co_posonlyargcount=0,
            co_kwonlyargcount=0,
            co_flags=code.co_flags & ~(inspect.CO_VARARGS | inspect.CO_VARKEYWORDS),
        ),
        plain.__globals__,
        plain.__name__,
        None,
        plain.__closure__,
    )
    return taking if bound is None else functools.partial(taking, bound)


def _calling(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for what has no code of its own or hides it below decorators: called as it is."""
    parameters = inspect.signature(function).parameters.values()
    if any(each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in parameters):
        raise TypeError(
            f"Tracer.trace: got {function!r} with * or ** parameters below a decorator or partial, "
            "whose values are not known. Trace a function that names them."
        )
    named = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]

    def calling(*values: Any) -> Any:
        count = len(values) - len(named)
        return function(*values[:count], **dict(zip(named, values[count:], strict=True)))

    return calling


def _has_proxy(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    found = False

    def look(value: Any) -> Any:
        nonlocal found
        found = found or isinstance(value, Proxy)
        return value

    map_aggregate((args, kwargs), look)
    return found


@functools.cache
def _recording(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which becomes a node when it gets a proxy on a thread that traces."""

    @functools.wraps(function, updated=())
    def recorded(*args: Any, **kwargs: Any) -> Any:
        tracer = _current.tracer
        if tracer is not None and _has_proxy(args, kwargs):
            return tracer.create_proxy("call_function", function, args, kwargs)
        return function(*args, **kwargs)

    return recorded


has_side_effect(pb._assert)

# Functions of the core, with their in-place forms, and those of pullback in Python.
_KINDS = (
    type(pb.add),
    type(pb.relu_),
    type(pb.nn.functional.dropout),
    BuiltinFunctionType,
)


# Where functions of tensors are that the package loads when they are first used.
_LATE = (
    "_as_functions",
    "_compositions",
    "_finite_differences",
    "_functional_names",
    "_histogram",
    "_lowrank",
    "_misc",
    "_native_layers",
    "_segments",
    "nn.functional",
    "nn.utils.weight_norm",
)


def _is_function(value: Any) -> bool:
    return isinstance(value, _KINDS)


@contextmanager
def _replaced(places: list[tuple[dict[str, Any], str, Any]]) -> Iterator[None]:
    """Entries of dicts are other ones for the time of the block."""
    missing = object()
    before = [(place, name, place.get(name, missing)) for place, name, _ in places]
    try:
        for place, name, value in places:
            place[name] = value
        yield
    finally:
        for place, name, value in before:
            if value is missing:
                place.pop(name, None)
            else:
                place[name] = value


# One tracer at a time changes what all threads see.
_patching = threading.RLock()


class Tracer(TracerBase):
    """Traces a module or function; subclass it to decide which modules are one node.

    Args:
        autowrap_modules: modules whose functions are recorded as one node each.
        autowrap_functions: more such functions; found in the globals of the traced function.
        param_shapes_constant: not supported: shapes of parameters are recorded.

    Example:
        >>> import pullback as pb
        >>> graph = pb.fx.Tracer().trace(pb.nn.Sequential(pb.nn.Linear(2, 3), pb.nn.Tanh()))
        >>> [node.name for node in graph.nodes]
        ['input_1', '_0', '_1', 'output']
    """

    def __init__(
        self,
        autowrap_modules: tuple[ModuleType, ...] = (math,),
        autowrap_functions: tuple[Callable[..., Any], ...] = (),
        param_shapes_constant: bool = False,
    ) -> None:
        super().__init__()
        if param_shapes_constant:
            raise NotImplementedError(
                "Tracer: got param_shapes_constant=True, expected False: shapes are recorded."
            )
        self._autowrap_functions = tuple(autowrap_functions)
        self._autowrap_modules = tuple(autowrap_modules)
        self.root: Module = Module()
        self.tensor_attrs: dict[int, str] = {}
        self._paths: dict[int, str] = {}
        self.scope = ""

    # --- what subclasses decide ---

    def is_leaf_module(self, m: Module, module_qualified_name: str) -> bool:
        """Whether a module is one node; by default those of ``nn`` but ``Sequential``.

        Args:
            m: the module.
            module_qualified_name: its path below the root.
        """
        del module_qualified_name
        own = type(m).__module__.startswith(("torch.nn", "pullback.nn"))
        return own and not isinstance(m, Sequential)

    def path_of_module(self, mod: Module) -> str:
        """The path of a module below the root.

        Raises:
            NameError: it is not there.
        """
        for name, each in self.root.named_modules():
            if each is mod:
                return name
        raise NameError("module is not installed as a submodule")

    def call_module(
        self, m: Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """A call of a module: one node, or what its ``forward`` does.

        Args:
            m: the module.
            forward: calls it.
            args: the arguments.
            kwargs: the named arguments.
        """
        path = self.path_of_module(m)
        if not self.is_leaf_module(m, path):
            return forward(*args, **kwargs)
        return self.create_proxy("call_module", path, args, kwargs)

    # --- arguments ---

    def _leaf(self, a: Any) -> Argument:
        if isinstance(a, Parameter):
            for name, each in self._all_parameters:
                if each is a:
                    return self.create_node("get_attr", name, (), {})
            raise NameError("parameter is not a member of this module")
        if isinstance(a, Tensor):
            return self.create_node("get_attr", self._name_of_tensor(a), (), {})
        if isinstance(a, Module):
            path = self.path_of_module(a)
            return self.create_node("get_attr", path, (), {})
        return super()._leaf(a)

    def _name_of_tensor(self, tensor: Tensor) -> str:
        """The path of a buffer; a tensor that is nowhere becomes an attribute of the root."""
        for name, each in self.root.named_buffers():
            if each is tensor:
                return name
        if id(tensor) not in self.tensor_attrs:
            number = 0
            while hasattr(self.root, f"_tensor_constant{number}"):
                number += 1
            name = f"_tensor_constant{number}"
            setattr(self.root, name, tensor)
            self.tensor_attrs[id(tensor)] = name
        return self.tensor_attrs[id(tensor)]

    # --- tracing ---

    def trace(
        self, root: Module | Callable[..., Any], concrete_args: dict[str, Any] | None = None
    ) -> Graph:
        """The graph of a program.

        Args:
            root: a module or a function.
            concrete_args: values of inputs that are known: what depends on them is decided now, and
                the program checks that it gets them.

        Raises:
            TraceError: the program asks for a value, in an ``if`` or a loop.
        """
        if isinstance(root, Module):
            self.root = root
            function: Any = type(root).forward
            if isinstance(vars(root).get("forward"), FunctionType):
                function = root.forward
        else:
            self.root = Module()
            function = root
        self.graph = Graph(tracer_cls=type(self))
        self._all_parameters = list(self.root.named_parameters(remove_duplicate=False))
        arguments = self._inputs(function, isinstance(root, Module), concrete_args or {})
        with _patching, self._patched(function):
            if _current.tracer is not None:
                raise RuntimeError(
                    "Tracer.trace: a program is being traced already on this thread."
                )
            _current.tracer = self
            try:
                result = _taking_all(function)(*arguments)
            finally:
                _current.tracer = None
        self.create_node("output", "output", (self.create_arg(result),), {})
        return self.graph

    def _inputs(self, function: Any, is_method: bool, concrete: dict[str, Any]) -> list[Any]:
        """Proxies for the parameters of the function, in the order of its variables."""
        values: dict[str, Any] = {}
        parameters = list(inspect.signature(function).parameters.values())
        if is_method and not inspect.ismethod(function):
            values[parameters[0].name] = self.root
            parameters = parameters[1:]
        for each in parameters:
            stars = "*" * ((each.kind is each.VAR_POSITIONAL) + 2 * (each.kind is each.VAR_KEYWORD))
            default = () if each.default is each.empty else (each.default,)
            value = values[each.name] = self._input(f"{stars}{each.name}", default)
            if each.name in concrete:
                known = values[each.name] = concrete[each.name]
                self.create_proxy("call_function", _check_concrete, (value, known, each.name), {})
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is None:
            return list(values.values())
        return [values[name] for name in code.co_varnames if name in values]

    def _input(self, name: str, default: tuple[Any, ...] = ()) -> Proxy:
        return self.create_proxy("placeholder", name, default, {})

    def _patched(self, function: Any) -> Any:
        """While it is in force, what the program calls is recorded."""
        places: list[tuple[dict[str, Any], str, Any]] = []
        for name, place in vars(pb)["_LAZY"].items():
            if place in _LATE:
                getattr(pb, name)
        for space in spaces().values():
            for name, value in list(vars(space).items()):
                if (name[0] != "_" or name == "_assert") and _is_function(value):
                    places.append((vars(space), name, _recording(value)))
        for module in self._autowrap_modules:
            for name, value in list(vars(module).items()):
                if name[0] != "_" and callable(value) and not isinstance(value, type):
                    places.append((vars(module), name, _recording(value)))
        around = getattr(inspect.unwrap(function), "__globals__", {})
        for name, value in list(around.items()):
            if any(value is each for each in self._autowrap_functions):
                places.append((around, name, _recording(value)))
        for its_globals, name in _wrapped.values():
            value = its_globals.get(name, getattr(builtins, name, None))
            if callable(value):
                places.append((its_globals, name, _recording(value)))
        return self._with_modules(places)

    @contextmanager
    def _with_modules(self, places: list[tuple[dict[str, Any], str, Any]]) -> Iterator[None]:
        known: dict[int, Proxy] = {}
        for prefix, module in self.root.named_modules():
            for name, value in module._parameters.items():
                if value is not None:
                    path = f"{prefix}.{name}" if prefix else name
                    proxy = known.setdefault(id(value), _Parameter(self, path))
                    places.append((module._parameters, name, proxy))
        call = Module.__call__

        def recorded(module: Any, *args: Any, **kwargs: Any) -> Any:
            tracer = _current.tracer
            if tracer is None:
                return call(module, *args, **kwargs)
            forward = functools.partial(call, module)
            return tracer.call_module(module, forward, args, kwargs)

        with _replaced(places):
            Module.__call__ = recorded  # type: ignore[assignment, method-assign]
            try:
                yield
            finally:
                Module.__call__ = call  # type: ignore[method-assign]


def symbolic_trace(
    root: Module | Callable[..., Any], concrete_args: dict[str, Any] | None = None
) -> GraphModule:
    """A module of the same program, whose graph can be looked at and changed.

    Args:
        root: a module or a function; its control flow may not depend on its inputs.
        concrete_args: values of inputs that are known, see ``Tracer.trace``.

    Raises:
        TraceError: the program asks for a value, in an ``if`` or a loop.

    Example:
        >>> import pullback as pb
        >>> traced = pb.fx.symbolic_trace(lambda x: pb.relu(x) + 1)
        >>> print(traced.code.strip())
        def forward(self, x):
            relu = torch.relu(x);  x = None
            add = relu + 1;  relu = None
            return add
        >>> traced(pb.tensor([-1.0, 2.0]))
        tensor([1., 3.])
    """
    tracer = Tracer()
    graph = tracer.trace(root, concrete_args)
    named = type(root) if isinstance(root, Module) else root
    name = getattr(named, "__name__", "GraphModule")  # a partial has no name
    return GraphModule(tracer.root, graph, name)
