"""The state of the generator, side by side with torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("draws", [0, 1, 15, 700])
def test_the_state_has_the_same_bytes(draws: int) -> None:
    for lib in (pb, torch):
        lib.manual_seed(7)
        lib.rand(draws)
    state = pb.get_rng_state()
    assert state.dtype == pb.uint8
    assert np.array_equal(state.numpy(), torch.get_rng_state().numpy())


def test_torch_goes_on_from_our_state() -> None:
    pb.manual_seed(3)
    pb.randn(5)
    torch.set_rng_state(torch.from_numpy(pb.get_rng_state().numpy()))
    assert torch.rand(4).tolist() == pb.rand(4).tolist()
    assert torch.randn(1).tolist() == pb.randn(1).tolist()


def test_fork_leaves_the_generator_as_it_was() -> None:
    before = pb.get_rng_state()
    with pytest.raises(KeyError), pb.random.fork_rng():
        pb.rand(3)
        raise KeyError
    assert (pb.get_rng_state() == before).all()
    with pb.random.fork_rng(enabled=False):
        pb.rand(3)
    assert not (pb.get_rng_state() == before).all()


def test_the_generator_has_the_same_state() -> None:
    state = pb.default_generator.get_state()
    a = pb.rand(2)
    assert pb.default_generator.set_state(state) is pb.default_generator
    assert pb.rand(2).tolist() == a.tolist()


@pytest.mark.parametrize("make", [lambda t: t.zeros(3), lambda t: 5, lambda t: [1]])
def test_what_is_no_state(make: Any) -> None:
    raised = []
    for lib in (pb, torch):
        with pytest.raises((TypeError, RuntimeError, AttributeError)) as caught:
            lib.set_rng_state(make(lib))
        raised.append(caught.value)
    assert type(raised[0]) is TypeError
    assert "ByteTensor" in str(raised[0])


def test_a_state_of_another_size() -> None:
    for lib in (pb, torch):
        with pytest.raises(RuntimeError):
            lib.set_rng_state(lib.zeros(16, dtype=lib.uint8))
