"""What is written over after an operator ran: its results or its inputs, then the backward pass.

PyTorch refuses where it saved what was written; here that is refused which the derivative reads.
An error that PyTorch does not raise is a fault, a value that it refuses is right where it is the
gradient of what was computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from table import Case, each, results, same, torch_cases, weights
from unlike_torch import NO_DERIVATIVE_IN_TORCH, NOT_RECORDED_IN_TORCH, listed

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

# PyTorch does not refuse these, for a reason of its own.
REFUSED_HERE = {
    # Its one node for four dimensions refuses, too (test_attention.py).
    "scaled_dot_product_attention": "PyTorch makes it of steps, which save copies of the inputs",
    "as_strided(x(3,4), (3,3), (1,2), 1)": "elements that share memory are not written",
    "unfold(x(7), 0, 3, 2)": "the same",
    "unfold(x(3,4), 1, 2, 1)": "the same",
    "matmul(x(4), x(2,4,3))": "PyTorch saves a copy that the folding of dimensions made",
    "instance_norm(x(2,3,2,3), None, None, x(3), x(3), eps=0.1)": "PyTorch saves a copy",
    "instance_norm(x(2,3,4), c(3), c(3, low=0.5, high=2), x(3), None, False)": "the same",
    "polar(x(3,4, low=0.2, high=2), x(3,4))": "of length 0 the gradient needs the angle",
    "polar(x(3,1, low=0.2, high=2), x(4))": "the same",
    "kron(x(2,3), x(2,2))": "PyTorch does not notice, and gives a wrong gradient",
    "kron(x(3), x(2))": "the same",
    "kron(x(3), x(2,2))": "the same",
    "kron(x(), x(2))": "the same",
    "ndtr": "PyTorch saves a multiple of the input",
    "frexp": "PyTorch saves the exponent, which is found in the input again",
}

# Neither refuses, and the gradients differ.
OTHER_GRADIENTS = {
    "conj(z(3,4))": "a view in PyTorch, of which the writing is part, a copy here",
    "conj(z())": "the same",
    "conj(zs(3,4))": "the same",
    "adjoint(z(3,4))": "the same",
    "cholesky_solve(x(18,2), spd(18))": NO_DERIVATIVE_IN_TORCH["cholesky_solve"],
    "cholesky_inverse(zspd(3))": NO_DERIVATIVE_IN_TORCH["cholesky_inverse"],
    "cholesky_inverse(zspd(2), True)": NO_DERIVATIVE_IN_TORCH["cholesky_inverse"],
}

RECORDED = torch_cases("differentiable", without=["random"], grad=True, dtypes=("float64",))


def gradients_after_write(lib: Any, case: Case, place: str, k: int) -> Any:
    """The gradients, the type of the error, or None where there is nothing to write into."""
    leaves = case.tensors(lib)
    inputs = [t * 1 if t.requires_grad else t for t in leaves]
    out = case.call(lib)(*inputs)
    outputs = results(lib, out)
    written = outputs if place == "result" else inputs
    recorded = [t for t in outputs if t.requires_grad]
    if k >= len(written) or not recorded or written[k].dtype == lib.bool:
        return None
    try:
        written[k].mul_(2)
        recorded = [t for t in results(lib, case.without_phases(out)) if t.requires_grad]
        wanted = [t for t in leaves if t.requires_grad]
        seeds = [weights(lib, t) for t in recorded]
        found = lib.autograd.grad(recorded, wanted, seeds, allow_unused=True)
    except RuntimeError:
        return "RuntimeError"
    pairs = zip(found, wanted, strict=True)
    return [np.zeros(tuple(w.shape)) if g is None else np.array(g.numpy()) for g, w in pairs]


@each([case for case in RECORDED if case.op.name not in NOT_RECORDED_IN_TORCH])
def test_nothing_is_refused_that_torch_allows(case: Case) -> None:
    compared = 0
    refused: list[str] = []
    differ: list[str] = []
    for place in ("result", "input"):
        for k in range(3):
            ours, theirs = (gradients_after_write(lib, case, place, k) for lib in (pb, torch))
            assert (ours is None) == (theirs is None)
            compared += ours is not None
            where = f"{place} {k} was written"
            if isinstance(ours, str) and not isinstance(theirs, str):
                refused.append(where)
            elif isinstance(ours, list) and isinstance(theirs, list):
                try:
                    for mine, other in zip(ours, theirs, strict=True):
                        same(mine, other, 1e-7, 1e-7, what=where)
                except AssertionError as error:
                    differ.append(str(error))
    assert compared
    assert bool(refused) == listed(REFUSED_HERE, case), refused
    assert bool(differ) == listed(OTHER_GRADIENTS, case), differ


@each(RECORDED)
def test_a_write_that_is_allowed_changes_no_gradient_of_the_operator(case: Case) -> None:
    """Writing by ``mul_(2)`` doubles what arrives at a result, and leaves inputs' gradients."""
    leaves = case.tensors(pb)
    wanted = [t for t in leaves if t.requires_grad]
    inputs = [t * 1 if t.requires_grad else t for t in leaves]
    recorded = [t for t in results(pb, case.smooth(pb)(*inputs)) if t.requires_grad]
    assert recorded
    seeds = [weights(pb, t) for t in recorded]
    before = pb.autograd.grad(recorded, wanted, seeds, allow_unused=True, retain_graph=True)
    for t in inputs:
        if t.requires_grad and not any(r._base is t or r is t for r in recorded):
            t.detach().mul_(2)
    try:
        after = pb.autograd.grad(recorded, wanted, seeds, allow_unused=True)
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)  # noqa: PT017 - or allowed
        return
    for a, b in zip(before, after, strict=True):
        if a is not None:
            same(np.array(a.numpy()), np.array(b.numpy()), 0, 0)
