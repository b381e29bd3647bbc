"""Collectives with one tensor in each process: torch's names, on MPI; see NOTE [Messages]."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributed import _mpi
from pullback.distributed._calls import Call, of_tensors
from pullback.distributed._group import ProcessGroup, member, resolved
from pullback.distributed._memory import Memory, Requests, check_tensor, pieces, run
from pullback.distributed._reduce_op import ReduceOp, check_reduction, mpi_op, mpi_type
from pullback.distributed._work import Work

__all__ = ["all_reduce", "barrier", "broadcast", "mean_of", "reduce"]


def broadcast(
    tensor: Tensor,
    src: int | None = None,
    group: Any = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Give all processes the tensor of one.

    Args:
        tensor: read in the process ``src``, overwritten in the others; any dtype and shape, the
            same in all processes.
        src: the rank in the job of who has the values.
        group: the processes, None for all.
        async_op: whether to return a ``Work`` at once.
        group_src: the rank in the group instead of ``src``.

    Returns:
        A ``Work`` if ``async_op``, else None.

    Raises:
        DistBackendError: the processes do not make the same call, or not in time.
    """
    check_tensor("broadcast", "tensor", tensor)
    found = resolved("broadcast", group)
    if found is None:
        return None
    root = member("broadcast", found, src, group_src, "src")
    mpi = _mpi.load()
    memory = Memory(tensor, writes=found.rank() != root)
    flat = memory.flat

    def start() -> Requests:
        if found.size() == 1:
            return []
        return pieces(
            flat, lambda a, b: found._comm.Ibcast(_mpi.message(mpi, flat, a, b), root=root)
        )

    details = of_tensors(tensor)
    call = Call("broadcast", f"{details}, src={found._ranks[root]}", f"{details} {root}")
    return run(found, call, start, [memory], async_op, results=[tensor])


def all_reduce(
    tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Work | None:
    """Combine the tensors of all processes, and give all the result, in place.

    Args:
        tensor: any dtype that the operation is for; the same shape in all processes.
        op: one of ``ReduceOp``.
        group: the processes, None for all.
        async_op: whether to return a ``Work`` at once.

    Returns:
        A ``Work`` if ``async_op``, else None.

    Raises:
        ValueError: the operation is not for this dtype.
        DistBackendError: the processes do not make the same call, or not in time.
    """
    check_tensor("all_reduce", "tensor", tensor)
    op = check_reduction("all_reduce", op, tensor.dtype)
    found = resolved("all_reduce", group)
    if found is None:
        return None
    memory = Memory(tensor, writes=True)
    mpi, comm = _mpi.load(), found._comm

    def post(a: int, b: int) -> Any:
        return comm.Iallreduce(
            mpi.IN_PLACE, _numbers(mpi, memory.flat, a, b), *_operation(op, memory)
        )

    def start() -> Requests:
        return [] if found.size() == 1 else pieces(memory.flat, post)

    def last() -> None:
        mean_of(op, memory.flat, found)

    details = f"{of_tensors(tensor)}, op={op.name}"
    call = Call("all_reduce", details, details)
    return run(found, call, start, [memory], async_op, last)


def _operation(op: ReduceOp, memory: Memory) -> tuple[Any]:
    return (mpi_op(_mpi.load(), op, memory.flat.dtype),)


def _numbers(mpi: Any, tensor: Tensor, start: int, stop: int) -> Requests:
    """A message whose elements MPI can reduce."""
    memory, size, _ = _mpi.message(mpi, tensor, start, stop)
    return [memory, size // tensor.element_size(), mpi_type(mpi, tensor.dtype)]


def mean_of(op: ReduceOp, total: Tensor, group: ProcessGroup) -> None:
    """Divide a sum if a mean is wanted."""
    if op is ReduceOp.AVG:
        with pb.no_grad():
            total.div_(group.size())


def reduce(
    tensor: Tensor,
    dst: int | None = None,
    op: Any = ReduceOp.SUM,
    group: Any = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Combine the tensors of all processes in one of them, in place; the others keep theirs.

    Args:
        tensor: any dtype that the operation is for; the same shape in all processes.
        dst: the rank in the job of who gets the result.
        op: one of ``ReduceOp``.
        group: the processes, None for all.
        async_op: whether to return a ``Work`` at once.
        group_dst: the rank in the group instead of ``dst``.

    Returns:
        A ``Work`` if ``async_op``, else None.

    Raises:
        ValueError: the operation is not for this dtype.
        DistBackendError: the processes do not make the same call, or not in time.
    """
    check_tensor("reduce", "tensor", tensor)
    op = check_reduction("reduce", op, tensor.dtype)
    found = resolved("reduce", group)
    if found is None:
        return None
    root = member("reduce", found, dst, group_dst, "dst")
    memory = Memory(tensor, writes=found.rank() == root)
    mpi = _mpi.load()
    mine = found.rank() == root

    def post(a: int, b: int) -> Any:
        numbers = _numbers(mpi, memory.flat, a, b)
        sides = (mpi.IN_PLACE, numbers) if mine else (numbers, None)
        return found._comm.Ireduce(*sides, *_operation(op, memory), root=root)

    def start() -> Requests:
        return [] if found.size() == 1 else pieces(memory.flat, post)

    def last() -> None:
        if mine:
            mean_of(op, memory.flat, found)

    details = f"{of_tensors(tensor)}, op={op.name}"
    call = Call("reduce", f"{details}, dst={found._ranks[root]}", f"{details} {root}")
    return run(found, call, start, [memory], async_op, last, [tensor])


def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None) -> Work | None:
    """Wait until all processes of a group have come here.

    Args:
        group: the processes, None for all.
        async_op: whether to return a ``Work`` at once.
        device_ids: None, there are no GPUs.

    Returns:
        A ``Work`` if ``async_op``, else None.

    Raises:
        RuntimeError: there are ``device_ids``.
    """
    if device_ids is not None:
        raise RuntimeError(
            f"barrier(): got device_ids={device_ids!r}, expected None: Function argument "
            "device_ids not supported for the selected backend mpi."
        )
    found = resolved("barrier", group)
    if found is None:
        return None
    # The agreement is one: nobody knows the answer before all have asked.
    return run(found, Call("barrier"), list, [], async_op)
