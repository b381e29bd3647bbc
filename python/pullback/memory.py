"""Memory: the caching allocator, what graphs save, and budgets for it.

``stats`` and ``set_bound`` are about the allocator, ``report`` shows the saved tensors, and
``memory_budget`` drops them and computes them again (NOTE [Budgets] in csrc/transform/budget.h).

Example:
    >>> import pullback as pb
    >>> pb.memory.empty_cache()
    >>> pb.memory.stats()["cached"]
    0
"""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from pullback import _arguments, _core
from pullback.diagnosis._names import names_of_memory

if TYPE_CHECKING:
    from typing_extensions import Self

    from pullback import dtype

__all__ = [
    "Report",
    "SavedRow",
    "empty_cache",
    "memory_budget",
    "report",
    "reset_peak",
    "set_bound",
    "stats",
]


def stats() -> dict[str, int]:
    """Bytes in use, the most there were, bytes kept for later, and the bound of those.

    Example:
        >>> import pullback as pb
        >>> sorted(pb.memory.stats())
        ['allocated', 'bound', 'cached', 'peak']
    """
    raw = _core._memory_stats()
    return {name: raw[f"{name}_bytes"] for name in ("allocated", "peak", "cached", "bound")}


def empty_cache() -> None:
    """Give all memory that is kept but not in use back to the system.

    Example:
        >>> import pullback as pb
        >>> pb.memory.empty_cache()
        >>> pb.memory.stats()["cached"]
        0
    """
    _core._memory_empty_cache()


def set_bound(size: int) -> None:
    """Keep at most so many bytes of freed memory; what is above is given back now.

    Args:
        size: a number of bytes, at least 0.

    Raises:
        ValueError: ``size`` is negative.

    Example:
        >>> import pullback as pb
        >>> before = pb.memory.stats()["bound"]
        >>> pb.memory.set_bound(1 << 20)
        >>> pb.memory.stats()["bound"]
        1048576
        >>> pb.memory.set_bound(before)
    """
    _arguments.integers("set_bound", size=size)
    _core._memory_set_bound(size)


def reset_peak() -> None:
    """Let ``stats()["peak"]`` start again from what is in use.

    Example:
        >>> import pullback as pb
        >>> gone = pb.empty(1_000_000)
        >>> del gone
        >>> pb.memory.stats()["peak"] >= 4_000_000
        True
        >>> pb.memory.reset_peak()
        >>> pb.memory.stats()["peak"] < 4_000_000
        True
    """
    _core._memory_reset_peak()


# --- budgets ---

_UNITS = {"": 1, **{p: 1000**k for k, p in enumerate(("K", "M", "G", "T"), 1)}}
_UNITS |= {f"{p}I": 1024**k for k, p in enumerate(("K", "M", "G", "T"), 1)}


def _bytes_of(size: float | str) -> int:
    if isinstance(size, (int, float)) and not isinstance(size, bool):
        number = size
    else:
        found = re.fullmatch(r"\s*([\d.]+(?:e\d+)?)\s*([KMGT]?I?)B?\s*", str(size), re.IGNORECASE)
        if not isinstance(size, str) or found is None or found[2].upper() not in _UNITS:
            raise ValueError(
                f"memory_budget: got size={size!r}, expected a number of bytes or a size such as "
                "'500MB' or '1.5GiB'."
            )
        number = float(found[1]) * _UNITS[found[2].upper()]
    if not 0 <= number < 2**62:
        raise ValueError(f"memory_budget: got {size!r}, expected a size that is not negative.")
    return int(number)


class memory_budget:
    """Keep the tensors that graphs save under so many bytes.

    What operators save inside the block is dropped when it would be more, and computed again in
    backward, wherever that is called; gradients are the same, bit for bit. Dropped first is what
    costs least to compute again for its size. Tensors without a history (data, random masks) and
    results of custom functions cannot be dropped, parameters are not counted.

    Args:
        size: bytes, or a text such as "500MB" or "1.5GiB".

    Raises:
        RuntimeError: at the operation that saves more than can be dropped.

    Example:
        >>> import pullback as pb
        >>> x = pb.rand(1000, dtype=pb.float64, requires_grad=True)
        >>> with pb.memory_budget("20kB") as budget:
        ...     y = x.sin().exp().cos().tanh().exp().sum()
        >>> budget.stats()["held"]
        16000
        >>> y.backward()
        >>> budget.stats()["recomputed"] > 0
        True
    """

    def __init__(self, size: float | str) -> None:
        self.size = _bytes_of(size)
        self._ledger: Any = None

    def __enter__(self) -> Self:
        self._ledger = _core._budget_enter(self.size)
        return self

    def __exit__(self, *exc: object) -> None:
        _core._pop_saved_hooks()

    def stats(self) -> dict[str, int]:
        """Bytes allowed, held now and at most; tensors dropped, operators run again, errors."""
        if self._ledger is None:
            raise RuntimeError("memory_budget: stats() of a budget that was not entered.")
        counts: dict[str, int] = _core._budget_stats(self._ledger)
        return counts


# --- the report ---


class SavedRow(NamedTuple):
    """A tensor that one or more nodes save."""

    bytes: int
    operator: str
    where: str
    shape: tuple[int, ...]
    dtype: dtype
    savers: int
    parameter: bool
    name: str = ""  # of the parameter, in the module that it belongs to


class Report:
    """The saved tensors of live graphs, the largest first; prints as a table."""

    def __init__(self, rows: list[SavedRow]) -> None:
        self.rows = rows

    @property
    def total(self) -> int:
        """Bytes of all memory that is saved, parameters not counted."""
        return sum(row.bytes for row in self.rows if not row.parameter)

    def by(self, key: str) -> dict[Any, int]:
        """Bytes by ``"operator"``, ``"where"``, ``"shape"`` or ``"dtype"``, the most first."""
        sums: dict[Any, int] = {}
        for row in self.rows:
            if not row.parameter:
                sums[getattr(row, key)] = sums.get(getattr(row, key), 0) + row.bytes
        return dict(sorted(sums.items(), key=lambda item: -item[1]))

    def table(self, limit: int = 20) -> str:
        """The first rows as text."""
        lines = [f"{'bytes':>12}  {'operator':<24} {'shape':<16} {'dtype':<8} where"]
        for row in self.rows[:limit]:
            shape = "x".join(map(str, row.shape)) or "scalar"
            kind = str(row.dtype).removeprefix("torch.")
            note = f" ({row.name or 'a parameter'})" if row.parameter else ""
            lines.append(
                f"{row.bytes:>12}  {row.operator:<24} {shape:<16} {kind:<8} {row.where}{note}"
            )
        if len(self.rows) > limit:
            lines.append(f"... and {len(self.rows) - limit} more")
        lines.append(f"{self.total:>12}  in {sum(not row.parameter for row in self.rows)} tensors")
        return "\n".join(lines)

    __repr__ = table


def report(roots: Any = None) -> Report:
    """What graphs save for backward: bytes, operator and line of the user's code.

    Memory that several nodes save is listed once, under the one recorded first.

    Args:
        roots: a tensor, or several, whose graphs to look at; by default all tensors that Python
            code holds, which are searched for among all its objects.

    Example:
        >>> import pullback as pb
        >>> x = pb.rand(100, requires_grad=True)
        >>> y = (x.sin() * 2).exp()
        >>> report = pb.memory.report(y)
        >>> [(row.operator, row.bytes, row.parameter) for row in report.rows]
        [('ExpBackward0', 400, False), ('SinBackward0', 400, True)]
        >>> report.total
        400
    """
    if roots is None:
        found: Iterable[Any] = _held_by_python()
    else:
        one = isinstance(roots, _core.Tensor)
        wanted = "Tensor or a sequence of Tensors"
        found = (roots,) if one else _arguments.elements("report", "roots", roots, wanted)
    merged: dict[int, SavedRow] = {}
    names = names_of_memory()
    for operator, where, memory, size, shape, kind, parameter in _core._saved_report(tuple(found)):
        known = merged.get(memory)
        merged[memory] = SavedRow(
            size,
            operator,
            where or "",
            tuple(shape),
            kind,
            1 + (known.savers if known else 0),
            parameter or memory in names or (known is not None and known.parameter),
            names.get(memory, ""),
        )
    return Report(sorted(merged.values(), key=lambda row: (row.parameter, -row.bytes)))


def _held_by_python() -> list[Any]:
    """Tensors and nodes that containers, objects and running functions refer to."""
    kinds = (_core.Tensor, _core.Node)
    found: dict[int, Any] = {}

    def look(values: Iterable[Any]) -> None:
        for value in values:
            if isinstance(value, kinds):
                found[id(value)] = value

    for frame in sys._current_frames().values():
        while frame is not None:
            look(frame.f_locals.values())
            frame = frame.f_back  # type: ignore[assignment]
    for thing in gc.get_objects():
        look(gc.get_referents(thing))
    return list(found.values())
