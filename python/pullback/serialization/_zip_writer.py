"""Writes the container: a zip archive of plain records that each begin at a multiple of 64 bytes.

Records are written as they come, so no more than one is in memory; the file need not be seekable.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_LARGE = _FULL32  # from this size on, numbers stand in an extra field
_CHUNK = 1 << 22
_UTF8 = 0x800


class ZipWriter:
    """An archive that is being written.

    Args:
        file: an object with ``write``.
        root: the folder that all records are in.
        checksums: whether records get one; reading every byte once more takes time.
    """

    def __init__(self, file: Any, root: str, checksums: bool = True) -> None:
        self._file = file
        self._root = root
        self._checksums = checksums
        self._at = 0
        self._directory: list[bytes] = []

    def add(self, name: str, data: Any, alignment: int = 64) -> None:
        """Writes a record with the bytes of a buffer."""
        view = memoryview(data).cast("B")
        path = f"{self._root}/{name}".encode()
        size, start = len(view), self._at
        checksum = self._checksum(view)
        large = size >= _LARGE or start >= _LARGE
        extra = struct.pack("<2H2Q", 1, 16, size, size) if large else b""
        header_end = start + 30 + len(path) + len(extra) + 4
        padding = -header_end % alignment
        extra += struct.pack("<2H", 0x4246, padding) + b"Z" * padding
        shown = _FULL32 if large else size
        common = struct.pack(
            "<5H3L", 45 if large else 20, _UTF8, 0, 0, 0x21, checksum, shown, shown
        )
        self._write(b"PK\3\4" + common + struct.pack("<2H", len(path), len(extra)) + path + extra)
        for at in range(0, size, _CHUNK):
            self._write(view[at : at + _CHUNK])
        known = struct.pack("<2H3Q", 1, 24, size, size, start) if large else b""
        self._directory.append(
            b"PK\1\2"
            + struct.pack("<H", 45)
            + common
            + struct.pack("<5H2L", len(path), len(known), 0, 0, 0, 0, _FULL32 if large else start)
            + path
            + known
        )

    def close(self) -> None:
        """Writes the directory, which makes it an archive."""
        start, count = self._at, len(self._directory)
        for row in self._directory:
            self._write(row)
        size, end = self._at - start, self._at
        if count >= _FULL16 or size >= _LARGE or start >= _LARGE:
            self._write(
                struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
                + struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
            )
            count, size, start = _FULL16, _FULL32, _FULL32
        self._write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, start, 0))

    def _checksum(self, view: memoryview) -> int:
        checksum = 0
        if self._checksums:
            for at in range(0, len(view), _CHUNK):
                checksum = zlib.crc32(view[at : at + _CHUNK], checksum)
        return checksum

    def _write(self, data: Any) -> None:
        self._at += len(data)
        rest = memoryview(data)
        while rest:
            written = self._file.write(rest)
            # What does not say how much it took, took all; an unbuffered file says.
            rest = rest[len(rest) if written is None else written :]
