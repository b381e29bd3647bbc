"""``diagnose``: training steps with every check switched on, and one report at the end.

An observer in the core looks at every tensor of every pass once (csrc/bind/step_observer.cpp) and
keeps what it saw by line and by leaf; the first NaN or infinity of a pass it shows to ``_trouble``,
while the graph is there. What that means is judged here when the block ends. Start reading at
``diagnose``; the limits are the constants.
"""

from __future__ import annotations

import itertools
import math
import operator
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pullback import _arguments, _core
from pullback._grad_mode import no_grad
from pullback.diagnosis._explain import bad_gradient, bad_value
from pullback.diagnosis._names import names_of
from pullback.diagnosis._walk import origin_of, place_in, show_place, source_line

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Finding", "StepReport", "diagnose"]

# Half of the units of a relu that are zero for every example.
_DEAD = 0.5
# Norms relative to the one that the pass starts with; root mean squares relative to the largest.
_EXPLODES, _VANISHES = 1e6, 1e-6
# Above these a square overflows.
_LARGE = {False: 1.8e19, True: 1.3e154}
_MOST_LINES = 6


class Finding(NamedTuple):
    """One thing that is wrong with a step."""

    kind: str
    text: str
    place: str | None = None


@dataclass
class StepReport:
    """What ``diagnose`` found; prints as text.

    Attributes:
        passes: how many backward passes there were.
        findings: what is wrong, by kind: ``nan``, ``range``, ``exploding``, ``vanishing``,
            ``dead units``, ``zero gradient``, ``unused``, ``unchanged``, ``cleared``.
    """

    passes: int = 0
    findings: list[Finding] = field(default_factory=list)

    def __str__(self) -> str:
        passes = f"{self.passes} backward {'pass' if self.passes == 1 else 'passes'}"
        if not self.findings:
            return f"pullback.diagnose: {passes}, nothing found"
        lines = [f"pullback.diagnose: {passes}, {len(self.findings)} found"]
        for number, finding in enumerate(self.findings, start=1):
            lines.append(f"{number}. {finding.kind}: {finding.text}")
        return "\n".join(lines)


class _Line(NamedTuple):
    operator: str
    where: tuple[Any, int]
    sequence: int
    low: float
    high: float
    largest: float
    doubles: bool
    units: int
    dead: int

    @property
    def place(self) -> str:
        return str(_core._describe_place(*self.where))


_sequence = operator.attrgetter("sequence")


class _Leaf(NamedTuple):
    tensor: Any
    passes: int
    zeros: int
    low: float
    high: float
    changed: bool
    written: bool
    accumulated: bool

    @property
    def lost(self) -> bool:
        """Whether its gradient was taken away before anything used it."""
        unused = not (self.changed or self.written)
        return self.accumulated and unused and self.tensor.grad is None


class diagnose:
    """Runs what is in the block with every check on, and prints one report with lines at its end.

    It looks for NaN and infinity where they are born, forward and backward; units of a relu that
    are zero for every example; gradients that vanish, explode or are zero; values whose squares
    overflow; parameters that no pass reached, such whose gradient was taken away before it was
    used, and such that did not change although others did.
    Several steps may be in the block, and the report is about all of them. It is printed also when
    an exception leaves the block. It is about the thread that entered it. A step takes 1.1 to
    1.5 times as long as without it, the block itself 10 to 30 microseconds.

    Args:
        model: whose parameters should all be used; by default that of the modules that are called
            in the block and of which a pass reached a parameter.
        quiet: do not print the report.

    Returns:
        The ``with`` statement gives the report, a ``StepReport``, which is filled at the end.

    Raises:
        TypeError: ``model`` is no module.

    Example:
        >>> import pullback as pb
        >>> w = pb.tensor([-1.0, -2.0], requires_grad=True)
        >>> with pb.diagnose() as report:
        ...     w.relu().sum().backward()
        pullback.diagnose: 1 backward pass, 2 found
        1. dead units: 2 of 2 units of ReluBackward0 are zero for every example
          at <doctest pullback.diagnosis._diagnose.diagnose[2]>:2 in <module>
             w.relu().sum().backward()
        2. zero gradient: of a leaf of shape (2,). It was made at \
<doctest pullback.diagnosis._diagnose.diagnose[1]>:1 in <module>.
        >>> report.findings[0].kind
        'dead units'
    """

    def __init__(self, model: Any = None, *, quiet: bool = False) -> None:
        if model is not None and not hasattr(model, "named_parameters"):
            _arguments.refuse("diagnose", "model", "Module", model)
        _arguments.flags("diagnose", quiet=quiet)
        self._model = model
        self._quiet = quiet
        self._called: list[Any] = []
        self._calls: Any = None
        self._thread = 0
        self._bad: dict[str | None, Finding] = {}

    def __enter__(self) -> StepReport:
        self.report = StepReport()
        self._called, self._bad = [], {}
        self._thread = threading.get_ident()
        hooks = sys.modules.get("pullback.nn.modules._hooks")
        if hooks is not None and self._model is None:
            self._calls = hooks.OutermostCalls(self._see_module)
        _core._push_step_observer(self._trouble)
        return self.report

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._calls is not None:
            self._calls.stop()
            self._calls = None
        passes, lines, leaves = _core._pop_step_observer()
        self.report.passes = passes
        with no_grad():
            self.report.findings[:] = self._judge(
                sorted(map(_Line._make, lines), key=_sequence, reverse=True),
                [*map(_Leaf._make, leaves)],
            )
        self._called = []
        if not self._quiet:
            print(self.report)

    def _see_module(self, module: Any) -> bool | None:
        """Before each call of a module, until the first one is called again."""
        if threading.get_ident() != self._thread:
            return None
        if self._called and module is self._called[0]:
            return False
        self._called.append(module)
        return True

    def _trouble(self, when: str, node: Any, given: tuple[Any, ...]) -> None:
        """The first bad value of a pass: its line, once."""
        with no_grad():
            found = bad_value(node) if when == "forward" else bad_gradient(node, given)
        if found is not None:
            self._bad.setdefault(found.place, Finding("nan", found.text, found.place))

    def _judge(self, lines: list[_Line], leaves: list[_Leaf]) -> list[Finding]:
        found = list(self._bad.values())
        models = self._models()
        names = _Names([leaf.tensor for leaf in leaves], [parts[0] for parts in models.values()])
        found += [_range(line) for line in lines if line.largest > _LARGE[line.doubles]]
        found += _dead_units(lines)
        zero = [leaf for leaf in leaves if leaf.passes and leaf.zeros == leaf.passes]
        found += [Finding("zero gradient", f"of {names.of(leaf.tensor)}") for leaf in zero]
        if not self._bad:
            found += _exploding(lines)
            found += _vanishing(lines, leaves, names)
        found += self._unused(leaves, models, names)
        found += _cleared(leaves, names)
        judged = [leaf for leaf in leaves if not (leaf.lost or leaf.zeros == leaf.passes)]
        found += _unchanged(judged, leaves, names)
        return found

    def _models(self) -> dict[int, list[Any]]:
        """The outermost of the modules that were called, each in front of its parts."""
        outer: dict[int, list[Any]] = {}
        inner: set[int] = set()
        for module in [self._model] if self._model is not None else self._called:
            if id(module) in inner:
                continue
            parts = [*module.modules()]
            ids = {*map(id, parts)}
            outer = {key: each for key, each in outer.items() if key not in ids}
            outer[id(module)] = parts
            inner |= ids
        return outer

    def _unused(
        self, leaves: list[_Leaf], models: dict[int, list[Any]], names: _Names
    ) -> list[Finding]:
        reached = {id(leaf.tensor) for leaf in leaves}
        found = []
        for parts in models.values() if self.report.passes else ():
            own = {
                id(p): p
                for part in parts
                for p in part._parameters.values()
                if p is not None and p.requires_grad
            }
            if self._model is None and reached.isdisjoint(own):
                continue
            for number, parameter in own.items():
                if number not in reached:
                    used = str(_core._traces(parameter)[0]).strip()
                    text = f"no pass reached {names.of(parameter)} {used}".rstrip()
                    found.append(Finding("unused", text, place_in(used or text)))
        return found


class _Names:
    """What to call a leaf, with where it was made."""

    def __init__(self, leaves: list[Any], models: list[Any]) -> None:
        self._leaves = leaves
        self._models = models
        self._names: dict[int, str] = {}

    def _find(self, leaf: Any) -> None:
        for model in self._models:
            self._names = {**names_of((), model), **self._names}
        if id(leaf) not in self._names:
            self._names = {**names_of(self._leaves), **self._names}

    def of(self, leaf: Any) -> str:
        if not self._names:
            self._find(leaf)
        name = self._names.get(id(leaf)) or f"a leaf of shape {tuple(leaf.shape)}"
        return f"{name}. {origin_of(leaf)}".strip()


def _at(text: str, place: str) -> str:
    return f"{text}\n{show_place(place)}"


def _range(line: _Line) -> Finding:
    kind = "float64" if line.doubles else "float32"
    text = f"values up to {line.largest:.3g}, whose squares overflow in {kind}: {line.operator}"
    return Finding("range", _at(text, line.place), line.place)


def _dead_units(lines: list[_Line]) -> list[Finding]:
    found = []
    for line in lines:
        if line.units and line.dead >= _DEAD * line.units:
            text = (
                f"{line.dead} of {line.units} units of {line.operator} are zero for every example"
            )
            found.append(Finding("dead units", _at(text, line.place), line.place))
    return found


def _table(lines: list[_Line]) -> str:
    """Norms by line, from the loss down: the first, the last, and where they change most."""
    known = [line for line in lines if math.isfinite(line.low)]
    steps = sorted(
        range(1, len(known)),
        key=lambda i: -abs(_log(known[i].high) - _log(known[i - 1].high)),
    )
    chosen = sorted({0, len(known) - 1, *steps[: _MOST_LINES - 2]} & set(range(len(known))))
    return "".join(
        f"\n  {known[i].high:.3g} at {known[i].place} {source_line(known[i].place)}".rstrip()
        for i in chosen
    )


def _log(norm: float) -> float:
    return math.log(max(norm, 1e-300))


def _exploding(lines: list[_Line]) -> list[Finding]:
    first = next((line for line in lines if line.high > _EXPLODES), None)
    if first is None:
        return []
    text = f"the norm of the gradient grows to {max(line.high for line in lines):.3g} times that "
    text += f"of the loss; it passes {_EXPLODES:.0e} at {first.operator}"
    text = _at(text, first.place) + "\n  Norms by line, from the loss on:" + _table(lines)
    return [Finding("exploding", text, first.place)]


def _vanishing(lines: list[_Line], leaves: list[_Leaf], names: _Names) -> list[Finding]:
    most = max((leaf.high for leaf in leaves), default=0.0)
    small = [leaf for leaf in leaves if 0 < leaf.high < _VANISHES * most]
    if not small:
        return []
    known = [line for line in lines if math.isfinite(line.low) and line.high > 0]
    falls = [(b.high / a.high, b) for a, b in itertools.pairwise(known)]
    worst = min(falls, key=lambda fall: fall[0])[1] if falls else None
    text = "; ".join(f"{leaf.high:.3g} in the mean for {names.of(leaf.tensor)}" for leaf in small)
    text += f" beside {most:.3g} for others. Norms by line, from the loss on:" + _table(lines)
    return [Finding("vanishing", text, worst.place if worst else None)]


def _cleared(leaves: list[_Leaf], names: _Names) -> list[Finding]:
    """Of parameters whose gradient was taken away before a step used it, by the line."""
    lost: dict[str, list[_Leaf]] = {}
    for leaf in leaves:
        if leaf.lost:
            lost.setdefault(str(_core._traces(leaf.tensor)[1]).strip(), []).append(leaf)
    found = []
    for sentence, group in lost.items():
        text = f"the gradient was gone before anything used it, of {names.of(group[0].tensor)}"
        text += f" And of {len(group) - 1} more." if len(group) > 1 else ""
        found.append(Finding("cleared", f"{text} {sentence}".rstrip(), place_in(sentence)))
    return found


def _unchanged(judged: list[_Leaf], leaves: list[_Leaf], names: _Names) -> list[Finding]:
    """Of parameters with a gradient, when others were written, or all of them in vain."""
    if not any(leaf.changed or leaf.written for leaf in leaves):
        return []
    found = []
    for leaf in judged:
        if leaf.changed:
            continue
        why = (
            "it was written, with what it held: a learning rate of 0?"
            if leaf.written
            else "nobody wrote to it: is it in the optimizer?"
        )
        found.append(Finding("unchanged", f"{why} {names.of(leaf.tensor)}"))
    return found
