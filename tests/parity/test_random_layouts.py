"""Random numbers depend on the layout of what they fill: the same for a seed as in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")

INPUTS = """
T.ones(6, 5) | T.ones(5, 6).t() | T.ones(6, 10)[:, ::2] | T.ones(5).expand(6, 5)
T.ones(12, 10).t()[::2, ::2].t() | T.ones(5, 6, dtype=T.float64).t() | T.ones(60)[::2].view(6, 5)
T.ones(5, 3, 4).permute(1, 2, 0) | T.ones(5, 6).t()[1:, :4]
"""
LIKE = """
T.rand_like(x) | T.randn_like(x) | T.randint_like(x, 100) | T.randint_like(x, 3, 100)
T.rand_like(x, dtype=T.float64) | T.randn_like(x, memory_format=T.contiguous_format)
T.bernoulli(x * 0.3) | T.bernoulli(x, 0.3) | T.nn.functional.dropout(x, 0.3)
T.nn.functional.alpha_dropout(x, 0.3, True)
T.normal(x, 1.0) | T.normal(x, x) | T.normal(0.0, x) | T.multinomial(x, 3)
T.multinomial(x, 7, True) | x.clone().uniform_() | x.clone().normal_() | x.clone().random_(0, 100)
x.clone().exponential_() | x.clone().bernoulli_(0.3)
"""
OUTS = (
    "T.empty(0, dtype=D) | T.zeros(40, dtype=D)[::2] | T.zeros(20, dtype=D) | T.zeros(7, dtype=D)"
)
INTO = """
T.rand(20, out=o) | T.randn(20, out=o) | T.randint(0, 100, (20,), out=o) | T.randperm(20, out=o)
T.randint(100, (20,), out=o) | T.normal(0.0, 1.0, (20,), out=o)
T.multinomial(T.ones(30), 20, out=o) | T.normal(1.0, T.ones(20), out=o)
T.normal(T.zeros(20), T.ones(20), out=o)
T.bernoulli(T.full((20,), 0.3), out=o)
"""


def listed(text: str) -> list[str]:
    return [each.strip() for each in text.replace("\n", "|").split("|") if each.strip()]


def drawn(lib: Any, call: str, **given: str) -> Any:
    """The numbers, their layout and the next one of the generator, or the type of the error."""
    names: dict[str, Any] = {"T": lib}
    for name, text in given.items():
        names[name] = eval(text, names)
    lib.manual_seed(3)
    try:
        made = eval(call, names)
    except (RuntimeError, NotImplementedError) as error:
        return type(error).__name__
    return made.stride(), np.array(made.numpy()), lib.rand(1).item()


def compare(ours: Any, theirs: Any, what: str) -> None:
    if isinstance(ours, str) or isinstance(theirs, str):
        assert ours == theirs, what
        return
    assert ours[0] == theirs[0], what
    np.testing.assert_allclose(ours[1], theirs[1], 1e-6, 1e-6, err_msg=what)
    assert ours[2] == theirs[2], what


@pytest.mark.parametrize("call", listed(LIKE))
def test_like_an_input(call: str) -> None:
    for x in listed(INPUTS):
        if "multinomial" in call and "permute" in x:
            continue
        compare(drawn(pb, call, x=x), drawn(torch, call, x=x), x)


@pytest.mark.parametrize("call", listed(INTO))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_into_out(call: str) -> None:
    for dtype in ("float32", "float64", "int64", "int32", "uint8", "bool"):
        for o in listed(OUTS):
            given = {"D": f"T.{dtype}", "o": o}
            compare(drawn(pb, call, **given), drawn(torch, call, **given), f"{dtype} {o}")


@pytest.mark.parametrize("call", ["T.rand(-1)", "T.rand(2, -1)", "T.randn(-1)", "T.rand(-(2**63))"])
def test_negative_sizes_are_refused(call: str) -> None:
    assert drawn(pb, call) == drawn(torch, call) == "RuntimeError"
    assert drawn(pb, "T.randint(3, (-1,))") == "RuntimeError"
    assert drawn(pb, "T.normal(0.0, 1.0, (-1,))") == "RuntimeError"


def test_names_of_bounds() -> None:
    for lib in (pb, torch):
        x = lib.ones(3)
        assert float(x.uniform_(**{"from": 2.0, "to": 3.0}).min()) >= 2
        with pytest.raises(TypeError):
            x.uniform_(from_=0.0)
        with pytest.raises(TypeError):
            lib.ones(3, dtype=lib.int64).random_(from_=0, to=3)
