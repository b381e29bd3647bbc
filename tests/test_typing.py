"""The stubs: current, complete, and right about what users write."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
USER_CODE = ROOT / "tests" / "typing" / "user_code.py"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_stubs_are_current() -> None:
    pytest.importorskip("ruff")
    result = run("tools/stubs.py", "--check")
    assert result.returncode == 0, result.stderr


def test_user_code_has_types() -> None:
    pytest.importorskip("mypy")
    result = run("-m", "mypy", "--strict", "--no-incremental", str(USER_CODE))
    assert result.returncode == 0, result.stdout


def test_wrong_user_code_is_found(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import pullback as pb\n"
        "x = pb.ones(2)\n"
        "x + 'a'\n"
        "x.no_such_method()\n"
        "pb.no_such_function(x)\n"
        "n: int = x.shape\n"
        "x.sort().no_such_field\n"
    )
    result = run("-m", "mypy", "--strict", "--no-incremental", str(wrong))
    lines = [line for line in result.stdout.splitlines() if "error:" in line]
    assert [int(line.split(":")[1]) for line in lines] == [3, 4, 5, 6, 7], result.stdout


def test_user_code_runs() -> None:
    runpy.run_path(str(USER_CODE), run_name="__main__")
