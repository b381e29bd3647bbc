"""The profiler: time and memory of every operator, forward and backward, by the user's line.

The core collects the events of the thread (csrc/bind/profile.h); here they are summed up, printed
and written in Chrome's trace format. Start reading at ``profile``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from pullback import _core

if TYPE_CHECKING:
    import os

    from typing_extensions import Self

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "profile", "record_function"]

_KINDS = ("operator", "node", "region")
_F = TypeVar("_F", bound=Callable[..., Any])


def _time(us: float) -> str:
    """Microseconds as torch prints them."""
    if us >= 1e6:
        return f"{us / 1e6:.3f}s"
    if us >= 1e3:
        return f"{us / 1e3:.3f}ms"
    return f"{us:.3f}us"


def _bytes(n: int) -> str:
    for unit, size in (("Gb", 1 << 30), ("Mb", 1 << 20), ("Kb", 1 << 10)):
        if abs(n) >= size:
            return f"{n / size:.2f} {unit}"
    return f"{n} b"


class FunctionEvent:
    """One call of an operator, one node of a backward pass, or one region of ``record_function``.

    Attributes:
        name: of the operator, the node or the region.
        kind: "operator", "node" or "region".
        place: the user's line, ``file:line in function``; of a node the one that recorded it.
        start, end: microseconds since the profiler was entered.
        cpu_time_total, self_cpu_time_total: microseconds, with and without what it called.
        cpu_memory_usage, self_cpu_memory_usage: bytes allocated less bytes freed.
    """

    def __init__(self, raw: tuple[Any, ...], zero: int) -> None:
        self.name, kind, self.depth, start, end, self.cpu_memory_usage, self.place = raw
        self.kind = _KINDS[kind]
        self.start, self.end = (start - zero) / 1e3, (max(start, end) - zero) / 1e3
        self.cpu_time_total = self.end - self.start
        self.self_cpu_time_total = self.cpu_time_total
        self.self_cpu_memory_usage: int = self.cpu_memory_usage

    def __repr__(self) -> str:
        return f"<FunctionEvent {self.name} {_time(self.cpu_time_total)} at {self.place}>"


class FunctionEventAvg:
    """The events of one name, and perhaps of one line, summed up."""

    def __init__(self, key: str, place: str, kind: str) -> None:
        self.key, self.place, self.kind = key, place, kind
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0

    def add(self, event: FunctionEvent) -> None:
        """Count an event."""
        self.count += 1
        self.cpu_time_total += event.cpu_time_total
        self.self_cpu_time_total += event.self_cpu_time_total
        self.cpu_memory_usage += event.cpu_memory_usage
        self.self_cpu_memory_usage += event.self_cpu_memory_usage

    @property
    def cpu_time(self) -> float:
        """Microseconds for each call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    def __repr__(self) -> str:
        return f"<FunctionEventAvg {self.key} x{self.count} {_time(self.cpu_time_total)}>"


_SORTABLE = (
    "count",
    "cpu_time",
    "cpu_time_total",
    "self_cpu_time_total",
    "cpu_memory_usage",
    "self_cpu_memory_usage",
)


class EventList(list[Any]):
    """Events, or sums of events, with ``table()``."""

    def table(
        self,
        sort_by: str | None = "self_cpu_time_total",
        row_limit: int = 100,
        max_name_column_width: int | None = 55,
        header: str | None = None,
    ) -> str:
        """The list as a table.

        Args:
            sort_by: an attribute, the largest first; None for the order of the list.
            row_limit: so many rows at most; -1 for all.
            max_name_column_width: names and lines are cut to this width.
            header: a line above the table.
        """
        if sort_by is not None and sort_by not in _SORTABLE:
            raise ValueError(f"table: got sort_by={sort_by!r}, expected one of {_SORTABLE}.")
        rows = list(self)
        if sort_by is not None:
            rows.sort(key=lambda row: -float(getattr(row, sort_by, 1)))
        total = sum(row.self_cpu_time_total for row in rows) or 1.0
        if row_limit >= 0:
            rows = rows[:row_limit]
        cells: list[tuple[str, ...]] = [
            (
                "Name",
                "Self CPU %",
                "Self CPU",
                "CPU total",
                "CPU time avg",
                "CPU Mem",
                "Self CPU Mem",
                "# of Calls",
                "Line",
            )
        ]
        for row in rows:
            count = getattr(row, "count", 1)
            cells.append(
                (
                    str(getattr(row, "key", getattr(row, "name", ""))),
                    f"{100 * row.self_cpu_time_total / total:.2f}%",
                    _time(row.self_cpu_time_total),
                    _time(row.cpu_time_total),
                    _time(row.cpu_time_total / max(count, 1)),
                    _bytes(row.cpu_memory_usage),
                    _bytes(row.self_cpu_memory_usage),
                    str(count),
                    row.place,
                )
            )
        if not any(line[-1] for line in cells[1:]):
            cells = [line[:-1] for line in cells]
        limit = max_name_column_width or 10**6

        def cut(text: str, column: int) -> str:
            if len(text) <= limit:
                return text
            # Of a path the end is what matters.
            return text[: limit - 3] + "..." if column == 0 else "..." + text[3 - limit :]

        cells = [tuple(cut(text, i) for i, text in enumerate(line)) for line in cells]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        ends = (0, 8)
        rule = "  ".join("-" * width for width in widths)
        lines = [] if header is None else [header]
        for number, line in enumerate(cells):
            lines += [rule] if number < 2 else []
            lines.append(
                "  ".join(
                    text.ljust(width) if i in ends else text.rjust(width)
                    for i, (text, width) in enumerate(zip(line, widths, strict=True))
                ).rstrip()
            )
        lines += [rule, f"Self CPU time total: {_time(total)}"]
        return "\n".join(lines)

    def total_average(self) -> FunctionEventAvg:
        """All events in one sum."""
        found = FunctionEventAvg("Total", "", "")
        for event in self:
            found.add(event)
        return found

    def __str__(self) -> str:
        return self.table()


class profile:
    """Measure what runs inside the block on this thread.

    Args:
        enabled: False makes it do nothing.
        use_cpu: must stay True; there is no other device.
        profile_memory: as in torch; memory is always measured.
        with_stack: as in torch; the line is always kept.
        record_shapes: not supported.

    Example:
        >>> import pullback as pb
        >>> x = pb.ones(10, requires_grad=True)
        >>> with pb.autograd.profiler.profile() as prof:
        ...     (x * x).sum().backward()
        >>> sorted(row.key for row in prof.key_averages())
        ['MulBackward0', 'SumBackward0', 'backward', 'mul', 'sum']
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cpu: bool = True,
        record_shapes: bool = False,
        profile_memory: bool = True,
        with_stack: bool = True,
    ) -> None:
        if not use_cpu or record_shapes:
            raise ValueError(
                "profile: use_cpu=False and record_shapes=True are not supported: got "
                f"{use_cpu=}, {record_shapes=}."
            )
        self.enabled = enabled
        self.profile_memory = profile_memory
        self.with_stack = with_stack
        self.function_events: EventList | None = None

    def __enter__(self) -> Self:
        if self.enabled:
            if self.function_events is not None:
                raise RuntimeError("Profiler context manager is not reentrant")
            _core._profile_start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.enabled:
            self.function_events = _events(_core._profile_stop())

    def _finished(self) -> EventList:
        if self.function_events is None:
            raise RuntimeError("Profiler didn't finish running")
        return self.function_events

    def key_averages(self, group_by_line: bool = False, group_by_stack_n: int = 0) -> EventList:
        """The events summed up by name.

        Args:
            group_by_line: or by name and line.
            group_by_stack_n: torch's way to say it: the innermost frame is the line.
        """
        by_line = group_by_line or group_by_stack_n > 0
        found: dict[tuple[str, str], FunctionEventAvg] = {}
        for event in self._finished():
            key = (event.name, event.place if by_line else "")
            if key not in found:
                found[key] = FunctionEventAvg(event.name, key[1], event.kind)
            found[key].add(event)
        return EventList(found.values())

    def by_line(self) -> EventList:
        """Operators and nodes summed up by the user's line, forward and backward together."""
        found: dict[str, FunctionEventAvg] = {}
        for event in self._finished():
            if event.kind == "region" or event.name == "backward":
                continue
            key = event.place
            found.setdefault(key, FunctionEventAvg("", key, "line")).add(event)
        for row in found.values():
            row.key = row.place.rpartition(" in ")[2] or "?"
        return EventList(found.values())

    def total_average(self) -> FunctionEventAvg:
        """All events in one sum."""
        return self._finished().total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all events, each counted once."""
        return float(sum(event.self_cpu_time_total for event in self._finished()))

    def table(self, sort_by: str | None = "self_cpu_time_total", row_limit: int = 100) -> str:
        """The table of all events."""
        return self._finished().table(sort_by, row_limit)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the events for ``chrome://tracing`` or Perfetto."""
        events = [
            {
                "name": event.name,
                "ph": "X",
                "ts": event.start,
                "dur": event.cpu_time_total,
                "pid": 0,
                "tid": 0,
                "cat": event.kind,
                "args": {"line": event.place, "bytes": event.cpu_memory_usage},
            }
            for event in self._finished()
        ]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": events, "displayTimeUnit": "ns"}, file)

    def __str__(self) -> str:
        return "<unfinished profiler>" if self.function_events is None else str(self.table())

    __repr__ = __str__


def _events(raw: list[tuple[Any, ...]]) -> EventList:
    """Events of the core, with what their children took subtracted."""
    zero = raw[0][3] if raw else 0
    events = [FunctionEvent(each, zero) for each in raw]
    path: list[FunctionEvent] = []
    for event in events:
        del path[event.depth :]
        if path:
            path[-1].self_cpu_time_total -= event.cpu_time_total
            path[-1].self_cpu_memory_usage -= event.cpu_memory_usage
        path.append(event)
    return EventList(events)


class record_function:
    """Give a block, or with ``@`` a function, a name in the profile.

    Example:
        >>> import pullback as pb
        >>> with pb.autograd.profiler.profile() as prof:
        ...     with pb.autograd.profiler.record_function("my part"):
        ...         y = pb.ones(3).exp()
        >>> prof.function_events[0].name
        'my part'
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name if args is None else f"{name} {args}"
        self._open: list[bool] = []

    def __enter__(self) -> Self:
        self._open.append(_core._profile_open(self.name))
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._open.pop():
            _core._profile_close()

    def __call__(self, function: _F) -> _F:
        """The function, with every call of it a region."""

        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]
