"""The examples run from beginning to end, each a small piece of itself, and draw their pictures."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from mpi_jobs import job, needs_mpi

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")
pytest.importorskip("tqdm")

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SMALL: dict[str, dict[str, Any]] = {
    "digits": {"EPOCHS": 1},
    "resnet18": {"EPOCHS": 2, "EXAMPLES": 120},
    "charlm": {"STEPS": 3, "EVERY": 2, "BATCH": 2, "SAMPLE": 4, "MODULES": ("bisect", "copy")},
    "lstm": {"STEPS": 3, "BATCH": 4, "TESTED": 8},
}


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*SMALL, "digits_mpi"}


@needs_mpi
def test_the_example_with_several_processes() -> None:
    code = "import digits_mpi; digits_mpi.EPOCHS = 2; digits_mpi.main()"
    done = job(2, "-c", code, paths=[EXAMPLES])
    assert done.code == 0, done.err
    assert done.out.startswith("test accuracy: ")
    assert "of 360 images, with 2 processes" in done.out
    assert done.out.count("\n") == 1
    assert "training: 100%" in done.err


@pytest.mark.parametrize("name", SMALL)
def test_an_example_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for constant, value in SMALL[name].items():
        assert hasattr(module, constant)
        monkeypatch.setattr(module, constant, value)
    monkeypatch.chdir(tmp_path)
    module.main()
    assert f"picture in {name}.png" in capsys.readouterr().out
    assert (tmp_path / f"{name}.png").stat().st_size > 5000
