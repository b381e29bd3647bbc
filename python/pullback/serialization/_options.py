"""Settings of save and load: checksums, memory maps, the order of bytes, files without data."""

from __future__ import annotations

import contextlib
import mmap
from enum import Enum
from types import TracebackType

from pullback import _arguments

__all__ = [
    "LoadEndianness",
    "get_crc32_options",
    "get_default_load_endianness",
    "get_default_mmap_options",
    "set_crc32_options",
    "set_default_load_endianness",
    "set_default_mmap_options",
    "skip_data",
]


class LoadEndianness(Enum):
    """The order of bytes of a file that does not say it."""

    NATIVE = 1
    LITTLE = 2
    BIG = 3


_PRIVATE = getattr(mmap, "MAP_PRIVATE", 2)
_SHARED = getattr(mmap, "MAP_SHARED", 1)


class _Settings:
    checksums = True
    order: LoadEndianness | None = None
    map_flags: int = _PRIVATE
    skips_data = False


settings = _Settings()


def get_crc32_options() -> bool:
    """Whether files get checksums, and those that they have are compared.

    Example:
        >>> import pullback as pb
        >>> pb.serialization.get_crc32_options()
        True
    """
    return settings.checksums


def set_crc32_options(compute_crc32: bool) -> None:
    """Write and compare checksums, or save that time.

    Example:
        >>> import pullback as pb
        >>> pb.serialization.set_crc32_options(True)
    """
    _arguments.bools("set_crc32_options", compute_crc32=compute_crc32)
    settings.checksums = compute_crc32


def get_default_load_endianness() -> LoadEndianness | None:
    """The order of bytes that a file without a record of it is read in; None for the machine's.

    Example:
        >>> import pullback as pb
        >>> pb.serialization.get_default_load_endianness()
    """
    return settings.order


def set_default_load_endianness(endianness: LoadEndianness | None) -> None:
    """The order of bytes in which a file is read that does not say it.

    Example:
        >>> import pullback as pb
        >>> pb.serialization.set_default_load_endianness(None)
    """
    if endianness is not None and not isinstance(endianness, LoadEndianness):
        _arguments.refuse(
            "set_default_load_endianness", "endianness", "LoadEndianness or None", endianness
        )
    settings.order = endianness


def get_default_mmap_options() -> int:
    """How ``load(mmap=True)`` maps files: ``mmap.MAP_PRIVATE`` or ``mmap.MAP_SHARED``.

    Example:
        >>> import mmap
        >>> import pullback as pb
        >>> pb.serialization.get_default_mmap_options() == mmap.MAP_PRIVATE
        True
    """
    return settings.map_flags


class set_default_mmap_options(contextlib.ContextDecorator):
    """Map files privately, or shared: then a write into a loaded tensor goes into the file.

    The checksums in a file that was written to in this way are wrong:
    ``set_crc32_options(False)`` reads it nevertheless.

    Args:
        flags: ``mmap.MAP_PRIVATE`` or ``mmap.MAP_SHARED``.

    Example:
        >>> import mmap
        >>> import pullback as pb
        >>> with pb.serialization.set_default_mmap_options(mmap.MAP_SHARED):
        ...     pb.serialization.get_default_mmap_options() == mmap.MAP_SHARED
        True
    """

    def __init__(self, flags: int) -> None:
        """At once; as a context manager, until the block ends."""
        if flags not in (_PRIVATE, _SHARED):
            raise ValueError(
                "Invalid argument in function set_default_mmap_options: 'flags' must be "
                f"mmap.MAP_PRIVATE or mmap.MAP_SHARED, but got {flags!r}"
            )
        self._before = settings.map_flags
        settings.map_flags = flags

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        settings.map_flags = self._before


class skip_data(contextlib.ContextDecorator):
    """In the block, ``save`` writes zeros for the numbers of tensors, ``load`` does not read them.

    Example:
        >>> import io
        >>> import pullback as pb
        >>> file = io.BytesIO()
        >>> with pb.serialization.skip_data():
        ...     pb.save(pb.ones(2), file)
        >>> _ = file.seek(0)
        >>> pb.load(file)
        tensor([0., 0.])
    """

    def __init__(self, materialize_fake_tensors: bool = False) -> None:
        """There are no fake tensors."""
        _arguments.bools("skip_data", materialize_fake_tensors=materialize_fake_tensors)
        if materialize_fake_tensors:
            raise RuntimeError("skip_data: there are no fake tensors, expected False.")
        self._before = False

    def __enter__(self) -> None:
        self._before = settings.skips_data
        settings.skips_data = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        settings.skips_data = self._before
