"""``load``: which format a file has, and which unpickler reads it."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import pickletools
from collections.abc import Iterator
from typing import Any

from pullback import _arguments
from pullback.serialization import _legacy, _names
from pullback.serialization._locations import restorer
from pullback.serialization._storages import Storages
from pullback.serialization._unpickler import Allowed, Unpickler, in_python_3
from pullback.serialization._zip_reader import ZipReader

_NEWEST = 10  # version of the format

__all__ = ["get_unsafe_globals_in_checkpoint", "load"]


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """The object of a file that ``save``, or PyTorch, wrote.

    Args:
        f: a path, or a seekable file that is open for reading bytes.
        map_location: where storages of other devices are loaded to: ``"cpu"``, a dict of locations,
            or a function of a storage and its location.
        pickle_module: a module with an ``Unpickler``; it runs what the file says.
        weights_only: True, as is the default, reads tensors, containers and numbers and runs
            nothing of the file. False does what the file says: only for files that you trust.
        mmap: map the file instead of reading it; ``f`` must be a path.
        pickle_load_args: ``encoding`` and ``errors``, for pickles of Python 2.

    Raises:
        pickle.UnpicklingError: the file is damaged, or needs more than ``weights_only`` allows.
        RuntimeError: the file is damaged, or has tensors of another device or of a dtype that is
            not supported.

    Example:
        >>> import io
        >>> import pullback as pb
        >>> file = io.BytesIO()
        >>> pb.save({"weight": pb.ones(2)}, file)
        >>> _ = file.seek(0)
        >>> pb.load(file)
        {'weight': tensor([1., 1.])}
    """
    if mmap is not None:
        _arguments.bools("load", mmap=mmap)
    weights_only = _wanted(weights_only, pickle_module)
    restore = restorer(map_location)
    encoding = pickle_load_args.setdefault("encoding", "utf-8")
    path = os.fspath(f) if isinstance(f, (str, os.PathLike)) else None
    if mmap and path is None:
        raise ValueError("f must be a file path in order to use the mmap argument")

    def unpickled(stream: Any, storages: Any) -> Any:
        if weights_only:
            return Unpickler(stream, storages, encoding=encoding).load()
        return _trusting(pickle_module or pickle)(stream, storages, **pickle_load_args).load()

    with _opened("load", f) as file:
        if _is_zip(file):
            archive = ZipReader(file)
            _check_version(archive)
            if "constants.pkl" in archive:
                raise RuntimeError(
                    "load: the file is a TorchScript archive, which pullback cannot run. Save its "
                    "state_dict() in PyTorch."
                )
            storages = Storages(archive, restore, path if mmap else None)
            return unpickled(io.BytesIO(archive.read("data.pkl")), storages)
        if mmap:
            raise RuntimeError(
                "mmap can only be used with files saved with "
                "`torch.save(_use_new_zipfile_serialization=True), please torch.save your "
                "checkpoint with this option in order to use mmap."
            )
        return _legacy.read(file, restore, unpickled)


def _check_version(archive: ZipReader) -> None:
    """Refuses versions of the format that torch does not read either."""
    version = archive.read("version") if archive.record_size("version") <= 20 else b"?"
    if not version.strip().isdigit() or not 1 <= int(version) <= _NEWEST:
        raise RuntimeError(
            f"load: the format of the file has version {version.decode('latin1')!r}, expected 1 to "
            f"{_NEWEST}. The file is damaged, or newer than pullback."
        )


def _wanted(weights_only: bool | None, pickle_module: Any) -> bool:
    """Whether only weights are wanted; variables of the environment decide as in torch."""
    if weights_only is not None:
        _arguments.bools("load", weights_only=weights_only)
    force = _is_set("TORCH_FORCE_WEIGHTS_ONLY_LOAD")
    release = _is_set("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
    if force and release:
        raise RuntimeError(
            "Only one of `TORCH_FORCE_WEIGHTS_ONLY_LOAD` or `TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD` "
            "should be set, but both were set."
        )
    if force:
        weights_only = True
    elif weights_only is None:
        weights_only = pickle_module is None and not release
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if pickle_module is not None and not hasattr(pickle_module, "Unpickler"):
        _arguments.refuse("load", "pickle_module", "a module with an Unpickler", pickle_module)
    return weights_only


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "0").lower() in ("1", "y", "yes", "true")


@contextlib.contextmanager
def _opened(function: str, f: Any) -> Iterator[Any]:
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            yield file
        return
    for method in ("seek", "tell", "read", "readline"):
        if not hasattr(f, method):
            raise AttributeError(
                f"{function}(): argument 'f' must be a path or a seekable file: "
                f"{type(f).__name__!r} object has no attribute {method!r}. Please pre-load the "
                "data into a buffer like io.BytesIO and try to load from it instead."
            )
    yield f


def _is_zip(file: Any) -> bool:
    start = file.tell()
    head = file.read(512)
    file.seek(start)
    if not isinstance(head, bytes):
        raise TypeError(
            f"load: the file gives {type(head).__name__}, expected bytes. Open it with mode 'rb'."
        )
    if not head:
        raise EOFError(
            "Ran out of input: there is nothing at this place of the file. After writing into it, "
            "use f.seek(0)."
        )
    if head[257:262] == b"ustar":
        raise RuntimeError(
            "load: the file has the tar format of PyTorch before 0.2. Load and save it in PyTorch."
        )
    return head.startswith((b"PK\3\4", b"PK\5\6"))


def _trusting(pickle_module: Any) -> Any:
    """The unpickler of a module, which finds pullback's objects under torch's names."""

    class Trusting(pickle_module.Unpickler):  # type: ignore[misc]
        def __init__(self, file: Any, storages: Any, **arguments: Any) -> None:
            super().__init__(file, **arguments)
            self._storages = storages

        def find_class(self, module: str, name: str) -> Any:
            if module == "torch" or module.startswith("torch."):
                return _names.found(module, name)
            return super().find_class(module, name)

        def persistent_load(self, wanted: Any) -> Any:
            if isinstance(wanted, tuple) and wanted and wanted[0] == "module":
                return wanted[1]  # old files keep the source of a class beside it
            return self._storages(wanted)

    return Trusting


def get_unsafe_globals_in_checkpoint(f: Any) -> list[str]:
    """The names in a file that ``load`` with ``weights_only=True`` does not allow.

    Example:
        >>> import io
        >>> import pullback as pb
        >>> file = io.BytesIO()
        >>> pb.save([range(3), pb.ones(1)], file)
        >>> _ = file.seek(0)
        >>> pb.serialization.get_unsafe_globals_in_checkpoint(file)
        ['builtins.range']
    """
    with _opened("get_unsafe_globals_in_checkpoint", f) as file:
        if not _is_zip(file):
            raise ValueError("Expected input to be a checkpoint returned by torch.save")
        data = ZipReader(file).read("data.pkl")
    allowed = Allowed()
    names = (
        ".".join(in_python_3(*str(argument).split(" ", 1)))
        for code, argument, _ in pickletools.genops(data)
        if code.name == "GLOBAL"
    )
    return [name for name in dict.fromkeys(names) if allowed.named(name) is None]
