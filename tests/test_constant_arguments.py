"""Arguments that have no derivative: refused wherever one would be lost, used elsewhere.

They are weights of losses and the numbers that choose the windows of a pool.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

import pullback as pb
from pullback import Tensor

F = pb.nn.functional
X = pb.tensor([[0.25, 0.5, 0.75], [0.5, 0.125, 0.25]], dtype=pb.float64)
Y = pb.tensor([[0.5, 0.25, 0.125], [0.75, 0.5, 0.25]], dtype=pb.float64)
CLASSES = pb.tensor([0, 2])
WEIGHT = pb.tensor([1.0, 2.0, 0.5], dtype=pb.float64)

LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "binary_cross_entropy": lambda w: F.binary_cross_entropy(X, Y, weight=w),
    "with_logits": lambda w: F.binary_cross_entropy_with_logits(X, Y, weight=w),
    "pos_weight": lambda w: F.binary_cross_entropy_with_logits(X, Y, pos_weight=w),
    "nll_loss": lambda w: F.nll_loss(X, CLASSES, weight=w),
    "cross_entropy": lambda w: F.cross_entropy(X, CLASSES, weight=w),
}


def backward(loss: Callable[[Tensor], Tensor]) -> object:
    return loss(WEIGHT.clone().requires_grad_())


def batch(loss: Callable[[Tensor], Tensor]) -> object:
    return pb.vmap(loss)(pb.stack([WEIGHT, WEIGHT]).requires_grad_())


def captured(loss: Callable[[Tensor], Tensor]) -> object:
    weight = WEIGHT.clone().requires_grad_()
    return pb.vmap(lambda a: loss(weight * a))(pb.ones(2, dtype=pb.float64))


def reverse(loss: Callable[[Tensor], Tensor]) -> object:
    return pb.func.grad(loss)(WEIGHT)


def tangent(loss: Callable[[Tensor], Tensor]) -> object:
    return pb.func.jvp(loss, (WEIGHT,), (pb.ones_like(WEIGHT),))


def jacobian(loss: Callable[[Tensor], Tensor]) -> object:
    return pb.func.jacfwd(loss)(WEIGHT)


WAYS = [backward, batch, captured, reverse, tangent, jacobian]
IMAGE = pb.arange(25, dtype=pb.float64).reshape(1, 1, 5, 5)
VOLUME = pb.arange(125, dtype=pb.float64).reshape(1, 1, 5, 5, 5)
POOLS: dict[str, Callable[[Tensor], Tensor]] = {
    "fractional_max_pool2d": lambda u: F.fractional_max_pool2d(
        IMAGE, 2, 2, _random_samples=u[:2].reshape(1, 1, 2) / 4
    ),
    "fractional_max_pool3d": lambda u: F.fractional_max_pool3d(
        VOLUME, 2, 2, _random_samples=u.reshape(1, 1, 3) / 4
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", POOLS)
def test_samples_of_pools_have_no_derivative(
    name: str, way: Callable[[Callable[[Tensor], Tensor]], object]
) -> None:
    with pytest.raises(RuntimeError, match=r"not differentiable .* '_random_samples'"):
        way(lambda u: POOLS[name](u).sum())


@pytest.mark.parametrize("name", POOLS)
def test_samples_without_a_history_are_used(name: str) -> None:
    pool = POOLS[name]
    right = pool(WEIGHT)
    assert pb.vmap(pool)(pb.stack([WEIGHT, WEIGHT])).equal(pb.stack([right, right]))
    with pb.no_grad():
        assert pool(WEIGHT.clone().requires_grad_()).equal(right)
    assert pb.func.grad(lambda v: (pool(WEIGHT) * v).sum())(pb.ones((), dtype=pb.float64)) > 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LOSSES)
def test_a_derivative_that_would_be_lost_is_refused(
    name: str, way: Callable[[Callable[[Tensor], Tensor]], object]
) -> None:
    with pytest.raises(RuntimeError, match=r"not differentiable .* 'pos_weight'|'weight'"):
        way(LOSSES[name])


@pytest.mark.parametrize("name", LOSSES)
def test_weights_without_a_history_are_used(name: str) -> None:
    loss = LOSSES[name]
    right = loss(WEIGHT)
    assert pb.vmap(loss)(pb.stack([WEIGHT, WEIGHT])).tolist() == [right.item()] * 2
    with pb.no_grad():
        assert loss(WEIGHT.clone().requires_grad_()).equal(right)
    # What goes through a weight of another transform's is none of this one's.
    assert pb.func.grad(lambda v: loss(WEIGHT) * v)(pb.tensor(2.0, dtype=pb.float64)).equal(right)
