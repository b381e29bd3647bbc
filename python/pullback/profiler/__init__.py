"""``torch.profiler``: which steps of a program are measured, over ``autograd.profiler``.

A schedule says for each step whether it is left out, only warms up, or is recorded; after the last
recorded step of a cycle ``on_trace_ready`` gets the profiler. Start at ``profile``.
"""

from __future__ import annotations

import enum
import json
import os
import socket
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pullback import _arguments, _core
from pullback.autograd import profiler as _recording
from pullback.autograd.profiler import record_function
from pullback.autograd.profiler_util import EventList

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "ProfilerAction",
    "ProfilerActivity",
    "kineto_available",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]


class ProfilerActivity(enum.Enum):
    """What can be measured; only ``CPU`` is."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What is done in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def kineto_available() -> bool:
    """False: that library is not used."""
    return False


def supported_activities() -> set[ProfilerActivity]:
    """What can be measured.

    Example:
        >>> import pullback as pb
        >>> pb.profiler.supported_activities()
        {<ProfilerActivity.CPU: 0>}
    """
    return {ProfilerActivity.CPU}


def schedule(
    *,
    wait: int,
    warmup: int,
    active: int,
    repeat: int = 0,
    skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:
    """What is done in each step: cycles of ``wait``, ``warmup`` and ``active`` steps.

    Args:
        wait: steps that are left out.
        warmup: steps that only warm up.
        active: steps that are recorded.
        repeat: the number of cycles; 0 for no end.
        skip_first: steps that are left out before the first cycle.
        skip_first_wait: whether the first cycle has no ``wait``.

    Example:
        >>> import pullback as pb
        >>> plan = pb.profiler.schedule(wait=1, warmup=1, active=2, repeat=1)
        >>> [plan(step).name for step in range(5)]
        ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    _arguments.integers(
        "schedule", wait=wait, warmup=warmup, active=active, repeat=repeat, skip_first=skip_first
    )
    if wait < 0 or warmup < 0 or active <= 0 or repeat < 0 or skip_first < 0:
        raise AssertionError(
            f"Invalid profiler schedule arguments. Got wait={wait} (need >= 0), warmup={warmup} "
            f"(need >= 0), active={active} (need > 0), repeat={repeat} (need >= 0), "
            f"skip_first={skip_first} (need >= 0)."
        )
    if warmup == 0:
        _core._warn(
            "Profiler won't be using warmup, this can skew profiler results",
        )

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        length = wait + warmup + active
        cycle, place = divmod(step, length)
        if repeat and cycle >= repeat:
            return ProfilerAction.NONE
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        last = place == length - 1
        return ProfilerAction.RECORD_AND_SAVE if last else ProfilerAction.RECORD

    return action


def tensorboard_trace_handler(
    dir_name: str,
    worker_name: str | None = None,
    use_gzip: bool = False,
    use_python_export: bool = False,
) -> Callable[[profile], None]:
    """A function for ``on_trace_ready`` that writes each trace into a folder.

    Args:
        dir_name: the folder, which is made.
        worker_name: the first part of the names of files; by default host and process.
        use_gzip: whether files are compressed.
        use_python_export: not used.

    Raises:
        RuntimeError: the folder cannot be made.
    """
    del use_python_export

    def write(prof: profile) -> None:
        try:
            os.makedirs(dir_name, exist_ok=True)
        except OSError as error:
            raise RuntimeError("Can't create directory: " + dir_name) from error
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        name = f"{worker}.{time.time_ns()}.pt.trace.json{'.gz' if use_gzip else ''}"
        prof.export_chrome_trace(os.path.join(dir_name, name))

    return write


class profile:
    """Measure what runs inside the block on this thread.

    Args:
        activities: contain ``ProfilerActivity.CPU``, or None.
        schedule: what is done in each step, which ``step()`` ends; without it all is recorded.
        on_trace_ready: called with this object when a recording ends.
        record_shapes: keep the shapes of the operands.
        profile_memory: print the columns of memory.
        with_stack: keep the whole stack of every operator, not just the line.
        with_flops: refused, as the next: they are not counted.
        with_modules: refused.
        experimental_config: not used, as the others.
        execution_trace_observer: not used.
        acc_events: keep the events of all cycles.
        use_cuda: not used.
        custom_trace_id_callback: not used.
        post_processing_timeout_s: not used.

    Raises:
        ValueError: only other devices are to be measured, or what is not counted.

    Example:
        >>> import pullback as pb
        >>> x = pb.ones(10, requires_grad=True)
        >>> with pb.profiler.profile() as prof:
        ...     (x * x).sum().backward()
        >>> sorted(row.key for row in prof.key_averages())
        ['MulBackward0', 'SumBackward0', 'backward', 'mul', 'sum']
    """

    def __init__(
        self,
        *,
        activities: Iterable[Any] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[..., Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
        custom_trace_id_callback: Any = None,
        post_processing_timeout_s: float | None = None,
    ) -> None:
        del experimental_config, execution_trace_observer, use_cuda
        del custom_trace_id_callback, post_processing_timeout_s
        wanted = None if activities is None else set(activities)
        if wanted is not None and ProfilerActivity.CPU not in wanted:
            raise ValueError(
                f"profile: got activities={wanted}, expected ProfilerActivity.CPU among them: the "
                "CPU is the only device."
            )
        if with_flops or with_modules:
            raise ValueError(
                f"profile: got {with_flops=}, {with_modules=}, expected False: operations and "
                "modules are not counted."
            )
        self._options = {
            "record_shapes": record_shapes,
            "profile_memory": profile_memory,
            "with_stack": with_stack,
        }
        self._schedule = schedule or (lambda _: ProfilerAction.RECORD)
        self._has_schedule = schedule is not None
        self.on_trace_ready = on_trace_ready
        self.acc_events = acc_events
        self.step_num = 0
        self.current_action = self._schedule(0)
        self.metadata: dict[str, str] = {}
        self.profiler: Any = None
        self._kept: list[Any] = []
        self._running = False

    # --- the block and its steps ---

    def start(self) -> None:
        """Begin with step 0."""
        self._act(self.current_action)

    def stop(self) -> None:
        """End the last step."""
        if self._running:
            self._end()
            self._ready()
        self.current_action = ProfilerAction.NONE

    def step(self) -> None:
        """End this step and begin the next."""
        ended, self.step_num = self.current_action, self.step_num + 1
        self.current_action = self._schedule(self.step_num)
        if self._running and ended is ProfilerAction.RECORD_AND_SAVE:
            self._end()
            self._ready()
        self._act(self.current_action)

    def _act(self, action: ProfilerAction) -> None:
        records = action in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        if records and not self._running:
            self.profiler = _recording.profile(**self._options)
            self.profiler.__enter__()
            self._running = True
        elif not records and self._running:
            self._end()

    def _end(self) -> None:
        self.profiler.__exit__(None, None, None)
        self._running = False
        if self.acc_events:
            self._kept += self.profiler.function_events

    def _ready(self) -> None:
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # --- what was measured ---

    def events(self) -> EventList:
        """The events of the last recording."""
        if self.profiler is None:
            raise AssertionError("profile: nothing was recorded. Call it after a recorded step.")
        if self.acc_events:
            return EventList(self._kept, self._options["profile_memory"])
        found: EventList = self.profiler._finished()
        return found

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """The events summed up by name.

        Args:
            group_by_input_shape: or by name and shapes, which ``record_shapes=True`` keeps.
            group_by_stack_n: or by name and so many frames, which ``with_stack=True`` keeps.
            group_by_overload_name: not used: an operator has one name.
        """
        del group_by_overload_name
        return self.events().key_averages(group_by_input_shape, group_by_stack_n)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the events for ``chrome://tracing`` or Perfetto; a name in ``.gz`` compresses."""
        name = os.fspath(path)
        plain = name.removesuffix(".gz")
        self.events().export_chrome_trace(plain)
        if self.metadata:
            with open(plain, encoding="utf-8") as file:
                content = json.load(file)
            if isinstance(content, dict):
                content.update(self.metadata)
                with open(plain, "w", encoding="utf-8") as file:
                    json.dump(content, file)
        if plain != name:
            import gzip
            import shutil

            with open(plain, "rb") as source, gzip.open(name, "wb") as target:
                shutil.copyfileobj(source, target)
            os.remove(plain)

    def export_stacks(
        self, path: str | os.PathLike[str], metric: str = "self_cpu_time_total"
    ) -> None:
        """Write frames and microseconds of each event, for a flame graph."""
        if not self._options["with_stack"]:
            raise AssertionError("export_stacks() requires with_stack=True")
        self.events().export_stacks(path, metric)

    def add_metadata(self, key: str, value: str) -> None:
        """A text to be written beside the events."""
        self.metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """JSON to be written beside the events."""
        self.metadata[key] = json.loads(value)
