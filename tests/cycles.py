"""What the tests of cycles share: programs that make some, and the proof that one collection frees
them."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback import _core


def leaf(*values: float) -> Any:
    return pb.tensor(values, dtype=pb.float64, requires_grad=True)


def check_collected(program: Callable[[], None], times: int = 1) -> None:
    program()  # what is made once stays
    gc.collect()
    before = _core.live_objects()
    for _ in range(times):
        program()
    assert _core.live_objects() != before
    gc.collect()
    assert _core.live_objects() == before
