"""The storages that a pickle asks for, out of the records of the container."""

from __future__ import annotations

import mmap
import pickle
import sys
from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback import _core
from pullback.serialization._options import LoadEndianness, settings
from pullback.serialization._zip_reader import ZipReader, damaged
from pullback.storage import UntypedStorage, _OfDtype, _typed, _untyped

_ALIGNMENT = 16  # of the largest element


def read_id(wanted: Any) -> tuple[Any, Any, str, str, int]:
    """The class, the dtype, the key, the location and the number of elements of a persistent id."""
    if type(wanted) is not tuple or len(wanted) != 5 or wanted[0] != "storage":
        raise pickle.UnpicklingError("The pickle refers to a storage in a way that is not known.")
    _, kind, key, location, count = wanted
    if kind is UntypedStorage:
        dtype = pb.uint8
    elif isinstance(kind, _OfDtype):
        dtype = kind.dtype
    else:
        raise pickle.UnpicklingError("The pickle refers to a storage of no class of storages.")
    if type(key) is not str or type(location) is not str or type(count) is not int or count < 0:
        raise pickle.UnpicklingError(
            "The pickle refers to a storage whose key, location or size is none."
        )
    return kind, dtype, key, location, count


def typed(memory: Any, kind: Any, dtype: Any) -> Any:
    """The storage of the class that the pickle names, over a memory."""
    return _untyped(memory) if kind is UntypedStorage else _typed(memory, dtype)


class Storages:
    """Makes each storage once, when the pickle first refers to it.

    Args:
        archive: the container.
        restore: gives the storage for one and its location.
        path: the file, to map it instead of reading it.
    """

    def __init__(
        self, archive: ZipReader, restore: Callable[[Any, str], Any], path: Any = None
    ) -> None:
        self._archive = archive
        self._restore = restore
        self._made: dict[str, tuple[Any, int, Any]] = {}
        self._swaps = self._order() != sys.byteorder
        self._map: memoryview | None = None
        if path is not None:
            if self._swaps:
                raise RuntimeError(
                    "load: mmap=True got a file of another order of bytes. Use mmap=False."
                )
            self._map = _mapped(path)

    def _order(self) -> str:
        if "byteorder" in self._archive:
            order = self._archive.read("byteorder")
            if order not in (b"little", b"big"):
                raise damaged(f"unknown endianness type {order[:20]!r}.")
            return order.decode()
        wanted = settings.order
        if wanted in (None, LoadEndianness.NATIVE):
            return sys.byteorder
        return "little" if wanted is LoadEndianness.LITTLE else "big"

    def __call__(self, wanted: Any) -> Any:
        kind, dtype, key, location, count = read_id(wanted)
        size = count * dtype.itemsize
        if key not in self._made:
            name = f"data/{key}"
            has = self._archive.record_size(name)
            if has != size:
                raise damaged(
                    f"record size ({has} bytes) of {name[:40]!r} does not match expected size "
                    f"({size} bytes)."
                )
            storage = _untyped(self._memory(name, size))
            if self._swaps:
                storage.byteswap(dtype)
            self._made[key] = self._restore(storage, location), size, dtype
        storage, had, of = self._made[key]
        if had != size or (self._swaps and of != dtype):
            raise pickle.UnpicklingError(f"Storage {key[:40]!r} has two sizes or dtypes.")
        return typed(storage._memory, kind, dtype)

    def _memory(self, name: str, size: int) -> Any:
        if self._map is not None and size:
            start = self._archive.place(name)
            if start % _ALIGNMENT == 0:
                return _core._from_buffer(self._map[start : start + size])
        memory: Any = pb.empty(size, dtype=pb.uint8)
        if size and not settings.skips_data:
            self._archive.read_into(name, memoryview(memory), settings.checksums)
        return memory


def _mapped(path: Any) -> memoryview:
    shared = settings.map_flags == getattr(mmap, "MAP_SHARED", None)
    with open(path, "r+b" if shared else "rb") as file:
        access = mmap.ACCESS_WRITE if shared else mmap.ACCESS_COPY
        return memoryview(mmap.mmap(file.fileno(), 0, access=access))
