"""``real`` and ``imag`` of tensors that are all real, beside PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from scenarios import check, leaf

torch = pytest.importorskip("torch")


def identity(t: Any) -> Any:
    x = leaf(t)
    whole = t.arange(3)
    return x.real is x, whole.real is whole, np.real(x) is x, t.real(x)


def assigned(t: Any) -> Any:
    x, y = t.zeros(2), leaf(t) * 1
    x.real = 3.0
    y.real = x
    return x, y


def in_a_loss(t: Any) -> Any:
    x = leaf(t)
    (x.real * np.real(x)).sum().backward()
    return x.grad


def imaginary(t: Any) -> Any:
    return leaf(t).imag


def of_numpy(t: Any) -> Any:
    return np.imag(leaf(t))


def of_the_module(t: Any) -> Any:
    return t.imag(leaf(t))


def assigned_imaginary(t: Any) -> Any:
    t.zeros(2).imag = t.ones(2)


SCENARIOS = [
    identity,
    assigned,
    in_a_loss,
    imaginary,
    of_numpy,
    of_the_module,
    assigned_imaginary,
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_parts(scenario: Any) -> None:
    check(scenario, pb, torch)


def test_it_cannot_be_deleted() -> None:
    x = pb.zeros(2)
    with pytest.raises(RuntimeError, match="real is not allowed"):
        del x.real
