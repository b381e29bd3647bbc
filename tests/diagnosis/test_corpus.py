"""Every program of the corpus: the diagnosis names the line that is marked ``# BUG``.

Each is asked in both ways: with the graph kept, and after a plain ``backward()``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from diagnosis import (
    bugs_forum,
    bugs_forum_nan,
    bugs_history,
    bugs_inplace,
    bugs_nonfinite,
    bugs_zero,
)
from diagnosis.asking import diagnosis

MODULES = (bugs_inplace, bugs_history, bugs_nonfinite, bugs_zero, bugs_forum, bugs_forum_nan)
WAYS = {"kept": True, "freed": False}
# What is computed from tensors that require no gradient, and were not cut off from one that does,
# keeps no line.
NOT_NAMED = {
    "kept": ("bug_standardised_data_has_a_constant_column",),
    "freed": (
        "bug_standardised_data_has_a_constant_column",
        # The product with zero is named, on the other way from the parameter to the loss.
        "bug_result_is_copied_over",
    ),
}
ELSEWHERE = {
    "bug_decorated_with_no_grad": bugs_history._predict,
    "bug_function_returns_too_few": bugs_zero._TooFew,
    "bug_function_returns_a_wrong_shape": bugs_zero._WrongShape,
    "bug_function_returns_a_number": bugs_zero._Number,
}


def programs(way: str) -> list[Any]:
    found = []
    for module in MODULES:
        for name, value in vars(module).items():
            if not name.startswith("bug_"):
                continue
            marks = [pytest.mark.xfail(strict=True)] if name in NOT_NAMED[way] else []
            name = f"{name.removeprefix('bug_')}-{way}"
            found.append(pytest.param(value, WAYS[way], id=name, marks=marks))
    return found


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


@pytest.mark.parametrize("way", WAYS)
def test_most_lines_are_named(way: str) -> None:
    assert len(programs(way)) >= 220
    assert len(NOT_NAMED[way]) <= 0.02 * len(programs(way))


@pytest.mark.filterwarnings("ignore:Converting a tensor:UserWarning")
@pytest.mark.filterwarnings("ignore:std.*degrees of freedom:UserWarning")
@pytest.mark.parametrize(("program", "keep"), programs("kept") + programs("freed"))
def test_the_line_at_fault_is_named(program: Callable[[], Any], keep: bool) -> None:
    text = diagnosis(program, keep)
    place = f"{inspect.getsourcefile(program)}:{line_at_fault(program)}"
    assert re.search(re.escape(place) + r"(?!\d)", text), text
