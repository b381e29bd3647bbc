"""Tensors as messages of collectives: their memory, their pieces, starting and waiting.

NOTE [Messages]: tensors that are contiguous go as they are, MPI reads and writes their memory. The
others go through a copy, which is written back where it is a result. What is larger than 64 MiB
goes in pieces. Elements are in the order of their indices, whatever the strides. What is written to
counts as modified, so that a pass which needs the old values raises; a tensor with a history loses
it, so that a pass through it raises, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pullback as pb
from pullback import Tensor, _core
from pullback.autograd import forward_ad
from pullback.autograd.graph import increment_version
from pullback.distributed import _mpi
from pullback.distributed._calls import Call, of_tensors
from pullback.distributed._group import ProcessGroup
from pullback.distributed._work import Agreement, Work

__all__ = [
    "Kept",
    "Memory",
    "Requests",
    "check_list",
    "check_tensor",
    "copy_memory",
    "pieces",
    "read_apart",
    "receive_from",
    "run",
    "send_to",
    "tag_of",
]

Requests = list[Any]


class Memory:
    """A tensor's elements in one piece: its own memory, or a copy that is written back."""

    def __init__(self, tensor: Tensor, writes: bool = False) -> None:
        if writes and forward_ad.unpack_dual(tensor).tangent is not None:
            raise RuntimeError(
                "A tensor with a tangent would be overwritten, and the tangent not: collectives "
                "have no forward-mode derivatives. Give unpack_dual(tensor).primal."
            )
        if writes and tensor.requires_grad and _in_transform(tensor):
            raise RuntimeError(
                "A tensor of a transform under way (func.grad, func.vjp) would be overwritten, and "
                "count as a constant from then on. The functions of distributed.nn.functional "
                "have derivatives; to have a constant, give tensor.detach().clone()."
            )
        self.target = tensor
        plain = tensor.detach()
        direct = plain.is_contiguous()
        # A copy without the values where only the results count would need to know that all of
        # them come; one read is cheap beside the message.
        self.flat = plain if direct else plain.contiguous()
        self._back = writes and not direct
        self._writes = writes

    def finish(self) -> None:
        """After the last message."""
        if not self._writes:
            return
        if self._back:
            with pb.no_grad():
                self.target.detach().copy_(self.flat)
        increment_version(self.target)
        written(self.target)


def _in_transform(tensor: Tensor) -> bool:
    """Whether a transform under way made the tensor its own."""
    try:
        _core._memory(tensor)
    except RuntimeError:  # NotImplementedError
        return True
    return False


def written(tensor: Tensor) -> None:
    """What had a history and was overwritten has none that is true."""
    # Of a view made under no_grad, whose base was written to, grad_fn is an error.
    if not tensor.requires_grad or tensor.grad_fn is None:
        return
    if not tensor._is_view():
        tensor.detach_()
        return
    with pb.enable_grad():  # a write that the tensor learns of whose part it is
        tensor.copy_(tensor.detach().clone())


def check_tensor(function: str, name: str, value: Any) -> Tensor:
    """A tensor, or the error that says so."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{name}` of {function} to be of type "
            f"torch.Tensor but got {type(value)} instead."
        )
    return value


def check_list(function: str, name: str, values: Any, count: int, like: Tensor | None) -> None:
    """As many tensors as there are processes, each like ``like`` if that is given."""
    if not isinstance(values, (list, tuple)):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{name}` of {function} to be of type "
            f"List[torch.Tensor] but got {type(values)} instead."
        )
    for each in values:
        check_tensor(function, name, each)
    if len(values) != count:
        raise ValueError(
            f"{function}(): {name} has {len(values)} tensors, expected one for each of the {count} "
            "processes."
        )
    if like is None:
        return
    for place, each in enumerate(values):
        if each.dtype != like.dtype or each.shape != like.shape:
            raise ValueError(
                f"{function}(): {name}[{place}] is {of_tensors(each)}, expected "
                f"{of_tensors(like)} as the other tensor."
            )


def run(
    group: ProcessGroup,
    call: Call,
    start: Callable[[], Requests],
    memories: Sequence[Memory],
    async_op: bool,
    last: Callable[[], None] | None = None,
    results: Sequence[Tensor] | None = None,
) -> Work | None:
    """Start a collective, and wait for it unless it is asynchronous."""

    def finish() -> None:
        if last is not None:
            last()
        for each in memories:
            each.finish()

    if results is None:
        results = [each.target for each in memories if each._writes]
    work = Work(group, call, Agreement(group, call), start, finish, results)
    if async_op:
        return work
    work.wait()
    return None


def pieces(tensor: Tensor, post: Callable[[int, int], Any]) -> Requests:
    """What a function of beginning and end in bytes gives for each message of a tensor."""
    return [post(start, stop) for start, stop in _mpi.chunks(tensor)]


def tag_of(call: Call) -> int:
    """Of the messages that a collective is made of: no other one meets them."""
    return call.number % (1 << 20)


def send_to(group: ProcessGroup, memory: Memory, place: int, tag: int) -> Requests:
    """Start to send a tensor."""
    mpi, flat = _mpi.load(), memory.flat
    return pieces(
        flat, lambda a, b: group._comm.Isend(_mpi.message(mpi, flat, a, b), dest=place, tag=tag)
    )


def receive_from(group: ProcessGroup, memory: Memory, place: int, tag: int) -> Requests:
    """Start to receive a tensor."""
    mpi, flat = _mpi.load(), memory.flat
    return pieces(
        flat, lambda a, b: group._comm.Irecv(_mpi.message(mpi, flat, a, b), source=place, tag=tag)
    )


class Kept(Memory):
    """Memory that lives until the collective is over."""

    def __init__(self, memory: Memory) -> None:
        self.kept = memory
        self.target = memory.target
        self._writes = False


def read_apart(sources: Sequence[Memory], targets: Sequence[Memory]) -> None:
    """Read from a copy what is in a tensor with results, which come meanwhile."""
    overwritten = {each.flat.untyped_storage().data_ptr() for each in targets}
    for each in sources:
        if each.flat.untyped_storage().data_ptr() in overwritten:
            each.flat = each.flat.clone()


def copy_memory(target: Memory, source: Memory) -> None:
    with pb.no_grad():
        target.flat.copy_(source.flat.view(target.flat.shape))
