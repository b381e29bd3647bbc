"""The module loads beside PyTorch in both orders.

Both want static thread-local memory, of which the one that loads last finds what is left.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("torch")

PROGRAM = """
import {first}
import {second}
import pullback
x = pullback.ones(4, requires_grad=True)
pullback.fft.rfft(x).abs().sum().backward()
print(x.grad.shape)
"""


@pytest.mark.parametrize("order", [("torch", "pullback"), ("pullback", "torch")], ids="-".join)
def test_both_orders(order: tuple[str, str]) -> None:
    program = PROGRAM.format(first=order[0], second=order[1])
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "torch.Size([4])\n"
