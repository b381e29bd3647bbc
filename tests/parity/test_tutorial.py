"""The programs of the tutorial print the same characters with PyTorch and with pullback."""

from __future__ import annotations

import pytest

import pullback as pb
from test_tutorial import PROGRAMS, output

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("name", PROGRAMS)
def test_character_for_character(name: str) -> None:
    program, _ = PROGRAMS[name]
    assert output(pb, program) == output(torch, program)
