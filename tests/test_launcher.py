"""PyTorch programs run unmodified: the launcher, ``install_as_torch``, and the missing names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pullback as pb

PACKAGE = Path(pb.__file__).parent


def run(
    *arguments: str, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """``python -m pullback ...`` in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **variables}
    return subprocess.run(
        [sys.executable, "-m", "pullback", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment,
    )


PROGRAM = """
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Variable
from torch.optim.lr_scheduler import StepLR
from torch.nn.modules.linear import Linear
from torch.utils.checkpoint import checkpoint
import importlib

assert importlib.import_module("torch.nn.functional") is F
assert nn.Linear is Linear
assert sys.modules["torch"] is torch
x = torch.ones(2, requires_grad=True)
F.relu(x).sum().backward()
print(sys.argv[1:], __name__, x.grad.tolist(), torch.__version__, torch.__name__)
"""


def test_a_script_with_arguments(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    (tmp_path / "beside.py").write_text("import torch\nprint(torch.ones(1).tolist())\n")
    done = run(str(script), "--epochs", "3")
    assert done.stderr == ""
    assert done.stdout == "['--epochs', '3'] __main__ [1.0, 1.0] 2.13.0+pullback torch\n"
    assert run("-m", "beside", cwd=tmp_path).stdout == "[1.0]\n"


def test_code() -> None:
    done = run("-c", "import sys, torch; print(sys.argv, torch.zeros(1).tolist())", "a")
    assert done.stdout == "['-c', 'a'] [0.0]\n"


def test_an_error_is_the_programs() -> None:
    done = run("-c", "raise SystemExit(7)")
    assert done.returncode == 7
    done = run("nowhere.py")
    assert done.returncode != 0
    assert "nowhere.py" in done.stderr
    assert run().returncode == 2
    assert "usage" in run("--help").stderr


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "from torch.nn import Linaer",
            "ImportError: module 'pullback.nn' has no attribute 'Linaer'",
        ),
        ("from torch.nn import Linaer", "Did you mean 'Linear'?"),
        (
            "import torch; torch.onse(2)",
            "AttributeError: module 'pullback' has no attribute 'onse'",
        ),
        ("import torch.cudnn_v9", "ModuleNotFoundError: No module named 'torch.cudnn_v9'"),
        ("import torch.cuda.comm", "it is for another device: pullback runs on the CPU only"),
        ("import torch.nested.jagged", "it is out of scope"),
        ("import torch; torch.nn.Fold3d", "pullback does not have it yet. Did you mean 'Fold'?"),
        ("import torch; torch.float8_e5m2", "this dtype is not supported; there are float16,"),
        ("import torch; torch.nn.functional.reulu", "Did you mean 'relu'?"),
    ],
)
def test_what_is_said_of_a_missing_name(code: str, says: str) -> None:
    assert says in run("-c", code).stderr


def test_probing_for_names_works() -> None:
    code = (
        "import torch\n"
        "print(hasattr(torch, 'a'), getattr(torch.nn, 'a', 5), hasattr(torch, 'ones'))\n"
        "try:\n    from torch import nothing\n"
        "except ImportError:\n    print('no')\n"
        "try:\n    import torch.nothing\n"
        "except ModuleNotFoundError as error:\n    print(error.name)\n"
    )
    assert run("-c", code).stdout == "False 5 True\nno\ntorch.nothing\n"


def test_the_report_of_missing_names(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        "import torch\n"
        "from torch import nn\n"
        "import torch.utils.checkpoint\n"
        "known = hasattr(torch, 'nothing')\n"
        "getattr(nn, 'Nothing', None)\n"
        "getattr(torch.ones(1), 'nothing_of_it', None)\n"
    )
    said = run(str(script), PULLBACK_REPORT_MISSING="1").stderr
    assert said == (
        "pullback: 3 names of torch were not found:\n"
        f"  torch.Tensor.nothing_of_it  (first at {script}:6)\n"
        f"  torch.nn.Nothing  (first at {script}:5)\n"
        f"  torch.nothing  (first at {script}:4)\n"
    )
    script.write_text("import torch\ntorch.ones(1)\n")
    said = run(str(script), PULLBACK_REPORT_MISSING="1").stderr
    assert said == "pullback: every name of torch that was asked for was found.\n"


def test_real_torch_is_never_imported(tmp_path: Path) -> None:
    """Also when it lies beside, under any of its names."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise AssertionError('real torch')\n")
    (tmp_path / "torch" / "nowhere.py").write_text("raise AssertionError('real torch')\n")
    script = tmp_path / "program.py"
    script.write_text(
        "import torch\ntry:\n    import torch.nowhere\nexcept ImportError:\n    print(1)\n"
    )
    assert run(str(script)).stdout == "1\n"


def test_the_package_is_called_torch() -> None:
    code = """
import importlib.metadata as metadata, pickle, sys
import pullback
assert pullback.__name__ == "pullback"
pullback.install_as_torch()
import torch, torch.nn.functional as F
assert torch is pullback and torch.__name__ == "torch"
assert repr(torch).startswith("<module 'pullback' from"), repr(torch)
assert torch.typename(torch.relu) == torch.typename(pullback.relu)
# A module is found again by pullback's name, which every process has.
for module in (torch, F):
    assert pickle.loads(pickle.dumps(module)) is module
assert b"torch" not in pickle.dumps(torch)
assert pickle.loads(pickle.dumps(torch.nn.Linear(1, 1))).in_features == 1
from pullback import nn, _missing
import pullback.optim
assert nn is torch.nn and pullback.optim is torch.optim
del sys.modules["torch"]
import torch as again
assert again is torch
# The version that programs ask for before they import.
for name in ("torch", "Torch"):
    assert metadata.version(name) == torch.__version__, metadata.version(name)
found = metadata.distribution("torch")
assert found.metadata["Name"] == "torch" and "pullback" in found.metadata["Summary"]
assert found.requires is None and not found.entry_points
assert "torch" in [each.metadata["Name"] for each in metadata.distributions()]
assert "torch" in metadata.packages_distributions()["torch"]
assert not list(metadata.distributions(name="torch", path=["/nowhere"]))
for name in ("torchvision", "torch_nothing"):
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        print("none")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
    )
    assert (done.stdout, done.stderr) == ("none\nnone\n", "")


def test_too_late() -> None:
    code = (
        "import sys, types, pullback\n"
        "sys.modules['torch'] = types.ModuleType('torch')\n"
        "pullback.install_as_torch()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
    )
    assert "RuntimeError: install_as_torch: torch is imported already, from" in done.stderr


def test_switches_of_what_is_not_there() -> None:
    code = (
        "import torch, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "torch.backends.cudnn.benchmark = True\n"
        "import torch.backends.cudnn as cudnn\n"
        "cudnn.deterministic = True\n"
        "f = torch.jit.script(torch.compile(lambda x: x))\n"
        "@torch.jit.ignore\n"
        "def g(x): return x\n"
        "@torch._dynamo.disable()\n"
        "def h(x): return x\n"
        "print(f(1), g(2), h(3), cudnn.benchmark, torch.cuda.is_available(),\n"
        "      torch.backends.mps.is_available(), torch.accelerator.is_available(),\n"
        "      isinstance(torch.ones(1), torch.cuda.FloatTensor), torch.version.cuda)\n"
    )
    assert run("-c", code).stdout == "1 2 3 True False False False False None\n"


def test_compilers_warn_once() -> None:
    code = "import torch\nfor _ in range(2):\n    torch.jit.script(1)\n    torch.compile(2)\n"
    said = run("-c", code).stderr
    assert said.count("torch.jit.script compiles nothing here") == 1
    assert said.count("torch.compile compiles nothing here") == 1


def test_files_found_by_a_name_of_torch_are_not_executed_again() -> None:
    code = """
import importlib.machinery, pkgutil, sys
import pullback
pullback.install_as_torch()
import torch.optim
find = importlib.machinery.PathFinder.find_spec
for name, package in (("optim.optimizer", torch.optim), ("types", torch)):
    assert find(f"torch.{name}", package.__path__).loader.__class__.__name__ == "_Finder"
assert find("torch.optim.nonesuch", torch.optim.__path__) is None
import torch.optim.optimizer
assert torch.optim.optimizer.Optimizer is torch.optim.Optimizer
assert "optimizer" in [m.name for m in pkgutil.iter_modules(torch.optim.__path__)]
print("done")
"""
    done = run("-c", code)
    assert done.stderr == ""
    assert done.stdout == "done\n"


def test_tensors_say_that_they_are_of_torch() -> None:
    code = """
import pickle, sys
import pullback
assert pullback.Tensor.__module__ == "pullback"
sys.modules["torch"] = pullback
import pullback.optim
import torch
x = torch.ones(2, requires_grad=True)
assert type(x).__module__ == "torch"
assert repr(type(x)) == "<class 'torch.Tensor'>"
assert torch.typename(x) == "torch.FloatTensor"
again = pickle.loads(pickle.dumps([x, torch.nn.Parameter(x.detach()), type(x)]))
assert again[2] is torch.Tensor
assert torch.equal(again[0], x)
print("done")
"""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.stderr == ""
    assert done.stdout == "done\n"


def test_a_program_that_makes_pullback_torch_itself_gets_the_rest() -> None:
    code = """
import importlib, importlib.abc, importlib.machinery, sys
import pullback

class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    # A program's own way: a module of torch is what pullback has under the name.
    def find_spec(self, name, path=None, target=None):
        if name.startswith("torch."):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        found = pullback
        for part in spec.name.split(".")[1:]:
            found = getattr(found, part)
        self.spec = found.__spec__
        return found

    def exec_module(self, module):
        module.__spec__ = self.spec

sys.modules["torch"] = pullback
sys.meta_path.insert(0, Finder())
import torch.autograd.functional
for name in ("autograd.gradcheck", "nn.utils.weight_norm", "multiprocessing.spawn"):
    importlib.import_module("torch." + name)
from torch.autograd import gradcheck
from torch.autograd.gradcheck import GradcheckError
from torch.multiprocessing import spawn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel.replicate import replicate
from torch.nn.utils import weight_norm
from torch.nn.utils.weight_norm import WeightNorm
import torch
assert gradcheck(torch.sin, torch.ones(2, dtype=torch.float64, requires_grad=True))
assert issubclass(torch.nn.BatchNorm1d, _BatchNorm)
assert spawn is torch.multiprocessing.spawn is not sys.modules["torch.multiprocessing.spawn"]
assert weight_norm is torch.nn.utils.weight_norm is not sys.modules["torch.nn.utils.weight_norm"]
assert torch.__name__ == "torch"
count = len(sys.meta_path)
pullback.install_as_torch()
assert len(sys.meta_path) == count
print("done")
"""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.stderr == ""
    assert done.stdout == "done\n"
