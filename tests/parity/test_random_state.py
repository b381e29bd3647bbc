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


def of(t: Any) -> Any:
    return t.nn.functional


DRAWS = {
    "rand": lambda t, n, d: t.rand(n, dtype=d),
    "randn": lambda t, n, d: t.randn(n, dtype=d),
    "rand_like": lambda t, n, d: t.rand_like(t.ones(n, dtype=d)),
    "uniform_": lambda t, n, d: t.empty(n, dtype=d).uniform_(-0.7, 1.3),
    "normal_": lambda t, n, d: t.empty(n, dtype=d).normal_(1.5, 0.3),
    "normal of tensors": lambda t, n, d: t.normal(t.zeros(n, dtype=d), t.ones(n, dtype=d)),
    "exponential_": lambda t, n, d: t.empty(n, dtype=d).exponential_(1.5),
    "randint": lambda t, n, d: t.randint(-3, 1000, (n,)),
    "random_": lambda t, n, d: t.empty(n, dtype=d).random_(-3, 10),
    "randperm": lambda t, n, d: t.randperm(n),
    "bernoulli": lambda t, n, d: t.bernoulli(t.full((n,), 0.3, dtype=d)),
    "bernoulli of p": lambda t, n, d: t.bernoulli(t.ones(n, dtype=d), 0.3),
    "bernoulli_": lambda t, n, d: t.empty(n, dtype=d).bernoulli_(0.3),
    "bernoulli_ of tensor": lambda t, n, d: t.empty(n, dtype=d).bernoulli_(
        t.full((n,), 0.3, dtype=d)
    ),
    "multinomial": lambda t, n, d: t.multinomial(t.ones(n, dtype=d), 1 + n // 2),
    "multinomial again": lambda t, n, d: t.multinomial(t.ones(n, dtype=d), n, True),
    "poisson": lambda t, n, d: t.poisson(t.linspace(0, 60, n, dtype=d)),
    "binomial": lambda t, n, d: t.binomial(
        t.linspace(0, 200, n, dtype=d).floor(), t.linspace(1, 0, n, dtype=d)
    ),
    "_standard_gamma": lambda t, n, d: t._standard_gamma(t.linspace(0.01, 50, n, dtype=d)),
    "_sample_dirichlet": lambda t, n, d: t._sample_dirichlet(
        t.linspace(0.1, 9, 4 * n, dtype=d).reshape(n, 4)
    ),
    "cauchy_": lambda t, n, d: t.empty(n, dtype=d).cauchy_(1.0, 2.0),
    "log_normal_": lambda t, n, d: t.empty(n, dtype=d).log_normal_(1.0, 0.3),
    "geometric_": lambda t, n, d: t.empty(n, dtype=d).geometric_(0.1),
    "dropout": lambda t, n, d: of(t).dropout(t.ones(n, dtype=d), 0.3),
    "Linear": lambda t, n, d: t.nn.Linear(n, 3, dtype=d).weight.detach(),
    "kaiming_normal_": lambda t, n, d: t.nn.init.kaiming_normal_(t.empty(n, 3, dtype=d)),
}


@pytest.mark.parametrize("n", [1, 5, 15, 16, 17, 40, 3000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", DRAWS)
def test_the_same_numbers_are_drawn(name: str, dtype: str, n: int) -> None:
    drawn = []
    for lib in (pb, torch):
        lib.manual_seed(11)
        values = DRAWS[name](lib, n, getattr(lib, dtype))
        # What comes next tells how far the generator has gone.
        drawn.append((values.numpy(), lib.rand(3).tolist()))
    (ours, after), (theirs, after_theirs) = drawn
    assert ours.dtype == theirs.dtype
    assert after == after_theirs
    # The logarithm and the cosine of a normal number differ in the last digits.
    rtol, atol = (1.3e-6, 1e-5) if dtype == "float32" else (1e-7, 1e-7)
    assert np.allclose(ours, theirs, rtol=rtol, atol=atol)


CHUNKS = [(6, 2), (7, 3), (2, 5), (5, 1), (4, 4), (6, None)]


def chunked(t: Any, size: int, chunk: int | None, calls: list[int]) -> tuple[Any, Any]:
    def function(v: Any) -> Any:
        calls.append(1)
        drawn = sum((t.rand(()) for _ in range(len(calls))), t.zeros(()))
        if len(calls) == 3 and size == 7:
            raise KeyError
        return v + drawn + t.nn.functional.dropout(t.ones(()), 0.5)

    t.manual_seed(5)
    t.rand(1)
    try:
        found = t.vmap(function, randomness="same", chunk_size=chunk)(t.zeros(size)).tolist()
    except KeyError:
        found = None
    return found, t.rand(2).tolist()


@pytest.mark.parametrize(("size", "chunk"), CHUNKS)
def test_chunks_draw_the_same_numbers(size: int, chunk: int | None) -> None:
    assert chunked(pb, size, chunk, []) == chunked(torch, size, chunk, [])
    pb.manual_seed(1)
    plain = pb.vmap(lambda v: v + pb.rand(()), randomness="same", chunk_size=chunk)
    assert plain(pb.zeros(size)).unique().numel() == 1
    other = pb.vmap(lambda v: v + pb.rand(()), randomness="different", chunk_size=chunk)
    assert other(pb.zeros(size)).unique().numel() == size


def test_chunks_inside_of_chunks_draw_the_same_numbers() -> None:
    def found(t: Any) -> Any:
        def row(v: Any) -> Any:
            inner = t.vmap(lambda w: w + t.rand(()), randomness="same", chunk_size=2)
            return inner(v) + t.rand(())

        t.manual_seed(2)
        result = t.vmap(row, randomness="same", chunk_size=1)(t.zeros(3, 4))
        return result.tolist(), t.rand(2).tolist()

    assert found(pb) == found(torch)


def test_jacobians_leave_the_same_state() -> None:
    def found(t: Any, **more: Any) -> Any:
        def function(v: Any) -> Any:
            return t.stack([t.nn.functional.dropout(v, 0.5).sum() + v.sum()] * 3)

        t.manual_seed(4)
        if "chunk_size" in more:
            result = t.func.jacrev(function, **more)(t.ones(4))
        else:
            result = t.func.jacfwd(function, **more)(t.ones(4))
        return result.tolist(), t.rand(2).tolist()

    for more in (
        {"chunk_size": None},
        {"chunk_size": 1},
        {"chunk_size": 2},
        {"randomness": "same"},
    ):
        assert found(pb, **more) == found(torch, **more)
