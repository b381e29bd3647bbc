"""Runs programs with one library or with two at once, and notes where they differ.

The first library decides how the holes of a line are filled (`lines.py`), at the moment when the
line is due; then each library runs the line, and what can be seen of all variables is compared.
Functions that a line defines get their lines in the same way when the first library calls them
for the first time; every later call, by any library, runs these lines. What happens inside of
functions (outlines of the variables, calls of hooks) goes to a log, which is compared as well.
"""

from __future__ import annotations

import contextlib
import copy
import pickle
import re
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import numpy as np

from . import sees
from .cases import quiet
from .custom import PREPARED
from .errors import Raised
from .excluded import is_excluded, looks_unlike
from .lines import Filler, NotHereError, Scope, Step
from .refusals import (
    depends_otherwise,
    has_order,
    has_other_graph,
    is_composed,
    is_half_written,
    is_limit,
    is_refused_here,
    saves_less,
)

PRELUDE = """import copy, pickle
import numpy as np
import pullback as T  # or torch
T.manual_seed(0)
kept, nodes, keep = [], [], lambda g: kept.append(g)
log = type("Log", (list,), {"depth": 0})()"""
# How the results of these are made is not looked at.
TRANSFORMS = (
    "T.func.",
    "T.vmap(",
    "autograd.functional.",
    "autograd.grad(",
    ".grad",
    "kept[",
    ".tangent",
    "deepcopy",
    "pickle",
    "Batches",
    "Slope",
)
# Modes that end what others left switched on; they must live.
LEFT: list[Any] = []
ALLOW_HOOKS: dict[str, Any] = {
    "torch": lambda t: t._C._autograd._saved_tensors_hooks_enable(),
    "pullback": lambda t: t._core._set_saved_refusal(None),
}
# What a checkpoint raises when it has seen enough.
STOPS = ("_StopRecomputationError", "_EnoughError")
# What the function of each kind returns, {last} being a variable of its body and {all} all of them.
RETURNS = {
    "tensor": "{last}",
    "scalar": "{last}.sum()",
    "aux": "{last}, ({all},)",
    "scalar_aux": "{last}.sum(), ({all},)",
    "batched": "{last} + {first}.sum()",
    "several": "{last}, {first} * 2",
    "hook": "{last}",
    "watch": "None",
    "everything": "({all},)",
}


@dataclass
class Line:
    text: str
    code: CodeType
    error: Raised | None = None  # what it raised when it was made
    guarded: bool = False  # an error does not leave the function
    functions: list[Function] = field(default_factory=list)  # that it defines


def is_transform(text: str) -> bool:
    return any(word in text for word in TRANSFORMS) or re.search(r"= p\d+\(", text) is not None


def may_have_written(line: Line, error: Raised) -> bool:
    """Before it raised; gradients and calls of hooks among it."""
    parts = ("out=", ".apply", "] += ", "] *= ", ".set_(", "autograd.grad(", ".backward(")
    written = bool(line.functions) or any(part in line.text for part in parts)
    return written or "INTERNAL ASSERT" in error.message


def writes_cast(text: str, operands: list[Any]) -> bool:
    """Written in place with another dtype, where the node is that of the cast."""
    dtypes = {str(x.dtype) for x in operands if hasattr(x, "dtype")}
    return "_(" in text and len(dtypes) > 1


@dataclass
class Function:
    """A function of the program; `lines` are made in the first call."""

    name: str
    kind: str
    parameters: list[str]
    body: list[Step]
    lines: list[Line] | None = None
    result: str = "None"
    result_code: CodeType | None = None
    scope: Scope | None = None  # of the line that defines it
    line: str = ""  # that one, with holes


class Abandoned(BaseException):
    """What follows is not compared."""


class Difference(AssertionError):
    """Where two libraries differ: the line, what of it, and what either shows."""

    def __init__(self, where: str, ours: Any, theirs: Any, machine: Machine, line: Line) -> None:
        said = [[str(each) for each in w.raised[-3:]] for w in reversed(machine.worlds)]
        super().__init__(f"{where}: {ours!r}, expected {theirs!r} {said}")
        self.where, self.ours, self.theirs = where, ours, theirs
        self.line, self.source = line.text, machine.source()

    @property
    def kind(self) -> str:
        """What of a variable, whichever it is."""
        what = re.sub(r"\[?\d+\]?", "", self.where.split(".")[-1])
        if what in ("raises", "log"):
            what += f" {self.ours!s:.30}/{self.theirs!s:.30}"
        return what


def outline_of(x: Any) -> Any:
    """What is alike in all libraries inside of transforms."""
    if not hasattr(x, "grad_fn"):
        return type(x).__name__
    return sees.dtype_of(x), tuple(x.shape)


class Log(list[Any]):
    """What happened in functions, but not what a checkpoint does again."""

    muted = 0
    depth = 0  # functions that run

    def append(self, entry: Any) -> None:
        if not self.muted:
            super().append(entry)


class World:
    """One library with its variables."""

    def __init__(self, lib: Any) -> None:
        self.lib = lib
        self.log = Log()
        self.kept: list[Any] = []
        self.nodes: list[Any] = []
        self.raised: list[Raised] = []
        self.scopes: list[dict[str, Any]] = []
        self.names = self.enter(
            {
                "T": lib,
                "np": np,
                "copy": copy,
                "pickle": pickle,
                "log": self.log,
                "kept": self.kept,
                "nodes": self.nodes,
                "keep": self.keep,
            }
        )
        prepared = PREPARED.names(lib)
        prepared.update(log=self.log, kept=self.kept)
        self.names.update((name, prepared[name]) for name in PREPARED.texts)

    def keep(self, g: Any) -> None:
        self.kept.append(g)
        self.log.append(outline_of(g))

    def enter(self, names: dict[str, Any]) -> dict[str, Any]:
        self.scopes.append(names)
        return names

    def run(self, machine: Machine, line: Line, names: dict[str, Any]) -> Raised | None:
        for function in line.functions:
            repeated = "use_reentrant" in line.text
            names[function.name] = Call(machine, self, function, names, repeated)
        try:
            exec(line.code, names)
        except Exception as error:
            raised = Raised(type(error).__name__, str(error))
            self.raised.append(raised)
            if (
                self is not machine.worlds[0]
                and (line.error is None or line.functions)
                and is_refused_here(raised, line.text, machine.loose)
            ):
                raise Abandoned(line.text) from None
            if not line.guarded or raised.kind in STOPS:
                raise
            return raised
        return None

    def note(self, line: Line, names: dict[str, Any], error: Raised | None) -> None:
        """What a line in a function did, as far as it can be seen there."""
        self.log.append((line.text, error, outline_of(names.get(line.text.split(" ")[0]))))

    def modes(self) -> tuple[bool, ...]:
        t = self.lib
        forward = t.autograd.forward_ad._is_fwd_grad_enabled()
        return (t.is_grad_enabled(), t.is_inference_mode_enabled(), t.is_anomaly_enabled(), forward)

    def leave_modes(self, names: list[str]) -> None:
        for name in reversed(names):
            if (mode := self.names.pop(name, None)) is not None:
                sees.attempt(lambda mode=mode: mode.__exit__(None, None, None))
        ALLOW_HOOKS[self.lib.__name__](self.lib)
        if self.lib.is_inference_mode_enabled():  # modes that were left crosswise
            LEFT.append(self.lib.inference_mode(False))
            LEFT[-1].__enter__()
        self.lib.set_grad_enabled(True)
        self.lib.autograd.forward_ad._set_fwd_grad_enabled(True)

    def clear(self) -> None:
        for names in self.scopes:
            for value in names.values():
                if hasattr(value, "requires_grad_"):
                    # Kept gradients that have a history are cycles, in PyTorch too.
                    sees.attempt(lambda value=value: setattr(value, "grad", None))
            names.clear()
        self.kept.clear()
        self.nodes.clear()
        self.log.clear()


@dataclass(repr=False, eq=False)
class Call:
    """A function of the program in one library, with the variables around it."""

    machine: Machine
    world: World
    function: Function
    around: dict[str, Any]
    is_repeated: bool = False  # by a checkpoint
    called: bool = False

    @property
    def __name__(self) -> str:
        return self.function.name

    def __repr__(self) -> str:
        return self.function.name

    def __call__(self, *arguments: Any) -> Any:
        again = self.is_repeated and self.function.lines is not None and self.called
        self.called = True
        log = self.world.log
        log.muted += again
        log.depth += 1
        try:
            return self.call(*arguments)
        finally:
            log.muted -= again
            log.depth -= 1

    def call(self, *arguments: Any) -> Any:
        function = self.function
        names = self.world.enter(dict(self.around))
        names.update(zip(function.parameters, arguments, strict=True))
        if function.lines is None:
            self.machine.make_body(function, self.world, names)
        else:
            for line in function.lines:
                self.world.note(line, names, self.world.run(self.machine, line, names))
        if function.result_code is None:
            return None
        return eval(function.result_code, names)


class Machine:
    def __init__(self, *libs: Any, watch: bool = True) -> None:
        self.worlds = [World(lib) for lib in libs]
        self.watch = watch
        self.lines: list[Line] = []
        self.count: dict[str, int] = {}
        self.notes: list[Any] = []
        self.loose: set[str] = set()  # results of transforms: how they are made is not looked at
        self.versions: list[dict[str, int]] = [{} for _ in libs]  # of variables when they were made
        self.unnamed: set[str] = set()  # whose nodes are not looked at
        self.renamed: set[str] = set()  # whose node may have the name of another
        self.written_inside: set[Any] = set()  # memory that functions wrote into
        self.scope = Scope(self.worlds[0].names)

    def fresh(self, prefix: str) -> str:
        self.count[prefix] = self.count.get(prefix, -1) + 1
        return f"{prefix}{self.count[prefix]}"

    def run(self, step: Step) -> None:
        """One instruction: made, run, compared; nothing if it does not apply."""
        if made := self.make_line(step, self.scope):
            self.run_line(*made)

    def run_text(self, text: str) -> None:
        """A line without holes."""
        self.run(Step(text))

    def run_line(self, line: Line, made: dict[str, str], operands: set[str]) -> None:
        line.guarded = True
        right, *others = self.worlds
        counts = [self.count_writes(world) for world in self.worlds]
        line.error = right.run(self, line, right.names)
        if line.error is not None and is_limit(line.error.message, operands & self.loose):
            if may_have_written(line, line.error):
                raise Abandoned(line.text)
            return
        self.lines.append(line)
        outcomes = [line.error, *(world.run(self, line, world.names) for world in others)]
        if line.error is None:
            self.add(self.scope, made)
        if left := re.match(r"(m\d+)\.__exit__", line.text):  # once
            self.scope.others["mode"].remove(left[1])
        text = "\n".join(shown(line))
        self.unnamed -= set(made)
        self.renamed -= set(made)
        names = self.worlds[0].names
        if any(names.get(new) is names.get(old) for new in made for old in self.renamed):
            self.renamed |= set(made)
        for world, versions in zip(self.worlds, self.versions, strict=True):
            for name in made:
                versions[name] = quiet(lambda: world.names[name]._version, 0)  # noqa: B023
        if line.functions:
            self.forget_numbers_of_writes(counts)
        if has_other_graph(text) or writes_cast(text, [names.get(name) for name in operands]):
            written = [names.get(name) for name in operands]
            self.unnamed |= {k for k in self.scope.tensors if any(names[k] is x for x in written)}
        same = {k for k in operands & self.unnamed for new in made if names.get(new) is names[k]}
        silent = not self.worlds[0].lib.is_grad_enabled() or line.text.startswith("with T.")
        silent |= ".apply(" in line.text
        views = silent and any(quiet(lambda n=n: names[n]._base is not None, False) for n in made)
        read = self.scope.tensors if line.functions else operands
        other = has_other_graph(text) or is_composed(text, map(names.get, read))
        row = any(made in text for made in ("part(", "near(", "fit("))
        if is_transform(text) or other or same or views or row:
            self.unnamed |= set(made)
        if is_transform(text) or row or any(name in self.loose for name in operands):
            self.loose |= set(made)
        else:
            self.loose -= set(made)
        if line.error is not None and None in outcomes and saves_less(line.error, self.text()):
            raise Abandoned(line.text)
        if self.loose and depends_otherwise(outcomes):
            raise Abandoned(line.text)
        if line.functions or line.error is None:
            self.compare("log", [list(world.log) for world in self.worlds], line)
        self.compare("raises", outcomes, line)
        if line.error is not None and ("out=" in line.text or is_half_written(line.error)):
            raise Abandoned(line.text)
        is_pass = ".backward(" in line.text or "autograd.grad(" in line.text
        if line.error is not None and is_pass and has_order(line.error, self.text()):
            raise Abandoned(line.text)  # what ran before it failed may have written
        self.look(line)

    def count_writes(self, world: World) -> dict[str, int]:
        """The versions of the variables that have one."""
        found: dict[str, int] = {}
        for name in self.scope.tensors:
            with contextlib.suppress(RuntimeError, KeyError):
                found[name] = world.names[name]._version
        return found

    def forget_numbers_of_writes(self, before: list[dict[str, int]]) -> None:
        """In a transform one line may write several times: whether it does is compared."""
        after = [self.count_writes(world) for world in self.worlds]
        for name in before[0]:
            rises = [
                new.get(name, 0) - old.get(name, 0) for new, old in zip(after, before, strict=True)
            ]
            if all(rises):
                self.renamed.add(name)
                for versions, rise in zip(self.versions, rises, strict=True):
                    versions[name] += rise - 1

    def make_line(self, step: Step, scope: Scope) -> tuple[Line, dict[str, str], set[str]] | None:
        functions: list[Function] = []

        def define(kind: str, parameters: str) -> str:
            own = [self.fresh("a") for _ in parameters.split(",")]
            name = self.fresh("f")
            functions.append(Function(name, kind, own, step.body, scope=scope, line=step.line))
            return functions[-1].name

        before = dict(self.count)
        try:
            filler = Filler(step, scope, self.fresh, define)
        except NotHereError:
            self.count = before
            return None
        if is_excluded(self, step, filler, scope):
            self.count = before
            return None
        code = compile(filler.text, "<program>", "exec")
        return Line(filler.text, code, functions=functions), filler.made, set(filler.bound.values())

    def add(self, scope: Scope, made: dict[str, str]) -> None:
        for name, kind in made.items():
            there = scope.others.setdefault(kind, []) if kind != "new" else scope.tensors
            is_there = kind != "new" or isinstance(scope.names.get(name), scope.names["T"].Tensor)
            if is_there and name not in there:
                there.append(name)
            elif not is_there and name in there:
                there.remove(name)

    def make_body(self, function: Function, world: World, names: dict[str, Any]) -> None:
        """Makes the lines of a function while it runs for the first time."""
        function.lines = []
        given = [name for name in function.parameters if hasattr(names[name], "grad_fn")]
        scope = Scope(names, given, function.scope, line=function.line)
        for step in function.body:
            made = self.make_line(step, scope)
            if made is None:
                continue
            line, new, _ = made
            line.guarded = sum(step.numbers) % 4 != 3
            function.lines.append(line)
            try:
                line.error = world.run(self, line, names)
            except Exception as error:
                line.error = Raised(type(error).__name__, str(error))
                if is_half_written(line.error):
                    raise Abandoned(line.text) from None
                if is_limit(world.raised[-1].message):
                    if may_have_written(line, world.raised[-1]):
                        raise Abandoned(line.text) from None
                    function.lines.pop()
                    continue
                raise
            if line.error is not None and is_limit(world.raised[-1].message):
                if may_have_written(line, line.error):
                    raise Abandoned(line.text)
                function.lines.pop()
                continue
            if line.error is not None and is_half_written(line.error):
                raise Abandoned(line.text)
            body = "\n".join(each for line in function.lines for each in shown(line))
            if line.error is not None and saves_less(line.error, body):
                raise Abandoned(line.text)
            world.note(line, names, line.error)
            if line.error is None:
                self.add(scope, new)
        if scope.tensors:
            parts = {"last": scope.tensors[-1], "first": scope.tensors[0]}
            function.result = RETURNS[function.kind].format(**parts, all=", ".join(scope.tensors))
            function.result_code = compile(f"({function.result})", "<program>", "eval")

    # What is seen

    def compare(self, what: str, found: list[Any], line: Line) -> None:
        self.notes.append(found[0])
        narrow = re.search(r"float16|\.half\(", self.text()) is not None
        least = sees.TOLERANCE["float16"] if narrow else 0
        for other in found[1:]:
            if unlike := sees.difference(other, found[0], what, least):
                raise Difference(*unlike, self, line)

    def look(self, line: Line, *, everything: bool = False) -> None:
        for world in self.worlds:
            world.log.clear()
        self.compare("modes", [world.modes() for world in self.worlds], line)
        if "seen" in line.text:
            loose = is_transform("\n".join(shown(line)))
            found = [self.plain(world, world.names.get("seen"), loose) for world in self.worlds]
            self.compare("seen", found, line)
        for name in self.scope.tensors:
            if self.watch or everything:
                found = [sees.look(world.lib, world.names[name]) for world in self.worlds]
                for each, versions in zip(found, self.versions, strict=True):
                    if isinstance(each["version"], int):
                        each["version"] -= versions[name]
                for each in found:
                    if each["inference"] is True:
                        each["version"] = None
                    if name in self.renamed:
                        each["grad_fn"] = None
                if name in self.loose:
                    found = [sees.loosely(each) for each in found]
                if name in self.unnamed:
                    for each in found:
                        for key in ("grad_fn", "is_leaf", "grad", "retains_grad", "requires_grad"):
                            each.pop(key)
            else:
                found = [sees.values(world.names[name]) for world in self.worlds]
            self.compare(name, found, line)
        seen = [name for name in self.scope.tensors if name not in self.loose]
        graded = [
            k for k in seen if all(sees.has_gradient(world.names[k]) for world in self.worlds)
        ]
        shared = []
        for world in self.worlds:
            tensors = [world.names[name] for name in seen]
            tensors += [world.names[name].grad for name in graded]
            shared.append(sees.sharing(tensors))
        places = zip(*(each["memory"] for each in shared), strict=False)
        for k, found in enumerate(places):
            if None in found:  # zeros of PyTorch that have no memory
                for each in shared:
                    each["memory"][k] = None
        self.compare("sharing", shared, line)

    def plain(self, world: World, value: Any, loose: bool = False) -> Any:
        """Tensors in a structure as what can be seen of them."""
        if isinstance(value, (list, tuple)):
            return [self.plain(world, each, loose) for each in value]
        if isinstance(value, world.lib.Tensor):
            seen = sees.look(world.lib, value)
            return sees.part(sees.loosely(seen) if loose else seen)
        return value if isinstance(value, (int, float, str, type(None))) else type(value).__name__

    # The end

    def leave_modes(self) -> None:
        for world in self.worlds:
            world.leave_modes(self.scope.others.get("mode", []))

    def finish(self) -> None:
        """Gradients of both orders of everything with respect to every leaf."""
        self.leave_modes()
        line = Line("", compile("", "<program>", "exec"))
        self.look(line, everything=True)
        names = self.worlds[0].names
        found = {name: names[name] for name in self.scope.tensors}
        leaves = [k for k, x in found.items() if sees.attempt(sees.is_leaf, x) is True]
        leaves = [k for k in leaves if k not in self.unnamed]
        results = [
            k for k, x in found.items() if sees.attempt(lambda x=x: sees.is_result(x)) is True
        ]
        results = [k for k in results if not looks_unlike(self, [k])]
        if not leaves or not results:
            return
        inputs = ", ".join(leaves)
        total = f"sum((v * v.conj()).real.sum() for v in [{', '.join(results)}])"
        self.run_text(
            f"seen = T.autograd.grad({total}, [{inputs}], create_graph=True, allow_unused=True)"
        )
        if self.lines[-1].error is None:
            names["total"] = None
            self.run_text(
                "seen = T.autograd.grad(sum((g * g.conj()).real.sum() for g in seen "
                f"if g is not None), [{inputs}], allow_unused=True)"
            )
            return
        for name in results:
            self.run_text(
                f"seen = T.autograd.grad({name}.real.sum(), [{inputs}], retain_graph=True, "
                "allow_unused=True)"
            )

    def clear(self) -> None:
        for world in self.worlds:
            world.clear()

    def text(self) -> str:
        return "\n".join(each for line in self.lines for each in shown(line))

    def source(self) -> str:
        """The program as Python."""
        text = self.text().splitlines()
        return "\n".join([*PRELUDE.splitlines(), *PREPARED.used("\n".join(text)), *text])


def shown(line: Line) -> list[str]:
    text = line.text.splitlines()
    if line.error is not None and line.guarded:
        text = [
            "try:",
            *indent(text),
            f"except Exception as e: print(repr(e))  # {line.error.kind}",
        ]
    return [each for function in line.functions for each in defined(function)] + text


def defined(function: Function) -> list[str]:
    body = [each for line in function.lines or [] for each in shown(line)]
    body.append("return " + function.result)
    return [f"def {function.name}({', '.join(function.parameters)}):", *indent(body)]


def indent(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]
