"""No operator loses a gradient in silence: what every result of the table has for a derivative.

Every form of every row is called with all its floating tensors, and once more with its integers
made floating, in want of a gradient; then with tangents. Beside PyTorch are compared which results
require a gradient, the names of nodes that give zeros or refuse, whether each gradient is there,
zero or not, and the type and the first sentence of a refusal. What differs stands in the tables
below, each with its reason; an entry that is not needed any more fails.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pullback as pb
from samples import Leaf, Sample
from table import TORCH_OPS, Op, results, seeded, weights
from unlike_torch import NOT_RECORDED_IN_TORCH

torch = pytest.importorskip("torch")

HERE = "has a derivative here"
SIZE = "src larger than index has an invalid gradient in PyTorch"
OVERWRITTEN = "PyTorch overwrites what the gradient reads"
KEPT = "PyTorch keeps the history of what was overwritten"
WEIGHT = "PyTorch drops the tangent of the weight in silence"
# By kind of call and operator, perhaps with the sample.
OTHERWISE = {
    "backward: remainder(3.3, x(3, low=0.5, high=2))": HERE,
    "forward: _standard_gamma": HERE + ", also in forward mode",
    "forward in place: igamma": "a missing derivative is NotImplementedError, also in place",
    "forward in place: igammac": "the same",
    "backward: scatter": HERE + ", and " + SIZE,
    "backward: scatter_add": SIZE,
    "in place: scatter": HERE + ", and " + SIZE,
    "in place: scatter_add": SIZE,
    "in place: asinh": HERE,
    "in place: acosh": HERE,
    "in place: atanh": HERE,
    "in place: arcsinh": HERE,
    "in place: arccosh": HERE,
    "in place: arctanh": HERE,
    "in place: logical_not": KEPT,
    "in place: logical_and": KEPT,
    "in place: logical_or": KEPT,
    "in place: logical_xor": KEPT,
    "in place: addbmm": "PyTorch gives the tensor a new shape",
    "in place: set_": "refused at once, in PyTorch in the backward pass",
    "forward: remainder(3.3, x(3, low=0.5, high=2))": HERE,
    "forward: scatter": HERE,
    "forward: scatter_reduce": HERE,
    "forward: cdist": HERE,
    "forward: cholesky": HERE,
    "forward: ormqr": HERE,
    "forward: embedding_bag": HERE + ", and so an index that is no integer is the error",
    "forward: soft_margin_loss": HERE,
    "forward: nll_loss": WEIGHT,
    "forward: cross_entropy": WEIGHT,
    "forward: multi_margin_loss": HERE + ", and so a class that is no integer is the error",
    "forward: multilabel_margin_loss": "the same",
    "backward: soft_margin_loss": HERE + ", also by the target",
    "backward: multi_margin_loss(x(3,4), i(3, high=4), 2, 0.5, c(4, low=0.5, high=2), "
    "reduction='sum')": HERE + ", also by the weight",
    "backward: multilabel_margin_loss": "made of other operators, whose node has another name",
    **dict.fromkeys(
        (
            f"{kind}: {call}"
            for kind in ("forward", "backward")
            for call in (
                "batch_norm(x(2,3,4), c(3), c(3, low=0.5, high=2), x(3), x(3))",
                "batch_norm(x(2,3,2,2), c(3), c(3, low=0.5, high=2))",
                "instance_norm(x(2,3,4), c(3), c(3, low=0.5, high=2), x(3), None, False)",
            )
        ),
        HERE + ", also by the running statistics",
    ),
    "backward: vander": OVERWRITTEN,
    "backward: cond(w(3,3), 1)": OVERWRITTEN,
    "backward: cond(w(2,3,3), inf)": OVERWRITTEN,
    "backward: cond(w(3,3), -1)": OVERWRITTEN,
    "backward: cond(w(3,3), 'fro')": OVERWRITTEN,
    "backward: cond(zw(2,2), 1)": OVERWRITTEN,
    "backward: scaled_dot_product_attention(xs(4,3), xs(5,3), xs(5,2), b(4,1))": "one node, in "
    "PyTorch those of its formula, as one operand is strided",
    "backward: split_with_sizes_copy": "copies are clones of views, and the node is called so",
    "forward: zeta(2.5, x(4, low=0.3, high=30))": HERE,
    **dict.fromkeys(
        (f"{kind}: {name}" for kind in ("forward", "backward") for name in NOT_RECORDED_IN_TORCH),
        HERE,
    ),
    "forward: ldl_solve": "floating pivots are refused before the derivative",
    "backward: ldl_solve": HERE + ", but not by LD",
    "forward: slogdet": "the sign of a real determinant has no tangent, in PyTorch zeros",
    "backward: slogdet": "the sign of a real determinant gives zeros, in PyTorch nothing",
    "forward: lstsq": "empty residuals have no tangent, singular values have one",
    "backward: lstsq": "empty residuals have no history, singular values have one",
    "forward: householder_product(c(3,2), c(0))": "the identity, which depends on nothing",
    "forward: householder_product(c(3,0), c(0))": "the same",
    "backward: householder_product(c(3,2), c(0))": "the same",
    "backward: householder_product(c(3,0), c(0))": "the same",
    "backward: svd(c(3,0))": "vectors without a value are refused, PyTorch leaves their part out",
    "backward: svd(c(5,3), False)": "the same",
    "forward: triangular_solve(x(2,3,2), x(3,3, low=0.5, high=2), False)": "PyTorch fails",
    "backward: triangular_solve": "the copy of A depends on A alone, in PyTorch with zeros on b",
    "backward: where(b(3,4), z(4), x(3,1))": "the real part of a gradient, in PyTorch an error",
    "forward: view_as_complex(x(0,2))": "PyTorch fails",
    "forward: logcumsumexp(x(0,3), 0)": "PyTorch fails",
    "forward in place: scatter": HERE,
    "forward in place: scatter_reduce": HERE,
    "forward in place: asinh": HERE,
    "forward in place: acosh": HERE,
    "forward in place: atanh": HERE,
    "forward in place: arcsinh": HERE,
    "forward in place: arccosh": HERE,
    "forward in place: arctanh": HERE,
    "forward in place: logical_not": KEPT,
    "forward in place: logical_and": KEPT,
    "forward in place: logical_or": KEPT,
    "forward in place: logical_xor": KEPT,
}


def wants(leaf: Leaf) -> Leaf:
    return replace(leaf, grad=leaf.floating)


def floating(leaf: Leaf) -> Leaf:
    return replace(leaf, array=leaf.array.astype(np.float64), grad=True)


def size_of(tensor: Any) -> str:
    return "missing" if tensor is None else "nonzero" if bool((tensor != 0).any()) else "zero"


def backward(lib: Any, result: Any, inputs: list[Any]) -> Any:
    try:
        found = lib.autograd.grad(result, inputs, weights(lib, result), True, allow_unused=True)
    except (RuntimeError, NotImplementedError) as error:
        # The in-place forms are called floor_divide_ and heaviside_ there.
        said = re.split(r"[.\n]", str(error))[0].replace("_ is not", " is not")
        return type(error).__name__, said
    return [size_of(each) for each in found]


def recorded(lib: Any, op: Op, sample: Sample, form: Callable[..., Any], again: bool) -> Any:
    """What each result has; ``again``: of tensors that have a history already."""
    tensors = sample.tensors(lib)
    inputs = [t for t in tensors if t.requires_grad]
    used = [t * 1 if again and t.requires_grad else t for t in tensors]
    try:
        out = op.of_tensors(lib, sample, seeded(lib, form))(*used)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
        return type(error).__name__
    found = []
    for each in results(lib, out):
        if not each.requires_grad:
            found.append(["no gradient"])
            continue
        back = backward(lib, each, inputs)
        says = isinstance(back, tuple) or "nonzero" not in back
        empty = any(t.numel() == 0 for t in inputs)
        name = each.grad_fn.name() if says and not empty else None
        found.append([name, back])
    return found


def propagated(lib: Any, op: Op, sample: Sample, form: Callable[..., Any]) -> Any:
    forward_ad = lib.autograd.forward_ad
    with forward_ad.dual_level():
        tensors = [
            forward_ad.make_dual(t.detach(), weights(lib, t)) if t.requires_grad else t
            for t in sample.tensors(lib)
        ]
        try:
            out = op.of_tensors(lib, sample, seeded(lib, form))(*tensors)
        except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
            return type(error).__name__
        return [size_of(forward_ad.unpack_dual(each).tangent) for each in results(lib, out)]


def in_place(op: Op) -> str:
    """The name of the in-place form, if there is one."""
    return op.name if op.name.endswith("_") else op.name + "_" if op.inplace else ""


def calls(op: Op, sample: Sample) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """What is compared, by kind of call."""
    name = in_place(op)
    of_tensor = isinstance(next(iter(sample.args), None), Leaf)
    if name and of_tensor:
        yield "in place", lambda lib: recorded(lib, op, sample, getattr(lib.Tensor, name), True)
        yield (
            "forward in place",
            lambda lib: propagated(lib, op, sample, getattr(lib.Tensor, name)),
        )
    if name != op.name:
        yield "forward", lambda lib: propagated(lib, op, sample, op.forms(lib)[0])
        for k in {0, len(op.forms(pb)) - 1 - (op.method and not of_tensor)}:
            yield "backward", lambda lib, k=k: recorded(lib, op, sample, op.forms(lib)[k], False)


def test_every_result_of_every_form() -> None:
    needed = set()
    wrong = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for op in TORCH_OPS:
            for plain in op.samples:
                integral = any(not leaf.floating for leaf in plain.leaves)
                for change in (wants, floating) if integral else (wants,):
                    for kind, run in calls(op, plain.with_leaves(change, change.__name__)):
                        ours, theirs = run(pb), run(torch)
                        keys = (f"{kind}: {op.name}({plain})", f"{kind}: {op.name}")
                        listed = [key for key in keys if key in OTHERWISE]
                        if ours != theirs and not listed:
                            wrong.append((keys[0], change.__name__, ours, theirs))
                        elif ours != theirs:
                            needed.add(listed[0])
    assert not wrong
    assert needed == set(OTHERWISE), set(OTHERWISE) - needed
