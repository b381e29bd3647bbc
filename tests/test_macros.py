"""CONTRIBUTING.md names every macro of the core with its reason, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = [path for path in (ROOT / "csrc").rglob("*") if path.suffix in (".h", ".cpp")]


def defined() -> Iterator[tuple[str, str]]:
    """The name of a macro, and the file that defines it."""
    for path in SOURCES:
        for name in re.findall(r"^\s*#\s*define\s+(\w+)", path.read_text(), re.MULTILINE):
            yield name, path.relative_to(ROOT / "csrc").as_posix()


def listed() -> dict[str, str]:
    """From the table of macros: the names, and why each is one."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    table = text.partition("## Macros")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]
    return {name: row[-1].strip() for row in rows for name in re.findall(r"`(\w+)`", row[0])}


def test_every_macro_has_a_reason() -> None:
    assert SOURCES
    assert {name for name, _ in defined()} == set(listed())
    assert all(len(reason) > 10 for reason in listed().values())


def test_every_macro_is_used() -> None:
    everything = "".join(path.read_text() for path in SOURCES)
    for name, path in defined():
        definitions = len(re.findall(rf"#\s*(define|undef|ifndef)\s+{name}\b", everything))
        uses = len(re.findall(rf"\b{name}\b", everything)) - definitions
        assert uses or name == "Py_BUILD_CORE", f"{path}: {name}"  # which Python's header asks for
