"""The profiler: what it counts, by operator and by line, and what it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import pullback as pb
from pullback.autograd.profiler import profile, record_function


def rows(prof: Any) -> dict[str, Any]:
    return {row.key: row for row in prof.key_averages()}


def test_operators_forward_and_backward_are_counted() -> None:
    x = pb.ones(8, requires_grad=True)
    with profile() as prof:
        for _ in range(3):
            y = (x * x + 1).exp()
            pb.sum(y).backward()
    found = rows(prof)
    assert found["mul"].count == found["exp"].count == found["sum"].count == 3
    assert found["MulBackward0"].count == found["ExpBackward0"].count == 3
    assert found["add"].count == found["backward"].count == 3
    assert found["backward"].cpu_time_total >= found["MulBackward0"].cpu_time_total > 0
    assert found["backward"].self_cpu_time_total < found["backward"].cpu_time_total


def test_memory() -> None:
    with profile() as prof:
        kept = pb.ones(1 << 18) * 2
    assert rows(prof)["mul"].cpu_memory_usage >= kept.numel() * 4


def test_lines_gather_forward_and_backward() -> None:
    x = pb.ones(8, requires_grad=True)
    with profile() as prof:
        y = x.sin()
        y.sum().backward()
    (line,) = {e.place for e in prof.function_events if e.name == "sin"}
    assert line == next(e.place for e in prof.function_events if e.name == "SinBackward0")
    assert "test_profiler.py" in line
    by_line = {row.place: row for row in prof.by_line()}
    assert by_line[line].count == 2
    grouped = prof.key_averages(group_by_line=True)
    assert {(row.key, row.place) for row in grouped} >= {("sin", line), ("SinBackward0", line)}


def test_regions_contain_what_runs_in_them() -> None:
    @record_function("layer")
    def layer(x: Any) -> Any:
        return x.exp()

    with profile() as prof, record_function("outer"):
        layer(pb.ones(2))
    outer, inner, exp = (
        next(e for e in prof.function_events if e.name == name)
        for name in ("outer", "layer", "exp")
    )
    assert (outer.depth, inner.depth, exp.depth) == (0, 1, 2)
    assert outer.start <= inner.start <= exp.start <= exp.end <= inner.end <= outer.end


def test_an_error_closes_its_events() -> None:
    x = pb.ones(2, requires_grad=True)

    def refuse(gradient: Any) -> Any:
        raise KeyError

    x.exp().register_hook(refuse)
    y = x * 2
    y.register_hook(refuse)
    with profile() as prof:
        with pytest.raises(RuntimeError):
            pb.ones(2) @ pb.ones(3)
        with pytest.raises(KeyError):
            (y * 3).sum().backward()
        pb.ones(1).exp()
    last = prof.function_events[-1]
    assert (last.name, last.depth) == ("exp", 0)


def test_table() -> None:
    with profile() as prof:
        (pb.ones(2) + 1).exp()
    text = prof.key_averages().table(sort_by="count", row_limit=1)
    assert "Self CPU" in text
    assert text.count("\n") == 5
    assert "exp" in prof.table()
    assert "test_profiler.py" in prof.by_line().table()
    with pytest.raises(ValueError, match="sort_by"):
        prof.key_averages().table(sort_by="nothing")


def test_chrome_trace(tmp_path: Path) -> None:
    with profile() as prof:
        pb.ones(2).exp()
    prof.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [e["name"] for e in events] == ["ones", "exp"]
    assert all(e["ph"] == "X" and e["dur"] >= 0 for e in events)


def test_misuse() -> None:
    prof = profile()
    with pytest.raises(RuntimeError, match="didn't finish"):
        prof.key_averages()
    with prof, pytest.raises(RuntimeError, match="running"), profile():
        pass
    with pytest.raises(RuntimeError, match="reentrant"):
        prof.__enter__()
    with profile(enabled=False) as off:
        pb.ones(2)
    assert off.function_events is None


def test_nothing_is_collected_outside() -> None:
    with record_function("nobody looks"):
        pb.ones(2)
    with profile() as prof:
        pass
    assert prof.function_events == []
