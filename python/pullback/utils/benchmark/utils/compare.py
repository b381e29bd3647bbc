"""``Compare``: measurements as a table, a row each statement, a column each description."""

from __future__ import annotations

import enum
from collections.abc import Iterable

from pullback.utils.benchmark.utils.common import (
    Measurement,
    ordered_unique,
    select_unit,
    trim_sigfig,
    unit_to_english,
)

__all__ = ["Colorize", "Compare"]


class Colorize(enum.Enum):
    """Which numbers of a table are compared by colours; they are not coloured here."""

    NONE = "none"
    COLUMNWISE = "columnwise"
    ROWWISE = "rowwise"


class Compare:
    """A table of measurements for each label.

    Args:
        results: the measurements.

    Example:
        >>> from pullback.utils.benchmark import Compare, Measurement, TaskSpec
        >>> one = Measurement(1, [0.001], TaskSpec("f", label="times", description="old"))
        >>> two = Measurement(1, [0.002], TaskSpec("f", label="times", description="new"))
        >>> print(Compare([one, two]))
        [----- times -----]
             |  old  |  new
        1 threads: --------
          f  |   1   |   2
        <BLANKLINE>
        Times are in milliseconds (ms).
    """

    def __init__(self, results: Iterable[Measurement]) -> None:
        self._results: list[Measurement] = []
        self._trim = False
        self.extend_results(results)

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """Put more measurements into it.

        Raises:
            ValueError: something that is no measurement.
        """
        for each in results:
            if not isinstance(each, Measurement):
                raise ValueError(
                    f"Expected an instance of `Measurement`, got {type(each)} instead."
                )
            self._results.append(each)

    def trim_significant_figures(self) -> None:
        """Print no digits that mean nothing."""
        self._trim = True

    def colorize(self, rowwise: bool = False) -> None:
        """Nothing changes: numbers are not coloured."""
        del rowwise

    def highlight_warnings(self) -> None:
        """Nothing changes."""

    def print(self) -> None:
        """Print it."""
        print(str(self))

    def __str__(self) -> str:
        merged = Measurement.merge(self._results)
        labels = ordered_unique(each.task_spec.label for each in merged)
        tables = [[m for m in merged if m.task_spec.label == label] for label in labels]
        return "\n".join(self._table(table) for table in tables)

    def _cell(self, found: list[Measurement], scale: float) -> str:
        if not found:
            return ""
        value = found[0].median / scale
        digits = found[0].significant_figures if self._trim else 4
        return f"{trim_sigfig(value, digits):g}"

    def _table(self, measured: list[Measurement]) -> str:
        unit, scale = select_unit(min(each.median for each in measured))
        columns = ordered_unique(each.task_spec.description or "" for each in measured)
        names = ordered_unique(each.as_row_name for each in measured)
        threads = ordered_unique(each.task_spec.num_threads for each in measured)
        width = max(len(name) for name in names)
        cells = {
            (thread, name, column): self._cell(
                [
                    each
                    for each in measured
                    if each.task_spec.num_threads == thread
                    and each.as_row_name == name
                    and (each.task_spec.description or "") == column
                ],
                scale,
            )
            for thread in threads
            for name in names
            for column in columns
        }
        widths = {
            column: max(
                len(column), *(len(text) for key, text in cells.items() if key[2] == column)
            )
            for column in columns
        }

        def line(name: str, texts: list[str]) -> str:
            parts = [f"{t:^{widths[c]}}" for t, c in zip(texts, columns, strict=True)]
            return f"  {name:<{width}}  |  {'  |  '.join(parts)}".rstrip()

        head = line("", columns)
        title = f" {measured[0].task_spec.label or measured[0].title} "
        lines = [f"[{title:-^{max(len(head) - 2, len(title) + 2)}}]", head]
        for thread in threads:
            mark = f"{thread} threads: "
            lines.append(mark + "-" * max(len(head) - len(mark), 4))
            lines += [
                line(name, [cells[(thread, name, column)] for column in columns]) for name in names
            ]
        return "\n".join([*lines, "", f"Times are in {unit_to_english(unit)}s ({unit})."])
