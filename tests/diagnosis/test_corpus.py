"""Every program of the corpus: the diagnosis names the line that is marked ``# BUG``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from diagnosis import bugs_history, bugs_inplace, bugs_nonfinite, bugs_zero

MODULES = (bugs_inplace, bugs_history, bugs_nonfinite, bugs_zero)
# What is computed from tensors that require no gradient, and were not cut off from one that does,
# keeps no line. The line of zero_grad() is not kept either: it leaves no tensor.
NOT_NAMED = (
    "bug_losses_in_a_list",
    "bug_round_trip_through_numpy",
    "bug_standardised_data_has_a_constant_column",
    "bug_gradients_are_cleared_before_the_step",
)

ELSEWHERE = {
    "bug_decorated_with_no_grad": bugs_history._predict,
    "bug_function_returns_too_few": bugs_zero._TooFew,
    "bug_function_returns_a_wrong_shape": bugs_zero._WrongShape,
    "bug_function_returns_a_number": bugs_zero._Number,
}


def marks(name: str) -> list[Any]:
    return [pytest.mark.xfail(strict=True)] if name in NOT_NAMED else []


PROGRAMS = [
    pytest.param(value, id=name.removeprefix("bug_"), marks=marks(name))
    for module in MODULES
    for name, value in vars(module).items()
    if name.startswith("bug_")
]


def line_at_fault(program: Callable[[], Any]) -> int:
    """The marked line of the program, or of the one other function or class that it uses."""
    lines, first = inspect.getsourcelines(program)
    marked = [first + i for i, line in enumerate(lines) if "# BUG" in line]
    if not marked:
        used = inspect.unwrap(ELSEWHERE[program.__name__])
        lines, first = inspect.getsourcelines(used)
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
