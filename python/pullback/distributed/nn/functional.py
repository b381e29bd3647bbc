"""Collectives as functions of tensors, differentiated to any order.

The derivative is that of the sum of what all processes differentiate: process by process a loss of
its own, and a backward pass in all of them. Each derivative is again one of these functions, so
every process of the group must run the pass, or none: whether the inputs require a gradient is
compared, too, and must be the same in all of them.

A value that another process gets is differentiated there. What a process has from nobody (the zeros
of ``gather`` outside of its destination) has no derivative.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.autograd.function import Function
from pullback.distributed import _collectives, _exchanges
from pullback.distributed._calls import named
from pullback.distributed._group import ProcessGroup, default_group, member, resolved
from pullback.distributed._memory import check_list, check_tensor
from pullback.distributed._reduce_op import ReduceOp

__all__ = [
    "all_gather",
    "all_reduce",
    "all_to_all",
    "all_to_all_single",
    "broadcast",
    "gather",
    "reduce",
    "reduce_scatter",
    "scatter",
]


def _group(function: str, group: Any) -> ProcessGroup:
    found = resolved(function, default_group() if group is None else group)
    if found is None:
        raise ValueError(f"{function}(): this process is not in the group, and has no result.")
    return found


def _said(function: str, *tensors: Tensor) -> contextlib.AbstractContextManager[None]:
    """Around a collective: it is a part of this function, and the same in all processes."""
    wanted = pb.is_grad_enabled() and any(each.requires_grad for each in tensors)
    return named(f"nn.functional.{function}", f"requires_grad={wanted}")


def _linear(function: str, op: Any) -> ReduceOp:
    """An operation whose derivative is a collective of its own kind."""
    if op not in (ReduceOp.SUM, ReduceOp.AVG):
        name = op.name if isinstance(op, ReduceOp) else repr(op)
        raise ValueError(
            f"{function}(): got op={name}, expected ReduceOp.SUM or AVG, which are differentiated. "
            "Values without a gradient: torch.distributed has the function for every operation."
        )
    return ReduceOp(op)


class _Broadcast(Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, root: int, group: ProcessGroup) -> Tensor:
        ctx.root, ctx.group = root, group
        out = tensor.clone(memory_format=pb.contiguous_format)
        _collectives.broadcast(out, group=group, group_src=root)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        with _said("broadcast's derivative", grad):
            total = _Collected.apply(grad, ctx.root, ctx.group)
        return total, None, None


class _Collected(Function):
    """The sum in one process, zeros in the others."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, root: int, group: ProcessGroup) -> Tensor:
        ctx.root, ctx.group = root, group
        out = tensor.clone(memory_format=pb.contiguous_format)
        _collectives.reduce(out, group=group, group_dst=root)
        return out if group.rank() == root else out.zero_()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        with _said("reduce's derivative", grad):
            given = _Broadcast.apply(grad, ctx.root, ctx.group)
        return given, None, None


class _AllReduce(Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, op: ReduceOp, group: ProcessGroup) -> Tensor:
        ctx.op, ctx.group = op, group
        out = tensor.clone(memory_format=pb.contiguous_format)
        _collectives.all_reduce(out, op, group)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        with _said("all_reduce's derivative", grad):
            return _AllReduce.apply(grad, ctx.op, ctx.group), None, None


class _AllGather(Function):
    """Rows of all processes: [...] to [processes, ...]."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, group: ProcessGroup) -> Tensor:
        ctx.group = group
        out = pb.empty(group.size(), *tensor.shape, dtype=tensor.dtype)
        _exchanges.all_gather_into_tensor(out, tensor, group)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        with _said("all_gather's derivative", grad):
            return _ReduceScatter.apply(grad, ReduceOp.SUM, ctx.group), None


class _ReduceScatter(Function):
    """Combined rows, each for one process: [processes, ...] to [...]."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, op: ReduceOp, group: ProcessGroup) -> Tensor:
        ctx.op, ctx.group = op, group
        out = pb.empty(rows.shape[1:], dtype=rows.dtype)
        _exchanges.reduce_scatter_tensor(out, rows, op, group)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        with _said("reduce_scatter's derivative", grad):
            given = _AllGather.apply(grad, ctx.group)
        if ctx.op is ReduceOp.AVG:
            given = given / ctx.group.size()
        return given, None, None


class _Gather(Function):
    """Rows of all processes in one of them, zeros in the others."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, root: int, group: ProcessGroup) -> Tensor:
        ctx.root, ctx.group = root, group
        rows = pb.zeros(group.size(), *tensor.shape, dtype=tensor.dtype)
        mine = group.rank() == root
        _exchanges.gather(tensor, list(rows) if mine else None, group=group, group_dst=root)
        return rows

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        with _said("gather's derivative", grad):
            return _Scatter.apply(grad, ctx.root, ctx.group), None, None


class _Scatter(Function):
    """Each process gets its row of those of one process."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, root: int, group: ProcessGroup) -> Tensor:
        ctx.root, ctx.group = root, group
        out = pb.empty(rows.shape[1:], dtype=rows.dtype)
        mine = group.rank() == root
        _exchanges.scatter(out, list(rows) if mine else None, group=group, group_src=root)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        with _said("scatter's derivative", grad):
            return _Gather.apply(grad, ctx.root, ctx.group), None, None


class _Exchange(Function):
    """Elements for each process, in one vector, to those from each process."""

    @staticmethod
    def forward(
        ctx: Any, flat: Tensor, come: tuple[int, ...], go: tuple[int, ...], group: ProcessGroup
    ) -> Tensor:
        ctx.come, ctx.go, ctx.group = come, go, group
        out = pb.empty(sum(come), dtype=flat.dtype)
        _exchanges.all_to_all_single(out, flat, come, go, group)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        with _said("all_to_all's derivative", grad):
            return _Exchange.apply(grad, ctx.go, ctx.come, ctx.group), None, None, None


def broadcast(tensor: Tensor, src: int, group: Any = None) -> Tensor:
    """The tensor of one process, in all of them.

    Args:
        tensor: the values in the process ``src``; in the others something of their shape and type.
        src: the rank in the job of who has the values.
        group: the processes, None for all.

    Returns:
        A new tensor. Its gradients are added up in the process ``src``; the others get zeros.
    """
    check_tensor("broadcast", "tensor", tensor)
    found = _group("broadcast", group)
    with _said("broadcast", tensor):
        result: Tensor = _Broadcast.apply(
            tensor, member("broadcast", found, src, None, "src"), found
        )
    return result


def reduce(tensor: Tensor, dst: int, op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """The sum or mean of the tensors of all processes, in one of them; the others get theirs back.

    Args:
        tensor: of the same shape and type in all processes.
        dst: the rank in the job of who gets the result.
        op: SUM or AVG.
        group: the processes, None for all.

    Returns:
        A new tensor.

    Raises:
        ValueError: another operation.
    """
    check_tensor("reduce", "tensor", tensor)
    op = _linear("reduce", op)
    found = _group("reduce", group)
    root = member("reduce", found, dst, None, "dst")
    with _said("reduce", tensor):
        total: Tensor = _Collected.apply(tensor, root, found)
    if found.rank() != root:
        return total + tensor
    return total / found.size() if op is ReduceOp.AVG else total


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """The sum or mean of the tensors of all processes, in all of them.

    Args:
        tensor: of the same shape and type in all processes.
        op: SUM or AVG.
        group: the processes, None for all.

    Returns:
        A new tensor.

    Raises:
        ValueError: another operation.
    """
    check_tensor("all_reduce", "tensor", tensor)
    op = _linear("all_reduce", op)
    found = _group("all_reduce", group)
    with _said("all_reduce", tensor):
        result: Tensor = _AllReduce.apply(tensor, op, found)
    return result


def all_gather(tensor: Tensor, group: Any = None) -> tuple[Tensor, ...]:
    """The tensors of all processes, in all of them.

    Args:
        tensor: of the same shape and type in all processes.
        group: the processes, None for all.

    Returns:
        One tensor for each process.
    """
    check_tensor("all_gather", "tensor", tensor)
    found = _group("all_gather", group)
    with _said("all_gather", tensor):
        rows: Tensor = _AllGather.apply(tensor, found)
    return rows.unbind()


def gather(tensor: Tensor, dst: int = 0, group: Any = None) -> tuple[Tensor, ...]:
    """The tensors of all processes, in one of them; the others get zeros.

    Args:
        tensor: of the same shape and type in all processes.
        dst: the rank in the job of who gets them.
        group: the processes, None for all.

    Returns:
        One tensor for each process.
    """
    check_tensor("gather", "tensor", tensor)
    found = _group("gather", group)
    root = member("gather", found, dst, None, "dst")
    with _said("gather", tensor):
        rows: Tensor = _Gather.apply(tensor, root, found)
    return rows.unbind()


def scatter(tensors: Sequence[Tensor], src: int = 0, group: Any = None) -> Tensor:
    """A tensor for each process, from one of them.

    Args:
        tensors: the values in the process ``src``, one for each process; in the others as many of
            the same shape and type.
        src: the rank in the job of who has the values.
        group: the processes, None for all.

    Returns:
        The one for this process.
    """
    found = _group("scatter", group)
    check_list("scatter", "tensors", tensors, found.size(), None)
    check_list("scatter", "tensors", tensors, found.size(), tensors[0])
    root = member("scatter", found, src, None, "src")
    with _said("scatter", *tensors):
        result: Tensor = _Scatter.apply(pb.stack(list(tensors)), root, found)
    return result


def reduce_scatter(
    output: Tensor, input_list: Sequence[Tensor], op: Any = ReduceOp.SUM, group: Any = None
) -> Tensor:
    """The sum or mean of lists of tensors of all processes; each gets the one at its place.

    Args:
        output: gives shape and type of the result; it is not written to.
        input_list: one tensor for each process.
        op: SUM or AVG.
        group: the processes, None for all.

    Returns:
        A new tensor.

    Raises:
        ValueError: another operation, or a wrong number of tensors.
    """
    check_tensor("reduce_scatter", "output", output)
    op = _linear("reduce_scatter", op)
    found = _group("reduce_scatter", group)
    check_list("reduce_scatter", "input_list", input_list, found.size(), output)
    with _said("reduce_scatter", *input_list):
        result: Tensor = _ReduceScatter.apply(pb.stack(list(input_list)), op, found)
    return result


def all_to_all(
    output_tensor_list: Sequence[Tensor], input_tensor_list: Sequence[Tensor], group: Any = None
) -> tuple[Tensor, ...]:
    """Each process gives each other one a tensor.

    Args:
        output_tensor_list: give the shapes of the results; they are not written to.
        input_tensor_list: one tensor for each process.
        group: the processes, None for all.

    Returns:
        One tensor from each process.
    """
    found = _group("all_to_all", group)
    for name, given in (
        ("output_tensor_list", output_tensor_list),
        ("input_tensor_list", input_tensor_list),
    ):
        check_list("all_to_all", name, given, found.size(), None)
    come = [each.numel() for each in output_tensor_list]
    flat = pb.cat([each.reshape(-1) for each in input_tensor_list])
    with _said("all_to_all", *input_tensor_list):
        result: Tensor = _Exchange.apply(
            flat, tuple(come), tuple(each.numel() for each in input_tensor_list), found
        )
    return tuple(
        part.view(like.shape)
        for part, like in zip(result.split(come), output_tensor_list, strict=True)
    )


def all_to_all_single(
    output: Tensor,
    input: Tensor,
    output_split_sizes: Sequence[int] | None = None,
    input_split_sizes: Sequence[int] | None = None,
    group: Any = None,
) -> Tensor:
    """Each process gives each other one some rows of a tensor.

    Args:
        output: gives the shape of the result; it is not written to.
        input: rows for the first process, then for the second, and so on.
        output_split_sizes: how many rows come from each process, by default equally many.
        input_split_sizes: how many rows go to each process, by default equally many.
        group: the processes, None for all.

    Returns:
        A new tensor.
    """
    name = "all_to_all_single"
    check_tensor(name, "output", output)
    check_tensor(name, "input", input)
    found = _group(name, group)
    sizes = []
    for which, tensor, given in (
        ("output", output, output_split_sizes),
        ("input", input, input_split_sizes),
    ):
        rows = _exchanges.row_counts(name, which, tensor, given, found)
        width = tensor.numel() // max(sum(rows), 1)
        sizes.append(tuple(width * each for each in rows))
    with _said(name, input):
        result: Tensor = _Exchange.apply(input.reshape(-1), *sizes, found)
    return result.view(output.shape)
