"""Warnings of ``register_backward_hook`` and of numbers read by ``tensor``, beside PyTorch."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")

FORWARDS: dict[str, tuple[Callable[..., Any], str]] = {
    "of a leaf": (lambda t, x: x * 2, "x"),
    "one node": (lambda t, x: x * 2, "y"),
    "two nodes": (lambda t, x: (x * 2).exp(), "y"),
    "an operand from outside": (lambda t, x, z: x * z, "yx"),
    "both operands": (lambda t, x, z: x * z, "yy"),
    "a constant operand": (lambda t, x, z: x * z, "yc"),
    "an operand that is not used": (lambda t, x, z: x * 2, "yz"),
    "results of two nodes": (lambda t, x: (x * 2, x * 3), "y"),
    "results of one node": (lambda t, x: x.unbind(), "y"),
    "a result without history": (lambda t, x: (x * 2, t.ones(2)), "y"),
    "a first result without history": (lambda t, x: (t.ones(2), x * 2), "y"),
    "a dictionary": (lambda t, x: {"a": x * 2}, "y"),
    "a list": (lambda t, x: [x * 2], "y"),
    "a tuple in a tuple": (lambda t, x: ((x * 2,),), "y"),
    "a number in a tuple": (lambda t, x: (x * 2, 3), "y"),
    "a number as argument": (lambda t, x, n: x * n, "yn"),
    "a dictionary as argument": (lambda t, d: d["x"] * 2, "d"),
    "no history": (lambda t, x: x.detach(), "y"),
    "the argument": (lambda t, x: x, "y"),
}


def said(t: Any, name: str) -> list[tuple[str, str]]:
    forward, kinds = FORWARDS[name]

    class Module(t.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, *args: Any) -> Any:
            return forward(t, *args)

    x = t.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    given = {"x": x, "y": y, "z": y.exp(), "c": t.ones(2), "n": 2, "d": {"x": y}}
    module = Module()
    module.register_backward_hook(lambda *args: None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module(*(given[kind] for kind in kinds))
    return [(each.category.__name__, str(each.message)) for each in caught]


@pytest.mark.parametrize("name", FORWARDS)
def test_hooks_of_the_old_kind(name: str) -> None:
    assert said(pb, name) == said(torch, name)


DATA = [
    "[t.ones((), requires_grad=True)]",
    "[[1.0, t.ones((), requires_grad=True)]]",
    "[t.ones(1, requires_grad=True)]",
    "[t.ones(())]",
    "[t.ones((), requires_grad=True).detach()]",
]


@pytest.mark.parametrize("data", DATA)
def test_numbers_that_tensor_reads(data: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        eval(f"pb.tensor({data})", {"pb": pb, "t": pb})
    # torch says it once in a process.
    script = f"import torch as t; t.tensor({data})"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert bool(caught) == ("requires_grad=True to a scalar" in run.stderr)
    assert all("requires_grad=True to a scalar" in str(each.message) for each in caught)
