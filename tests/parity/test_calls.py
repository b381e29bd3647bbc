"""Calls well and badly made give in pullback what they give in PyTorch; see tests/calls.py.

PULLBACK_CALLS sets how many are made, PULLBACK_SEED another beginning. What differs on purpose
stands in tests/call_differences.py with the reason; a call that ends the process is a failure like
any other and is printed.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from call_differences import DIFFERENCES
from calls import Call, Generator, Worker
from outcomes import FACTORIZATIONS, Outcome, close, settled

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


def agree(ours: Outcome, theirs: Outcome) -> bool:
    """The same result, or an error that is caught by whoever catches PyTorch's."""
    if ours.kinds == ["died"]:
        return False
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


def test_complex_results_are_compared() -> None:
    """They come from the other process as what they are, and wrong ones are told."""
    worker = Worker("pullback")
    try:
        ((_, found, _),) = worker.outcomes([("t.tensor([1 + 2j, complex('nan')]) * 1", True)])
    finally:
        worker.close()
    assert close(found[-1], [1 + 2j, complex("nan")])
    assert not close(found[-1], [1 - 2j, complex("nan")])
    assert not close([complex("inf")], [complex("nan")])
    died = Outcome(["died"], None, "exit code 1")
    assert not agree(died, died)


def test_vectors_are_right_up_to_one_sign_each() -> None:
    """Signs of single elements are no sign of a vector."""
    eigh = FACTORIZATIONS["linalg.eigh"]
    spectrum = ["Tensor", "float32", [2], False, [1.0, 2.0]]

    def found(*rows: list[float]) -> list[object]:
        return ["tuple", spectrum, ["Tensor", "float32", [2, 2], False, list(rows)]]

    right = found([0.6, 0.8], [-0.8, 0.6])
    turned = found([-0.6, 0.8], [0.8, 0.6])
    wrong = found([0.6, 0.8], [0.8, 0.6])
    assert close(settled(eigh, turned, right), right)
    assert not close(settled(eigh, wrong, right), right)
