"""The container of a file: a zip archive with uncompressed records, read with suspicion.

Everything that a record says about itself is checked against the file before it is used: it lies in
the file, overlaps no other, is named once and below the one folder of the archive.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, NamedTuple

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_CHUNK = 1 << 22


class Record(NamedTuple):
    """What the directory says of a record; ``end`` is where the next thing in the file begins."""

    name: str
    start: int
    end: int
    size: int
    checksum: int


def damaged(what: str) -> RuntimeError:
    """The error for a file that is no archive of torch's, or no longer."""
    return RuntimeError(
        f"load: failed reading zip archive: {what} The file is damaged, was cut off, or is "
        "no checkpoint."
    )


class ZipReader:
    """The records of an archive.

    Args:
        file: a seekable file, open for reading bytes, that stands where the archive begins.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._origin: int = file.tell()
        self._size: int = file.seek(0, 2) - self._origin
        count, size, start = self._directory_place()
        self._records: dict[str, Record] = {}
        self.root = ""
        self._read_directory(count, self._read_at(start, size), start)

    @property
    def size(self) -> int:
        """The bytes of the archive."""
        return self._size

    def __contains__(self, name: str) -> bool:
        return f"{self.root}/{name}" in self._records

    def record_size(self, name: str) -> int:
        """The bytes of a record."""
        return self._record(name).size

    def read(self, name: str) -> bytes:
        """The bytes of a record."""
        buffer = bytearray(self._record(name).size)
        self.read_into(name, memoryview(buffer))
        return bytes(buffer)

    def read_into(self, name: str, target: memoryview, check: bool = True) -> None:
        """Fills memory of the record's size with it, and compares the checksum if there is one."""
        record = self._record(name)
        if len(target) != record.size:
            raise damaged(f"record {_cut(name)} has {record.size} bytes, not {len(target)}.")
        self._file.seek(self._origin + self.place(name))
        checksum, at = 0, 0
        while at < record.size:
            part = target[at : at + _CHUNK]
            _fill(self._file, part, name)
            if check:
                checksum = zlib.crc32(part, checksum)
            at += len(part)
        if check and record.checksum and checksum != record.checksum:
            raise damaged(f"the checksum of record {_cut(name)} is wrong.")

    def place(self, name: str) -> int:
        """Where the bytes of a record begin in the archive."""
        record = self._record(name)
        header = _LOCAL.unpack(self._read_at(record.start, _LOCAL.size))
        named, extra = header[9], header[10]
        start: int = record.start + _LOCAL.size + named + extra
        if header[0] != b"PK\3\4" or start + record.size > record.end:
            raise damaged(f"record {_cut(name)} is not where the directory says.")
        if self._read_at(record.start + _LOCAL.size, named) != record.name.encode():
            raise damaged(f"record {_cut(name)} has another name in its header.")
        return start

    def _record(self, name: str) -> Record:
        found = self._records.get(f"{self.root}/{name}")
        if found is None:
            raise damaged(f"there is no record {_cut(name)}.")
        return found

    def _read_at(self, start: int, size: int) -> bytes:
        if start < 0 or size < 0 or start + size > self._size:
            raise damaged("a place lies outside of the file.")
        self._file.seek(self._origin + start)
        data = bytearray(size)
        _fill(self._file, memoryview(data), "of the directory")
        return bytes(data)

    def _directory_place(self) -> tuple[int, int, int]:
        """How many records the directory has, its size, and where it begins."""
        tail = self._read_at(
            max(0, self._size - _END.size - _FULL16), min(self._size, _END.size + _FULL16)
        )
        at = len(tail)
        while True:
            at = tail.rfind(b"PK\5\6", 0, at)
            if at < 0:
                raise damaged("failed finding central directory.")
            if at + _END.size <= len(tail):
                end = _END.unpack_from(tail, at)
                if at + _END.size + end[7] == len(tail):
                    break
        place = self._size - len(tail) + at
        count, size, start = end[4], end[5], end[6]
        if place >= _LOCATOR64.size:
            locator = _LOCATOR64.unpack(self._read_at(place - _LOCATOR64.size, _LOCATOR64.size))
            if locator[0] == b"PK\6\7":
                place = locator[2]
                end64 = _END64.unpack(self._read_at(place, _END64.size))
                if end64[0] != b"PK\6\6":
                    raise damaged("its large directory is missing.")
                count, size, start = end64[7], end64[8], end64[9]
        if start + size > place or count * _CENTRAL.size > size:
            raise damaged("its directory does not fit.")
        return count, size, start

    def _read_directory(self, count: int, directory: bytes, end: int) -> None:
        rows, at = [], 0
        for _ in range(count):
            if at + _CENTRAL.size > len(directory):
                raise damaged("its directory ends too early.")
            row = _CENTRAL.unpack_from(directory, at)
            named, extra, comment = row[10], row[11], row[12]
            at += _CENTRAL.size
            if row[0] != b"PK\1\2" or at + named + extra + comment > len(directory):
                raise damaged("its directory is broken.")
            name = _checked_name(directory[at : at + named])
            rows.append((name, row, directory[at + named : at + named + extra]))
            at += named + extra + comment
        places = [(name, row, *_sizes(name, row, extra)) for name, row, extra in rows]
        places.sort(key=lambda place: place[3])
        for (name, row, size, start), following in zip(
            places, [*(place[3] for place in places), end][1:], strict=True
        ):
            if start + _LOCAL.size + len(name.encode()) + size > following:
                raise damaged(f"record {_cut(name)} overlaps another one, or the directory.")
            self._add(Record(name, start, following, size, row[7]), row[3], row[4])

    def _add(self, record: Record, flags: int, method: int) -> None:
        name = record.name
        if name.endswith("/") and record.size == 0:
            return  # a folder, which other programs write
        root, _, rest = name.partition("/")
        self.root = self.root or root
        if not rest or root != self.root:
            raise damaged(f"record {_cut(name)} is not in the folder of the archive.")
        if flags & 1 or method != 0:
            raise RuntimeError(
                f"load: record {_cut(name)} is compressed or encrypted. torch.save writes "
                "plain records: unpack the archive and pack it without compression (zip -0)."
            )
        if name in self._records:
            raise damaged(f"record {_cut(name)} is there twice.")
        self._records[name] = record


def _cut(name: str) -> str:
    """A name for a message; names in files have any length."""
    return repr(name if len(name) <= 100 else name[:100] + "...")


def _fill(file: Any, target: memoryview, name: str) -> None:
    """Reads until the memory is full; a file need not give all at once."""
    read_into = getattr(file, "readinto", None)
    at = 0
    while at < len(target):
        if read_into is not None:
            count = read_into(target[at:])
        else:
            data = file.read(len(target) - at)
            count = len(data)
            target[at : at + count] = data
        if not count:
            raise damaged(f"it ends inside of record {_cut(name)}.")
        at += count


def _checked_name(data: bytes) -> str:
    try:
        name = data.decode("utf-8")
    except UnicodeDecodeError:
        raise damaged("a record has a name that is no text.") from None
    parts = name.removesuffix("/").split("/")
    if "\\" in name or "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise damaged(f"record {_cut(name)} has a name that leads elsewhere.")
    return name


def _sizes(name: str, row: tuple[Any, ...], extra: bytes) -> tuple[int, int]:
    """The size and the place of a record, which stand in its extra field when they are large."""
    packed, size, start = row[8], row[9], row[16]
    if _FULL32 in (packed, size, start):
        large = _large_numbers(name, extra)
        values = []
        for value in (size, packed, start):
            if value == _FULL32 and not large:
                raise damaged(f"record {_cut(name)} does not say how large it is.")
            values.append(large.pop(0) if value == _FULL32 else value)
        size, packed, start = values
    if row[4] == 0 and packed != size:
        raise damaged(f"record {_cut(name)} has two sizes.")
    return (packed if row[4] else size), start


def _large_numbers(name: str, extra: bytes) -> list[int]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        at += 4
        if kind == 1:
            data = extra[at : at + length]
            return [n for (n,) in struct.iter_unpack("<Q", data[: len(data) // 8 * 8])]
        at += length
    raise damaged(f"record {_cut(name)} does not say how large it is.")
