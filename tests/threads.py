"""Work on several threads at once, whose exceptions reach the test."""

from __future__ import annotations

import threading
from collections.abc import Callable

THREADS = 4


def together(work: Callable[[int], None]) -> None:
    """Runs `work(number)` on several threads from one moment on; the first exception is raised."""
    start = threading.Barrier(THREADS)
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            start.wait()
            work(number)
        except BaseException as error:  # noqa: BLE001 - it is raised below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive(), "a thread does not come to an end"
    if failures:
        raise failures[0]
