"""``Timer``: how long a piece of code takes."""

from __future__ import annotations

import enum
import timeit
from collections.abc import Callable
from timeit import default_timer as timer
from typing import Any, NoReturn

from pullback import _arguments
from pullback.utils.benchmark.utils.common import Measurement, TaskSpec, set_torch_threads

__all__ = ["Language", "Timer", "timer"]


class Language(enum.Enum):
    """In what a piece of code is written; only Python can be measured."""

    PYTHON = 0
    CPP = 1


class Timer:
    """Measures a statement, on one thread unless more are asked for.

    Args:
        stmt: the code.
        setup: code that runs once before.
        global_setup: for C++ only, empty.
        timer: gives the time in seconds.
        globals: the names that the code uses.
        label: names what is measured, in a table its title.
        sub_label: names the row.
        description: names the column.
        env: names the environment.
        num_threads: how many threads are used.
        language: ``Language.PYTHON`` or "python".

    Raises:
        ValueError: another language.

    Example:
        >>> import pullback as pb
        >>> from pullback.utils.benchmark import Timer
        >>> timer = Timer("x + 1", globals={"x": pb.ones(3)})
        >>> measured = timer.timeit(10)
        >>> measured.number_per_run, len(measured.times)
        (10, 1)
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Any = Language.PYTHON,
    ) -> None:
        _arguments.texts("Timer", stmt=stmt, setup=setup)
        if language not in (Language.PYTHON, "py", "python") or global_setup:
            raise ValueError(
                f"Timer: got language={language!r}, expected Language.PYTHON: code in C++ cannot "
                "be built."
            )
        names = dict(globals or {})
        if "torch" not in names:
            import pullback

            names["torch"] = pullback
        self._task_spec = TaskSpec(
            stmt, setup, global_setup, label, sub_label, description, env, num_threads
        )
        self._timer = timeit.Timer(stmt, setup, timer, names)

    def timeit(self, number: int = 1000000) -> Measurement:
        """One time, of so many runs."""
        with set_torch_threads(self._task_spec.num_threads):
            self._timer.timeit(max(number // 100, 1))  # warms up
            taken = self._timer.timeit(number)
        return Measurement(number, [taken], self._task_spec)

    def repeat(self, repeat: int = -1, number: int = -1) -> NoReturn:
        """Raises: use ``blocked_autorange``."""
        del repeat, number
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def autorange(self, callback: Any = None) -> NoReturn:
        """Raises: use ``blocked_autorange``."""
        del callback
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def _block_size(self, min_run_time: float) -> int:
        """As many runs as take a thousandth of the time, so that the clock is not what is seen."""
        number = 1
        while True:
            taken = self._timer.timeit(number)
            if taken >= min(min_run_time / 1000, 0.1) or taken > min_run_time:
                return number
            number *= 10

    def _times(
        self, number: int, stop: Callable[[list[float], float], bool], max_run_time: float
    ) -> list[float]:
        times: list[float] = []
        total = 0.0
        while total < max_run_time:
            times.append(self._timer.timeit(number))
            total += times[-1]
            if stop(times, total):
                break
        return times

    def blocked_autorange(
        self, callback: Callable[[int, float], Any] | None = None, min_run_time: float = 0.2
    ) -> Measurement:
        """Times of blocks of runs, until so many seconds have passed.

        Args:
            callback: gets the number of runs and the time of each block.
            min_run_time: in seconds.
        """
        with set_torch_threads(self._task_spec.num_threads):
            number = self._block_size(min_run_time)

            def stop(times: list[float], total: float) -> bool:
                if callback is not None:
                    callback(number, times[-1])
                return total >= min_run_time

            times = self._times(number, stop, float("inf"))
        return Measurement(number, times, self._task_spec)

    def adaptive_autorange(
        self,
        threshold: float = 0.1,
        *,
        min_run_time: float = 0.01,
        max_run_time: float = 10.0,
        callback: Callable[[int, float], Any] | None = None,
    ) -> Measurement:
        """The same, until the quartiles are close to each other.

        Args:
            threshold: their distance as a part of the median.
            min_run_time: seconds that pass at least.
            max_run_time: seconds that pass at most.
            callback: gets the number of runs and the time of each block.
        """
        with set_torch_threads(self._task_spec.num_threads):
            number = self._block_size(0.05)

            def stop(times: list[float], total: float) -> bool:
                if callback is not None:
                    callback(number, times[-1])
                enough = total > min_run_time and len(times) > 3
                measured = Measurement(number, times, self._task_spec)
                return enough and measured.meets_confidence(threshold)

            times = self._times(number, stop, max_run_time)
        return Measurement(number, times, self._task_spec)

    def collect_callgrind(self, *_: Any, **__: Any) -> NoReturn:
        """Raises: instructions are counted by running the program in valgrind."""
        raise NotImplementedError(
            "Timer.collect_callgrind: pullback does not start valgrind. Run the program in it: "
            "valgrind --tool=callgrind python program.py"
        )
