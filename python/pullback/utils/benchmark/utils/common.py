"""``Measurement``: times of one piece of code, and what can be said of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pullback as pb

__all__ = [
    "Measurement",
    "TaskSpec",
    "ordered_unique",
    "select_unit",
    "set_torch_threads",
    "trim_sigfig",
    "unit_to_english",
]

_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_LONG = {"ns": "nanosecond", "us": "microsecond", "ms": "millisecond", "s": "second"}
_MAX_DIGITS = 4
# Quartiles further apart than this part of the median make a measurement doubtful.
_DOUBTFUL = 0.1


@dataclass(frozen=True)
class TaskSpec:
    """What was measured."""

    stmt: str
    setup: str = ""
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        """A line that names it."""
        if self.label is not None:
            return self.label + (f": {self.sub_label}" if self.sub_label else "")
        if "\n" not in self.stmt:
            return self.stmt + (f": {self.sub_label}" if self.sub_label else "")
        lines = "\n".join(f"  {line}" for line in self.stmt.splitlines())
        return f"stmt:{f' ({self.sub_label})' if self.sub_label else ''}\n{lines}"

    def setup_str(self) -> str:
        """The setup as it is printed."""
        if self.setup in ("", "pass"):
            return ""
        if "\n" in self.setup:
            return "setup:\n" + "\n".join(f"  {line}" for line in self.setup.splitlines())
        return f"setup: {self.setup}"

    def summarize(self) -> str:
        """Title, description and setup."""
        parts = [self.title, self.description or "", self.setup_str()]
        return "\n".join(part for part in parts if part)


@dataclass
class Measurement:
    """Times of one piece of code.

    Attributes:
        number_per_run: how often the code ran for each time.
        raw_times: the times, in seconds.
        task_spec: what was measured.
        metadata: what else is known.
        times: seconds for one run.
    """

    number_per_run: int
    raw_times: list[float]
    task_spec: TaskSpec
    metadata: dict[Any, Any] | None = None
    _sorted: list[float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.raw_times:
            raise ValueError("Measurement: got no times.")
        self._sorted = sorted(self.times)

    def __getattr__(self, name: str) -> Any:
        # What was measured is asked of the measurement.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.task_spec, name)

    @property
    def times(self) -> list[float]:
        """Seconds for one run."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.fmean(self._sorted)

    @property
    def median(self) -> float:
        """Their median."""
        return statistics.median(self._sorted)

    def _quantile(self, q: float) -> float:
        place = q * (len(self._sorted) - 1)
        low, high = math.floor(place), math.ceil(place)
        part = place - low
        return self._sorted[low] * (1 - part) + self._sorted[high] * part

    @property
    def iqr(self) -> float:
        """The distance of the quartiles."""
        return self._quantile(0.75) - self._quantile(0.25)

    @property
    def significant_figures(self) -> int:
        """How many digits of the median mean something."""
        spread = self.iqr / 1.349  # of a normal distribution with these quartiles
        if spread <= 0 or self.median <= 0:
            return _MAX_DIGITS
        error = 2.576 * spread / math.sqrt(max(len(self._sorted), 1))
        digits = -math.log10(max(error / self.median, 10.0**-_MAX_DIGITS))
        return max(1, min(_MAX_DIGITS, math.floor(digits)))

    @property
    def has_warnings(self) -> bool:
        """Whether the times differ much."""
        return bool(self.iqr / self.median > _DOUBTFUL) if self.median else False

    @property
    def title(self) -> str:
        """A line that names what was measured."""
        return self.task_spec.title

    @property
    def env(self) -> str:
        """The name of the environment."""
        return self.task_spec.env or "Unspecified env"

    @property
    def as_row_name(self) -> str:
        """Its row in a table."""
        return self.task_spec.sub_label or self.task_spec.stmt or "[Unknown]"

    def meets_confidence(self, threshold: float = _DOUBTFUL) -> bool:
        """Whether the quartiles are closer than this part of the median."""
        return self.iqr / self.median < threshold

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """Measurements of the same thing as one."""
        groups: dict[TaskSpec, list[Measurement]] = {}
        for each in measurements:
            groups.setdefault(each.task_spec, []).append(each)
        return [
            Measurement(1, [t for each in group for t in each.times], spec)
            for spec, group in groups.items()
        ]

    def __repr__(self) -> str:
        unit, scale = select_unit(self.median)
        digits = self.significant_figures
        name = f"{type(self).__module__}.{type(self).__name__}"
        lines = [f"<{name} object>", self.task_spec.summarize()]
        if len(self._sorted) > 1:
            low, high = self._quantile(0.25), self._quantile(0.75)
            lines += [
                f"  Median: {trim_sigfig(self.median / scale, digits)} {unit}",
                (
                    f"  IQR:    {trim_sigfig(self.iqr / scale, digits)} {unit} "
                    f"({trim_sigfig(low / scale, digits)} to {trim_sigfig(high / scale, digits)})"
                ),
            ]
        else:
            lines.append(f"  {self.median / scale:.2f} {unit}")
        count = f"{len(self._sorted)} measurement{'s' if len(self._sorted) > 1 else ''}"
        runs = f"{self.number_per_run} run{'s' if self.number_per_run > 1 else ''} per measurement"
        threads = self.task_spec.num_threads
        lines.append(f"  {count}, {runs}, {threads} thread{'s' if threads > 1 else ''}")
        if self.has_warnings:
            lines.append("  WARNING: Interquartile range is large: the times differ much.")
        return "\n".join(lines)


def select_unit(t: float) -> tuple[str, float]:
    """The unit that suits a time, and how many seconds it has.

    Example:
        >>> from pullback.utils.benchmark import select_unit
        >>> select_unit(0.002)
        ('ms', 0.001)
    """
    fitting = [(unit, scale) for unit, scale in _UNITS.items() if t >= scale]
    return fitting[-1] if fitting else ("ns", 1e-9)


def unit_to_english(u: str) -> str:
    """The name of a unit."""
    return _LONG[u]


def trim_sigfig(x: float, n: int) -> float:
    """A number with so many digits.

    Example:
        >>> from pullback.utils.benchmark import trim_sigfig
        >>> trim_sigfig(12345.0, 2)
        12000.0
    """
    return 0.0 if x == 0 else float(f"{x:.{n - 1}e}")


def ordered_unique(elements: Iterable[Any]) -> list[Any]:
    """Each element once, in the order in which they came."""
    return list(dict.fromkeys(elements))


@contextmanager
def set_torch_threads(n: int) -> Iterator[None]:
    """A block that uses so many threads."""
    before = pb.get_num_threads()
    pb.set_num_threads(n)
    try:
        yield
    finally:
        pb.set_num_threads(before)
