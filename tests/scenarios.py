"""Scenarios that run with pullback or torch as ``t`` and are compared.

What a scenario returns must print alike; what it raises must have the same type and begin with
torch's sentence.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

Scenario = Callable[[Any], Any]


def make(t: Any, forward: Any, backward: Any = None, **more: Any) -> Any:
    """A custom function F with these static methods (and plain attributes)."""
    body = {"forward": staticmethod(forward)}
    if backward is not None:
        body["backward"] = staticmethod(backward)
    for name, value in more.items():
        body[name] = staticmethod(value) if callable(value) else value
    return type(t.autograd.Function)("F", (t.autograd.Function,), body)


def leaf(t: Any, *values: float) -> Any:
    return t.tensor(values or (1.0, 2.0), requires_grad=True)


def grad_of(t: Any, function: Any, *more: Any) -> Any:
    x = leaf(t)
    result = function.apply(x, *more)
    first = result[0] if isinstance(result, tuple) else result
    first.sum().backward()
    return x.grad


def double(ctx: Any, x: Any, *more: Any) -> Any:
    return x * 2


def saving(ctx: Any, x: Any) -> Any:
    ctx.save_for_backward(x)
    return x * 2


def outcome(run: Scenario, t: Any) -> tuple[str, str]:
    """The type of what it raises, or nothing, and what there is to read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return "", repr(run(t))
        except Exception as error:  # noqa: BLE001 - the type is compared
            return type(error).__name__, str(error)


def check(run: Scenario, pb: Any, torch: Any) -> None:
    """Run both and compare."""
    ours, theirs = outcome(run, pb), outcome(run, torch)
    assert ours[0] == theirs[0], (ours, theirs)
    if not theirs[0]:
        assert ours[1] == theirs[1]
        return
    # Up to where torch prints a type, an address, the name of a node, or advice of its own.
    ends = [theirs[1].find(mark) for mark in ("(", "output 0 of", "\nTip", " Otherwise")]
    length = min((end for end in ends if end >= 0), default=len(theirs[1]) - 1)
    assert ours[1][:length] == theirs[1][:length], (ours[1], theirs[1])
