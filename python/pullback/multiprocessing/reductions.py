"""How tensors and storages cross to another process: by a descriptor of their shared memory.

A tensor whose memory it has alone is moved to shared memory when it is sent, as in PyTorch, so both
processes see what either writes. Of memory that other tensors have, too, a copy goes, unless it was
shared before.
"""

from __future__ import annotations

from multiprocessing import resource_tracker
from multiprocessing.reduction import ForkingPickler
from typing import Any

import pullback as pb
from pullback import _core, _shared_memory
from pullback._core import Tensor
from pullback.nn.parameter import Parameter
from pullback.storage import TypedStorage, UntypedStorage, _typed, _untyped

__all__ = ["init_reductions", "reduce_storage", "reduce_tensor"]


def _sent(memory: Any) -> tuple[Any, int]:
    """The handle of shared memory, and its size."""
    segment = _shared_memory.segment_of(memory)
    if segment is None:
        raise RuntimeError("internal error: memory that was to be shared is not")
    return _shared_memory.handle_of(segment), segment.length


def _received(handle: Any, size: int) -> Any:
    return _shared_memory.attach(_shared_memory.open_handle(handle), size)


def reduce_tensor(tensor: Any) -> Any:
    """What is sent of a tensor.

    Raises:
        RuntimeError: it requires a gradient and is no leaf: a graph does not cross.
    """
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd "
            "does not support crossing process boundaries.  If you just want to transfer the data, "
            "call detach() on the tensor before serializing (e.g., putting it on the queue). "
            + tensor._origin
        )
    if tensor._backward_hooks:
        from pullback.utils.hooks import warn_if_has_hooks

        warn_if_has_hooks(tensor)
    sent = tensor
    if not _shared_memory.is_shared(tensor):
        if _core._is_sole_user(tensor):
            _shared_memory.share(tensor)
        else:
            sent = _shared_memory.copied(tensor)
    handle, size = _sent(sent)
    offset = sent.data_ptr() - sent._storage_ptr() if sent.numel() else 0
    place = tensor.dtype, offset, tuple(tensor.shape), tensor.stride()
    return _rebuilt, (type(tensor), handle, size, place, tensor.requires_grad)


def _rebuilt(cls: Any, handle: Any, size: int, place: Any, requires_grad: bool) -> Any:
    made = _core._over(_received(handle, size), *place)
    if cls is Tensor:
        return made.requires_grad_(requires_grad)
    return Tensor._make_subclass(cls, made, requires_grad)


def reduce_storage(storage: Any) -> Any:
    """What is sent of a storage, which is moved to shared memory if nobody else has its memory."""
    memory = storage._memory
    if not storage.is_shared():
        if _core._is_sole_user(memory):
            storage.share_memory_()
            memory = storage._memory
        else:
            memory = _shared_memory.copied(memory)
    handle, size = _sent(memory)
    return _rebuilt_storage, (handle, size, getattr(storage, "dtype", None))


def _rebuilt_storage(handle: Any, size: int, dtype: pb.dtype | None) -> Any:
    memory = _received(handle, size)
    return _untyped(memory) if dtype is None else _typed(memory, dtype)


def init_reductions() -> None:
    """Let the pickler of ``multiprocessing`` send tensors and storages in this way."""
    resource_tracker.ensure_running()  # processes that are forked later have the same one
    for cls in (Tensor, Parameter):
        ForkingPickler.register(cls, reduce_tensor)
    for kind in (UntypedStorage, TypedStorage):
        ForkingPickler.register(kind, reduce_storage)
