"""Measures pullback beside torch and HIPS autograd, and writes docs/benchmarks.md and its plot.

    pip install torch autograd matplotlib
    python bench/python/run.py [--rounds 11] [--only TEXT] [--dry]

A library that is not installed is left out. Start reading in cases.py.
"""

from __future__ import annotations

import argparse
import importlib
import os
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import report
from cases import CASES
from measure import installed_bytes, measure, measure_imports

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


def load(name: str) -> ModuleType | None:
    """The library, on one thread, or None."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        return None
    if hasattr(module, "set_num_threads"):
        module.set_num_threads(1)
    return module


def main() -> None:
    """Runs the cases, prints each as it is finished, writes the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11, help="at least 7 for a claim")
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    parser.add_argument("--dry", action="store_true", help="print, and write no document")
    options = parser.parse_args()

    found = {name: load(name) for name in ("pullback", "torch", "autograd")}
    installed = {name: module for name, module in found.items() if module is not None}
    if "pullback" not in installed:
        parser.error("pullback is not installed: pip install .")
    modules = {name: None if name == "autograd" else module for name, module in installed.items()}
    rows = []
    for case in CASES:
        if options.only not in case.name:
            continue
        row = measure(case, modules, options.rounds)
        rows.append(row)
        cells = [f"{name} {report.seconds(row.best(name))}" for name in row.samples]
        if "torch" in row.samples:
            cells.append(f"torch/pullback {report.ratio(row, 'torch')}, goal {case.goal:g}")
        print(f"{case.name:60s} " + ", ".join(cells), flush=True)
    if options.only or options.dry:
        return
    rows.append(measure_imports(list(installed), options.rounds))
    sizes = {name: installed_bytes(module) for name, module in installed.items()}
    versions = {
        name: getattr(module, "__version__", None) or version(name)
        for name, module in installed.items()
    }
    report.write(DOCS, rows, sizes, versions, options.rounds)
    print("\n" + report.table(rows))


if __name__ == "__main__":
    main()
