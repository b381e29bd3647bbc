"""Random programs, run by pullback and PyTorch side by side.

`draw.py` makes a program from its number and shortens one that fails; `machine.py` runs it,
`sees.py` and `errors.py` compare. The instructions stand in `operators.py`, `views.py`,
`writes.py`, `modes.py`, `copies.py`, `passes.py`, `custom.py` and `transforms.py`: each is a line
of Python with holes, which `lines.py` explains. `excluded.py` (with
`cases.py`) and `refusals.py` list what is left out and why.
"""

from __future__ import annotations

import warnings
from typing import Any

from .draw import Program, draw, shorten
from .machine import Abandoned, Difference, Machine

__all__ = ["Difference", "Machine", "Program", "draw", "explain", "run", "shorten"]


def run(program: Program, *libs: Any) -> Machine:
    """Runs a program; the first library is the one that is right."""
    machine = Machine(*libs, watch=program.watch)
    for lib in libs:
        getattr(lib, "default_generator", lib).manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for step in program.steps:
                machine.run(step)
            machine.finish()
        except Abandoned:
            pass
        finally:
            machine.leave_modes()
    return machine


def explain(number: int, *libs: Any) -> str:
    """A program that fails in the same way as that with the number, as Python, and what differs."""

    def difference(program: Program) -> Difference | None:
        try:
            run(program, *libs).clear()
        except Difference as error:
            return error
        return None

    found = difference(draw(number))
    if found is None:
        return f"program {number} agrees"
    kind = found.kind
    short = shorten(draw(number), lambda p: (e := difference(p)) is not None and e.kind == kind)
    found = difference(short)
    assert found is not None
    return f"# program {number}\n{found.source}\n# {found.line}: {found}\n"
