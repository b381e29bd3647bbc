"""Dtypes taken or refused: weights of losses, factors of einsum, few complex numbers."""

from __future__ import annotations

import re
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")


def outcome(text: str, lib: Any) -> Any:
    """Dtypes, shapes and values of what a line gives, or its error."""
    try:
        found = eval(text, {"t": lib, "F": lib.nn.functional})
    except Exception as error:  # noqa: BLE001 - compared
        return type(error).__name__, re.split(r"[.:] ", str(error))[0]
    parts = found if isinstance(found, (tuple, list)) else [found]
    return [
        (str(x.dtype).split(".")[-1], tuple(x.shape), repr(x.detach().flatten().tolist()))
        for x in parts
    ]


SCORES = "t.ones(3, 4, dtype=t.float64), t.tensor([0, 1, 2]), 1, 1.0"
HALVES = "t.tensor([0.5, 0.5]), t.tensor([0.5, 0.5])"
COMPLEX = "t.tensor([1 + 1j, 2])"
NO = "t.zeros({}, dtype=t.complex128)"
ONE = "t.tensor(1 + 2j)"


@pytest.mark.parametrize(
    "text",
    [
        # A weight of another dtype; the imaginary part was dropped.
        f"F.multi_margin_loss({SCORES}, t.ones(4))",
        f"F.multi_margin_loss({SCORES}, t.ones(4, dtype=t.complex128))",
        f"F.multi_margin_loss({SCORES}, t.ones(4, dtype=t.int64))",
        f"F.multi_margin_loss({SCORES}, t.ones(4, dtype=t.float64))",
        f"F.multi_margin_loss({SCORES}, t.ones(3, dtype=t.float64))",
        f"F.multi_margin_loss({SCORES}, t.ones(5, dtype=t.float64))",
        f"F.binary_cross_entropy({HALVES}, {COMPLEX})",
        f"F.binary_cross_entropy({HALVES}, t.tensor(1 + 1j))",
        f"F.binary_cross_entropy({HALVES}, t.tensor([1, 2]))",
        f"F.binary_cross_entropy_with_logits({HALVES}, {COMPLEX})",
        f"F.binary_cross_entropy_with_logits({HALVES}, pos_weight={COMPLEX})",
        f"F.binary_cross_entropy_with_logits({HALVES}, pos_weight=t.tensor([1, 2]))",
        # Losses of complex numbers.
        "F.soft_margin_loss(t.tensor([0.5j, 1j]), t.tensor([1j, -1j]))",
        "F.soft_margin_loss(t.tensor([0.5j, 1j]), t.tensor([1.0, -1.0]))",
        "F.soft_margin_loss(t.tensor([1.0, -1.0]), t.tensor([0.5j, 1j]))",
        "F.soft_margin_loss(t.tensor([1, -1]), t.tensor([1, 1]))",
        "F.kl_div(t.tensor([1j]), t.tensor([1j]))",
        # Where nothing is summed einsum multiplies, which promotes.
        "t.einsum('i,j->ij', t.ones(2), t.ones(3).double() * 2)",
        "t.einsum('i,j->ij', t.ones(2), t.ones(3) * 2j)",
        "t.einsum('i,i->i', t.ones(2).int(), t.ones(2).double())",
        "t.einsum('i,j->', t.ones(2).int(), t.ones(2).double())",
        "t.einsum('i,j->i', t.ones(2).int(), t.ones(2).double())",
        "t.einsum('i,i->', t.ones(1).int(), t.ones(2).double())",
        "t.einsum('i,i->', t.ones(2).int(), t.ones(2).double())",
        "t.einsum('ij,jk->ik', t.ones(2, 3), t.ones(3, 2).double())",
        "t.einsum('i,j,k->ijk', t.ones(2).int(), t.ones(2).double(), t.ones(3))",
        # None to be compared, or one.
        *(f"t.{name}({ONE}, 0)" for name in ("cummax", "cummin", "mode")),
        *(f"t.{name}({NO.format('0, 3')}, 0)" for name in ("cummax", "cummin")),
        *(f"t.{name}({NO.format('0, 3')}, 1)" for name in ("cummax", "mode", "amax", "amin")),
        *(f"t.{name}({NO.format('3, 0')}, 1)" for name in ("cummin", "mode", "amax", "amin")),
        *(f"t.{name}({NO.format('0, 3')}, 1, keepdim=True)" for name in ("mode", "amax")),
        *(f"t.{name}({NO.format('0, 3')})" for name in ("median", "nanmedian", "amax")),
        *(f"t.{name}({NO.format('0')}.requires_grad_())" for name in ("median", "nanmedian")),
        f"t.kthvalue({ONE}, 1, 0)",
        f"t.kthvalue({ONE}, 2, 0)",
        f"t.kthvalue({NO.format('0, 3')}, 1, 1)",
        f"t.median({ONE}, 0)",
        f"t.cummax({ONE}.requires_grad_(), 0)",
        f"t.mode({ONE}.requires_grad_(), 0)",
        f"t.amax({NO.format('0, 3')}.requires_grad_(), 1)",
        "t.cummax(t.tensor([1j, 2]), 0)",
        "t.mode(t.tensor([1j, 2]), 0)",
        "t.amax(t.tensor([1j, 2]), 0)",
        f"t.searchsorted({NO.format('3')}, {NO.format('0')})",
        f"t.bucketize({NO.format('0')}, t.zeros(3), out_int32=True)",
        f"t.searchsorted({NO.format('0')}, {NO.format('3')})",
    ],
)
def test_dtypes_are_taken_and_refused_as_in_torch(text: str) -> None:
    ours, theirs = outcome(text, pb), outcome(text, torch)
    if isinstance(theirs, list) and isinstance(ours, list):
        assert [each[:2] for each in ours] == [each[:2] for each in theirs]
        for a, b in zip(ours, theirs, strict=True):
            assert eval(a[2], {"nan": float("nan")}) == pytest.approx(
                eval(b[2], {"nan": float("nan")}), rel=1e-6, nan_ok=True
            )
    else:
        assert ours == theirs


def test_out_of_few_complex_numbers() -> None:
    values, places = pb.zeros((), dtype=pb.complex128), pb.ones((), dtype=pb.int64)
    pb.cummax(pb.tensor(1 + 2j, dtype=pb.complex128), 0, out=(values, places))
    assert values.item() == 1 + 2j
    assert places.item() == 0


def test_gradients_of_factors_of_two_dtypes() -> None:
    for lib in (pb, torch):
        x = lib.ones(2, requires_grad=True)
        y = lib.full((3,), 2.0, dtype=lib.float64, requires_grad=True)
        lib.einsum("i,j->ij", x, y).sum().backward()
        assert (x.grad.tolist(), y.grad.tolist()) == ([6.0] * 2, [2.0] * 3)
        assert str(x.grad.dtype).endswith("float32")
