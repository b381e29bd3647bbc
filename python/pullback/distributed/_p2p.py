"""Messages from one process to another."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from pullback import Tensor
from pullback.distributed import _mpi
from pullback.distributed._calls import Call, of_tensors
from pullback.distributed._errors import DistBackendError
from pullback.distributed._group import ProcessGroup, default_group, member, resolved
from pullback.distributed._memory import Memory, check_tensor, pieces
from pullback.distributed._work import Work, wait_until

__all__ = ["P2POp", "batch_isend_irecv", "irecv", "isend", "monitored_barrier", "recv", "send"]

# The type of the elements is a part of the tag, so that a message of another type is not taken.
_CODES = [
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    *("int8", "int16", "int32", "int64", "uint8", "bool"),
]
_KINDS = 32
_NEXT = 16  # of the pieces of a large tensor after the first one
_BARRIER = 1 << 20  # the tag of monitored barriers, on a communicator without other messages


def _mpi_tag(function: str, tag: Any, dtype: Any) -> int:
    if not isinstance(tag, int):
        raise TypeError(f"{function}(): argument 'tag' must be int, not {type(tag).__name__}")
    top = 1 << 23
    if not 0 <= tag < top:
        raise ValueError(f"{function}(): got tag={tag}, expected 0 <= tag < {top}.")
    return tag * _KINDS + _CODES.index(str(dtype).removeprefix("torch."))


class _Message(Work):
    """A message under way, which says what else waits when its time is over."""

    def wait(self, timeout: timedelta | None = None) -> bool:
        try:
            return super().wait(timeout)
        except DistBackendError as error:
            waiting = _waiting(self._group)
            if waiting and "Timed out" in str(error):
                raise DistBackendError(f"{error} Waiting is {waiting}.") from None
            raise


def _waiting(group: ProcessGroup) -> str:
    """A message that has come and that nobody took."""
    mpi = _mpi.load()
    status = mpi.Status()
    if not group._checks.Iprobe(mpi.ANY_SOURCE, mpi.ANY_TAG, status):
        return ""
    tag, code = divmod(status.Get_tag(), _KINDS)
    return (
        f"a message of {status.Get_count(mpi.BYTE)} bytes of {_CODES[code % _NEXT]} with tag={tag} "
        f"from rank {group._ranks[status.Get_source()]}"
    )


def isend(
    tensor: Tensor,
    dst: int | None = None,
    group: Any = None,
    tag: int = 0,
    group_dst: int | None = None,
) -> Work | None:
    """Start to send a tensor; see ``send``.

    Returns:
        A ``Work``: the tensor must not be written to before it is done.
    """
    return _start("isend", tensor, dst, group, tag, group_dst)


def send(
    tensor: Tensor,
    dst: int | None = None,
    group: Any = None,
    tag: int = 0,
    group_dst: int | None = None,
) -> None:
    """Send a tensor to a process that receives it.

    Args:
        tensor: any dtype and shape.
        dst: the rank in the job of the receiver.
        group: of both, None for all processes.
        tag: messages with different tags do not meet; 0 to 2**23 - 1.
        group_dst: the rank in the group instead of ``dst``.

    Raises:
        ValueError: the receiver is this process, or not in the group.
        DistBackendError: nobody receives it in time.
    """
    work = _start("send", tensor, dst, group, tag, group_dst)
    if work is not None:
        work.wait()


def _start(
    name: str, tensor: Tensor, dst: int | None, group: Any, tag: int, group_dst: int | None
) -> Work | None:
    check_tensor(name, "tensor", tensor)
    found = resolved(name, group)
    if found is None:
        return None
    place = member(name, found, dst, group_dst, "dst")
    if place == found.rank():
        raise ValueError(f"{name}(): got dst={dst}, the rank of this process itself.")
    mpi, code, memory = _mpi.load(), _mpi_tag(name, tag, tensor.dtype), Memory(tensor)
    flat = memory.flat

    def post(a: int, b: int) -> Any:
        return found._checks.Isend(
            _mpi.message(mpi, flat, a, b), dest=place, tag=code + bool(a) * _NEXT
        )

    def begin() -> list[Any]:
        return pieces(flat, post) or [post(0, 0)]

    call = Call(name, f"{of_tensors(tensor)}, dst={found._ranks[place]}, tag={tag}")
    return _Message(found, call, None, begin, memory.finish, [tensor], found._global_rank())


class _Receipt(_Message):
    """A message that is expected: from whom may be open until its first piece comes."""

    def __init__(self, group: ProcessGroup, call: Call, memory: Memory, place: int, tag: int):
        self._memory = memory
        self._tag = tag
        self._open = place == _mpi.load().ANY_SOURCE
        self._place = place
        self._sizes: list[int] = []
        super().__init__(group, call, None, self._post_pieces, memory.finish, [memory.target])

    def _post(self, a: int, b: int) -> Any:
        mpi, comm = _mpi.load(), self._group._checks
        self._sizes.append(b - a)
        piece = _mpi.message(mpi, self._memory.flat, a, b)
        return comm.Irecv(piece, source=self._place, tag=self._tag + bool(a) * _NEXT)

    def _post_pieces(self) -> list[Any]:
        places = list(_mpi.chunks(self._memory.flat)) or [(0, 0)]
        return [self._post(a, b) for a, b in (places[:1] if self._open else places)]

    def _received(self) -> bool:
        mpi = _mpi.load()
        statuses = [mpi.Status() for _ in self._requests]
        try:
            if not mpi.Request.Testall(self._requests, statuses):
                return False
        except mpi.Exception as error:
            raise self._unfit("a longer message") from error
        for status, size in zip(statuses, self._sizes, strict=True):
            come = status.Get_count(mpi.BYTE)
            self._place = status.Get_source()
            self._source = self._group._ranks[self._place]
            if come != size:
                raise self._unfit(f"a message of {come} bytes, not {size}")
        self._requests, self._sizes = [], []
        return True

    def _unfit(self, what: str) -> DistBackendError:
        flat = self._memory.flat
        return DistBackendError(
            f"{self._call} on rank {self._group._global_rank()}: got {what}, expected "
            f"{flat.numel() * flat.element_size()} bytes. Sender and receiver must give tensors of "
            "one size."
        )

    def _arrived(self) -> bool:
        if self._open:
            # Pieces go to receipts in the order of these.
            for each in list(self._group._pending):
                if each is self:
                    break
                if isinstance(each, _Receipt):
                    each.is_completed()
        if not self._received():
            return False
        if not self._open:
            return True
        self._open = False
        self._requests = [self._post(a, b) for a, b in list(_mpi.chunks(self._memory.flat))[1:]]
        return self._received()


def irecv(
    tensor: Tensor,
    src: int | None = None,
    group: Any = None,
    tag: int = 0,
    group_src: int | None = None,
) -> Work | None:
    """Start to receive a tensor; see ``recv``.

    Returns:
        A ``Work``: the tensor has its values when it is done.
    """
    return _expect("irecv", tensor, src, group, tag, group_src)


def recv(
    tensor: Tensor,
    src: int | None = None,
    group: Any = None,
    tag: int = 0,
    group_src: int | None = None,
) -> int:
    """Receive a tensor.

    Args:
        tensor: what is overwritten; dtype and number of elements are those that are sent.
        src: the rank in the job of the sender, None for whoever sends.
        group: of both, None for all processes.
        tag: messages with different tags do not meet.
        group_src: the rank in the group instead of ``src``.

    Returns:
        The rank in the job of who sent it, -1 if this process is not in the group.

    Raises:
        ValueError: the sender is this process, or not in the group.
        DistBackendError: another number of elements was sent, or nothing in time.
    """
    work = _expect("recv", tensor, src, group, tag, group_src)
    if work is None:
        return -1
    work.wait()
    return work.source_rank()


def _expect(
    name: str, tensor: Tensor, src: int | None, group: Any, tag: int, group_src: int | None
) -> Work | None:
    check_tensor(name, "tensor", tensor)
    found = resolved(name, group)
    if found is None:
        return None
    if src is None and group_src is None:
        place, whom = _mpi.load().ANY_SOURCE, "any"
    else:
        place = member(name, found, src, group_src, "src")
        whom = str(found._ranks[place])
        if place == found.rank():
            raise ValueError(f"{name}(): got src={src}, the rank of this process itself.")
    code = _mpi_tag(name, tag, tensor.dtype)
    call = Call(name, f"{of_tensors(tensor)}, src={whom}, tag={tag}")
    return _Receipt(found, call, Memory(tensor, writes=True), place, code)


class P2POp:
    """A message for ``batch_isend_irecv``.

    Args:
        op: ``isend`` or ``irecv``.
        tensor: what is sent or overwritten.
        peer: the rank in the job of the other process.
        group: of both, None for all processes.
        tag: messages with different tags do not meet.
        group_peer: the rank in the group instead of ``peer``.
    """

    def __init__(
        self,
        op: Callable[..., Any],
        tensor: Tensor,
        peer: int | None = None,
        group: Any = None,
        tag: int = 0,
        group_peer: int | None = None,
    ) -> None:
        if op not in (isend, irecv):
            raise ValueError(
                "Invalid ``op``. Expected ``op`` to be of type ``torch.distributed.isend`` or "
                "``torch.distributed.irecv``."
            )
        check_tensor("P2POp", "tensor", tensor)
        self.op = op
        self.tensor = tensor
        self.group = group
        self.tag = tag
        found = resolved("P2POp", group) or default_group()
        self.group_peer = member("P2POp", found, peer, group_peer, "peer")
        self.peer = found._ranks[self.group_peer]

    def __repr__(self) -> str:
        return (
            f"P2POp({self.op.__name__} pg={self.group}, group_peer={self.group_peer}, "
            f"{of_tensors(self.tensor)})"
        )


def batch_isend_irecv(p2p_op_list: Sequence[P2POp]) -> list[Work]:
    """Start several messages.

    Args:
        p2p_op_list: what to send and receive.

    Returns:
        A ``Work`` for each.

    Raises:
        ValueError: no list of ``P2POp``.
    """
    if not p2p_op_list or not all(isinstance(each, P2POp) for each in p2p_op_list):
        raise ValueError("p2p_op_list must be a list of at least one P2POp.")
    works = [
        each.op(each.tensor, group=each.group, tag=each.tag, **_peer(each)) for each in p2p_op_list
    ]
    return [work for work in works if work is not None]


def _peer(each: P2POp) -> dict[str, int]:
    return {"group_dst" if each.op is isend else "group_src": each.group_peer}


def _tested(request: Any) -> bool:
    return bool(request.Test())


def monitored_barrier(
    group: Any = None, timeout: timedelta | None = None, wait_all_ranks: bool = False
) -> None:
    """A barrier whose error says who did not come.

    Args:
        group: the processes, None for all.
        timeout: how long to wait, by default the group's.
        wait_all_ranks: whether all who did not come are named, not only the first.

    Raises:
        DistBackendError: in the first process of the group, with the ranks; in the others, that
            the first one did not answer.
    """
    found = resolved("monitored_barrier", group)
    if found is None:
        return
    seconds = found._seconds if timeout is None else timeout.total_seconds()
    call = Call("monitored_barrier")
    mpi, comm, rank = _mpi.load(), found._reports, found.rank()
    empty = [None, 0, mpi.BYTE]
    if rank:
        said = comm.Isend(empty, dest=0, tag=_BARRIER)
        answer = comm.Irecv(empty, source=0, tag=_BARRIER)
        if not wait_until(lambda: bool(mpi.Request.Testall([said, answer])), seconds):
            raise DistBackendError(
                f"Rank {found._global_rank()}: rank {found._ranks[0]} did not answer in "
                f"{seconds:g} seconds in {call}."
            )
        return
    asked = {
        place: comm.Irecv(empty, source=place, tag=_BARRIER) for place in range(1, found.size())
    }
    deadline = time.monotonic() + seconds
    missing = []
    for place, request in asked.items():
        left = max(0.0, deadline - time.monotonic())
        if not wait_until(functools.partial(_tested, request), left):
            missing.append(found._ranks[place])
            if not wait_all_ranks:
                break
    if missing:
        raise DistBackendError(
            f"Rank {found._ranks[0]}: rank{'s' if len(missing) > 1 else ''} "
            f"{', '.join(map(str, missing))} did not come in {seconds:g} seconds to {call}."
        )
    mpi.Request.Waitall([comm.Isend(empty, dest=p, tag=_BARRIER) for p in range(1, found.size())])
