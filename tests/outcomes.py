"""What calls in two processes gave, and when it is the same: for tests/parity/test_calls.py."""

from __future__ import annotations

import cmath
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from samples import Checks
from table import OPS

ANY = ""


@dataclass
class Outcome:
    """``kinds``: the names of the error's type and of its bases, or nothing."""

    kinds: list[str]
    result: Any
    message: str

    @property
    def failed(self) -> bool:
        return bool(self.kinds)

    def fits(self, kinds: str, words: str = ANY) -> bool:
        """Whether it is one of the errors ("ok" for a result) and its message has the words."""
        kind = self.kinds[0] if self.kinds else "ok"
        return kind in kinds.split() and re.search(words, self.message) is not None


def close(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, complex) and isinstance(b, complex):
        return close_complex(a, b)
    if isinstance(a, float) and isinstance(b, float):
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        return a == b or abs(a - b) <= 1e-6 + 1e-5 * max(abs(a), abs(b))
    return bool(a == b) and type(a) is type(b)


def close_complex(a: complex, b: complex) -> bool:
    """By the distance; a number with an infinite part is infinite, and one with a NaN is NaN."""
    if cmath.isfinite(a) and cmath.isfinite(b):
        return abs(a - b) <= 1e-6 + 1e-5 * max(abs(a), abs(b))
    return cmath.isinf(a) == cmath.isinf(b) and cmath.isfinite(a) == cmath.isfinite(b)


def settled(checks: Checks, ours: Any, theirs: Any) -> Any:
    """Our results of a factorization, each of their vectors with the sign that it has in torch."""
    if not isinstance(ours, list) or len(ours) != len(theirs):
        return ours
    made = list(ours)
    for k in checks.vectors:
        (*said, found), (*wanted, expected) = ours[k + 1], theirs[k + 1]  # the container is first
        if said == wanted and found is not None:
            made[k + 1] = [*said, checks.settled(np.array(found), np.array(expected), k).tolist()]
    return made


# By the name below torch: linalg.svd and svd have their vectors in other dimensions.
FACTORIZATIONS = {
    f"{op.space}.{op.name}" if op.space else op.name: op.checks for op in OPS if op.checks.vectors
}
