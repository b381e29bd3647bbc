"""Devices in files: which tag a storage is saved with, and where one with a tag is loaded to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback import _arguments
from pullback.storage import TypedStorage, UntypedStorage

__all__ = ["MAP_LOCATION", "default_restore_location", "location_tag", "register_package"]

Tagger = Callable[[Any], str | None]
Deserializer = Callable[[Any, str], Any]
# What `map_location` of `load` may be, for annotations.
MAP_LOCATION = Callable[[Any, str], Any] | pb.device | str | dict[str, str] | None


def _tag_of_cpu(_: Any) -> str | None:
    return "cpu"


def _from_cpu(storage: Any, location: str) -> Any:
    return storage if location == "cpu" else None


def _from_cuda(_: Any, location: str) -> Any:
    if location.startswith("cuda"):
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is "
            "False. If you are running on a CPU-only machine, please use torch.load with "
            "map_location=torch.device('cpu') to map your storages to the CPU."
        )


def _from_elsewhere(_: Any, location: str) -> Any:
    kind = location.partition(":")[0]
    if kind in ("mps", "xpu", "hpu", "meta", "privateuseone"):
        raise RuntimeError(
            f"torch.UntypedStorage(): Storage device not recognized: {kind}. pullback runs on the "
            "CPU only: use torch.load with map_location='cpu'."
        )


_registry: list[tuple[int, Tagger, Deserializer]] = [
    (10, _tag_of_cpu, _from_cpu),
    (20, lambda _: None, _from_cuda),
    (90, lambda _: None, _from_elsewhere),
]


def register_package(priority: int, tagger: Tagger, deserializer: Deserializer) -> None:
    """Ask these functions, too, where storages belong; lower priorities are asked first.

    Args:
        priority: the place among the others; the CPU has 10.
        tagger: gives the tag that a storage is saved with, or None.
        deserializer: gives the storage for a storage and its tag, or None.

    Example:
        >>> import pullback as pb
        >>> pb.serialization.register_package(50, lambda _: None, lambda *_: None)
    """
    _arguments.integers("register_package", priority=priority)
    _arguments.functions("register_package", tagger=tagger, deserializer=deserializer)
    _registry.append((priority, tagger, deserializer))
    _registry.sort(key=lambda entry: entry[0])


def _check_storage(function: str, storage: object) -> None:
    if not isinstance(storage, (TypedStorage, UntypedStorage)):
        _arguments.refuse(function, "storage", "a storage (tensor.untyped_storage())", storage)


def location_tag(storage: TypedStorage | UntypedStorage) -> str:
    """The tag that a storage is saved with.

    Example:
        >>> import pullback as pb
        >>> pb.serialization.location_tag(pb.ones(2).untyped_storage())
        'cpu'
    """
    _check_storage("location_tag", storage)
    for _, tagger, _ in _registry:
        tag = tagger(storage)
        if tag:
            return tag
    raise RuntimeError(f"don't know how to determine data location of {_class_of(storage)}")


def default_restore_location(storage: Any, location: str) -> Any:
    """The storage of a file as it is on the device of its tag.

    Raises:
        RuntimeError: there is no such device.

    Example:
        >>> import pullback as pb
        >>> storage = pb.ones(2).untyped_storage()
        >>> pb.serialization.default_restore_location(storage, "cpu") is storage
        True
    """
    _check_storage("default_restore_location", storage)
    _arguments.texts("default_restore_location", location=location)
    for _, _, deserializer in _registry:
        found = deserializer(storage, location)
        if found is not None:
            return found
    raise RuntimeError(
        f"don't know how to restore data location of {_class_of(storage)} (tagged with {location})"
    )


def _class_of(storage: Any) -> str:
    return "torch.storage." + type(storage).__name__


def restorer(map_location: Any) -> Callable[[Any, str], Any]:
    """The function of a storage and its tag that ``map_location`` means."""
    if map_location is None:
        return default_restore_location
    if isinstance(map_location, dict):
        return lambda storage, tag: default_restore_location(storage, map_location.get(tag, tag))
    if isinstance(map_location, (str, pb.device)):
        target = str(map_location)
        return lambda storage, _: default_restore_location(storage, target)
    if not callable(map_location):
        _arguments.refuse(
            "load", "map_location", "a device, a str, a dict or a function", map_location
        )

    def restored(storage: Any, tag: str) -> Any:
        found = map_location(storage, tag)
        return default_restore_location(storage, tag) if found is None else found

    return restored
