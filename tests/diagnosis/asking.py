"""The questions that the programs of the corpus end with, asked in both ways a user may ask.

With the graph kept, and after a plain ``backward()``, which has freed it. ``ask`` leaves the pass
to the test; a program that runs it itself takes ``keep`` and ends with ``ask_now``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple


class Question(NamedTuple):
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    needs_pass: bool

    def answer(self, keep: bool) -> str:
        root = self.arguments[-1]
        if self.needs_pass and root.requires_grad:
            root.backward(retain_graph=keep)
        return str(self.function(*self.arguments))


def ask(function: Callable[..., Any], *arguments: Any) -> Question:
    """Asked after a backward pass from the last argument."""
    return Question(function, arguments, needs_pass=True)


def ask_now(function: Callable[..., Any], *arguments: Any) -> Question:
    """Asked as things are."""
    return Question(function, arguments, needs_pass=False)


def diagnosis(program: Callable[..., Any], keep: bool) -> str:
    """What the program is told: the message of its error, or the answer to its question."""
    try:
        found = program(keep) if inspect.signature(program).parameters else program()
        if isinstance(found, Question):
            return found.answer(keep)
    except (RuntimeError, TypeError, ValueError) as error:
        return str(error)
    raise AssertionError("the program did not fail, and asks nothing")
