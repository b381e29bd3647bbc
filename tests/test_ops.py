# ruff: noqa: PT017 - an operator may refuse, and then it must say why
"""Every row of the operator table, checked with its own samples; no operator is named here.

Each test takes one row and walks its samples: derivatives of both modes and both orders against
finite differences, batching against a loop, memory layouts, the forms (method, in-place, ``out=``),
dtypes, empty and 0-d tensors, saved tensors that are overwritten, and wrong arguments. What is
compared with PyTorch stands in parity/test_ops.py. Call forms and samples: table.py, samples.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback import _core
from pullback.autograd import gradcheck, gradgradcheck
from samples import Leaf, Sample
from table import OPS, Op, about, array, differentiable, gradients, results, same, weights


def every(*flags: str, without: str = "") -> Any:
    """Parametrizes over the rows that have all flags, and not the other one."""
    rows = [op for op in OPS if all(getattr(op, f) for f in flags)]
    return pytest.mark.parametrize(
        "op", [op for op in rows if not without or not op.row[without]], ids=lambda op: op.id
    )


def wanted(sample: Sample) -> list[int]:
    return [i for i, leaf in enumerate(sample.leaves) if leaf.grad]


# These mean something else, or are refused, where the memory is laid out in another way.
OF_MEMORY = {"as_strided", "as_strided_", "resize_", "resize_as_", "set_", "view", "view_as"}


def unfilled(op: Op) -> bool:
    """The values of the result are whatever was in memory."""
    return op.name in {"empty", "empty_like", "new_empty"}


def in_float64(sample: Sample, op: Op) -> bool:
    """Finite differences need it; a sample like ``x(3), dtype=float32`` is not."""
    out = differentiable(pb, op.of_tensors(pb, sample)(*sample.tensors(pb)))
    return all(o.dtype == pb.float64 for o in out)


# --- the row itself ---


def test_there_are_operators() -> None:
    assert {"add", "mul", "sum", "exp", "matmul"} <= {op.name for op in OPS}


@every()
def test_the_row_is_complete(op: Op) -> None:
    assert op.doc.strip().endswith((".", ")"))
    assert op.signature.startswith(f"{op.name}(")
    assert op.samples
    assert all(callable(form) for form in op.forms(pb))
    assert op.forms(pb)
    if op.differentiable:
        assert any(wanted(sample) for sample in op.samples), "no sample wants a gradient"


@every()
def test_it_runs_and_does_so_again(op: Op) -> None:
    for sample in op.samples:
        with about(op, sample):
            call = op.of_tensors(pb, sample)
            tensors = sample.tensors(pb)
            first, second = results(pb, call(*tensors)), results(pb, call(*tensors))
            assert len(first) == len(second)
            if unfilled(op):
                continue
            for a, b in zip(first, second, strict=True):
                assert a.dtype == b.dtype
                same(array(a), array(b), 0, 0)


@every()
def test_grad_mode_decides_whether_it_is_recorded(op: Op) -> None:
    for sample in op.samples:
        with about(op, sample):
            call = op.of_tensors(pb, sample)
            tensors = sample.tensors(pb)
            with pb.no_grad():
                silent = call(*tensors)
            assert all(any(o is t for t in tensors) for o in differentiable(pb, silent))
            out = differentiable(pb, call(*tensors))
            assert bool(out) == (op.differentiable and bool(wanted(sample)))
            assert all(o.grad_fn is not None or any(o is t for t in tensors) for o in out)


# --- derivatives ---


@every("differentiable")
def test_first_derivatives(op: Op) -> None:
    for sample in op.samples:
        with about(op, sample):
            if wanted(sample) and in_float64(sample, op):
                call, tensors = op.of_tensors(pb, sample), tuple(sample.tensors(pb))
                assert gradcheck(call, tensors, check_grad_dtypes=True, check_forward_ad=True)


@every("differentiable")
def test_each_gradient_alone(op: Op) -> None:
    """What one gradient reads is declared by itself, not only by the gradient of another input."""
    for sample in op.samples:
        places = wanted(sample)
        if len(places) < 2:
            continue
        with about(op, sample):
            call = op.of_tensors(pb, sample)
            tensors = sample.tensors(pb)
            out = differentiable(pb, call(*tensors))
            together = gradients(pb, out, [tensors[i] for i in places])
            for i, expected in zip(places, together, strict=True):
                alone = [t if k == i else t.detach() for k, t in enumerate(tensors)]
                (found,) = gradients(pb, differentiable(pb, call(*alone)), [alone[i]])
                same(found, expected)


@every("differentiable")
def test_second_derivatives(op: Op) -> None:
    for sample in op.samples:
        with about(op, sample):
            if wanted(sample) and in_float64(sample, op):
                call, tensors = op.of_tensors(pb, sample), tuple(sample.tensors(pb))
                assert gradgradcheck(call, tensors, gen_non_contig_grad_outputs=True)


@every("differentiable", without="no_batch")
def test_batches_of_derivatives(op: Op) -> None:
    """vmap over the derivatives of both modes and orders, and forward mode over reverse mode."""
    for sample in op.samples:
        with about(op, sample):
            if wanted(sample) and in_float64(sample, op):
                call, tensors = op.of_tensors(pb, sample), tuple(sample.tensors(pb))
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


@every("differentiable")
def test_forward_mode_is_the_transpose_of_backward(op: Op) -> None:
    """<v, J u> = <J^T v, u> for all inputs at once."""
    for sample in op.samples:
        at = wanted(sample)
        if not at:
            continue
        with about(op, sample):
            tensors = sample.tensors(pb)
            call = op.of_tensors(pb, sample)

            def of_wanted(
                *some: Any, tensors: Any = tensors, at: Any = at, call: Any = call
            ) -> Any:
                values = list(tensors)
                for i, tensor in zip(at, some, strict=True):
                    values[i] = tensor
                return tuple(results(pb, call(*values)))

            directions = [weights(pb, tensors[i], seed=7 + i) for i in at]
            primals = tuple(tensors[i] for i in at)
            outputs, tangents = _core._jvp(of_wanted, primals, tuple(directions))
            outputs = of_wanted(*primals)
            forward = sum(
                float((array(weights(pb, o)) * array(t)).sum())
                for o, t in zip(outputs, tangents, strict=True)
                if o.requires_grad and t is not None
            )
            backward = gradients(pb, [o for o in outputs if o.requires_grad], primals)
            inner = sum(
                float((g * array(u)).sum()) for g, u in zip(backward, directions, strict=True)
            )
            if in_float64(sample, op):
                same(forward, inner, 1e-9, 1e-9)
            else:
                same(forward, inner, 1.3e-6, 1e-5)


@every("differentiable")
def test_a_saved_tensor_that_is_overwritten_is_an_error_or_was_not_needed(op: Op) -> None:
    for sample in op.samples:
        if not wanted(sample):
            continue
        with about(op, sample):
            call = op.of_tensors(pb, sample)
            tensors = sample.tensors(pb)
            inputs = [tensors[i] for i in wanted(sample)]
            expected = gradients(pb, differentiable(pb, call(*tensors)), inputs)
            copies = len(results(pb, call(*tensors)))
            for which in range(len(tensors) + copies):
                middle = [t * 1 if t.requires_grad else t.clone() for t in tensors]
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


# --- batching ---


def batchings(sample: Sample) -> Iterator[dict[int, int]]:
    """Which leaves get a batch, and as which dimension."""
    floats = [i for i, leaf in enumerate(sample.leaves) if leaf.floating]
    if floats:
        yield dict.fromkeys(floats, 0)
        yield {i: sample.leaves[i].array.ndim for i in floats}
    if len(floats) > 1:
        for i in floats:
            yield {i: 0}


@every(without="factory")
def test_batching_equals_a_loop(op: Op) -> None:
    for sample in op.samples:
        for where in batchings(sample):
            if op.name in OF_MEMORY and any(where.values()):
                continue  # an example along another dimension lies in memory otherwise
            with about(op, sample):
                one_batching(op, sample, where)


def one_batching(op: Op, sample: Sample, where: dict[int, int]) -> None:
    call = op.of_tensors(pb, sample)
    examples = []
    for step in (1.0, 0.875, 0.75):
        scaled = sample.with_leaves(
            lambda leaf, step=step: (
                replace(leaf, array=leaf.array * step, grad=False) if leaf.floating else leaf
            ),
            f"times {step}",
        )
        examples.append([leaf.array for leaf in scaled.leaves])
    base = sample.tensors(pb, grad=False)
    stacked = list(base)
    for i, dim in where.items():
        stacked[i] = pb.tensor(np.stack([e[i] for e in examples], axis=dim))
    in_dims = tuple(where.get(i) for i in range(len(base)))

    def of_tensors(*tensors: Any) -> Any:
        return tuple(results(pb, call(*tensors)))

    if op.no_batch:
        with pytest.raises(RuntimeError):
            _core._vmap(of_tensors, in_dims, tuple(stacked))
        return
    batched = _core._vmap(of_tensors, in_dims, tuple(stacked))
    for b, example in enumerate(examples):
        tensors = [pb.tensor(example[i]) if i in where else base[i] for i in range(len(base))]
        expected = of_tensors(*tensors)
        assert len(batched) == len(expected)
        for found, one in zip(batched, expected, strict=True):
            assert found.dtype == one.dtype
            same(array(found)[b], array(one), what=f"in_dims={in_dims}")


# --- memory layouts and shapes ---


@every(without="factory")
def test_strided_equals_contiguous(op: Op) -> None:
    if op.name in OF_MEMORY:
        return
    for sample in op.samples:
        strided = sample.strided()
        with about(op, strided):
            plain, other = sample.tensors(pb), strided.tensors(pb)
            a, b = op.of_tensors(pb, sample)(*plain), op.of_tensors(pb, strided)(*other)
            for left, right in zip(results(pb, a), results(pb, b), strict=True):
                assert left.dtype == right.dtype
                if not unfilled(op):
                    same(array(left), array(right))
            at = wanted(sample)
            if op.differentiable and at:
                left = gradients(pb, differentiable(pb, a), [plain[i] for i in at])
                right = gradients(pb, differentiable(pb, b), [other[i] for i in at])
                for one, two in zip(left, right, strict=True):
                    same(one, two)


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


def test_there_are_pointwise_operators() -> None:
    found = {op.name for op in OPS if op.inplace and not op.random and pointwise_sample(op)}
    assert {"add", "exp", "pow", "clamp", "sigmoid"} <= found


@every("inplace", without="random")
@pytest.mark.parametrize("shape", [(0,), (2, 0, 3), ()], ids=str)
def test_empty_and_0d(op: Op, shape: tuple[int, ...]) -> None:
    sample = pointwise_sample(op)
    if sample is None:
        return
    size = int(np.prod(shape))
    changed = sample.with_leaves(
        lambda leaf: replace(leaf, array=np.resize(leaf.array.ravel()[:1], size).reshape(shape)),
        str(shape),
    )
    with about(op, changed):
        tensors = tuple(changed.tensors(pb))
        out = op.of_tensors(pb, changed)(*tensors)
        assert all(o.shape == shape for o in results(pb, out))
        if op.differentiable:
            assert gradcheck(op.of_tensors(pb, changed), tensors, check_forward_ad=True)
            assert gradgradcheck(op.of_tensors(pb, changed), tensors)


# --- forms ---


@every("method", without="factory")
def test_the_method_is_the_function(op: Op) -> None:
    for sample in op.samples:
        if not isinstance(sample.args[0], Leaf):
            continue
        with about(op, sample):

            def method(first: Any, *args: Any, **kwargs: Any) -> Any:
                pb.manual_seed(0)
                return getattr(first, op.name)(*args, **kwargs)

            a = results(pb, op.of_tensors(pb, sample)(*sample.tensors(pb)))
            b = results(pb, op.of_tensors(pb, sample, method)(*sample.tensors(pb)))
            for left, right in zip(a, b, strict=True):
                assert (left.dtype, left.stride()) == (right.dtype, right.stride())
                if not unfilled(op):
                    same(array(left), array(right), 0, 0)


@every("inplace")
def test_the_inplace_form_equals_the_function(op: Op) -> None:
    for sample in op.samples:
        if not isinstance(sample.args[0], Leaf):
            continue
        with about(op, sample):

            def inplace(first: Any, *args: Any, **kwargs: Any) -> Any:
                pb.manual_seed(0)
                return getattr(first, op.name + "_")(*args, **kwargs)

            tensors = sample.tensors(pb, grad=False)
            expected = op.of_tensors(pb, sample)(*tensors)
            target = tensors[0].clone()
            version = target._version
            call = op.of_tensors(pb, sample, inplace)
            if expected.shape != target.shape or not pb.can_cast(expected.dtype, target.dtype):
                before = array(target)
                with pytest.raises(RuntimeError):
                    call(target, *tensors[1:])
                same(array(target), before, 0, 0)
                continue
            assert call(target, *tensors[1:]) is target
            same(array(target), array(expected).astype(array(target).dtype), 0, 0)
            assert target._version == version + 1
            leaf = tensors[0].clone().requires_grad_(tensors[0].is_floating_point())
            if leaf.requires_grad:
                with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
                    call(leaf, *tensors[1:])


@every("inplace", "differentiable")
def test_the_inplace_form_is_recorded(op: Op) -> None:
    for sample in op.samples:
        at = wanted(sample)
        if not at or not isinstance(sample.args[0], Leaf):
            continue
        with about(op, sample):
            tensors = sample.tensors(pb)
            expected = op.of_tensors(pb, sample)(*tensors)
            if (expected.shape, expected.dtype) != (tensors[0].shape, tensors[0].dtype):
                continue

            def inplace(first: Any, *args: Any, **kwargs: Any) -> Any:
                pb.manual_seed(0)
                return getattr(first * 1, op.name + "_")(*args, **kwargs)

            found = op.of_tensors(pb, sample, inplace)(*tensors)
            # torch counts the forms of one operator in the digit at the end.
            assert found.grad_fn.name()[:-1] == expected.grad_fn.name()[:-1]
            inputs = [tensors[i] for i in at]
            left = gradients(pb, [expected], inputs)
            try:
                right = gradients(pb, [found], inputs)
            except RuntimeError as error:
                assert "modified by an inplace operation" in str(error)
                continue
            for a, b in zip(left, right, strict=True):
                same(a, b)


@every("out")
def test_out(op: Op) -> None:
    for sample in op.samples:
        with about(op, sample):
            tensors = sample.tensors(pb, grad=False)
            call = op.function(pb)
            args, kwargs = sample.fill(pb, tensors)
            expected = call(*args, **kwargs)
            wanted_results = results(pb, expected)
            fresh = [pb.empty(0, dtype=e.dtype) for e in wanted_results]
            strided = [pb.empty(e.shape[::-1], dtype=e.dtype) for e in wanted_results]
            strided = [s.permute(tuple(range(s.dim()))[::-1]) for s in strided]
            # Random numbers are drawn in the order of the memory: parity/test_random_layouts.py.
            for targets in (fresh,) if op.random else (fresh, strided):
                one = targets[0] if isinstance(expected, pb.Tensor) else tuple(targets)
                found = results(pb, call(*args, **kwargs, out=one))
                for target, given, value in zip(targets, found, wanted_results, strict=True):
                    assert given is target
                    same(array(target), array(value))
            if wanted(sample) and op.differentiable:
                args, kwargs = sample.fill(pb, sample.tensors(pb))
                one = fresh[0] if isinstance(expected, pb.Tensor) else tuple(fresh)
                with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
                    call(*args, **kwargs, out=one)


# --- dtypes ---


@every("inplace")
def test_float32_is_close_to_float64(op: Op) -> None:
    for sample in op.samples:
        with about(op, sample):
            rounded = sample.with_leaves(
                lambda leaf: (
                    replace(leaf, array=leaf.array.astype(np.float32).astype(np.float64))
                    if leaf.floating
                    else leaf
                ),
                "float32",
            )
            call = op.of_tensors(pb, rounded)
            exact = call(*rounded.tensors(pb, grad=False))
            found = call(*rounded.tensors(pb, dtype="float32", grad=False))
            if exact.is_floating_point():
                assert found.dtype == (pb.float64 if op.name == "float_power" else pb.float32)
            same(array(found), array(exact), 1.3e-6, 1e-5)


@every("inplace", without="random")
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
def test_integers_and_bools_give_what_floats_give(op: Op, dtype: str) -> None:
    """Or the operator refuses them."""
    sample = pointwise_sample(op)
    if sample is None:
        return
    whole = sample.with_leaves(
        lambda leaf: replace(
            leaf, grad=False, array=(np.abs(np.trunc(leaf.array * 2)) + 1).clip(1, 3).astype(dtype)
        ),
        dtype,
    )
    with about(op, whole):
        call = op.of_tensors(pb, whole)
        try:
            found = call(*whole.tensors(pb))
        except (RuntimeError, NotImplementedError) as error:
            assert str(error)
            return
        try:
            exact = call(*[pb.tensor(t.tolist(), dtype=pb.float64) for t in whole.tensors(pb)])
        except (RuntimeError, NotImplementedError):
            return  # bitwise operators
        if found.is_floating_point():
            assert found.dtype == (pb.float64 if op.name == "float_power" else pb.float32)
            same(array(found), array(exact), 1.3e-6, 1e-5)
        elif dtype == "bool" and found.dtype == pb.bool:
            same(array(found), array(exact).astype(bool), 0, 0)
        else:
            # A power of a bool by a number is int64, as in torch.
            assert found.dtype in (getattr(pb, dtype), pb.bool, pb.int64)
            values = np.asarray(array(exact))
            same(array(found), values.astype(np.int64).astype(array(found).dtype), 0, 0)


# --- wrong arguments ---


@every()
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
