"""How jobs end: with one traceback, a code that is not zero, within seconds, and nobody left."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import pytest

from mpi_jobs import PROGRAMS, job, needs_mpi

PROGRAM = str(PROGRAMS / "failing.py")
SECONDS = 60  # of patience with a machine under load; most end in one

pytestmark = needs_mpi


def still_running(token: str) -> list[str]:
    """Processes of one job, which has a word of its own among its arguments."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = each.read_bytes().split(b"\0")
        except OSError:
            continue
        if token.encode() in words:
            found.append(each.parent.name)
    return found


def fails(
    how: str, patience: str = "60", processes: int = 2, env: dict[str, str] | None = None
) -> str:
    token = f"job-{uuid.uuid4()}"
    done = job(processes, PROGRAM, how, patience, token, seconds=SECONDS, env=env)
    assert done.code != 0
    deadline = time.monotonic() + 10
    while still_running(token) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not still_running(token)
    return done.err


@pytest.mark.parametrize("processes", [2, 4])
@pytest.mark.parametrize("how", ["raises", "raises in backward"])
def test_who_raises_ends_the_job_with_its_traceback(how: str, processes: int) -> None:
    said = fails(how, processes=processes)
    assert said.count("Traceback (most recent call last)") == 1
    assert said.count("ValueError: of its own") == 1


def test_who_finds_wrong_variables_ends_the_job() -> None:
    said = fails("raises", env={"RANK": "1"})
    assert said.count("Traceback (most recent call last)") == 1
    assert "RANK=1, but MPI says 0" in said


@pytest.mark.parametrize("processes", [2, 4])
def test_who_is_killed_ends_the_job(processes: int) -> None:
    assert "Traceback" not in fails("is killed", processes=processes)


def test_who_has_ended_is_named() -> None:
    said = fails("exits")
    assert said.count("Traceback (most recent call last)") == 1
    assert "rank 0: all_reduce(float32 [3], op=SUM) at " in said
    assert "rank 1: the end of " in said


@pytest.mark.parametrize("processes", [2, 4])
@pytest.mark.parametrize("how", ["differs", "differs later"])
def test_calls_that_differ_are_named_once(how: str, processes: int) -> None:
    said = fails(how, processes=processes)
    assert said.count("Traceback (most recent call last)") == 1
    assert "all_reduce(float32 [3], op=SUM) at " in said
    assert f"rank {processes - 1}: all_reduce(float32 [4], op=SUM) at " in said
    assert said.count("failing.py:") >= 2


def test_in_debug_mode_the_call_itself_raises() -> None:
    done = job(2, PROGRAM, "differs later", seconds=SECONDS)
    assert "went on" in done.out
    done = job(
        2, PROGRAM, "differs later", seconds=SECONDS, env={"TORCH_DISTRIBUTED_DEBUG": "DETAIL"}
    )
    assert done.code != 0
    assert "went on" not in done.out


def test_who_does_not_call_is_waited_for_until_the_time_is_over() -> None:
    said = fails("does not call", "2")
    assert "Timed out after 2 seconds on rank 0 in call 2 of" in said
    assert "broadcast(float32 [3], src=0) at " in said
    assert said.count("Traceback (most recent call last)") == 1


def test_who_does_not_begin_or_make_a_group() -> None:
    said = fails("does not begin", "2")
    assert "Timed out after 2 seconds on rank 1 in init_process_group() at " in said
    said = fails("does not make the group", "2")
    assert "new_group(ranks=[0, 1], use_local_synchronization=True) at " in said


def test_a_message_that_does_not_come() -> None:
    said = fails("does not send", "2")
    assert "Timed out after 2 seconds on rank 0" in said
    assert "recv(float32 [3], src=1, tag=0) at " in said


def test_a_message_of_another_type_is_named() -> None:
    said = fails("sends another type", "2")
    assert "recv(float32 [3], src=1, tag=7) at " in said
    assert "Waiting is a message of 24 bytes of float64 with tag=7 from rank 1" in said


def test_a_monitored_barrier_names_who_did_not_come() -> None:
    said = fails("does not come", processes=3)
    assert "Rank 0: rank 1 did not come in 1 seconds to monitored_barrier() at " in said


def test_an_error_that_is_caught_is_no_end() -> None:
    done = job(2, PROGRAM, "catches", seconds=SECONDS)
    assert (done.code, done.out.count("done"), done.err) == (0, 2, "")
