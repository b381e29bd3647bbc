"""In-place writes and views inside transforms, beside torch and by every mode of differentiation.

A write has to reach the memory of all examples, the history of each reverse level and the tangent
of each forward level, also where these belong to levels inside and outside of a batch at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

ARRAY = np.random.RandomState(0).rand(3, 4) + 0.3


def whole(t: Any, x: Any) -> Any:
    y = x * 1
    y[0] = y[1] * 2
    y.mul_(x)
    return y.sum()


def views_of_views(t: Any, x: Any) -> Any:
    y = x * 1
    v = y[1:]
    v.mul_(x[:-1])
    y[0] = v.sum()
    y.view(2, 2)[0].exp_()
    return (y * x).sum()


def into_zeros(t: Any, x: Any) -> Any:
    y = t.zeros_like(x)
    y[1:] = x[:-1].sin()
    w = y[::2]
    w += x[::2]
    return (y * y).sum() + w.prod()


def at_positions(t: Any, x: Any) -> Any:
    y = x.clone()
    y[t.tensor([0, 2])] = y[t.tensor([1, 3])] ** 2
    y[1] = 3.0
    return y.prod()


def masked(t: Any, x: Any) -> Any:
    y = x * x
    y.masked_fill_(t.tensor([True, False, False, True]), 2.0)
    y[1:3].clamp_(max=0.8)
    return (y * x).sum()


def read_through_an_older_view(t: Any, x: Any) -> Any:
    y = x * 1
    first, rest = y[:1], y[1:]
    y.mul_(x)
    first.add_(rest.sum())
    return (y * y).sum() * first.sum()


PROGRAMS = [whole, views_of_views, into_zeros, at_positions, masked, read_through_an_older_view]

TRANSFORMS: dict[str, Callable[[Any, Any], Any]] = {
    "vmap": lambda t, f: t.vmap(f),
    "vmap grad": lambda t, f: t.vmap(t.func.grad(f)),
    "vmap hessian": lambda t, f: t.vmap(t.func.hessian(f)),
    "vmap jvp": lambda t, f: t.vmap(lambda x: t.func.jvp(f, (x,), (x,))[1]),
    "grad vmap": lambda t, f: t.func.grad(lambda X: t.vmap(f)(X).sum()),
    "jacrev vmap grad": lambda t, f: t.func.jacrev(lambda X: t.vmap(t.func.grad(f))(X)),
    "jacfwd vmap grad": lambda t, f: t.func.jacfwd(lambda X: t.vmap(t.func.grad(f))(X)),
    "vmap jacrev vmap": lambda t, f: t.vmap(
        lambda x: t.func.jacrev(lambda y: t.vmap(lambda z: f(z * y))(x.unsqueeze(0) + y))(x)
    ),
    "vmap along 1": lambda t, f: lambda X: t.vmap(t.func.grad(f), in_dims=1)(X.t().contiguous()),
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_as_in_torch(program: Any, name: str) -> None:
    ours = TRANSFORMS[name](pb, lambda x: program(pb, x))(pb.tensor(ARRAY))
    theirs = TRANSFORMS[name](torch, lambda x: program(torch, x))(torch.tensor(ARRAY))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("program", PROGRAMS)
def test_with_autograd_around(program: Any) -> None:
    def run(t: Any) -> Any:
        x = t.tensor(ARRAY, requires_grad=True)
        y = t.vmap(lambda row: program(t, row * x[0]))(x)
        return t.autograd.grad(y.sum(), x)[0]

    np.testing.assert_allclose(run(pb).numpy(), run(torch).numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_mode_gives_the_same(program: Any) -> None:
    """Torch refuses some of these, or is wrong where a tangent of a level is written twice."""
    x, v = pb.tensor(ARRAY[0]), pb.tensor([1.0, -2.0, 0.5, 1.5], dtype=pb.float64)

    def f(x: Any) -> Any:
        return program(pb, x)

    def along(f: Any) -> Any:
        return lambda x: pb.func.jvp(f, (x,), (v,))[1]

    expected = pb.func.jacrev(pb.func.grad(f))(x)
    for matrix in (
        pb.func.hessian(f)(x),
        pb.func.jacfwd(pb.func.jacfwd(f))(x),
        pb.func.jacrev(pb.func.jacfwd(f))(x),
        pb.vmap(pb.func.jacfwd(pb.func.jacfwd(f)))(x[None])[0],
    ):
        assert pb.allclose(matrix, expected)
    assert pb.allclose(along(along(f))(x), v @ expected @ v)
    third = pb.func.grad(lambda x: v @ pb.func.hessian(f)(x) @ v)(x) @ v
    assert pb.allclose(along(along(along(f)))(x), third)
