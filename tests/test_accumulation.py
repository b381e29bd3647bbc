"""Accumulation into .grad: what is taken over, added to, replaced; layouts, retained gradients."""

from __future__ import annotations

from typing import Any

import pytest

import pullback as pb


def leaf(*values: float, dtype: Any = pb.float64) -> Any:
    return pb.tensor(values, dtype=dtype, requires_grad=True)


def test_gradients_add_up_in_the_same_object() -> None:
    x = leaf(2.0)
    (x * 3).backward()
    first = x.grad
    (x * 4).backward()
    assert x.grad is first
    assert first.tolist() == [7.0]


def test_with_create_graph_the_sum_is_a_new_tensor() -> None:
    x = leaf(2.0)
    (x**2).sum().backward()
    first = x.grad
    (x**3).sum().backward(create_graph=True)
    assert x.grad is not first
    assert (first.tolist(), x.grad.tolist()) == ([4.0], [16.0])
    x.grad = None


def test_a_gradient_that_somebody_holds_is_copied() -> None:
    x = leaf(1.0, 2.0)
    seed = pb.tensor([5.0, 6.0], dtype=pb.float64)
    x.clone().backward(seed)
    x.clone().backward(seed)
    assert x.grad.tolist() == [10.0, 12.0]
    assert seed.tolist() == [5.0, 6.0]


def test_two_leaves_do_not_share_one_gradient() -> None:
    x, y = leaf(1.0), leaf(1.0)
    (x + y).backward()
    assert x.grad is not y.grad
    assert x.grad.data_ptr() != y.grad.data_ptr()
    x.grad += 1
    assert y.grad.tolist() == [1.0]


def test_the_layout_of_a_dense_leaf_is_kept() -> None:
    x = pb.zeros(3, 2, dtype=pb.float64).t().requires_grad_()
    assert x.stride() == (1, 2)
    (x * 2).sum().backward()
    assert x.grad.stride() == (1, 2)
    (x * pb.ones(2, 3, dtype=pb.float64)).sum().backward()
    assert x.grad.stride() == (1, 2)
    assert x.grad.tolist() == [[3.0] * 3] * 2


def test_an_expanded_leaf_gets_a_contiguous_gradient() -> None:
    x = pb.zeros(1, dtype=pb.float64).expand(3).requires_grad_()
    (x * 2).sum().backward()
    assert x.grad.stride() == (1,)
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_a_float32_leaf_gets_a_float32_gradient() -> None:
    x = leaf(2.0, dtype=pb.float32)
    (x.double() * 3).sum().backward()
    assert x.grad.dtype == pb.float32
    (x * pb.tensor([2.0], dtype=pb.float64)).sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (pb.float32, [5.0])


def test_assigning_a_gradient() -> None:
    x = leaf(1.0, 2.0)
    x.grad = pb.tensor([1.0, 1.0], dtype=pb.float64)
    (x * 3).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]
    x.grad = None
    assert x.grad is None
    with pytest.raises(RuntimeError, match="size"):
        x.grad = pb.ones(3, dtype=pb.float64)
    with pytest.raises(RuntimeError):
        x.grad = pb.ones(2, dtype=pb.float32)
    with pytest.raises(TypeError):
        x.grad = 1.0
    del x.grad
    assert x.grad is None


def test_a_gradient_cannot_be_its_own() -> None:
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="can't assign Variable as its own grad"):
        x.grad = x


def test_the_gradient_of_a_non_leaf_is_not_kept() -> None:
    x = leaf(2.0)
    y = x * x
    y.sum().backward()
    with pytest.warns(UserWarning, match="not a leaf Tensor is being accessed"):
        assert y.grad is None


def test_retain_grad() -> None:
    x = leaf(2.0)
    y = x * x
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    (y * 3).sum().backward()
    assert (y.grad.tolist(), x.grad.tolist()) == ([3.0], [12.0])
    x.retain_grad()
    assert not x.retains_grad
    with pytest.raises(RuntimeError, match="can't retain_grad on Tensor that has requires_grad"):
        pb.ones(1).retain_grad()


def test_retained_gradients_add_up() -> None:
    x = leaf(2.0)
    y = x * x
    y.retain_grad()
    (y * 3).sum().backward(retain_graph=True)
    (y * 4).sum().backward()
    assert y.grad.tolist() == [7.0]


def test_zeros_of_missing_outputs_are_never_made() -> None:
    """An output that nobody used does not turn infinities elsewhere into nan."""
    x = leaf(0.0, 1.0)
    _, b = x.sqrt().unbind()
    b.backward()
    assert x.grad.tolist()[1] == 0.5


def test_a_gradient_that_cannot_be_written_is_refused() -> None:
    x = leaf(1.0, 2.0)
    x.grad = pb.ones(1, dtype=pb.float64).expand(2)
    with pytest.raises(RuntimeError, match="refers to a single memory location"):
        (x * 3).sum().backward()
    with pb.inference_mode():
        x.grad = pb.ones(2, dtype=pb.float64)
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        (x * 3).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_a_gradient_of_inference_mode_is_an_inference_tensor() -> None:
    x = leaf(1.0, 2.0)
    y = (x * 3).sum()
    with pb.inference_mode():
        y.backward()
    assert x.grad.is_inference()
