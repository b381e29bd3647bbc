"""Warnings of operators, indices and constructors beside torch: category, words, the user's line.

torch says many of them once in a process, unless it is told to say them always.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

BYTES = "T.tensor([1, 0, 1], dtype=T.uint8)"
CALLS = [
    # Degrees of freedom.
    "T.var(T.ones(1))",
    "T.std(T.ones(1))",
    "T.ones(3, 1).var(1)",
    "T.ones(3, 2).var(1, correction=2)",
    "T.var_mean(T.ones(1))",
    "T.std_mean(T.ones(3, 1), 1)",
    "T.var(T.ones(0))",
    "T.var(T.ones(0, 3), 1)",
    "T.var(T.ones(3, 0), 1, unbiased=False)",
    "T.var(T.ones(1), unbiased=False)",
    "T.std(T.ones(4), correction=3.5)",
    "T.std(T.ones(4), correction=4)",
    "T.var(T.ones(()))",
    "T.var(T.ones(1), out=T.empty(()))",
    "T.vmap(lambda v: v.var())(T.ones(2, 1))",
    # A dimension that is guessed.
    *[f"T.nn.functional.{f}(T.ones(2, 3))" for f in ("softmax", "log_softmax", "softmin")],
    *[f"T.nn.{f}()(T.ones(2, 3))" for f in ("Softmax", "LogSoftmax", "Softmin")],
    "T.nn.functional.softmax(T.ones(2, 3), 1)",
    "T.softmax(T.ones(2, 3), 1)",
    "T.cross(T.ones(2, 3), T.ones(2, 3))",
    "T.ones(2, 3).cross(T.ones(2, 3), None)",
    "T.cross(T.ones(2, 3), T.ones(2, 3), dim=1)",
    "T.linalg.cross(T.ones(2, 3), T.ones(2, 3))",
    # Forms that torch gives up.
    "T.meshgrid(T.ones(2), T.ones(3))",
    "T.meshgrid([T.ones(2)])",
    "T.meshgrid(T.ones(2), indexing=None)",
    "T.meshgrid(T.ones(2), T.ones(3), indexing='ij')",
    "T.meshgrid()",
    "T.ones(3).T",
    "T.ones(2, 3).T",
    "T.ones(2, 3, 4).T",
    "T.ones(()).T",
    "T.ones(()).mT",
    "T.ones(2, 3, 4).mT",
    *[f"T.ones({n}).{name}" for n in ("()", "2, 3") for name in ("H", "mH", "adjoint()")],
    "T.vmap(lambda v: v.T)(T.ones(2, 3))",
    "T.vmap(lambda v: v.T)(T.ones(2, 3, 4))",
    "T.tensor(T.ones(2))",
    "T.ones(2).new_tensor(T.ones(3))",
    "T.as_tensor(T.ones(2))",
    # Indices.
    f"T.ones(3)[{BYTES}]",
    f"T.ones(2, 3)[0, {BYTES}]",
    f"T.ones(2, 3).__setitem__(([0, 1, 1], {BYTES}), 5.0)",
    "T.ones(3)[np.array([1, 0, 1], dtype=np.uint8)]",
    "T.ones(3)[T.tensor([True, False, True])]",
    f"T.where({BYTES}, T.ones(3), T.zeros(3))",
    f"T.ones(3).where({BYTES}, T.zeros(3))",
    f"T.ones(3).masked_scatter({BYTES}, T.ones(3))",
    "T.arange(9).view(3, 3)[[[0, 1], [1, 2]]]",
    "T.arange(9).view(3, 3)[[0, 1], [1, 2]]",
    "T.arange(9).view(3, 3)[[[0, 1], [1, 2]],]",
    "T.arange(9).view(3, 3)[[0, 1]]",
    "T.arange(9).view(3, 3)[[slice(0, 1), slice(0, 2)]]",
    "T.arange(9).view(3, 3)[[T.tensor(1), T.tensor(2)]]",
    "T.arange(9).view(3, 3)[[0, None]]",
    "T.arange(9).view(3, 3)[[..., 0]]",
    "T.arange(9).view(3, 3)[[range(2)]]",
    "T.arange(9).view(3, 3)[range(2)]",
    "T.arange(3).__setitem__([[0, 1]], 5)",
]


def heard(lib: Any, call: str) -> Any:
    """The result as text or the type of the error, and category, words and place of warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = repr(eval(compile(call, "<user>", "eval"), {"T": lib, "np": np}))
        except Exception as error:  # noqa: BLE001 - the type is compared
            found = type(error).__name__
    said = [
        (w.category.__name__, str(w.message).split(" (Triggered")[0], w.filename) for w in caught
    ]
    return found, said


@pytest.fixture(autouse=True)
def always() -> Iterator[None]:
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_same_warnings(call: str) -> None:
    ours, theirs = heard(pb, call), heard(torch, call)
    assert ours[0] == theirs[0].replace("torch.", "pullback.")
    assert [w[:2] for w in ours[1]] == [w[:2] for w in theirs[1]]
    assert all(place == "<user>" for _, _, place in ours[1])


def test_a_warning_that_is_an_error_stops_the_call() -> None:
    for call in ("T.var(T.ones(1))", "T.ones(3).T", "T.ones(3, 3)[[[0, 1], [1, 2]]]"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning):
                eval(call, {"T": pb})
