"""Random programs do in pullback what they do in PyTorch; see tests/programs.py.

PULLBACK_PROGRAMS sets how many are run. A program that fails is made as short as possible and
printed as Python.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import pullback as pb
from programs import Program, programs, run

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
    ours, theirs = run(pb, program), run(torch, program)
    assert len(ours.notes) == len(theirs.notes)
    for k, (a, b) in enumerate(zip(ours.notes, theirs.notes, strict=True)):
        compare(a, b, f"note {k}")
