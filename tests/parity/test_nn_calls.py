"""Functions and modules of ``nn`` beside PyTorch: the calls of nn_cases.py.

Values, dtypes, gradients of two orders, random numbers for a seed, and of modules also the text,
the keys of the state and the parameters that a seed gives.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import pullback as pb
from nn_cases import FUNCTIONS, MODULES, REFUSED, UNLIKE_DERIVATIVES, Call, rows
from samples import TOLERANCES
from table import array, results, same, weights

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

# A second derivative that PyTorch does not have, or has wrong.
FIRST_ORDER = {
    "ctc_loss": "PyTorch has no second derivative",
    "CTCLoss": "the same",
    "F.pdist": "the same",
    "scaled_dot_product": "PyTorch has no second derivative",
    "MultiheadAttention": "the same",
    "Transformer": "the same",
    "F.embedding_bag": "PyTorch has no second derivative",
    "scale_grad_by_freq": "PyTorch refuses the second derivative",
    "MultiLabelMarginLoss": "PyTorch has no second derivative",
    "MultiMarginLoss": "PyTorch has no second derivative",
    "LinearCrossEntropyOptions": "PyTorch refuses the second derivative",
    "RReLU": "PyTorch records a second derivative, of zeros",
}


def compare(ours: Any, theirs: Any, dtype: str) -> None:
    left, right = results(pb, ours), results(torch, theirs)
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        assert str(a.dtype).split(".")[-1] == str(b.dtype).split(".")[-1]
        assert a.requires_grad == b.requires_grad
        same(array(a), array(b), *TOLERANCES[dtype])


def gradients(lib: Any, out: Any, inputs: list[Any], orders: int) -> list[np.ndarray]:
    outputs = [o for o in results(lib, out) if o.requires_grad]
    found = []
    for order in range(orders):
        if not outputs:
            found += [np.zeros(tuple(i.shape)) for i in inputs]
            continue
        seeds = [weights(lib, o, seed=order) for o in outputs]
        grads = lib.autograd.grad(
            outputs, inputs, seeds, create_graph=order + 1 < orders, allow_unused=True
        )
        pairs = zip(grads, inputs, strict=True)
        found += [np.zeros(tuple(i.shape)) if g is None else array(g) for g, i in pairs]
        outputs = [g for g in grads if g is not None and g.requires_grad]
    return found


def orders_of(text: str) -> int:
    return 1 if any(part in text for part in FIRST_ORDER) else 2


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("text", rows(FUNCTIONS) + rows(UNLIKE_DERIVATIVES))
def test_functions(text: str, dtype: str) -> None:
    call = Call(text)
    both = []
    for lib in (pb, torch):
        tensors = call.tensors(lib, dtype)
        lib.manual_seed(0)
        out = call(lib, tensors)
        inputs = [tensors[k] for k in call.wanted]
        both.append((out, gradients(lib, out, inputs, orders_of(text))))
    (ours, ours_grads), (theirs, their_grads) = both
    compare(ours, theirs, dtype)
    for a, b in zip(ours_grads, their_grads, strict=True):
        same(a, b, *TOLERANCES[dtype])


@pytest.mark.parametrize("text", rows(MODULES))
def test_modules(text: str) -> None:
    made, _, inputs = text.partition(" | ")
    call = Call(f"[{inputs}]")
    both = []
    for lib in (pb, torch):
        lib.manual_seed(3)
        module = eval(made, vars(lib.nn))
        start = {k: array(v) for k, v in module.state_dict().items()}
        module = module.double()
        found = []
        for _ in range(2):
            tensors = call.tensors(lib)
            lib.manual_seed(4)
            out = module(*call(lib, tensors))
            wanted = [tensors[k] for k in call.wanted]
            wanted += [p for p in module.parameters() if p.requires_grad]
            found.append((out, gradients(lib, out, wanted, orders_of(made))))
            module = module.eval()
        state = {k: array(v) for k, v in module.state_dict().items()}
        both.append((repr(module), start, state, found))
    ours, theirs = both
    assert ours[0] == theirs[0]
    for a, b in zip(ours[1:3], theirs[1:3], strict=True):
        assert list(a) == list(b)
        for key, value in a.items():
            same(value, b[key], 2e-6, 2e-7, key)
    for (a_out, a_grads), (b_out, b_grads) in zip(ours[3], theirs[3], strict=True):
        for a, b in zip(results(pb, a_out), results(torch, b_out), strict=True):
            same(array(a), array(b), 2e-5, 2e-6)
        for x, y in zip(a_grads, b_grads, strict=True):
            same(x, y, 2e-5, 2e-6)


@pytest.mark.parametrize("text", rows(REFUSED))
def test_refusals(text: str) -> None:
    kinds = []
    for lib in (pb, torch):
        call = Call(text)
        with warnings.catch_warnings(), pytest.raises(Exception, match=r".") as caught:
            warnings.simplefilter("ignore")
            call(lib, call.tensors(lib))
        kinds.append(caught.type)
    assert issubclass(kinds[0], kinds[1]), kinds
