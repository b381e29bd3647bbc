"""What users rely on without knowing: gradients at awkward points, and the rules of autograd.

The points stand in conventions.py. The rules (accumulation, casting, versions, a second backward,
the sentences users search for) are literal numbers here.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import pullback as pb
from conventions import POINTS, REFUSED, UNLIKE, found
from pullback._pytree import tree_leaves


@pytest.mark.parametrize("name", [*POINTS, *UNLIKE])
def test_gradient(name: str) -> None:
    row = POINTS.get(name) or UNLIKE[name]
    for gradient, expected in zip(found(pb, row), row[2], strict=True):
        np.testing.assert_allclose(gradient, np.array(expected), rtol=1e-12, atol=1e-12)
        zeros = gradient == 0
        assert (np.signbit(gradient) == np.signbit(np.array(expected)))[zeros].all()


@pytest.mark.parametrize("name", UNLIKE)
def test_both_modes_and_higher_orders_where_there_is_no_probability(name: str) -> None:
    function, arguments, gradients = UNLIKE[name]
    leaves = [pb.tensor(a, dtype=pb.float64) for a in arguments]
    numbers = tuple(range(len(leaves)))

    def total(*leaves: Any) -> Any:
        return function(pb, *leaves).sum()

    first = pb.func.jacfwd(total, numbers)(*leaves)
    assert [g.tolist() for g in first] == gradients
    modes = [pb.func.jacfwd, pb.func.jacrev]
    for order in (2, 3):
        for chosen in itertools.product(modes, repeat=order):
            slope = total
            for mode in chosen:
                slope = mode(slope, numbers)
            found = tree_leaves(slope(*leaves))
            assert len(found) == len(leaves) ** order
            assert all((each == 0).all() for each in found), chosen


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """There is no derivative, and it says so when it is asked for."""
    x = pb.tensor([1.0, 2.5], requires_grad=True)
    with pytest.raises((RuntimeError, NotImplementedError), match="not implemented"):
        REFUSED[name](pb, x).sum().backward()


# --- the rules ---


def leaf(*values: float, dtype: Any = pb.float64) -> Any:
    return pb.tensor(values, dtype=dtype, requires_grad=True)


def test_accumulation() -> None:
    x = leaf(1.0)
    x.sum().backward()
    first = x.grad
    x.sum().backward()
    assert x.grad is first
    (x * x).sum().backward(create_graph=True)
    assert x.grad is not first
    assert x.grad.tolist() == [4.0]
    x.grad = None


def test_layout_of_gradients() -> None:
    x = pb.zeros(3, 2).t()[:, :].detach().requires_grad_()
    (x * 1).sum().backward()
    assert x.grad.stride() == x.stride() == (1, 2)
    expanded = pb.zeros(1).expand(4).requires_grad_()
    (expanded * 1).sum().backward()
    assert expanded.grad.stride() == (1,)


def test_casting() -> None:
    x = leaf(1.0, dtype=pb.float32)
    x.double().sum().backward()
    assert x.grad.dtype == pb.float32
    with pytest.raises(RuntimeError):
        x.grad = pb.zeros(1, dtype=pb.float64)
    with pytest.raises(RuntimeError):
        x.grad = pb.zeros(2)


def test_versions() -> None:
    x = pb.zeros(1)
    d = x.detach()
    d.add_(1)
    assert (x._version, d._version) == (1, 1)
    x = pb.zeros(1)
    d = x.data
    d.add_(1)
    assert (x._version, d._version) == (0, 1)


def test_second_backward() -> None:
    x = leaf(2.0)
    total = x.sum()
    total.backward()
    total.backward()
    power = x.pow(2)
    power.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        power.backward()


def _modified(x: Any) -> None:
    y = x.exp()
    z = y * y
    with pb.no_grad():
        y.add_(1)
    z.sum().backward()


def _twice(x: Any) -> None:
    y = (x * x).sum()
    y.backward()
    y.backward()


def _leaf_view(x: Any) -> None:
    x[0].add_(1)


def _inference(x: Any) -> None:
    with pb.inference_mode():
        t = pb.ones(2)
    x * t


MESSAGES = {
    "modified by an inplace operation": _modified,
    "backward through the graph a second time": _twice,
    "element 0 of tensors does not require grad": lambda x: x.detach().sum().backward(),
    "grad can be implicitly created only for scalar outputs": lambda x: (x * 2).backward(),
    "a leaf Variable that requires grad is being used in an in-place operation": (
        lambda x: x.add_(1)
    ),
    "a view of a leaf Variable that requires grad is being used": _leaf_view,
    r"Can't call numpy\(\) on Tensor that requires grad": lambda x: x.numpy(),
    "appears to not have been used in the graph": (lambda x: pb.autograd.grad(x.sum(), leaf(1.0))),
    "Inference tensors cannot be saved for backward": _inference,
    "you can only change requires_grad flags of leaf variables": (
        lambda x: (x * 2).requires_grad_(False)
    ),
    "nly Tensors of floating point and complex dtype can require gradients": (
        lambda x: pb.tensor([1], requires_grad=True)
    ),
}


@pytest.mark.parametrize("sentence", MESSAGES)
def test_the_sentences_users_search_for(sentence: str) -> None:
    with pytest.raises(RuntimeError, match=sentence):
        MESSAGES[sentence](leaf(1.0, 2.0))
