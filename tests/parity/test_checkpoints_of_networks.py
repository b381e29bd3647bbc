"""Checkpoints of whole networks with their optimizers go to PyTorch and come back.

A ResNet-18, a transformer and an LSTM are trained in PyTorch, saved with ``torch.save``, loaded
and trained on here, saved with our ``save``, and trained on in PyTorch. Each leg is compared with
the same steps in PyTorch alone: losses, parameters, buffers, and the state of the optimizer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pullback as pb
from networks import NETWORKS

torch = pytest.importorskip("torch")


STEPS = 3


class Training:
    """A network, its optimizer and its schedule in one of the libraries."""

    def __init__(self, lib: Any, name: str, dtype: str) -> None:
        build, self.data, optimizer = NETWORKS[name]
        self.lib, self.dtype = lib, getattr(lib, dtype)
        lib.manual_seed(7)
        self.model = build(lib).to(self.dtype)
        self.optimizer, self.schedule = optimizer(lib, self.model)

    def run(self, first: int) -> list[float]:
        """Some steps; the losses."""
        losses = []
        for step in range(first, first + STEPS):
            x, y = self.data(step)
            of_floats = x.dtype.kind == "f"
            x = self.lib.tensor(x, dtype=self.dtype if of_floats else self.lib.int64)
            self.optimizer.zero_grad()
            loss = self.lib.nn.functional.cross_entropy(self.model(x), self.lib.tensor(y))
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            losses.append(loss.item())
        return losses

    def save(self, path: Path) -> None:
        parts = (self.model, self.optimizer, self.schedule)
        names = ("model", "optimizer", "schedule")
        states = [part.state_dict() for part in parts]
        self.lib.save(dict(zip(names, states, strict=True)), path)

    def load(self, path: Path) -> None:
        states = self.lib.load(path, weights_only=True)
        assert (
            repr(self.model.load_state_dict(states["model"])) == "<All keys matched successfully>"
        )
        self.optimizer.load_state_dict(states["optimizer"])
        self.schedule.load_state_dict(states["schedule"])

    def tensors(self, exactly: bool) -> dict[str, Any]:
        found = {key: value.numpy() for key, value in self.model.state_dict().items()}
        for key in [key for key in found if key.endswith("in_proj_bias") and not exactly]:
            # The bias of keys has no gradient but rounding errors, which AdamW makes large.
            queries, _, values = np.split(found.pop(key), 3)
            found |= {f"{key}.q": queries, f"{key}.v": values}
        for number, state in self.optimizer.state_dict()["state"].items():
            for key, value in state.items():
                found[f"{number}.{key}"] = np.asarray(value)
        return found


def compare(ours: Training, theirs: Training, rtol: float, atol: float) -> None:
    left, right = (each.tensors(exactly=rtol == 0) for each in (ours, theirs))
    assert sorted(left) == sorted(right)
    for key, value in left.items():
        assert value.dtype == right[key].dtype, key
        np.testing.assert_allclose(value, right[key], rtol, atol, err_msg=key)
    groups = [each.optimizer.state_dict()["param_groups"] for each in (ours, theirs)]
    for a, b in zip(*groups, strict=True):
        assert sorted(a) == sorted(b)
        assert a["params"] == b["params"]
        assert a["lr"] == pytest.approx(b["lr"], rel=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_checkpoint_goes_there_and_back(name: str, dtype: str, tmp_path: Path) -> None:
    # Of losses, and of parameters and states, which float32 and AdamW take further apart.
    of_losses = 1e-12 if dtype == "float64" else 1e-5
    rtol, atol = (1e-11, 1e-11) if dtype == "float64" else (2e-3, 2e-5)
    alone = Training(torch, name, dtype)
    expected = [alone.run(STEPS * leg) for leg in range(3)]

    theirs = Training(torch, name, dtype)
    assert theirs.run(0) == expected[0]
    theirs.save(tmp_path / "from_torch.pt")

    ours = Training(pb, name, dtype)
    ours.load(tmp_path / "from_torch.pt")
    compare(ours, theirs, 0, 0)
    np.testing.assert_allclose(ours.run(STEPS), expected[1], of_losses)
    ours.save(tmp_path / "from_pullback.pt")

    again = Training(torch, name, dtype)
    again.load(tmp_path / "from_pullback.pt")
    compare(ours, again, 0, 0)
    np.testing.assert_allclose(again.run(2 * STEPS), expected[2], of_losses)
    compare(again, alone, rtol, atol)
