"""The unpickler of ``weights_only=True``: it builds data, and calls only what is on a list.

NOTE [Files]

A machine of its own over the opcodes of protocol 2, which is what torch writes. It does not
recurse, and what it builds is no larger than a small multiple of the pickle.
"""

from __future__ import annotations

import _compat_pickle
import pickle
import struct
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback.serialization import _allowed, _names, _rebuild

# Modules that reach the operating system: not even the user's list lets them in.
_BLOCKED = frozenset(["sys", "os", "posix", "nt"])

_ADVICE = (
    "Weights only load failed. Re-running `torch.load` with `weights_only` set to `False` will "
    "likely succeed, but it can result in arbitrary code execution. Do it only if you got the file "
    "from a trusted source.\n"
)


def in_python_3(module: str, name: str) -> tuple[str, str]:
    """A name of Python 2's library, which protocol 2 writes, as Python 3 has it."""
    module, name = _compat_pickle.NAME_MAPPING.get((module, name), (module, name))
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


def advised(reason: str) -> pickle.UnpicklingError:
    """The error of a file that may be good, but needs more than weights."""
    return pickle.UnpicklingError(f"{_ADVICE}{reason}")


class Allowed:
    """The objects that a file may name, with the user's list as it is now."""

    def __init__(self) -> None:
        self.added = dict(_allowed.added())
        values = [value for value in self.added.values() if value not in _allowed.CALLS]
        self.calls = {**_allowed.CALLS, **{value: value for value in values}}
        self.classes = tuple(value for value in values if isinstance(value, type))

    def named(self, name: str) -> Any:
        """The object of a full name; None for one that is not allowed."""
        known = self.added.get(name)
        if known is None:
            known = _allowed.FIXED.get(name)
        return _names.element_type(name) if known is None else known


class Unpickler:
    """Reads one pickle from a file.

    Args:
        file: an object with ``read`` and ``readline``.
        storage: makes the storage of a persistent id.
        encoding: what texts that Python 2 wrote are read as; ``"bytes"`` leaves them bytes.
    """

    def __init__(
        self, file: Any, storage: Callable[[Any], Any] | None = None, *, encoding: str = "utf-8"
    ) -> None:
        self._read_some, self._read_line = file.read, file.readline
        self._storage = storage
        self._encoding = encoding
        self._allowed = Allowed()
        self._memo: dict[int, Any] = {}
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._names_seen: dict[str, Any] = {}

    def load(self) -> Any:
        """The object.

        Raises:
            pickle.UnpicklingError: the pickle is damaged, or refers to what is not allowed.
        """
        steps = {code: getattr(self, name) for code, name in _STEPS.items()}
        try:
            while True:
                code = self._read(1)[0]
                if code == _STOP:
                    return self._stack.pop()
                step = steps.get(code)
                if step is None:
                    raise advised(
                        f"Unsupported operand {code}: only pickles of protocol 2 are read, which "
                        "torch.save writes by default."
                    )
                step()
        except (LookupError, TypeError, ValueError, OverflowError, struct.error) as error:
            raise pickle.UnpicklingError(
                f"Weights only load failed: the pickle is damaged ({error})."
            ) from error

    def _read(self, count: int) -> bytes:
        data: bytes = self._read_some(count)
        if len(data) != count:
            raise pickle.UnpicklingError("pickle data was truncated")
        return data

    def _number(self, form: str, size: int) -> int:
        value: int = struct.unpack(form, self._read(size))[0]
        return value

    def _line(self) -> str:
        line: bytes = self._read_line()
        if not line.endswith(b"\n"):
            raise pickle.UnpicklingError("pickle data was truncated")
        return line[:-1].decode("utf-8")

    def _protocol(self) -> None:
        version = self._read(1)[0]
        if version != 2:
            raise advised(
                f"Unsupported operand 149: the pickle has protocol {version}, expected 2, which "
                "torch.save writes by default."
            )

    def _mark(self) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _since_mark(self) -> list[Any]:
        items = self._stack
        self._stack = self._marks.pop()
        return items

    def _pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._since_mark()

    def _none(self) -> None:
        self._stack.append(None)

    def _true(self) -> None:
        self._stack.append(True)

    def _false(self) -> None:
        self._stack.append(False)

    def _int(self) -> None:
        self._stack.append(self._number("<i", 4))

    def _int1(self) -> None:
        self._stack.append(self._read(1)[0])

    def _int2(self) -> None:
        self._stack.append(self._number("<H", 2))

    def _long1(self) -> None:
        self._stack.append(int.from_bytes(self._read(self._read(1)[0]), "little", signed=True))

    def _long4(self) -> None:
        count = self._number("<i", 4)
        if count < 0:
            raise ValueError("a number has a negative length")
        self._stack.append(int.from_bytes(self._read(count), "little", signed=True))

    def _float(self) -> None:
        self._stack.append(struct.unpack(">d", self._read(8))[0])

    def _text(self) -> None:
        data = self._read(self._number("<I", 4))
        self._stack.append(data.decode("utf-8", "surrogatepass"))

    def _old_text(self, data: bytes) -> None:
        self._stack.append(data if self._encoding == "bytes" else data.decode(self._encoding))

    def _string(self) -> None:
        count = self._number("<i", 4)
        if count < 0:
            raise ValueError("a text has a negative length")
        self._old_text(self._read(count))

    def _short_string(self) -> None:
        self._old_text(self._read(self._read(1)[0]))

    def _bytes(self) -> None:
        self._stack.append(self._read(self._number("<I", 4)))

    def _short_bytes(self) -> None:
        self._stack.append(self._read(self._read(1)[0]))

    def _empty_tuple(self) -> None:
        self._stack.append(())

    def _empty_list(self) -> None:
        self._stack.append([])

    def _empty_dict(self) -> None:
        self._stack.append({})

    def _tuple(self) -> None:
        items = self._since_mark()
        self._stack.append(tuple(items))

    def _tuple_of(self, count: int) -> None:
        if len(self._stack) < count:
            raise IndexError("a tuple has too few parts")
        self._stack[-count:] = [tuple(self._stack[-count:])]

    def _tuple1(self) -> None:
        self._tuple_of(1)

    def _tuple2(self) -> None:
        self._tuple_of(2)

    def _tuple3(self) -> None:
        self._tuple_of(3)

    def _top(self, *kinds: type) -> Any:
        top = self._stack[-1]
        if type(top) not in kinds:
            raise TypeError(f"items are put into a {type(top).__name__}")
        return top

    def _append(self) -> None:
        value = self._stack.pop()
        self._top(list).append(value)

    def _appends(self) -> None:
        items = self._since_mark()
        self._top(list).extend(items)

    def _set_item(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._top(dict, OrderedDict, Counter)[_allowed.checked_key(key)] = value

    def _set_items(self) -> None:
        items = self._since_mark()
        if len(items) % 2:
            raise IndexError("a dict has a key without a value")
        holder = self._top(dict, OrderedDict, Counter)
        for at in range(0, len(items), 2):
            holder[_allowed.checked_key(items[at])] = items[at + 1]

    def _put(self) -> None:
        self._memo[self._read(1)[0]] = self._stack[-1]

    def _long_put(self) -> None:
        self._memo[self._number("<I", 4)] = self._stack[-1]

    def _get(self) -> None:
        self._stack.append(self._memo[self._read(1)[0]])

    def _long_get(self) -> None:
        self._stack.append(self._memo[self._number("<I", 4)])

    def _global(self) -> None:
        module, name = in_python_3(self._line(), self._line())
        full = f"{module}.{name}"
        if full not in self._names_seen:
            self._names_seen[full] = self._found(module, full)
        self._stack.append(self._names_seen[full])

    def _found(self, module: str, full: str) -> Any:
        if module.partition(".")[0] in _BLOCKED:
            raise advised(
                f"Trying to load unsupported GLOBAL {full[:200]} whose module {module[:100]} is "
                "blocked."
            )
        known = self._allowed.named(full)
        if known is None:
            raise advised(
                f"Unsupported global: GLOBAL {full[:200]} was not an allowed global by default. "
                "Please use `torch.serialization.add_safe_globals` or the "
                "`torch.serialization.safe_globals` context manager to allowlist this global if "
                "you trust this class/function."
            )
        return known

    def _reduce(self) -> None:
        args, function = self._stack.pop(), self._stack[-1]
        call = self._allowed.calls.get(function)
        if call is None or type(args) is not tuple:
            raise advised(f"Trying to call {_shown(function)}, which is not allowed.")
        self._stack[-1] = call(*args)

    def _new_object(self) -> None:
        args, cls = self._stack.pop(), self._stack[-1]
        if type(args) is not tuple:
            raise TypeError("the arguments of a class are no tuple")
        if cls in self._allowed.classes:
            self._stack[-1] = cls.__new__(cls, *args)
        elif cls is OrderedDict and not args:
            self._stack[-1] = OrderedDict()
        else:
            raise advised(f"Trying to make a {_shown(cls)}, which is not allowed.")

    def _build(self) -> None:
        state, made = self._stack.pop(), self._stack[-1]
        kind = type(made)
        if kind is OrderedDict and type(state) is dict:
            made.__dict__.update(state)
        elif kind in self._allowed.classes:
            _set_state(made, state)
        elif isinstance(made, pb.Tensor):
            _rebuild._with_state(made, state)
        else:
            raise advised(f"Trying to set the state of a {kind.__name__}, which is not allowed.")

    def _persistent(self) -> None:
        wanted = self._stack.pop()
        if self._storage is None or type(wanted) is not tuple or not wanted:
            raise pickle.UnpicklingError("The pickle refers to a storage where there are none.")
        if wanted[0] != "storage":
            raise advised(
                f"Only persistent_load of storage is allowed, but got {_shown(wanted[0])}"
            )
        self._stack.append(self._storage(wanted))


def _shown(value: object) -> str:
    return str(getattr(value, "__name__", type(value).__name__))[:100]


def _set_state(made: Any, state: Any) -> None:
    """As ``pickle`` does for an object of a class that the user allowed."""
    setter = getattr(made, "__setstate__", None)
    if setter is not None:
        setter(state)
        return
    slots = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        made.__dict__.update({sys.intern(name): value for name, value in state.items()})
    for name, value in (slots or {}).items():
        setattr(made, name, value)


_STOP = pickle.STOP[0]
_STEPS = {
    code[0]: name
    for code, name in (
        (pickle.PROTO, "_protocol"),
        (pickle.MARK, "_mark"),
        (pickle.POP, "_pop"),
        (pickle.POP_MARK, "_since_mark"),
        (pickle.NONE, "_none"),
        (pickle.NEWTRUE, "_true"),
        (pickle.NEWFALSE, "_false"),
        (pickle.BININT, "_int"),
        (pickle.BININT1, "_int1"),
        (pickle.BININT2, "_int2"),
        (pickle.LONG1, "_long1"),
        (pickle.LONG4, "_long4"),
        (pickle.BINFLOAT, "_float"),
        (pickle.BINUNICODE, "_text"),
        (pickle.BINSTRING, "_string"),
        (pickle.SHORT_BINSTRING, "_short_string"),
        (pickle.BINBYTES, "_bytes"),
        (pickle.SHORT_BINBYTES, "_short_bytes"),
        (pickle.EMPTY_TUPLE, "_empty_tuple"),
        (pickle.EMPTY_LIST, "_empty_list"),
        (pickle.EMPTY_DICT, "_empty_dict"),
        (pickle.TUPLE, "_tuple"),
        (pickle.TUPLE1, "_tuple1"),
        (pickle.TUPLE2, "_tuple2"),
        (pickle.TUPLE3, "_tuple3"),
        (pickle.APPEND, "_append"),
        (pickle.APPENDS, "_appends"),
        (pickle.SETITEM, "_set_item"),
        (pickle.SETITEMS, "_set_items"),
        (pickle.BINPUT, "_put"),
        (pickle.LONG_BINPUT, "_long_put"),
        (pickle.BINGET, "_get"),
        (pickle.LONG_BINGET, "_long_get"),
        (pickle.GLOBAL, "_global"),
        (pickle.REDUCE, "_reduce"),
        (pickle.NEWOBJ, "_new_object"),
        (pickle.BUILD, "_build"),
        (pickle.BINPERSID, "_persistent"),
    )
}
