"""Memory that several processes see: what ``share_memory_`` moves a tensor to.

A segment is a file in memory without a name, which is gone with the last process that has it,
however that ended. Only while it is on its way it has a name, which the receiver takes away; those
that nobody received are removed by Python's resource tracker when the last process of the program
is gone. A process holds one segment once, so tensors that share memory go on sharing it in the
process that they are sent to. Start at ``share``.
"""

from __future__ import annotations

import mmap
import os
import secrets
import tempfile
import weakref
from multiprocessing import resource_tracker
from multiprocessing.context import get_spawning_popen
from multiprocessing.reduction import DupFd
from typing import Any

from pullback import _core

__all__ = [
    "Segment",
    "allocate",
    "attach",
    "copied",
    "handle_of",
    "is_shared",
    "open_handle",
    "segment_of",
    "share",
]


class Segment(mmap.mmap):
    """A mapped segment; it closes its file with it."""

    descriptor: int
    length: int

    def __del__(self) -> None:
        os.close(self.descriptor)


# The segments of this process: by address, and by the file that they map.
_by_address: weakref.WeakValueDictionary[int, Segment] = weakref.WeakValueDictionary()
_by_file: weakref.WeakValueDictionary[tuple[int, int], Segment] = weakref.WeakValueDictionary()


_FOLDER = "/dev/shm"
# Whether files without a name can get one, as on Linux.
_LINKS = hasattr(os, "O_TMPFILE") and os.path.isdir(_FOLDER) and os.path.isdir("/proc/self/fd")


def _new_file(size: int) -> int:
    if _LINKS:
        descriptor = os.open(_FOLDER, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    try:
        os.ftruncate(descriptor, size)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def handle_of(segment: Segment) -> Any:
    """What ``open_handle`` finds the segment by in one other process, once.

    A name, as long as the file never had one that was taken away: then the sender may end before
    the segment is received. Else, and for a process that is being started, a descriptor.
    """
    file = segment.descriptor
    if not _LINKS or get_spawning_popen() is not None:
        return DupFd(file)
    name = f"/pullback-{os.getpid()}-{secrets.token_hex(8)}"
    resource_tracker.register(name, "shared_memory")
    try:
        # With a folder's descriptor, which an absolute path does not use, links are followed.
        os.link(f"/proc/self/fd/{file}", _FOLDER + name, src_dir_fd=file, follow_symlinks=True)
    except FileNotFoundError:
        resource_tracker.unregister(name, "shared_memory")
        return DupFd(file)
    return name


def open_handle(handle: Any) -> int:
    """The descriptor of a segment that another process sent.

    Raises:
        RuntimeError: the handle was opened before, or its sender has ended.
    """
    if not isinstance(handle, str):
        try:
            return int(handle.detach())
        except (EOFError, OSError):
            raise RuntimeError(
                "a tensor that was sent before was sent by a process that has ended since: let it "
                "live until the tensor is received, or send x.clone()."
            ) from None
    try:
        descriptor = os.open(_FOLDER + handle, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise RuntimeError(
            "a tensor from another process was received twice, or after that program had ended: "
            "expected each message to be unpickled once."
        ) from None
    os.unlink(_FOLDER + handle)
    resource_tracker.unregister(handle, "shared_memory")
    return descriptor


def _map(descriptor: int, size: int) -> Any:
    """The memory of a segment as a tensor of bytes, which takes the descriptor over."""
    try:
        segment = Segment(-1, 1) if size == 0 else Segment(descriptor, size)
    except OSError:
        os.close(descriptor)
        raise
    segment.descriptor, segment.length = descriptor, size
    status = os.fstat(descriptor)
    _by_file[status.st_dev, status.st_ino] = segment
    return _memory(segment)


def _memory(segment: Segment) -> Any:
    memory = _core._from_buffer(segment)[: segment.length]
    _by_address[memory._storage_ptr()] = segment
    return memory


def allocate(size: int) -> Any:
    """Shared memory of so many bytes, zeros, as a tensor of them."""
    return _map(_new_file(size), size)


def attach(descriptor: int, size: int) -> Any:
    """The memory of a segment that came from another process; takes the descriptor over."""
    status = os.fstat(descriptor)
    known = _by_file.get((status.st_dev, status.st_ino))
    if known is None:
        return _map(descriptor, size)
    os.close(descriptor)
    return _memory(known)


def segment_of(tensor: Any) -> Segment | None:
    """The segment that a tensor's memory is in, None for memory of this process alone."""
    return _by_address.get(tensor._storage_ptr())


def is_shared(tensor: Any) -> bool:
    """Whether other processes can see the memory."""
    return segment_of(tensor) is not None


def share(tensor: Any) -> None:
    """Moves the memory of a tensor, and with it the tensor, to where other processes see it.

    Raises:
        RuntimeError: other tensors, or NumPy, have the same memory, which cannot be moved.
    """
    if is_shared(tensor):
        return
    if not _core._is_sole_user(tensor):
        raise RuntimeError(
            "share_memory_: got a tensor whose memory other tensors, storages or arrays have, too, "
            "expected one that has it alone: memory cannot be moved under them. Share it before "
            "they are made, or share x.clone()."
        )
    tensor.data = copied(tensor)


def copied(tensor: Any) -> Any:
    """A tensor of the same geometry over a shared copy of all of the memory."""
    memory = _core._memory(tensor)
    offset = tensor.data_ptr() - memory.data_ptr()
    target = allocate(memory.numel())
    target.copy_(memory)
    return _core._over(target, tensor.dtype, offset, tuple(tensor.shape), tensor.stride())
