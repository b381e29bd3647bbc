"""``torch.overrides``: what classes with ``__torch_function__`` and function modes need.

Calls of operators, methods and properties ask the classes of their arguments in the core
(``bind/overrides.h``); functions of the package that are written in Python are made to by
``_core._overridable``. The order of asking is told in ``docs/subclasses.md``.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pullback as pb
from pullback import _core

__all__ = [
    "BaseTorchFunctionMode",
    "TorchFunctionMode",
    "enable_reentrant_dispatch",
    "get_ignored_functions",
    "get_overridable_functions",
    "get_testing_overrides",
    "handle_torch_function",
    "has_torch_function",
    "is_tensor_like",
    "is_tensor_method_or_property",
    "redispatch_function",
    "resolve_name",
    "wrap_torch_function",
]

has_torch_function = _core._has_torch_function
has_torch_function_unary = _core._has_torch_function_unary
has_torch_function_variadic = _core._has_torch_function_variadic


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """Ask the classes of ``relevant_args`` for the result of a call.

    Args:
        public_api: the function that was called, as ``__torch_function__`` shall get it.
        relevant_args: the arguments whose classes are asked.
        args: the arguments of the call.
        kwargs: those by name.

    Raises:
        TypeError: all of them returned NotImplemented.
    """
    return _core._handle(public_api, tuple(relevant_args), args, kwargs)


def wrap_torch_function(dispatcher: Callable[..., Iterable[Any]]) -> Callable[..., Any]:
    """A decorator: the function asks the classes of what ``dispatcher`` gives of its arguments.

    Args:
        dispatcher: a function with the signature of the decorated one, which returns those
            arguments that may have ``__torch_function__``.

    Example:
        >>> import pullback as pb
        >>> @pb.overrides.wrap_torch_function(lambda a: (a,))
        ... def twice(a):
        ...     return a + a
        >>> twice(pb.ones(1))
        tensor([2.])
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            relevant = tuple(dispatcher(*args, **kwargs))
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return function(*args, **kwargs)

        return wrapped

    return decorate


def redispatch_function(
    func: Callable[..., Any],
    types: Iterable[type],
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None = None,
) -> Any:
    """Call ``func`` from within a ``__torch_function__`` so that the other classes are asked."""
    del types
    return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def enable_reentrant_dispatch() -> Iterator[None]:
    """Ask again where ``__torch_function__`` was switched off."""
    before = _core._overrides_off(False, False)
    try:
        yield
    finally:
        _core._overrides_off(*before)


def is_tensor_like(inp: Any) -> bool:
    """Whether it is a tensor, or its class has ``__torch_function__``.

    Example:
        >>> import pullback as pb
        >>> pb.overrides.is_tensor_like(pb.ones(1)), pb.overrides.is_tensor_like(1.0)
        (True, False)
    """
    return isinstance(inp, pb.Tensor) or hasattr(inp, "__torch_function__")


# --- the functions that ask ---

# Where the public functions are, in torch's order.
_NAMESPACES = ("", "functional", "nn.functional", "nn.init", "linalg", "fft", "special")
# Attributes of Tensor that ask nobody.
_SILENT_MEMBERS = frozenset(
    [
        "__array_priority__",
        "__array_ufunc__",
        "__array_wrap__",
        "__class__",
        "__delattr__",
        "__dict__",
        "__dir__",
        "__doc__",
        "__getattribute__",
        "__hash__",
        "__init__",
        "__init_subclass__",
        "__module__",
        "__new__",
        "__reduce__",
        "__setattr__",
        "__sizeof__",
        "__str__",
        "__subclasshook__",
        "__torch_function__",
        "__weakref__",
        "__delitem__",
        "__getattr__",
        "__format__",
        "__iter__",
        "__torch_dispatch__",
        "_make_subclass",
        "_make_wrapper_subclass",
        "as_subclass",
        "set_",
        "_origin",
    ]
)


def _modules() -> Iterator[tuple[str, Any]]:
    for name in _NAMESPACES:
        full = f"pullback.{name}" if name else "pullback"
        with contextlib.suppress(ModuleNotFoundError):
            yield name, importlib.import_module(full)


_OPERATOR = type(_core._functions.add)
_METHOD = type(_core.Tensor.add)
_WRITTEN = type(_core._overridable(len))
# Functions of the core that are no operators and ask.
_ASKING = frozenset({"detach", "detach_", "is_complex", "is_floating_point", "numel"})
# Those that only modes are asked about.
_SEEN = frozenset({"as_tensor", "tensor"})


def _asks(function: Any) -> bool:
    return isinstance(function, (_OPERATOR, _METHOD, _WRITTEN)) or (
        isinstance(function, types.BuiltinFunctionType) and function.__name__ in _ASKING
    )


def _members() -> Iterator[tuple[str, Any]]:
    for name, member in vars(pb.Tensor).items():
        if name not in _SILENT_MEMBERS and callable(getattr(member, "__get__", None)):
            yield name, member


@functools.cache
def _tables() -> tuple[dict[Any, list[Any]], dict[Any, str]]:
    """The functions by where they are, and the public names of all that arrive."""
    functions: dict[Any, list[Any]] = {}
    names: dict[Any, str] = {}
    for space, module in _modules():
        found = functions.setdefault(module, [])
        for name in dir(module):
            known = name in vars(module) or (module is pb and name in vars(pb)["_LAZY"])
            function = getattr(module, name) if known else None
            if not name.startswith("_") and _asks(function) and function not in names:
                found.append(function)
                names[function] = ".".join(part for part in ("torch", space, name) if part)
    found = functions.setdefault(pb.Tensor, [])
    for name, member in _members():
        function = getattr(pb.Tensor, name)
        if isinstance(member, types.GetSetDescriptorType):
            for part in ("__get__", "__set__"):
                accessor = getattr(member, part)
                names[accessor] = f"torch.Tensor.{name}.{part}"
            found.append(member.__get__)
        elif callable(function):
            found.append(function)
            names.setdefault(function, f"torch.Tensor.{name}")
    for name in _SEEN:
        names[getattr(pb, name)] = f"torch.{name}"
    for name in ("grad", "backward"):
        function = getattr(pb.autograd, name)
        names[function] = f"torch.autograd.{name}"
    return functions, names


def get_overridable_functions() -> dict[Any, list[Callable[..., Any]]]:
    """The functions that ask ``__torch_function__``, by the module or class that they are in.

    Example:
        >>> import pullback as pb
        >>> functions = pb.overrides.get_overridable_functions()
        >>> pb.add in functions[pb], pb.Tensor.shape.__get__ in functions[pb.Tensor]
        (True, True)
    """
    return {space: list(found) for space, found in _tables()[0].items()}


def get_ignored_functions() -> set[Callable[..., Any]]:
    """The public functions that ask nobody: they take no tensors, or only look at them."""
    ignored: set[Callable[..., Any]] = set()
    for _, module in _modules():
        for name in dir(module):
            function: Any = getattr(module, name, None)
            plain = isinstance(function, (types.FunctionType, types.BuiltinFunctionType))
            if plain and not name.startswith("_") and not _asks(function):
                ignored.add(function)
    for name in _SILENT_MEMBERS:
        member = getattr(pb.Tensor, name, None)
        if callable(member):
            ignored.add(member)
    return ignored


def get_testing_overrides() -> dict[Callable[..., Any], Callable[..., Any]]:
    """For each function that asks one that takes any arguments, for tests of overrides."""

    def dummy(*_: Any, **__: Any) -> int:
        return -1

    return {each: dummy for found in _tables()[0].values() for each in found}


def resolve_name(f: Callable[..., Any]) -> str | None:
    """The public name of a function as ``__torch_function__`` gets it, None for others.

    Example:
        >>> import pullback as pb
        >>> pb.overrides.resolve_name(pb.Tensor.add)
        'torch.Tensor.add'
    """
    try:
        return _tables()[1].get(f)
    except TypeError:  # it cannot be hashed
        return None


def is_tensor_method_or_property(func: Callable[..., Any]) -> bool:
    """Whether it is a method of Tensor, or the accessor of one of its properties."""
    name = resolve_name(func)
    return (name or "").startswith("torch.Tensor.") or func.__name__ == "__get__"


# --- modes ---


class TorchFunctionMode:
    """A context in which every call comes to ``self.__torch_function__``.

    There the mode is off, so the call can be made; an outer mode then sees it. Modes are of the
    thread that entered them.

    Example:
        >>> import pullback as pb
        >>> class Names(pb.overrides.TorchFunctionMode):
        ...     def __torch_function__(self, func, types, args=(), kwargs=None):
        ...         print(pb.overrides.resolve_name(func))
        ...         return func(*args, **(kwargs or {}))
        >>> with Names():
        ...     _ = pb.ones(2) * 2
        torch.ones
        torch.Tensor.mul
    """

    def __init__(self) -> None:
        pass

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """What a call gives; to be written by the class that is derived from this one."""
        raise NotImplementedError

    def __enter__(self) -> Any:
        _core._function_modes().append(self)
        _core._modes_changed()
        return self

    def __exit__(self, *exception: object) -> None:
        _core._function_modes().pop()
        _core._modes_changed()

    @classmethod
    def push(cls, *args: Any, **kwargs: Any) -> TorchFunctionMode:
        """The old way to make one for ``with``."""
        _core._warn(
            "`Mode.push()` is no longer necessary and can be replaced with just `with Mode()`"
        )
        return cls(*args, **kwargs)


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that makes every call as it is."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """The call itself."""
        return func(*args, **(kwargs or {}))


class _Off:
    """A context in which nobody is asked: classes, or modes as well."""

    _modes: bool | None = None

    def __enter__(self) -> None:
        self._before = _core._overrides_off(True, self._modes)

    def __exit__(self, *exception: object) -> None:
        _core._overrides_off(*self._before)


class DisableTorchFunctionSubclass(_Off):
    """``with DisableTorchFunctionSubclass():`` no ``__torch_function__`` of a class is called."""


class DisableTorchFunction(_Off):
    """The same, and no mode's either."""

    _modes = True
