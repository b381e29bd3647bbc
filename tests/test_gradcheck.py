"""``gradcheck`` and ``gradgradcheck`` find what they are for, and say it in PyTorch's words.

Wrong derivatives are made with ``detach``: a function of x and a constant copy of x has a
derivative other than its slope.
"""

from __future__ import annotations

from typing import Any

import pytest

import pullback as pb
from pullback.autograd import GradcheckError, gradcheck, gradgradcheck


def leaf(*values: float) -> Any:
    return pb.tensor(values, dtype=pb.float64, requires_grad=True)


def wrong(x: Any) -> Any:
    return x * x.detach()


def wrong_at_second_order(x: Any) -> Any:
    return x * x * 0.5 + (x - x.detach()) ** 2 * x.detach()


@pytest.mark.parametrize("fast", [False, True])
def test_right_derivatives(fast: bool) -> None:
    x, y = leaf(0.5, 2.0), leaf(1.5, -1.0)
    for f in (
        lambda x, y: x * y,
        lambda x, y: (x.sin(), (x / y).sum(), y),
        lambda x, y: [x.exp() * 2],
        lambda x, y: x.reshape(2, 1) * y,
    ):
        assert gradcheck(f, (x, y), fast_mode=fast, check_forward_ad=True)
        assert gradgradcheck(f, (x, y), fast_mode=fast)


@pytest.mark.parametrize("fast", [False, True])
def test_wrong_derivatives(fast: bool) -> None:
    x = leaf(0.5, 2.0)
    with pytest.raises(GradcheckError, match="mismatch for output 0 with respect to input 0"):
        gradcheck(wrong, x, fast_mode=fast)
    assert not gradcheck(wrong, x, raise_exception=False, fast_mode=fast)
    assert gradcheck(wrong_at_second_order, x, fast_mode=fast)
    with pytest.raises(GradcheckError, match="mismatch"):
        gradgradcheck(wrong_at_second_order, x, fast_mode=fast)


def test_the_message_shows_both() -> None:
    with pytest.raises(GradcheckError) as caught:
        gradcheck(wrong, leaf(3.0))
    assert str(caught.value).splitlines() == [
        "Jacobian mismatch for output 0 with respect to input 0,",
        "numerical:tensor([[6.0000]], dtype=torch.float64)",
        "analytical:tensor([[3.]], dtype=torch.float64)",
    ]


def test_numbers_of_output_and_input() -> None:
    x, y = leaf(1.0), leaf(2.0)
    constant = pb.ones(1, dtype=pb.float64)
    with pytest.raises(GradcheckError, match="for output 1 with respect to input 2"):
        gradcheck(lambda x, c, y: (x * y, wrong(y)), (x, constant, y))


def test_forward_mode_is_checked_when_asked() -> None:
    with pytest.raises(GradcheckError, match="computed with forward mode mismatch"):
        gradcheck(wrong, leaf(3.0), check_forward_ad=True, check_backward_ad=False)
    with pytest.raises(AssertionError, match="at least one of"):
        gradcheck(wrong, leaf(3.0), check_backward_ad=False)


def test_outputs_without_gradient_must_be_constant() -> None:
    assert gradcheck(lambda x: x.detach().floor(), leaf(0.5))
    assert gradcheck(lambda x: x > 0, leaf(0.5))
    with pytest.raises(GradcheckError, match="Numerical gradient for function expected to be zero"):
        gradcheck(lambda x: x.detach() * 2, leaf(0.5))


def test_what_is_not_a_function_of_its_input() -> None:
    calls = []

    def other_every_time(x: Any) -> Any:
        calls.append(None)
        return x * float(len(calls))

    with pytest.raises(GradcheckError):
        gradcheck(other_every_time, leaf(1.0))


def test_inputs_are_left_as_they_were() -> None:
    x = leaf(0.1, 0.2, 0.3)
    version = x._version
    gradcheck(lambda x: x * x, x)
    assert x.tolist() == [0.1, 0.2, 0.3]
    assert (x._version, x.grad) == (version, None)


def test_other_inputs_are_handed_through() -> None:
    assert gradcheck(lambda x, n, text: x * n, (leaf(1.0, 2.0), 3, "text"))


def test_no_input_wants_a_gradient() -> None:
    with pytest.raises(ValueError, match="expects at least one input tensor to require gradient"):
        gradcheck(lambda x: x, pb.ones(1))


def test_float32_is_warned_about() -> None:
    x = pb.ones(1, requires_grad=True)
    with pytest.warns(UserWarning, match="not a double precision floating point"):
        assert gradcheck(lambda x: x * 2, x, eps=1e-2, atol=1e-2)


def test_overlapping_memory_is_refused() -> None:
    x = pb.ones(1, dtype=pb.float64).expand(3).requires_grad_()
    with pytest.raises(RuntimeError, match="has a dimension with stride 0"):
        gradcheck(lambda x: x * 2, x)


def test_empty_and_0d() -> None:
    assert gradcheck(lambda x: x * 2, pb.zeros(0, 3, dtype=pb.float64, requires_grad=True))
    assert gradcheck(lambda x: x.sum(), pb.zeros(0, 3, dtype=pb.float64, requires_grad=True))
    assert gradgradcheck(lambda x: x**3, pb.tensor(2.0, dtype=pb.float64, requires_grad=True))


def test_strided_inputs() -> None:
    x = pb.arange(6, dtype=pb.float64).reshape(2, 3).t().requires_grad_()
    assert gradcheck(lambda x: x * x, x)
    assert gradgradcheck(lambda x: x**3, x, gen_non_contig_grad_outputs=True)


def test_given_grad_outputs() -> None:
    x, seed = leaf(1.0, 2.0), leaf(0.5, -0.5)
    assert gradgradcheck(lambda x: x**3, x, seed)
    assert gradgradcheck(lambda x: (x**3, x * 2), (x,), (seed, seed))


def test_tolerances() -> None:
    x = leaf(1.0)
    assert not gradcheck(lambda x: x * x.detach() ** 0.01, x, raise_exception=False)
    assert gradcheck(lambda x: x * x.detach() ** 0.01, x, atol=0.1)
    assert gradcheck(lambda x: x * x.detach() ** 0.01, x, atol=0, rtol=0.1)


def test_all_options() -> None:
    x, y = leaf(0.5, 2.0), leaf(1.0, -1.0)
    options = {
        "check_forward_ad": True,
        "check_batched_grad": True,
        "check_batched_forward_grad": True,
        "check_grad_dtypes": True,
        "nondet_tol": 1e-12,
    }
    for fast in (False, True):
        assert gradcheck(lambda x, y: (x.exp() * y, x @ y), (x, y), fast_mode=fast, **options)
        assert gradgradcheck(
            lambda x, y: (x.exp() * y, x @ y),
            (x, y),
            fast_mode=fast,
            check_fwd_over_rev=True,
            check_batched_grad=True,
        )


def test_switches_that_contradict_each_other() -> None:
    x = leaf(1.0)
    for function, switches, words in (
        (gradcheck, {"check_backward_ad": False}, "at least one of check_forward_ad"),
        (gradcheck, {"check_batched_forward_grad": True}, "requires check_forward_ad"),
        (
            gradcheck,
            {"check_batched_grad": True, "check_backward_ad": False, "check_forward_ad": True},
            "requires check_backward_ad",
        ),
        (gradgradcheck, {"check_rev_over_rev": False}, "at least one of check_fwd_over_rev"),
        (
            gradgradcheck,
            {"check_rev_over_rev": False, "check_fwd_over_rev": True},
            "check_undefined_grad=True requires",
        ),
    ):
        with pytest.raises(AssertionError, match=words):
            function(lambda x: x.exp(), x, **switches)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_masked_leaves_out_nothing_of_a_dense_tensor(fast_mode: bool) -> None:
    assert gradcheck(lambda x: x * x, leaf(1.0), masked=True, fast_mode=fast_mode)
    assert gradgradcheck(lambda x: x**3, leaf(1.0), masked=True, fast_mode=fast_mode)
    with pytest.raises(pb.autograd.GradcheckError, match="Jacobian mismatch"):
        gradcheck(lambda x: x.detach() * x, leaf(1.0), masked=True, fast_mode=fast_mode)


class _Scaled(pb.autograd.Function):
    """x * x with wrong or odd derivatives: how, says ``kind``."""

    kind = ""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        (x,) = ctx.saved_tensors
        if _Scaled.kind == "reads" and gradient.sum() == 12345.0:
            return gradient
        return gradient * 2 * x

    @staticmethod
    def jvp(ctx: Any, tangent: Any) -> Any:
        (x,) = ctx.saved_tensors
        return tangent * (5 if _Scaled.kind == "forward" else 2 * x)


def test_what_only_the_options_find(monkeypatch: pytest.MonkeyPatch) -> None:
    x = leaf(0.5, 2.0)
    monkeypatch.setattr(_Scaled, "kind", "forward")
    assert gradcheck(_Scaled.apply, x)
    for fast in (False, True):
        with pytest.raises(GradcheckError, match="forward mode"):
            gradcheck(_Scaled.apply, x, check_forward_ad=True, fast_mode=fast)
    monkeypatch.setattr(_Scaled, "kind", "reads")
    assert gradcheck(_Scaled.apply, x)
    with pytest.raises(GradcheckError, match="While computing batched gradients"):
        gradcheck(_Scaled.apply, x, check_batched_grad=True)
    assert not gradcheck(_Scaled.apply, x, check_batched_grad=True, raise_exception=False)
