"""Measures what the line of the user's code kept for every node costs.

    python bench/python/place.py [--rounds 21]

A copy of the installed package that never asks for a line runs beside the package itself, each in
its own process, in turns; both see the cases of cases.py that record something, in one frame and in
a function called anew every time. The ratio is taken between the two samples of one round.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import subprocess
import sys
import tempfile
import timeit
from pathlib import Path
from statistics import median

from cases import CASES

SWITCH = "_core._init_provenance"
REPEATS = 40
SECONDS = 0.001


def samples(directory: str) -> dict[str, float]:
    """The least seconds a run of every case, with the package found in `directory`."""
    sys.path.insert(0, directory)
    library = importlib.import_module("pullback")
    assert Path(library.__file__ or "").is_relative_to(directory)
    result = {}
    for case in CASES:
        if "recorded" not in case.name and "requires_grad=True" not in case.name:
            continue
        namespace = {"t": library}
        exec(case.setup, namespace)
        exec(f"def call():\n    {case.statement}", namespace)
        for statement, where in ((case.statement, ""), ("call()", ", in a new frame")):
            timer = timeit.Timer(statement, globals=namespace)
            loops = max(1, int(SECONDS / (timer.timeit(1000) / 1000)))
            result[case.name + where] = min(timer.repeat(REPEATS, loops)) / loops
    return result


def copies(to: Path) -> dict[str, Path]:
    """The package, and the package without lines, each in a directory of its own."""
    library = importlib.import_module("pullback")
    package = Path(library.__file__ or "").parent
    found = {}
    for name in ("without", "with"):
        shutil.copytree(package, to / name / "pullback")
        found[name] = to / name
    start = found["without"] / "pullback" / "__init__.py"
    lines = start.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(SWITCH)]
    if len(kept) != len(lines) - 1:
        raise SystemExit(f"expected one line that starts with {SWITCH} in {start}")
    start.write_text("".join(kept))
    return found


def main() -> None:
    """Runs the rounds and prints a line a case."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(samples(options.worker)))
        return
    taken: dict[str, list[dict[str, float]]] = {"without": [], "with": []}
    with tempfile.TemporaryDirectory() as scratch:
        found = copies(Path(scratch))
        for number in range(options.rounds):
            for name in sorted(found, reverse=bool(number % 2)):
                command = [sys.executable, __file__, "--worker", str(found[name])]
                taken[name].append(json.loads(subprocess.check_output(command)))
    everything = []
    for case in taken["with"][0]:
        pairs = [(a[case], b[case]) for a, b in zip(taken["without"], taken["with"], strict=True)]
        ratios = [b / a for a, b in pairs]
        everything += ratios
        bare, kept = (min(pair[k] for pair in pairs) * 1e9 for k in (0, 1))
        print(
            f"{case:50s} {bare:6.1f} ns, with the line {kept:6.1f} ns,"
            f" {median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        )
    print(f"{'all':50s} {median(everything):.3f}")


if __name__ == "__main__":
    main()
