"""Every public function of PyTorch and every method of Tensor is here or has a reason."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def coverage() -> ModuleType:
    """tools/coverage.py as a module."""
    path = Path(__file__).parents[2] / "tools/coverage.py"
    spec = importlib.util.spec_from_file_location("tool_coverage", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_every_name_is_here_or_in_the_table(
    coverage: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["coverage.py"])
    assert coverage.main() == 0, capsys.readouterr().out


def test_faults_are_found(coverage: ModuleType) -> None:
    names = {"there": True, "gone": False, "refused": False}
    good = {"gone": "r", "refused": "r"}
    assert coverage.faults(names, good) == []
    assert len(coverage.faults(names, {"gone": "r"})) == 1
    assert len(coverage.faults(names, {"gone": "r", "refused": "r", "there": "r"})) == 1
    assert len(coverage.faults(names, {"gone": "r", "refused": "r", "odd": "r"})) == 1
