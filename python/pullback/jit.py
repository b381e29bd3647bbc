"""``torch.jit``: programs that are to be compiled run as they are, eagerly.

``script``, ``trace`` and the decorators give back what they were given and say so once; what needs
compiled code (``save``, ``load``) raises.
"""

from __future__ import annotations

import builtins
import types
import typing
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pullback import _core, nn

__all__ = [
    "Attribute",
    "Error",
    "Final",
    "ScriptFunction",
    "ScriptModule",
    "TracerWarning",
    "annotate",
    "export",
    "fork",
    "freeze",
    "ignore",
    "interface",
    "is_scripting",
    "is_tracing",
    "isinstance",
    "load",
    "optimize_for_inference",
    "optimized_execution",
    "save",
    "script",
    "script_if_tracing",
    "script_method",
    "trace",
    "trace_module",
    "unused",
    "wait",
]


class TracerWarning(Warning):
    """The category of warnings of PyTorch's tracer, which programs filter; none is given here."""


_said: set[str] = set()


def _say_once(name: str) -> None:
    if name in _said:
        return
    _said.add(name)
    _core._warn(f"torch.{name} compiles nothing here: the function runs eagerly, as it is.")


def script(obj: Any, *_: Any, **__: Any) -> Any:
    """The function, module or class itself; the first call warns that nothing is compiled.

    Example:
        >>> import warnings
        >>> import pullback as pb
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     pb.jit.script(pb.sin) is pb.sin
        True
    """
    _say_once("jit.script")
    return obj


def trace(func: Any = None, *_: Any, **__: Any) -> Any:
    """The function or module itself, as ``script`` does; it is not run on the example inputs."""
    _say_once("jit.trace")
    return func


def trace_module(mod: Any, *_: Any, **__: Any) -> Any:
    """The module itself, as ``script`` does."""
    _say_once("jit.trace_module")
    return mod


def _same(fn: Any) -> Any:
    return fn


export = interface = script_method = script_if_tracing = _same


def ignore(drop: Any = False, **_: Any) -> Any:
    """A decorator without effect, used as ``@ignore`` or ``@ignore(drop=True)``."""
    return drop if callable(drop) else _same


def unused(fn: Any) -> Any:
    """A decorator without effect."""
    return fn


def _overload(func: Any) -> Any:
    """A decorator without effect: the last function of the name is the one that runs."""
    return func


_overload_method = _overload


class Attribute(NamedTuple):
    """A value and its type, as attributes of a ``ScriptModule`` are declared."""

    value: Any
    type: Any


class Error(Exception):
    """What compiled programs raise, which programs catch; none is compiled here."""


def annotate(the_type: Any, the_value: Any) -> Any:
    """The value."""
    del the_type
    return the_value


def is_scripting() -> bool:
    """Always False.

    Example:
        >>> import pullback as pb
        >>> pb.jit.is_scripting()
        False
    """
    return False


def is_tracing() -> bool:
    """Always False."""
    return False


def isinstance(obj: Any, target_type: Any) -> bool:
    """Whether it and its elements are of the type: ``list[int]``, ``Optional[Tensor]``, several.

    Of the types with parameters TorchScript knows lists, dicts, tuples and unions; nothing is of
    another one.

    Raises:
        RuntimeError: the type is a container that does not say what it holds, or no type.

    Example:
        >>> import pullback as pb
        >>> pb.jit.isinstance([1, "a"], list[int])
        False
    """
    kinds = target_type if type(target_type) is tuple else (target_type,)
    for kind in kinds:
        if builtins.isinstance(kind, (str, list)):
            raise RuntimeError(
                "The second argument to `torch.jit.isinstance` must be a type or a tuple of types, "
                f"but got {kind!r}"
            )
    return any(_is_of(obj, kind) for kind in kinds)


def _is_of(obj: Any, kind: Any) -> bool:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union or origin is types.UnionType:
        return any(_is_of(obj, each) for each in inner)
    if kind == typing.Tuple[()]:  # noqa: UP006 - which is tuple[()]
        return builtins.isinstance(obj, tuple) and not obj
    container = origin or kind
    if origin is not None and origin not in (list, dict, tuple):
        return False
    if container in (list, dict, tuple) and not inner:
        raise RuntimeError(
            f"Attempted to use {container.__name__} without a contained type. Please add a "
            f"contained type, e.g. {container.__name__}[int]"
        )
    if not builtins.isinstance(obj, container):
        return False
    if container is list:
        return all(_is_of(each, inner[0]) for each in obj)
    if container is dict:
        return all(_is_of(k, inner[0]) and _is_of(v, inner[1]) for k, v in obj.items())
    if container is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        return all(_is_of(each, inner[0]) for each in obj)
    if container is tuple:
        return len(obj) == len(inner) and all(map(_is_of, obj, inner))
    return True


def optimize_for_inference(mod: Any, *_: Any, **__: Any) -> Any:
    """The module itself."""
    return mod


freeze = optimize_for_inference


class optimized_execution:
    """A context without effect."""

    def __init__(self, should_optimize: bool) -> None:
        self.should_optimize = should_optimize

    def __enter__(self) -> None:
        """Nothing changes."""

    def __exit__(self, *error: object) -> None:
        """Nothing changes."""


class ScriptModule(nn.Module):
    """A module; ``isinstance`` of it is what programs ask, and no module is one."""


class ScriptFunction:
    """The type of compiled functions, of which there are none."""


def fork(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result, computed at once: ``wait`` gives it back."""
    return func(*args, **kwargs)


def wait(future: Any) -> Any:
    """What ``fork`` computed."""
    return future


def save(*_: Any, **__: Any) -> Any:
    """Raises: there is no compiled program to save."""
    raise NotImplementedError(
        "torch.jit.save: got a module that runs eagerly, expected compiled code, which pullback "
        "does not make. Save its state with torch.save(module.state_dict(), file)."
    )


def load(*_: Any, **__: Any) -> Any:
    """Raises: compiled programs cannot be run."""
    raise NotImplementedError(
        "torch.jit.load: compiled programs of PyTorch cannot be run by pullback. Load a state_dict "
        "with torch.load and give it to the module's load_state_dict."
    )
