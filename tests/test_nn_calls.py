"""Functions and modules of ``nn`` by themselves: both modes, two orders and batches of each.

The calls are those of nn_cases.py; beside PyTorch they are in parity/test_nn_calls.py.
"""

from __future__ import annotations

from typing import Any

import pytest

import pullback as pb
from nn_cases import FUNCTIONS, MODULES, REFUSED, UNLIKE_DERIVATIVES, Call, rows
from pullback.autograd import gradcheck, gradgradcheck
from table import array, results, same

F = pb.nn.functional
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated")


def function(call: Call, tensors: list[Any]) -> Any:
    """Of the tensors that want a gradient; random numbers are the same in each call."""

    def of_wanted(*some: Any) -> Any:
        pb.manual_seed(0)
        values = list(tensors)
        for k, tensor in zip(call.wanted, some, strict=True):
            values[k] = tensor
        out = results(pb, call(pb, values))
        return tuple(o for o in out if o.is_floating_point())

    return of_wanted


@pytest.mark.parametrize("text", rows(FUNCTIONS))
def test_derivatives(text: str) -> None:
    call = Call(text)
    tensors = call.tensors(pb)
    inputs = tuple(tensors[k] for k in call.wanted)
    assert inputs
    of_wanted = function(call, tensors)
    assert gradcheck(of_wanted, inputs, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(of_wanted, inputs, fast_mode=True, check_fwd_over_rev=True)


@pytest.mark.parametrize("text", rows(FUNCTIONS))
def test_batches(text: str) -> None:
    call = Call(text)
    tensors = call.tensors(pb, grad=False)
    wanted = tuple(tensors[k] for k in call.wanted)
    of_wanted = function(call, tensors)
    stacked = [pb.stack([x, x * 0.5, -x]) for x in wanted]
    found = pb.vmap(of_wanted, randomness="same")(*stacked)
    for k in range(3):
        one = of_wanted(*[x[k] for x in stacked])
        for a, b in zip(found, one, strict=True):
            same(array(a[k]), array(b), 1e-6, 1e-9)


@pytest.mark.parametrize("text", rows(UNLIKE_DERIVATIVES))
def test_they_run_and_have_gradients(text: str) -> None:
    call = Call(text)
    tensors = call.tensors(pb)
    out = call(pb, tensors)
    gradients = pb.autograd.grad(out.sum(), [tensors[k] for k in call.wanted])
    assert all(bool(g.isfinite().all()) for g in gradients)


@pytest.mark.parametrize("text", rows(MODULES))
def test_modules_run_and_train(text: str) -> None:
    made, _, inputs = text.partition(" | ")
    module = eval(made, vars(pb.nn)).double()
    call = Call(f"[{inputs}]")
    out = results(pb, module(*call(pb, call.tensors(pb))))
    floating = [o.sum() for o in out if o.requires_grad]
    parameters = [p for p in module.parameters() if p.requires_grad]
    if parameters:
        sum(floating).backward()
        assert all(p.grad is not None for p in parameters)
    assert all(o.dtype in (pb.float64, pb.int64) for o in out)


@pytest.mark.parametrize("text", rows(REFUSED))
def test_refusals_say_why(text: str) -> None:
    call = Call(text)
    tensors = call.tensors(pb)
    with pytest.raises(
        (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError, AssertionError)
    ) as caught:
        call(pb, tensors)
    assert len(str(caught.value)) > 20
