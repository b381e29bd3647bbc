"""``save``: the container with a pickle and the memory of the tensors in it."""

from __future__ import annotations

import io
import os
import pickle
import sys
import uuid
from typing import Any

from pullback import _arguments
from pullback.serialization import _legacy
from pullback.serialization._options import settings
from pullback.serialization._pickler import pickler_of
from pullback.serialization._zip_writer import ZipWriter

__all__ = ["save"]

DEFAULT_PROTOCOL = 2


def save(
    obj: object,
    f: Any,
    pickle_module: Any = pickle,
    pickle_protocol: int = DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Write an object with its tensors into a file that PyTorch loads, too.

    Args:
        obj: tensors, modules, state dicts, containers of them, and what else pickles. Tensors that
            share memory share it again when they are loaded.
        f: a path, or a file that is open for writing bytes.
        pickle_module: a module with a ``Pickler`` that is derived from Python's.
        pickle_protocol: the protocol of the pickle; only 2 loads with ``weights_only=True``.

    Raises:
        RuntimeError: the folder does not exist, or tensors see one memory as several dtypes.

    Example:
        >>> import io
        >>> import pullback as pb
        >>> file = io.BytesIO()
        >>> pb.save({"weight": pb.ones(2)}, file)
        >>> _ = file.seek(0)
        >>> pb.load(file)
        {'weight': tensor([1., 1.])}
    """
    path = os.fspath(f) if isinstance(f, (str, os.PathLike)) else None
    if path is None and not hasattr(f, "write"):
        raise AttributeError(
            "save: expected 'f' to be string, path, or a file-like object with a 'write' "
            f"attribute, got {type(f).__name__}."
        )
    _arguments.integers("save", pickle_protocol=pickle_protocol)
    _arguments.bools(
        "save",
        _use_new_zipfile_serialization=_use_new_zipfile_serialization,
        _disable_byteorder_record=_disable_byteorder_record,
    )
    legacy = not _use_new_zipfile_serialization
    stream = io.BytesIO()
    pickler = pickler_of(pickle_module)(stream, pickle_protocol, legacy)
    pickler.dump(obj)
    root = "archive" if path is None else _root_of(path)

    def write(file: Any) -> None:
        if legacy:
            _legacy.write(file, stream.getbuffer(), pickler.storages)
        else:
            _write_zip(file, root, stream, pickler.storages, not _disable_byteorder_record)

    if path is None:
        write(f)
        return
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {os.fsdecode(folder)} does not exist.")
    with open(path, "wb") as file:
        write(file)


def _root_of(path: Any) -> str:
    """The folder of the archive, which torch names after the file."""
    name = os.path.splitext(os.path.basename(os.fsdecode(path)))[0]
    usable = name.isascii() and name.strip(".") and not set(name) & {"\\", "\0"}
    return name if usable else "archive"


def _write_zip(
    file: Any, root: str, stream: io.BytesIO, storages: dict[str, Any], order: bool
) -> None:
    archive = ZipWriter(file, root, settings.checksums)
    archive.add("data.pkl", stream.getbuffer())
    archive.add(".format_version", b"1")
    archive.add(".storage_alignment", b"64")
    if order:
        archive.add("byteorder", sys.byteorder.encode())
    for key, (memory, _) in storages.items():
        archive.add(f"data/{key}", bytes(memory.numel()) if settings.skips_data else memory)
    archive.add("version", b"3\n")
    archive.add(".data/serialization_id", str(uuid.uuid4().int).zfill(40)[:40].encode())
    archive.close()
