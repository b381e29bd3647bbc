"""Interleaved timing: in every round each library is measured once, in alternating order.

A ratio is taken between two samples of the same round, so that what slows the machine down for a
while slows down both. Loop counts are calibrated once a library and case to about 20 ms; the
cyclic garbage collector is off while the clock runs, for all alike.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import timeit
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

from cases import Case

SAMPLE_SECONDS = 0.02


@dataclass
class Row:
    """The samples of one case, in seconds a run, by library and in the order of the rounds."""

    name: str
    goal: float
    samples: dict[str, list[float]] = field(default_factory=dict)

    def best(self, library: str) -> float | None:
        """The median of a library's samples."""
        return median(self.samples[library]) if library in self.samples else None

    def ratios(self, library: str) -> list[float]:
        """How many times longer the library took than pullback, round by round."""
        return [
            other / own
            for other, own in zip(self.samples[library], self.samples["pullback"], strict=True)
        ]


class Sampler:
    """One case of one library, ready to be timed again and again."""

    def __init__(self, case: Case, library: str, module: ModuleType | None) -> None:
        """Runs the case's set-up; `module` is None for autograd."""
        self.module = module
        self.recording = case.grad
        self.prepare = case.prepare
        statement = case.statement
        if module is None:
            assert case.peer is not None
            self.namespace: dict[str, Any] = case.peer()
            statement = case.peer_statement or statement
            self.prepare = "z = build()" if case.prepare else ""
        else:
            self.namespace = {"t": module}
            exec(case.setup, self.namespace)
        name = f"{library}: {case.name}"
        self.timer = timeit.Timer(statement, globals=self.namespace)
        self.code = compile(self.prepare, name, "exec")
        self.loops = 1 if self.prepare else self.calibrate()

    def mode(self) -> AbstractContextManager[Any]:
        """Recording as the case asks for."""
        return nullcontext() if self.module is None or self.recording else self.module.no_grad()

    def calibrate(self) -> int:
        """The number of loops that takes about SAMPLE_SECONDS."""
        # A library's first calls load and set up much: counted here, they would leave one cold
        # call a sample.
        with self.mode():
            self.timer.timeit(10)
        loops = 1
        while True:
            with self.mode():
                spent = self.timer.timeit(loops)
            if spent >= SAMPLE_SECONDS / 2:
                return max(1, round(loops * SAMPLE_SECONDS / spent))
            loops = max(2 * loops, int(loops * SAMPLE_SECONDS / max(spent, 1e-6) / 2))

    def sample(self) -> float:
        """Seconds for one run of the statement."""
        exec(self.code, self.namespace)
        gc.collect()
        with self.mode():
            spent = self.timer.timeit(self.loops)  # timeit switches the collector off
        return spent / self.loops


def measure(case: Case, modules: dict[str, ModuleType | None], rounds: int) -> Row:
    """Measures a case with every library that has it."""
    row = Row(case.name, case.goal)
    samplers = {
        library: Sampler(case, library, module)
        for library, module in modules.items()
        if module is not None or case.peer is not None
    }
    row.samples = {library: [] for library in samplers}
    for sampler in samplers.values():
        sampler.sample()
    for number in range(rounds):
        order = list(samplers) if number % 2 == 0 else list(samplers)[::-1]
        for library in order:
            row.samples[library].append(samplers[library].sample())
    return row


def import_seconds(statement: str) -> float:
    """Seconds a fresh interpreter needs for a statement."""
    return timeit.timeit(
        lambda: subprocess.run([sys.executable, "-c", statement], check=True), number=1
    )


def measure_imports(libraries: list[str], rounds: int) -> Row:
    """Import times over those of a bare interpreter, interleaved like everything else."""
    row = Row("import, over a bare interpreter", 0.0, {library: [] for library in libraries})
    statements = {"": "pass", **{library: f"import {library}" for library in libraries}}
    for statement in statements.values():
        import_seconds(statement)
    for _ in range(rounds):
        spent = {library: import_seconds(statement) for library, statement in statements.items()}
        for library in libraries:
            row.samples[library].append(max(spent[library] - spent[""], 1e-6))
    return row


def installed_bytes(module: ModuleType) -> int:
    """What a package occupies on the disk, without its dependencies and its byte code."""
    assert module.__file__ is not None
    files = Path(module.__file__).parent.rglob("*")
    return sum(f.stat().st_size for f in files if f.is_file() and f.suffix != ".pyc")
