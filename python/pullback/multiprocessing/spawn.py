"""``spawn``: one function in several processes, and what becomes of them."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import Any

__all__ = [
    "ProcessContext",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "SpawnContext",
    "spawn",
    "start_processes",
]

_GRACE = 30.0  # seconds for the others to end once one has failed


class ProcessException(Exception):  # noqa: N818 - torch's name
    """A process of ``spawn`` failed: ``error_index`` says which, ``error_pid`` its number."""

    def __init__(self, msg: str, error_index: int, error_pid: int) -> None:
        """The message, which of the processes, and its number."""
        super().__init__(msg)
        self.msg = msg
        self.error_index = error_index
        self.error_pid = error_pid

    def __reduce__(self) -> Any:
        return type(self), (self.msg, self.error_index, self.error_pid)


class ProcessRaisedException(ProcessException):
    """It raised an exception, whose traceback is the message."""


class ProcessExitedException(ProcessException):
    """It ended by a signal or with an exit code other than 0."""

    def __init__(
        self,
        msg: str,
        error_index: int,
        error_pid: int,
        exit_code: int,
        signal_name: str | None = None,
    ) -> None:
        """The same, with the exit code, and the name of the signal."""
        super().__init__(msg, error_index, error_pid)
        self.exit_code = exit_code
        self.signal_name = signal_name

    def __reduce__(self) -> Any:
        arguments = self.msg, self.error_index, self.error_pid, self.exit_code, self.signal_name
        return type(self), arguments


def _run(fn: Callable[..., Any], index: int, args: tuple[Any, ...], error_file: str) -> None:
    """What a process runs; its traceback goes into the file."""
    try:
        fn(index, *args)
    except KeyboardInterrupt:
        pass
    except Exception:  # noqa: BLE001 - goes to the one who joins
        with open(error_file, "w", encoding="utf-8") as file:
            file.write(traceback.format_exc())
        sys.exit(1)


class ProcessContext:
    """The processes of ``start_processes``.

    Args:
        processes: the processes.
        error_files: for each the file that its traceback goes to.
    """

    def __init__(self, processes: list[Any], error_files: list[str]) -> None:
        """The processes and the files of their tracebacks."""
        self.processes = processes
        self.error_files = error_files
        self.sentinels = {process.sentinel: i for i, process in enumerate(processes)}

    def pids(self) -> list[int]:
        """The numbers of the processes."""
        return [process.pid for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Wait for one more process to end, or for the time to pass; True when all have ended.

        Args:
            timeout: seconds; None waits as long as it takes.
            grace_period: seconds that the others have to end once one has failed, before they are
                killed.

        Raises:
            ProcessRaisedException: a process raised an exception.
            ProcessExitedException: a process ended otherwise than by returning.
        """
        if not self.sentinels:
            return True
        ready = multiprocessing.connection.wait(list(self.sentinels), timeout)
        failed = None
        for sentinel in ready:
            index = self.sentinels.pop(sentinel)
            self.processes[index].join()
            if self.processes[index].exitcode != 0:
                failed = index if failed is None else failed
        if failed is None:
            if not self.sentinels:
                self._remove_files()
            return not self.sentinels
        self._end(_GRACE if grace_period is None else grace_period)
        self._raise(failed)
        return True

    def _end(self, grace: float) -> None:
        for process in self.processes:
            if process.is_alive():
                process.terminate()
        deadline = time.monotonic() + grace
        for process in self.processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()

    def _raise(self, index: int) -> None:
        process = self.processes[index]
        try:
            with open(self.error_files[index], encoding="utf-8") as file:
                text = file.read()
        finally:
            self._remove_files()
        if text:
            raise ProcessRaisedException(
                f"\n\n-- Process {index} terminated with the following error:\n{text}",
                index,
                process.pid,
            )
        code = process.exitcode
        if code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = f"<Unknown signal {-code}>"
            raise ProcessExitedException(
                f"process {index} terminated with signal {name}", index, process.pid, code, name
            )
        raise ProcessExitedException(
            f"process {index} terminated with exit code {code}", index, process.pid, code
        )

    def _remove_files(self) -> None:
        for name in self.error_files:
            if os.path.exists(name):
                os.remove(name)


SpawnContext = ProcessContext


def start_processes(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Run ``fn(i, *args)`` in processes numbered by i.

    Args:
        fn: a function that a fresh process can import.
        args: more arguments; tensors among them are shared.
        nprocs: how many processes.
        join: wait for all of them; else the context is returned.
        daemon: whether they end with this process.
        start_method: "spawn", "fork" or "forkserver".

    Raises:
        ProcessRaisedException: a process raised an exception; the others are ended.
        ProcessExitedException: a process ended otherwise than by returning.
    """
    context: Any = multiprocessing.get_context(start_method)
    processes, files = [], []
    for index in range(nprocs):
        descriptor, name = tempfile.mkstemp(prefix="pullback-errors-")
        os.close(descriptor)
        process = context.Process(target=_run, args=(fn, index, args, name), daemon=daemon)
        process.start()
        processes.append(process)
        files.append(name)
    started = ProcessContext(processes, files)
    if not join:
        return started
    while not started.join():
        pass
    return None


def spawn(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """``start_processes`` with fresh processes; see there."""
    if start_method != "spawn":
        raise ValueError(
            f"spawn: got start_method={start_method!r}, expected 'spawn'. Use start_processes."
        )
    return start_processes(fn, args, nprocs, join, daemon, start_method)
