"""safe_gradients: zero absorbs infinity and NaN in the backward pass, and nothing else changes."""

from __future__ import annotations

import math
from typing import Any

import pytest

import pullback as pb


def grad_of(function: Any, *values: float) -> list[float]:
    x = pb.tensor(list(values), requires_grad=True)
    with pb.safe_gradients():
        function(x).sum().backward()
    found: list[float] = x.grad.tolist()
    return found


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: pb.where(x > 0, x.sqrt(), 0.0), [0.0, 0.25]),
        (lambda x: pb.where(x > 0, 1 / x, 0.0), [0.0, -1 / 16]),
        (lambda x: pb.where(x > 0, x.log(), 0.0), [0.0, 0.25]),
        (lambda x: pb.where(x > 0, x**0.5, 0.0), [0.0, 0.25]),
        (lambda x: pb.where(x > 0, pb.ones(()) / x, 0.0), [0.0, -1 / 16]),
        (lambda x: x.sqrt().masked_fill(x == 0, 0.0), [0.0, 0.25]),
    ],
)
def test_masked_branches(function: Any, expected: list[float]) -> None:
    assert grad_of(function, 0.0, 4.0) == expected


def test_a_real_infinity_stays() -> None:
    assert grad_of(lambda x: x.sqrt(), 0.0, 4.0) == [math.inf, 0.25]


def test_zeros_through_an_operation_that_is_not_elementwise() -> None:
    def masked(x: Any) -> Any:
        scale = (x * math.inf).cumprod(0).sum()
        return pb.where(pb.tensor(False), scale, x.sum())

    assert grad_of(masked, 1.0, 2.0) == [1.0, 1.0]


def test_finite_gradients_are_the_same() -> None:
    x = pb.linspace(0.1, 2.0, 7).requires_grad_()
    loss = (x.sin() * x.exp()).log().sum() + x.softmax(0)[0]
    (plain,) = pb.autograd.grad(loss, x, retain_graph=True)
    with pb.safe_gradients():
        (safe,) = pb.autograd.grad(loss, x)
    assert plain.tolist() == safe.tolist()


def test_second_derivatives() -> None:
    x = pb.tensor([0.0, 4.0], requires_grad=True)
    with pb.safe_gradients():
        y = pb.where(x > 0, x.sqrt(), 0.0).sum()
        (first,) = pb.autograd.grad(y, x, create_graph=True)
        (second,) = pb.autograd.grad(first.sum(), x)
    assert second.tolist() == [0.0, -1 / 32]


def test_only_inside_the_block() -> None:
    def loss(x: Any) -> Any:
        return pb.where(x > 0, x.sqrt(), 0.0).sum()

    x = pb.tensor([0.0], requires_grad=True)
    with pytest.raises(KeyError), pb.safe_gradients(), pb.safe_gradients():
        raise KeyError
    loss(x).backward()
    assert math.isnan(x.grad.item())
