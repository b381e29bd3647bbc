"""The README's program prints what its comments promise."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def test_the_tutorial_prints_its_comments() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    promised = re.findall(r"print\(.*\)  # (.*)", program)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(program, {})
    assert len(promised) == 4
    assert printed.getvalue().splitlines() == promised
