"""Writes ``docs/batching.md``: what every operator does inside vmap, here and in PyTorch.

``python tools/batching.py`` calls every operator of the table with batches of its samples, here and
in PyTorch, which warns where it goes through the examples one by one. Without PyTorch its column
stays as it is on the page, with a question mark for what is new. ``--check`` only looks whether the
page has a line for each operator. How the batches are made, and which operators are refused:
tests/batches.py.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "batching.md"
sys.path.insert(0, str(ROOT / "tests"))

import pullback as pb  # noqa: E402
from batches import REFUSED, batchings, forms, in_dims, stacked, tensors_of  # noqa: E402
from table import OPS, Op  # noqa: E402

HEAD = """# What operators do inside vmap

Every operator works on all examples in one call, or it is refused; none goes through the examples
in secret. The last column says what PyTorch 2.13 does with the same batches: *rule*, a *loop* over
the examples, of which it warns, or *refused*. The table is written by `tools/batching.py`, and
tests compare every line with a loop and with PyTorch.

Three kinds of operators stand apart:

* The shape of the result depends on values: refused, as in PyTorch, unless the examples turn out to
  have results of one shape (`argwhere`, `bincount`, `repeat_interleave` with a tensor).
* The result is a Python value, as of `equal`: refused.
* Random numbers: `randomness=` of `vmap` says whether they are refused, the same for all examples,
  or other ones for each.

With `out=` a batch is refused, as in PyTorch. In place, what all examples share cannot be written
with what differs.

| operator | here | in place | PyTorch |
|---|---|---|---|
"""


def outcome(lib: Any, op: Op, form: str) -> str:
    """The worst that happens among all samples: rule, loop or refused."""
    found = "-"
    for sample in op.samples:
        for where in batchings(sample):
            if form == "in place" and 0 not in where:
                continue
            call = tensors_of(op, lib, sample, forms(op, lib)[form])
            vmap = lib.func.vmap(call, in_dims(sample, where), randomness="different")
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    vmap(*stacked(lib, sample, where))
                except (RuntimeError, TypeError, IndexError, ValueError, NotImplementedError):
                    found = "refused" if found == "-" else found
                    continue
            looped = any("performance drop" in str(w.message) for w in caught)
            found = "loop" if looped or found == "loop" else "rule"
    return found


def names() -> list[str]:
    """The operators that take a tensor."""
    return sorted({op.name for op in OPS if any(s.leaves for s in op.samples)})


def worst(outcomes: list[str]) -> str:
    """One word for several overloads."""
    return next(o for o in ("loop", "rule", "refused", "-") if o in outcomes)


def in_torch(name: str, rows: list[Op], torch: Any) -> str:
    """What PyTorch does; without it, what the page says that it does."""
    if torch is None:
        return told().get(name, "?")
    found = []
    for op in rows:
        try:
            found.append(outcome(torch, op, "form 0"))
        except AttributeError:
            found.append("-")
    return worst(found)


def line(name: str, torch: Any) -> str:
    """The row of an operator."""
    rows = [op for op in OPS if op.name == name and any(s.leaves for s in op.samples)]
    here = worst([outcome(pb, op, "form 0") for op in rows])
    written = [op for op in rows if op.inplace]
    in_place = worst([outcome(pb, op, "in place") for op in written]) if written else ""
    here = f"refused: {REFUSED[name]}" if here == "refused" and name in REFUSED else here
    here = f"rule; refused {REFUSED[name]}" if name == "where" else here
    here += "; random" if any(op.random for op in rows) else ""
    return f"| `{name}` | {here} | {in_place} | {in_torch(name, rows, torch)} |"


def told() -> dict[str, str]:
    """The operators that have a row on the page, and its last column."""
    rows = [text for text in PAGE.read_text().splitlines() if text[:3] == "| `"]
    return {text.split("`")[1]: text.rstrip(" |").rpartition("| ")[2] for text in rows}


def page(torch: Any) -> str:
    """All of it; without PyTorch what it does is taken from the page there is."""
    return HEAD + "\n".join(line(name, torch) for name in names()) + "\n"


def main() -> int:
    """Writes the page, or looks at it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail when an operator is missing")
    if parser.parse_args().check:
        missing = set(names()) ^ set(told())
        print(f"docs/batching.md: {sorted(missing)} should be written anew" if missing else "fine")
        return bool(missing)
    torch = None
    if importlib.util.find_spec("torch"):
        torch = importlib.import_module("torch")
        torch.set_warn_always(True)  # else it warns of a loop only once
    PAGE.write_text(page(torch))
    return 0


if __name__ == "__main__":
    sys.exit(main())
