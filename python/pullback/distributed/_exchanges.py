"""Collectives with as many tensors as processes: gathering, scattering, exchanging.

They are made of messages from process to process, so lists need no copy; see NOTE [Messages].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributed import _mpi
from pullback.distributed._calls import Call, of_tensors
from pullback.distributed._collectives import mean_of
from pullback.distributed._errors import DistBackendError
from pullback.distributed._group import ProcessGroup, member, resolved
from pullback.distributed._memory import (
    Kept,
    Memory,
    Requests,
    check_list,
    check_tensor,
    copy_memory,
    read_apart,
    receive_from,
    run,
    send_to,
    tag_of,
)
from pullback.distributed._reduce_op import ReduceOp, check_reduction, combined
from pullback.distributed._work import Work

__all__ = [
    "all_gather",
    "all_gather_into_tensor",
    "all_to_all",
    "all_to_all_single",
    "gather",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "row_counts",
    "scatter",
]


def all_gather(
    tensor_list: list[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False
) -> Work | None:
    """Give all processes the tensors of all.

    Args:
        tensor_list: results, one tensor like ``tensor`` for each process.
        tensor: any dtype and shape, the same in all processes.
        group: the processes, None for all.
        async_op: whether to return a ``Work`` at once.

    Returns:
        A ``Work`` if ``async_op``, else None.

    Raises:
        ValueError: a wrong number of results, or of another shape or dtype.
        DistBackendError: the processes do not make the same call, or not in time.
    """
    check_tensor("all_gather", "tensor", tensor)
    found = resolved("all_gather", group)
    if found is None:
        return None
    check_list("all_gather", "tensor_list", tensor_list, found.size(), tensor)
    details = of_tensors(tensor)
    return _gathered(found, Call("all_gather", details, details), tensor_list, tensor, async_op)


def _gathered(
    group: ProcessGroup,
    call: Call,
    results: Sequence[Tensor],
    tensor: Tensor,
    async_op: bool,
    whole: Memory | None = None,
) -> Work | None:
    """Everybody sends to everybody; ``whole`` is the result if the others are views of it."""
    memories = [Memory(each, writes=True) for each in results]
    own = Memory(tensor)
    read_apart([own], memories)

    def start() -> Requests:
        tag, rank, requests = tag_of(call), group.rank(), []
        for step in range(1, group.size()):
            place = (rank - step) % group.size()
            requests += receive_from(group, memories[place], place, tag)
        for step in range(1, group.size()):
            requests += send_to(group, own, (rank + step) % group.size(), tag)
        copy_memory(memories[rank], own)
        return requests

    return _run_views(group, call, start, [*memories, Kept(own)], async_op, whole)


def _run_views(
    group: ProcessGroup,
    call: Call,
    start: Callable[[], Requests],
    memories: Sequence[Memory],
    async_op: bool,
    whole: Memory | None,
) -> Work | None:
    if whole is None:
        return run(group, call, start, memories, async_op)
    return run(group, call, start, [*memories, whole], async_op, results=[whole.target])


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: Any = None, async_op: bool = False
) -> Work | None:
    """Give all processes the tensors of all, one after the other in one tensor.

    Args:
        output_tensor: the result: as large as all inputs, of their dtype.
        input_tensor: any dtype and shape, the same in all processes.
        group: the processes, None for all.
        async_op: whether to return a ``Work`` at once.

    Returns:
        A ``Work`` if ``async_op``, else None.

    Raises:
        ValueError: another size or dtype of the result.
        DistBackendError: the processes do not make the same call, or not in time.
    """
    name = "all_gather_into_tensor"
    check_tensor(name, "output_tensor", output_tensor)
    check_tensor(name, "input_tensor", input_tensor)
    found = resolved(name, group)
    if found is None:
        return None
    _check_product(name, "output_tensor", output_tensor, input_tensor, found)
    details = of_tensors(input_tensor)
    call = Call(name, details, details)
    memory, own = Memory(output_tensor, writes=True), Memory(input_tensor)
    read_apart([own], [memory])
    size = own.flat.numel() * own.flat.element_size()
    mpi = _mpi.load()

    def start() -> Requests:
        if size == 0:
            return []
        source = _mpi.message(mpi, own.flat, 0, size)
        target = [
            mpi.buffer.fromaddress(memory.flat.data_ptr(), size * found.size()),
            size,
            mpi.BYTE,
        ]
        return [found._comm.Iallgather(source, target)]

    if len(list(_mpi.chunks(own.flat))) <= 1:
        return run(found, call, start, [memory, Kept(own)], async_op)
    rows = list(memory.flat.view(found.size(), -1).unbind())
    return _gathered(found, call, rows, own.flat.view(-1), async_op, memory)


def _check_product(name: str, which: str, whole: Tensor, part: Tensor, group: ProcessGroup) -> None:
    if whole.dtype != part.dtype or whole.numel() != part.numel() * group.size():
        raise ValueError(
            f"{name}(): {which} is {of_tensors(whole)}, expected {group.size()} times the "
            f"elements of {of_tensors(part)}, of its type."
        )


def gather(
    tensor: Tensor,
    gather_list: list[Tensor] | None = None,
    dst: int | None = None,
    group: Any = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Give one process the tensors of all.

    Args:
        tensor: any dtype and shape, the same in all processes.
        gather_list: in the process ``dst`` the results, one tensor like ``tensor`` for each
            process; None in the others.
        dst: the rank in the job of who gets them, 0 by default.
        group: the processes, None for all.
        async_op: whether to return a ``Work`` at once.
        group_dst: the rank in the group instead of ``dst``.

    Returns:
        A ``Work`` if ``async_op``, else None.

    Raises:
        ValueError: results are missing, too many, of another shape, or in a process that gets none.
        DistBackendError: the processes do not make the same call, or not in time.
    """
    check_tensor("gather", "tensor", tensor)
    found = resolved("gather", group)
    if found is None:
        return None
    if dst is None and group_dst is None:
        group_dst = 0
    root = member("gather", found, dst, group_dst, "dst")
    mine = found.rank() == root
    results = _list_of_root("gather", "gather_list", gather_list, mine)
    if mine:
        check_list("gather", "gather_list", results, found.size(), tensor)
    own, memories = Memory(tensor), [Memory(each, writes=True) for each in results]
    details = of_tensors(tensor)
    call = Call("gather", f"{details}, dst={found._ranks[root]}", f"{details} {root}")

    def start() -> Requests:
        if not mine:
            return send_to(found, own, root, tag_of(call))
        copy_memory(memories[root], own)
        return [
            request
            for place, memory in enumerate(memories)
            if place != root
            for request in receive_from(found, memory, place, tag_of(call))
        ]

    return run(found, call, start, [*memories, Kept(own)], async_op)


def _list_of_root(function: str, name: str, given: Any, mine: bool) -> Sequence[Tensor]:
    if mine and given is None:
        raise ValueError(f"Argument ``{name}`` must be specified on the root of {function}.")
    if not mine and given:
        raise ValueError(f"Argument ``{name}`` must NOT be specified on other ranks of {function}.")
    return given or []


def scatter(
    tensor: Tensor,
    scatter_list: list[Tensor] | None = None,
    src: int | None = None,
    group: Any = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Give each process a tensor of one.

    Args:
        tensor: the result: any dtype and shape, the same in all processes.
        scatter_list: in the process ``src`` the values, one tensor like ``tensor`` for each
            process; None in the others.
        src: the rank in the job of who has them, 0 by default.
        group: the processes, None for all.
        async_op: whether to return a ``Work`` at once.
        group_src: the rank in the group instead of ``src``.

    Returns:
        A ``Work`` if ``async_op``, else None.

    Raises:
        ValueError: values are missing, too many, of another shape, or in another process.
        DistBackendError: the processes do not make the same call, or not in time.
    """
    check_tensor("scatter", "tensor", tensor)
    found = resolved("scatter", group)
    if found is None:
        return None
    if src is None and group_src is None:
        group_src = 0
    root = member("scatter", found, src, group_src, "src")
    mine = found.rank() == root
    values = _list_of_root("scatter", "scatter_list", scatter_list, mine)
    if mine:
        check_list("scatter", "scatter_list", values, found.size(), tensor)
    own, memories = Memory(tensor, writes=True), [Memory(each) for each in values]
    read_apart(memories, [own])
    details = of_tensors(tensor)
    call = Call("scatter", f"{details}, src={found._ranks[root]}", f"{details} {root}")

    def start() -> Requests:
        if not mine:
            return receive_from(found, own, root, tag_of(call))
        copy_memory(own, memories[root])
        return [
            request
            for place, memory in enumerate(memories)
            if place != root
            for request in send_to(found, memory, place, tag_of(call))
        ]

    return run(found, call, start, [own, *map(Kept, memories)], async_op)


def reduce_scatter(
    output: Tensor,
    input_list: list[Tensor],
    op: Any = ReduceOp.SUM,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Combine lists of tensors of all processes; each gets the one at its place.

    Values are combined in the order of the ranks, so the bits do not depend on timing.

    Args:
        output: the result: any dtype that the operation is for, the same shape in all processes.
        input_list: one tensor like ``output`` for each process.
        op: one of ``ReduceOp``.
        group: the processes, None for all.
        async_op: whether to return a ``Work`` at once.

    Returns:
        A ``Work`` if ``async_op``, else None.

    Raises:
        ValueError: a wrong number of tensors, or of another shape or dtype; the operation is not
            for this dtype.
        DistBackendError: the processes do not make the same call, or not in time.
    """
    check_tensor("reduce_scatter", "output", output)
    op = check_reduction("reduce_scatter", op, output.dtype)
    found = resolved("reduce_scatter", group)
    if found is None:
        return None
    check_list("reduce_scatter", "input_list", input_list, found.size(), output)
    details = f"{of_tensors(output)}, op={op.name}"
    call = Call("reduce_scatter", details, details)
    parts = [Memory(each) for each in input_list]
    return _scattered(found, call, output, parts, op, async_op)


def _scattered(
    group: ProcessGroup,
    call: Call,
    output: Tensor,
    parts: Sequence[Memory],
    op: ReduceOp,
    async_op: bool,
) -> Work | None:
    rank, out = group.rank(), Memory(output, writes=True)
    # The values of all for this place, in the order of the ranks.
    come = [
        parts[rank]
        if place == rank
        else Memory(pb.empty(output.numel(), dtype=output.dtype), writes=True)
        for place in range(group.size())
    ]

    def start() -> Requests:
        tag, requests = tag_of(call), []
        for step in range(1, group.size()):
            place = (rank - step) % group.size()
            requests += receive_from(group, come[place], place, tag)
        for step in range(1, group.size()):
            place = (rank + step) % group.size()
            requests += send_to(group, parts[place], place, tag)
        return requests

    def last() -> None:
        with pb.no_grad():
            rows = [each.flat.reshape(-1) for each in come]
            # An input may be the memory of the output, which is written first.
            total = rows[0].clone()
            for each in rows[1:]:
                combined(op, total, each, total)
            out.flat.copy_(total.view(out.flat.shape))
            mean_of(op, out.flat, group)

    return run(group, call, start, [out, *map(Kept, parts)], async_op, last)


def reduce_scatter_tensor(
    output: Tensor, input: Tensor, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Work | None:
    """Combine the tensors of all processes; each gets one part of the result.

    Args:
        output: the result, any dtype that the operation is for.
        input: as large as all results, of their dtype.
        op: one of ``ReduceOp``.
        group: the processes, None for all.
        async_op: whether to return a ``Work`` at once.

    Returns:
        A ``Work`` if ``async_op``, else None.

    Raises:
        ValueError: another size or dtype; the operation is not for this dtype.
        DistBackendError: the processes do not make the same call, or not in time.
    """
    name = "reduce_scatter_tensor"
    check_tensor(name, "output", output)
    check_tensor(name, "input", input)
    op = check_reduction(name, op, output.dtype)
    found = resolved(name, group)
    if found is None:
        return None
    _check_product(name, "input", input, output, found)
    details = f"{of_tensors(output)}, op={op.name}"
    rows = Memory(input).flat.view(found.size(), output.numel())
    parts = [Memory(rows[place]) for place in range(found.size())]
    return _scattered(found, Call(name, details, details), output, parts, op, async_op)


def all_to_all(
    output_tensor_list: list[Tensor],
    input_tensor_list: list[Tensor],
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Each process gives each other one a tensor.

    Args:
        output_tensor_list: results, one for each process; shapes are those that it sends.
        input_tensor_list: values, one for each process, of one dtype.
        group: the processes, None for all.
        async_op: whether to return a ``Work`` at once.

    Returns:
        A ``Work`` if ``async_op``, else None.

    Raises:
        ValueError: a wrong number of tensors, or several dtypes.
        DistBackendError: a process gets another number of elements than it expects, the processes
            do not make the same call, or not in time.
    """
    found = resolved("all_to_all", group)
    if found is None:
        return None
    check_list("all_to_all", "output_tensor_list", output_tensor_list, found.size(), None)
    check_list("all_to_all", "input_tensor_list", input_tensor_list, found.size(), None)
    tensors = [*output_tensor_list, *input_tensor_list]
    dtype = tensors[0].dtype
    if any(each.dtype != dtype for each in tensors):
        raise ValueError(f"all_to_all(): got tensors of several types: {of_tensors(*tensors)}.")
    details = of_tensors(*input_tensor_list)
    call = Call("all_to_all", details, str(dtype))
    outputs = [Memory(each, writes=True) for each in output_tensor_list]
    return _exchanged(found, call, outputs, [Memory(each) for each in input_tensor_list], async_op)


def _exchanged(
    group: ProcessGroup,
    call: Call,
    outputs: Sequence[Memory],
    inputs: Sequence[Memory],
    async_op: bool,
    whole: Memory | None = None,
) -> Work | None:
    """Who sends what to whom is compared first: elements that do not come would be a hang."""
    rank, size = group.rank(), group.size()
    mpi = _mpi.load()
    read_apart(inputs, outputs)
    counts = pb.tensor([each.flat.numel() for each in inputs])
    expected = [each.flat.numel() for each in outputs]
    come = pb.empty(size, dtype=pb.int64)
    if expected[rank] != inputs[rank].flat.numel():
        raise ValueError(
            f"{call.name}(): a process sends itself {inputs[rank].flat.numel()} elements and "
            f"expects {expected[rank]}."
        )

    def announce() -> Requests:
        sides = [_mpi.message(mpi, each, 0, 8 * size) for each in (counts, come)]
        sides[1][1] = sides[0][1] = 8
        return [group._comm.Ialltoall(*sides)]

    first = call.again()
    run(group, first, announce, [Memory(counts), Memory(come)], async_op=False)
    wrong = [
        f"rank {group._ranks[place]} sends {sent} elements, expected {wanted}"
        for place, (sent, wanted) in enumerate(zip(come.tolist(), expected, strict=True))
        if sent != wanted
    ]
    if wrong:
        raise DistBackendError(f"{first} on rank {group._global_rank()}: {'; '.join(wrong)}.")

    def start() -> Requests:
        tag, requests = tag_of(call), []
        for step in range(1, size):
            place = (rank - step) % size
            requests += receive_from(group, outputs[place], place, tag)
        for step in range(1, size):
            place = (rank + step) % size
            requests += send_to(group, inputs[place], place, tag)
        copy_memory(outputs[rank], inputs[rank])
        return requests

    return _run_views(group, call, start, [*outputs, *map(Kept, inputs)], async_op, whole)


def all_to_all_single(
    output: Tensor,
    input: Tensor,
    output_split_sizes: Sequence[int] | None = None,
    input_split_sizes: Sequence[int] | None = None,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Each process gives each other one some rows of a tensor.

    Args:
        output: the result: rows from the first process, then from the second, and so on.
        input: rows for the first process, then for the second, and so on; of the same dtype.
        output_split_sizes: how many rows come from each process, by default equally many.
        input_split_sizes: how many rows go to each process, by default equally many.
        group: the processes, None for all.
        async_op: whether to return a ``Work`` at once.

    Returns:
        A ``Work`` if ``async_op``, else None.

    Raises:
        ValueError: sizes that do not add up, or several dtypes.
        DistBackendError: a process gets another number of elements than it expects, the processes
            do not make the same call, or not in time.
    """
    name = "all_to_all_single"
    check_tensor(name, "output", output)
    check_tensor(name, "input", input)
    found = resolved(name, group)
    if found is None:
        return None
    if output.dtype != input.dtype:
        raise ValueError(f"{name}(): got tensors of several types: {of_tensors(output, input)}.")
    whole = Memory(output, writes=True)
    outputs = whole.flat.split(row_counts(name, "output", output, output_split_sizes, found))
    inputs = Memory(input).flat.split(row_counts(name, "input", input, input_split_sizes, found))
    details = of_tensors(input)
    call = Call(name, details, str(input.dtype))
    return _exchanged(
        found,
        call,
        [Memory(each, writes=True) for each in outputs],
        [Memory(each) for each in inputs],
        async_op,
        whole,
    )


def row_counts(
    name: str, which: str, tensor: Tensor, sizes: Sequence[int] | None, group: ProcessGroup
) -> list[int]:
    """How many rows of a tensor belong to each process.

    Raises:
        ValueError: they do not add up.
    """
    count = tensor.shape[0] if tensor.dim() else 1
    if sizes is None or len(sizes) == 0:
        if count % group.size():
            raise ValueError(
                f"{name}(): {which} has {count} rows, expected a multiple of the {group.size()} "
                f"processes, or {which}_split_sizes."
            )
        return [count // group.size()] * group.size()
    if len(sizes) != group.size() or math.fsum(sizes) != count or min(sizes) < 0:
        raise ValueError(
            f"{name}(): got {which}_split_sizes={list(sizes)}, expected {group.size()} sizes that "
            f"add up to the {count} rows."
        )
    return list(sizes)
