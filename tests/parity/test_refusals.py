"""What backward(), grad(), .grad and the modes refuse or warn of, with the words of torch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import pullback as pb

torch = pytest.importorskip("torch")


def leaf(t: Any, *values: float) -> Any:
    return t.tensor(list(values), requires_grad=True)


def assigned(t: Any, gradient: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    x.grad = gradient
    return x.grad


def decorated(t: Any, mode: Callable[[], Any]) -> tuple[bool, bool]:
    @mode()
    class Model:
        def __init__(self) -> None:
            self.inside = t.is_grad_enabled()

        def later(self) -> bool:
            return bool(t.is_grad_enabled())

    model = Model()
    return model.inside, model.later()


def written_after_saving(t: Any, make: Callable[[Any], Any]) -> None:
    made = make(leaf(t, 1.0, 2.0))
    product = (made * made).sum()
    with t.no_grad():
        made.add_(1)
    product.backward()


def written_to_dual(t: Any, out_is_dual: bool) -> Any:
    forward_ad = t.autograd.forward_ad
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(t.ones(2), t.ones(2))
        if out_is_dual:
            return t.add(t.ones(2), t.ones(2), out=dual)
        return t.add(dual, t.ones(2), out=t.zeros(2))


CASES: dict[str, Callable[[Any], Any]] = {
    "root without gradient": lambda t: t.autograd.grad(t.ones(1), leaf(t, 1.0)),
    "neither requires one": lambda t: t.autograd.grad(t.ones(1), t.ones(1)),
    "input without gradient": lambda t: t.autograd.grad(leaf(t, 1.0) * 2, t.ones(1)),
    "second root without": lambda t: t.autograd.grad([leaf(t, 1.0), t.ones(1)], t.ones(1)),
    "not scalar, input without": lambda t: t.autograd.grad(leaf(t, 1.0, 2.0), t.ones(1)),
    "shape, input without": lambda t: t.autograd.grad(leaf(t, 1.0), t.ones(1), t.ones(3)),
    "grad of no inputs": lambda t: t.autograd.grad(leaf(t, 1.0), []),
    "grad of nothing": lambda t: t.autograd.grad([], []),
    "grad of no outputs": lambda t: t.autograd.grad([], [leaf(t, 1.0)]),
    "backward to no inputs": lambda t: leaf(t, 1.0).backward(inputs=[]),
    "backward to what needs none": lambda t: leaf(t, 1.0).backward(inputs=t.ones(1)),
    "backward to a number": lambda t: leaf(t, 1.0).backward(inputs=[3]),
    "backward to an unused": lambda t: leaf(t, 1.0).backward(inputs=[leaf(t, 1.0)]),
    "only_inputs": lambda t: t.autograd.grad((x := leaf(t, 1.0)) * 2, x, only_inputs=False),
    "grad of a size": lambda t: assigned(t, t.ones(3)),
    "grad of a float64": lambda t: assigned(t, t.ones(2, dtype=t.float64)),
    "grad of an int32": lambda t: assigned(t, t.ones(2, dtype=t.int32)),
    "grad of an int64": lambda t: assigned(t, t.ones(2, dtype=t.int64)),
    "grad of a uint8": lambda t: assigned(t, t.ones(2, dtype=t.uint8)),
    "grad of a bool": lambda t: assigned(t, t.ones(2, dtype=t.bool)),
    "grad of a number": lambda t: assigned(t, 3.0),
    "grad of None": lambda t: assigned(t, None),
    "class under no_grad": lambda t: decorated(t, t.no_grad),
    "class under enable_grad": lambda t: decorated(t, t.enable_grad),
    "class under set_grad_enabled": lambda t: decorated(t, lambda: t.set_grad_enabled(False)),
    "class under inference_mode": lambda t: decorated(t, t.inference_mode),
    "float of a leaf": lambda t: float(leaf(t, 1.0)),
    "float of a result": lambda t: float(leaf(t, 1.0) * 2),
    "float under no_grad": lambda t: t.no_grad()(float)(leaf(t, 1.0)),
    "float of a detached": lambda t: float(leaf(t, 1.0).detach()),
    "int of a leaf": lambda t: int(leaf(t, 1.0)),
    "item of a leaf": lambda t: leaf(t, 1.0).item(),
    "written exp": lambda t: written_after_saving(t, lambda x: x.exp()),
    "written leaf": lambda t: written_after_saving(t, lambda x: x),
    "out= of a dual": lambda t: written_to_dual(t, False),
    "out= is a dual": lambda t: written_to_dual(t, True),
}


def outcome(t: Any, run: Callable[[Any], Any]) -> tuple[Any, ...]:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            result = run(t)
        except (RuntimeError, TypeError, ValueError) as error:
            result = (type(error), str(error).split(". ")[0].rstrip("."))
    said = [(w.category, str(w.message).split(". ")[0].split("\n")[0]) for w in seen]
    return str(result), said


@pytest.fixture(autouse=True, scope="module")
def imported() -> None:
    """The first dual tensor of torch imports much that warns."""
    with warnings.catch_warnings(), torch.autograd.forward_ad.dual_level():
        warnings.simplefilter("ignore")
        torch.autograd.forward_ad.make_dual(torch.ones(1), torch.ones(1))


@pytest.mark.parametrize("name", CASES)
def test_the_same_words(name: str) -> None:
    # torch says some things once in a process, unless it is told to say them always.
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        theirs = outcome(torch, CASES[name])
    finally:
        torch.set_warn_always(always)
    assert outcome(pb, CASES[name]) == theirs
