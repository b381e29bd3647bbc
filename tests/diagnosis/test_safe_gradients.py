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


# Operators that are not elementwise: a mask behind them hides rows, or single terms of a sum.

NAN, INF = math.nan, math.inf


def masked(t: Any) -> Any:
    """As after a mask: what is not finite is replaced, so a zero gradient goes to it."""
    return pb.where(t.isfinite(), t, pb.zeros(()))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.softmax(-1),
        lambda x: x.log_softmax(-1),
        lambda x: pb.logsumexp(x, -1),
        lambda x: pb.logcumsumexp(x, -1),
        lambda x: x.cumprod(-1),
        lambda x: x.prod(-1),
        lambda x: x.std(-1),
        lambda x: x.var(-1),
        lambda x: pb.var_mean(x, -1)[0],
        lambda x: x.norm(dim=-1),
        lambda x: pb.linalg.vector_norm(x, 3, dim=-1),
        lambda x: pb.linalg.vector_norm(x, 1.5, dim=-1),
        lambda x: x @ pb.tensor([[1.0], [2.0], [3.0]]),
        lambda x: pb.nn.functional.linear(x, pb.ones(2, 3), pb.ones(2)),
        lambda x: pb.mv(x, pb.ones(3)),
        lambda x: pb.nn.functional.mse_loss(x, pb.ones(3, 3), reduction="none"),
        lambda x: pb.nn.functional.huber_loss(x, pb.ones(3, 3), reduction="none"),
        lambda x: pb.nn.functional.binary_cross_entropy_with_logits(
            x, pb.ones(3, 3), reduction="none"
        ),
    ],
)
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_rows_that_are_masked_get_zeros(function: Any, bad: float) -> None:
    """The other rows get what they would get without the bad one."""
    good = [[0.5, 1.0, 2.0], [1.5, -0.5, 0.25]]
    x = pb.tensor([good[0], [bad, bad, bad], good[1]], requires_grad=True)
    y = function(x)
    rows = pb.tensor([True, False, True]).reshape(3, *[1] * (y.dim() - 1))
    with pb.safe_gradients():
        pb.where(rows, y, pb.zeros(())).sum().backward()
    alone = pb.tensor([good[0], [1.0, 1.0, 1.0], good[1]], requires_grad=True)
    pb.where(rows, function(alone), pb.zeros(())).sum().backward()
    assert x.grad[1].tolist() == [0.0, 0.0, 0.0]
    assert x.grad[0].tolist() == alone.grad[0].tolist()
    assert x.grad[2].tolist() == alone.grad[2].tolist()


def test_attention_with_a_row_that_is_masked_completely() -> None:
    scores = pb.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    hidden = pb.tensor([[False, False], [True, True]])
    weights = (scores + pb.where(hidden, -INF, 0.0)).softmax(-1)
    loss = (weights.masked_fill(hidden, 0.0) * pb.tensor([1.0, 2.0])).sum()
    assert pb.autograd.grad(loss, scores, retain_graph=True)[0].isnan().any()
    with pb.safe_gradients():
        (found,) = pb.autograd.grad(loss, scores)
    assert found.isfinite().all()
    assert found[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("form", ["mm", "linear", "bmm", "mv", "addmm"])
def test_padding_does_not_poison_a_weight(form: str) -> None:
    """Rows of NaN in the batch: their gradient is zero, the weight's has no term of them."""
    batch = pb.tensor([[1.0, 2.0], [NAN, NAN], [3.0, 4.0]])
    w = pb.tensor([[1.0, -1.0], [0.5, 2.0]], requires_grad=True)
    vector = pb.tensor([1.0, 2.0], requires_grad=True)
    products = {
        "mm": lambda: batch @ w,
        "linear": lambda: pb.nn.functional.linear(batch, w, pb.zeros(2)),
        "bmm": lambda: (batch[None] @ w[None])[0],
        "mv": lambda: batch @ vector,
        "addmm": lambda: pb.addmm(pb.zeros(2), batch, w, alpha=2.0),
    }
    leaf = vector if form == "mv" else w
    with pb.safe_gradients():
        masked(products[form]()).square().sum().backward()
    found = leaf.grad.clone()
    leaf.grad = None
    batch[1] = 0.0
    masked(products[form]()).square().sum().backward()
    assert found.tolist() == leaf.grad.tolist()


def test_a_term_that_is_used_stays_nan_in_a_product() -> None:
    a = pb.tensor([[1.0, NAN]])
    w = pb.tensor([[1.0], [1.0]], requires_grad=True)
    with pb.safe_gradients():
        (a @ w).sum().backward()
    assert w.grad[0].tolist() == [1.0]
    assert math.isnan(w.grad[1].item())


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: pb.where(x.norm() > 0, x / x.norm(), pb.zeros(2)).sum(), [0.0, 0.0]),
        (lambda x: pb.where(x > 0, x.pow(0.5), 0.0)[1], [0.0, INF]),
        (lambda x: pb.where(x > 0, x * x.log(), 0.0).sum(), [0.0, 0.0]),
        (lambda x: x.sqrt()[:0].sum() + x.sum(), [1.0, 1.0]),
        (lambda x: x.sqrt()[0] * 0.0 + x[1], [0.0, 1.0]),
        (lambda x: (x.sqrt() * pb.zeros(2)).sum(), [0.0, 0.0]),
    ],
)
def test_at_zero(function: Any, expected: list[float]) -> None:
    if expected == [0.0, INF]:
        expected = [0.0, 0.0]  # the mask hides both elements
    assert grad_of(function, 0.0, 0.0) == expected


def test_a_product_with_finite_factors_has_the_same_bits() -> None:
    a = pb.randn(5, 7, requires_grad=True)
    b = pb.randn(7, 3, requires_grad=True)
    loss = (a @ b).relu().std(0).sum()
    plain = pb.autograd.grad(loss, [a, b], retain_graph=True)
    with pb.safe_gradients():
        safe = pb.autograd.grad(loss, [a, b])
    assert [g.tolist() for g in plain] == [g.tolist() for g in safe]


def test_second_derivatives_of_a_masked_row() -> None:
    x = pb.tensor([[1.0, 2.0], [-INF, -INF]], requires_grad=True)
    rows = pb.tensor([[True], [False]])
    with pb.safe_gradients():
        y = pb.where(rows, x.softmax(-1), 0.0).square().sum()
        (first,) = pb.autograd.grad(y, x, create_graph=True)
        (second,) = pb.autograd.grad(first.square().sum(), x)
    assert second.isfinite().all()
    assert second[1].tolist() == [0.0, 0.0]
    assert second[0].any()


def test_under_vmap() -> None:
    x = pb.tensor([[0.0, 4.0], [1.0, 0.0]])
    with pb.safe_gradients():
        found = pb.func.vmap(pb.func.grad(lambda v: pb.where(v > 0, v.sqrt(), 0.0).sum()))(x)
    assert found.tolist() == [[0.0, 0.25], [0.5, 0.0]]


def test_the_block_belongs_to_the_thread() -> None:
    import threading

    found: list[float] = []

    def run() -> None:
        x = pb.zeros(1, requires_grad=True)
        pb.where(x > 0, x.sqrt(), 0.0).sum().backward()
        found.append(x.grad.item())

    with pb.safe_gradients():
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    assert math.isnan(found[0])


def test_as_a_decorator() -> None:
    @pb.safe_gradients()
    def step(x: Any) -> Any:
        """What it does."""
        pb.where(x > 0, x.sqrt(), 0.0).sum().backward()
        return x.grad

    assert step.__doc__ == "What it does."
    for _ in range(2):
        assert step(pb.zeros(1, requires_grad=True)).tolist() == [0.0]


def test_an_operator_without_rows_takes_zeros_when_only_zeros_arrive() -> None:
    """cdist: with some zeros among the gradients its NaN stays, as the documentation says."""
    x = pb.tensor([[1.0, 2.0], [NAN, 0.0]], requires_grad=True)
    y = pb.tensor([[0.0, 0.0]])
    distance = pb.cdist(x, y)
    with pb.safe_gradients():
        (nothing,) = pb.autograd.grad((distance * 0).sum(), x, retain_graph=True)
        (some,) = pb.autograd.grad(distance[0].sum(), x)
    assert nothing.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert some[0].isfinite().all()


@pytest.mark.parametrize("function", [lambda x: x.softmax(0), lambda x: x.log_softmax(0)])
def test_numbers_without_dimensions_under_vmap(function: Any) -> None:
    """Examples without dimensions: what arrives at one has nothing to do with the others."""
    weights = pb.tensor([0.0, 2.0])
    with pb.safe_gradients():
        found = pb.func.vmap(pb.func.grad(lambda x, w: function(x) * w + x * w))(
            pb.ones(2), weights
        )
        x = pb.tensor(1.0, requires_grad=True)
        (function(x) * 2 + x).backward()
    assert found.tolist() == [0.0, 2.0]
    assert x.grad.item() == 1.0
