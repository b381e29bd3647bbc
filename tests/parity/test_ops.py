"""Every row of the operator table beside PyTorch: the same samples, the same everything.

Values, dtypes, shapes, strides, names of nodes, first and second gradients, what the in-place form
does, the types of exceptions, and the promotion of every pair of dtypes. What differs on purpose
stands in the tables below, each with its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from samples import DTYPES, Leaf, Sample
from table import OPS, Op, about, array, differentiable, results, same, weights

import pullback as pb

torch = pytest.importorskip("torch")

# Values that are drawn or left over: only dtype and shape are compared.
UNFILLED = {"empty", "empty_like", "new_empty"}

# Rows that PyTorch does not have under this name.
OURS: dict[str, str] = {}

# Samples that PyTorch refuses or gets wrong.
REFUSED_BY_TORCH: dict[str, str] = {}

# Names of nodes that differ.
OTHER_NODES: dict[str, str] = {}

# Strides that differ.
OTHER_STRIDES: dict[str, str] = {}

# Exceptions of another type.
OTHER_ERRORS: dict[str, str] = {}


def every(*flags: str) -> Any:
    rows = [op for op in OPS if all(getattr(op, f) for f in flags) and op.name not in OURS]
    return pytest.mark.parametrize("op", rows, ids=lambda op: op.id)


def dtype_name(tensor: Any) -> str:
    return str(tensor.dtype).split(".")[-1]


def close(ours: Any, theirs: Any, what: str = "") -> None:
    tolerance = (1.3e-6, 1e-5) if "float32" in dtype_name(ours) else (1e-7, 1e-7)
    same(array(ours), array(theirs), *tolerance, what=what)


def plain(value: Any) -> Any:
    """What is compared of a result that is no tensor."""
    return str(value).split(".")[-1] if "dtype" in type(value).__name__ else value


@every()
def test_values_dtypes_and_strides(op: Op) -> None:
    for sample in op.samples:
        if f"{op.name}({sample})" in REFUSED_BY_TORCH:
            continue
        with about(op, sample):
            ours = op.of_tensors(pb, sample)(*sample.tensors(pb))
            theirs = op.of_tensors(torch, sample)(*sample.tensors(torch))
            left, right = results(pb, ours), results(torch, theirs)
            assert len(left) == len(right)
            if not left:
                assert plain(ours) == plain(theirs)
            for a, b in zip(left, right, strict=True):
                assert (dtype_name(a), tuple(a.shape)) == (dtype_name(b), tuple(b.shape))
                assert a.requires_grad == b.requires_grad
                if op.id not in OTHER_STRIDES and a.numel() > 1:
                    assert a.stride() == b.stride()
                    assert a.storage_offset() == b.storage_offset()
                if op.name not in UNFILLED and not op.random:
                    close(a, b)


@every("differentiable")
def test_names_of_nodes(op: Op) -> None:
    if op.id in OTHER_NODES:
        return
    for sample in op.samples:
        if f"{op.name}({sample})" in REFUSED_BY_TORCH:
            continue
        with about(op, sample):
            ours = differentiable(pb, op.of_tensors(pb, sample)(*sample.tensors(pb)))
            theirs = differentiable(torch, op.of_tensors(torch, sample)(*sample.tensors(torch)))
            for a, b in zip(ours, theirs, strict=True):
                left = a.grad_fn and a.grad_fn.name()
                right = b.grad_fn and b.grad_fn.name()
                assert left == right
                assert a.output_nr == b.output_nr


def two_orders(lib: Any, op: Op, sample: Sample) -> list[np.ndarray]:
    """Gradients of a weighted sum of the results, and of a weighted sum of these gradients."""
    tensors = sample.tensors(lib)
    inputs = [t for t in tensors if t.requires_grad]
    outputs = differentiable(lib, op.of_tensors(lib, sample)(*tensors))
    if not outputs:
        return []
    seeds = [weights(lib, o) for o in outputs]
    first = lib.autograd.grad(outputs, inputs, seeds, create_graph=True, allow_unused=True)
    found = [zeros_or(g, i) for g, i in zip(first, inputs, strict=True)]
    again = [g for g in first if g is not None and g.requires_grad]
    if again:
        seeds = [weights(lib, g, seed=5) for g in again]
        second = lib.autograd.grad(again, inputs, seeds, allow_unused=True)
        found += [zeros_or(g, i) for g, i in zip(second, inputs, strict=True)]
    else:
        found += [np.zeros(tuple(i.shape)) for i in inputs]
    return found


def zeros_or(gradient: Any, like: Any) -> np.ndarray:
    return np.zeros(tuple(like.shape)) if gradient is None else array(gradient)


@every("differentiable")
def test_gradients_of_both_orders(op: Op) -> None:
    if op.random:
        return
    for sample in op.samples:
        if f"{op.name}({sample})" in REFUSED_BY_TORCH:
            continue
        with about(op, sample):
            ours, theirs = two_orders(pb, op, sample), two_orders(torch, op, sample)
            in_float32 = "float32" in sample.text
            tolerance = (1.3e-6, 1e-5) if in_float32 else (1e-7, 1e-7)
            for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
                same(a, b, *tolerance, what=f"gradient {k}")


# --- exceptions ---


def outcome(lib: Any, op: Op, sample: Sample) -> Any:
    try:
        out = op.of_tensors(lib, sample)(*sample.tensors(lib))
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
        return type(error).__name__
    return [tuple(each.shape) for each in results(lib, out)]


def with_ints(sample: Sample, number: int) -> Sample:
    def swap(value: Any) -> Any:
        return number if type(value) is int else value

    kwargs = {name: swap(value) for name, value in sample.kwargs.items()}
    return Sample(f"{sample} [ints {number}]", tuple(map(swap, sample.args)), kwargs)


def ravelled(leaf: Leaf) -> Leaf:
    return replace(leaf, array=np.zeros((7,), dtype=leaf.array.dtype))


def integral(leaf: Leaf) -> Leaf:
    return replace(leaf, array=leaf.array.astype(np.int64), grad=False)


def truth(leaf: Leaf) -> Leaf:
    return replace(leaf, array=leaf.array > 0, grad=False)


CHANGES: dict[str, Callable[[Sample], Sample]] = {
    "numbers out of range": lambda s: with_ints(s, 99),
    "negative numbers": lambda s: with_ints(s, -99),
    "seven elements": lambda s: s.with_leaves(ravelled, "(7,)"),
    "integers": lambda s: s.with_leaves(integral, "int64"),
    "bools": lambda s: s.with_leaves(truth, "bool"),
}


@pytest.mark.parametrize("change", CHANGES)
@every()
def test_the_same_things_are_refused(op: Op, change: str) -> None:
    if op.factory or f"{op.id}: {change}" in OTHER_ERRORS:
        return
    for sample in op.samples:
        changed = CHANGES[change](sample)
        with about(op, changed):
            assert outcome(pb, op, changed) == outcome(torch, op, changed)


# --- promotion ---


def two_operands(op: Op) -> bool:
    return op.inplace and any(
        len(s.args) == 2 and not s.kwargs and all(isinstance(a, Leaf) for a in s.args)
        for s in op.samples
    )


def typed(lib: Any, call: Callable[..., Any], *arguments: Any) -> Any:
    try:
        out = call(*arguments)
    except (RuntimeError, NotImplementedError, TypeError) as error:
        return type(error).__name__
    return dtype_name(out)


def operand(lib: Any, form: str, dtype: str) -> Any:
    if form == "number":
        return {"bool": True, "int64": 2, "float32": 2.5}[dtype]
    return lib.tensor([1, 1] if form == "vector" else 1, dtype=getattr(lib, dtype))


@pytest.mark.parametrize("op", [op for op in OPS if two_operands(op)], ids=lambda op: op.id)
@pytest.mark.parametrize("form", ["vector", "0-d", "number"])
def test_promotion_of_two_operands(op: Op, form: str) -> None:
    ours, theirs = op.function(pb), op.function(torch)
    for a in DTYPES:
        for b in ("bool", "int64", "float32") if form == "number" else DTYPES:
            left, right = (
                (typed(lib, call, operand(lib, "vector", a), operand(lib, form, b)))
                for lib, call in ((pb, ours), (torch, theirs))
            )
            assert left == right, f"{op.name}({a}[2], {b} {form}): {left}, PyTorch {right}"
