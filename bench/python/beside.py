"""What the programs share that measure families of calls beside PyTorch.

In every round each library runs the same call once, in alternating order, as often as takes about
SAMPLE_SECONDS; its time is the least of the rounds, and the ratio is torch/pullback (above 1:
pullback is faster). One thread is timed by the processor's clock, which other programs disturb
less, several by the wall's. Results are compared first.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from math import exp, log
from pathlib import Path
from time import perf_counter, process_time
from types import ModuleType
from typing import Any

import report

SAMPLE_SECONDS = 0.01
DOCS = Path(__file__).resolve().parent.parent.parent / "docs"

Call = Callable[[], Any]
Clock = Callable[[], float]


def libraries(threads: int) -> list[ModuleType]:
    """Both, each with so many threads and its own choice of loops."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
    for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "ATEN_CPU_CAPABILITY"):
        os.environ.pop(variable, None)
    import torch

    import pullback as pb

    for library in (pb, torch):
        library.set_num_threads(threads)
    return [pb, torch]


def clock_for(threads: int) -> Clock:
    """Seconds of the processor, or of the wall."""
    return process_time if threads == 1 else perf_counter


def flat(result: Any) -> list[Any]:
    """The arrays of a tensor or of tensors inside one another."""
    if result is None:
        return []
    if isinstance(result, (tuple, list)):
        return [array for each in result for array in flat(each)]
    return [result.detach().numpy() if hasattr(result, "detach") else result]


def compare(name: str, results: Sequence[Any], tolerance: float) -> None:
    """Both computed the same: up to `tolerance` of the largest number."""
    import numpy as np

    ours, theirs = (flat(result) for result in results)
    assert len(ours) == len(theirs), name
    for a, b in zip(ours, theirs, strict=True):
        most = float(np.abs(b).max()) if np.size(b) else 0.0
        np.testing.assert_allclose(
            a, b, rtol=tolerance, atol=tolerance * max(most, 1e-30), err_msg=name
        )


def times(calls: Sequence[Call], rounds: int, clock: Clock) -> list[float]:
    """The least seconds that each of the calls takes."""

    def seconds(call: Call, loops: int) -> float:
        start = clock()
        for _ in range(loops):
            call()
        return (clock() - start) / loops

    least, counts = [], []
    for call in calls:
        call()
        loops, spent = 1, 0.0
        while (spent := seconds(call, loops)) * loops < SAMPLE_SECONDS / 8:
            loops *= 4
        counts.append(max(1, round(SAMPLE_SECONDS / spent)))
        least.append(spent)
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for k in range(len(calls)) if number % 2 == 0 else reversed(range(len(calls))):
                least[k] = min(least[k], seconds(calls[k], counts[k]))
    finally:
        gc.enable()
    return least


def mean(ratios: Sequence[float]) -> float:
    """The geometric one."""
    return exp(sum(map(log, ratios)) / len(ratios))


class Ratios:
    """What was measured, by family."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[str, float, float]]] = {}

    def add(self, family: str, name: str, ours: float, theirs: float) -> None:
        """Notes and prints one row."""
        self.rows.setdefault(family, []).append((name, ours, theirs))
        shown = f"{report.seconds(ours):>10} {report.seconds(theirs):>10}"
        print(f"{family + ': ' + name:58} {shown} {theirs / ours:7.2f}", flush=True)

    def of(self, family: str) -> list[float]:
        """The ratios of a family."""
        return [theirs / ours for _, ours, theirs in self.rows[family]]

    def summary(self) -> str:
        """A table of the families in Markdown: geometric mean, least and where that is."""
        lines = ["| | rows | geometric mean | least | of |", "|---|---:|---:|---:|---|"]
        for family, rows in self.rows.items():
            found = self.of(family)
            where = rows[found.index(min(found))][0]
            cells = [family, str(len(found)), f"{mean(found):.2f}", f"{min(found):.2f}", where]
            lines.append("| " + " | ".join(cells) + " |")
        every = [ratio for family in self.rows for ratio in self.of(family)]
        if every:
            lines.append(f"| all | {len(every)} | {mean(every):.2f} | {min(every):.2f} | |")
        return "\n".join(lines)
