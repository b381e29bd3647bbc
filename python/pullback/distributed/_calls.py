"""What a call of a collective says of itself: its name, its arguments, its line.

NOTE [Agreement]: all processes of a group must make the same calls in the same order. Each call has
a number and a fingerprint of what must agree; one small all-reduce takes the smallest and the
largest of the fingerprints, and the data moves once they are known to be equal: MPI libraries end
the process, or hang, or give numbers that are wrong when they are not. Where they differ every
process learns it, and they exchange their descriptions, so that the error names all calls and
lines. It is raised where the result is waited for, with ``DebugLevel.DETAIL`` in the call. The end
of a program is a call of this kind, too: who waits for a process that is gone is told so.
"""

from __future__ import annotations

import contextlib
import os
import sys
import zlib
from collections.abc import Iterator
from typing import Any

from pullback import Tensor

__all__ = ["Call", "here", "levels", "named", "of_tensors"]

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
# The functions under way that are made of collectives, and what must agree about them.
_names: list[tuple[str, str]] = []


@contextlib.contextmanager
def named(name: str, must_agree: str = "") -> Iterator[None]:
    """Collectives inside say that they belong to this function, as they must everywhere."""
    _names.append((name, must_agree))
    try:
        yield
    finally:
        _names.pop()


def here() -> tuple[str, int]:
    """File and line of the program that runs now."""
    frame: Any = sys._getframe(1)
    found = frame
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((_PACKAGE, "<frozen")):
            return file, frame.f_lineno
        found = frame
        frame = frame.f_back
    return found.f_code.co_filename, found.f_lineno


def levels() -> int:
    """The ``stacklevel`` of a warning about the line of the program that runs now."""
    frame: Any = sys._getframe(1)
    level = 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith((_PACKAGE, "<frozen")):
        frame = frame.f_back
        level += 1
    return level


class Call:
    """One call: what it is and where it was made.

    Args:
        name: of the function.
        details: its arguments, for people.
        must_agree: what must be the same in all processes, beside the name.
        place: file and line, by default those of the program that runs now.
        title: what an error says in place of all that.
    """

    def __init__(
        self,
        name: str,
        details: str = "",
        must_agree: str = "",
        place: tuple[str, int] | None = None,
        title: str = "",
    ) -> None:
        self.name = name
        self.details = details
        self.must_agree = must_agree
        self.place = here() if place is None else place
        self.title = title
        self.inside, self.inside_agrees = _names[0] if _names else ("", "")
        self.number = 0

    def again(self) -> Call:
        """The same, for one more message of it."""
        return Call(self.name, self.details, self.must_agree, self.place, self.title)

    def fingerprint(self) -> int:
        """A positive number below 2**62, the same for calls that belong together."""
        inside = f"{self.inside}|{self.inside_agrees}"
        text = f"{self.name}|{self.must_agree}|{inside}|{self.number}"
        return zlib.crc32(text.encode()) << 30 | (zlib.crc32(text[::-1].encode()) & 0x3FFFFFFF)

    def __str__(self) -> str:
        if self.title:
            return self.title
        settings = f"({self.inside_agrees})" if self.inside_agrees else ""
        inside = f" of {self.inside}{settings}" if self.inside else ""
        return f"{self.name}({self.details}){inside} at {self.place[0]}:{self.place[1]}"


def of_tensors(*tensors: Tensor) -> str:
    """Types and shapes, as in "float32 [2, 3]"; of many tensors the first ones."""
    shown = [f"{str(t.dtype).removeprefix('torch.')} {list(t.shape)}" for t in tensors[:4]]
    more = [f"{len(tensors) - 4} more"] if len(tensors) > 4 else []
    return ", ".join(shown + more)
