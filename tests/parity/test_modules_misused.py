"""Modules that are built, called and converted in the wrong way, beside torch: what comes of it.

A case is a function of the library; compared is what it returns, or the type of its exception.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")


def layer(t: Any) -> Any:
    return t.nn.Linear(2, 3)


def unready(t: Any) -> Any:
    class Unready(t.nn.Module):
        def __init__(self) -> None:
            self.width = 1

        def forward(self, x: Any) -> Any:
            return x

    return Unready()


def mixed(t: Any, call_super: bool) -> Any:
    class Other:
        def __init__(self, x: int = 0) -> None:
            self.x = x

    class Mixed(t.nn.Module, Other):
        call_super_init = call_super

    return Mixed


def kept_alive(t: Any) -> Any:
    model = layer(t)
    weight, version = model.weight, model.weight._version
    model(t.ones(2)).sum().backward()
    gradient = weight.grad
    model.double()
    return (
        model.weight is weight,
        weight.grad is gradient,
        str(gradient.dtype)[-7:],
        weight._version - version,
        weight.is_leaf,
        weight.requires_grad,
    )


def written_by_apply(t: Any) -> Any:
    model = t.nn.Linear(2, 1, bias=False)
    y = (model.weight * model.weight).sum()
    model._apply(lambda v: v.mul_(10))
    y.backward()


def what_apply_sees(t: Any) -> Any:
    seen = []

    def look(tensor: Any) -> Any:
        seen.append((type(tensor).__name__, tensor.requires_grad, t.is_grad_enabled()))
        return tensor

    model = t.nn.Sequential(layer(t))
    model.register_buffer("b", t.ones(1))
    model._apply(look, recurse=False)
    model._apply(look, True)
    return seen


def to(*args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """The dtype after ``Module.to``; text that names something of the library is looked up."""

    def look_up(t: Any, value: Any) -> Any:
        named = {
            "float64": t.float64,
            "int64": t.int64,
            "double tensor": t.ones(1, dtype=t.float64),
            "device": t.device("cpu"),
            "contiguous": t.contiguous_format,
            "preserve": t.preserve_format,
        }
        return named.get(value, value) if isinstance(value, str) else value

    def case(t: Any) -> Any:
        named = {name: look_up(t, value) for name, value in kwargs.items()}
        return str(layer(t).to(*[look_up(t, a) for a in args], **named).weight.dtype).split(".")[1]

    return case


CASES: dict[str, Callable[[Any], Any]] = {
    "call": lambda t: unready(t)(1),
    "parameters": lambda t: list(unready(t).parameters()),
    "buffers": lambda t: list(unready(t).buffers()),
    "repr": lambda t: repr(unready(t)),
    "state_dict": lambda t: unready(t).state_dict(),
    "load_state_dict": lambda t: unready(t).load_state_dict({}),
    "train": lambda t: unready(t).train(),
    "eval": lambda t: unready(t).eval(),
    "zero_grad": lambda t: unready(t).zero_grad(),
    "move": lambda t: unready(t).to("cpu"),
    "apply": lambda t: unready(t).apply(print),
    "hook": lambda t: unready(t).register_forward_hook(print),
    "attribute": lambda t: unready(t).missing,
    "plain attribute": lambda t: unready(t).width,
    "dir": lambda t: dir(unready(t)),
    "set a parameter": lambda t: setattr(unready(t), "p", t.nn.Parameter(t.ones(1))),
    "set a module": lambda t: setattr(unready(t), "p", layer(t)),
    "set a buffer": lambda t: unready(t).register_buffer("p", t.ones(1)),
    "init with arguments": lambda t: t.nn.Module(1),
    "init with keywords": lambda t: t.nn.Module(a=1),
    "super, positional": lambda t: mixed(t, True)(5).x,
    "super, keyword": lambda t: mixed(t, True)(x=5).x,
    "super, unknown": lambda t: mixed(t, True)(y=5).x,
    "no super": lambda t: mixed(t, False)().x,
    "no super, positional": lambda t: mixed(t, False)(5),
    "objects after double": kept_alive,
    "write by _apply": written_by_apply,
    "what _apply sees": what_apply_sees,
    "to copy": to("cpu", copy=True),
    "to device, True": to("cpu", True),
    "to device, dtype, True": to("cpu", "float64", True),
    "to dtype": to("float64"),
    "to dtype, True": to("float64", True),
    "to dtype, int": to("float64", 1),
    "to dtype, device": to("float64", "cpu"),
    "to tensor": to("double tensor"),
    "to tensor, True": to("double tensor", True),
    "to tensor, keyword": to(tensor="double tensor"),
    "to nothing": to(),
    "to None": to(None),
    "to keywords": to(device="cpu", dtype="float64", non_blocking=True),
    "to dtype keyword": to(dtype="float64"),
    "to device object": to("device"),
    "to integers": to("int64"),
    "to integers, keyword": to(dtype="int64"),
    "to unknown keyword": to(foo=1),
    "to other": to(other="double tensor"),
    "to device twice": to("cpu", device="cpu"),
    "to too much": to("cpu", "float64", False, 1),
    "to contiguous": to(memory_format="contiguous"),
    "to preserve": to(memory_format="preserve"),
    "to unknown device": to("gpu"),
    "float width": lambda t: t.nn.Linear(2.0, 3),
    "text width": lambda t: t.nn.Linear(2, "3"),
    "no width": lambda t: t.nn.Linear(None, 3),
    "negative width": lambda t: t.nn.Linear(-1, 3),
    "NumPy width": lambda t: tuple(t.nn.Linear(np.int64(2), 3).weight.shape),
    "parameter of ints": lambda t: t.nn.Parameter(t.ones(2, dtype=t.int64)),
    "frozen parameter of ints": lambda t: tuple(
        t.nn.Parameter(t.ones(2, dtype=t.int64), False).shape
    ),
    "parameter of nothing": lambda t: tuple(t.nn.Parameter(None).shape),
    "parameter of a result": lambda t: t.nn.Parameter(t.ones(2, requires_grad=True) * 2).is_leaf,
    "parameter of a parameter": lambda t: t.nn.Parameter(t.nn.Parameter(t.ones(1))).is_leaf,
    "requires_grad=1": lambda t: t.nn.Parameter(t.ones(1), requires_grad=1),
    "number in a sequence": lambda t: t.nn.Sequential(1),
    "list in a sequence": lambda t: t.nn.Sequential([layer(t)]),
    "number in a list": lambda t: t.nn.ModuleList([1]),
    "number in a dict": lambda t: t.nn.ModuleDict({"a": 1}),
    "probability 2": lambda t: t.nn.Dropout(2),
    "text as probability": lambda t: t.nn.Dropout("a"),
    "call with a number": lambda t: layer(t)(1),
    "call with a list": lambda t: layer(t)([1.0, 2.0]),
    "call with nothing": lambda t: layer(t)(),
    "call with another width": lambda t: layer(t)(t.ones(3)),
    "call with integers": lambda t: layer(t)(t.ones(2, dtype=t.int64)),
    "call with float64": lambda t: layer(t)(t.ones(2, dtype=t.float64)),
}


def outcome(t: Any, case: Callable[[Any], Any]) -> Any:
    try:
        found = case(t)
    except Exception as error:  # noqa: BLE001 - whatever torch raises is compared
        return type(error).__name__
    return None if isinstance(found, t.nn.Module) else found


@pytest.mark.parametrize("name", CASES)
def test_the_same_comes_of_it(name: str) -> None:
    assert outcome(pb, CASES[name]) == outcome(torch, CASES[name])


@pytest.mark.parametrize("value", [[1.0], 1.0, np.ones(2)], ids=lambda v: type(v).__name__)
def test_a_parameter_of_no_tensor_says_so(value: Any) -> None:
    """torch asks the value for ``detach``."""
    with pytest.raises(TypeError, match=r"got \w+\. Make one with pullback\.tensor"):
        pb.nn.Parameter(value)
    with pytest.raises(AttributeError):
        torch.nn.Parameter(value)
