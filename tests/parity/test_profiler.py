"""The profiler beside PyTorch's: arguments, columns, attributes, what is counted."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

import pullback as pb
from pullback.autograd import profiler as ours
from pullback.autograd import profiler_util as our_lists

torch = pytest.importorskip("torch")
theirs = torch.autograd.profiler
their_lists = torch.autograd.profiler_util

LIBRARIES = [pytest.param((pb, ours), id="pullback"), pytest.param((torch, theirs), id="torch")]


def run(library: Any, profiler: Any, **options: Any) -> Any:
    x = library.ones(3, 3, requires_grad=True)
    with profiler.profile(use_cpu=True, **options) as prof:
        with profiler.record_function("forward"):
            y = (x @ x).exp()
        y.sum().backward()
    return prof


def names_of(prof: Any) -> dict[str, int]:
    """Counts without what is only there: namespaces, and helpers of the backward pass."""
    found: dict[str, int] = {}
    for row in prof.key_averages():
        name = row.key.removeprefix("aten::").removeprefix("autograd::engine::evaluate_function: ")
        found[name] = row.count
    return found


def header(table: str) -> list[str]:
    line = next(line for line in table.splitlines() if line.lstrip().startswith("Name"))
    return [name.strip() for name in line.split("  ") if name.strip()]


def test_both_count_the_same() -> None:
    mine, their = names_of(run(pb, ours)), names_of(run(torch, theirs))
    for name in ("forward", "matmul", "exp", "sum", "SumBackward0", "ExpBackward0", "MmBackward0"):
        assert mine[name] == their[name] == 1, name


@pytest.mark.parametrize("options", [{}, {"record_shapes": True}, {"profile_memory": True}])
def test_columns(options: Any) -> None:
    shapes = bool(options.get("record_shapes"))
    mine, their = (
        header(run(*each, **options).key_averages(group_by_input_shape=shapes).table())
        for each in ((pb, ours), (torch, theirs))
    )
    assert mine == their


@pytest.mark.parametrize("each", LIBRARIES)
def test_what_scripts_do(each: Any, tmp_path: Path) -> None:
    library, profiler = each
    prof = run(library, profiler, record_shapes=True, profile_memory=True)
    table = prof.key_averages(group_by_input_shape=True).table(
        sort_by="self_cpu_time_total", row_limit=5
    )
    assert "Self CPU time total" in table
    assert "Input Shapes" in table
    assert prof.key_averages().table(sort_by="cpu_memory_usage", header="Mine", time_unit="us")
    total = prof.total_average()
    assert total.key == "Total"
    assert total.self_cpu_time_total == pytest.approx(prof.self_cpu_time_total)
    for row in prof.key_averages():
        assert row.cpu_time_total >= row.self_cpu_time_total
        assert row.cpu_time == pytest.approx(row.cpu_time_total / row.count)
        assert row.cpu_time_total_str[-1] == "s"
    for event in prof.function_events:
        assert event.time_range.elapsed_us() == pytest.approx(event.cpu_time_total)
        assert all(child.cpu_parent is event for child in event.cpu_children)
    exp = next(e for e in prof.function_events if e.name.endswith("exp"))
    node = next(e for e in prof.function_events if e.name == "ExpBackward0")
    assert exp.sequence_nr == node.sequence_nr
    assert exp.input_shapes == node.input_shapes == [[3, 3]]
    prof.export_chrome_trace(str(tmp_path / "trace.json"))
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert {"forward", "ExpBackward0"} <= {e.get("name") for e in trace["traceEvents"]}


@pytest.mark.parametrize("each", LIBRARIES)
def test_misuse(each: Any) -> None:
    library, profiler = each
    prof = profiler.profile(use_cpu=True)
    with prof:
        library.ones(2)
    with pytest.raises(RuntimeError, match="not reentrant"):
        prof.__enter__()
    with pytest.raises(AttributeError):
        prof.key_averages().table(sort_by="nothing")
    with pytest.raises(ValueError, match="metric should be one of"):
        prof.function_events.export_stacks("/nowhere", "nothing")
    with profiler.profile(enabled=False) as off:
        library.ones(2)
    with pytest.raises((RuntimeError, AttributeError), match=r"didn't finish|NoneType"):
        off.key_averages()


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("mine", "their"),
    [
        (our_lists.EventList.table, their_lists.EventList.table),
        (ours.record_function.__init__, theirs.record_function.__init__),
        (ours.emit_nvtx.__init__, theirs.emit_nvtx.__init__),
        (ours.emit_itt.__init__, theirs.emit_itt.__init__),
        (ours.profile.export_stacks, theirs.profile.export_stacks),
    ],
)
def test_parameters(mine: Any, their: Any) -> None:
    assert parameters(mine) == parameters(their)


def test_parameters_in_the_same_order() -> None:
    """Ours may miss some at the end, and has `group_by_line` more."""
    trace = parameters(theirs.profile.export_chrome_trace)
    assert parameters(ours.profile.export_chrome_trace) == trace[:2]
    mine, their = parameters(ours.profile.key_averages), parameters(theirs.profile.key_averages)
    assert mine[:3] == their[:3]
    assert set(parameters(ours.profile.__init__)) <= set(parameters(theirs.profile.__init__))


@pytest.mark.filterwarnings("ignore")  # torch says once that its profiler clears events
def test_the_trace_is_ready_when_the_next_step_has_begun() -> None:
    found = []
    for library in (pb, torch):
        tools, seen = library.profiler, []
        plan = tools.schedule(wait=1, warmup=1, active=2, repeat=2)

        def ready(prof: Any, seen: list[Any] = seen) -> None:
            seen.append((prof.step_num, prof.current_action.name))

        activities = [tools.ProfilerActivity.CPU]
        with tools.profile(activities=activities, schedule=plan, on_trace_ready=ready) as prof:
            for _ in range(11):
                library.ones(3).exp()
                prof.step()
        found.append(seen)
    assert found[0] == found[1]
    assert len(found[0]) == 2
