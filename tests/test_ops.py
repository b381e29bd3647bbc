# ruff: noqa: PT017 - an operator may refuse, and then it must say why
"""Every row of the operator table, checked with its own samples; no operator is named here.

Each test takes one sample: derivatives of both modes and both orders against finite differences,
and in float32 against those in float64, memory layouts, the forms (method, in-place, ``out=``),
dtypes, empty and 0-d tensors, saved tensors that are overwritten, and wrong arguments. Values are
compared in test_references.py, batches in test_batching_rules.py, with PyTorch in
parity/test_ops.py. Call forms and samples: table.py, samples.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback import _core
from pullback.autograd import gradcheck, gradgradcheck
from samples import Leaf, Sample
from table import (
    OPS,
    Case,
    Op,
    array,
    cases,
    differentiable,
    each,
    gradients,
    results,
    same,
    seeded,
    weights,
)

# These mean something else, or are refused, where the memory is laid out in another way.
OF_MEMORY = {"as_strided", "as_strided_", "resize_", "resize_as_", "set_", "view", "view_as"}
OF_MEMORY |= {"view_as_complex", "as_strided_copy"}
# The values of the result are whatever was in memory.
UNFILLED = {"empty", "empty_like", "new_empty"}


def is_unfilled(case: Case) -> bool:
    return case.op.name in UNFILLED


def is_of_memory(case: Case) -> bool:
    return case.op.name in OF_MEMORY


def begins_with_a_number(case: Case) -> bool:
    return not isinstance(case.sample.args[0], Leaf)


IN_FLOAT64 = cases("differentiable", grad=True, dtypes=("float64",))  # for finite differences


# --- the row itself ---


def test_there_are_operators() -> None:
    assert {"add", "mul", "sum", "exp", "matmul"} <= {op.name for op in OPS}


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.id)
def test_the_row_is_complete(op: Op) -> None:
    assert op.doc.strip().endswith((".", ")"))
    assert op.signature.startswith(f"{op.name}(")
    assert op.samples
    assert all(callable(form) for form in op.forms(pb))
    assert op.forms(pb)
    if op.differentiable:
        assert any(case.op is op for case in IN_FLOAT64), "no sample wants a gradient"


@each(cases(dtypes=("float64",)))
def test_it_runs_and_does_so_again(case: Case) -> None:
    tensors = case.tensors(pb)
    first, second = (results(pb, case.call(pb)(*tensors)) for _ in range(2))
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        if not is_unfilled(case):
            same(array(a), array(b), 0, 0)


@each(cases(dtypes=("float64",)))
def test_grad_mode_decides_whether_it_is_recorded(case: Case) -> None:
    call, tensors = case.call(pb), case.tensors(pb)
    with pb.no_grad():
        silent = call(*tensors)
    assert all(any(o is t for t in tensors) for o in differentiable(pb, silent))
    out = differentiable(pb, call(*tensors))
    assert bool(out) == (case.op.differentiable and bool(case.wanted))
    assert all(o.grad_fn is not None or any(o is t for t in tensors) for o in out)


# --- derivatives ---


@each(IN_FLOAT64)
def test_first_derivatives(case: Case) -> None:
    tensors = tuple(case.tensors(pb))
    assert gradcheck(case.smooth(pb), tensors, check_grad_dtypes=True, check_forward_ad=True)


def has_one_wanted(case: Case) -> bool:
    return len(case.wanted) < 2


@each(cases("differentiable", grad=True, but=has_one_wanted))
def test_each_gradient_alone(case: Case) -> None:
    """What one gradient reads is declared by itself, not only by the gradient of another input."""
    call, tensors = case.smooth(pb), case.tensors(pb)
    out = differentiable(pb, call(*tensors))
    together = gradients(pb, out, [tensors[i] for i in case.wanted])
    for i, expected in zip(case.wanted, together, strict=True):
        alone = [t if k == i else t.detach() for k, t in enumerate(tensors)]
        (found,) = gradients(pb, differentiable(pb, call(*alone)), [alone[i]])
        same(found, expected)


@each(IN_FLOAT64)
def test_second_derivatives(case: Case) -> None:
    tensors = tuple(case.tensors(pb))
    assert gradgradcheck(case.smooth(pb), tensors, gen_non_contig_grad_outputs=True)


@each(cases("differentiable", without=["no_batch"], grad=True, dtypes=("float64",)))
def test_batches_of_derivatives(case: Case) -> None:
    """vmap over the derivatives of both modes and orders, and forward mode over reverse mode."""
    call, tensors = case.smooth(pb), tuple(case.tensors(pb))
    assert gradcheck(
        call,
        tensors,
        fast_mode=True,
        check_forward_ad=True,
        check_batched_grad=True,
        check_batched_forward_grad=True,
    )
    assert gradgradcheck(
        call, tensors, fast_mode=True, check_fwd_over_rev=True, check_batched_grad=True
    )


def rounded(case: Case) -> Case:
    """The same in float64, at the values that the dtype can hold."""
    change = case.sample.with_leaves(
        lambda leaf: (
            replace(leaf, array=leaf.array.astype(leaf.named(case.dtype)).astype(leaf.array.dtype))
            if leaf.floating
            else leaf
        ),
        "rounded",
    )
    return Case(case.op, change)


def pushed_forward(case: Case, tensors: list[Any], directions: list[Any]) -> list[Any]:
    """Tangents of the results that depend on the tensors, None where one stays as it is."""

    def of_wanted(*some: Any) -> Any:
        values = list(tensors)
        for i, tensor in zip(case.wanted, some, strict=True):
            values[i] = tensor
        return tuple(results(pb, case.smooth(pb)(*values)))

    primals = tuple(tensors[i] for i in case.wanted)
    _, tangents = _core._jvp(of_wanted, primals, tuple(directions))
    return [t for o, t in zip(of_wanted(*primals), tangents, strict=True) if o.requires_grad]


def of_both_modes(case: Case) -> tuple[list[Any], list[np.ndarray], list[np.ndarray]]:
    """The results, their tangents in some direction, and the gradients of some sum of them."""
    tensors = case.tensors(pb)
    inputs = [tensors[i] for i in case.wanted]
    outputs = differentiable(pb, case.smooth(pb)(*tensors))
    directions = [weights(pb, t, seed=7 + i) for i, t in zip(case.wanted, inputs, strict=True)]
    tangents = pushed_forward(case, tensors, directions)
    assert len(tangents) == len(outputs)
    filled = [
        np.zeros(tuple(o.shape)) if t is None else array(t)
        for o, t in zip(outputs, tangents, strict=True)
    ]
    return outputs, filled, gradients(pb, outputs, inputs)


@each(IN_FLOAT64)
def test_forward_mode_is_the_transpose_of_backward(case: Case) -> None:
    """<v, J u> = <J^T v, u> for all inputs at once, parts of complex numbers apart."""
    outputs, tangents, backward = of_both_modes(case)
    assert outputs
    inputs = [case.tensors(pb)[i] for i in case.wanted]
    forward = sum(
        float(np.vdot(array(weights(pb, o)), t).real)
        for o, t in zip(outputs, tangents, strict=True)
    )
    inner = sum(
        float(np.vdot(g, array(weights(pb, t, seed=7 + i))).real)
        for i, t, g in zip(case.wanted, inputs, backward, strict=True)
    )
    same(forward, inner, 1e-9, 1e-9)


@each(cases("differentiable", without=["random"], grad=True, but=lambda c: c.dtype == "float64"))
def test_derivatives_are_close_to_those_in_float64(case: Case) -> None:
    outputs, tangents, backward = of_both_modes(case)
    exact_outputs, exact_tangents, exact_backward = of_both_modes(rounded(case))
    assert len(outputs) == len(exact_outputs)
    for found, exact in zip(tangents + backward, exact_tangents + exact_backward, strict=True):
        same(found, exact, *case.tolerance)


@each(cases("differentiable", grad=True, dtypes=("float64",)))
def test_a_saved_tensor_that_is_overwritten_is_an_error_or_was_not_needed(case: Case) -> None:
    call, tensors = case.smooth(pb), case.tensors(pb)
    inputs = [tensors[i] for i in case.wanted]
    expected = gradients(pb, differentiable(pb, call(*tensors)), inputs)
    copies = len(results(pb, call(*tensors)))
    for which in range(len(tensors) + copies):
        middle = [t.clone() for t in tensors]
        out = call(*middle)
        victim = [*middle, *results(pb, out)][which]
        with pb.no_grad():
            victim.fill_(1)
        try:
            found = gradients(pb, differentiable(pb, out), inputs)
        except RuntimeError as error:
            assert "modified by an inplace operation" in str(error) or (
                "has been modified inplace" in str(error)
            )
        else:
            for a, b in zip(found, expected, strict=True):
                same(a, b, what=f"after tensor {which} was overwritten")


# --- memory layouts and shapes ---


@each(cases(without=["factory"], but=lambda c: is_of_memory(c) or not c.sample.leaves))
def test_strided_equals_contiguous(case: Case) -> None:
    other = case.changed(case.sample.strided())
    plain, turned = case.tensors(pb), other.tensors(pb)
    a, b = case.smooth(pb)(*plain), other.smooth(pb)(*turned)
    for left, right in zip(results(pb, a), results(pb, b), strict=True):
        assert left.dtype == right.dtype
        if not is_unfilled(case):
            same(array(left), array(right), *case.tolerance)
    if case.op.differentiable and case.wanted:
        left = gradients(pb, differentiable(pb, a), [plain[i] for i in case.wanted])
        right = gradients(pb, differentiable(pb, b), [turned[i] for i in case.wanted])
        for one, two in zip(left, right, strict=True):
            same(one, two, *case.tolerance)


def flat(leaf: Leaf) -> Leaf:
    return replace(leaf, array=leaf.array.ravel())


def pointwise_sample(op: Op) -> Sample | None:
    """One whose tensors have one shape, and whose elements do not see each other."""
    for sample in op.samples:
        leaves = sample.leaves
        if not leaves or leaves[0].array.ndim < 2 or len({le.array.shape for le in leaves}) > 1:
            continue
        whole = op.of_tensors(pb, sample)(*sample.tensors(pb))
        try:
            single = sample.with_leaves(flat, "flat")
            flattened = op.of_tensors(pb, single)(*single.tensors(pb))
        except RuntimeError:
            continue
        if np.array_equal(array(whole).ravel(), array(flattened)):
            return sample
    return None


POINTWISE = [
    Case(op, sample)
    for op in OPS
    if op.inplace and not op.random and (sample := pointwise_sample(op))
]


def test_there_are_pointwise_operators() -> None:
    found = {case.op.name for case in POINTWISE}
    assert {"add", "exp", "pow", "clamp", "sigmoid"} <= found
    assert len(found) > 80


@each(POINTWISE)
@pytest.mark.parametrize("shape", [(0,), (2, 0, 3), ()], ids=str)
def test_empty_and_0d(case: Case, shape: tuple[int, ...]) -> None:
    size = int(np.prod(shape))
    changed = case.changed(
        case.sample.with_leaves(
            lambda leaf: replace(
                leaf, array=np.resize(leaf.array.ravel()[:1], size).reshape(shape)
            ),
            str(shape),
        )
    )
    call, tensors = changed.call(pb), tuple(changed.tensors(pb))
    assert all(o.shape == shape for o in results(pb, call(*tensors)))
    if case.op.differentiable:
        assert gradcheck(call, tensors, check_forward_ad=True)
        assert gradgradcheck(call, tensors)


# --- forms ---


@each(cases("method", without=["factory"], but=begins_with_a_number, dtypes=("float64",)))
def test_the_method_is_the_function(case: Case) -> None:
    method = seeded(pb, getattr(pb.Tensor, case.op.name))
    a = results(pb, case.call(pb)(*case.tensors(pb)))
    b = results(pb, case.call(pb, method)(*case.tensors(pb)))
    for left, right in zip(a, b, strict=True):
        assert (left.dtype, left.stride()) == (right.dtype, right.stride())
        if not is_unfilled(case):
            same(array(left), array(right), 0, 0)


@each(cases("inplace", but=begins_with_a_number))
def test_the_inplace_form_equals_the_function(case: Case) -> None:
    tensors = case.tensors(pb, grad=False)
    expected = case.call(pb)(*tensors)
    target = tensors[0].clone()
    version = target._version
    call = case.call(pb, seeded(pb, getattr(pb.Tensor, case.op.name + "_")))
    # float_power gives float64, and into nothing else; abs of complex numbers stays out of them.
    apart = case.op.name in ("float_power", "abs", "absolute")
    fits = pb.can_cast(expected.dtype, target.dtype) and not apart
    fits |= expected.dtype == target.dtype
    if expected.shape != target.shape or not fits:
        before = array(target)
        with pytest.raises(RuntimeError):
            call(target, *tensors[1:])
        same(array(target), before, 0, 0)
        return
    assert call(target, *tensors[1:]) is target
    same(array(target), array(expected).astype(array(target).dtype), 0, 0)
    assert target._version == version + 1
    leaf = tensors[0].clone().requires_grad_(case.sample.leaves[0].floating)
    if leaf.requires_grad:
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
            call(leaf, *tensors[1:])


def changes_shape_or_dtype(case: Case) -> bool:
    tensors = case.tensors(pb)
    result = case.call(pb)(*tensors)
    return (result.shape, result.dtype) != (tensors[0].shape, tensors[0].dtype)


@each(
    cases(
        *("inplace", "differentiable"),
        grad=True,
        dtypes=("float64",),
        but=lambda c: begins_with_a_number(c) or changes_shape_or_dtype(c),
    )
)
def test_the_inplace_form_is_recorded(case: Case) -> None:
    def inplace(first: Any, *args: Any, **kwargs: Any) -> Any:
        pb.manual_seed(0)
        return getattr(first.clone(), case.op.name + "_")(*args, **kwargs)

    tensors = case.tensors(pb)
    expected = case.call(pb)(*tensors)
    found = case.call(pb, inplace)(*tensors)
    # torch counts the forms of one operator in the digit at the end.
    assert found.grad_fn.name()[:-1] == expected.grad_fn.name()[:-1]
    inputs = [tensors[i] for i in case.wanted]
    left = gradients(pb, [expected], inputs)
    try:
        right = gradients(pb, [found], inputs)
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)
        return
    for a, b in zip(left, right, strict=True):
        same(a, b)


@each(cases("out", dtypes=("float64",)))
def test_out(case: Case) -> None:
    call = case.op.function(pb)
    args, kwargs = case.sample.fill(pb, case.tensors(pb, grad=False))
    expected = call(*args, **kwargs)
    wanted_results = results(pb, expected)
    assert wanted_results
    fresh = [pb.empty(0, dtype=e.dtype) for e in wanted_results]
    strided = [pb.empty(e.shape[::-1], dtype=e.dtype) for e in wanted_results]
    strided = [s.permute(tuple(range(s.dim()))[::-1]) for s in strided]
    # Random numbers are drawn in the order of the memory: parity/test_random_layouts.py.
    for targets in (fresh,) if case.op.random else (fresh, strided):
        one = targets[0] if isinstance(expected, pb.Tensor) else tuple(targets)
        found = results(pb, call(*args, **kwargs, out=one))
        for target, given, value in zip(targets, found, wanted_results, strict=True):
            assert given is target
            same(array(target), array(value))
    if case.wanted and case.op.differentiable:
        args, kwargs = case.sample.fill(pb, case.tensors(pb))
        one = fresh[0] if isinstance(expected, pb.Tensor) else tuple(fresh)
        with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
            call(*args, **kwargs, out=one)


# --- dtypes ---


WHOLE = ("int64", "int32", "uint8", "bool")


def of_whole_numbers(case: Case, *dtypes: str) -> Case:
    """The tensors cast to each of the dtypes in turn; masks stay masks."""

    def change(leaf: Leaf) -> Leaf:
        if leaf.array.dtype == np.bool_:
            return leaf
        values = (np.abs(np.trunc(leaf.array.real * 2)) + 1).clip(1, 3)
        for dtype in dtypes:
            values = values.astype(dtype)
        return replace(leaf, grad=False, array=values)

    return case.changed(case.sample.with_leaves(change, dtypes[0]))


NOT_OF_BOOLS = "abs absolute addcdiv addcmul ceil clamp clip fix floor floor_divide fmod frac hypot"
NOT_OF_BOOLS += " igamma igammac lerp mvlgamma neg negative nextafter relu remainder round"
NOT_OF_BOOLS += " sub subtract trunc"
NOT_OF_INTEGERS = {"addcdiv", "frac", "hypot", "igamma", "igammac", "lerp", "nextafter"}
REFUSED = dict.fromkeys(WHOLE, NOT_OF_INTEGERS) | {"bool": set(NOT_OF_BOOLS.split())}
NOT_OF_FLOATS = {"bitwise_not"}


@each(POINTWISE)
@pytest.mark.parametrize("dtype", WHOLE)
def test_integers_and_bools_give_what_floats_give(case: Case, dtype: str) -> None:
    """Or the operator refuses them, or takes nothing else."""
    whole, exact = of_whole_numbers(case, dtype), of_whole_numbers(case, dtype, "float64")
    if case.op.id in REFUSED[dtype]:
        with pytest.raises((RuntimeError, NotImplementedError), match=r"\w"):
            whole.call(pb)(*whole.tensors(pb))
        return
    found = whole.call(pb)(*whole.tensors(pb))
    if case.op.name in NOT_OF_FLOATS:
        with pytest.raises((RuntimeError, NotImplementedError), match=r"\w"):
            exact.call(pb)(*exact.tensors(pb))
        return
    floats = array(exact.call(pb)(*exact.tensors(pb)))
    if found.is_floating_point():
        assert found.dtype == (pb.float64 if case.op.name == "float_power" else pb.float32)
        same(array(found), floats, 1.3e-6, 1e-5)
    elif dtype == "bool" and found.dtype == pb.bool:
        same(array(found), floats.astype(bool), 0, 0)
    else:
        # A power of a bool by a number is int64, as in torch.
        assert found.dtype in (getattr(pb, dtype), pb.bool, pb.int64)
        same(array(found), floats.astype(np.int64).astype(array(found).dtype), 0, 0)


# --- wrong arguments ---


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.id)
def test_wrong_arguments(op: Op) -> None:
    call = op.function(pb)
    sample = op.samples[0]
    args, kwargs = sample.fill(pb, sample.tensors(pb, grad=False))
    surplus = [None] * (2 * len(op.parameters) + 9)
    with pytest.raises(TypeError):
        call(*args, *surplus, **kwargs)
    with pytest.raises(TypeError):
        call(*args, **kwargs, not_a_parameter=1)
    for i, argument in enumerate(args):
        if isinstance(argument, pb.Tensor):
            with pytest.raises(TypeError):
                call(*args[:i], object(), *args[i + 1 :], **kwargs)
    # Without arguments a list of tensors is empty, which is no TypeError in torch either.
    takes_none = any(
        row["name"] == op.name and "*tensors" in row["signature"]
        for row in pb._core.operator_table()
    )
    if args and not op.factory and not takes_none:
        with pytest.raises(TypeError):
            call()
