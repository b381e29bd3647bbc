"""Call forms and wrong arguments that once went another way than PyTorch's, one by one.

What tests/parity/test_calls.py finds at random stands here for good.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import pullback as pb
from calls import Float, Index, outcome
from outcomes import Outcome
from parity.test_calls import agree, show

torch = pytest.importorskip("torch")

CALLS = """
t.nn.functional.mse_loss(c(2), c(2), reduction=1)
t.nn.functional.l1_loss(c(2), c(2), reduction=None)
t.nn.functional.smooth_l1_loss(c(2), c(2), reduction=[])
t.nn.functional.huber_loss(c(2), c(2), reduction=0.5)
t.nn.functional.kl_div(c(2), c(2), reduction=1)
t.nn.functional.nll_loss(c(2, 3), i(2, high=3), reduction=1)
t.nn.functional.cross_entropy(c(2, 3), i(2, high=3), reduction=b'a')
t.nn.functional.mse_loss(c(2), c(2), size_average=0)
t.nn.functional.mse_loss(c(2), c(2), None, 1)
t.nn.functional.relu(c(2), 0)
t.nn.functional.elu(c(2), 1.0, inplace=np.bool_(True))
t.nn.functional.l1_loss(x(), t.ones(2, 3))
t.nn.functional.mse_loss(t.ones(0), x())
t.nn.functional.huber_loss(t.tensor([[1.0]]), x(3, 4))
t.nn.functional.huber_loss(t.tensor(1), x(3, 4))
t.nn.functional.softmax(i(2), -2)
t.nn.functional.softmax(x1=c(2), dim=0)
t.nn.functional.l1_loss(a=c(2), target=c(2))
t.nn.functional.softplus(x=c(2))
t.nn.functional.gelu(a=c(2))
t.nn.functional.one_hot(input=i(3, high=3))
t.nn.functional.one_hot(a=i(3, high=3), num_classes=4)
t.nn.functional.one_hot(tensor=i(3, high=3))
t.nn.functional.one_hot(i(3, high=3), 'a')
t.nn.functional.one_hot(i(2, 3, high=3).t()).stride()
t.nn.functional.dropout(0.5)
t.nn.functional.dropout(c(3), t.tensor(0.0))
t.nn.functional.dropout(c(3), 0.5, 1)
t.nn.functional.softshrink(c(3), float('inf'))
t.nn.functional.cosine_similarity(c(2, 3), c(2, 3), eps=float('nan'))
t.index_fill(c(3), 0, t.tensor([1], dtype=t.uint8), 2)
t.index_fill(c(3), 0, t.tensor([1], dtype=t.int32), 2)
t.index_fill(c(3), 0, t.ones(0), 2)
t.index_copy(c(3), 0, t.tensor([1], dtype=t.int32), c(1))
t.index_copy(c(3, 4), 0, i(1, high=3), t.ones(0))
t.ones(0).index_select(0, t.tensor([1]))
t.ones(0).index_fill(0, t.tensor([1], dtype=t.int32), 1)
(lambda v: v.masked_fill_(v > 2, v[0]))(t.arange(5.0))
(lambda v: v.index_fill_(0, t.tensor([1, 2]), v[4]))(t.arange(5.0))
(lambda v: v.add_(v[0]))(t.arange(5.0))
c(3).random_(2, None).shape
c(3).random_(0, to=None).shape
i(3).random_(**{'from': 5, 'to': None}).min() >= 5
t.zeros(3, dtype=t.uint8).random_(255, None)
t.zeros(3, dtype=t.uint8).random_(256, None)
c(3).random_(2, 'a')
c(3).bernoulli_(t.tensor(1))
c(3).bernoulli_(t.tensor(True))
c(3).uniform_(2.0, float('inf'))
t.ones(3).uniform_(-1e39, 0)
t.ones(3).uniform_(-3e38, 3e38)
t.as_tensor([1, 2], t.float32)
t.as_tensor([1, 2], dtype=t.float32)
t.autograd.grad((x(2) * 2).sum(), x(2), retain_graph='mean')
(x(2) * 2).backward(c(2), 1.0)
(x(2) * 2).backward(c(2), 1)
(x(2) * 2).backward([c(2)])
(x(2) * 2).backward([])
(x(2) * 2).backward(c(2), create_graph=None)
t.arange(0.0, 1e300, 0.25)
t.special.polygamma(2**62, c(3, low=0.2, high=3))
t.special.polygamma(171, t.ones(1, dtype=t.float64))
t.special.polygamma(2, -1e300 * t.ones(1, dtype=t.float64))
t.tril_indices(2**62, 4)
t.tril_indices(4, 3, -1)
t.triu_indices(4, 3, -2)
t.triu_indices(2**40, 3, 2)
t.tril_indices(3, 5, 2**62)
t.sub(c(2), c(2), alpha=2**63)
t.addr(t.tensor(1.0), c(3), c(4))
t.addr(i(3, 4), t.ones(3), c(4), beta=0.5)
t.addr(i(3, 4), i(3), i(4), beta=0.5)
t.lerp(c(3), c(3), t.tensor(0.5))
t.lerp(c(3), c(3), t.tensor([0.5]))
t.lerp(c(3), c(3), t.tensor(1))
t.einsum(c(3, 4), range(2))
t.einsum('ij->i')
t.atleast_1d(input=c(3))
t.atleast_2d([c(3)])
t.broadcast_tensors([c(3)])
t.block_diag([c(3)])
t.cartesian_prod([c(3)])
t.chain_matmul([c(3, 3)])
t.meshgrid([c(3)])
t.meshgrid(tensors=[c(3)])
t.is_tensor(obj=2)
t.numel(x=c(3))
t.is_floating_point(a=c(3))
t.is_complex(x1=c(3))
t.detach(input=c(3))
t.numel()
t.unique(i(3), axis=0)
i(5, 2, high=2).unique_consecutive(axis=0)
t.unique(t.tensor(1), dim=0)
t.norm(c(3), axis=0)
t.linalg.vector_norm(x=c(3), axis=0)
c(2, 3).stride(axis=0)
c(2, 3).size(axis=0)
c(2).copy_(x2=c(2))
c(2).is_contiguous(memory_format=t.preserve_format)
t.softmax(c(3), axis=0, keepdims=True)
1 in i(4)
np.int64(1) in t.arange(4)
np.float64(0.5) in t.arange(4)
t.finfo(None)
t.finfo(float).eps
t.iinfo(int).max
t.iinfo(type=int).bits
t.trace(b(3))
t.repeat_interleave(t.tensor(1.0))
t.cumulative_trapezoid(t.ones(0))
t.cumulative_trapezoid(t.ones(0, 2), t.ones(0), dim=0)
t.addcdiv(c(2), 2**64, c(2))
t.clip(c(3), 2**64, x())
t.add(c(2), 2**64)
t.celu(c(2), 2**2000)
c(3).set_(c(3, 4), np.array(1), (2, 2), (1, 4))
t.kthvalue(c(3, 4), k=2, out=t.empty(0), dim=3)
t.min(c(3), 1, out=t.empty(0))
t.sort(c(3), out=())
t.stack([c(2)], out=1)
t.stack([c(2)], out=[t.empty(0)])
t.cumprod(x(3), 0, out=t.empty(0, dtype=t.int64))
t.device('cpu:0', index=())
c(2).is_same_size(x2=c(2))
c(2).is_same_size(2)
t.tril_indices(3, 3, dtype=t.float64)
t.bilinear(c(5, 3), c(5, 4), c(2, 3, 4), bias=t.tensor([0, 1]))
t.trapezoid(t.tensor(True))
t.median(b(1), dim=1)
t.device(type='cpu')
t.typename(t.float32)
""".strip().splitlines()


@pytest.mark.parametrize("text", CALLS)
def test_same_result_or_error(text: str) -> None:
    found = []
    for lib in (pb, torch):
        kinds, result, message = outcome(lib, text)
        found.append(Outcome(kinds.split(), _plain(result), message))
    assert agree(*found), "\n".join(map(show, found))


def _plain(value: Any) -> Any:
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def test_one_tensor_does_not_take_two_results() -> None:
    twice = pb.empty(0, dtype=pb.int64)
    with pytest.raises(RuntimeError, match="holds one tensor twice"):
        pb.sort(pb.tensor([3, 1]), 0, out=(twice, twice))
    assert twice.shape == (0,)


@pytest.mark.parametrize("roots", [[None], (None, None)])
def test_none_is_no_root(roots: Any) -> None:
    x = pb.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match="'outputs' must hold Tensors, but got NoneType"):
        pb.autograd.grad(roots, x)
    with pytest.raises(TypeError, match="'tensors' must hold Tensors, but got NoneType"):
        pb.autograd.backward(roots)


@pytest.mark.parametrize("value", ["no", [], object(), Index(), Float()])
def test_a_flag_is_a_bool_or_a_number(value: Any) -> None:
    with pytest.raises(TypeError, match=r"argument 'inplace' .*must be bool, not"):
        pb.nn.functional.relu(pb.ones(2), value)
    with pytest.raises(TypeError, match=r"argument 'size_average' .*must be bool, not"):
        pb.nn.functional.mse_loss(pb.ones(2), pb.ones(2), value)


def test_a_masked_write_of_an_element_of_itself_has_its_gradient() -> None:
    grads = []
    for lib in (pb, torch):
        x = lib.arange(4.0, requires_grad=True)
        y = x * 2
        y.masked_fill_(lib.tensor([False, True, True, False]), y[3])
        (y * lib.arange(1.0, 5.0)).sum().backward()
        grads.append((y.tolist(), x.grad.tolist()))
    assert grads[0] == grads[1]


def test_huber_loss_has_the_dtype_of_its_input() -> None:
    found = []
    for lib in (pb, torch):
        x = lib.ones(3, requires_grad=True)
        y = lib.arange(3.0).double()
        loss = lib.nn.functional.huber_loss(x, y, reduction="none")
        found.append((str(loss.dtype), loss.tolist()))
    assert found[0] == found[1]
    # The pass is refused by PyTorch, which meets two dtypes there.
    x = pb.tensor([1.0, 1.5, 4.0], requires_grad=True)
    y = pb.ones(3, dtype=pb.float64, requires_grad=True)
    pb.nn.functional.huber_loss(x, y, reduction="sum").backward()
    assert x.grad is not None
    assert y.grad is not None
    assert (x.grad.dtype, x.grad.tolist()) == (pb.float32, [0.0, 0.5, 1.0])
    assert (y.grad.dtype, y.grad.tolist()) == (pb.float64, [0.0, -0.5, -1.0])


def test_losses_broadcast_before_they_promote() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("mse_loss", "l1_loss", "smooth_l1_loss"):
            grads = []
            for lib in (pb, torch):
                x = lib.tensor(2.0, dtype=lib.float64, requires_grad=True)
                loss = getattr(lib.nn.functional, name)(x, lib.zeros(3))
                loss.backward()
                grads.append((str(loss.dtype), float(loss), float(x.grad)))
            assert grads[0][0] == grads[1][0]
            np.testing.assert_allclose(grads[0][1:], grads[1][1:])
