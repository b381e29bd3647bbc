"""Orders of arguments that torch deprecates and still takes: the same result, the same warning."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _every_time() -> Iterator[None]:
    """torch warns once in a process."""
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


def names(t: Any) -> dict[str, Any]:
    m = t.arange(4.0, dtype=t.float64).reshape(2, 2) + 1
    return {"t": t, "m": m, "n": m * 0.5, "v": m[0], "b": t.stack([m, m * 2]), "w": m[0] * 2}


TAKEN = """
m.add(2, n)
m.add_(0.5, n)
m.add(2, other=n)
t.add(m, 2, n)
t.add(m, 2, n, out=t.empty(0, dtype=t.float64))
t.add(m, 2, 3)
t.add(2, 1, n)
m.sub(2, n)
m.sub_(2, n)
t.sub(m, 2, n)
m.addcmul(0.5, m, n)
m.addcmul_(0.5, m, n)
t.addcmul(m, 0.5, m, n)
m.addcmul(2, tensor1=m, tensor2=n)
m.addcdiv(0.5, m, n)
m.addcdiv_(0.5, m, n)
t.addcdiv(m, 0.5, m, n)
m.addmm(2, m, n)
m.addmm(2, 3, m, n)
m.addmm_(2, m.clone(), n)
m.addmm_(2, 3, m.clone(), n)
t.addmm(2, m, m, n)
t.addmm(2, m, 3, m, n)
t.addmm(2, m, mat1=m, mat2=n)
t.addmm(2.5, m, 3, m, n, out=t.empty(0, dtype=t.float64))
v.addmv(2, m, w)
v.addmv(2, 3, m, w)
v.addmv_(2, 3, n, w)
t.addmv(2, v, 3, m, w)
m.addr(2, v, w)
m.addr_(2, 3, v.clone(), w)
t.addr(2, m, 3, v, w)
m.addbmm(2, b, b)
m.addbmm_(2, 3, b, b)
t.addbmm(2, m, b, b)
b.baddbmm(2, b, b)
b.baddbmm_(2, 3, b.clone(), b.clone())
t.baddbmm(2, b, 3, b, b)
"""
# Not deprecated, or not taken.
OTHERS = """
m.subtract(1, 2)
m.subtract_(1, 2)
t.subtract(m, 1, 2)
t.rsub(m, 1, 2)
m.subtract(2, m)
t.subtract(m, n, 2)
t.rsub(m, 2, n)
m.add(n, 2)
t.add(m, n, 2)
m.mul(2, n)
m.eq(n, 1)
t.add(self=m, alpha=2, other=n)
t.add(input=m, alpha=2, other=n)
t.addmm(self=m, beta=2, mat1=m, mat2=n)
m.addmm(2, 3, 4, m, n)
m.index_add(0, t.tensor([0]), m[:1], 2)
"""


def outcome(t: Any, text: str) -> tuple[str, list[tuple[str, str]]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = repr(eval(text, names(t)))
        except Exception as error:  # noqa: BLE001 - the type is compared
            result = type(error).__name__
    first = [(w.category.__name__, str(w.message).split(":")[0]) for w in caught]
    return result, first


@pytest.mark.parametrize("text", [*TAKEN.split("\n")[1:-1], *OTHERS.split("\n")[1:-1]])
def test_the_same_result_and_warning(text: str) -> None:
    ours, theirs = outcome(pb, text), outcome(torch, text)
    assert ours == theirs
    assert bool(theirs[1]) == (text in TAKEN.split("\n"))


def test_the_warning_names_both_forms_at_the_line_of_the_user() -> None:
    x = pb.ones(2)
    with pytest.warns(UserWarning, match="This overload of add_ is deprecated") as caught:
        x.add_(2, x)
    assert caught[0].filename == __file__
    assert "add_(alpha, other)" in str(caught[0].message)
    assert "add_(other, *, alpha=1)" in str(caught[0].message)


def test_the_gradient_is_that_of_the_current_form() -> None:
    x, y = pb.ones(2, requires_grad=True), pb.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match="deprecated"):
        pb.add(x, 3, y).sum().backward()
    assert y.grad is not None
    assert y.grad.tolist() == [3, 3]
