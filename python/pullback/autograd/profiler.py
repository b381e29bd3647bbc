"""The profiler: time and memory of every operator, forward and backward, by the user's line.

The core collects the events of the thread (csrc/bind/profile.h); profiler_util.py sums them up,
prints them and writes them for Chrome. Start reading at ``profile``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from pullback import _arguments, _core
from pullback.autograd.profiler_util import EventList, FunctionEvent, FunctionEventAvg

if TYPE_CHECKING:
    import os

    from typing_extensions import Self

__all__ = [
    "EventList",
    "FunctionEvent",
    "FunctionEventAvg",
    "emit_itt",
    "emit_nvtx",
    "profile",
    "record_function",
]

_F = TypeVar("_F", bound=Callable[..., Any])


class profile:
    """Measure what runs inside the block on this thread.

    Args:
        enabled: False makes it do nothing.
        use_cuda, use_cpu: must stay as they are; there is no other device.
        record_shapes: keep the shapes of the operands.
        profile_memory: print the columns of memory, which is measured in any case.
        with_stack: keep the whole stack of every operator, not just the line.

    Raises:
        ValueError: another device is asked for.
        RuntimeError: it is entered a second time, or while another profiler runs on this thread.

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
        use_cuda: bool = False,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        use_cpu: bool = True,
    ) -> None:
        _arguments.flags("profile", use_cpu=use_cpu)
        _arguments.flags(
            "profile",
            enabled=enabled,
            record_shapes=record_shapes,
            profile_memory=profile_memory,
            with_stack=with_stack,
        )
        if use_cuda or not use_cpu:
            raise ValueError(
                f"profile: got {use_cuda=}, {use_cpu=}, expected False and True: the CPU is the "
                "only device."
            )
        self.enabled = enabled
        self.record_shapes = record_shapes
        self.profile_memory = profile_memory
        self.with_stack = with_stack
        self.entered = False
        self.function_events: EventList | None = None

    def __enter__(self) -> Self:
        if self.enabled:
            if self.entered:
                raise RuntimeError("Profiler context manager is not reentrant")
            _core._profile_start(self.record_shapes, self.with_stack)
            self.entered = True
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.enabled:
            self.function_events = _events(_core._profile_stop(), self.profile_memory)

    def _finished(self) -> EventList:
        if self.function_events is None:
            raise RuntimeError("Profiler didn't finish running")
        return self.function_events

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_line: bool = False,
    ) -> EventList:
        """The events summed up by name.

        Args:
            group_by_input_shape: or by name and shapes, which ``record_shapes=True`` keeps.
            group_by_stack_n: or by name and so many frames, which ``with_stack=True`` keeps;
                without them the line stands for the frames.
            group_by_line: or by name and line.
        """
        return self._finished().key_averages(group_by_input_shape, group_by_stack_n, group_by_line)

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
        return EventList(found.values(), self.profile_memory)

    def total_average(self) -> FunctionEventAvg:
        """All events in one sum."""
        return self._finished().total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all events, each counted once."""
        return self._finished().self_cpu_time_total

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
        """The table of all events; the arguments are those of ``EventList.table``."""
        return self._finished().table(
            sort_by,
            row_limit,
            max_src_column_width,
            max_name_column_width,
            max_shapes_column_width,
            header,
            top_level_events_only,
            time_unit,
        )

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the events for ``chrome://tracing`` or Perfetto."""
        self._finished().export_chrome_trace(path)

    def export_stacks(
        self, path: str | os.PathLike[str], metric: str = "self_cpu_time_total"
    ) -> None:
        """Write one line of frames and microseconds for each event, for a flame graph.

        Raises:
            AssertionError: the stacks were not kept.
        """
        events = self._finished()
        if not self.with_stack:
            raise AssertionError("export_stacks() requires with_stack=True")
        events.export_stacks(path, metric)

    def __str__(self) -> str:
        return "<unfinished profiler>" if self.function_events is None else str(self.table())

    __repr__ = __str__


def _events(raw: list[tuple[Any, ...]], profile_memory: bool) -> EventList:
    """Events of the core as a tree; nodes get the stack of the operator that recorded them."""
    zero = raw[0][3] if raw else 0
    thread = threading.get_ident()
    events = [FunctionEvent(each, zero, id, thread) for id, each in enumerate(raw)]
    path: list[FunctionEvent] = []
    stacks: dict[int, list[str]] = {}
    for event in events:
        del path[event.depth :]
        if path:
            path[-1].append_cpu_child(event)
        path.append(event)
        if event.kind == "operator" and event.stack:
            stacks.update(dict.fromkeys(event.nodes, event.stack))
        elif event.kind == "node":
            event.stack = stacks.get(event.sequence_nr, [])
    return EventList(events, profile_memory)


class record_function:
    """Give a block, or with ``@`` a function, a name in the profile.

    Args:
        name: what the region is called.
        args: a text that is put behind the name.

    Example:
        >>> import pullback as pb
        >>> with pb.autograd.profiler.profile() as prof:
        ...     with pb.autograd.profiler.record_function("my part"):
        ...         y = pb.ones(3).exp()
        >>> prof.function_events[0].name
        'my part'
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        _arguments.texts("record_function", name=name)
        if args is not None:
            _arguments.texts("record_function", args=args)
        self.name = name
        self.args = args
        self._open: list[bool] = []

    def __enter__(self) -> Self:
        name = self.name if self.args is None else f"{self.name} {self.args}"
        self._open.append(_core._profile_open(name))
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
            with type(self)(self.name, self.args):
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]


class emit_nvtx:
    """Does nothing: it marks ranges for NVIDIA's profiler, and there is no such device.

    Args:
        enabled, record_shapes: without effect, as the whole.

    Example:
        >>> import pullback as pb
        >>> with pb.autograd.profiler.emit_nvtx():
        ...     y = pb.ones(2) + 1
    """

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        _arguments.flags(type(self).__name__, enabled=enabled, record_shapes=record_shapes)
        self.enabled = enabled
        self.record_shapes = record_shapes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass


class emit_itt(emit_nvtx):
    """Does nothing: it marks ranges for Intel's VTune, which is not supported.

    Args:
        enabled, record_shapes: without effect, as the whole.

    Example:
        >>> import pullback as pb
        >>> with pb.autograd.profiler.emit_itt():
        ...     y = pb.ones(2) + 1
    """
