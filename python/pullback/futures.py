"""``Future``: a value that is not there yet, and functions that run once it is."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

__all__ = ["Future", "collect_all", "wait_all"]

T = TypeVar("T")
S = TypeVar("S")


class Future(Generic[T]):
    """A place for one value, which some thread sets and others wait for.

    Args:
        devices: None or empty: values live on the CPU.

    Example:
        >>> import pullback as pb
        >>> future = pb.futures.Future()
        >>> doubled = future.then(lambda f: 2 * f.value())
        >>> future.set_result(3)
        >>> doubled.wait()
        6
    """

    def __init__(self, *, devices: Sequence[Any] | None = None) -> None:
        if devices:
            raise ValueError(f"Future: got devices={devices!r}, expected none: there is the CPU.")
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._result: Any = None
        self._error: BaseException | None = None
        # What brings it about, for one that no thread does; else None.
        self._drive: Callable[[], Any] | None = None

    def done(self) -> bool:
        """Whether it has a value or an error."""
        return self._done.is_set()

    def wait(self) -> T:
        """The value, once it is there; an error that was set is raised."""
        if self._drive is not None and not self._done.is_set():
            self._drive()
        self._done.wait()
        return self.value()

    def value(self) -> T:
        """The value, which must be there.

        Raises:
            RuntimeError: it is not.
        """
        if not self.done():
            raise RuntimeError("Future.value: there is no value yet. wait() waits for it.")
        if self._error is not None:
            raise self._error
        result: T = self._result
        return result

    def _complete(self, result: Any, error: BaseException | None) -> None:
        with self._lock:
            if self._done.is_set():
                raise RuntimeError(
                    "Attempting to mark a completed Future as complete again. Note that a Future "
                    "can only be marked completed once."
                )
            self._result, self._error = result, error
            self._done.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def set_result(self, result: T) -> None:
        """Give it its value, and run what waits for that."""
        self._complete(result, None)

    def set_exception(self, result: BaseException) -> None:
        """Give it an error instead, which ``wait`` and ``value`` raise."""
        if not isinstance(result, Exception):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._complete(None, result)

    def _when_done(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if not self._done.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def _settle(self) -> None:
        """Wait; an error is left to those who ask for the value."""
        with contextlib.suppress(Exception):
            self.wait()

    def then(self, callback: Callable[[Future[T]], S]) -> Future[S]:
        """A future of what a function of this one gives, which runs once this one is done."""
        after: Future[S] = Future()
        if self._drive is not None:
            after._drive = self._settle

        def run() -> None:
            try:
                result = callback(self)
            except Exception as error:  # noqa: BLE001 - whatever it is, the future raises it
                text = f"Got the following error when running the callback: {error!r}"
                failed = RuntimeError(text)
                failed.__cause__ = error
                after.set_exception(failed)
            else:
                after.set_result(result)

        self._when_done(run)
        return after

    def add_done_callback(self, callback: Callable[[Future[T]], None]) -> None:
        """Run a function of this future once it is done; an error in it is only printed."""

        def run() -> None:
            try:
                callback(self)
            except Exception:  # noqa: BLE001 - whatever it is, the others that wait still run
                traceback.print_exc()

        self._when_done(run)


def collect_all(futures: list[Future[Any]]) -> Future[list[Future[Any]]]:
    """A future of all these futures, which is done when all are.

    Args:
        futures: any number of futures.
    """
    futures = list(futures)
    all_done: Future[list[Future[Any]]] = Future()
    left = len(futures)
    lock = threading.Lock()

    def one_more() -> None:
        nonlocal left
        with lock:
            left -= 1
            last = left == 0
        if not last:
            return
        failed = [f._error for f in futures if f._error is not None]
        if failed and isinstance(failed[0], Exception):
            all_done.set_exception(failed[0])
        else:
            all_done.set_result(futures)

    if any(each._drive is not None for each in futures):

        def drive() -> None:
            for each in futures:
                each._settle()

        all_done._drive = drive
    if not futures:
        all_done.set_result(futures)
    for each in futures:
        each._when_done(one_more)
    return all_done


def wait_all(futures: list[Future[Any]]) -> list[Any]:
    """The values of all, once they are there; the first error is raised.

    Args:
        futures: any number of futures.

    Example:
        >>> import pullback as pb
        >>> future = pb.futures.Future()
        >>> future.set_result(1)
        >>> pb.futures.wait_all([future])
        [1]
    """
    return [each.wait() for each in collect_all(futures).wait()]
