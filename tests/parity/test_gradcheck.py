"""gradcheck and gradgradcheck beside torch: which functions pass with which options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")


def custom(t: Any, forward: Callable[..., Any], backward: Callable[..., Any]) -> Any:
    """x * x with a derivative of one's own."""
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("Custom", (t.autograd.Function,), methods).apply


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

    calls = [0]

    def square(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    def two(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x, x * 3

    def two_not_materialized(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(False)
        return two(ctx, x)

    def right(ctx: Any, g: Any) -> Any:
        return g * 2 * ctx.saved_tensors[0]

    def two_right(ctx: Any, g: Any, h: Any) -> Any:
        return g * 2 * ctx.saved_tensors[0] + h * 3

    def reads(ctx: Any, g: Any) -> Any:
        return right(ctx, g) if g.sum() != 12345.0 else g

    def drifts(ctx: Any, g: Any) -> Any:
        calls[0] += 1
        return right(ctx, g) * (1 + 1e-7 * calls[0])

    def counts(x: Any) -> Any:
        calls[0] += 1
        return x * calls[0]

    def hook_on_none(x: Any) -> Any:
        def hook(g: Any) -> None:
            if g is None:
                raise RuntimeError("none")

        y = x.clone()
        y.register_hook(hook)
        return y

    def is_first(x: Any) -> bool:
        return bool((x >= 0.5).all())

    return {
        "exp": lambda x: x.exp(),
        "two": lambda x: (x.sin(), (x * x).sum()),
        "list": lambda x: [x.sin(), x * 2],
        "nothing": lambda x: (),
        "empty": lambda x: x[:0],
        "expanded": lambda x: x.sum().expand(3),
        "view": lambda x: x[:1],
        "in place": lambda x: x.clone().mul_(2),
        "constant": lambda x: x.detach() * 0 + 1.0,
        "integer": lambda x: x.long(),
        "right": custom(t, square, right),
        "two, right": custom(t, two, two_right),
        "wrong": Wrong.apply,
        "wrong for constants": lambda x: x.detach() * 2,
        "detached factor": lambda x: x * x.detach(),
        "detached and not": lambda x: (x.detach() * 2, x * 2),
        "reads": custom(t, square, reads),
        "drifts": custom(t, square, drifts),
        "counts": counts,
        "other shape": lambda x: t.cat([x, x]) if is_first(x) else x,
        "other shape, broadcast": lambda x: x.sum() if is_first(x) else x,
        "other dtype": lambda x: x.float() if is_first(x) else x * 1,
        "float32": lambda x: x.float(),
        "rounded": lambda x: x.float().double(),
        "kink": lambda x: (x - 0.5).abs(),
        "NaN": lambda x: x * float("nan"),
        "infinite": lambda x: x * float("inf"),
        "infinite slope": lambda x: (x - x.detach()).abs().sqrt(),
        "hook on None": hook_on_none,
        "raises": lambda x: t.ones(2) + t.ones(3),
        "scalar gradient": custom(t, square, lambda ctx, g: right(ctx, g).sum()),
        "gradient too long": custom(t, square, lambda ctx, g: t.ones(3, dtype=t.float64)),
        "gradient float32": custom(t, square, lambda ctx, g: right(ctx, g).float()),
        "gradient None": custom(t, square, lambda ctx, g: None),
        "gradient NaN": custom(t, square, lambda ctx, g: g * float("nan")),
        "gradient inf": custom(t, square, lambda ctx, g: g * float("inf")),
        "gradient flipped": custom(t, square, lambda ctx, g: right(ctx, g).flip(0)),
        "gradient constant": custom(t, square, lambda ctx, g: 2 * ctx.saved_tensors[0]),
        "one too many": custom(t, square, lambda ctx, g: (right(ctx, g), g)),
        "swapped": custom(t, two, lambda ctx, g, h: two_right(ctx, h, g)),
        "not for None": custom(t, two_not_materialized, two_right),
        "backward raises": custom(t, square, lambda ctx, g: t.ones(2) + t.ones(3)),
        "backward divides": custom(t, square, lambda ctx, g: 1 / 0),
    }


# What torch stumbles over in its own code, or lets pass by accident, with what happens here.
REFUSED: dict[str, tuple[Callable[..., Any], type[Exception]]] = {
    "fewer outputs": (lambda x: (x, x) if bool((x >= 0.5).all()) else (x,), AssertionError),
    "more outputs": (lambda x: (x,) if bool((x >= 0.5).all()) else (x, x), AssertionError),
    "None": (lambda x: None, TypeError),
    "None among others": (lambda x: (x * 1, None), TypeError),
    "number": (lambda x: 3.0, TypeError),
    "mapping": (lambda x: {"a": x * 1}, TypeError),
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
# torch fails over them in its own code.
UNEQUAL_IN_FAST_MODE = {"integer", "wrong for constants", "float32"}


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_gradcheck(name: str, options: dict[str, Any]) -> None:
    ours = outcome(pb, "gradcheck", name, options)
    if options.get("fast_mode") and name in UNEQUAL_IN_FAST_MODE:
        assert ours == outcome(pb, "gradcheck", name, {**options, "fast_mode": False})
    else:
        assert ours == outcome(torch, "gradcheck", name, options)


SECOND_NAMES = [
    name for name in NAMES if name not in ("nothing", "constant", "integer", "wrong for constants")
]


@pytest.mark.parametrize("options", SECOND, ids=str)
@pytest.mark.parametrize("name", SECOND_NAMES)
def test_gradgradcheck(name: str, options: dict[str, Any]) -> None:
    ours, theirs = (outcome(t, "gradgradcheck", name, options) for t in (pb, torch))
    if options.get("fast_mode") and name in ("float32", "other dtype"):
        assert (ours[0], theirs[0]) == ("GradcheckError", "RuntimeError")  # dtypes did not match
    else:
        assert ours == theirs


@pytest.mark.parametrize("api", ["gradcheck", "gradgradcheck"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_checked(name: str, api: str) -> None:
    function, error = REFUSED[name]
    x = pb.tensor([0.5, 2.0], dtype=pb.float64, requires_grad=True)
    with pytest.raises((error, RuntimeError) if api == "gradgradcheck" else error):
        getattr(pb.autograd, api)(function, (x,))


def test_a_second_derivative_of_nothing() -> None:
    x = pb.ones(2, dtype=pb.float64, requires_grad=True)
    with pytest.raises(ValueError, match="no output of func requires a gradient"):
        pb.autograd.gradgradcheck(lambda x: x.detach(), (x,))
