"""The functions of ``masked`` beside PyTorch's: values, gradients, dtypes, hidden NaN, errors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")
MASKED = pytest.importorskip("torch.masked")

ERRORS = (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError, AssertionError)
X = [[1.5, -2.0, 0.25, 3.0], [0.5, 0.5, -1.0, 2.0], [2.5, 1.0, -3.0, -0.75]]
MASKS: dict[str, Callable[[Any], Any]] = {
    "none": lambda t: None,
    "whole": lambda t: t.tensor(
        [[True, False, True, True], [False, False, False, False], [True, True, True, True]]
    ),
    "columns": lambda t: t.tensor([True, False, True, False]),
    "rows": lambda t: t.tensor([[True], [False], [True]]),
    "one": lambda t: t.tensor(True),
    "bytes": lambda t: t.tensor([1, 0, 2, 0], dtype=t.uint8),
    "deep": lambda t: t.ones(1, 3, 4, dtype=t.bool),
    "misfit": lambda t: t.ones(3, dtype=t.bool),
}
REDUCTIONS = ["sum", "prod", "amax", "amin", "mean", "norm", "var", "std", "logsumexp"]
ALONG = ["softmax", "log_softmax", "softmin", "cumsum", "cumprod", "median", "argmax", "argmin"]


def calls() -> dict[str, Callable[[Any, Any, Any], Any]]:
    """Each takes the library, a tensor and a mask."""
    found: dict[str, Callable[[Any, Any, Any], Any]] = {}
    for name in REDUCTIONS:
        for dim in (None, 0, 1, -1, (0, 1), (), (0, 0), 2):
            for keepdim in (False, True):
                found[f"{name} {dim} {keepdim}"] = lambda t, x, m, n=name, d=dim, k=keepdim: (
                    getattr(t.masked, n)(x, dim=d, keepdim=k, mask=m)
                )
    for name in ALONG:
        for dim in (0, -1, 2):
            found[f"{name} {dim}"] = lambda t, x, m, n=name, d=dim: getattr(t.masked, n)(
                x, d, mask=m
            )
    for name in ("argmax", "argmin"):
        found[f"{name} all"] = lambda t, x, m, n=name: getattr(t.masked, n)(x, mask=m)
    for order in (0, 1, 3.0, float("inf"), -float("inf")):
        found[f"norm of {order}"] = lambda t, x, m, o=order: t.masked.norm(x, o, 1, mask=m)
    for order in (1.0, 2.0, float("inf")):
        found[f"normalize {order}"] = lambda t, x, m, o=order: t.masked.normalize(x, o, 1, mask=m)
    found["biased"] = lambda t, x, m: t.masked.var(x, 1, False, mask=m)
    found["correction"] = lambda t, x, m: t.masked.std(x, 1, correction=2, mask=m)
    found["both"] = lambda t, x, m: t.masked.std(x, 1, True, correction=2, mask=m)
    found["logaddexp"] = lambda t, x, m: t.masked.logaddexp(x, x.flip(0), input_mask=m)
    found["logaddexp both"] = lambda t, x, m: t.masked.logaddexp(
        x, x.flip(0), input_mask=m, other_mask=m
    )
    return found


CALLS = calls()


def result(call: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call()
        except ERRORS as error:
            return type(error).__name__


def same(ours: Any, theirs: Any, what: str) -> None:
    if isinstance(theirs, str) or isinstance(ours, str):
        assert ours == theirs, what
        return
    assert str(ours.dtype) == str(theirs.dtype), what
    assert tuple(ours.shape) == tuple(theirs.shape), what
    if str(ours.dtype) in ("torch.bfloat16", "torch.float16"):
        ours, theirs = ours.float(), theirs.float()
    wanted, found = theirs.detach().tolist(), ours.detach().tolist()
    tolerance = 1e-2 if "16" in what else 1e-5
    flat = torch.tensor(wanted).reshape(-1).tolist()
    assert torch.tensor(found).reshape(-1).tolist() == pytest.approx(
        flat, rel=tolerance, abs=1e-6, nan_ok=True
    ), what


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients(name: str, mask: str) -> None:
    call = CALLS[name]
    found = []
    for t in (pb, torch):
        x = t.tensor(X, dtype=t.float64, requires_grad=True)
        value = result(lambda t=t, x=x: call(t, x, MASKS[mask](t)))
        slope = value
        # A count of elements has no derivative here, in PyTorch one that is 0.
        if not isinstance(value, str) and value.requires_grad and name != "norm of 0":
            weight = t.arange(1.0, value.numel() + 1, dtype=t.float64).reshape(value.shape)
            finite = t.where(value.detach().isfinite(), weight, t.zeros_like(weight))
            slope = t.autograd.grad(value, x, finite)[0]
        found.append((value, slope))
    if mask in ("deep", "misfit") and isinstance(found[1][0], str):
        assert isinstance(found[0][0], str)  # which of two wrong arguments comes first
        return
    if name.startswith("arg") and not isinstance(found[1][0], str):
        assert found[0][0].dtype == pb.int64  # in PyTorch the dtype of the input
        assert found[0][0].tolist() == found[1][0].long().tolist()
        return
    same(found[0][0], found[1][0], "value")
    if not isinstance(found[1][1], str) and not bool(found[1][1].isnan().any()):
        same(found[0][1], found[1][1], "gradient")


DTYPES = ["float32", "bfloat16", "float16", "int64", "int8", "uint8", "bool", "complex64"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*REDUCTIONS, *ALONG, "logaddexp"])
def test_dtypes(name: str, dtype: str) -> None:
    for mask in ("none", "whole", "columns"):

        def value(t: Any, mask: str = mask) -> Any:
            x = t.tensor(X).abs().to(getattr(t, dtype))
            m = MASKS[mask](t)
            if name == "logaddexp":
                return t.masked.logaddexp(x, x, input_mask=m)
            return getattr(t.masked, name)(x, 1, mask=m)

        ours, theirs = result(lambda: value(pb)), result(lambda: value(torch))
        if name.startswith("arg") and not isinstance(theirs, str):
            theirs = theirs.long()
        if dtype == "bool" and name in ("var", "std"):
            assert theirs == "RuntimeError"  # from a difference of bools
            continue
        same(ours, theirs, f"{name} {dtype} {mask}")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("name", [*REDUCTIONS, *ALONG])
def test_dtype_of_the_result(name: str, dtype: str) -> None:
    def value(t: Any) -> Any:
        x = t.tensor(X)
        return getattr(t.masked, name)(
            x, 1, dtype=getattr(t, dtype), mask=t.tensor([True, False, True, True])
        )

    same(result(lambda: value(pb)), result(lambda: value(torch)), f"{name} {dtype}")


def test_what_is_hidden_reaches_no_gradient() -> None:
    """Also NaN and infinities; PyTorch's var and std make them NaN there."""
    mask = pb.tensor([True, True, False, False])
    for name in [*REDUCTIONS, "softmax", "cumsum", "softmin"]:
        x = pb.tensor([1.0, 2.0, float("nan"), float("inf")], requires_grad=True)
        found = getattr(pb.masked, name)(x, 0, mask=mask)
        shown = pb.tensor([1.0, 2.0], requires_grad=True)
        other = getattr(pb.masked, name)(shown, 0)
        slope = pb.autograd.grad(found.reshape(-1)[:2].square().sum(), x)[0]
        alone = pb.autograd.grad(other.square().sum(), shown)[0]
        assert slope.tolist() == pytest.approx([*alone.tolist(), 0, 0], rel=1e-6), name


def test_numbers_without_dimensions_and_empty_ones() -> None:
    for name in [*REDUCTIONS, "softmax", "cumsum"]:
        for shape in ((), (0,), (2, 0)):

            def value(t: Any, name: str = name, shape: tuple[int, ...] = shape) -> Any:
                return getattr(t.masked, name)(t.ones(shape), -1, mask=t.tensor(True))

            same(result(lambda v=value: v(pb)), result(lambda v=value: v(torch)), f"{name} {shape}")


def test_derivatives_of_every_order_and_batches() -> None:
    x = pb.tensor(X, dtype=pb.float64, requires_grad=True)
    mask = MASKS["columns"](pb)
    for name in ("sum", "prod", "mean", "norm", "var", "std", "logsumexp", "softmax"):
        function = getattr(pb.masked, name)
        assert pb.autograd.gradgradcheck(lambda v, f=function: f(v, -1, mask=mask), x)
        rows = pb.func.vmap(lambda v, f=function: f(v, -1, mask=mask))(x)
        assert pb.allclose(rows, function(x, -1, mask=mask))


def test_masked_tensors_are_refused_with_the_way_out() -> None:
    with pytest.raises(AttributeError, match="mask="):
        _ = pb.masked.MaskedTensor
