"""PyTorch has the gradients and the refusals that conventions.py says it has."""

from __future__ import annotations

import numpy as np
import pytest

from conventions import POINTS, REFUSED, UNLIKE, found

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("name", POINTS)
def test_gradient(name: str) -> None:
    for gradient, expected in zip(found(torch, POINTS[name]), POINTS[name][2], strict=True):
        np.testing.assert_allclose(gradient, np.array(expected), rtol=1e-12, atol=1e-12)
        zeros = gradient == 0
        assert (np.signbit(gradient) == np.signbit(np.array(expected)))[zeros].all()


@pytest.mark.parametrize("name", UNLIKE)
def test_unlike(name: str) -> None:
    assert any(np.isnan(gradient).any() for gradient in found(torch, UNLIKE[name]))


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    x = torch.tensor([1.0, 2.5], requires_grad=True)
    with pytest.raises((RuntimeError, NotImplementedError), match="not implemented"):
        REFUSED[name](torch, x).sum().backward()
