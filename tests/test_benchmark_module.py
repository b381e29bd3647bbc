"""torch.utils.benchmark: what is said of times, with a clock that is told what to say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import pullback as pb
from pullback.utils.benchmark import Compare, Measurement, TaskSpec, Timer, select_unit
from pullback.utils.benchmark.utils.common import ordered_unique, set_torch_threads, trim_sigfig


def clock(step: float) -> Callable[[], float]:
    """Each look at it is this many seconds later."""
    now = 0.0

    def look() -> float:
        nonlocal now
        now += step
        return now

    return look


def test_a_timer() -> None:
    seen = []
    timer = Timer("seen.append(torch.ones(1))", globals={"seen": seen}, timer=clock(0.5))
    measured = timer.timeit(100)
    assert len(seen) == 101
    assert measured.times == [0.005]
    blocks = []
    measured = timer.blocked_autorange(lambda n, t: blocks.append((n, t)), min_run_time=2.0)
    assert blocks == [(1, 0.5)] * 4
    assert (measured.median, measured.iqr, len(measured.times)) == (0.5, 0.0, 4)
    measured = timer.adaptive_autorange(min_run_time=1.0)
    assert len(measured.times) == 4
    with pytest.raises(ValueError, match=r"expected Language\.PYTHON"):
        Timer("a", language="c++")
    with pytest.raises(NotImplementedError, match="blocked_autorange"):
        timer.autorange()
    with pytest.raises(NotImplementedError, match="valgrind"):
        timer.collect_callgrind()


def test_a_measurement() -> None:
    spec = TaskSpec("f(x)", label="kinds", sub_label="small", description="new", num_threads=2)
    measured = Measurement(10, [0.1, 0.2, 0.3, 0.4], spec)
    assert measured.times == pytest.approx([0.01, 0.02, 0.03, 0.04])
    assert measured.mean == pytest.approx(0.025)
    assert measured.median == pytest.approx(0.025)
    assert measured.iqr == pytest.approx(0.015)
    assert measured.has_warnings
    assert measured.label == "kinds"
    text = repr(measured)
    for part in ("kinds: small", "Median:", "4 measurements, 10 runs per measurement, 2 threads"):
        assert part in text
    (merged,) = Measurement.merge([measured, measured])
    assert len(merged.times) == 8
    with pytest.raises(ValueError, match="no times"):
        Measurement(1, [], spec)


def test_a_table_of_measurements() -> None:
    def of(seconds: float, name: str, column: str, threads: int = 1) -> Measurement:
        spec = TaskSpec("f", label="t", sub_label=name, description=column, num_threads=threads)
        return Measurement(1, [seconds], spec)

    table = Compare([of(1e-3, "a", "old"), of(2e-3, "a", "new"), of(4e-3, "b", "old")])
    table.extend_results([of(5e-4, "a", "old", 4)])
    table.trim_significant_figures()
    lines = str(table).splitlines()
    assert [part.strip() for part in lines[1].split("|")] == ["", "old", "new"]
    rows = [[part.strip() for part in line.split("|")] for line in lines if "|" in line][1:]
    assert rows == [
        ["a", "1000", "2000"],
        ["b", "4000", ""],
        ["a", "500", ""],
        ["b", "", ""],
    ]
    assert lines[-1] == "Times are in microseconds (us)."
    with pytest.raises(ValueError, match="instance of `Measurement`"):
        Compare([3])  # type: ignore[list-item]


def test_small_helpers() -> None:
    assert [select_unit(t)[0] for t in (5, 0.5, 5e-4, 5e-8, 0)] == ["s", "ms", "us", "ns", "ns"]
    assert trim_sigfig(0.012345, 3) == 0.0123
    assert ordered_unique([3, 1, 3]) == [3, 1]
    before = pb.get_num_threads()
    with set_torch_threads(1):
        assert pb.get_num_threads() == 1
    assert pb.get_num_threads() == before
