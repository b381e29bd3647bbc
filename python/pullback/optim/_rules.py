"""The optimizers whose step treats every element alike: a class for each rule of the core.

NOTE [Optimizers] in ``csrc/kernels/optim/rule.h`` says what a rule holds. The constructor, its
checks and the docstring are made of that here; nothing in Python knows an optimizer by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pullback import Tensor, _core
from pullback.optim._settings import (
    as_numbers,
    check_settings,
    evaluated,
    numbers_as_tensors,
)
from pullback.optim.optimizer import (
    Optimizer,
    _global_optimizer_post_hooks,
    _global_optimizer_pre_hooks,
)

ROWS: list[dict[str, Any]] = _core._optimizer_rules()


class RuleOptimizer(Optimizer):
    """What the classes made of rules share. See NOTE [One call a step]."""

    _number: ClassVar[int]  # of the rule
    _row: ClassVar[dict[str, Any]]
    _fixed: ClassVar[dict[str, Any]]

    def _begin(self, params: Any, settings: dict[str, Any]) -> None:
        settings = {name: as_numbers(value) for name, value in settings.items()}
        stored = {**settings, **self._fixed}
        order = self._row["order"]
        if order is not None:
            stored = {name: stored[name] for name in order.split()}
        super().__init__(params, stored)
        check_variant(settings)
        if self._row["at_once"]:
            for group in self.param_groups:
                _core._optimizer_state(self._number, group, self.state)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.update(self._fixed)
        numbers = [name for name, is_number, _ in self._row["slots"] if is_number]
        numbers_as_tensors(self.state, numbers)


def check_variant(settings: dict[str, Any]) -> None:
    """``foreach`` and ``fused`` ask for an implementation, and there is one that has both."""
    if settings.get("fused"):
        if settings.get("differentiable"):
            raise RuntimeError("`fused` does not support `differentiable`")
        if settings.get("foreach"):
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def _made(number: int, row: dict[str, Any], known: dict[str, Any]) -> type[RuleOptimizer]:
    name = row["name"]
    base = known[row["base"]] if row["base"] else RuleOptimizer
    fixed = _evaluated(f"dict({row['fixed']})")
    made: type[RuleOptimizer] = type(
        name,
        (base,),
        {
            "__module__": "pullback.optim",
            "__doc__": _doc(row),
            "__init__": _constructor(row),
            "step": _step(number),
            "_number": number,
            "_row": row,
            "_fixed": fixed,
        },
    )
    return made


def _evaluated(text: str, **names: Any) -> Any:
    return eval(text, names)


def _constructor(row: dict[str, Any]) -> Any:
    """``__init__`` with the signature of the rule."""
    name = row["name"]
    given = _evaluated(f"lambda {row['signature']}: locals()")
    settings = list(given.__code__.co_varnames)
    text = [f"def __init__(self, params, {row['signature']}):"]
    text.append(f"    settings = dict({', '.join(f'{each}={each}' for each in settings)})")
    text.append(f"    check_settings(type(self).__name__, settings, {_kinds(given())!r})")
    for condition, message in row["checks"]:
        text += [f"    if not ({condition}):", f"        raise ValueError(f{message!r})"]
    text.append("    _begin(self, params, settings)")
    space = {
        "__name__": "pullback.optim",
        "Tensor": Tensor,
        "check_settings": check_settings,
        "_begin": RuleOptimizer._begin,
    }
    exec("\n".join(text), space)
    made: Any = space["__init__"]
    made.__qualname__ = f"{name}.__init__"
    made.__module__ = "pullback.optim"
    return made


def _kinds(defaults: dict[str, Any]) -> dict[str, str]:
    """What each setting must be, by its default."""
    kinds = {tuple: "numbers", bool: "flag", type(None): "flag"}
    return {name: kinds.get(type(value), "number") for name, value in defaults.items()}


def _step(number: int) -> Any:
    """``step`` of the class of a rule, whose number is at hand."""

    def plain(self: RuleOptimizer, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else evaluated(closure)
        _core._optimizer_step(number, self.param_groups, self.state)
        return loss

    def step(self: RuleOptimizer, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters once; the result of ``closure``, called before, if it is given."""
        if (
            self._optimizer_step_pre_hooks
            or self._optimizer_step_post_hooks
            or _global_optimizer_pre_hooks
            or _global_optimizer_post_hooks
        ):
            return self._hooked_step(plain, (self,) if closure is None else (self, closure), {})
        loss = None if closure is None else evaluated(closure)
        _core._optimizer_step(number, self.param_groups, self.state)
        return loss

    vars(step)["hooked"] = True
    return step


def _doc(row: dict[str, Any]) -> str:
    name = row["name"]
    slots = [
        f"``{slot}``" + (f" with ``{when}``" if when else "") for slot, _, when in row["slots"]
    ]
    summary, _, rest = row["doc"].partition("\n\n")
    lines = [*summary.split("\n"), ""]
    if rest:
        lines += [*rest.split("\n"), ""]
    lines += [
        "Args:",
        "    params: tensors of a floating dtype and any shape, named tensors (pairs), or groups",
        '        (dictionaries with such under "params" and settings of their own).',
        f"    {row['signature'].replace('*, ', '')}: see above; ``maximize`` follows the gradient",
        "        upwards, ``differentiable`` records the step; ``foreach`` and ``fused`` change",
        "        nothing.",
        "",
        f"The state of a parameter: {', '.join(slots)}.",
        "",
        "Raises:",
        "    ValueError: unless " + ", ".join(f"``{each}``" for each, _ in row["checks"]) + ".",
        "    AssertionError: ``step`` with ``capturable=True``, which is for accelerators.",
        "",
        "Example:",
        "    >>> import pullback as pb",
        "    >>> w = pb.tensor([1.0, 2.0], requires_grad=True)",
        f"    >>> optimizer = pb.optim.{name}([w], {row['example']})",
        "    >>> w.sum().backward()",
        "    >>> optimizer.step()",
        "    >>> w",
        f"    tensor({row['example_result']}, requires_grad=True)",
    ]
    return "\n".join([lines[0], *(f"    {line}".rstrip() for line in lines[1:]), "    "])


CLASSES: dict[str, type[RuleOptimizer]] = {}
for _number, _row in enumerate(ROWS):
    CLASSES[_row["name"]] = _made(_number, _row, CLASSES)
