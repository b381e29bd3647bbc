"""The beginning and the end: making groups, ending them, and what an uncaught error does."""

from __future__ import annotations

import atexit
import os
import sys
import time
import traceback
import zlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pullback.distributed import _mpi
from pullback.distributed._calls import Call, here
from pullback.distributed._errors import DistBackendError, DistError
from pullback.distributed._group import (
    GroupMember,
    ProcessGroup,
    check_device,
    default_group,
    default_pg_timeout,
    set_debug_level_from_env,
    state,
)
from pullback.distributed._work import Agreement, late, share_cores, wait_until

__all__ = ["destroy_process_group", "init_process_group", "new_group"]

_MEETING = 1 << 21  # tags of meetings are from here on to twice that
_ABORT_DELAY = 2.0  # seconds in which one of those that raise the same error prints it
_DRAIN_DELAY = 0.3  # seconds in which mpirun reads what was printed before it hears of the end


def _check_backend(backend: Any) -> None:
    if backend is None:
        return
    if not isinstance(backend, str):
        raise TypeError(
            "init_process_group(): argument 'backend' must be str or None, not "
            f"{type(backend).__name__}"
        )
    if backend.lower() not in {"mpi", "cpu:mpi"}:
        raise ValueError(
            f"init_process_group(): got backend={backend!r}, expected 'mpi': pullback runs on the "
            "CPU over MPI, and mpirun starts the processes. Write init_process_group('mpi')."
        )


def _check_number(name: str, actual: int, argument: Any) -> None:
    """What was given, or is in torch's environment variable, is what MPI says."""
    if not isinstance(argument, int):
        raise TypeError(
            f"init_process_group(): argument {name!r} must be int, not {type(argument).__name__}"
        )
    variable = name.upper()
    said = {f"{name}=": argument if argument != -1 else None, f"{variable}=": None}
    if variable in os.environ:
        text = os.environ[variable]
        if not text.strip().lstrip("-").isdigit():
            raise ValueError(f"The environment variable {variable} is {text!r}, expected a number.")
        said[f"{variable}="] = int(text)
    for where, number in said.items():
        if number is not None and number != actual:
            raise ValueError(
                f"init_process_group(): got {where}{number}, but MPI says {actual}. Start the "
                "program with mpirun -n N, and leave the number out or set it to what MPI says."
            )


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: timedelta | None = None,
    world_size: int = -1,
    rank: int = -1,
    store: Any = None,
    group_name: str = "",
    pg_options: Any = None,
    device_id: Any = None,
) -> None:
    """Make the group of all processes that ``mpirun`` started; every process calls it.

    From then on an uncaught error in one process ends them all, with its traceback.

    Args:
        backend: "mpi", or None for the same.
        init_method: "env://" or None: MPI knows where the others are.
        timeout: how long a collective may take, 30 minutes by default.
        world_size: the number of processes, -1 for what MPI says; must be what MPI says, as must
            the environment variable WORLD_SIZE.
        rank: the same of the place of this process and RANK.
        store: None.
        group_name: not used, as in PyTorch.
        pg_options: None.
        device_id: None or the CPU.

    Raises:
        ValueError: another backend or method, numbers that are not MPI's, or it was called before.
        RuntimeError: mpi4py or an MPI library is not there.
    """
    if state.world is not None:
        raise ValueError("trying to initialize the default process group twice!")
    _check_backend(backend)
    if init_method not in {None, "env://"}:
        raise ValueError(
            f"init_process_group(): got init_method={init_method!r}, expected 'env://' or None: "
            "mpirun tells the processes where the others are."
        )
    for name, value in (("store", store), ("pg_options", pg_options)):
        if value is not None:
            raise ValueError(f"init_process_group(): got {name}={value!r}, expected None.")
    check_device("init_process_group", "device_id", device_id)
    timeout = _checked_timeout("init_process_group", timeout)
    del group_name
    mpi = _mpi.load()
    everyone = mpi.COMM_WORLD
    state.process = os.getpid()
    if not state.hooked:
        state.hooked = True
        sys.excepthook = _Hook(sys.excepthook)
        atexit.register(_at_exit)
    _check_number("world_size", everyone.Get_size(), world_size)
    _check_number("rank", everyone.Get_rank(), rank)
    set_debug_level_from_env()
    call = Call("init_process_group")
    arrived = everyone.Ibarrier()
    if not wait_until(lambda: bool(arrived.Test()), timeout.total_seconds()):
        raise DistBackendError(
            f"Timed out after {timeout.total_seconds():g} seconds on rank {everyone.Get_rank()} in "
            f"{call}: not all of the {everyone.Get_size()} processes call it."
        )
    machine = everyone.Split_type(mpi.COMM_TYPE_SHARED)
    share_cores(machine.Get_size() > len(os.sched_getaffinity(0)))
    state.local_rank = machine.Get_rank()
    machine.Free()
    state.world = ProcessGroup(everyone.Dup(), range(everyone.Get_size()), timeout, str(state.made))
    state.made += 1
    state.groups.append(state.world)


def _checked_timeout(function: str, timeout: Any) -> timedelta:
    if timeout is None:
        return default_pg_timeout
    if not isinstance(timeout, timedelta):
        raise TypeError(
            f"{function}(): argument 'timeout' must be timedelta, not {type(timeout).__name__}"
        )
    return timeout


def new_group(
    ranks: Sequence[int] | None = None,
    timeout: timedelta | None = None,
    backend: str | None = None,
    pg_options: Any = None,
    use_local_synchronization: bool = False,
    group_desc: str | None = None,
    device_id: Any = None,
) -> Any:
    """Make a group of some processes; all processes call it with the same ranks.

    Args:
        ranks: who is in it, None for all; a group's order is the order of the ranks.
        timeout: how long a collective of the group may take, by default the default group's.
        backend: "mpi" or None.
        pg_options: None.
        use_local_synchronization: whether only those in the group call it.
        group_desc: a name for it, in messages.
        device_id: None or the CPU.

    Returns:
        The group, or ``GroupMember.NON_GROUP_MEMBER`` for processes that are not in it.
    """
    world = default_group()
    _check_backend(backend)
    if pg_options is not None:
        raise ValueError(f"new_group(): got pg_options={pg_options!r}, expected None.")
    check_device("new_group", "device_id", device_id)
    if timeout is not None:
        timeout = _checked_timeout("new_group", timeout)
    chosen = sorted(range(world.size()) if ranks is None else ranks)
    if len(set(chosen)) != len(chosen):
        raise ValueError(f"new_group(): got ranks={list(ranks or ())}, expected each rank once.")
    if not chosen:
        raise ValueError("new_group(): got no ranks, expected at least one.")
    for each in chosen:
        if not 0 <= each < world.size():
            raise ValueError(f"new_group(): rank {each} is not in 0..{world.size() - 1}.")
    inside = world.rank() in chosen
    if not use_local_synchronization:
        call = Call("new_group", f"ranks={chosen}", must_agree=str(chosen))
        Agreement(world, call).wait(world._seconds)
    elif not inside:
        return GroupMember.NON_GROUP_MEMBER
    else:
        _meet(world, chosen)
    state.made += 1
    if not inside:
        return GroupMember.NON_GROUP_MEMBER
    mpi_group = world._comm.Get_group().Incl(chosen)
    comm = world._comm.Create_group(mpi_group, 0)
    mpi_group.Free()
    made = ProcessGroup(
        comm,
        chosen,
        timedelta(seconds=world._seconds) if timeout is None else timeout,
        group_desc or str(state.made - 1),
    )
    state.groups.append(made)
    return made


def _meet(world: ProcessGroup, chosen: Sequence[int]) -> None:
    """Wait until all of some processes are here, each by a message to and from each other one."""
    mpi = _mpi.load()
    call = Call("new_group", f"ranks={list(chosen)}, use_local_synchronization=True")
    others = [each for each in chosen if each != world.rank()]
    tag = _MEETING + zlib.crc32(str(chosen).encode()) % _MEETING
    empty = [None, 0, mpi.BYTE]
    requests = [world._reports.Irecv(empty, source=each, tag=tag) for each in others]
    requests += [world._reports.Isend(empty, dest=each, tag=tag) for each in others]
    if not wait_until(lambda: bool(mpi.Request.Testall(requests)), world._seconds):
        raise DistBackendError(late(call, world, world._seconds))


def destroy_process_group(group: Any = None) -> None:
    """End a group, or all of them: waits for what is under way and for the others.

    Args:
        group: which one, None or ``group.WORLD`` for all.

    Raises:
        ValueError: there is no default group.
        DistBackendError: the others do something else.
    """
    world = default_group()
    if isinstance(group, int) and group == GroupMember.NON_GROUP_MEMBER:
        return
    ending = list(state.groups) if group is None or group is world else [group]
    for each in ending:
        if each not in state.groups:
            raise ValueError(f"destroy_process_group(): there is no group {each}.")
    where = here()
    _finish(
        ending,
        Call("end", title=f"destroy_process_group() at {where[0]}:{where[1]}"),
        world._seconds,
    )
    for each in ending:
        state.groups.remove(each)
    if world in ending:
        state.world = None


def _finish(groups: Sequence[ProcessGroup], call: Call, seconds: float | None) -> None:
    """Wait for what is under way in groups and for the others, who must end them, too."""
    for each in groups:
        for work in list(each._pending):
            if work.exception() is None:
                work.wait()
    # All at once: the others may end them in another order.
    ends = [Agreement(each, call.again()) for each in groups]
    for end in ends:
        end.wait(seconds)
    for each in groups:
        each._free()


def _at_exit() -> None:
    """Tell those who wait for this process that it is at its end, and wait for theirs."""
    if state.process != os.getpid() or state.aborted:
        return
    main = getattr(sys.modules.get("__main__"), "__file__", "the program")
    try:
        _finish(state.groups, Call("end", title=f"the end of {main}"), None)
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are not left waiting
        if getattr(error, "everywhere", False):
            time.sleep(_ABORT_DELAY)
        else:
            traceback.print_exc()
        _abort()


def _abort() -> None:
    state.aborted = True
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    time.sleep(_DRAIN_DELAY)
    _mpi.load().COMM_WORLD.Abort(1)


class _Hook:
    """Prints an uncaught error and ends the job, also the processes that wait for this one."""

    def __init__(self, before: Any) -> None:
        self._before = before

    def __call__(self, kind: Any, error: BaseException, trace: Any) -> None:
        alone = state.process != os.getpid() or _mpi.load().COMM_WORLD.Get_size() == 1
        if alone or _mpi.load().Is_finalized():
            self._before(kind, error, trace)
            return
        # All raise it: the first prints it and ends the others.
        if isinstance(error, DistError) and error.everywhere:
            time.sleep(_ABORT_DELAY * bool(_mpi.load().COMM_WORLD.Get_rank()))
        self._before(kind, error, trace)
        _abort()
