"""What roll, put, index_copy, index_add, index_fill, take_along_dim and masks of one element refuse
and take, beside torch.
"""

from __future__ import annotations

import pytest

import pullback as pb
from expressions import check_same

torch = pytest.importorskip("torch")

SETUP = "def i(*k): return T.tensor(k)"
FRESH = """
s, v, m, e = T.ones(()), T.ones(3), T.ones(2, 3), T.ones(0, 3, requires_grad=True)
y = T.zeros((), requires_grad=True) * 1
"""
CASES = [
    *(f"s.roll({form})" for form in ("1, 0", "1, -1", "(1, 1), (0, 0)", "1", "1, 1", "(1, 1)")),
    *(f"e.roll({form})" for form in ("1, 7", "(1, 1), (0, 5)", "(1, 1), (0,)", "(1, 2)", "2")),
    "v.roll(1, 1)",
    "s.mT",
    "v.mT",
    *(f"{x}.{name}" for x in "svm" for name in ("H", "mH", "adjoint()")),
    "m[None].H",
    "m[None].mH.shape, m[None].adjoint().shape, T.adjoint(s) is s, s.mH is s, s.H is s",
    *("v.put_(i(0), T.ones(2))", "v.put_(i(0, 1), s)", "v.put(i(0), T.ones(2))"),
    *("v.put_(i(7), T.ones(1))", "T.ones(0).put_(i(0), T.ones(1))"),
    "v.put_(i(0), T.ones(1, dtype=T.float64))",
    "v.put_(i(0), T.ones(2, dtype=T.float64))",
    "s.index_copy_(0, i(0), T.ones(2, 1))",
    "s.index_copy_(0, i(0, 0), T.ones(2))",
    *(f"m.index_copy_({dim}, i(0), T.ones({n}))" for dim in (0, 1, -1) for n in ("2", "3", "()")),
    *(f"m.index_add_({dim}, i(0), T.ones({n}))" for dim in (0, 1, -1) for n in ("2", "3", "()")),
    *("v.index_copy_(0, i(0), s)", "v.index_copy_(0, i(0), T.ones(2))"),
    *("s.index_copy_(0, i(0), T.ones(1))", "s.index_copy_(0, i(0), s)"),
    *("s.index_add_(0, i(0), T.ones(1))", "s.index_add_(0, i(0), s)"),
    *("m.index_copy_(0, T.tensor([[0]]), T.ones(1, 3))", "m.index_copy_(2, i(0), T.ones(1, 3))"),
    *(f"{x}.index_fill(0, i{k}, 5)" for x in "vm" for k in ("(-1)", "(-1, 0)", "(-4)", "(3)")),
    *("s.index_fill(0, i(-1), 5)", "s.index_fill(0, i(-2), 5)", "v.index_fill_(0, i(-3), 5)"),
    *("m.index_fill(1, i(-1), T.tensor(5.0))", "v.index_fill(0, i(0).int(), 5)"),
    *("v.index_fill(0, T.ones(1), 5)", "v.index_fill(0, i(0) > 0, 5)", "v.index_fill(0, i(), 5)"),
    "(y + v).index_fill_(0, i(-1), 5)",
    "g = T.ones(3, requires_grad=True)\n(g * 2).index_fill_(0, i(-1), 5).sum().backward()\ng.grad",
    "T.func.jvp(lambda x: x.index_fill(0, i(-1), 5), (v,), (v,))",
    "T.func.vmap(lambda x: x.index_fill(0, i(-1), 5))(m)",
    *(f"T.take_along_dim(m, T.tensor([[{k}]]), {d})" for k in (-1, -2, 1) for d in (0, 1)),
    *(
        "T.take_along_dim(v, i(-1))",
        "v[None].take_along_dim(T.tensor([[-1, 0]]), 1)",
    ),
    # False alone is nothing, a mask of one element is a mask.
    *(f"v[False] = {value}\nv, v._version" for value in ("T.ones(2)", "T.ones(3)", "2")),
    *(
        f"v[T.tensor({mask})] = {value}\nv, v._version"
        for mask in (True, False)
        for value in ("T.zeros(2)", "T.zeros(3)", "T.zeros(1, 3)", "T.zeros(0, 3)", "2", "s")
    ),
    "s[s > 2] = T.ones(2)\ns",
    "s[s > 2] = s * 5\ns, s._version",
    "y[y > 0.5] = T.ones(())\ny, y._version",
    "y[y < 0.5] = 3.0\ny, y._version",
    "x = T.zeros((), requires_grad=True)\nx[x > 0.5] = 3.0\nx",
    "x = T.zeros((), requires_grad=True)\nx[False] = 3.0\nx",
]


def test_slices() -> None:
    check_same(CASES, torch, SETUP, FRESH)


def test_what_is_filled_from_the_end_in_each_example() -> None:
    fill = pb.func.vmap(lambda x, k, v: x.index_fill(0, k, v))  # PyTorch fills other elements
    x, k = pb.zeros(2, 3), pb.tensor([[-1], [-3]])
    for value in (5.0, pb.tensor(5.0)):
        each = pb.func.vmap(lambda x, k, value=value: x.index_fill(0, k, value))(x, k)
        assert each.tolist() == [[0, 0, 5], [5, 0, 0]]
    assert fill(x, k, pb.tensor([1.0, 2.0])).tolist() == [[0, 0, 1], [2, 0, 0]]
    with pytest.raises((IndexError, RuntimeError), match="index -4 is out of bounds"):
        fill(x, k - 3, pb.tensor([1.0, 2.0]))
    # PyTorch takes the remainder.
    with pytest.raises((IndexError, RuntimeError), match="index -4 is out of bounds"):
        pb.take_along_dim(x, pb.tensor([[-4]]), 1)
    # PyTorch cannot differentiate this one.
    value = pb.tensor(5.0, requires_grad=True)
    pb.zeros(3).index_fill(0, pb.tensor([-1, 0]), value).sum().backward()
    assert value.grad is not None
    assert value.grad.item() == 2
