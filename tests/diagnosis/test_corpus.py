"""Every program of the corpus: the diagnosis names the line that is marked ``# BUG``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from diagnosis import bugs_history, bugs_inplace, bugs_nonfinite, bugs_zero

MODULES = (bugs_inplace, bugs_history, bugs_nonfinite, bugs_zero)
# The loss is computed from a tensor that was made from plain numbers, so it has no history and was
# not cut off from one either: nothing is kept for such a result.
NOT_NAMED = ("bug_losses_in_a_list", "bug_round_trip_through_numpy")


def marks(name: str) -> list[Any]:
    return [pytest.mark.xfail(strict=True)] if name in NOT_NAMED else []


PROGRAMS = [
    pytest.param(value, id=name.removeprefix("bug_"), marks=marks(name))
    for module in MODULES
    for name, value in vars(module).items()
    if name.startswith("bug_")
]


def line_at_fault(program: Callable[[], Any]) -> int:
    """The marked line of the program, or of the one other function of its file that it calls."""
    lines, first = inspect.getsourcelines(program)
    marked = [first + i for i, line in enumerate(lines) if "# BUG" in line]
    if not marked and program.__name__ == "bug_decorated_with_no_grad":
        lines, first = inspect.getsourcelines(inspect.unwrap(bugs_history._predict))
        marked = [first + i for i, line in enumerate(lines) if "# BUG" in line]
    assert len(marked) == 1
    return marked[0]


def diagnosis(program: Callable[[], Any]) -> str:
    """What the program is told: the message of its error, or the explanation that it returns."""
    try:
        found = program()
    except (RuntimeError, TypeError, ValueError) as error:
        return str(error)
    assert found is not None, "the program did not fail"
    return str(found)


def test_the_corpus_is_large() -> None:
    assert len(PROGRAMS) >= 50
    assert len(NOT_NAMED) <= 0.04 * len(PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_line_at_fault_is_named(program: Callable[[], Any]) -> None:
    text = diagnosis(program)
    place = f"{inspect.getsourcefile(program)}:{line_at_fault(program)}"
    assert any(
        text[at + len(place) : at + len(place) + 1] in ("", " ", ".", "\n")
        for at in range(len(text))
        if text.startswith(place, at)
    ), text
