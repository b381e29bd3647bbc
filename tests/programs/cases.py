"""A line that is about to run, as the rules of excluded.py see it, and what they ask of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lines import Scope
    from .machine import Machine


@dataclass
class Case:
    """A line that is about to run."""

    machine: Machine
    kind: str
    line: str  # with holes
    text: str  # without
    operands: dict[str, Any]
    names: dict[str, str]  # of the operands
    scope: Scope

    @property
    def is_inside(self) -> bool:
        return self.scope.outer is not None

    def target(self) -> Any:
        """What a line writes into."""
        return next(iter(self.operands.values()), None)


@dataclass
class Rule:
    reason: str
    leaves_out: Callable[[Case], bool]


def quiet(function: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return function()
    except Exception:  # noqa: BLE001
        return otherwise


def is_large(x: Any) -> bool:
    if not (x.is_floating_point() or x.is_complex()):
        return False
    return quiet(lambda: x.numel() > 0 and not bool((x.detach().abs() <= 20).all()), False)


def memory(x: Any) -> Any:
    """Also of what transforms wrap."""
    if type(x).__module__.startswith("torch"):
        import torch._C._functorch as wrapped

        while wrapped.is_functorch_wrapped_tensor(x):
            x = wrapped.get_unwrapped(x)
    return quiet(lambda: x.data_ptr() - x.storage_offset() * x.element_size(), None)


WRITTEN = ("{x}.", "{f}.", "{q}.", "{leaf}.sub_", "{x}[")


def writes(case: Case) -> bool:
    if "Write" in case.line or "increment_version" in case.line:
        return True
    line = re.sub(r"^with T\.\w+\(\): ", "", case.line)
    return (
        line.startswith(("{x}.", "{f}.", "{q}.", "{leaf}.sub_", "{x}["))
        and ("_(" in line or "= " in line)
    ) or "out=" in line


def is_expanded(x: Any) -> bool:
    return any(s == 0 and n > 1 for s, n in zip(x.stride(), x.shape, strict=True))


def meet(x: Any, y: Any) -> bool:
    """Whether one begins within the other: memory of numpy is not told from its own."""

    def ends(x: Any) -> tuple[int, int]:
        last = sum((n - 1) * s for n, s in zip(x.shape, x.stride(), strict=True))
        return x.data_ptr(), x.data_ptr() + last * x.element_size()

    (a, b), (c, d) = quiet(lambda: (ends(x), ends(y)), ((0, 0), (1, 1)))
    return x.numel() > 0 and y.numel() > 0 and a <= d and c <= b
