"""Random calls of layers give torch's values and derivatives, alone and as examples of a batch.

They come from tests/drawn_layers.py. PULLBACK_LAYERS=5000 draws so many of each family.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import pytest

import pullback as pb
from drawn_layers import FAMILIES, Draw, Drawn, laid

torch = pytest.importorskip("torch")

COUNT = int(os.environ.get("PULLBACK_LAYERS", "60"))


def array(x: Any) -> Any:
    return None if x is None else np.array(x.detach().resolve_conj().numpy())


def factors(t: Any, like: Any, seed: int) -> Any:
    """Numbers of the shape and dtype of a tensor of library ``t``."""
    drawn = np.random.RandomState(seed)
    values = np.asarray(drawn.randn(*like.shape), dtype=array(like).dtype)
    if like.is_complex():
        values = values + 1j * drawn.randn(*like.shape)
    return laid(t, values, "dense")


def derivatives(t: Any, drawn: Drawn, order: int) -> list[Any]:
    """The result, the gradients, and the gradients of these by inputs and factors."""
    xs = [laid(t, *each) for each in zip(drawn.arrays, drawn.layouts, strict=True)]
    wanted = [x.requires_grad_() for x, follow in zip(xs, drawn.followed, strict=True) if follow]
    y = drawn.call(t, *xs)
    found = [array(y)]
    if not wanted or not y.requires_grad:
        return found
    factor = factors(t, y, 1).requires_grad_()
    options = {"allow_unused": True, "materialize_grads": True}
    first = t.autograd.grad(y, wanted, factor, create_graph=order > 1, **options)
    found += map(array, first)
    if order > 1:
        again = [g for g in first if g.requires_grad]
        if again:
            weights = [factors(t, g, 2) for g in again]
            found += map(array, t.autograd.grad(again, [*wanted, factor], weights, **options))
    return found


def outcome(t: Any, drawn: Drawn, order: int) -> list[Any] | Exception:
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with warnings.catch_warnings(), sdpa_kernel(SDPBackend.MATH):
        warnings.simplefilter("ignore")
        try:
            return derivatives(t, drawn, order)
        except (RuntimeError, ValueError, IndexError) as error:
            return error


def compare(ours: list[Any], theirs: list[Any], drawn: Drawn) -> None:
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        scale = max(1.0, float(np.abs(b[np.isfinite(b)]).max(initial=0)))
        np.testing.assert_allclose(a, b, drawn.tolerance, drawn.tolerance * scale)


def check_tangents(drawn: Drawn) -> None:
    """The products of tangents and factors are those of gradients and changes."""
    xs = [laid(pb, *each) for each in zip(drawn.arrays, drawn.layouts, strict=True)]
    places = [i for i, follow in enumerate(drawn.followed) if follow]

    def call(*some: Any) -> Any:
        whole = list(xs)
        for i, x in zip(places, some, strict=True):
            whole[i] = x
        return drawn.call(pb, *whole)

    wanted = tuple(xs[i] for i in places)
    changes = tuple(factors(pb, x, 3 + i) for i, x in enumerate(wanted))
    y, tangent = pb.func.jvp(call, wanted, changes)
    factor = factors(pb, y, 1)
    gradients = pb.func.vjp(call, *wanted)[1](factor)

    def product(a: Any, b: Any) -> float:
        return float(np.sum((np.conj(array(a)) * array(b)).real))

    forward = product(factor, tangent)
    scale = 1 + float(np.abs(array(factor) * array(tangent)).sum())
    assert np.isfinite(forward)
    backward = sum(map(product, gradients, changes))
    assert forward == pytest.approx(backward, abs=drawn.tolerance * scale)


def check_examples(drawn: Drawn) -> None:
    """Two examples in one call are the two calls, of those inputs that the generator chose."""
    d = Draw(len(drawn.text))
    plain = [laid(pb, *each) for each in zip(drawn.arrays, drawn.layouts, strict=True)]
    dims: list[int | None] = []
    whole: list[Any] = []
    single: list[list[Any]] = [[], []]
    for x, given in zip(plain, drawn.arrays, strict=True):
        if x is None or d.some(0.3):
            dims.append(None)
            whole.append(x)
            for some in single:
                some.append(x)
            continue
        at = d.numbers.randint(x.dim() + 1)
        other = given if given.dtype == bool else given[::-1].copy()
        examples = [laid(pb, each, "dense") for each in (given, other)]
        dims.append(at)
        whole.append(pb.stack(examples, at))
        for some, example in zip(single, examples, strict=True):
            some.append(example)
    if all(at is None for at in dims):
        return
    places = [i for i, follow in enumerate(drawn.followed) if follow]

    def gradients(*xs: Any) -> Any:
        def call(*some: Any) -> Any:
            given = list(xs)
            for i, x in zip(places, some, strict=True):
                given[i] = x
            return drawn.call(pb, *given)

        y, back = pb.func.vjp(call, *(xs[i] for i in places))
        factor = pb.cos(pb.arange(y.numel(), dtype=pb.float64)).reshape(y.shape).to(y.dtype)
        return (y, *back(factor))

    rows = [gradients(*some) for some in single]
    batch = pb.func.vmap(gradients, in_dims=tuple(dims))(*whole)
    for k, got in enumerate(batch):
        compare([array(got)], [np.stack([array(row[k]) for row in rows])], drawn)


@pytest.mark.parametrize("family", FAMILIES)
def test_drawn_calls(family: str) -> None:
    compared = 0
    for seed in range(COUNT):
        drawn = FAMILIES[family](Draw(seed))
        theirs, ours = (outcome(t, drawn, 2) for t in (torch, pb))
        try:
            if isinstance(theirs, Exception) and "derivative" in str(theirs):
                theirs = outcome(torch, drawn, 1)
                ours = outcome(pb, drawn, 1)
            if isinstance(theirs, Exception):
                continue
            assert not isinstance(ours, Exception), ours
            if len(theirs) == 1:  # torch has no history of nothing
                ours = ours[:1]
            compare(ours, theirs, drawn)
            once = outcome(pb, drawn, 1)
            assert not isinstance(once, Exception), once
            compare(once[: len(ours)], ours[: len(once)], drawn)
            if any(drawn.followed):
                check_tangents(drawn)
                check_examples(drawn)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {drawn.text} {drawn.layouts}: {error}") from error
        compared += 1
    assert compared > COUNT // 3
