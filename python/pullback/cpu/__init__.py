"""``torch.cpu``: the device, under the names that other devices have theirs under."""

from __future__ import annotations

from typing import Any

__all__ = [
    "Event",
    "Stream",
    "StreamContext",
    "current_device",
    "current_stream",
    "device_count",
    "is_available",
    "is_initialized",
    "set_device",
    "stream",
    "synchronize",
]


def is_available() -> bool:
    """Always True.

    Example:
        >>> import pullback as pb
        >>> pb.cpu.is_available(), pb.cpu.device_count(), pb.cpu.current_device()
        (True, 1, 'cpu')
    """
    return True


def is_initialized() -> bool:
    """Always True."""
    return True


def device_count() -> int:
    """Always 1."""
    return 1


def current_device() -> str:
    """Always "cpu"."""
    return "cpu"


def set_device(device: Any) -> None:
    """Nothing to choose."""
    del device


def synchronize(device: Any = None) -> None:
    """Nothing to wait for: a function returns when its result is there."""
    del device


class Stream:
    """The one order of work there is."""

    def __init__(self, priority: int = -1) -> None:
        self.priority = priority

    def wait_stream(self, stream: Any) -> None:
        """Nothing to wait for."""
        del stream

    def record_event(self, event: Any = None) -> Any:
        """An event."""
        return Event() if event is None else event

    def wait_event(self, event: Any) -> None:
        """Nothing to wait for."""
        del event


class Event:
    """A point in the order of work, which is always reached."""

    def query(self) -> bool:
        """Always True."""
        return True

    def record(self, stream: Any = None) -> None:
        """Nothing to record."""
        del stream

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def wait(self, stream: Any = None) -> None:
        """Nothing to wait for."""
        del stream


_stream = Stream()


def current_stream(device: Any = None) -> Stream:
    """The stream."""
    del device
    return _stream


class StreamContext:
    """A block without effect."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        """Nothing changes."""

    def __exit__(self, *error: object) -> None:
        """Nothing changes."""


def stream(stream: Any) -> StreamContext:
    """A block without effect."""
    return StreamContext(stream)
