"""Writes the tables of public programs in ``docs/programs.md`` from the results of a harness.

``python tools/programs.py RESULTS MANIFEST`` reads two JSON files: of the results a program's
``status`` ("ok" where its numbers are PyTorch's) and ``why``, of the manifest its repository, path
and the name of what it lacks. What stands between the marks on the page is replaced; nothing else.
``--times OURS THEIRS`` adds the table of times: two JSON files by ``--measure LIBRARY HARNESS
MIRROR``, which runs ten programs and a small training loop in processes of their own.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "programs.md"
MARKS = {name: (f"<!-- {name} -->", f"<!-- end of {name} -->") for name in ("programs", "times")}
TEN = (
    "yunjey-feedforward",
    "yunjey-vae",
    "zero-to-hero-mlp",
    "torchdiffeq-learn-physics",
    "torchsde-latent",
    "karpathy-nflib",
    "td3",
    "ppo-pytorch",
    "nflows-realnvp-maf",
    "siren-pytorch",
)

# A training loop that prints the milliseconds of the import, the first step and a later one.
LOOP = """
import time
start = time.perf_counter()
import {library} as torch
imported = time.perf_counter()
model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
optimizer = torch.optim.Adam(model.parameters())
x, y = torch.randn(32, 64), torch.randint(0, 10, (32,))
times = []
for _ in range(300):
    before = time.perf_counter()
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
    times.append(time.perf_counter() - before)
print(imported - start, times[0], sorted(times[100:])[100])
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


def measured(library: str, harness: Path, mirror: Path) -> dict[str, Any]:
    """Seconds and megabytes of each of the ten programs, and of the training loop."""
    found: dict[str, Any] = {}
    for name in TEN:
        command = [sys.executable, str(harness), "--lib", library, "--mirror", str(mirror)]
        start = time.perf_counter()
        child = subprocess.Popen(
            [*command, "--only", f"^{name}$", "--quiet"], stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(child.pid, 0)
        if status == 0:
            seconds = time.perf_counter() - start
            found[name] = {"seconds": seconds, "megabytes": usage.ru_maxrss / 1024}
    loops = []
    for _ in range(5):
        code = LOOP.format(library=library)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        loops.append([1000 * float(part) for part in done.stdout.split()])
    names = ("import", "first step", "step")
    medians = [statistics.median(column) for column in zip(*loops, strict=True)]
    found["loop"] = dict(zip(names, medians, strict=True))
    place = importlib.util.find_spec(library)
    assert place is not None
    assert place.origin is not None
    folder = Path(place.origin).parent
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    found["loop"]["installed megabytes"] = sum(sizes) / 2**20
    return found


def times(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    """The table of times."""
    lines = ["| | pullback | PyTorch |", "|---|---|---|"]
    for what, mine in ours["loop"].items():
        unit = "MB" if "megabytes" in what else "ms"
        title = what.replace(" megabytes", "") + (" of a small network" if "step" in what else "")
        lines.append(f"| {title} | {mine:.3g} {unit} | {theirs['loop'][what]:.3g} {unit} |")
    for name in TEN:
        if name in ours and name in theirs:
            cells = [
                f"{each[name]['seconds']:.1f} s, {each[name]['megabytes']:.0f} MB"
                for each in (ours, theirs)
            ]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


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
    options = parser.parse_args()
    if options.measure:
        library, harness, mirror = options.measure
        print(json.dumps(measured(library, Path(harness), Path(mirror)), indent=1))
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
