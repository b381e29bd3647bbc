"""Every row of the operator table beside PyTorch: the same samples, the same everything.

Values, dtypes, shapes, strides, names of nodes, first and second gradients, what the in-place form
does, the types of exceptions, and the promotion of every pair of dtypes. What differs on purpose
stands in the tables below, each with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pullback as pb
from samples import DTYPES, Leaf, Sample
from table import OPS, Op, about, differentiable, results, same, seeded, weights

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

# Values that are drawn or left over: only dtype and shape are compared.
UNFILLED = {"empty", "empty_like", "new_empty"}

# What differs on purpose, with the reason; a name stands for all samples of an operator.
OTHER_STRIDES = {
    "logsigmoid": "PyTorch makes the result row-major, here it keeps the layout of its input",
    "masked_fill(xs(3,4), b(3,1), x())": "the same",
    "put(xs(3,4), i(1, high=12), x(1), False)": "made of the flat tensor, so it is row-major",
}
OTHER_NODES = {
    "einsum": "fewer steps: a product of two matrices is mm alone, without views around it",
    "matmul(x(3,4), x(2,4,5))": "one bmm, where PyTorch transposes and copies for one mm",
    "unfold(x(), 0, 1, 1)": "a slice of the tensor seen as one element",
    "remainder(3.3, x(3, low=0.5, high=2))": "has a derivative here",
    "scatter(x(3,4), 0, i(2,4, high=3), x(2,4), reduce='add')": "the same",
    "scatter(x(3,4), 1, i(3,3, high=4), x(3,3), reduce='multiply')": "the same",
    "scatter(x(3,4), 0, i(2,4, high=3), 1.5, reduce='add')": "the same",
    "scatter(x(3,4), 1, i(3,1, high=4), 2.0, reduce='multiply')": "the same",
}
NO_DERIVATIVE_IN_TORCH = {
    "remainder(3.3, x(3, low=0.5, high=2))": "not implemented when the dividend is a number",
    "scatter(x(3,4), 0, i(2,4, high=3), x(2,4), reduce='add')": "with reduce it has none",
    "scatter(x(3,4), 1, i(3,3, high=4), x(3,3), reduce='multiply')": "the same",
    "scatter(x(3,4), 0, i(2,4, high=3), 1.5, reduce='add')": "the same",
    "scatter(x(3,4), 1, i(3,1, high=4), 2.0, reduce='multiply')": "the same",
    "scatter(x(3,4), 1, i(3,1, high=4), x(3,2))": "src larger than index gives an invalid gradient",
    "scatter(xs(3,4), -1, i(2,1, high=4), xs(2,4))": "the same",
    "scatter_add(xs(3,4), -1, i(2,3, high=4), x(3,4))": "the same",
}
NO_SECOND_DERIVATIVE_IN_TORCH = {"cdist", "hardsigmoid"}

# By operator and change.
OTHER_ERRORS = {
    "addmm: bools": "NotImplementedError as for every product of bools; PyTorch fails in a cast",
    "baddbmm: seven elements": "RuntimeError for a wrong number of dimensions, as in bmm",
    "addbmm: seven elements": "the same",
    "bilinear: seven elements": "the same",
    "combinations: numbers out of range": "PyTorch makes a grid of r dimensions and runs out",
    "set_.2: numbers out of range": "PyTorch enlarges the memory and shows what is in it",
    "roll: numbers out of range": "PyTorch does not look at dim when the tensor is empty",
    "roll: negative numbers": "the same",
    "cummax: numbers out of range": "the same",
    "cummax: negative numbers": "the same",
    "cummin: numbers out of range": "the same",
    "cummin: negative numbers": "the same",
}


OTHER_IN_PLACE = {
    "addbmm(x(5), x(2,3,4), x(2,4,5), beta=0.5, alpha=2)": "PyTorch gives the tensor a new shape",
}


def every(*flags: str) -> Any:
    rows = [op for op in OPS if all(getattr(op, f) for f in flags)]
    return pytest.mark.parametrize("op", rows, ids=lambda op: op.id)


def array(tensor: Any) -> np.ndarray:
    return np.array(tensor.numpy(force=True))


def listed(table: Collection[str], op: Op, sample: Sample) -> bool:
    return op.name in table or f"{op.name}({sample})" in table


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
                if not listed(OTHER_STRIDES, op, sample) and a.numel() > 1:
                    assert a.stride() == b.stride()
                    assert a.storage_offset() == b.storage_offset()
                if op.name not in UNFILLED and not op.random:
                    close(a, b)


@every("differentiable")
def test_names_of_nodes(op: Op) -> None:
    for sample in op.samples:
        if listed(OTHER_NODES, op, sample):
            continue
        with about(op, sample):
            ours = differentiable(pb, op.of_tensors(pb, sample)(*sample.tensors(pb)))
            theirs = differentiable(torch, op.of_tensors(torch, sample)(*sample.tensors(torch)))
            for a, b in zip(ours, theirs, strict=True):
                left = a.grad_fn and a.grad_fn.name()
                right = b.grad_fn and b.grad_fn.name()
                assert left == right
                assert a.output_nr == b.output_nr


def derivatives(lib: Any, op: Op, sample: Sample, orders: int) -> list[np.ndarray]:
    """Gradients of a weighted sum of the results, then of a weighted sum of these gradients."""
    tensors = sample.tensors(lib)
    inputs = [t for t in tensors if t.requires_grad]
    outputs = differentiable(lib, op.of_tensors(lib, sample)(*tensors))
    if not outputs:
        return []
    seeds = [weights(lib, o) for o in outputs]
    first = lib.autograd.grad(outputs, inputs, seeds, create_graph=True, allow_unused=True)
    found = [zeros_or(g, i) for g, i in zip(first, inputs, strict=True)]
    if orders == 1:
        return found
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
    orders = 1 if op.name in NO_SECOND_DERIVATIVE_IN_TORCH else 2
    for sample in op.samples:
        if listed(NO_DERIVATIVE_IN_TORCH, op, sample):
            continue
        with about(op, sample):
            ours = derivatives(pb, op, sample, orders)
            theirs = derivatives(torch, op, sample, orders)
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


# --- in place and out= ---


def in_place(lib: Any, op: Op, sample: Sample) -> Any:
    tensors = sample.tensors(lib, grad=False)
    form = seeded(lib, getattr(lib.Tensor, op.name + "_"))
    try:
        result = op.of_tensors(lib, sample, form)(*tensors)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
        return type(error).__name__
    first = tensors[0]
    assert result is first
    strides = first.stride() if first.numel() else None
    return dtype_name(first), tuple(first.shape), strides, first._version, array(first)


def into(lib: Any, op: Op, sample: Sample) -> Any:
    """With ``out=`` of the dtype that the result has; PyTorch takes others now and then."""
    call = op.function(lib)
    args, kwargs = sample.fill(lib, sample.tensors(lib, grad=False))
    expected = call(*args, **kwargs)
    targets = [lib.empty(0, dtype=each.dtype) for each in results(lib, expected)]
    result = call(*args, **kwargs, out=tuple(targets) if op.fields else targets[0])
    for made, target in zip(results(lib, result), targets, strict=True):
        assert made is target
    return [(dtype_name(t), tuple(t.shape), array(t)) for t in targets]


def same_outcome(ours: Any, theirs: Any) -> None:
    if isinstance(ours, str) or isinstance(theirs, str):
        assert ours == theirs
        return
    assert ours[:-1] == theirs[:-1]
    tolerance = (1.3e-6, 1e-5) if ours[0] == "float32" else (1e-7, 1e-7)
    same(ours[-1], theirs[-1], *tolerance)


def as_first(leaf_change: Callable[[Leaf], Leaf], sample: Sample, label: str) -> Sample:
    waiting = [True]

    def change(leaf: Leaf) -> Leaf:
        return leaf_change(leaf) if waiting and waiting.pop() else leaf

    return sample.with_leaves(change, label)


@every("inplace")
def test_in_place(op: Op) -> None:
    for sample in op.samples:
        for each in (sample, as_first(integral, sample, "first of int64")):
            if listed(OTHER_IN_PLACE, op, each) or op.random:
                continue
            with about(op, each):
                same_outcome(in_place(pb, op, each), in_place(torch, op, each))


@every("out")
def test_out(op: Op) -> None:
    if op.random:
        return
    for sample in op.samples:
        try:
            theirs = into(torch, op, sample)
        except (TypeError, RuntimeError):  # PyTorch has no out= for these arguments
            continue
        with about(op, sample):
            for a, b in zip(into(pb, op, sample), theirs, strict=True):
                same_outcome(a, b)


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
