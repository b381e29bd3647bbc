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

import pullback as pb
from samples import DTYPES, Leaf, Sample
from table import (
    TORCH_OPS,
    Case,
    Op,
    differentiable,
    each,
    results,
    same,
    seeded,
    torch_cases,
    weights,
)
from unlike_torch import NO_DERIVATIVE_IN_TORCH, NOT_RECORDED_IN_TORCH, listed

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

# Values that are drawn or left over: only dtype and shape are compared.
UNFILLED = {"empty", "empty_like", "new_empty"}

# What differs on purpose, with the reason; a name stands for all samples of an operator.
OTHER_STRIDES = {
    "mvlgamma(xs(3,4, low=2, high=5), 4)": "PyTorch makes the result row-major",
    "angle(zs(3,4))": "PyTorch makes the result row-major, here it keeps the layout of its input",
    "logsigmoid": "PyTorch makes the result row-major, here it keeps the layout of its input",
    "masked_fill(xs(3,4), b(3,1), x())": "the same",
    "rms_norm(xs(3,4), [4], x(4))": "the same",
    "quantile(x(5), c(2, low=0, high=1), keepdim=True)": "of a dimension of length one",
    "nanquantile(x(5), c(2, low=0, high=1), keepdim=True)": "the same",
    "put(xs(3,4), i(1, high=12), x(1), False)": "made of the flat tensor, so it is row-major",
    "lstsq": "made of a product, so it is row-major",
    "matrix_norm(x(2,3,4), 'nuc', (0,2), True)": "strides of dimensions of one element",
    "matrix_norm(x(2,3,4), 2, (2,0), True)": "the same",
}
OTHER_NODES = {
    "multi_margin_loss": "a composition, where PyTorch has one node",
    "multilabel_margin_loss": "the same",
    "soft_margin_loss": "the same",
    "scaled_dot_product_attention": "one node, where PyTorch has a composition or another one",
    **dict.fromkeys(
        ("avg_pool1d", "adaptive_avg_pool1d", "max_pool1d", "max_pool1d_with_indices"),
        "a kernel of its own, where PyTorch has a view of that for two dimensions",
    ),
    "adaptive_max_pool1d_with_indices": "the same",
    **dict.fromkeys(
        ("batch_norm", "group_norm", "instance_norm", "layer_norm"),
        "one operator for all of them, of the input seen as groups",
    ),
    "rms_norm(xs(3,4), [4], x(4))": "the same",
    "cov": "views of a matrix in other steps",
    "quantile": "the same",
    "nanquantile": "the same",
    "embedding_bag": "rows that are looked up and added, where PyTorch has one node",
    "einsum": "fewer steps: a product of two matrices is mm alone, without views around it",
    "matmul(x(3,4), x(2,4,5))": "one bmm, where PyTorch transposes and copies for one mm",
    "unfold(x(2,4,4), 2)": "without a batch the view that takes it away is a node, as in conv2d",
    "fold(x(8,9), (4,4), 2)": "the same",
    "unfold(x(), 0, 1, 1)": "a slice of the tensor seen as one element",
    "lu": "P has a number, too, among the results of the node",
    "lu_unpack": "the same",
    "householder_product": "made of the reflectors",
    "orgqr": "the same",
    "ormqr": "the same",
    "lstsq": "made of the pseudo-inverse",
    "ldl_solve": "has a derivative here",
    "vander(x(3), 4, True)": "no copy of the result",
    "cond(w(3,3), 'nuc')": "infinity at singular matrices as for the other norms",
    "matrix_norm(x(2,3,4), 'nuc', (0,2), True)": "fewer views",
    "matrix_norm(x(2,3,4), 2, (2,0), True)": "the same",
    "triangular_solve": "the copy of A is a copy, and no second result of one node",
    "remainder(3.3, x(3, low=0.5, high=2))": "has a derivative here",
    "scatter(x(3,4), 0, i(2,4, high=3), x(2,4), reduce='add')": "the same",
    "scatter(x(3,4), 1, i(3,3, high=4), x(3,3), reduce='multiply')": "the same",
    "scatter(x(3,4), 0, i(2,4, high=3), 1.5, reduce='add')": "the same",
    "scatter(x(3,4), 1, i(3,1, high=4), 2.0, reduce='multiply')": "the same",
}
NO_SECOND_DERIVATIVE_IN_TORCH = {
    "cdist",
    "embedding_bag",
    "hardsigmoid",
    "multi_margin_loss",
    "multilabel_margin_loss",
}

OTHER_NODES |= dict.fromkeys(NOT_RECORDED_IN_TORCH, "PyTorch records nothing")
COPIES = (
    "alias as_strided diagonal expand permute select split split_with_sizes squeeze t transpose"
)
COPIES += " unbind unsqueeze view view_as_real"
OTHER_NODES |= {f"{name}_copy": "a copy of the view" for name in COPIES.split()}
OTHER_NODES["ndtr"] = "an operator, where PyTorch has a composition"

# By operator and change.
OTHER_ERRORS = {
    "addcmul: bools": "a complex value is refused for bools before they are",
    "cholesky.1: bools": "rounding decides whether a singular matrix is positive definite",
    "lu_factor: integers": "PyTorch takes an empty matrix of any dtype",
    "lu_factor: bools": "the same",
    "lu: integers": "the same",
    "lu: bools": "the same",
    "pinv: seven elements": "RuntimeError as without bounds; PyTorch looks at dimension -2",
    "addmm: bools": "NotImplementedError as for every product of bools; PyTorch fails in a cast",
    "baddbmm: seven elements": "RuntimeError for a wrong number of dimensions, as in bmm",
    "addbmm: seven elements": "the same",
    "bilinear: seven elements": "the same",
    **dict.fromkeys(
        [f"avg_pool{d}d: integers" for d in (1, 2, 3)],
        "refused, where PyTorch cuts the mean of integers",
    ),
    "adaptive_max_pool2d_with_indices: seven elements": "RuntimeError, as in adaptive_max_pool1d",
    "adaptive_max_pool3d_with_indices: seven elements": "the same",
    "avg_pool2d: seven elements": "RuntimeError for a wrong number of dimensions, as in avg_pool1d",
    "batch_norm: seven elements": "RuntimeError for a wrong number of dimensions",
    "instance_norm: seven elements": "an error of the number of dimensions in every mode",
    "conv1d: bools": "refused as with a batch that is not empty",
    "unfold: seven elements": "RuntimeError for a wrong number of dimensions, as in fold",
    "conv1d: seven elements": "RuntimeError, as without an empty batch",
    "embedding_bag: bools": "the indices are refused before the table",
    "combinations: numbers out of range": "PyTorch makes a grid of r dimensions and runs out",
    "set_.2: numbers out of range": "PyTorch enlarges the memory and shows what is in it",
    "roll: numbers out of range": "PyTorch does not look at dim when the tensor is empty",
    "roll: negative numbers": "the same",
    "cummax: numbers out of range": "the same",
    "cummax: negative numbers": "the same",
    "cummin: numbers out of range": "the same",
    "cummin: negative numbers": "the same",
}


# Rows, and samples of rows.
NO_OUT_IN_TORCH = {
    "where.1(b(3), x(3), 2j)",
    *("argsort", "diag_embed", "diagflat", "einsum", "einsum.1", "isfinite", "isinf", "isnan"),
    *("prod", "relu", "sum", "trace"),
    "bucketize(0.5, c(1))",
    "nonzero(i(3,4, high=3), as_tuple=True)",
    "remainder(3.3, x(3, low=0.5, high=2))",
    "std(x(3,4), False)",
    "std(x(5), unbiased=False)",
    "var(x(3,4), False)",
    "var(x(5), unbiased=False)",
    "where.1(b(3), x(3), 2.0)",
    "where.1(b(3), 0.5, x(3))",
}

# PyTorch leaves out= empty, without a word.
EMPTY_OUT_IN_TORCH = {"ihfftn(xs(2,3,4), (4,), (1,), 'ortho')"}

OTHER_IN_PLACE = {
    "addbmm(x(5), x(2,3,4), x(2,4,5), beta=0.5, alpha=2)": "PyTorch gives the tensor a new shape",
}


def array(tensor: Any) -> np.ndarray:
    return np.array(tensor.numpy(force=True))


def dtype_name(tensor: Any) -> str:
    return str(tensor.dtype).split(".")[-1]


def close(case: Case, ours: Any, theirs: Any, result: int = 0) -> None:
    a, b = array(ours), array(theirs)
    rtol, atol = case.op.checks.tolerance_of(dtype_name(ours)) if a.dtype.kind in "fc" else (0, 0)
    same(case.op.checks.settled(a, b, result), b, rtol, atol)


def plain(value: Any) -> Any:
    """What is compared of a result that is no tensor."""
    return str(value).split(".")[-1] if "dtype" in type(value).__name__ else value


@each(torch_cases())
def test_values_dtypes_and_strides(case: Case) -> None:
    ours, theirs = case.call(pb)(*case.tensors(pb)), case.call(torch)(*case.tensors(torch))
    left, right = results(pb, ours), results(torch, theirs)
    assert len(left) == len(right)
    if not left:
        assert plain(ours) == plain(theirs)
    for k, (a, b) in enumerate(zip(left, right, strict=True)):
        assert (dtype_name(a), tuple(a.shape)) == (dtype_name(b), tuple(b.shape))
        assert a.requires_grad == b.requires_grad or case.op.name in NOT_RECORDED_IN_TORCH
        if not listed(OTHER_STRIDES, case) and a.numel() > 1:
            assert a.stride() == b.stride()
            assert a.storage_offset() == b.storage_offset()
        if case.op.name not in UNFILLED and not case.op.random:
            close(case, a, b, k)


@each(
    torch_cases(
        "differentiable", grad=True, dtypes=("float64",), but=lambda c: listed(OTHER_NODES, c)
    )
)
def test_names_of_nodes(case: Case) -> None:
    ours = differentiable(pb, case.call(pb)(*case.tensors(pb)))
    theirs = differentiable(torch, case.call(torch)(*case.tensors(torch)))
    assert ours
    for a, b in zip(ours, theirs, strict=True):
        left = a.grad_fn and a.grad_fn.name()
        right = b.grad_fn and b.grad_fn.name()
        assert left == right
        assert a.output_nr == b.output_nr


def derivatives(lib: Any, case: Case, orders: int, wide: bool = False) -> list[np.ndarray]:
    """Gradients of a weighted sum of the results, then of a weighted sum of these gradients.

    ``wide``: of the same numbers in float64.
    """
    tensors = case.tensors(lib)
    if wide:
        tensors = [t.detach().double().requires_grad_(t.requires_grad) for t in tensors]
    inputs = [t for t in tensors if t.requires_grad]
    outputs = differentiable(lib, case.without_phases(case.call(lib)(*tensors)))
    assert outputs
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


# PyTorch's float32 is as far from the derivative as ours is, on the other side of it.
COMPARED_WITH_FLOAT64 = {
    "pinv(spd(3), hermitian=True): float32": "the fourth power of a condition of 13.6; 9.0e-6 each",
}


@each(
    torch_cases(
        "differentiable",
        without=["random"],
        grad=True,
        but=lambda c: listed(NO_DERIVATIVE_IN_TORCH, c),
    )
)
def test_gradients_of_both_orders(case: Case) -> None:
    orders = 1 if case.op.name in NO_SECOND_DERIVATIVE_IN_TORCH else 2
    wide = str(case) in COMPARED_WITH_FLOAT64
    ours, theirs = derivatives(pb, case, orders), derivatives(torch, case, orders, wide)
    for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        same(a, b, *case.tolerance, what=f"gradient {k}")


@pytest.mark.parametrize("name", sorted(NO_DERIVATIVE_IN_TORCH))
def test_there_is_still_nothing_to_compare_with(name: str) -> None:
    found = [
        case
        for case in torch_cases("differentiable", grad=True, dtypes=("float64",))
        if listed([name], case)
    ]
    assert found

    def agree(case: Case) -> bool:
        ours = derivatives(pb, case, 2)
        if not differentiable(torch, case.call(torch)(*case.tensors(torch))):
            return False
        try:
            theirs = derivatives(torch, case, 2)
        except RuntimeError:
            return False
        return all(np.allclose(a, b) for a, b in zip(ours, theirs, strict=True))

    assert not all(map(agree, found)), "PyTorch's derivative is the same by now"


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
    return replace(leaf, array=leaf.array.real.astype(np.int64), grad=False)


def truth(leaf: Leaf) -> Leaf:
    return replace(leaf, array=leaf.array.real > 0, grad=False)


CHANGES: dict[str, Callable[[Sample], Sample]] = {
    "numbers out of range": lambda s: with_ints(s, 99),
    "negative numbers": lambda s: with_ints(s, -99),
    "seven elements": lambda s: s.with_leaves(ravelled, "(7,)"),
    "integers": lambda s: s.with_leaves(integral, "int64"),
    "bools": lambda s: s.with_leaves(truth, "bool"),
}


def outcomes(lib: Any, case: Case) -> dict[str, Any]:
    compared = [c for c in CHANGES if f"{case.op.id}: {c}" not in OTHER_ERRORS]
    return {c: outcome(lib, case.op, CHANGES[c](case.sample)) for c in compared}


@each(torch_cases(without=["factory"], dtypes=("float64",)))
def test_the_same_things_are_refused(case: Case) -> None:
    ours = outcomes(pb, case)
    assert ours
    assert ours == outcomes(torch, case)


# --- in place and out= ---


def in_place(lib: Any, case: Case) -> Any:
    tensors = case.tensors(lib, grad=False)
    form = seeded(lib, getattr(lib.Tensor, case.op.name + "_"))
    try:
        result = case.call(lib, form)(*tensors)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
        return type(error).__name__
    first = tensors[0]
    assert result is first
    strides = first.stride() if first.numel() else None
    return dtype_name(first), tuple(first.shape), strides, first._version, array(first)


def shown(tensors: list[Any]) -> Any:
    return [(dtype_name(t), tuple(t.shape), array(t)) for t in tensors]


def into(lib: Any, case: Case) -> Any:
    """With ``out=`` of the dtype that the result has; PyTorch takes others now and then."""
    call = case.op.function(lib)
    args, kwargs = case.sample.fill(lib, case.tensors(lib, grad=False))
    expected = call(*args, **kwargs)
    targets = [lib.empty(0, dtype=each.dtype) for each in results(lib, expected)]
    result = call(*args, **kwargs, out=tuple(targets) if case.op.fields else targets[0])
    for made, target in zip(results(lib, result), targets, strict=True):
        assert made is target
    return shown(targets)


def same_outcome(case: Case, ours: Any, theirs: Any) -> None:
    if isinstance(ours, str) or isinstance(theirs, str):
        assert ours == theirs
        return
    assert ours[:-1] == theirs[:-1]
    inexact = "float" in ours[0] or "complex" in ours[0]
    tolerance = case.op.checks.tolerance_of(ours[0]) if inexact else (0, 0)
    same(ours[-1], theirs[-1], *tolerance)


def as_first(leaf_change: Callable[[Leaf], Leaf], sample: Sample, label: str) -> Sample:
    waiting = [True]

    def change(leaf: Leaf) -> Leaf:
        return leaf_change(leaf) if waiting and waiting.pop() else leaf

    return sample.with_leaves(change, label)


IN_PLACE = torch_cases("inplace", without=["random"], but=lambda c: listed(OTHER_IN_PLACE, c))


@each(IN_PLACE)
def test_in_place(case: Case) -> None:
    same_outcome(case, in_place(pb, case), in_place(torch, case))


@each([case for case in IN_PLACE if case.dtype == "float64"])
def test_in_place_of_integers(case: Case) -> None:
    whole = case.changed(as_first(integral, case.sample, "first of int64"))
    same_outcome(case, in_place(pb, whole), in_place(torch, whole))


@each(torch_cases("out", without=["random"], dtypes=("float64",)))
def test_out(case: Case) -> None:
    if {case.op.id, str(case)} & NO_OUT_IN_TORCH:
        with pytest.raises((TypeError, RuntimeError)):
            into(torch, case)
        return
    theirs = into(torch, case)
    if str(case) in EMPTY_OUT_IN_TORCH:
        assert [shape for _, shape, _ in theirs] == [(0,)]
        theirs = shown(results(torch, case.call(torch)(*case.tensors(torch, grad=False))))
    for k, (a, b) in enumerate(zip(into(pb, case), theirs, strict=True)):
        same_outcome(case, (*a[:-1], case.op.checks.settled(a[-1], b[-1], k)), b)


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


@pytest.mark.parametrize("op", [op for op in TORCH_OPS if two_operands(op)], ids=lambda op: op.id)
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
