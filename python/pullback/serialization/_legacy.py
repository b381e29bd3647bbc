"""The format from before torch 1.6: four pickles, a list of keys, and the storages behind it."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback.serialization import _zip_reader
from pullback.serialization._storages import read_id, typed
from pullback.serialization._unpickler import Unpickler
from pullback.storage import UntypedStorage


class SourceChangeWarning(Warning):
    """torch's warning of a class whose source is not that of the file; nothing gives it here."""


MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
_SIZES = {"short": 2, "int": 4, "long": 4}


def write(file: Any, data: Any, storages: dict[str, Any]) -> None:
    """Writes a pickle and its storages into a file."""
    system = {"protocol_version": VERSION, "little_endian": True, "type_sizes": _SIZES}
    for head in (MAGIC, VERSION, system):
        file.write(pickle.dumps(head, 2))
    file.write(data)
    file.write(pickle.dumps(list(storages), 2))
    for memory, size in storages.values():
        file.write(struct.pack("<q", memory.numel() // size))
        file.write(memoryview(memory))


class Bounded:
    """A file for an unpickler: what it is asked for is no more than the file has.

    ``file.read(n)`` takes memory for n bytes before it knows how many there are.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        start = file.tell()
        self._size = file.seek(0, 2)
        file.seek(start)

    def left(self) -> int:
        """The bytes that were not read yet."""
        return int(self._size - self._file.tell())

    def read(self, count: int = -1) -> Any:
        """At most so many bytes."""
        left = self.left()
        return self._file.read(left if count < 0 else min(count, left))

    def readline(self) -> Any:
        """The bytes up to the end of the line."""
        return self._file.readline()


class _Storages:
    """The storages that the pickle asks for, which are filled after it."""

    def __init__(self, restore: Callable[[Any, str], Any], room: int) -> None:
        self._restore = restore
        self._room = room
        self.made: dict[str, tuple[Any, int]] = {}

    def __call__(self, wanted: Any) -> Any:
        kind, dtype, key, location, count = read_id(wanted[:5])
        if key not in self.made:
            size = dtype.itemsize
            self._room -= count * size
            if self._room < 0:
                raise RuntimeError(f"load: storage {key[:40]!r} is larger than the file.")
            storage = UntypedStorage(count * size)
            self.made[key] = self._restore(storage, location), size
        elif self.made[key][0].nbytes() != count * dtype.itemsize:
            raise pickle.UnpicklingError(f"Storage {key[:40]!r} has two sizes.")
        memory = self.made[key][0]._memory
        view = wanted[5] if len(wanted) == 6 else None
        if view is not None:
            memory = self._part(memory, view, dtype.itemsize)
        return typed(memory, kind, dtype)

    @staticmethod
    def _part(memory: Any, view: Any, size: int) -> Any:
        if type(view) is not tuple or len(view) != 3:
            raise pickle.UnpicklingError("A view of a storage has no place.")
        _, start, count = view
        if type(start) is not int or type(count) is not int or start < 0 or count < 0:
            raise pickle.UnpicklingError("A view of a storage has no place.")
        if (start + count) * size > memory.numel():
            raise pickle.UnpicklingError("A view of a storage reaches out of it.")
        strides = (1,)
        return pb._core._over(memory, pb.uint8, start * size, (count * size,), strides)


class _NoCheckpointError(pickle.UnpicklingError, RuntimeError):
    """PyTorch raises the one or the other, by whether the file is a pickle of anything."""


def read(
    file: Any, restore: Callable[[Any, str], Any], unpickler: Callable[[Any, Any], Any]
) -> Any:
    """The object of a file in this format."""
    stream = Bounded(file)
    try:
        magic = Unpickler(stream).load()
    except pickle.UnpicklingError:
        magic = None
    if magic != MAGIC:
        text = "Invalid magic number; corrupt file? load: the file is no checkpoint."
        raise _NoCheckpointError(text)
    version = Unpickler(stream).load()
    if version != VERSION:
        raise RuntimeError(f"Invalid protocol version: {str(version)[:40]}")
    Unpickler(stream).load()
    storages = _Storages(restore, stream.left())
    found = unpickler(stream, storages)
    keys = Unpickler(stream).load()
    known = type(keys) is list and all(type(key) is str for key in keys)
    if not known or sorted(keys) != sorted(storages.made):
        raise pickle.UnpicklingError("The storages of the file are not those of its pickle.")
    for key in keys:
        storage, size = storages.made[key]
        data = stream.read(8)
        if len(data) != 8 or struct.unpack("<q", data)[0] * size != storage.nbytes():
            raise RuntimeError(f"load: storage {key[:40]!r} is not of the size in the pickle.")
        _zip_reader._fill(file, memoryview(storage._memory), key[:40])
    return found
