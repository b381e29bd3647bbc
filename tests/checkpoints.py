"""torch's files by hand, for tests that need no torch: a writer of pickles and one of archives.

Nothing is checked here, so files that lie can be written, too.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from typing import Any

import pytest

import pullback as pb

END = b"."
PROTOCOL = b"\x80\x02"


def name(module: str, what: str) -> bytes:
    return b"c" + f"{module}\n{what}\n".encode()


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def plain(value: Any) -> bytes:
    """The opcodes of numbers and other plain values."""
    return pickle.dumps(value, 2)[2:-1]


def call(function: bytes, *args: bytes) -> bytes:
    return function + b"(" + b"".join(args) + b"tR"


ORDERED = call(name("collections", "OrderedDict"))


def storage(
    count: Any = 3,
    key: Any = "0",
    kind: str = "FloatStorage",
    location: Any = "cpu",
    legacy: bool = False,
) -> bytes:
    parts = [text("storage"), name("torch", kind), plain(key), plain(location), plain(count)]
    return b"(" + b"".join(parts) + (b"N" if legacy else b"") + b"tQ"


def tensor(
    of: bytes | None = None,
    offset: Any = 0,
    size: Any = (3,),
    stride: Any = (1,),
    requires_grad: Any = False,
) -> bytes:
    parts = [plain(offset), plain(size), plain(stride), plain(requires_grad), ORDERED]
    return call(name("torch._utils", "_rebuild_tensor_v2"), of or storage(), *parts)


NUMBERS = struct.pack("<3f", 1.0, 2.0, 3.0)


def archive(
    body: bytes,
    records: dict[str, bytes] | None = None,
    *,
    root: str = "archive",
    order: str | None = "little",
    version: str = "3\n",
    more: dict[str, bytes] | None = None,
    compression: int = zipfile.ZIP_STORED,
) -> bytes:
    """An archive of a pickle without its first and last opcode, and the data of its storages."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        made.writestr(f"{root}/data.pkl", PROTOCOL + body + END)
        made.writestr(f"{root}/version", version)
        if order is not None:
            made.writestr(f"{root}/byteorder", order)
        for key, data in ({"0": NUMBERS} if records is None else records).items():
            made.writestr(f"{root}/data/{key}", data)
        for path, data in (more or {}).items():
            made.writestr(path, data)
    return file.getvalue()


def old_file(body: bytes, storages: dict[str, bytes], size: int = 4) -> bytes:
    """A file in the format from before the archives."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    parts = [pickle.dumps(each, 2) for each in (0x1950A86A20F9469CFC6C, 1001, system)]
    parts += [PROTOCOL + body + END, pickle.dumps(list(storages), 2)]
    parts += [struct.pack("<q", len(data) // size) + data for data in storages.values()]
    return b"".join(parts)


def loads(data: bytes, **kwargs: Any) -> Any:
    return pb.load(io.BytesIO(data), **kwargs)


def saved(obj: Any, **kwargs: Any) -> bytes:
    file = io.BytesIO()
    pb.save(obj, file, **kwargs)
    return file.getvalue()


def through(obj: Any, weights_only: bool = True, **kwargs: Any) -> Any:
    return loads(saved(obj, **kwargs), weights_only=weights_only)


def error_of(data: bytes) -> Exception:
    with pytest.raises((RuntimeError, pickle.UnpicklingError)) as caught:
        loads(data)
    return caught.value
