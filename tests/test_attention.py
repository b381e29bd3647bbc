"""Attention in blocks: orders, modes, batches, threads and memory."""

from __future__ import annotations

import math
from typing import Any

import pytest

import pullback as pb
from pullback import Tensor
from same_bits import assert_same_bits

attention = pb.nn.functional.scaled_dot_product_attention


def composed(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
    return (scores if mask is None else scores + mask).softmax(-1) @ v


def made(*shape: int) -> Tensor:
    return pb.randn(*shape, dtype=pb.float64)


def inputs() -> tuple[Tensor, ...]:
    pb.manual_seed(0)
    shapes = ((2, 3, 4), (2, 5, 4), (2, 5, 3), (3, 5))
    return tuple(made(*shape).requires_grad_() for shape in shapes)


def orders(function: Any, arguments: tuple[Tensor, ...]) -> list[Tensor]:
    """Three orders of derivatives, each of the sum of squares of the one before."""
    found, outputs = [], [function(*arguments)]
    for _ in range(3):
        total = sum((each**2).sum() for each in outputs)
        outputs = list(pb.autograd.grad(total, arguments, create_graph=True))
        found += outputs
    return found


def test_three_orders() -> None:
    for ours, expected in zip(orders(attention, inputs()), orders(composed, inputs()), strict=True):
        pb.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)


def test_forward_over_reverse_over_batches() -> None:
    q, k, v, mask = inputs()

    def product(function: Any, q: Tensor, k: Tensor, v: Tensor, tangent: Tensor) -> Tensor:
        def gradient(q: Tensor) -> Tensor:
            return pb.func.grad(lambda q: (function(q, k, v, mask) ** 2).sum())(q)

        return pb.func.jvp(gradient, (q,), (tangent,))[1]

    many = [pb.stack([x, 2 * x]).detach() for x in (q, k, v)]
    tangents = made(*many[0].shape)
    ours = pb.vmap(lambda *x: product(attention, *x))(*many, tangents)
    expected = pb.vmap(lambda *x: product(composed, *x))(*many, tangents)
    pb.testing.assert_close(ours, expected)


def test_dropout_differs_among_the_examples_of_a_vmap() -> None:
    q = made(2, 4, 6)
    run = lambda x: attention(x, x, x, None, 0.5)  # noqa: E731
    pb.manual_seed(1)
    found = pb.vmap(run, randomness="different")(q)
    pb.manual_seed(1)
    pb.testing.assert_close(found, attention(q, q, q, None, 0.5))


@pytest.mark.parametrize("causal", [False, True])
def test_the_same_bits_on_any_number_of_threads(causal: bool) -> None:
    pb.manual_seed(0)
    parts = [pb.randn(3, 700, 16, requires_grad=True) for _ in range(3)]

    def run() -> list[pb.Tensor]:
        out = attention(*parts, is_causal=causal)
        return [out, *pb.autograd.grad(out.sum() + (out**2).sum(), parts)]

    assert_same_bits(run)


def test_a_long_sequence_makes_no_matrix_of_weights() -> None:
    """The matrix of 6,000 positions and 4 heads would take 576 MB."""
    parts = [pb.randn(4, 6000, 16, requires_grad=True) for _ in range(3)]
    attention(*[x[:, :100] for x in parts]).sum().backward()
    before = pb.memory.stats()["allocated"]
    pb.memory.reset_peak()
    attention(*parts).sum().backward()
    assert pb.memory.stats()["peak"] - before < 100 * 1024**2


def test_what_was_saved_may_not_be_overwritten() -> None:
    q = made(3, 4).requires_grad_()
    k = made(5, 4)
    out = attention(q, k, k)
    k.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


@pytest.mark.parametrize("sizes", [(0, 0), (0, 3), (3, 0)])
def test_rows_of_no_elements(sizes: tuple[int, int]) -> None:
    """They have a stride all the same, by which the kernel once wrote beyond the results."""
    features, width = sizes
    q, k, v = (made(2, 17, size).requires_grad_() for size in (features, features, width))
    for _ in range(50):
        y = attention(q, k, v)
        gradients = pb.autograd.grad(y.sum(), (q, k, v), create_graph=True)
        assert [g.shape for g in gradients] == [q.shape, k.shape, v.shape]
        pb.testing.assert_close(y, v.mean(1, keepdim=True).expand(y.shape).detach())


@pytest.mark.slow
def test_a_long_sequence_takes_less_than_a_gigabyte_forward_and_backward() -> None:
    q, k, v = (pb.randn(1, 8, 16384, 64).requires_grad_() for _ in range(3))
    before = pb.memory.stats()["allocated"]
    pb.memory.reset_peak()
    attention(q, k, v).sum().backward()
    # The weights would be 8.6 GB; the result, its gradient and those of q, k and v are 168 MB.
    assert pb.memory.stats()["peak"] - before < 400 * 1024**2
    assert all(each.grad.isfinite().all() for each in (q, k, v))
