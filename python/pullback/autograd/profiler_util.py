"""What the profiler finds: events, sums of events, and lists of both with ``table()``.

The names and the attributes are those of ``torch.autograd.profiler_util``; times are microseconds
of the CPU. ``place`` is ours: the user's line. Start reading at ``EventList``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "Interval"]

_KINDS = ("operator", "node", "region")
_UNITS = {"s": 1e6, "ms": 1e3, "us": 1.0}
_CATEGORIES = {"operator": "cpu_op", "node": "cpu_op", "region": "user_annotation"}
_METRICS = ("self_cpu_time_total",)


def _time(us: float, unit: str | None = None) -> str:
    """Microseconds as torch prints them."""
    if unit is None:
        unit = "s" if us >= 1e6 else "ms" if us >= 1e3 else "us"
    return f"{us / _UNITS[unit]:.3f}{unit}"


def _bytes(n: int) -> str:
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if abs(n) >= size:
            return f"{n / size:.2f} {unit}"
    return f"{n} B"


class _Times:
    """The attributes that events and sums of them have in common."""

    count: int
    cpu_time_total: float
    self_cpu_time_total: float

    @property
    def cpu_time(self) -> float:
        """Microseconds for each call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def cpu_time_str(self) -> str:
        """The same in words."""
        return _time(self.cpu_time)

    @property
    def cpu_time_total_str(self) -> str:
        """All microseconds, in words."""
        return _time(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        """All microseconds without what was called, in words."""
        return _time(self.self_cpu_time_total)


class Interval:
    """Start and end in microseconds since the profiler was entered.

    Example:
        >>> from pullback.autograd.profiler_util import Interval
        >>> Interval(1.0, 3.5).elapsed_us()
        2.5
    """

    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end

    def elapsed_us(self) -> float:
        """The length."""
        return self.end - self.start


class FunctionEvent(_Times):
    """One call of an operator, one node of a backward pass, or one region of ``record_function``.

    Attributes:
        name, key: of the operator, the node or the region.
        kind: "operator", "node" or "region".
        place: the user's line, ``file:line in function``; of a node the one that recorded it.
        time_range: microseconds since the profiler was entered; ``start`` and ``end`` are short.
        cpu_time_total, self_cpu_time_total: microseconds, with and without what it called.
        cpu_memory_usage, self_cpu_memory_usage: bytes allocated less bytes freed.
        cpu_parent, cpu_children: the events around it and directly inside of it.
        sequence_nr: of the node that it recorded, or that it is; -1 where there is none.
        input_shapes: of the operands, of a node those of the gradients that arrived; a number's is
            empty. Only with ``record_shapes=True``.
        stack: the frames, innermost first; of a node those of the operator that recorded it. Only
            with ``with_stack=True``.
        thread: the identifier of the thread.

    Example:
        >>> import pullback as pb
        >>> with pb.autograd.profiler.profile() as prof:
        ...     y = pb.ones(2) + 1
        >>> [(event.name, event.kind) for event in prof.function_events]
        [('ones', 'operator'), ('add', 'operator')]
    """

    def __init__(self, raw: tuple[Any, ...], zero: int, id: int = 0, thread: int = 0) -> None:
        self.name, kind, self.depth, start, end, self.cpu_memory_usage, self.place = raw[:7]
        first, last, self.input_shapes, self.stack = raw[7:]
        self.id, self.thread = id, thread
        self.key: str = self.name
        self.kind = _KINDS[kind]
        self.nodes = range(first, last)
        self.sequence_nr: int = first if self.nodes and self.kind != "region" else -1
        self.time_range = Interval((start - zero) / 1e3, (max(start, end) - zero) / 1e3)
        self.count = 1
        self.cpu_time_total = self.time_range.elapsed_us()
        self.self_cpu_time_total = self.cpu_time_total
        self.self_cpu_memory_usage: int = self.cpu_memory_usage
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []

    @property
    def start(self) -> float:
        """Microseconds since the profiler was entered."""
        return self.time_range.start

    @property
    def end(self) -> float:
        """Microseconds since the profiler was entered."""
        return self.time_range.end

    def append_cpu_child(self, child: FunctionEvent) -> None:
        """Take what an event inside of this one took from this one's own time and memory."""
        self.cpu_children.append(child)
        child.cpu_parent = self
        self.self_cpu_time_total -= child.cpu_time_total
        self.self_cpu_memory_usage -= child.cpu_memory_usage

    def __repr__(self) -> str:
        return f"<FunctionEvent {self.name} {_time(self.cpu_time_total)} at {self.place}>"


class FunctionEventAvg(_Times):
    """The events of one name, and perhaps of one line, stack or shapes, summed up.

    Attributes:
        key, count: the name, and how many there were.
        cpu_time_total, self_cpu_time_total, cpu_memory_usage, self_cpu_memory_usage: sums.
        place, stack, input_shapes: where the events were summed up by these.

    Example:
        >>> import pullback as pb
        >>> with pb.autograd.profiler.profile() as prof:
        ...     y = pb.ones(2) + 1 + 1
        >>> [(row.key, row.count) for row in prof.key_averages()]
        [('ones', 1), ('add', 2)]
    """

    def __init__(self, key: str = "Total", place: str = "", kind: str = "") -> None:
        self.key, self.place, self.kind = key, place, kind
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.input_shapes: list[list[int]] = []
        self.stack: list[str] = []
        self.cpu_parent: FunctionEvent | None = None

    def add(self, event: FunctionEvent) -> FunctionEventAvg:
        """Count an event."""
        if not self.count:
            self.cpu_parent = event.cpu_parent
        self.count += 1
        self.cpu_time_total += event.cpu_time_total
        self.self_cpu_time_total += event.self_cpu_time_total
        self.cpu_memory_usage += event.cpu_memory_usage
        self.self_cpu_memory_usage += event.self_cpu_memory_usage
        return self

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} "
            f"cpu_time={self.cpu_time_str} input_shapes={self.input_shapes} "
            f"cpu_memory_usage={self.cpu_memory_usage}>"
        )


_SORTABLE = (
    "count",
    "cpu_time",
    "cpu_time_total",
    "self_cpu_time_total",
    "cpu_memory_usage",
    "self_cpu_memory_usage",
)


class EventList(list[Any]):
    """Events, or sums of events, with ``table()``.

    Example:
        >>> import pullback as pb
        >>> with pb.autograd.profiler.profile() as prof:
        ...     y = pb.ones(2) + 1
        >>> print(prof.key_averages().table().splitlines()[1][:16])
        Name  Self CPU %
    """

    def __init__(self, events: Iterable[Any] = (), profile_memory: bool = False) -> None:
        super().__init__(events)
        self._profile_memory = profile_memory

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int | None = 75,
        max_name_column_width: int | None = 55,
        max_shapes_column_width: int | None = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """The list as a table.

        Args:
            sort_by: an attribute, the largest first; None for the order of the list. One of
                ``count``, ``cpu_time``, ``cpu_time_total``, ``self_cpu_time_total``,
                ``cpu_memory_usage``, ``self_cpu_memory_usage``.
            row_limit: so many rows at most; -1 for all.
            max_src_column_width, max_name_column_width, max_shapes_column_width: lines, names and
                shapes are cut to this width; None leaves them whole.
            header: a line above the table.
            top_level_events_only: leave out what runs inside of another event.
            time_unit: "s", "ms" or "us" for all times; None chooses for each.

        Raises:
            AttributeError: ``sort_by`` is no such attribute.
            ValueError: ``time_unit`` is no such unit.
        """
        if sort_by is not None and sort_by not in _SORTABLE:
            raise AttributeError(f"table: got sort_by={sort_by!r}, expected one of {_SORTABLE}.")
        if time_unit is not None and time_unit not in _UNITS:
            raise ValueError(f"table: got time_unit={time_unit!r}, expected 's', 'ms' or 'us'.")
        if not self:
            return ""
        rows = list(self)
        if sort_by is not None:
            rows.sort(key=lambda row: -float(getattr(row, sort_by)))
        total = sum(row.self_cpu_time_total for row in rows)
        if top_level_events_only:
            rows = [row for row in rows if row.cpu_parent is None]
        if row_limit >= 0:
            rows = rows[:row_limit]
        memory = self._profile_memory
        shapes = any(row.input_shapes for row in self)
        stacks = any(row.stack for row in self)
        places = not stacks and any(row.place for row in self)
        names = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"]
        names += ["CPU Mem", "Self CPU Mem"] if memory else []
        names += ["# of Calls"]
        left = [0]
        limits = {0: max_name_column_width}
        for name, shown, limit, is_left in (
            ("Input Shapes", shapes, max_shapes_column_width, False),
            ("Source Location", stacks, max_src_column_width, True),
            ("Line", places, max_src_column_width, True),
        ):
            if shown:
                limits[len(names)] = limit
                left += [len(names)] if is_left else []
                names.append(name)

        def share(us: float) -> str:
            return f"{100 * us / total:.2f}%" if total else "NaN"

        cells = [tuple(names)]
        for row in rows:
            line = [
                row.key,
                share(row.self_cpu_time_total),
                _time(row.self_cpu_time_total, time_unit),
                share(row.cpu_time_total),
                _time(row.cpu_time_total, time_unit),
                _time(row.cpu_time, time_unit),
            ]
            if memory:
                line += [_bytes(row.cpu_memory_usage), _bytes(row.self_cpu_memory_usage)]
            line.append(str(row.count))
            line += [str(row.input_shapes)] if shapes else []
            line += [row.stack[0] if row.stack else ""] if stacks else []
            line += [row.place] if places else []
            cells.append(tuple(line))
            blank = [""] * (len(names) - 1)
            cells += [(*blank, frame) for frame in row.stack[1:]]

        def cut(text: str, column: int) -> str:
            limit = limits.get(column)
            if limit is None or len(text) <= limit:
                return text
            # Of a path the end is what matters.
            return (
                "..." + text[3 - limit :]
                if column and column in left
                else text[: limit - 3] + "..."
            )

        cells = [tuple(cut(text, i) for i, text in enumerate(line)) for line in cells]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        rule = "  ".join("-" * width for width in widths)
        lines = [] if header is None else ["=" * len(rule), header]
        if top_level_events_only:
            lines += ["=" * len(rule), "This report only display top-level ops statistics"]
        for number, cell in enumerate(cells):
            lines += [rule] if number < 2 else []
            lines.append(
                "  ".join(
                    text.ljust(width) if i in left else text.rjust(width)
                    for i, (text, width) in enumerate(zip(cell, widths, strict=True))
                ).rstrip()
            )
        lines += [rule, f"Self CPU time total: {_time(total, time_unit)}"]
        return "\n".join(lines)

    def key_averages(
        self,
        group_by_input_shapes: bool = False,
        group_by_stack_n: int = 0,
        group_by_line: bool = False,
    ) -> EventList:
        """The events summed up by name.

        Args:
            group_by_input_shapes: or by name and shapes, which ``record_shapes=True`` keeps.
            group_by_stack_n: or by name and so many frames, which ``with_stack=True`` keeps;
                without them the line stands for the frames.
            group_by_line: or by name and line.
        """
        found: dict[tuple[Any, ...], FunctionEventAvg] = {}
        for event in self:
            stack = event.stack[:group_by_stack_n] if group_by_stack_n > 0 else []
            by_line = group_by_line or (group_by_stack_n > 0 and not stack)
            place = event.place if by_line else ""
            shapes = event.input_shapes if group_by_input_shapes else []
            key = (event.key, place, str(shapes), tuple(stack))
            if key not in found:
                found[key] = FunctionEventAvg(event.key, place, event.kind)
                found[key].input_shapes, found[key].stack = shapes, stack
            found[key].add(event)
        return EventList(found.values(), self._profile_memory)

    def total_average(self) -> FunctionEventAvg:
        """All events in one sum."""
        found = FunctionEventAvg()
        for event in self:
            found.add(event)
        return found

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all events, each counted once."""
        return float(sum(event.self_cpu_time_total for event in self))

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the events for ``chrome://tracing`` or Perfetto.

        Arrows lead from the operator that recorded a node to the node in the backward pass.
        """
        pid = os.getpid()
        trace: list[dict[str, Any]] = []
        recorders: dict[int, FunctionEvent] = {}
        for event in self:
            args: dict[str, Any] = {"line": event.place, "bytes": event.cpu_memory_usage}
            if event.sequence_nr >= 0:
                args["Sequence number"] = event.sequence_nr
            if event.input_shapes:
                args["Input Dims"] = event.input_shapes
            if event.stack:
                args["Call stack"] = ";".join(event.stack)
            where = {"pid": pid, "tid": event.thread}
            trace.append(
                {
                    "ph": "X",
                    "cat": _CATEGORIES[event.kind],
                    "name": event.name,
                    **where,
                    "ts": event.start,
                    "dur": event.cpu_time_total,
                    "args": args,
                }
            )
            arrow = {"cat": "fwdbwd", "name": "fwdbwd", "id": event.sequence_nr}
            if event.kind == "operator":
                # What is inside comes later, so the innermost operator stays.
                recorders.update(dict.fromkeys(event.nodes, event))
            elif event.kind == "node" and event.sequence_nr in recorders:
                start = recorders[event.sequence_nr]
                begin = {"pid": pid, "tid": start.thread, "ts": start.start}
                trace.append({"ph": "s", **arrow, **begin})
                trace.append({"ph": "f", "bp": "e", **arrow, **where, "ts": event.start})
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": trace, "displayTimeUnit": "ms"}, file)

    def supported_export_stacks_metrics(self) -> list[str]:
        """What ``export_stacks`` can write."""
        return list(_METRICS)

    def export_stacks(
        self, path: str | os.PathLike[str], metric: str = "self_cpu_time_total"
    ) -> None:
        """Write one line of frames and microseconds for each event, for a flame graph.

        Raises:
            ValueError: the metric is not ``self_cpu_time_total``.
        """
        if metric not in _METRICS:
            raise ValueError(f"metric should be one of: {list(_METRICS)}")
        signs = str.maketrans(" ;\t\n", "____")
        with open(path, "w", encoding="utf-8") as file:
            for event in self:
                value = int(getattr(event, metric))
                if event.stack and value > 0:
                    frames = ";".join(frame.translate(signs) for frame in reversed(event.stack))
                    file.write(f"{frames} {value}\n")

    def __str__(self) -> str:
        return self.table()
