"""Collectives over any objects: pickled, and sent as bytes.

Unpickling runs code of who pickled: that is the other processes of the same program.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributed import _collectives, _exchanges, _p2p
from pullback.distributed._calls import named
from pullback.distributed._group import check_device, member, resolved

__all__ = [
    "all_gather_object",
    "broadcast_object_list",
    "gather_object",
    "recv_object_list",
    "scatter_object_list",
    "send_object_list",
]


def _bytes_of(value: Any) -> Tensor:
    return pb.frombuffer(bytearray(pickle.dumps(value)), dtype=pb.uint8)


def _object_of(data: Tensor) -> Any:
    return pickle.loads(data.numpy().tobytes())


def _check_objects(function: str, name: str, values: Any) -> None:
    if not isinstance(values, list) or not values:
        raise TypeError(f"{function}(): argument {name!r} must be a list of at least one object.")


def broadcast_object_list(
    object_list: list[Any],
    src: int | None = None,
    group: Any = None,
    device: Any = None,
    group_src: int | None = None,
) -> None:
    """Give all processes the objects of one, in place of those in their lists.

    Args:
        object_list: of the same length in all processes.
        src: the rank in the job of who has the objects, 0 by default.
        group: the processes, None for all.
        device: None or the CPU.
        group_src: the rank in the group instead of ``src``.
    """
    name = "broadcast_object_list"
    check_device(name, "device", device)
    _check_objects(name, "object_list", object_list)
    found = resolved(name, group)
    if found is None:
        return
    if src is None and group_src is None:
        group_src = 0
    root = member(name, found, src, group_src, "src")
    mine = found.rank() == root
    parts = [_bytes_of(each) for each in object_list] if mine else []
    sizes = pb.tensor([len(p) for p in parts] if mine else [0] * len(object_list))
    with named(name):
        _collectives.broadcast(sizes, group=found, group_src=root)
        whole = pb.cat(parts) if mine else pb.empty(int(sizes.sum()), dtype=pb.uint8)
        _collectives.broadcast(whole, group=found, group_src=root)
    if not mine:
        object_list[:] = [_object_of(each) for each in whole.split(sizes.tolist())]


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Give all processes the objects of all.

    Args:
        object_list: overwritten; one place for each process.
        obj: what this process gives.
        group: the processes, None for all.
    """
    name = "all_gather_object"
    found = resolved(name, group)
    if found is None:
        return
    if len(object_list) != found.size():
        raise ValueError(
            f"{name}(): object_list has {len(object_list)} places, expected {found.size()}."
        )
    with named(name):
        data, sizes = _sized(obj, found)
        rows = pb.empty(found.size(), data.numel(), dtype=pb.uint8)
        _exchanges.all_gather_into_tensor(rows, data, found)
    object_list[:] = [
        _object_of(row[:size]) for row, size in zip(rows, sizes.tolist(), strict=True)
    ]


def _sized(obj: Any, group: Any) -> tuple[Tensor, Tensor]:
    """The bytes of an object, filled up to the largest of the group, and the sizes of all."""
    data = _bytes_of(obj)
    sizes = pb.empty(group.size(), dtype=pb.int64)
    _exchanges.all_gather_into_tensor(sizes, pb.tensor([data.numel()]), group)
    most = int(sizes.max())
    return pb.cat([data, pb.zeros(most - data.numel(), dtype=pb.uint8)]), sizes


def gather_object(
    obj: Any,
    object_gather_list: list[Any] | None = None,
    dst: int | None = None,
    group: Any = None,
    group_dst: int | None = None,
) -> None:
    """Give one process the objects of all.

    Args:
        obj: what this process gives.
        object_gather_list: in the process ``dst`` overwritten; one place for each process.
        dst: the rank in the job of who gets them, 0 by default.
        group: the processes, None for all.
        group_dst: the rank in the group instead of ``dst``.
    """
    name = "gather_object"
    found = resolved(name, group)
    if found is None:
        return
    if dst is None and group_dst is None:
        group_dst = 0
    root = member(name, found, dst, group_dst, "dst")
    mine = found.rank() == root
    if mine and (object_gather_list is None or len(object_gather_list) != found.size()):
        raise ValueError(
            f"{name}(): expected object_gather_list with {found.size()} places in the process that "
            "gets the objects."
        )
    if not mine and object_gather_list is not None:
        raise ValueError(f"{name}(): got object_gather_list in a process that gets no objects.")
    with named(name):
        data, sizes = _sized(obj, found)
        rows = [pb.empty_like(data) for _ in range(found.size())] if mine else None
        _exchanges.gather(data, rows, group=found, group_dst=root)
    if object_gather_list is not None and rows is not None:
        object_gather_list[:] = [
            _object_of(row[:size]) for row, size in zip(rows, sizes.tolist(), strict=True)
        ]


def scatter_object_list(
    scatter_object_output_list: list[Any],
    scatter_object_input_list: list[Any] | None = None,
    src: int | None = None,
    group: Any = None,
    group_src: int | None = None,
) -> None:
    """Give each process an object of one.

    Args:
        scatter_object_output_list: its first element is overwritten.
        scatter_object_input_list: in the process ``src`` one object for each process.
        src: the rank in the job of who has them, 0 by default.
        group: the processes, None for all.
        group_src: the rank in the group instead of ``src``.
    """
    name = "scatter_object_list"
    _check_objects(name, "scatter_object_output_list", scatter_object_output_list)
    found = resolved(name, group)
    if found is None:
        return
    if src is None and group_src is None:
        group_src = 0
    root = member(name, found, src, group_src, "src")
    mine = found.rank() == root
    parts = []
    if mine:
        given = scatter_object_input_list or []
        if len(given) != found.size():
            raise ValueError(
                f"{name}(): scatter_object_input_list has {len(given)} objects, expected "
                f"{found.size()}."
            )
        parts = [_bytes_of(each) for each in given]
    sizes = pb.tensor([p.numel() for p in parts] if mine else [0] * found.size())
    with named(name):
        _collectives.broadcast(sizes, group=found, group_src=root)
        most = int(sizes.max())
        full = [pb.cat([p, pb.zeros(most - p.numel(), dtype=pb.uint8)]) for p in parts]
        own = pb.empty(most, dtype=pb.uint8)
        _exchanges.scatter(own, full if mine else None, group=found, group_src=root)
    scatter_object_output_list[0] = _object_of(own[: int(sizes[found.rank()])])


def send_object_list(
    object_list: Sequence[Any],
    dst: int | None = None,
    group: Any = None,
    device: Any = None,
    group_dst: int | None = None,
) -> None:
    """Send objects to a process that calls ``recv_object_list``.

    Args:
        object_list: the objects.
        dst: the rank in the job of the receiver.
        group: of both, None for all processes.
        device: None or the CPU.
        group_dst: the rank in the group instead of ``dst``.
    """
    check_device("send_object_list", "device", device)
    _check_objects("send_object_list", "object_list", object_list)
    parts = [_bytes_of(each) for each in object_list]
    _p2p.send(pb.tensor([p.numel() for p in parts]), dst, group, group_dst=group_dst)
    _p2p.send(pb.cat(parts), dst, group, group_dst=group_dst)


def recv_object_list(
    object_list: list[Any],
    src: int | None = None,
    group: Any = None,
    device: Any = None,
    group_src: int | None = None,
) -> int:
    """Receive objects.

    Args:
        object_list: overwritten; as many places as objects are sent.
        src: the rank in the job of the sender, None for whoever sends.
        group: of both, None for all processes.
        device: None or the CPU.
        group_src: the rank in the group instead of ``src``.

    Returns:
        The rank in the job of who sent them.
    """
    check_device("recv_object_list", "device", device)
    _check_objects("recv_object_list", "object_list", object_list)
    sizes = pb.empty(len(object_list), dtype=pb.int64)
    source = _p2p.recv(sizes, src, group, group_src=group_src)
    if source < 0:
        return source
    whole = pb.empty(int(sizes.sum()), dtype=pb.uint8)
    _p2p.recv(whole, source, group)
    object_list[:] = [_object_of(each) for each in whole.split(sizes.tolist())]
    return source
