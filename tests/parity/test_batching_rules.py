"""Every operator of the table inside vmap, beside PyTorch: what it batches, we batch alike.

What PyTorch gets wrong or takes for another thing stands in the table below, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pullback as pb
from batches import REFUSED, batchings, forms, in_dims, stacked, tensors_of
from samples import Sample
from table import TORCH_OPS, Case, Op, each, same, torch_cases

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

# Samples of which some way to batch gives other values.
OTHER_VALUES = {
    "roll(x(), 1)": "PyTorch rolls the batch",
    "as_strided_(c(3,4), (2,3), (4,1))": "PyTorch gives the tensor as it was",
    "as_strided_(c(3,4), (3,3), (1,2), 1)": "the same",
    "as_strided_(c(4), (2,2), (0,1))": "the same",
    "solve(x(2,3,3), x(3))": "PyTorch takes the vectors of a batch for a matrix, or for columns",
    "index_fill(x(3,4), 0, i(2, high=3), x())": "PyTorch fills with the first example's value",
    "index_fill(xs(3,4), 1, i(2, high=4), x())": "the same",
}
# PyTorch resizes the tensor of all examples, and loops for set_.
EXCHANGES_MEMORY = {"set_", "resize_", "resize_as_"}
OTHER_IN_PLACE = {
    "addbmm(x(5), x(2,3,4), x(2,4,5), beta=0.5, alpha=2)": "PyTorch gives the tensor a new shape",
}
SHAPES_ONLY = {op.id for op in TORCH_OPS if op.random or op.name in ("empty_like", "new_empty")}

Outcome = tuple[str, Any]


def outcome(lib: Any, op: Op, sample: Sample, where: dict[int, int], form: Any) -> Outcome:
    call = tensors_of(op, lib, sample, form)
    vmap = lib.func.vmap(call, in_dims(sample, where), randomness="different")
    try:
        return "ok", [np.asarray(t.numpy()) for t in vmap(*stacked(lib, sample, where))]
    except (RuntimeError, NotImplementedError, TypeError, IndexError, ValueError) as error:
        return type(error).__name__, str(error).split(".")[0]


def compare(op: Op, ours: Outcome, theirs: Outcome) -> None:
    if theirs[0] != "ok":
        return
    assert ours[0] == "ok", f"PyTorch batches it, we say {ours}"
    assert len(ours[1]) == len(theirs[1])
    for k, (a, b) in enumerate(zip(ours[1], theirs[1], strict=True)):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        if op.id not in SHAPES_ONLY:
            # The batch is the first dimension, so those of a vector are counted from the end.
            found = op.checks.settled(a, b, k)
            same(found, b, *op.checks.tolerance.get("float64", (1e-5, 1e-7)))


def is_of_memory(case: Case) -> bool:
    return case.op.name == "result_type" or case.op.name in EXCHANGES_MEMORY


def names(case: Case) -> set[str]:
    return {case.op.name, f"{case.op.name}({case.sample})"}


def has_other_values(case: Case) -> bool:
    return bool(names(case) & set(OTHER_VALUES))


def is_not_compared(case: Case) -> bool:
    return is_of_memory(case) or has_other_values(case) or not case.sample.leaves


def calls(case: Case) -> Iterator[tuple[str, Outcome, Outcome]]:
    """What comes of every way to batch in every form: its name, ours, PyTorch's."""
    op, sample = case.op, case.sample
    theirs = forms(op, torch)
    for where in batchings(sample):
        for name, form in forms(op, pb).items():
            ours = outcome(pb, op, sample, where, form)
            yield name, ours, outcome(torch, op, sample, where, theirs[name])


@each(torch_cases(dtypes=("float64",), but=is_not_compared))
def test_what_pytorch_batches(case: Case) -> None:
    compared = 0
    for name, ours, theirs in calls(case):
        if name == "in place" and names(case) & set(OTHER_IN_PLACE):
            continue
        compare(case.op, ours, theirs)
        compared += 1
    assert compared


@pytest.mark.parametrize("sample", OTHER_VALUES)
def test_what_has_other_values(sample: str) -> None:
    """What PyTorch batches, we batch, and some of it differs."""
    found = []
    for case in (c for c in torch_cases(dtypes=("float64",)) if sample in names(c)):
        for _, ours, theirs in calls(case):
            assert ours[0] == "ok" or theirs[0] != "ok"
            try:
                compare(case.op, ours, theirs)
            except AssertionError:
                found.append(sample)
    assert found


@each([c for c in torch_cases(dtypes=("float64",), but=is_of_memory) if c.op.name in REFUSED])
def test_refusals(case: Case) -> None:
    """The same type, and the same words up to the name of the operator inside."""
    op, sample = case.op, case.sample
    compared = 0
    for where in batchings(sample):
        for name, form in forms(op, pb).items():
            ours = outcome(pb, op, sample, where, form)
            theirs = outcome(torch, op, sample, where, forms(op, torch)[name])
            compared += 1
            if theirs[0] == "ok" or "nonzero_numpy" in theirs[1]:
                continue
            assert ours[0] == theirs[0]
            assert ours[1][:40] == theirs[1][:40]
    assert compared
