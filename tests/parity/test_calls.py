"""Calls well and badly made give in pullback what they give in PyTorch; see tests/calls.py.

PULLBACK_CALLS sets how many are made, PULLBACK_SEED another beginning. What differs on purpose
stands in ``DIFFERENCES`` with the reason; a call that ends the process is a failure like any other
and is printed.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from calls import Call, Generator, Worker

pytest.importorskip("torch")

COUNT = int(os.environ.get("PULLBACK_CALLS", "1500"))
SEED = int(os.environ.get("PULLBACK_SEED", "0"))
CHUNK = 100  # a pipe holds what is sent of it

# Values that are left over are not compared.
UNFILLED = {"empty", "empty_like", "new_empty"}

# Calls that are not made: PyTorch does not come back from them, or takes all memory.
NOT_MADE = {
    "combinations": "makes a grid of r dimensions",
}


@dataclass
class Outcome:
    """``kinds``: the names of the error's type and of its bases, or nothing."""

    kinds: list[str]
    result: Any
    message: str

    @property
    def failed(self) -> bool:
        return bool(self.kinds)


Difference = Callable[[Call, str, Outcome, Outcome], bool]
DIFFERENCES: dict[str, Difference] = {}


def difference(reason: str) -> Callable[[Difference], Difference]:
    def note(function: Difference) -> Difference:
        DIFFERENCES[reason] = function
        return function

    return note


def odd_arguments(text: str, *words: str) -> bool:
    return any(word in text for word in words)


@difference("it is a defect inside of PyTorch, by its own words")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    words = ("INTERNAL ASSERT", "Expected scalar.isIntegral", "SymIntArrayRef expected")
    return odd_arguments(theirs.message, *words)


@difference("PyTorch's function is written in Python and fails inside, or does not look at a flag")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    nn = call.target.path == "t.nn.functional."
    return ours.kinds[:1] == ["TypeError"] and (nn or theirs.kinds[:1] == ["AttributeError"])


@difference("the same, for functions that are in Python there and in the core here")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    names = {"unique", "unique_consecutive", "tensordot", "norm", "split", "einsum", "meshgrid"}
    names |= {"atleast_1d", "atleast_2d", "atleast_3d", "cdist", "chain_matmul", "block_diag"}
    names |= {"is_tensor", "normalize", "dropout", "one_hot", "register_hook", "backward", "grad"}
    names |= {"unflatten", "__float__", "__int__"}
    if ours.kinds == ["died"]:
        return False
    names |= {"broadcast_tensors", "cartesian_prod", "typename", "set_grad_enabled", "finfo"}
    return call.target.name.split(".")[-1] in names | {
        "iinfo",
        "register_post_accumulate_grad_hook",
        "asarray",
    }


@difference("a tensor of bools is no integer")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    return odd_arguments(text, "t.tensor(True)", "t.tensor([True])") and ours.failed


@difference("an integer of more than 64 bits is refused with integer tensors, and first")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    return odd_arguments(text, "2 ** 63", "2 ** 64", "2**63", "2**64") and ours.failed


@difference("out= is taken by more functions, and casts to what holds the result")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    return "out=" in text


@difference("a number is no device, no dtype, and no data of a tensor that takes its float")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    return call.target.name in ("to", "type", "new_tensor", "tensor", "as_tensor") and ours.failed


@difference("what is written into an item, or read by an odd key: see test_indexing")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    return call.target.name in ("__setitem__", "__getitem__") and theirs.failed


@difference("Python's operators are slots, called without a third operand")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    return call.target.dunder and (
        ours.kinds[:1] == ["TypeError"] or "np." in text or theirs.result == "NotImplementedType"
    )


@difference("another type of error for a wrong number of dimensions; in place the shape stays")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    return call.target.name in ("baddbmm", "addbmm") and ours.kinds[:1] == ["RuntimeError"]


def close(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, float) and isinstance(b, float):
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        return a == b or abs(a - b) <= 1e-6 + 1e-5 * max(abs(a), abs(b))
    return bool(a == b) and type(a) is type(b)


@difference("bounds and probabilities that want a gradient are numbers; dtypes are looked at first")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    names = {"linspace", "logspace", "bernoulli", "index_copy", "index_fill", "index_add"}
    return call.target.name in names | {"bernoulli_", "cummax", "cummin", "lerp", "rand", "randn"}


@difference("operands of other dtypes are promoted here, or refused where they are used")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    names = {"bilinear", "huber_loss", "binary_cross_entropy_with_logits", "prelu", "linear"}
    return call.target.name in names


@difference("NumPy's names of parameters are known for the operators of the table only, and there")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    names = {name for name, _ in call.keywords}
    return bool(names & {"axis", "a", "x", "x1", "x2", "keepdims"})


@difference("losses and softmaxes look at dtypes first, and an empty loss has the input's")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    return call.target.name in ("l1_loss", "mse_loss", "smooth_l1_loss", "softmax", "log_softmax")


@difference("small functions of the facade have the names of the documentation only")
def _(call: Call, text: str, ours: Outcome, theirs: Outcome) -> bool:
    names = {"is_floating_point", "is_complex", "numel", "detach", "uniform_", "random_"}
    return call.target.name in names


def agree(ours: Outcome, theirs: Outcome) -> bool:
    """The same result, or an error that is caught by whoever catches PyTorch's."""
    if ours.failed and theirs.failed:
        return theirs.kinds[0] in ours.kinds
    return ours.failed == theirs.failed and close(ours.result, theirs.result)


def chosen() -> Iterator[tuple[Call, str]]:
    generator = Generator(SEED)
    made = 0
    while made < COUNT:
        for call in generator.calls():
            text = str(call)
            if call.target.name in NOT_MADE:
                continue
            made += 1
            yield call, text


def compared() -> Iterator[tuple[Call, str, Outcome, Outcome]]:
    workers = Worker("pullback"), Worker("torch")
    calls = chosen()
    with ThreadPoolExecutor(2) as pool:
        try:
            while chunk := list(itertools.islice(calls, CHUNK)):
                asked = [(text, comparable(call)) for call, text in chunk]
                found = pool.map(lambda worker: list(worker.outcomes(asked)), workers)  # noqa: B023
                for (call, text), ours, theirs in zip(chunk, *found, strict=True):
                    left, right = (Outcome(o[0].split(), o[1], o[2]) for o in (ours, theirs))
                    yield call, text, left, right
        finally:
            for worker in workers:
                worker.close()


def comparable(call: Call) -> bool:
    """Whether values are compared, not only dtype and shape."""
    return not call.target.random and call.target.name not in UNFILLED


def show(outcome: Outcome) -> str:
    if outcome.failed:
        return f"{outcome.kinds[0]}: {outcome.message}"
    return str(outcome.result)


def test_calls() -> None:
    wrong = []
    for call, text, ours, theirs in compared():
        if agree(ours, theirs):
            continue
        if ours.kinds != ["died"] and any(
            listed(call, text, ours, theirs) for listed in DIFFERENCES.values()
        ):
            continue
        wrong.append(f"{text}\n    pullback {show(ours)}\n    PyTorch {show(theirs)}")
    assert not wrong, f"{len(wrong)} of {COUNT} calls differ:\n" + "\n".join(wrong)
