"""Sobol points beside torch's, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.quasirandom import SobolEngine as Ours

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")
Theirs = torch.quasirandom.SobolEngine
PAIR = ((pb, Ours), (torch, Theirs))


def same(ours: Any, theirs: Any) -> None:
    assert str(ours.dtype) == str(theirs.dtype)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize("dimension", [1, 2, 7, 1000])
@pytest.mark.parametrize("settings", [{}, {"scramble": True, "seed": 5}])
def test_the_same_points(dimension: int, settings: dict[str, Any]) -> None:
    a, b = Ours(dimension, **settings), Theirs(dimension, **settings)
    assert repr(a) == repr(b)
    for name in ("sobolstate", "shift"):
        same(getattr(a, name), getattr(b, name))
    for n in (1, 0, 5, 1, 26):
        same(a.draw(n), b.draw(n))
        same(a.quasi, b.quasi)
        assert a.num_generated == b.num_generated
    assert a.fast_forward(9) is a
    b.fast_forward(9)
    same(a.draw(3, dtype=pb.float64), b.draw(3, dtype=torch.float64))
    assert a.reset() is a
    b.reset()
    same(a.draw(4), b.draw(4))


def test_the_first_points_may_be_left_out() -> None:
    for n in (0, 1, 5):
        same(*(engine(3).fast_forward(n).draw(6) for _, engine in PAIR))


def test_the_generator_of_the_process() -> None:
    found = []
    for lib, engine in PAIR:
        lib.manual_seed(3)
        found.append((engine(4, scramble=True).draw(8), lib.rand(2)))
    for ours, theirs in zip(*found, strict=True):
        same(ours, theirs)


def test_powers_of_two() -> None:
    a, b = (engine(2) for _, engine in PAIR)
    same(a.draw_base2(3), b.draw_base2(3))
    same(a.draw_base2(3), b.draw_base2(3))
    texts = []
    for engine in (a, b):
        with pytest.raises(ValueError, match="balance properties") as caught:
            engine.draw_base2(2)
        texts.append(str(caught.value))
    assert texts[0] == texts[1]


def test_a_tensor_that_is_given() -> None:
    for lib, engine in PAIR:
        out = lib.empty(0)
        assert engine(2).draw(3, out=out) is out
        assert out.tolist() == [[0.0, 0.0], [0.5, 0.5], [0.75, 0.25]]


def test_misuse() -> None:
    for wrong in (0, 21202):
        texts = []
        for _, engine in PAIR:
            with pytest.raises(ValueError, match="Supported range") as caught:
                engine(wrong)
            texts.append(str(caught.value))
        assert texts[0] == texts[1]
    with pytest.raises(TypeError, match="dimension"):
        Ours(2.5)  # type: ignore[arg-type]
    engine = Ours(2)
    with pytest.raises(NotImplementedError, match="expected a floating one"):
        engine.draw(2, dtype=pb.int64)
    with pytest.raises(RuntimeError, match="n=-1"):
        engine.draw(-1)
    engine.fast_forward(2**30 - 1)
    with pytest.raises(ValueError, match="at most"):
        engine.draw(2)


def test_means_converge() -> None:
    points = Ours(3, scramble=True, seed=0).draw(4096, dtype=pb.float64)
    assert ((points**2).mean(0) - 1 / 3).abs().max().item() < 1e-4
