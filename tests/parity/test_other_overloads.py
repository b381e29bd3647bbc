"""Which of several overloads is taken, and what their names mean, beside PyTorch."""

from __future__ import annotations

import pytest

from expressions import check_same

torch = pytest.importorskip("torch")

SETUP = "x = T.tensor([[1.0, -2.0], [3.5, 0.25]]); i = T.tensor([2, 0, 1])"


def test_a_tensor_is_the_other_operand_and_no_dimension() -> None:
    operands = ["T.tensor(1)", "T.tensor(0.5)", "T.tensor([1])", "T.tensor(True)", "x", "0", "True"]
    calls = [f"x.{f}({o})" for f in ("max", "min") for o in operands]
    calls += [f"T.{f}(x, {o})" for f in ("max", "min") for o in operands]
    calls += ["x.max(other=T.tensor(1.0))", "x.max(dim=T.tensor(1))", "x.max(T.tensor(0), True)"]
    check_same(calls, torch, SETUP)


def test_truth_of_everything_keeps_dimensions() -> None:
    calls = []
    for name in ("any", "all"):
        calls += [
            f"x.{name}(keepdim=True)",
            f"T.{name}(x, keepdim=True)",
            f"T.{name}(x, None, True)",
            f"T.{name}(x, dim=None, keepdim=True)",
            f"x.{name}(dim=(0, 1), keepdim=True)",
            f"x.{name}(())",
            f"x.{name}()",
            f"x.{name}(0)",
        ]
    check_same(calls, torch, SETUP)


def test_bits_of_integers_and_floating_numbers() -> None:
    names = ("and", "or", "xor", "lshift", "rshift")
    values = ("2.5", "3", "True", "i", "'a'", "None", "i > 0")
    calls = [f"i.__i{name}__({value})" for name in names for value in values]
    calls += [f"(i > 0).__i{name}__({value})" for name in names[:3] for value in values]
    calls += [f"i.__{name}__({value})" for name in names for value in ("2.5", "3", "True")]
    check_same(calls, torch, fresh=SETUP)


def test_a_repeated_element_is_a_copy() -> None:
    calls = [
        "y = x.repeat_interleave(1)\ny.mul_(2)\nx",
        "x.repeat_interleave(1, dim=0)._base is None",
    ]
    check_same(calls, torch, fresh=SETUP)
