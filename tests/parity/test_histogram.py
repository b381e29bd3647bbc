"""``histogram`` beside PyTorch: counts, edges, types of errors, and that there is no gradient."""

from __future__ import annotations

import pytest

from parity_both import same

torch = pytest.importorskip("torch")

DATA = """
x = torch.tensor([1.0, 2.0, 1.0, 4.5, -3.0, 0.1, 2.0])
w = torch.tensor([1.0, 2.0, 4.0, 0.5, 1.0, -1.0, 0.0])
nan, inf = float("nan"), float("inf")
"""

CALLS = """
torch.histogram(x)
torch.histogram(x, 4)
torch.histogram(x, bins=3, range=(0.0, 2.0))
torch.histogram(x, bins=3, range=[0, 2], density=True)
torch.histogram(x, 5, weight=w)
torch.histogram(x, 5, weight=w, density=True)
torch.histogram(x, torch.tensor([0.0, 1.0, 2.0]))
torch.histogram(x, torch.tensor([-3.0, 0.5, 1.0, 4.5]), weight=w, density=True)
torch.histogram(x.double(), 7)
torch.histogram(x.view(7, 1).expand(7, 3), 3)
torch.histogram(x[::2], 3)
torch.histogram(torch.tensor(3.0), 3)
torch.histogram(torch.ones(3), 3)
torch.histogram(torch.ones(3), 3, range=(2.0, 2.0))
torch.histogram(torch.ones(0), 3)
torch.histogram(torch.ones(0), 3, range=(0.0, 2.0))
torch.histogram(torch.arange(1001.0) / 500 - 1, 10)
torch.histogram(torch.arange(101.0) * 3e28, 10)
torch.histogram(torch.arange(77.0) / 7, 64)
torch.histogram(torch.arange(77.0) / 7, 100, range=(-0.3, 9.7))
torch.histogram(torch.tensor([1.0, nan]), 2, range=(0.0, 2.0))
torch.histogram(torch.tensor([1.0, inf]), 2, range=(0.0, 2.0))
x.histogram(3)
x.histogram()
x.histogram(bins=2, range=(0.0, 1.0), density=True)
torch.histogram(x, 2).hist.tolist(), torch.histogram(x, 2).bin_edges.tolist()
repr(torch.histogram(x, 2))
torch.histogram(x.requires_grad_(), 2).hist.requires_grad
torch.histogram(torch.tensor([1.0, nan]), 2)
torch.histogram(torch.ones(2, dtype=torch.int64), 3)
torch.histogram(x.half(), 3)
torch.histogram(x, 0)
torch.histogram(x, -1)
torch.histogram(x, torch.ones(2, 2))
torch.histogram(x, torch.ones(1))
torch.histogram(x, torch.ones(0))
torch.histogram(x, torch.ones(2, dtype=torch.float64))
torch.histogram(x, torch.tensor([0.0, 1.0]), range=(0.0, 1.0))
torch.histogram(x, 2, range=(3.0, 2.0))
torch.histogram(x, 2, range=(1.0, inf))
torch.histogram(x, 2, range=(1.0, 2.0, 3.0))
torch.histogram(x, 2, range=3)
torch.histogram(x, 2, range=("a", 3))
torch.histogram(x, 2, weight=w[:3])
torch.histogram(x, 2, weight=w.double())
torch.histogram(x, 2, weight=3)
torch.histogram(x, 2, density="a")
torch.histogram(x, "a")
torch.histogram(x, 2.5)
torch.histogram(x, 2, (0.0, 1.0))
torch.histogram(3, 2)
torch.histogram(x.requires_grad_(), 2).hist.sum().backward()
torch.histogram(x, 2, weight=w.requires_grad_()).hist.sum().backward()
""".strip().splitlines()


@pytest.mark.parametrize("call", CALLS)
def test_same(call: str) -> None:
    same(DATA + call)
