"""``Work``: a collective or a message under way, and how processes wait for it."""

from __future__ import annotations

import array
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pullback import Tensor
from pullback.distributed import _mpi
from pullback.distributed._calls import Call
from pullback.distributed._errors import DistBackendError
from pullback.futures import Future

if TYPE_CHECKING:
    from pullback.distributed._group import ProcessGroup

__all__ = ["Agreement", "Work", "late", "share_cores", "wait_until"]

# Seconds. Who sleeps is soon awake again on a busy machine; who yields is behind all others.
_FIRST_SLEEP, _LONGEST_SLEEP = 2e-5, 1e-3
_busy = [1e-4]  # before the first sleep
_DESCRIPTION = 1024  # bytes of one call in an error
_EXCHANGE = 30.0  # seconds for the exchange of descriptions


def share_cores(shared: bool) -> None:
    """Whether the processes on this machine are more than its cores: then nobody waits awake."""
    _busy[0] = 0.0 if shared else 1e-4


def wait_until(done: Callable[[], bool], seconds: float | None) -> bool:
    """Ask until it is done, leaving the processor to others; False if the time is over."""
    if done():
        return True
    start = time.monotonic()
    sleep = _FIRST_SLEEP
    while not done():
        waited = time.monotonic() - start
        if seconds is not None and waited > seconds:
            return False
        if waited > _busy[0]:
            time.sleep(sleep)
            sleep = min(1.2 * sleep, _LONGEST_SLEEP)
    return True


class Agreement:
    """Whether all processes of a group make the same call; see NOTE [Agreement]."""

    def __init__(self, group: ProcessGroup, call: Call) -> None:
        if group._ended:
            raise ValueError(f"{call.name}(): {group} has been destroyed.")
        self._group = group
        self._call = call
        call.number = group._next_number()
        self._request: Any = None
        if group.size() == 1:
            return
        mpi = _mpi.load()
        print_ = call.fingerprint()
        # The least of x, and of -x, which is the largest of x.
        self._range = array.array("q", [print_, -print_])
        self._request = group._checks.Iallreduce(
            mpi.IN_PLACE, [self._range, 2, mpi.INT64_T], mpi.MIN
        )

    def test(self) -> bool:
        """Whether the answer is there.

        Raises:
            DistBackendError: it is no.
        """
        if self._request is None:
            return True
        if not self._request.Test():
            return False
        self._request = None
        if self._range[0] != -self._range[1]:
            self._disagree()
        return True

    def wait(self, seconds: float | None) -> None:
        """Raises DistBackendError, too, if not all answer in time."""
        if not wait_until(self.test, seconds):
            self._group._kept.append(self)  # MPI may still write to its numbers
            raise DistBackendError(late(self._call, self._group, seconds))

    def _disagree(self) -> None:
        group = self._group
        mine = str(self._call).encode()[:_DESCRIPTION].ljust(_DESCRIPTION)
        all_ = bytearray(_DESCRIPTION * group.size())
        request = group._reports.Iallgather(bytearray(mine), all_)
        if not wait_until(lambda: bool(request.Test()), min(_EXCHANGE, group._seconds)):
            group._kept.append((request, all_))
            raise DistBackendError(
                f"The processes of {group} do not make the same call. This one makes "
                f"{self._call}; not all others said theirs in {_EXCHANGE} seconds."
            )
        calls: dict[str, list[int]] = {}
        for place, rank in enumerate(group._ranks):
            text = bytes(all_[place * _DESCRIPTION : (place + 1) * _DESCRIPTION]).decode(
                errors="replace"
            )
            calls.setdefault(text.rstrip(), []).append(rank)
        lines = [
            f"  rank{'s' if len(ranks) > 1 else ''} {', '.join(map(str, ranks))}: {text}"
            for text, ranks in calls.items()
        ]
        error = DistBackendError(
            f"The processes of {group} do not make the same call. Call {self._call.number} is\n"
            + "\n".join(lines)
            + "\nAll of them must call the same function with the same types, shapes and settings."
        )
        error.everywhere = True
        raise error


def late(call: Call, group: ProcessGroup, seconds: float | None) -> str:
    """What is said when the time is over."""
    return (
        f"Timed out after {seconds:g} seconds on rank {group._global_rank()} in call "
        f"{call.number} of {group}: {call}. Another process does not make this call, or is slow: "
        "look at what the others do, set TORCH_DISTRIBUTED_DEBUG=DETAIL to compare all calls, or "
        "give init_process_group a longer timeout."
    )


class _WorkFuture(Future[Any]):
    """A future that is brought about by waiting for its work."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work
        self._drive = work._settle

    def done(self) -> bool:
        return self._done.is_set() or self._work.is_completed()


class Work:
    """What ``async_op=True`` gives: something that is under way.

    The memory of its tensors belongs to it until ``wait`` returns or ``is_completed`` is True.
    Results are in their tensors from then on. MPI makes progress while one of its functions
    runs: waiting for or asking about any work drives all of them.
    """

    def __init__(
        self,
        group: ProcessGroup,
        call: Call,
        agreement: Agreement | None,
        start: Callable[[], list[Any]],
        finish: Callable[[], None] | None = None,
        results: Sequence[Tensor] = (),
        source: int = -1,
    ) -> None:
        self._group = group
        self._call = call
        self._agreement = agreement
        self._finish = finish
        self._results = list(results)
        self._source = source
        self._done = False
        self._error: BaseException | None = None
        self._future: _WorkFuture | None = None
        self._requests: list[Any] = []
        self._start: Callable[[], list[Any]] | None = start
        if agreement is None:
            self._begin()
        elif group._checks_first():
            agreement.wait(group._seconds)
        group._pending.append(self)
        if agreement is not None:
            group._waiting.append(self)
        group._poke()

    def _begin(self) -> None:
        start, self._start = self._start, None
        if start is not None:
            self._requests = start()

    def _agreed(self) -> bool:
        """Whether it has begun or failed, or does so now."""
        try:
            if self._agreement is not None and not self._agreement.test():
                return False
            self._agreement = None
            self._begin()
        except BaseException as error:
            self._fail(error)
            if not isinstance(error, Exception):
                raise
        return True

    def _fail(self, error: BaseException) -> None:
        self._error = error
        self._group._pending.remove(self)
        if self._requests:  # MPI may still write there
            self._group._kept.append(self)
        failed = self._future is None or self._future._done.is_set()
        if self._future is not None and not failed and isinstance(error, Exception):
            self._future.set_exception(error)

    def _advance(self) -> bool:
        """One step: whether all is done."""
        if self._start is not None:
            self._group._begin_agreed()
        if self._error is not None:
            raise self._error
        if self._done:
            return True
        if self._start is not None:
            return False
        try:
            if not self._arrived():
                return False
            if self._finish is not None:
                self._finish()
        except BaseException as error:
            self._fail(error)
            raise
        self._done = True
        self._finish = None
        self._group._pending.remove(self)
        if self._future is not None:
            self._future.set_result(self._results)
        return True

    def _arrived(self) -> bool:
        if not self._requests:
            return True
        mpi = _mpi.load()
        try:
            if not mpi.Request.Testall(self._requests):
                return False
        except mpi.Exception as error:
            raise DistBackendError(
                f"{self._call} on rank {self._group._global_rank()}: {error.Get_error_string()}. "
                "Sizes or types of the two sides differ."
            ) from error
        self._requests = []
        return True

    def _settle(self) -> None:
        """Wait; an error is left to those who ask."""
        try:
            self.wait()
        except Exception:  # noqa: BLE001 - it is in the future now
            return

    def wait(self, timeout: timedelta | None = None) -> bool:
        """Wait until it is done.

        Args:
            timeout: at most this long; by default the group's.

        Returns:
            True.

        Raises:
            DistBackendError: it took longer, or the processes do not make the same call.
        """
        seconds = self._group._seconds if not timeout else timeout.total_seconds()
        if not wait_until(self._advance, seconds):
            error = DistBackendError(late(self._call, self._group, seconds))
            self._error = error  # the memory stays with it in the list of the pending
            if self._future is not None:
                self._future.set_exception(error)
            raise error
        return True

    def is_completed(self) -> bool:
        """Whether it is done, or has failed."""
        try:
            return self._advance()
        except Exception:  # noqa: BLE001 - a failure is an end; wait() raises it
            return True

    def is_success(self) -> bool:
        """Whether it is done and has not failed."""
        return self.is_completed() and self._error is None

    def exception(self) -> BaseException | None:
        """What it failed with, or None."""
        return self._error

    def result(self) -> list[Tensor]:
        """The tensors with the results, after waiting for them."""
        self.wait()
        return self._results

    def synchronize(self) -> None:
        """Wait."""
        self.wait()

    def source_rank(self) -> int:
        """Of a received message: the rank of who sent it."""
        self.wait()
        return self._source

    def get_future(self) -> Future[list[Tensor]]:
        """A future of the list of results; whoever waits for it drives the work."""
        if self._future is None:
            self._future = _WorkFuture(self)
            if self._done:
                self._future.set_result(self._results)
            elif isinstance(self._error, Exception):
                self._future.set_exception(self._error)
        return self._future
