"""Warnings of losses and modules beside torch: category, words, and the line of the user.

torch points to a line of its own where a module calls the function; here it is the user's in every
case, and of a message that torch has changed over time the beginning is compared.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")


def pairs(name: str, **kwargs: Any) -> Callable[[Any], Any]:
    return lambda t: getattr(t.nn.functional, name)(t.ones(4, 1), t.zeros(4), **kwargs)


def like(name: str, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    return lambda t: getattr(t.nn.functional, name)(t.ones(4) / 2, t.ones(4), *args, **kwargs)


CASES: dict[str, Callable[[Any], Any]] = {
    "mse_loss broadcasts": pairs("mse_loss"),
    "l1_loss broadcasts": pairs("l1_loss", reduction="sum"),
    "smooth_l1_loss broadcasts": pairs("smooth_l1_loss", reduction="none"),
    "smooth_l1_loss broadcasts, beta 0": pairs("smooth_l1_loss", beta=0.0),
    "huber_loss broadcasts": pairs("huber_loss", delta=0.5),
    "mse_loss of sizes that do not fit": lambda t: t.nn.functional.mse_loss(t.ones(2), t.ones(3)),
    "mse_loss of equal sizes": like("mse_loss"),
    "MSELoss broadcasts": lambda t: t.nn.MSELoss()(t.ones(4, 1), t.zeros(4)),
    "HuberLoss broadcasts": lambda t: t.nn.HuberLoss()(t.ones(4, 1), t.zeros(4)),
    "kl_div mean": like("kl_div"),
    "kl_div sum": like("kl_div", reduction="sum"),
    "kl_div batchmean": like("kl_div", reduction="batchmean"),
    "kl_div size_average": like("kl_div", size_average=True),
    "KLDivLoss": lambda t: t.nn.KLDivLoss()(t.zeros(2, 3), t.ones(2, 3)),
    "mse_loss size_average": like("mse_loss", size_average=True),
    "mse_loss size_average=False": like("mse_loss", False),
    "l1_loss reduce=False": like("l1_loss", reduce=False),
    "both": like("binary_cross_entropy", None, False, True),
    "nll_loss": lambda t: t.nn.functional.nll_loss(
        t.ones(2, 3), t.zeros(2, dtype=t.int64), reduce=True
    ),
    "cross_entropy": lambda t: t.nn.functional.cross_entropy(
        t.ones(2, 3), t.zeros(2, dtype=t.int64), size_average=False
    ),
    "MSELoss size_average": lambda t: t.nn.MSELoss(size_average=True),
    "CrossEntropyLoss reduce": lambda t: t.nn.CrossEntropyLoss(reduce=False),
    "Linear of no features": lambda t: t.nn.Linear(0, 3),
}


def given(t: Any, case: Callable[[Any], Any]) -> tuple[Any, list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = case(t)
        except (RuntimeError, ValueError) as error:
            return type(error).__name__, caught
    return result.tolist() if isinstance(result, t.Tensor) else None, caught


@pytest.mark.parametrize("name", CASES)
def test_the_same_warning(name: str) -> None:
    ours, caught = given(pb, CASES[name])
    theirs, wanted = given(torch, CASES[name])
    if isinstance(theirs, (float, list)):
        np.testing.assert_allclose(ours, theirs, 1e-6)
    else:
        assert ours == theirs
    assert [w.category for w in caught] == [w.category for w in wanted]
    for our, their in zip(caught, wanted, strict=True):
        first = str(their.message).replace("'batchmean'", " 'batchmean'", 1)[:120]
        assert str(our.message)[: len(first)] == first
        code = inspect.unwrap(CASES[name]).__code__
        lines = {line for _, _, line in code.co_lines() if line}
        assert our.filename == code.co_filename
        assert our.lineno in lines


def test_a_warning_that_is_an_error_stops_the_call() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = pb.ones(4, 1, requires_grad=True)
        with pytest.raises(UserWarning, match="target size"):
            pb.nn.functional.mse_loss(x, pb.zeros(4))
        assert (x + 1).requires_grad


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_derivatives_where_sizes_broadcast(name: str, reduction: str) -> None:
    def derivatives(t: Any) -> list[Any]:
        t.manual_seed(0)
        x = t.rand(3, 4, dtype=t.float64, requires_grad=True)
        y = t.rand(4, dtype=t.float64, requires_grad=True)
        with pytest.warns(UserWarning, match="target size"):
            loss = getattr(t.nn.functional, name)(x, y, reduction=reduction)
        first = t.autograd.grad((loss * loss).sum(), (x, y), create_graph=True)
        second = t.autograd.grad(sum((g * g).sum() for g in first), (x, y))
        return [loss.tolist(), *[g.tolist() for g in (*first, *second)]]

    for ours, theirs in zip(derivatives(pb), derivatives(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-7, 1e-7)
