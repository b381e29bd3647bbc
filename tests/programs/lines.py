"""An instruction is a line of Python with holes, which numbers fill.

``{x}``, ``{y}``, ``{z}`` are tensors, ``{f}``, ``{g}``, ``{h}`` ones of floating
or complex numbers, ``{q}`` a complex one, ``{w}`` one that
requires a gradient, ``{r}`` a result with a history, ``{leaf}`` a leaf; a name that stands twice
is the same tensor. ``{new}``, ``{new2}`` are variables for results. ``{d}``, ``{e}`` are
dimensions and ``{i}`` an index of the first tensor, ``{k}`` a small number, ``{c}`` a factor,
``{bit}`` True or False, ``{shape}``, ``{dtype}``, ``{floating}`` what they say. ``{pull}``,
``{handle}``, ``{mode}`` are a function, a handle of a hook and a mode that are there,
``{newpull}`` and its kind make one. ``{def:KIND(a, b)}`` is a function that is defined before,
with random lines as its body; RETURNS in `machine.py` has the kinds. The definitions of
`custom.py` are known by their names.

Each hole takes the next number of the step, modulo what there is, so that any numbers make a line
and zeros make the simplest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

SHAPES = [(3,), (), (2, 3), (1, 3), (3, 2), (0,), (2, 2, 2), (2, 0, 3), (1,)]
DTYPES = ["float64", "float32", "int64", "int32", "uint8", "bool", "complex128", "complex64"]
FACTORS = ["2", "0.5", "-1", "True", "3", "1.5"]
MOST = 12  # variables; later results take the place of earlier ones
HOLE = re.compile(r"\{(\w+)(?::(\w+)\(([^)]*)\))?\}")


class NotHereError(Exception):
    """There is nothing to fill a hole with."""


@dataclass
class Step:
    """An instruction of a program: a line with holes, numbers for them, lines of the functions."""

    line: str
    numbers: tuple[int, ...] = ()
    body: list[Step] = field(default_factory=list)
    kind: str = ""


@dataclass
class Scope:
    """What is there while lines are made: the variables of a function or of the program."""

    names: dict[str, Any]
    tensors: list[str] = field(default_factory=list)
    outer: Scope | None = None
    others: dict[str, list[str]] = field(default_factory=dict)
    line: str = ""  # that calls the function, with holes

    def lines_around(self) -> list[str]:
        """Those that call the functions it stands in, the innermost first."""
        return [self.line, *self.outer.lines_around()] if self.outer else []

    def all_tensors(self) -> list[str]:
        """Those of functions around it count half."""
        around = self.outer.all_tensors() if self.outer else []
        return self.tensors * 2 + around if around else list(self.tensors)

    def all_others(self, kind: str) -> list[str]:
        around = self.outer.all_others(kind) if self.outer else []
        return self.others.get(kind, []) + around


CHOSEN: dict[str, Callable[[Any], bool]] = {
    "x": lambda t: True,
    "y": lambda t: True,
    "z": lambda t: True,
    "f": lambda t: t.is_floating_point() or t.is_complex(),
    "g": lambda t: t.is_floating_point() or t.is_complex(),
    "h": lambda t: t.is_floating_point() or t.is_complex(),
    "q": lambda t: t.is_complex(),
    "w": lambda t: t.requires_grad,
    "r": lambda t: t.requires_grad and not t.is_leaf,
    "leaf": lambda t: t.requires_grad and t.is_leaf,
}
OTHERS = {"pull", "handle", "mode"}


class Filler:
    """Fills the holes of a line; `define` makes a function of a kind with parameters."""

    def __init__(
        self, step: Step, scope: Scope, fresh: Callable[[str], str], define: Callable[..., str]
    ) -> None:
        self.numbers: Iterator[int] = iter(step.numbers)
        self.scope, self.fresh, self.define = scope, fresh, define
        self.bound: dict[str, str] = {}  # what stands in the holes
        self.made: dict[str, str] = {}  # kinds of the new names
        for hole in HOLE.finditer(step.line):  # dimensions may stand before their tensor
            if hole[1] in CHOSEN:
                self.fill(hole)
        self.text = HOLE.sub(self.fill, step.line)

    def next(self, below: int) -> int:
        return next(self.numbers, 0) % below

    def first(self) -> Any:
        """The tensor that dimensions refer to."""
        name = next((self.bound[hole] for hole in self.bound if hole in CHOSEN), None)
        return None if name is None else self.scope.names[name]

    def operands(self) -> dict[str, Any]:
        return {k: self.scope.names[v] for k, v in self.bound.items() if k in CHOSEN}

    def fill(self, hole: re.Match[str]) -> str:
        name, kind, parameters = hole.groups()
        if kind:
            return self.define(kind, parameters)
        if name not in self.bound:
            self.bound[name] = self.choose(name)
        return self.bound[name]

    def choose(self, name: str) -> str:
        if name in CHOSEN:
            return self.tensor(CHOSEN[name])
        if name in OTHERS:
            there = self.scope.all_others(name)
            if not there:
                raise NotHereError(name)
            return there[self.next(len(there))]
        if name.startswith("new"):
            kind = name[3:] if name[3:] in OTHERS else "new"
            number = self.next(MOST)
            if kind == "new" and len(self.scope.tensors) >= MOST:
                text = self.scope.tensors[number]
            else:
                text = self.fresh({"new": "v", "pull": "p", "handle": "h", "mode": "m"}[kind])
            self.made[text] = kind
            return text
        return str(getattr(self, name)())

    def tensor(self, suits: Callable[[Any], bool]) -> str:
        there = []
        for name in self.scope.all_tensors():
            try:
                if suits(self.scope.names[name]):
                    there.append(name)
            except RuntimeError:
                continue  # a view that must not be used any more
        if not there:
            raise NotHereError("tensor")
        return there[self.next(len(there))]

    def d(self) -> int:
        x = self.first()
        return self.next(2 * x.dim()) - x.dim() if x.dim() else 0

    e = d

    def i(self) -> int:
        x = self.first()
        dim = int(self.bound.get("d", "0"))
        size = x.shape[dim] if x.dim() else 0
        return self.next(size) if size else 0

    def c(self) -> str:
        return FACTORS[self.next(len(FACTORS))]

    def k(self) -> int:
        return 1 + self.next(3)

    def bit(self) -> bool:
        return bool(self.next(2))

    def shape(self) -> tuple[int, ...]:
        return SHAPES[self.next(len(SHAPES))]

    def dtype(self) -> str:
        return "T." + DTYPES[self.next(len(DTYPES))]

    def floating(self) -> str:
        return "T." + DTYPES[self.next(2)]
