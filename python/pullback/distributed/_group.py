"""Process groups, ranks, names of backends, and how much is checked."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from pullback.distributed import _mpi
from pullback.distributed._calls import levels
from pullback.distributed._work import Work

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Backend",
    "DebugLevel",
    "GroupMember",
    "ProcessGroup",
    "default_group",
    "default_pg_timeout",
    "get_backend",
    "get_debug_level",
    "get_global_rank",
    "get_group_rank",
    "get_node_local_rank",
    "get_process_group_ranks",
    "get_rank",
    "get_world_size",
    "group",
    "is_available",
    "is_backend_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "is_torchelastic_launched",
    "is_ucc_available",
    "member",
    "resolved",
    "set_debug_level",
    "set_debug_level_from_env",
    "state",
]

default_pg_timeout = timedelta(minutes=30)


class DebugLevel(IntEnum):
    """With DETAIL a call that the others do not make raises there, not where it is waited for."""

    OFF = 0
    INFO = 1
    DETAIL = 2


class Backend(str):
    """Names of what carries the messages; MPI does.

    Example:
        >>> import pullback as pb
        >>> pb.distributed.Backend("MPI")
        'mpi'
    """

    __slots__ = ()

    UNDEFINED = "undefined"
    GLOO = "gloo"
    NCCL = "nccl"
    UCC = "ucc"
    MPI = "mpi"
    backend_list = [UNDEFINED, GLOO, NCCL, UCC, MPI]  # noqa: RUF012 - torch's name and type

    def __new__(cls, name: str) -> Self:
        """The name in small letters."""
        if not isinstance(name, str):
            raise ValueError(f"Backend constructor parameter must be string-ish: got {name!r}.")
        return super().__new__(cls, name.lower())


class ProcessGroup:
    """Some of the processes of the job, in an order: their places are their ranks in the group.

    Groups are made by ``init_process_group`` and ``new_group``.
    """

    def __init__(self, comm: Any, ranks: Sequence[int], timeout: timedelta, name: str) -> None:
        self._comm = comm
        self._checks = comm.Dup()
        self._reports = comm.Dup()
        for each in (comm, self._checks, self._reports):
            each.Set_errhandler(_mpi.load().ERRORS_RETURN)
        self._ranks = list(ranks)
        self._rank: int = comm.Get_rank()
        self._seconds = timeout.total_seconds()
        self._number = 0
        self._name = name
        self._pending: list[Work] = []
        self._waiting: list[Work] = []  # those of the pending whose agreement is not there yet
        self._ended = False
        self._kept: list[Any] = []  # memory that MPI may still write to

    def rank(self) -> int:
        """The place of this process."""
        return self._rank

    def size(self) -> int:
        """The number of processes."""
        return len(self._ranks)

    def name(self) -> str:
        """The backend: "mpi"."""
        return "mpi"

    @property
    def group_name(self) -> str:
        """A name that no other group has."""
        return self._name

    def __repr__(self) -> str:
        most = 8
        more = ", ..." if len(self._ranks) > most else ""
        shown = ", ".join(map(str, self._ranks[:most])) + more
        return f"<ProcessGroup {self._name!r} of {self.size()} processes: {shown}>"

    def _global_rank(self) -> int:
        return self._ranks[self._rank]

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _checks_first(self) -> bool:
        return state.level is DebugLevel.DETAIL

    def _begin_agreed(self) -> None:
        """Begin what all agree about: in the order of the calls, which MPI asks for."""
        while self._waiting and self._waiting[0]._agreed():
            self._waiting.pop(0)

    def _poke(self) -> None:
        """Let what is under way move on; its errors are for those who wait for it."""
        for each in list(self._pending):
            each.is_completed()

    def _free(self) -> None:
        self._ended = True
        for each in (self._reports, self._checks, self._comm):
            each.Free()


class _State:
    def __init__(self) -> None:
        self.world: ProcessGroup | None = None
        self.groups: list[ProcessGroup] = []
        self.made = 0
        self.process = 0
        self.local_rank: int | None = None
        self.hooked = False
        self.aborted = False
        self.level = DebugLevel.OFF


state = _State()


class _GroupType(type):
    @property
    def WORLD(cls) -> ProcessGroup | None:  # noqa: N802 - torch's name
        """The group of all processes, None without one."""
        return state.world


class group(metaclass=_GroupType):
    """``group.WORLD`` is the group of all processes."""


class GroupMember(metaclass=_GroupType):
    """The same, and what ``new_group`` gives to those who are not in it."""

    NON_GROUP_MEMBER = -100


def check_device(function: str, name: str, device: Any) -> None:
    """The one device, where PyTorch lets a program name the GPU of a process."""
    if device is not None and str(device).partition(":")[0] != "cpu":
        raise ValueError(f"{function}(): got {name}={device!r}, expected the CPU.")


def default_group() -> ProcessGroup:
    """The group of all processes.

    Raises:
        ValueError: there is none.
    """
    if state.world is None:
        raise ValueError(
            "Default process group has not been initialized, please make sure to call "
            "init_process_group."
        )
    return state.world


def resolved(function: str, group: Any) -> ProcessGroup | None:
    """The group that is meant; None, with a warning, if this process is not in it."""
    world = default_group()
    if group is None:
        return world
    if isinstance(group, ProcessGroup):
        if group not in state.groups:
            raise ValueError(f"{function}(): {group} has been destroyed.")
        return group
    if isinstance(group, int) and group == GroupMember.NON_GROUP_MEMBER:
        warnings.warn(
            f"Running {function} on global rank {world.rank()} which does not belong to the given "
            "group.",
            stacklevel=levels(),
        )
        return None
    raise TypeError(
        f"{function}(): argument 'group' must be ProcessGroup or None, not {type(group).__name__}"
    )


def member(function: str, group: ProcessGroup, rank: Any, group_rank: Any, name: str) -> int:
    """The place in the group of one who is named by a rank of the job or one of the group."""
    if (rank is None) == (group_rank is None):
        raise ValueError(
            f"{function}(): got {name}={rank} and group_{name}={group_rank}, expected one of them."
        )
    given, known = (rank, group._ranks) if group_rank is None else (group_rank, range(group.size()))
    if not isinstance(given, int) or isinstance(given, bool):
        raise TypeError(f"{function}(): argument {name!r} must be int, not {type(given).__name__}")
    if given not in known:
        raise ValueError(f"{function}(): rank {given} is not part of {group}.")
    return known.index(given)


# --- questions ---


def is_available() -> bool:
    """Whether mpi4py is installed, so that there can be several processes.

    Example:
        >>> import pullback as pb
        >>> pb.distributed.is_available() == pb.distributed.is_mpi_available()
        True
    """
    return _mpi.has_mpi()


def is_initialized() -> bool:
    """Whether there is a default group.

    Example:
        >>> import pullback as pb
        >>> pb.distributed.is_initialized()
        False
    """
    return state.world is not None


def is_mpi_available() -> bool:
    """Whether mpi4py is installed."""
    return _mpi.has_mpi()


def is_gloo_available() -> bool:
    """Always False, as are the next two."""
    return False


is_nccl_available = is_ucc_available = is_gloo_available


def is_backend_available(backend: str) -> bool:
    """Whether ``init_process_group`` takes this name."""
    return backend.lower() == Backend.MPI and _mpi.has_mpi()


def is_torchelastic_launched() -> bool:
    """Whether torch's elastic launcher started this process, by its environment variable."""
    return os.environ.get("TORCHELASTIC_RUN_ID") is not None


def get_rank(group: Any = None) -> int:
    """The place of this process in a group, -1 if it is not in it."""
    found = _asked(group)
    return -1 if found is None else found.rank()


def get_world_size(group: Any = None) -> int:
    """The number of processes in a group, -1 if this one is not in it."""
    found = _asked(group)
    return -1 if found is None else found.size()


def _asked(group: Any) -> ProcessGroup | None:
    if isinstance(group, int) and group == GroupMember.NON_GROUP_MEMBER:
        default_group()
        return None
    return resolved("get_rank", group)


def get_backend(group: Any = None) -> Backend:
    """What carries the messages of a group: "mpi".

    Raises:
        ValueError: this process is not in it, or there is no default group.
    """
    if _asked(group) is None:
        raise ValueError("Invalid process group specified")
    return Backend(Backend.MPI)


def get_global_rank(group: ProcessGroup, group_rank: int) -> int:
    """The rank in the job of one who is known by the rank in a group."""
    found = resolved("get_global_rank", group)
    if found is None or not 0 <= group_rank < found.size():
        raise ValueError(f"Group rank {group_rank} is not part of group {group}")
    return found._ranks[group_rank]


def get_group_rank(group: ProcessGroup, global_rank: int) -> int:
    """The rank in a group of one who is known by the rank in the job."""
    found = resolved("get_group_rank", group)
    if found is None or global_rank not in found._ranks:
        raise ValueError(f"Global rank {global_rank} is not part of group {group}")
    return found._ranks.index(global_rank)


def get_process_group_ranks(group: ProcessGroup | None) -> list[int]:
    """The ranks in the job of those in a group, in its order."""
    found = resolved("get_process_group_ranks", group)
    return [] if found is None else list(found._ranks)


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """The place of this process on its machine.

    Args:
        fallback_rank: the answer if there was no ``init_process_group`` and the variable LOCAL_RANK
            is not set.

    Raises:
        RuntimeError: neither of the three says it.
    """
    if state.local_rank is not None:
        return state.local_rank
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if fallback_rank is not None:
        return int(fallback_rank)
    raise RuntimeError(
        "LOCAL_RANK is not in the environment. Consider passing fallback_rank to allow "
        "`get_node_local_rank` to work, assuming you are not running in a multi-device context "
        "and want the code to run locally instead."
    )


# --- debugging ---


def get_debug_level() -> DebugLevel:
    """How much is checked.

    Example:
        >>> import pullback as pb
        >>> pb.distributed.get_debug_level().name
        'OFF'
    """
    return state.level


def set_debug_level(level: DebugLevel) -> None:
    """Check more or less from now on; processes need not agree about it."""
    if not isinstance(level, DebugLevel):
        raise TypeError(
            f"set_debug_level(): argument 'level' must be DebugLevel, not {type(level).__name__}"
        )
    state.level = level


def set_debug_level_from_env() -> None:
    """What TORCH_DISTRIBUTED_DEBUG says: OFF, INFO or DETAIL; ``init_process_group`` calls it."""
    text = os.environ.get("TORCH_DISTRIBUTED_DEBUG", "OFF")
    if text not in DebugLevel.__members__:
        raise RuntimeError(
            "The value of TORCH_DISTRIBUTED_DEBUG must be OFF, INFO, or DETAIL: got " + repr(text)
        )
    state.level = DebugLevel[text]
