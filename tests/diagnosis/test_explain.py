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
    found = pb.why_none(x, loss)
    assert "taken away, by zero_grad() or .grad = None, at" in found.text
    assert "test_a_gradient_that_was_taken_away" in (found.place or "")


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


# Gradients of results that are no leaves.


def test_the_gradient_of_an_intermediate_result() -> None:
    x = param(0.0, 4.0)
    h = x * 1
    h.retain_grad()
    loss = h.sqrt().sum()
    loss.backward(retain_graph=True)
    assert h.grad.tolist() == [math.inf, 0.25]
    assert pb.explain(h, loss).operator == "SqrtBackward0"
    kept = x * 2  # without retain_grad
    assert pb.explain(kept, kept.sqrt().sum()).operator == "SqrtBackward0"
    assert "pass that result" in pb.explain(h.grad, loss).text


def test_the_infinity_behind_an_intermediate_result_is_not_its_own() -> None:
    x = param(0.0)
    root = x.sqrt()
    loss = (root * 2).sum()
    assert pb.explain(root, loss).text == "All values and gradients are finite."
    assert pb.explain(x, loss).operator == "SqrtBackward0"


def test_one_result_of_several() -> None:
    x = param(0.0, 4.0)
    first, second = (x * 1).unbind()
    loss = first.sqrt() + second.sqrt()
    assert pb.explain(first, loss).operator == "SqrtBackward0"
    assert pb.explain(second, loss).text == "All values and gradients are finite."


def test_why_zero_of_an_intermediate_result(recwarn: Any) -> None:
    x = param(1.0)
    h = x * 2
    loss = (h.relu() * 0).sum()
    assert pb.why_zero(h, loss).operator == "MulBackward0"
    h.retain_grad()
    loss.backward(retain_graph=True)
    assert pb.why_zero(h, loss).operator == "MulBackward0"
    assert "not in the graph" in pb.why_zero(x.exp(), loss).text
    assert "not zero" in pb.why_zero(h, (h * 3).sum()).text
    assert not recwarn.list


# What makes a gradient bad besides nodes.


def test_a_hook_is_named() -> None:
    x = param(1.0)
    y = x * 2

    def blow_up(gradient: Any) -> Any:
        return gradient / 0

    y.register_hook(blow_up)
    loss = (y * 1).sum()
    found = pb.explain(x, loss)
    line = blow_up.__code__.co_firstlineno
    assert found.place == f"{__file__}:{line} in blow_up"
    assert "A hook turned finite gradients" in found.text
    z = param(1.0)
    z.register_hook(blow_up)
    assert pb.explain(z, (z * 1).sum()).place == f"{__file__}:{line} in blow_up"


def test_a_hook_that_returns_zeros() -> None:
    def kill(gradient: Any) -> Any:
        return gradient * 0

    line = kill.__code__.co_firstlineno
    x = param(1.0)
    x.register_hook(kill)
    found = pb.why_zero(x, (x * 2).sum())
    assert f"{__file__}:{line} in kill" in found.text
    assert found.operator is None
    x = param(1.0)
    y = x * 2
    y.register_hook(kill)
    assert f"{__file__}:{line} in kill" in pb.why_zero(x, (y * 2).sum()).text


def test_a_sum_of_gradients_overflows() -> None:
    x = param(1e-5)
    y = x * 1
    found = pb.explain(x, (y * 3e38 + y * 3e38).sum())
    assert "The sum of the gradients that arrive at MulBackward0 overflowed" in found.text
    x = param(1e-5)
    found = pb.explain(x, (x * 3e38 + x * 3e38).sum())
    assert "arrive at a leaf of shape (1,) overflowed" in found.text


def test_a_seed_with_nan_is_thought_of() -> None:
    x = param(1.0)
    y = x * 2
    y.backward(pb.tensor([math.nan]), retain_graph=True)
    assert "the gradient that backward() was given" in pb.explain(x, y).text


# Custom functions and checkpoints.


class Keeps(pb.autograd.Function):
    """Saves something that is neither an operand nor a result."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x + 7)
        return x.log()

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        (kept,) = ctx.saved_tensors
        return gradient / (kept - 7)


def test_what_a_custom_function_saves_is_not_its_result() -> None:
    x = param(0.0, 4.0)
    y = Keeps.apply(x)
    found = pb.explain(y)
    assert found.operator == "KeepsBackward"
    assert found.values["input"] == 0.0
    found = pb.explain(x, y[1:].sum() + (y * 0)[0:0].sum())
    assert found.operator == "KeepsBackward"
    assert found.values["saved 0"] == 7.0
    assert "result" not in found.values


def test_a_custom_function_whose_result_is_not_kept_is_a_guess() -> None:
    x = param(0.0, 4.0)
    found = pb.explain((Keeps.apply(x) + 1).sum())
    assert found.operator == "KeepsBackward"
    assert found.text.startswith("Most likely")
    assert "AddBackward0" in found.text


def test_a_constant_that_is_not_kept_does_not_take_the_blame() -> None:
    """The difference saves nothing, so its result is not known; the pole is at the reciprocal."""
    x = pb.ones(300, 10, requires_grad=True)
    found = pb.explain((1 / (x - pb.ones(300, 10))).sum())
    assert found.operator == "ReciprocalBackward0"
    assert "This is a guess" in found.text
    assert "SubBackward0" in found.text


def test_a_custom_function_that_returns_none() -> None:
    class Nothing(pb.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return None

    x = param(1.0)
    loss = Nothing.apply(x).sum()
    loss.backward(retain_graph=True)
    assert x.grad is None
    for explain in (pb.why_none, pb.why_zero):
        found = explain(x, loss)
        assert found.operator == "NothingBackward"
        assert "its backward returned None" in found.text


def test_a_result_that_is_marked_as_not_differentiable() -> None:
    class Ranks(pb.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ranks = x.argsort().to(x.dtype)
            ctx.mark_non_differentiable(ranks)
            return ranks

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return gradient

    x, w = param(2.0, 1.0), param(1.0, 1.0)
    ranks = Ranks.apply(x)
    found = pb.why_none(x, (ranks * w).sum())
    assert "by an operation without derivative" in found.text
    assert found.place is not None
    assert "test_a_result_that_is_marked" in found.place


def checkpointed(x: Any, reentrant: bool) -> Any:
    from pullback.utils.checkpoint import checkpoint

    return checkpoint(lambda t: (t * 1).sqrt() + 1, x, use_reentrant=reentrant)


def test_inside_of_a_checkpoint() -> None:
    x = param(0.0, 4.0)
    found = pb.explain(x, checkpointed(x, False).sum())
    assert found.operator == "SqrtBackward0"
    assert "<lambda>" in (found.place or "")


def test_a_reentrant_checkpoint_cannot_be_seen_through() -> None:
    x, w = param(0.0, 4.0), param(1.0)
    loss = checkpointed(x, True).sum()
    for explain in (pb.explain, pb.why_zero, pb.why_none):
        assert "use_reentrant=False" in explain(w if explain is pb.why_none else x, loss).text
    bad = checkpointed(param(-1.0), True)
    assert pb.explain(bad).operator == "CheckpointFunctionBackward"
    assert pb.explain((bad * 2).sum()).operator == "CheckpointFunctionBackward"


# More causes.


def test_leaves_of_the_loss_are_listed_when_a_parameter_was_replaced() -> None:
    layer = pb.nn.Linear(2, 1)
    old = layer.weight
    layer.weight = pb.nn.Parameter(pb.ones(1, 2))
    found = pb.why_none(old, layer(pb.ones(1, 2)).sum())
    assert "The leaves that the loss depends on:" in found.text
    assert found.text.count("(1, 2)") >= 1


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: (x.relu() * pb.tensor([1.0, 0.0])).sum(), "wherever a gradient arrives"),
        (lambda x: pb.maximum(x, pb.full((2,), 9.0)).sum(), "the other operand is chosen"),
        (lambda x: x[2:].sum(), "empty: nothing was selected"),
        (lambda x: x.sign().sum(), "piecewise constant"),
    ],
)
def test_reasons_of_a_zero(function: Any, reason: str) -> None:
    x = param(-1.0, 2.0)
    assert reason in pb.why_zero(x, function(x)).text


def test_an_overwritten_slice() -> None:
    x = param(1.0, 2.0)
    h = x * 2
    h[:] = 0
    assert "overwritten" in pb.why_zero(x, h.sum()).text


def test_infinity_that_comes_in_is_called_so() -> None:
    x = param(math.inf)
    found = pb.explain((x - x).sum())
    assert found.text.startswith("infinity came in from outside")


def test_a_tensor_of_which_nothing_is_known() -> None:
    assert "is not known" in pb.explain(pb.tensor([0.0]).log()).text


@pytest.mark.parametrize("explain", [pb.explain, pb.why_none, pb.why_zero])
@pytest.mark.parametrize(
    ("arguments", "got"),
    [((3.0,), "float"), ((pb.nn.Linear,), "type"), ((None,), "NoneType")],
)
def test_what_is_no_tensor(explain: Any, arguments: tuple[Any, ...], got: str) -> None:
    with pytest.raises(TypeError, match=f"argument 'tensor' must be Tensor, not {got}"):
        explain(*arguments)
    with pytest.raises(TypeError, match=f"argument 'loss' must be Tensor, not {got}"):
        if arguments != (None,):
            explain(param(1.0), *arguments)
        else:
            explain(param(1.0), [None])


def test_a_loss_without_history() -> None:
    with pb.no_grad():
        loss = param(1.0) * 2
    assert "under no_grad" in pb.why_zero(param(1.0), loss).text
    assert "under no_grad" in pb.why_none(param(1.0), loss).text
    with pytest.raises(RuntimeError, match="does not require grad"):
        pb.explain(param(1.0), loss)


def test_numbers_without_dimensions_and_of_nothing() -> None:
    x = pb.tensor(0.0, requires_grad=True)
    found = pb.explain(x.log())
    assert (found.index, found.values) == ((), {"input": 0.0})
    assert pb.explain(x, x.sqrt()).operator == "SqrtBackward0"
    empty = pb.explain(pb.ones(0, requires_grad=True).mean())
    assert empty.operator == "MeanBackward0"
    assert "empty" in empty.text


def test_views_and_writes_on_the_way() -> None:
    x = param(0.0, 4.0, 0.0, 1.0)
    column = x.reshape(2, 2).t()[0]
    found = pb.explain(column.log()[0:1].expand(3).sum())
    assert (found.operator, found.index) == ("LogBackward0", (0,))
    y = x * 1
    y[0:1].log_()
    y += 1
    assert pb.explain(y.sum()).operator == "LogBackward0"


@pytest.mark.parametrize(
    "function", [lambda b, h: b + h, lambda b, h: h - b, lambda b, h: b.add_(h)]
)
def test_an_operand_that_is_not_saved_names_its_cut(function: Any) -> None:
    """Sums save nothing, so the node keeps where the operand was cut off."""
    a, b = param(1.0), param(2.0)
    h = a.exp().detach()
    found = pb.why_none(a, function(b * 1, h).sum())
    assert "cut off from its history by detach()" in found.text
    assert (found.place or "").endswith("in test_an_operand_that_is_not_saved_names_its_cut")
    plain = pb.why_none(a, (b + pb.ones(1)).sum())
    assert "Operations with an operand without history" in plain.text
