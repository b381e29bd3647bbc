"""Jobs of several processes under mpirun, for the tests of ``pullback.distributed``."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import pullback as pb

HERE = Path(__file__).parent
PROGRAMS = HERE / "mpi"
BESIDE = Path(sys.executable).with_name("mpirun")
MPIRUN = str(BESIDE) if BESIDE.exists() else shutil.which("mpirun")
needs_mpi = pytest.mark.skipif(
    importlib.util.find_spec("mpi4py") is None or MPIRUN is None,
    reason="needs mpi4py and mpirun",
)


class Done:
    """How a job ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


def job(
    processes: int,
    *arguments: str,
    seconds: float = 200,
    env: dict[str, str] | None = None,
    paths: Sequence[Path] = (),
) -> Done:
    """Run Python with these arguments in several processes; none of them outlives the call."""
    assert MPIRUN is not None
    path = os.pathsep.join(
        [str(Path(pb.__file__).parent.parent), str(PROGRAMS), str(HERE)]
        + [str(p) for p in paths]
        + [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    )
    started = subprocess.Popen(
        [MPIRUN, "-n", str(processes), sys.executable, "-W", "error", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "",  # lines of several processes are not mixed
            **(env or {}),
            "PYTHONPATH": path,
        },
    )
    try:
        out, err = started.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, signal.SIGTERM)
        out, err = started.communicate(timeout=20)
        pytest.fail(f"the job hangs\n{out}\n{err}")
    return Done(started.returncode, out, err)


def checks(processes: int, *modules: str) -> None:
    """Run all checks of modules in ``tests/mpi``."""
    done = job(processes, str(PROGRAMS / "runner.py"), *modules)
    lines = [line for line in done.out.splitlines() if line.startswith("outcomes ")]
    assert done.code == 0, done.out + done.err
    assert len(lines) == 1, done.out + done.err
    outcomes: dict[str, list[str]] = json.loads(lines[0].removeprefix("outcomes "))
    assert outcomes
    failed = {name: errors for name, errors in outcomes.items() if errors}
    assert not failed, "\n".join(f"{n}\n" + "\n".join(e) for n, e in failed.items())
