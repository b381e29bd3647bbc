"""gradcheck and gradgradcheck beside torch: which functions pass with which options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")


def functions(t: Any) -> dict[str, Callable[..., Any]]:
    class Wrong(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * x

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return gradient * 3

        @staticmethod
        def jvp(ctx: Any, tangent: Any) -> Any:
            return tangent * 5

    class Reads(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            (x,) = ctx.saved_tensors
            return gradient * 2 * x if gradient.sum() != 12345.0 else gradient

    calls = [0]

    class Drifts(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            calls[0] += 1
            return gradient * (1 + 1e-7 * calls[0])

    return {
        "exp": lambda x: x.exp(),
        "two": lambda x: (x.sin(), (x * x).sum()),
        "constant": lambda x: x.detach() * 0 + 1.0,
        "integer": lambda x: x.long(),
        "wrong": Wrong.apply,
        "wrong for constants": lambda x: x.detach() * 2,
        "detached factor": lambda x: x * x.detach(),
        "reads": Reads.apply,
        "drifts": Drifts.apply,
    }


OPTIONS: list[dict[str, Any]] = [
    {},
    {"fast_mode": True},
    {"check_forward_ad": True},
    {"check_forward_ad": True, "check_backward_ad": False, "fast_mode": True},
    {"check_batched_grad": True},
    {"check_forward_ad": True, "check_batched_forward_grad": True},
    {"check_backward_ad": False},
    {"check_batched_forward_grad": True},
    {"check_batched_grad": True, "check_backward_ad": False, "check_forward_ad": True},
    {"nondet_tol": 1e-5},
    {"check_undefined_grad": False},
    {"check_grad_dtypes": True},
    {"raise_exception": False},
    {"atol": 10.0, "rtol": 10.0},
]
SECOND: list[dict[str, Any]] = [
    {},
    {"fast_mode": True},
    {"check_fwd_over_rev": True},
    {"check_fwd_over_rev": True, "check_rev_over_rev": False},
    {"check_fwd_over_rev": True, "check_rev_over_rev": False, "check_undefined_grad": False},
    {"check_rev_over_rev": False},
    {"check_batched_grad": True},
    {"gen_non_contig_grad_outputs": True},
]


def outcome(t: Any, api: str, name: str, options: dict[str, Any]) -> Any:
    x = t.tensor([0.5, 2.0], dtype=t.float64, requires_grad=True)
    try:
        return getattr(t.autograd, api)(functions(t)[name], (x,), **options)
    except Exception as error:  # noqa: BLE001 - whatever torch raises is compared
        return type(error).__name__, str(error).split(",")[0].split("\n")[0][:40]


NAMES = list(functions(pb))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_gradcheck(name: str, options: dict[str, Any]) -> None:
    if options.get("fast_mode") and name in ("integer", "wrong for constants"):
        return  # torch fails over them in its own code
    assert outcome(pb, "gradcheck", name, options) == outcome(torch, "gradcheck", name, options)


@pytest.mark.parametrize("options", SECOND, ids=str)
@pytest.mark.parametrize("name", ["exp", "two", "detached factor", "wrong"])
def test_gradgradcheck(name: str, options: dict[str, Any]) -> None:
    ours, theirs = (outcome(t, "gradgradcheck", name, options) for t in (pb, torch))
    assert ours == theirs
