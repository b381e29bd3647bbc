"""What ``weights_only=True`` lets a file refer to: a fixed list, and what the user adds to it."""

from __future__ import annotations

import codecs
import contextlib
import pickle
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import pullback as pb
from pullback import _arguments
from pullback.serialization import _names, _rebuild

__all__ = [
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "safe_globals",
]

Entry = Callable[..., Any] | tuple[Callable[..., Any], str]

_ADDED: list[Any] = []
_lock = threading.Lock()


# Objects that a file may name.
FIXED: dict[str, Any] = {
    "collections.OrderedDict": OrderedDict,
    "collections.Counter": Counter,
    "_codecs.encode": codecs.encode,
    **{f"builtins.{value.__name__}": value for value in (bytearray, bytes, complex, set)},
    **_names.REBUILD,
    **_names.OBJECTS,
}


def _check_call(kind: str, allowed: bool) -> None:
    if not allowed:
        raise pickle.UnpicklingError(
            f"The file calls {kind} with arguments that no saved object has: it is damaged, or was "
            "made to do harm."
        )


def _encode(*args: Any) -> bytes:
    _check_call("_codecs.encode", len(args) in (1, 2) and type(args[0]) is str)
    _check_call("_codecs.encode", args[1:] in ((), ("latin1",)))
    return bytes(args[0].encode("latin1"))


def _bytearray(*args: Any) -> bytearray:
    """Never of a number, which would be its size."""
    if len(args) == 2:
        return bytearray(_encode(*args))
    _check_call("bytearray", not args or (len(args) == 1 and isinstance(args[0], bytes)))
    return bytearray(*args)


def _bytes(*args: Any) -> bytes:
    _check_call("bytes", not args)
    return b""


def _complex(*args: Any) -> complex:
    _check_call("complex", len(args) <= 2 and all(type(arg) in (int, float) for arg in args))
    return complex(*args)


def _size(*args: Any) -> Any:
    _check_call("torch.Size", len(args) == 1)
    return pb.Size(_rebuild._whole_numbers("size", args[0]))


def _device(*args: Any) -> Any:
    _check_call("torch.device", len(args) in (1, 2) and type(args[0]) is str)
    return pb.device(*args)


def _set(*args: Any) -> set[Any]:
    _check_call("set", not args or (len(args) == 1 and type(args[0]) in (list, tuple)))
    return {checked_key(value) for value in args[0]} if args else set()


def _ordered(*args: Any) -> OrderedDict[Any, Any]:
    _check_call("OrderedDict", not args or (len(args) == 1 and type(args[0]) in (list, tuple)))
    made = OrderedDict()
    for pair in args[0] if args else ():
        _check_call("OrderedDict", type(pair) in (list, tuple) and len(pair) == 2)
        made[checked_key(pair[0])] = pair[1]
    return made


def _counter(*args: Any) -> Counter[Any]:
    _check_call("Counter", not args or (len(args) == 1 and type(args[0]) is dict))
    _check_call("Counter", all(type(n) is int for n in (args[0].values() if args else ())))
    return Counter(*args)


# What a call of one of them is; the others are not called.
CALLS: dict[Any, Callable[..., Any]] = {
    **{function: function for function in _names.REBUILD.values()},
    codecs.encode: _encode,
    bytearray: _bytearray,
    bytes: _bytes,
    complex: _complex,
    pb.Size: _size,
    pb.device: _device,
    set: _set,
    OrderedDict: _ordered,
    Counter: _counter,
}

# How many parts a tuple that is a key may have: its hash is computed by walking them all.
_MOST_PARTS = 10_000
_DEEPEST = 100


def checked_key(value: Any) -> Any:
    """The value, if its hash takes no more than the file says."""
    if type(value) is not tuple:
        return value
    parts = 0
    waiting = [(value, 1)]
    while waiting:
        holder, depth = waiting.pop()
        parts += len(holder)
        if parts > _MOST_PARTS or depth > _DEEPEST:
            raise pickle.UnpicklingError(
                "A key of a dict or a set is a tuple of too many parts: the file is damaged, or "
                "was made to do harm."
            )
        waiting.extend((part, depth + 1) for part in holder if type(part) is tuple)
    return value


def name_of(entry: Any) -> str:
    """``"module.Class"`` of an entry of the user's list."""
    if isinstance(entry, tuple):
        return str(entry[1])
    return f"{entry.__module__}.{entry.__qualname__}"


def _check(function: str, entries: Any) -> list[Any]:
    wanted = "a list of classes and functions"
    checked = list(_arguments.elements(function, "safe_globals", entries, wanted))
    for entry in checked:
        if isinstance(entry, tuple):
            if len(entry) != 2 or not callable(entry[0]) or not isinstance(entry[1], str):
                raise ValueError(
                    f"Expected tuple of (callable, str) in safe_globals, got {entry!r}"
                )
        elif not callable(entry):
            raise ValueError(f"Expected callable or (callable, str) in safe_globals, got {entry!r}")
    return checked


def add_safe_globals(safe_globals: list[Entry]) -> None:
    """Let files that are loaded with ``weights_only=True`` refer to these classes and functions.

    Args:
        safe_globals: classes and functions, or pairs of one and its full name in files.

    Example:
        >>> import pullback as pb
        >>> pb.serialization.add_safe_globals([range])
        >>> pb.serialization.get_safe_globals()
        [<class 'range'>]
        >>> pb.serialization.clear_safe_globals()
    """
    entries = _check("add_safe_globals", safe_globals)
    with _lock:
        _ADDED.extend(entry for entry in entries if entry not in _ADDED)


def get_safe_globals() -> list[Entry]:
    """What was added with ``add_safe_globals``.

    Example:
        >>> import pullback as pb
        >>> pb.serialization.get_safe_globals()
        []
    """
    return list(_ADDED)


def clear_safe_globals() -> None:
    """Take back all that was added with ``add_safe_globals``.

    Example:
        >>> import pullback as pb
        >>> pb.serialization.clear_safe_globals()
    """
    _ADDED.clear()


class safe_globals(contextlib.ContextDecorator):
    """``add_safe_globals`` for a block of code.

    Args:
        safe_globals: classes and functions, or pairs of one and its full name in files.

    Example:
        >>> import pullback as pb
        >>> with pb.serialization.safe_globals([range]):
        ...     pb.serialization.get_safe_globals()
        [<class 'range'>]
    """

    def __init__(self, safe_globals: list[Entry]) -> None:
        """Of these classes and functions."""
        self._entries = _check("safe_globals", safe_globals)
        self._before: list[Any] = []

    def __enter__(self) -> None:
        self._before = get_safe_globals()
        add_safe_globals(self._entries)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _ADDED[:] = self._before


def added() -> Iterator[tuple[str, Any]]:
    """The names of the user's entries in files, and what they stand for."""
    for entry in _ADDED:
        name, value = name_of(entry), entry[0] if isinstance(entry, tuple) else entry
        yield name, value
        if not isinstance(entry, tuple):
            yield ".".join(_names.torch_name(value, value.__module__, value.__qualname__)), value
