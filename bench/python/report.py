"""Writes what was measured: the table in docs/benchmarks.md, the plot in docs/benchmarks.svg."""

from __future__ import annotations

import platform
from pathlib import Path
from statistics import median

from measure import Row

HEAD = """# Benchmarks

Made by `python bench/python/run.py`, which measures all libraries in one interleaved run on one
thread: in every round each library runs the same statement once, in alternating order, with a loop
count calibrated to about 20 ms. Times are medians over the rounds; a ratio is taken between the two
samples of one round, and the table gives the median, the smallest and the largest of them.
"""


def seconds(value: float | None) -> str:
    """A duration with a fitting unit."""
    if value is None:
        return ""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.0f} ns"


def ratio(row: Row, library: str) -> str:
    """Median (smallest to largest) of the ratios to pullback."""
    if library not in row.samples:
        return ""
    ratios = row.ratios(library)
    return f"**{median(ratios):.1f}** ({min(ratios):.1f} to {max(ratios):.1f})"


def processor() -> str:
    """The name of the CPU."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def table(rows: list[Row]) -> str:
    """The measured table in Markdown."""
    lines = [
        "| | pullback | torch | autograd | torch / pullback | autograd / pullback |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        times = [seconds(row.best(library)) for library in ("pullback", "torch", "autograd")]
        ratios = [ratio(row, library) for library in ("torch", "autograd")]
        lines.append("| " + " | ".join([row.name, *times, *ratios]) + " |")
    return "\n".join(lines)


def sections(folder: Path) -> dict[str, str]:
    """What stands below the first title of the document, by its titles."""
    path = folder / "benchmarks.md"
    parts = path.read_text().split("\n## ")[1:] if path.exists() else []
    return {title: text.strip() for title, _, text in (part.partition("\n") for part in parts)}


def write_section(folder: Path, title: str, text: str) -> None:
    """Writes one section of the document and keeps the others."""
    path = folder / "benchmarks.md"
    first = path.read_text().split("\n## ")[0].rstrip() if path.exists() else HEAD.rstrip()
    every = sections(folder) | {title: text.strip()}
    parts = [first, *(f"## {title}\n\n{text}" for title, text in every.items())]
    path.write_text("\n\n".join(parts) + "\n")


def write(
    folder: Path, rows: list[Row], sizes: dict[str, int], versions: dict[str, str], rounds: int
) -> None:
    """Writes the document and the plot."""
    draw(folder / "benchmarks.svg", [row for row in rows if row.goal])
    machine = (
        f"{processor()}; Python {platform.python_version()}, "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + f"; {rounds} rounds."
    )
    document = [
        HEAD,
        machine + "\n",
        table(rows) + "\n",
        "Installed, without what they depend on: "
        + ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.items())
        + ".\n",
        "![Ratio of the times of torch and pullback](benchmarks.svg)",
    ]
    kept = [f"\n## {title}\n\n{text}" for title, text in sections(folder).items()]
    (folder / "benchmarks.md").write_text("\n".join([*document, *kept]) + "\n")


def draw(path: Path, rows: list[Row]) -> None:
    """One bar a case: the median ratio, a whisker over all rounds."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "pullback"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 0.42 * len(rows) + 1.4), layout="constrained")
    places = range(len(rows))
    for shift, library, color in ((-0.2, "torch", "#d1495b"), (0.2, "autograd", "#8d99ae")):
        shown = [
            (place, row.ratios(library))
            for place, row in zip(places, rows, strict=True)
            if library in row.samples
        ]
        middles = [median(ratios) for _, ratios in shown]
        below = [middle - min(r) for middle, (_, r) in zip(middles, shown, strict=True)]
        above = [max(r) - middle for middle, (_, r) in zip(middles, shown, strict=True)]
        axes.barh(
            [place + shift for place, _ in shown],
            middles,
            0.38,
            xerr=(below, above),
            color=color,
            ecolor="#333333",
            label=f"{library} / pullback",
            error_kw={"elinewidth": 0.8},
        )
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(list(places), [row.name.replace("`", "") for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("times as long as pullback, one thread (log scale)")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
