"""Files of the safetensors package: its module for PyTorch runs on pullback under the launcher."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("safetensors")

PROGRAM = """
import sys
import torch
from safetensors import safe_open
from safetensors.torch import load, load_file, load_model, save, save_file, save_model

file = sys.argv[1]
types = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.int64,
         torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]
tensors = {str(t): torch.arange(6).reshape(2, 3).to(t) for t in types}
tensors |= {"scalar": torch.tensor(2.5), "empty": torch.empty(0, 3)}

def check(found):
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert type(found[name]) is torch.Tensor
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name

save_file(tensors, file, metadata={"a": "b"})
check(load_file(file))
check(load(save(tensors)))
with safe_open(file, framework="pt", device="cpu") as opened:
    assert opened.metadata() == {"a": "b"}
    check({name: opened.get_tensor(name) for name in opened.keys()})
    part = opened.get_slice("torch.float64")
    assert part.get_shape() == [2, 3] and torch.equal(part[:, 1:], tensors["torch.float64"][:, 1:])

x = torch.zeros(4, 4)
for bad, error in (({"a": x, "b": x[:2]}, RuntimeError), ({"a": x.t()[1:]}, ValueError)):
    try:
        save_file(bad, file)
    except error as raised:
        print(type(raised).__name__)

layers = [torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 3)) for _ in range(2)]
save_model(layers[0], file)
assert load_model(layers[1], file) == (set(), [])
assert all(torch.equal(a, b) for a, b in zip(*(m.parameters() for m in layers)))
print("done")
"""


def test_every_type_and_a_model(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pullback", "-c", PROGRAM, str(tmp_path / "file.safetensors")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.split() == ["RuntimeError", "ValueError", "done"]
