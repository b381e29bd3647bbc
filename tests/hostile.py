"""Files that lie: by hand, one kind of lie each, and mutations of good files by a seed.

``crafted`` gives name and bytes of files that must be refused; ``mutated`` gives files that may by
chance still be good, but must do no harm.
"""

from __future__ import annotations

import io
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from checkpoints import (
    END,
    NUMBERS,
    ORDERED,
    PROTOCOL,
    archive,
    call,
    name,
    old_file,
    plain,
    storage,
    tensor,
    text,
)

HUGE = 2**62
GLOBALS = [
    ("os", "system"),
    ("posix", "system"),
    ("nt", "system"),
    ("subprocess", "Popen"),
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "getattr"),
    ("builtins", "open"),
    ("builtins", "__import__"),
    ("__builtin__", "eval"),
    ("__builtin__", "apply"),
    ("sys", "exit"),
    ("sys", "modules"),
    ("importlib", "import_module"),
    ("pickle", "loads"),
    ("functools", "partial"),
    ("operator", "attrgetter"),
    ("collections", "defaultdict"),
    ("torch", "load"),
    ("torch.hub", "load"),
    ("torch.serialization", "load"),
    ("torch.utils.cpp_extension", "load"),
    ("torch._utils", "_import_dotted_name"),
    ("torch", "__builtins__"),
    ("torch", "os.system"),
    ("torch.storage", "_load_from_bytes"),
    ("pullback._core", "_over"),
    ("pullback.storage", "_loaded"),
    ("pullback.serialization._rebuild", "refuses"),
    ("collections", "OrderedDict.__init__"),
]


def _calls() -> Iterator[tuple[str, bytes]]:
    for module, what in GLOBALS:
        body = call(name(module, what), text("echo harm > harm.txt"))
        yield f"call {module}.{what}", archive(body)
    yield "old file that calls", old_file(call(name("os", "system"), text("true")), {})
    yield "inst", archive(b"(" + text("true") + b"ios\nsystem\n")
    yield "obj", archive(b"(" + name("os", "system") + text("true") + b"o")
    yield "newobj", archive(name("torch", "Tensor") + b"(tb" + name("os", "system") + b")\x81")
    yield "newobj of a tensor", archive(name("torch", "Tensor") + b")\x81")
    yield "call of a tensor", archive(call(name("torch", "Tensor"), plain(2**40)))
    yield "call of a storage", archive(call(name("torch", "FloatStorage"), plain(2**40)))
    yield "call of a dtype", archive(call(name("torch", "float32")))
    yield "call of a number", archive(plain(3) + b")R")
    yield "arguments that are none", archive(name("collections", "OrderedDict") + b"]R")
    yield "extension", archive(b"\x82\x01")
    yield "stack global", archive(text("os") + text("system") + b"\x93")
    yield "state of a list", archive(b"]}b")
    yield "state of a dict", archive(b"}}b")
    yield "setstate", archive(tensor() + b"(" + text("__class__") + b"Ndb")
    state = b"}" + text("backward") + text("harm") + b"s"
    yield "a method of a tensor", archive(tensor() + state + b"b")
    yield (
        "a class of a tensor",
        archive(
            call(
                name("torch._tensor", "_rebuild_from_type_v2"),
                name("collections", "OrderedDict"),
                name("torch", "Tensor"),
                b")",
                b"N",
            )
        ),
    )
    yield (
        "persistent id that is a module",
        archive(b"(" + text("module") + name("torch", "Tensor") + text("x") + text("y") + b"tQ"),
    )


def _bombs() -> Iterator[tuple[str, bytes]]:
    for builtin in ("bytearray", "bytes"):
        yield f"large {builtin}", archive(call(name("builtins", builtin), plain(2**45)))
        yield f"large old {builtin}", archive(call(name("__builtin__", builtin), plain(2**45)))
    pairs = b"}" + plain(0) + plain("a") + b"s"
    yield "counter", archive(call(name("collections", "Counter"), pairs))
    yield "counter of a text", archive(call(name("collections", "Counter"), text("aab")))
    double = b"".join(b"q" + bytes([n]) + b"h" + bytes([n]) + b"\x86" for n in range(64))
    yield "key of 2**64 parts", archive(b"}" + text("a") + double + b"Ns")
    yield (
        "set of 2**64 parts",
        archive(call(name("builtins", "set"), b"]" + text("a") + double + b"a")),
    )
    yield "deep key", archive(b"})" + b"\x85" * 100_000 + b"Ns")
    yield "list as a key", archive(b"}]Ns")
    yield "long text", archive(b"X" + struct.pack("<I", 2**32 - 1) + b"abc")
    yield "long number", archive(b"\x8b" + struct.pack("<i", 2**31 - 1) + b"abc")
    yield "number of a negative length", archive(b"\x8b" + struct.pack("<i", -1) + b"abc")
    yield "text of a negative length", archive(b"T" + struct.pack("<i", -5) + b"abc")
    yield "long bytes", archive(b"B" + struct.pack("<I", 2**32 - 1) + b"abc")
    yield "long bytes of 64 bits", archive(b"\x8e" + struct.pack("<Q", 2**62) + b"abc")
    yield "long bytearray of 64 bits", archive(b"\x96" + struct.pack("<Q", 2**62) + b"abc")
    yield "frame", archive(b"\x95" + struct.pack("<Q", 2**62) + b"N")
    yield (
        "deflated",
        archive(
            tensor(storage(10**6), size=(10**6,)),
            {"0": bytes(4 * 10**6)},
            compression=zipfile.ZIP_DEFLATED,
        ),
    )
    yield "lzma", archive(tensor(), compression=zipfile.ZIP_LZMA)


def _pickles() -> Iterator[tuple[str, bytes]]:
    for what, body in {
        "nothing on the stack": b"",
        "no mark": b"t",
        "memo that was not set": b"h\x05",
        "put of nothing": b"q\x05",
        "pop of nothing": b"0",
        "append to nothing": b"Na",
        "append to a text": text("a") + b"Na",
        "item of a list": b"]NNs",
        "odd items": b"}(Nu",
        "tuple of too few": b"N\x87",
        "call of nothing": b"R",
        "text that is none": b"X\x02\0\0\0\xff\xff",
        "name without an end": b"cos",
        "unknown operand": b"\xfe",
        "protocol 200": b"\x80\xc8N",
        "protocol 4": b"\x80\x04N",
        "persistent id that is no tuple": b"NQ",
        "persistent id without parts": b")Q",
        "persistent id with too few parts": b"(" + text("storage") + b"NtQ",
        "text persistent id": b"Pabc\n",
        "storage of a class": b"(" + text("storage") + name("torch", "Tensor") + b"NNNtQ",
    }.items():
        yield what, archive(body)
    yield "no end", archive(b"N").replace(PROTOCOL + b"N" + END, PROTOCOL + b"NN")


def _tensors() -> Iterator[tuple[str, bytes]]:
    for what, body in {
        "size beyond the storage": tensor(size=(4,)),
        "offset beyond the storage": tensor(offset=1),
        "stride beyond the storage": tensor(stride=(2,)),
        "huge size": tensor(size=(HUGE,)),
        "huge sizes": tensor(size=(2**40, 2**40), stride=(0, 0)),
        "huge stride": tensor(stride=(HUGE,)),
        "huge stride of nothing": tensor(size=(0,), stride=(2**70,)),
        "huge offset": tensor(offset=HUGE),
        "offset of more than 64 bits": tensor(offset=2**80),
        "size of more than 64 bits": tensor(size=(2**80,)),
        "overflow": tensor(size=(2**32, 2**32), stride=(2**32, 2**32)),
        "negative size": tensor(size=(-1,)),
        "negative sizes": tensor(size=(-1, -3), stride=(1, 1)),
        "negative stride": tensor(stride=(-1,)),
        "negative offset": tensor(offset=-1),
        "size that is a number": tensor(size=3),
        "size of texts": tensor(size=("3",)),
        "size of fractions": tensor(size=(3.0,)),
        "size of bools": tensor(size=(True,)),
        "stride of another length": tensor(stride=(1, 1)),
        "many dimensions": tensor(size=(1,) * 1000, stride=(1,) * 1000),
        "requires_grad that is a text": tensor(requires_grad="yes"),
        "storage that is a number": tensor(plain(3)),
        "storage of a negative size": tensor(storage(-1)),
        "storage of a huge size": tensor(storage(HUGE)),
        "storage of more than 64 bits": tensor(storage(2**80)),
        "storage of a larger size": tensor(storage(4)),
        "storage of a smaller size": tensor(storage(2), size=(2,)),
        "storage of a size that is a text": tensor(storage("3")),
        "storage of a key that is missing": tensor(storage(key="1")),
        "storage of a key that is a number": tensor(storage(key=0)),
        "storage of a key that climbs": tensor(storage(key="../../../../etc/passwd")),
        "storage of a key that is absolute": tensor(storage(key="/etc/passwd")),
        "storage of an empty key": tensor(storage(key="")),
        "storage of another place": tensor(storage(location="cuda:0")),
        "storage of an unknown place": tensor(storage(location="nowhere")),
        "storage of a place that is none": tensor(storage(location=3)),
        "storage of two dtypes": b"(" + storage(3) + storage(3, kind="DoubleStorage") + b"t",
        "integers that require a gradient": tensor(
            storage(3, kind="IntStorage"), requires_grad=True
        ),
        "a sparse tensor": call(name("torch._utils", "_rebuild_sparse_tensor"), b"N", b"N"),
        "a meta tensor": call(
            name("torch._utils", "_rebuild_meta_tensor_no_storage"),
            name("torch", "float32"),
            plain((2**40,)),
            plain((1,)),
            plain(False),
        ),
        "a parameter of a list": call(
            name("torch._utils", "_rebuild_parameter"), b"]", plain(True), ORDERED
        ),
        "a size of texts": call(name("torch", "Size"), plain(("a",))),
        "a layout": call(name("torch.serialization", "_get_layout"), text("torch.sparse_coo")),
    }.items():
        yield what, archive(body)


def _old_files() -> Iterator[tuple[str, bytes]]:
    good = old_file(tensor(storage(legacy=True)), {"0": NUMBERS})
    for at in (1, 5, 14, 20, 60, len(good) - 30, len(good) - 13, len(good) - 1):
        yield f"old file cut at {at}", good[:at]
    yield "old file of a huge storage", old_file(tensor(storage(HUGE, legacy=True)), {"0": NUMBERS})
    yield (
        "old file of a large storage",
        old_file(tensor(storage(2**30, legacy=True)), {"0": NUMBERS}),
    )
    many = b"(" + b"".join(storage(30, key=str(n), legacy=True) for n in range(50)) + b"t"
    yield "old file of many storages", old_file(many, {"0": NUMBERS})
    yield (
        "old file of another size",
        old_file(tensor(storage(2, legacy=True), size=(2,)), {"0": NUMBERS}),
    )
    yield "old file without its storage", old_file(tensor(storage(legacy=True)), {})
    yield "old file of another key", old_file(tensor(storage(legacy=True)), {"1": NUMBERS})
    yield (
        "old file with a view",
        old_file(
            tensor(storage(legacy=True).replace(b"NtQ", plain(("1", 2, 3)) + b"tQ")), {"0": NUMBERS}
        ),
    )
    yield (
        "old file with a negative view",
        old_file(
            tensor(storage(legacy=True).replace(b"NtQ", plain(("1", -2, 3)) + b"tQ")),
            {"0": NUMBERS},
        ),
    )
    yield "another magic number", pickle.dumps(7, 2)
    yield "another version", pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(7, 2)
    yield "nothing", b""
    yield "a text", b"hello world, this is no checkpoint"
    yield "a tar", bytes(257) + b"ustar" + bytes(300)


def _repacked(change: Any) -> bytes:
    """A good file whose directory is changed by a function of its bytes and its place."""
    data = bytearray(archive(tensor()))
    end = data.rfind(b"PK\5\6")
    (start,) = struct.unpack_from("<I", data, end + 16)
    change(data, start, end)
    return bytes(data)


def _put(form: str, offset: int, value: int, of_end: bool = False) -> bytes:
    def change(data: bytearray, start: int, end: int) -> None:
        struct.pack_into(form, data, (end if of_end else start) + offset, value)

    return _repacked(change)


def _archives() -> Iterator[tuple[str, bytes]]:
    good = archive(tensor())
    for at in (4, 30, 60, 200, len(good) // 2, len(good) - 22, len(good) - 1):
        yield f"cut at {at}", good[:at]
    yield "bytes behind the end", good + b"more"
    for what, form, offset, value in (
        ("size", "<I", 24, 2**31),
        ("packed size", "<I", 20, 2**31),
        ("size of 64 bits without a number", "<I", 24, 2**32 - 1),
        ("place", "<I", 42, 2**31),
        ("method", "<H", 10, 8),
        ("encryption", "<H", 8, 1),
        ("length of the name", "<H", 28, 2**16 - 1),
        ("length of the extra field", "<H", 30, 2**16 - 1),
        ("signature", "<I", 0, 0),
        ("checksum", "<I", 16, 12345),
    ):
        yield f"directory: {what}", _put(form, offset, value)
    for what, form, offset, value in (
        ("count", "<H", 10, 2**16 - 1),
        ("size", "<I", 12, 2**32 - 1),
        ("place", "<I", 16, 2**32 - 1),
        ("place in the middle", "<I", 16, 8),
    ):
        yield f"end: {what}", _put(form, offset, value, of_end=True)
    yield "header of another name", good.replace(b"archive/data.pkl", b"archive/data.pkx", 1)
    last = good.rfind(b"PK\3\4")
    yield "header that is none", good[:last] + b"PK\3\5" + good[last + 4 :]
    for path in (
        "archive/../../harm",
        "../harm",
        "/etc/harm",
        "archive//harm",
        "archive/./harm",
        "archive\\..\\harm",
        "other/data.pkl",
        "harm",
        "archive/nul\0harm",
    ):
        yield f"path {path!r}", _with_path(path)
    yield "two records of a name", _twice()
    yield "records that overlap", _overlapping()
    yield "no pickle", archive(b"N").replace(b"data.pkl", b"data.pkk")
    for version in ("0", "-1", "11", "three", "", "9" * 1000):
        yield f"version {version[:10]!r}", archive(tensor(), version=version)
    yield "order of bytes", archive(tensor(), order="middle")
    yield "directory of 64 bits", _large_end()
    yield "an empty archive", b"PK\5\6" + bytes(18)
    yield "program", archive(tensor(), more={"archive/constants.pkl": b"x"})


def _with_path(path: str) -> bytes:
    """One more record under a path, which zipfile would not write."""
    stand_in = "x" * len(path)
    return archive(tensor(), more={stand_in: b"harm"}).replace(stand_in.encode(), path.encode())


def _twice() -> bytes:
    data = archive(tensor(), more={"archive/data/1": NUMBERS})
    return data.replace(b"archive/data/1", b"archive/data/0")


def _overlapping() -> bytes:
    """The directory names one place of the file many times."""
    many = {str(n): NUMBERS for n in range(20)}
    body = b"(" + b"".join(tensor(storage(key=key)) for key in many) + b"t"
    data = bytearray(archive(body, many))
    end = data.rfind(b"PK\5\6")
    count, _, start = struct.unpack_from("<HII", data, end + 10)
    places, at = [], start
    for _ in range(count):
        places.append(at)
        at += 46 + sum(struct.unpack_from("<HHH", data, at + 28))
    (first,) = struct.unpack_from("<I", data, places[3] + 42)
    for place in places[4:]:
        struct.pack_into("<I", data, place + 42, first)
    return bytes(data)


def _large_end() -> bytes:
    data = archive(tensor())
    end = data.rfind(b"PK\5\6")
    large = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, HUGE, HUGE, HUGE, HUGE)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    return data[:end] + large + locator + data[end:]


def crafted() -> dict[str, bytes]:
    """Files that must be refused, by what is wrong with them."""
    files: dict[str, bytes] = {}
    for part in (_calls, _bombs, _pickles, _tensors, _old_files, _archives):
        for what, data in part():
            assert what not in files
            files[what] = data
    return files


def mutated(count: int, seed: int) -> Iterator[bytes]:
    """Mutations of good files: bytes, cuts, pieces that are repeated, moved or exchanged."""
    chance = random.Random(seed)
    many = {str(n): bytes(range(n)) * 4 for n in range(1, 9)}
    tensors = b"".join(
        text(key) + tensor(storage(int(key), key=key), size=(int(key),)) for key in many
    )
    body = b"}(" + tensors + text("list") + plain([1, 2.5, (3, 4), {5: "six"}]) + b"u"
    sources = [
        archive(body, many),
        archive(tensor()),
        old_file(b"}(" + text("a") + tensor(storage(legacy=True)) + b"u", {"0": NUMBERS}),
    ]
    for _ in range(count):
        data = bytearray(chance.choice(sources))
        for _ in range(chance.randint(1, 6)):
            _mutate(data, chance)
        yield _honest(bytes(data)) if chance.random() < 0.5 else bytes(data)


def _mutate(data: bytearray, chance: random.Random) -> None:
    at, length = chance.randrange(len(data)), chance.randint(1, 16)
    kind = chance.randrange(6)
    if kind == 0:
        data[at] = chance.randrange(256)
    elif kind == 1:
        data[at] ^= 1 << chance.randrange(8)
    elif kind == 2:
        data[at : at + length] = chance.choice((0, 1, 2**31 - 1, 2**32 - 1, 2**62)).to_bytes(
            8, "little"
        )[: max(1, min(length, len(data) - at))]
    elif kind == 3:
        del data[at : at + length]
    elif kind == 4:
        data[at:at] = data[at : at + length]
    else:
        to = chance.randrange(len(data))
        data[to : to + length] = data[at : at + length]
    if not data:
        data.append(0)


def _honest(data: bytes) -> bytes:
    """The file with the checksums of what it holds now, so that the pickle is looked at."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as made:
            entries = made.infolist()
    except (zipfile.BadZipFile, ValueError, UnicodeDecodeError, NotImplementedError, OSError):
        return data
    fixed = bytearray(data)
    for entry in entries:
        at = entry.header_offset
        if not 0 <= at <= len(data) - 30:
            return data
        start = at + 30 + sum(struct.unpack_from("<HH", data, at + 26))
        old = struct.pack("<I", entry.CRC)
        new = struct.pack("<I", zlib.crc32(data[start : start + entry.file_size]))
        place = fixed.rfind(old)
        if place >= 0:
            fixed[place : place + 4] = new
    return bytes(fixed)
