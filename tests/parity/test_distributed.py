"""The numbers of ``torch.distributed`` with gloo, from the same program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mpi_jobs import PROGRAMS, job, needs_mpi

pytest.importorskip("torch")
PROGRAM = str(PROGRAMS / "parity_program.py")


def with_torch(processes: int, folder: Path) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, PROGRAM, "torch", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "RANK": str(rank), "WORLD_SIZE": str(processes)},
        )
        for rank in range(processes)
    ]
    try:
        for each in started:
            out, _ = each.communicate(timeout=200)
            assert each.returncode == 0, out
    finally:
        for each in started:
            with each:
                each.kill()


EXACT = (1e-9, 1e-12)  # relative, absolute
HALVES = (2.0**-9, 2.0**-12)  # sums of numbers of 11 bits in another order


def close(found: Any, expected: Any, where: str, within: tuple[float, float] = EXACT) -> None:
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for key in expected:
            close(found[key], expected[key], f"{where} {key}", within)
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for place, each in enumerate(expected):
            close(found[place], each, f"{where} {place}", within)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=within[0], abs=within[1]), where
    else:
        assert found == expected, where


@needs_mpi
@pytest.mark.parametrize("processes", [2, 4])
def test_the_numbers_of_gloo(processes: int, tmp_path: Path) -> None:
    with_torch(processes, tmp_path)
    done = job(processes, PROGRAM, "pullback", str(tmp_path))
    assert done.code == 0, done.out + done.err
    for rank in range(processes):
        theirs, ours = (
            json.loads((tmp_path / f"{name}{rank}.json").read_text())
            for name in ("torch", "pullback")
        )
        assert theirs.keys() == ours.keys()
        for name, expected in theirs.items():
            if isinstance(expected, str) and expected.startswith("refused"):
                continue
            # Two values have one order.
            halves = "half the bytes" in name and processes > 2
            close(ours[name], expected, f"rank {rank}: {name}", HALVES if halves else EXACT)
