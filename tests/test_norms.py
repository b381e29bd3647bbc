"""Norms of high powers: the values and derivatives that the power itself would lose."""

from __future__ import annotations

import math

import pytest

import pullback as pb
from pullback.autograd import gradcheck, gradgradcheck

POWERS = [40.0, 1e3, 1e30, 1e300]


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("dtype", [pb.float64, pb.float32, pb.float16])
def test_the_largest_value_decides(p: float, dtype: pb.dtype) -> None:
    for values in ([0.5, -2.0, 3.0], [0.125, 0.25, -0.375], [3.0e3, 10.0, 0.0]):
        x = pb.tensor(values, dtype=dtype, requires_grad=True)
        high, low = max(map(abs, values)), min(map(abs, values))
        y = pb.norm(x, p)
        assert math.isclose(y.item(), high, rel_tol=1e-3)
        (g,) = pb.autograd.grad(y, x)
        wanted = [math.copysign(1.0, v) if abs(v) == high else 0.0 for v in values]
        assert pb.allclose(g.double(), pb.tensor(wanted, dtype=pb.float64), atol=1e-3)
        assert math.isclose(pb.linalg.vector_norm(x, -p).item(), low, rel_tol=1e-3)


def test_edges() -> None:
    assert pb.norm(pb.zeros(3), 1e300).item() == 0
    assert pb.norm(pb.tensor([1.0, math.inf]), 1e3).item() == math.inf
    assert math.isnan(pb.norm(pb.tensor([1.0, math.nan]), 1e3).item())
    assert pb.norm(pb.tensor(-2.0), 1e3).item() == 2
    assert pb.norm(pb.zeros(0), 1e3).item() == 0
    assert pb.norm(pb.ones(2, 3), 1e3, 1, True).shape == (2, 1)
    assert pb.norm(pb.ones(2, 3, dtype=pb.float16), 1e3, 0, dtype=pb.float64).dtype == pb.float64


@pytest.mark.parametrize("p", [40.0, -40.0])
def test_derivatives(p: float) -> None:
    x = pb.tensor([[0.5, -2.0, 1.9], [3.0, 2.9, -2.5]], dtype=pb.float64, requires_grad=True)
    for dim in (None, 1, (0, 1)):

        def norm(x: pb.Tensor, dim: object = dim) -> pb.Tensor:
            return pb.norm(x, p, dim)

        assert gradcheck(norm, (x,), check_forward_ad=True, check_batched_grad=True)
        assert gradgradcheck(norm, (x,))


def test_batches_and_levels() -> None:
    x = pb.randn(5, 3, 4, dtype=pb.float64)

    def norm(x: pb.Tensor) -> pb.Tensor:
        return pb.norm(x, 1e3, 0)

    assert pb.equal(pb.vmap(norm)(x), pb.stack([norm(each) for each in x]))
    assert pb.equal(pb.vmap(pb.vmap(norm))(x.unsqueeze(1))[:, 0], pb.vmap(norm)(x))
    derivative = pb.func.jacrev(norm)(x[0])
    assert pb.allclose(derivative, pb.func.jacfwd(norm)(x[0]))


@pytest.mark.parametrize("p", [0.5, 1.25, 1.5, 2.5, 3.0, 4.5])
def test_a_zero_keeps_to_itself_in_second_derivatives(p: float) -> None:
    """That of another element is what it is beside a very small number."""

    def second(zero: float) -> list[float]:
        x = pb.tensor([1.0, zero, 2.0], dtype=pb.float64, requires_grad=True)
        (g,) = pb.autograd.grad(pb.linalg.vector_norm(x, p), x, create_graph=True)
        (h,) = pb.autograd.grad(g[0] + 3 * g[2] + (g[1] if p > 2 else 0), x)
        return h.tolist()  # type: ignore[no-any-return]

    found, near = second(0.0), second(1e-60)
    assert math.isclose(found[0], near[0], rel_tol=1e-12)
    assert math.isclose(found[2], near[2], rel_tol=1e-12)
    if p > 2:
        assert math.isclose(found[1], near[1], abs_tol=1e-12)
    elif p > 1:  # infinite for itself
        assert math.isnan(found[1])
