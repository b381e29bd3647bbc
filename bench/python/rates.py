"""What each family of kernels makes of the machine: a table of bench/cpp/kernels.cpp.

Builds the C++ benchmarks (preset `release`, or takes the program given with --program), runs the
rows that begin with `rate/` on one thread, and prints the share of a copy's bytes per second, or of
the best matrix product's operations per second, that each reaches. With --write the table goes into
docs/benchmarks.md. Needs Google Benchmark.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from statistics import median

import report

ROOT = Path(__file__).parents[2]
SIZES = ("65536", "4194304", "peak")


def build() -> Path:
    """The program with the C++ benchmarks, after a build."""
    subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True)
    target = ["--target", "pullback_bench"]
    subprocess.run(["cmake", "--build", "--preset", "release", *target], cwd=ROOT, check=True)
    return ROOT / "build" / "release" / "bench" / "cpp" / "pullback_bench"


def measure(program: Path, repetitions: int) -> dict[str, dict[tuple[str, str], tuple[float, str]]]:
    """By family, and there by dtype and size: the median share, and the rate in words."""
    done = subprocess.run(
        [
            program,
            "--benchmark_filter=^rate/",
            "--benchmark_format=json",
            f"--benchmark_repetitions={repetitions}",
            "--benchmark_enable_random_interleaving=true",
        ],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    runs: dict[str, dict[tuple[str, str], list[tuple[float, str]]]] = {}
    rows = json.loads(done.stdout)["benchmarks"]
    for row in sorted(rows, key=lambda row: row["family_index"]):
        if row["run_type"] != "iteration":
            continue
        _, family, dtype, size = row["name"].split("/")[:4]
        rate = (
            f"{row.get('bytes', row.get('flops')) / 1e9:.3g} G{'B' if 'bytes' in row else 'FLOP'}/s"
        )
        runs.setdefault(family, {}).setdefault((dtype, size), []).append((row["share"], rate))
    return {
        family: {
            key: (median(s for s, _ in all_), sorted(all_)[len(all_) // 2][1])
            for key, all_ in of.items()
        }
        for family, of in runs.items()
    }


def table(rates: dict[str, dict[tuple[str, str], tuple[float, str]]]) -> str:
    """The measured table in Markdown."""
    columns = [(dtype, size) for dtype in ("float32", "float64") for size in SIZES[:2]]
    moving = [
        "| share of a copy | "
        + " | ".join(f"{dtype}, {int(size):,}" for dtype, size in columns)
        + " |",
        "|---|" + "---:|" * len(columns),
    ]
    computing = ["| share of the best product | float32 | float64 |", "|---|---:|---:|"]
    for family, cells in rates.items():
        computes = ("float32", "peak") in cells
        keys = [("float32", "peak"), ("float64", "peak")] if computes else columns
        shown = [f"**{cells[key][0]:.2f}** ({cells[key][1]})" for key in keys]
        (computing if computes else moving).append("| " + " | ".join([family, *shown]) + " |")
    return "\n".join([*moving, "", *computing])


def main() -> None:
    """Measures and prints, or writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, help="a pullback_bench that is built already")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    options = parser.parse_args()
    shown = table(measure(options.program or build(), options.repetitions))
    print(shown)
    if options.write:
        text = (
            "Made by `python bench/python/rates.py --write` from `bench/cpp/kernels.cpp`, on one\n"
            "thread: the share that a kernel reaches of the bytes per second of a copy between\n"
            "tensors as large, counting what it must read and write once, or of the operations\n"
            "per second of the best matrix product. A share above 1 is of a kernel that writes\n"
            "less than a copy; a small one is of one that computes (exp, normal_) or decides\n"
            "(sort).\n"
            f"{report.processor()}; the median of {options.repetitions} runs.\n\n{shown}"
        )
        report.write_section(ROOT / "docs", "Rates of the kernels", text)


if __name__ == "__main__":
    main()
