"""Every public module of PyTorch can be imported, or the table in ``_missing.py`` says why not.

The names are in ``torch_modules.txt``, which ``parity/test_torch_modules.py`` compares with the
installed PyTorch.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pullback as pb
from pullback import _missing

NAMES = (Path(__file__).with_name("torch_modules.txt")).read_text().split()
# What cannot be imported without another package.
NEEDS = {name: "tensorboard" for name in NAMES if name.startswith("torch.utils.tensorboard")}
# Starts of names that are no public modules of PyTorch, or whose module has some of its names.
NO_MODULES = {"_inductor", "hip", "mkldnn", "testing", "xla"}

PROGRAM = """
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
said = {}
for name in sys.stdin.read().split():
    try:
        importlib.import_module(name)
        said[name] = None
    except ImportError as error:
        said[name] = str(error)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said() -> dict[str, str | None]:
    """What the import of each module raises, in one process under the launcher."""
    done = subprocess.run(
        [sys.executable, "-m", "pullback", "-c", PROGRAM],
        input="\n".join(NAMES),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(pb.__file__).parent.parent)},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str | None] = json.loads(done.stdout)
    return found


def test_every_module_is_here_or_has_a_reason(said: dict[str, str | None]) -> None:
    assert len(said) == len(NAMES) > 800
    neither = []
    for name, text in said.items():
        if text is None:
            continue
        if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
            assert f"pip install {NEEDS[name]}" in text
            continue
        # Of a module below one that is not there the import names the upper one.
        parts = name.split(".")
        above = [".".join(parts[:length]) for length in range(2, len(parts) + 1)]
        reasons = {each: _missing.reason_of_module(each.removeprefix("torch.")) for each in above}
        if not any(
            reason is not None and text.startswith(f"No module named {each!r}: {reason}.")
            for each, reason in reasons.items()
        ):
            neither.append(f"{name}: {text}")
    assert not neither


def test_every_reason_is_needed(said: dict[str, str | None]) -> None:
    """Each explains something that is not there; what was planned and has come is stale."""
    absent = [name.removeprefix("torch.") for name, text in said.items() if text is not None]
    idle = [
        start
        for start in _missing._MODULES
        if start not in NO_MODULES
        and not any(f"{name}.".startswith(f"{start}.") for name in absent)
    ]
    assert not idle


def test_the_modules_that_programs_import_most(said: dict[str, str | None]) -> None:
    for name in (
        *("nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.rnn", "nn.parallel", "optim"),
        *("optim.lr_scheduler", "autograd", "utils.data", "utils.checkpoint", "distributions"),
        *("cuda", "cuda.amp", "backends.cudnn", "distributed", "jit", "onnx", "hub", "profiler"),
        *("testing", "fx", "func", "library", "futures", "utils.data.distributed", "cpu.amp"),
    ):
        assert said[f"torch.{name}"] is None, name


def test_a_module_is_not_put_in_place_of_a_function() -> None:
    code = (
        "import torch\n"
        "import torch.nn.utils.weight_norm, torch.autograd.gradcheck, torch.utils.checkpoint\n"
        "from torch.nn.utils.spectral_norm import SpectralNorm\n"
        "from torch.autograd.variable import Variable\n"
        "from torch._tensor import Tensor\n"
        "assert Tensor is torch.Tensor\n"
        "import functorch\n"
        "from functorch.experimental import chunk_vmap\n"
        "print(callable(torch.nn.utils.weight_norm), callable(torch.autograd.gradcheck),\n"
        "      torch.utils.checkpoint.checkpoint.__name__, functorch.vmap is torch.vmap)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pullback", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(pb.__file__).parent.parent)},
    )
    assert done.stdout == "True True checkpoint True\n", done.stderr
