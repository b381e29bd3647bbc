"""Writes the tables of public programs in ``docs/programs.md`` from the results of a harness.

``python tools/programs.py RESULTS MANIFEST`` reads two JSON files: of the results a program's
``status`` ("ok" where its numbers are PyTorch's) and ``why``, of the manifest its repository, path
and the name of what it lacks. What stands between the marks on the page is replaced; nothing else.
``--times OURS THEIRS`` adds the table of times: two JSON files by ``--measure LIBRARY HARNESS
MIRROR`` (the folder of the harness), which runs ten programs in processes of their own.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "programs.md"
MARKS = {name: (f"<!-- {name} -->", f"<!-- end of {name} -->") for name in ("programs", "times")}
TEN = (
    "yunjey-feedforward",
    "yunjey-vae",
    "mingpt",
    "torchdiffeq-learn-physics",
    "torchsde-latent",
    "karpathy-nflib",
    "td3",
    "ppo-pytorch",
    "nflows-realnvp-maf",
    "siren-pytorch",
)

# A program as the harness runs it, in a process of its own: the seconds of the import, and those
# from the start of the program to the end of each step of an optimizer and of the program.
CHILD = """
import json, os, runpy, sys, time
harness, library, name = sys.argv[1:]
sys.path.insert(0, harness)
start = time.perf_counter()
__import__(library)
marks = [time.perf_counter() - start]
import torch_alias
torch_alias.install(library)
from torch.optim.optimizer import register_optimizer_step_post_hook
register_optimizer_step_post_hook(lambda *_: marks.append(time.perf_counter() - start))
programs = json.load(open(os.path.join(harness, "manifest.json")))["programs"]
program = next(p for p in programs if p["id"] == name)
sys.argv = [os.path.join(harness, "drivers", program["driver"] + ".py"), *program["args"]]
start = time.perf_counter()
runpy.run_path(sys.argv[0], run_name="__main__")
print("MARKS", json.dumps([*marks, time.perf_counter() - start]))
"""


def lacks(result: dict[str, Any]) -> str:
    """What stopped a program, in a few words without places of this machine."""
    if result["status"] in ("timeout", "crash"):
        return str(result["status"])
    text = str(result["why"])
    missing = re.search(r"module 'pullback\.?([\w.]*)' has no attribute '(\w+)'", text)
    if missing:
        return "`" + ".".join(part for part in missing.groups() if part) + "`"
    missing = re.search(r"cannot import name '(\w+)' from 'pullback\.?([\w.]*)'", text)
    if missing:
        return "`" + ".".join(part for part in reversed(missing.groups()) if part) + "`"
    missing = re.search(r"'(Tensor|Parameter)' object has no attribute '(\w+)'", text)
    if missing:
        return f"`Tensor.{missing[2]}`"
    missing = re.search(r"No module named '(?:torch|pullback)\.([\w.]+)'", text)
    if missing:
        return f"`{missing[1]}`"
    text = text.rpartition(" :: ")[2]
    return re.sub(r"\S*/\S*", "...", text).replace("|", "/")[:90]


def programs(results: dict[str, Any], manifest: list[dict[str, Any]]) -> str:
    """The two tables, what runs and what does not."""
    runs: dict[str, list[str]] = defaultdict(list)
    others: dict[str, list[str]] = defaultdict(list)
    for program in manifest:
        repository = program["repo"].replace("+", "/", 1)
        result = results.get(program["id"])
        if result is None:
            continue
        if result["status"] == "ok":
            runs[repository].append(program["id"])
        else:
            others[lacks(result)].append(program["id"])
    count = sum(map(len, runs.values()))
    total = count + sum(map(len, others.values()))
    lines = [
        f"{count} of {total} public programs (scripts, notebooks, models with a few steps of",
        "training, tests of libraries) run with PyTorch's numbers:",
        "",
        "| repository | programs |",
        "|---|---|",
        *(f"| {repository} | {', '.join(names)} |" for repository, names in sorted(runs.items())),
    ]
    if others:
        lines += [
            "",
            "The others, by what they lack first:",
            "",
            "| lacking | programs |",
            "|---|---|",
            *(f"| {what} | {', '.join(names)} |" for what, names in sorted(others.items())),
        ]
    return "\n".join(lines)


def sources_of(harness: Path, mirror: Path, names: list[str]) -> Path:
    """The folder of the programs' sources, which the harness takes out of the mirror."""
    folder = Path(tempfile.gettempdir()) / "programs" / "src"
    chosen = [p for p in read(harness / "manifest.json")["programs"] if p["id"] in names]
    wanted = {f"{repo}@{commit}" for p in chosen for repo, commit in p["commits"].items()}
    command = [sys.executable, str(harness / "extract.py"), str(mirror), str(folder)]
    subprocess.run([*command, *sorted(wanted)], stdout=subprocess.DEVNULL, check=True)
    return folder


def run_once(library: str, harness: Path, sources: Path, name: str) -> dict[str, float]:
    """Seconds of one run, and the megabytes at its peak."""
    environment = os.environ | {
        "THIRD_SRC": str(sources),
        "THIRD_WORK": str(sources.parent / "work"),
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MPLBACKEND": "Agg",
    }
    command = [sys.executable, "-c", CHILD, str(harness), library, name]
    with tempfile.TemporaryFile("w+") as printed:
        child = subprocess.Popen(command, stdout=printed, stderr=printed, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        lines = printed.read().splitlines()
    marks = [line for line in lines if line.startswith("MARKS ")]
    if child.returncode or not marks:
        raise SystemExit(f"{name} on {library} failed: " + "\n".join(lines[-5:]))
    imported, *steps, whole = json.loads(marks[-1].removeprefix("MARKS "))
    if len(steps) < 2:
        raise SystemExit(f"{name} makes {len(steps)} steps of an optimizer, which is too few")
    later = [after - before for before, after in itertools.pairwise(steps)]
    return {
        "import": imported,
        "first step": steps[0],
        "step": statistics.median(later),
        "whole run": whole,
        "memory": usage.ru_maxrss / 1024,
    }


def measured(library: str, harness: Path, mirror: Path, only: str, runs: int) -> dict[str, Any]:
    """The least of a few runs of each program, and the megabytes of the installed package."""
    names = [name for name in TEN if re.search(only, name)]
    harness = harness.resolve()
    sources = sources_of(harness, mirror, names)
    found: dict[str, Any] = {}
    for name in names:
        each = [run_once(library, harness, sources, name) for _ in range(runs)]
        found[name] = {what: min(run[what] for run in each) for what in each[0]}
    place = importlib.util.find_spec(library)
    assert place is not None
    assert place.origin is not None
    files = [f for f in Path(place.origin).parent.rglob("*") if "__pycache__" not in f.parts]
    megabytes = sum(file.stat().st_size for file in files if file.is_file()) / 2**20
    return {"installed": megabytes, "programs": found}


def times(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    """The table of times: each cell holds pullback's figure and PyTorch's."""

    def cell(name: str, what: str, factor: float, unit: str) -> str:
        pair = [each["programs"][name][what] * factor for each in (ours, theirs)]
        return " / ".join(f"{value:,.{1 if value < 10 else 0}f}" for value in pair) + f" {unit}"

    names = [name for name in TEN if name in ours["programs"] and name in theirs["programs"]]
    columns = (
        ("import", 1000, "ms"),
        ("first step", 1000, "ms"),
        ("step", 1000, "ms"),
        ("whole run", 1, "s"),
        ("memory", 1, "MB"),
    )
    mine, other = (f"{each['installed']:.0f} MB" for each in (ours, theirs))
    rows = [" | ".join([name, *(cell(name, *column) for column in columns)]) for name in names]
    return "\n".join(
        [
            f"Installed, pullback is {mine} and PyTorch {other}. Each cell: pullback / PyTorch, on",
            "one thread. The first step counts from the end of the import on, a step is the median",
            "of the later ones, and memory is the peak of the process.",
            "",
            f"| program | {' | '.join(what for what, _, _ in columns)} |",
            "|---|" + "---|" * len(columns),
            *(f"| {row} |" for row in rows),
        ]
    )


def replaced(page: str, name: str, table: str) -> str:
    """The page with the table between the marks of the name."""
    first, last = MARKS[name]
    before, mark, rest = page.partition(first)
    if not mark:
        raise SystemExit(f"{PAGE.name} has no line {first}")
    return f"{before}{first}\n{table}\n{last}{rest.partition(last)[2]}"


def read(path: Path) -> Any:
    """What a JSON file holds."""
    return json.loads(path.read_text())


def main() -> None:
    """Writes the page, or prints what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", nargs="?", type=Path)
    parser.add_argument("manifest", nargs="?", type=Path)
    parser.add_argument("--times", nargs=2, type=Path, metavar=("OURS", "THEIRS"))
    parser.add_argument("--measure", nargs=3, metavar=("LIBRARY", "HARNESS", "MIRROR"))
    parser.add_argument("--only", default=".", help="of the ten programs, those that it matches")
    parser.add_argument("--runs", type=int, default=3, help="how often each is run")
    options = parser.parse_args()
    if options.measure:
        library, harness, mirror = options.measure
        found = measured(library, Path(harness), Path(mirror), options.only, options.runs)
        print(json.dumps(found, indent=1))
        return
    page = PAGE.read_text()
    if options.results and options.manifest:
        table = programs(read(options.results), read(options.manifest)["programs"])
        page = replaced(page, "programs", table)
    if options.times:
        ours, theirs = options.times
        page = replaced(page, "times", times(read(ours), read(theirs)))
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
