"""Random programs do in pullback what they do in PyTorch, and leave nothing behind; see
tests/programs.py.

PULLBACK_PROGRAMS sets how many are run. A program that fails is made as short as possible and
printed as Python.
"""

from __future__ import annotations

import gc
import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import pullback as pb
from programs import Program, programs, run
from pullback import _core

torch = pytest.importorskip("torch")

COUNT = int(os.environ.get("PULLBACK_PROGRAMS", "1000"))


def compare(ours: Any, theirs: Any, where: str) -> None:
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs), where
        for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            compare(a, b, f"{where}[{k}]")
    elif isinstance(ours, float) and isinstance(theirs, float):
        np.testing.assert_allclose(ours, theirs, 1e-7, 1e-7, err_msg=where)
    else:
        assert ours == theirs, f"{where}: {ours}, PyTorch {theirs}"


@settings(
    max_examples=COUNT,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(programs)
def test_random_programs(program: Program) -> None:
    gc.collect()
    gc.freeze()  # what is imported when it is first used need not be looked at again
    before = _core.live_objects()
    ours = run(pb, program).notes
    gc.collect()
    assert _core.live_objects() == before, "live objects"
    theirs = run(torch, program).notes
    assert len(ours) == len(theirs)
    for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        compare(a, b, f"note {k}")
