"""Hooks for ``DistributedDataParallel.register_comm_hook``: plain, and in half the bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributed import _collectives
from pullback.distributed._buckets import GradBucket
from pullback.distributed._group import default_group
from pullback.futures import Future

__all__ = [
    "allreduce_hook",
    "bf16_compress_hook",
    "bf16_compress_wrapper",
    "fp16_compress_hook",
    "fp16_compress_wrapper",
]

Hook = Callable[[Any, GradBucket], Future[Tensor]]


def _averaged(process_group: Any, buffer: Tensor) -> Future[Any]:
    """A future of the mean of a vector over the processes."""
    group = default_group() if process_group is None else process_group
    with pb.no_grad():
        buffer.div_(group.size())
    work = _collectives.all_reduce(buffer, group=group, async_op=True)
    assert work is not None
    return work.get_future()


def allreduce_hook(process_group: Any, bucket: GradBucket) -> Future[Tensor]:
    """What happens without a hook: the mean over all processes.

    Args:
        process_group: the processes, None for all.
        bucket: the gradients.
    """
    return _averaged(process_group, bucket.buffer()).then(lambda done: done.value()[0])


def _compressed(dtype: Any, process_group: Any, bucket: GradBucket) -> Future[Tensor]:
    buffer = bucket.buffer()

    def restored(done: Future[Any]) -> Tensor:
        with pb.no_grad():
            return buffer.copy_(done.value()[0])

    return _averaged(process_group, buffer.to(dtype)).then(restored)


def fp16_compress_hook(process_group: Any, bucket: GradBucket) -> Future[Tensor]:
    """Gradients travel as float16: half the bytes of float32, 11 bits, and inf above 65504.

    Args:
        process_group: the processes, None for all.
        bucket: the gradients.
    """
    return _compressed(pb.float16, process_group, bucket)


def bf16_compress_hook(process_group: Any, bucket: GradBucket) -> Future[Tensor]:
    """Gradients travel as bfloat16: half the bytes of float32, 8 bits, its range.

    Args:
        process_group: the processes, None for all.
        bucket: the gradients.
    """
    return _compressed(pb.bfloat16, process_group, bucket)


def _wrapped(dtype: Any, hook: Hook) -> Hook:
    def wrapper(state: Any, bucket: GradBucket) -> Future[Tensor]:
        whole = bucket.buffer()
        narrow = _Narrow(bucket, whole.to(dtype))

        def restored(done: Future[Any]) -> Tensor:
            result = done.value()
            with pb.no_grad():
                return whole.copy_(result[0] if isinstance(result, (list, tuple)) else result)

        return hook(state, narrow).then(restored)

    return wrapper


class _Narrow(GradBucket):
    """A bucket with its values in another type."""

    def __init__(self, bucket: GradBucket, buffer: Tensor) -> None:
        super().__init__(bucket.index(), bucket._bucket, bucket.parameters(), bucket.is_last())
        self._buffer = buffer

    def buffer(self) -> Tensor:
        return self._buffer

    def set_buffer(self, buffer: Tensor) -> None:
        self._buffer = buffer

    def gradients(self) -> list[Tensor]:
        shapes = [view.shape for view in self._bucket.views]
        parts = self._buffer.split([shape.numel() for shape in shapes])
        return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


def fp16_compress_wrapper(hook: Hook) -> Hook:
    """Another hook, given the gradients as float16.

    Args:
        hook: takes a state and a bucket.
    """
    return _wrapped(pb.float16, hook)


def bf16_compress_wrapper(hook: Hook) -> Hook:
    """Another hook, given the gradients as bfloat16.

    Args:
        hook: takes a state and a bucket.
    """
    return _wrapped(pb.bfloat16, hook)
