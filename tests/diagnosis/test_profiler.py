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
    with pytest.raises(AttributeError, match="sort_by"):
        prof.key_averages().table(sort_by="nothing")
    with pytest.raises(ValueError, match="time_unit"):
        prof.table(time_unit="minutes")


def test_chrome_trace(tmp_path: Path) -> None:
    with profile() as prof:
        pb.ones(2).exp()
    prof.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [e["name"] for e in events] == ["ones", "exp"]
    assert all(e["ph"] == "X" and e["dur"] >= 0 for e in events)
    assert "test_profiler.py" in str(prof.function_events[0])


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


def test_indexing_functions_and_optimisers_are_counted() -> None:
    class Double(pb.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return gradient * 2

    w = pb.ones(3, 2, requires_grad=True)
    step = pb.optim.SGD([w], lr=0.1)
    with profile() as prof:
        y = Double.apply(w)
        y[0] = 5.0
        y[1:, pb.tensor([0])].sum().backward()
        step.step()
        step.zero_grad()
    found = rows(prof)
    assert found["getitem"].count == found["setitem"].count == 1
    assert found["Double"].count == found["DoubleBackward"].count == 1
    assert found["Optimizer.step"].count == found["Optimizer.zero_grad"].count == 1
    assert "test_profiler.py" in next(e.place for e in prof.function_events if e.key == "getitem")
    inside = next(e for e in prof.function_events if e.key == "Double").cpu_children
    assert [e.key for e in inside] == ["mul"]


def test_shapes() -> None:
    x = pb.ones(2, 3, requires_grad=True)
    with profile(record_shapes=True) as prof:
        y = x @ pb.ones(3, 4)
        z = y + 1
        pb.cat([z, z]).sum().backward()
    shapes = {e.name: e.input_shapes for e in prof.function_events}
    assert shapes["matmul"] == [[2, 3], [3, 4]]
    assert shapes["add"] == [[2, 4], []]
    assert shapes["cat"] == [[2, 4], [2, 4]]
    assert shapes["MmBackward0"] == [[2, 4]]  # the gradient that arrived
    table = prof.key_averages(group_by_input_shape=True).table()
    assert "Input Shapes" in table
    assert "[[2, 3], [3, 4]]" in table
    with profile(record_shapes=True) as prof:
        for n in (2, 2, 3):
            pb.ones(n).exp()
    by_shape = prof.key_averages(group_by_input_shape=True)
    assert sorted((r.count, r.input_shapes) for r in by_shape if r.key == "exp") == [
        (1, [[3]]),
        (2, [[2]]),
    ]
    with profile() as plain:
        pb.ones(2).exp()
    assert "Input Shapes" not in plain.key_averages(group_by_input_shape=True).table()


def test_stacks(tmp_path: Path) -> None:
    def inner(x: Any) -> Any:
        return x.exp()

    def outer(x: Any) -> Any:
        return inner(x)

    x = pb.ones(200_000, requires_grad=True)
    with profile(with_stack=True) as prof:
        outer(x).sum().backward()
        inner(x)
    exp = next(e for e in prof.function_events if e.name == "exp")
    assert [frame.rpartition(": ")[2] for frame in exp.stack[:3]] == [
        "inner",
        "outer",
        "test_stacks",
    ]
    assert exp.stack[0].startswith(__file__ + "(")
    node = next(e for e in prof.function_events if e.name == "ExpBackward0")
    assert node.stack == exp.stack
    assert node.sequence_nr == exp.sequence_nr >= 0
    counts = [r.count for r in prof.key_averages(group_by_stack_n=1) if r.key == "exp"]
    assert counts == [2]
    grouped = prof.key_averages(group_by_stack_n=2)
    assert [r.count for r in grouped if r.key == "exp"] == [1, 1]
    assert "Source Location" in grouped.table()
    prof.export_stacks(tmp_path / "stacks.txt")
    lines = (tmp_path / "stacks.txt").read_text().splitlines()
    assert any(line.rpartition(" ")[0].endswith("inner") for line in lines)
    assert all(int(line.rpartition(" ")[2]) > 0 for line in lines)
    with pytest.raises(ValueError, match="metric should be one of"):
        prof.export_stacks(tmp_path / "stacks.txt", "count")
    with profile() as plain:
        pass
    with pytest.raises(AssertionError, match="requires with_stack=True"):
        plain.export_stacks(tmp_path / "stacks.txt")


def test_without_stacks_the_line_stands_for_them() -> None:
    with profile() as prof:
        pb.ones(2).exp()
        pb.ones(2).exp()
    assert [r.count for r in prof.key_averages(group_by_stack_n=3) if r.key == "exp"] == [1, 1]


def test_sequence_numbers_are_those_of_the_nodes() -> None:
    x = pb.ones(2, requires_grad=True)
    with profile() as prof:
        y = x.sin()
        pb.ones(2).exp()
    sin = next(e for e in prof.function_events if e.name == "sin")
    exp = next(e for e in prof.function_events if e.name == "exp")
    assert sin.sequence_nr == y.grad_fn._sequence_nr()
    assert exp.sequence_nr == -1


def test_memory_columns() -> None:
    with profile() as without:
        pb.ones(1 << 18) * 2
    with profile(profile_memory=True) as prof:
        kept = pb.ones(1 << 18) * 2
    assert kept is not None
    assert "CPU Mem" not in without.key_averages().table()
    table = prof.key_averages().table(sort_by="cpu_memory_usage")
    assert "CPU Mem" in table
    assert " MB" in table
    assert next(r for r in prof.key_averages() if r.key == "mul").cpu_memory_usage >= 1 << 20


def test_the_tree() -> None:
    with profile() as prof, record_function("outer"):
        pb.ones(2)
        with record_function("inner"):
            pb.ones(2).exp()
    outer = prof.function_events[0]
    assert [e.name for e in outer.cpu_children] == ["ones", "inner"]
    assert outer.cpu_parent is None
    assert outer.cpu_children[1].cpu_parent is outer
    children = sum(e.cpu_time_total for e in outer.cpu_children)
    assert outer.self_cpu_time_total == pytest.approx(outer.cpu_time_total - children)
    top = prof.table(top_level_events_only=True)
    assert "outer" in top
    assert "exp" not in top
    assert prof.self_cpu_time_total == pytest.approx(outer.cpu_time_total)
    total = prof.total_average()
    assert (total.key, total.count) == ("Total", len(prof.function_events))


def test_units_and_limits_of_the_table() -> None:
    with profile() as prof:
        for _ in range(3):
            (pb.ones(2) + 1).exp()
    rows_of = prof.key_averages()
    lines = rows_of.table(sort_by="count", row_limit=2, time_unit="us", header="My header")
    assert lines.splitlines()[1] == "My header"
    assert "ms" not in lines.rpartition("Self CPU time total")[2]
    assert rows_of.table(row_limit=-1).count("exp") == 1
    with profile() as prof, record_function("another name that is far too long"):
        pass
    assert "another..." in prof.table(max_name_column_width=10)
    assert prof.key_averages().total_average().count == 1


def test_regions_in_the_backward_pass_in_threads_and_recursion() -> None:
    import threading

    @record_function("countdown")
    def countdown(n: int) -> int:
        return countdown(n - 1) if n else 0

    def hook(gradient: Any) -> Any:
        with record_function("in a hook"):
            return gradient * 2

    x = pb.ones(2, requires_grad=True)
    with profile() as prof:
        y = x * 3
        y.register_hook(hook)
        y.sum().backward()
        countdown(2)
        thread = threading.Thread(target=countdown, args=(5,))
        thread.start()
        thread.join()
    found = rows(prof)
    assert found["countdown"].count == 3  # this thread's
    assert found["in a hook"].count == 1
    parent = next(e for e in prof.function_events if e.name == "in a hook").cpu_parent
    assert parent is not None
    assert parent.name == "backward"
    depths = [e.depth for e in prof.function_events if e.name == "countdown"]
    assert depths == [0, 1, 2]


def test_an_exception_closes_regions() -> None:
    with profile() as prof:
        with pytest.raises(KeyError), record_function("fails"):
            raise KeyError
        pb.ones(1)
    assert [(e.name, e.depth) for e in prof.function_events] == [("fails", 0), ("ones", 0)]


def test_arguments_of_a_region() -> None:
    with profile() as prof, record_function("load", "batch 3"):
        pass
    assert prof.function_events[0].name == "load batch 3"


def test_profilers_of_two_threads() -> None:
    import threading

    counts = []

    def run(n: int) -> None:
        with profile() as prof:
            for _ in range(n):
                pb.ones(2).exp()
        counts.append((n, rows(prof)["exp"].count))

    threads = [threading.Thread(target=run, args=(n,)) for n in (3, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [(3, 3), (7, 7)]


def test_arrows_of_the_trace(tmp_path: Path) -> None:
    x = pb.ones(2, requires_grad=True)
    with profile(record_shapes=True, with_stack=True) as prof:
        x.sin().sum().backward()
    prof.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    calls = [e for e in events if e["ph"] == "X"]
    assert {e["cat"] for e in calls} == {"cpu_op"}
    sin = next(e for e in calls if e["name"] == "sin")
    assert sin["args"]["Input Dims"] == [[2]]
    assert sin["args"]["line"].startswith(__file__)
    arrows = {(e["ph"], e["id"]) for e in events if e["ph"] in "sf"}
    number = sin["args"]["Sequence number"]
    assert {("s", number), ("f", number)} <= arrows
    assert {e["pid"] for e in events} == {calls[0]["pid"]}


def test_devices_that_there_are_not() -> None:
    with pytest.raises(ValueError, match="use_cuda"):
        profile(use_cuda=True)
    with pytest.raises(ValueError, match="use_cpu"):
        profile(use_cpu=False)
    with pytest.raises(TypeError):
        profile(with_flops=True)  # type: ignore[call-arg]


def test_ranges_for_other_profilers_do_nothing() -> None:
    from pullback.autograd.profiler import emit_itt, emit_nvtx

    for emit in (emit_nvtx, emit_itt):
        with profile() as prof, emit(record_shapes=True) as entered:
            pb.ones(2)
        assert isinstance(entered, emit)
        assert [e.name for e in prof.function_events] == ["ones"]


def test_the_table_of_nothing() -> None:
    with profile() as prof:
        pass
    assert prof.table() == ""
    assert prof.key_averages().table() == ""
    assert prof.total_average().count == 0
    assert prof.self_cpu_time_total == 0.0


def test_results_are_the_same_under_the_profiler() -> None:
    def run() -> Any:
        x = pb.linspace(0, 1, 5).requires_grad_()
        (x.exp() * x[1:].sum()).sum().backward()
        return x.grad.tolist()

    plain = run()
    with profile(record_shapes=True, with_stack=True, profile_memory=True):
        assert run() == plain
