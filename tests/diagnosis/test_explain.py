"""explain, why_none, why_zero: what they find besides the line, and what they refuse to guess."""

from __future__ import annotations

import math
from typing import Any

import pytest

import pullback as pb


def param(*values: float) -> Any:
    return pb.tensor(list(values), requires_grad=True)


def test_operands_and_index_of_a_forward_nan() -> None:
    a, b = param(1.0, 0.0), param(2.0, 0.0)
    found = pb.explain((a / b).sum())
    assert found.operator == "DivBackward0"
    assert found.index == (1,)
    assert found.values == {"input": 0.0, "other": 0.0}
    assert "nan in the forward pass" in found.text
    assert "(a / b).sum()" in found.text  # the source line


def test_operands_broadcast() -> None:
    a = pb.ones(2, 3, requires_grad=True)
    b = param(1.0, 0.0, 2.0)
    found = pb.explain(a / b)
    assert found.index == (0, 1)
    assert found.values == {"input": 1.0, "other": 0.0}


def test_values_that_nobody_saved_are_computed_anew() -> None:
    """Sums and shifts save nothing."""
    x = param(0.0, 3.0)
    y = ((x - 3.0).log() + 1.0).sum() * 2.0 + 1.0
    found = pb.explain(y)
    assert found.operator == "LogBackward0"
    assert found.values["input"] == -3.0


def test_an_operand_that_is_not_known_leaves_a_guess_behind_it() -> None:
    x = param(1.0)
    constant = pb.tensor([math.inf])
    found = pb.explain((x + constant) * 1.0)
    assert found.operator == "AddBackward0"


def test_nan_made_of_infinity_names_both() -> None:
    x = param(1000.0)
    big = x.exp()
    found = pb.explain((big - big).sum())
    assert found.operator == "ExpBackward0"
    assert "SubBackward0 made nan of that" in found.text
    assert len(found.places) == 2


def test_a_masked_infinity_is_not_blamed() -> None:
    """The forward value is finite where the mask hides it; another operation makes the NaN."""
    x = param(0.0, 4.0)
    hidden = pb.where(x > 0, 1 / x, 0.0)
    loss = hidden.sum() + (x - 5).sqrt().sum()
    assert pb.explain(loss).operator == "SqrtBackward0"


def test_backward_through_a_mask_says_so() -> None:
    x = param(0.0, 4.0)
    loss = pb.where(x > 0, x.log(), 0.0).sum()
    found = pb.explain(x, loss)
    assert found.operator == "LogBackward0"
    assert found.values["gradient that arrived"] == 0.0
    assert "safe_gradients" in found.text
    assert x.grad is None


def test_another_leafs_nan_is_not_blamed() -> None:
    x, y = param(0.0), param(1.0)
    loss = (x.sqrt() + y * 2).sum()
    assert pb.explain(y, loss).text == "All values and gradients are finite."
    assert pb.explain(x, loss).operator == "SqrtBackward0"


def test_the_gradient_stands_for_its_leaf() -> None:
    x = param(0.0)
    loss = x.sqrt().sum()
    loss.backward(retain_graph=True)
    assert pb.explain(x.grad, loss).operator == "SqrtBackward0"
    assert "explain(p, loss)" in pb.explain(x).text
    assert "explain(p, loss)" in pb.explain(x.grad).text


def test_a_loss_alone() -> None:
    x = param(0.0)
    assert pb.explain(x.sqrt().sum()).operator == "SqrtBackward0"
    assert pb.explain(x.exp().sum()).operator is None


def test_several_roots() -> None:
    x = param(0.0)
    assert pb.explain(x, [x.exp().sum(), x.sqrt().sum()]).operator == "SqrtBackward0"


def test_a_freed_graph_is_said() -> None:
    x = param(4.0)
    loss = (x * x).sum()
    loss.backward()
    assert "freed" in pb.explain(x, loss).text
    assert "freed" in pb.why_zero(x, loss).text


def test_forward_of_a_freed_graph_by_its_leaves() -> None:
    x = param(0.0)
    loss = x.log().sum()
    loss.backward()
    assert pb.explain(loss).operator == "LogBackward0"


def test_an_earlier_pass_left_the_nan() -> None:
    x = param(2.0)
    x.grad = pb.tensor([math.nan])
    assert "earlier" in pb.explain(x, (x * x).sum()).text


def test_a_sum_of_gradients_that_overflows() -> None:
    x = param(1.0)
    loss = (x * 3e38 + x * 3e38 * 1.0).sum() * 1e-10
    assert "infinity" in pb.explain(loss).text or "overflow" in pb.explain(x, loss).text


def test_everything_is_finite() -> None:
    x = param(1.0)
    assert pb.explain(x).text == "All values are finite."


def test_explain_leaves_modes_and_gradients_alone() -> None:
    x = param(0.0)
    loss = x.sqrt().sum()
    pb.explain(x, loss)
    assert pb.is_grad_enabled()
    assert x.grad is None
    loss.backward()
    assert x.grad.tolist() == [math.inf]


def test_a_long_graph_without_recursion() -> None:
    x = param(1.0)
    y = x
    for _ in range(5000):
        y = y * 1.0001
    assert pb.explain((y / 0).sum()).operator == "DivBackward0"


@pytest.mark.parametrize("explain", [pb.why_none, pb.why_zero])
def test_a_tensor_with_a_gradient(explain: Any) -> None:
    x = param(2.0)
    (x * x).sum().backward()
    assert explain(x).text in ("It has a gradient.", "The gradient is not zero.")


def test_a_gradient_that_was_taken_away() -> None:
    x = param(2.0)
    loss = (x * x).sum()
    loss.backward()
    x.grad = None
    assert "zero_grad" in pb.why_none(x, loss).text


def test_gradients_that_cancel() -> None:
    x = param(2.0)
    assert "cancel" in pb.why_zero(x, (x - x).sum()).text


def test_each_place_where_a_gradient_ends() -> None:
    x = param(-1.0)
    found = pb.why_zero(x, x.relu().sum() + x.clamp(min=0.0).sum())
    assert len(found.places) == 2
    assert "dead relu" in found.text
    assert "outside of the bounds" in found.text


def test_why_zero_of_an_unused_parameter() -> None:
    x, y = param(1.0), param(1.0)
    assert "not in the graph" in pb.why_zero(x, (y * 2).sum()).text
