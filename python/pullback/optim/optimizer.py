"""``Optimizer``: parameter groups with their settings, and a state for each parameter.

NOTE [One call a group]: a step hands the list of parameters, the state dictionary and the
settings of a group to one function of the core. It reads the gradients, skips the parameters
that have none, finds or makes the tensors of the state and updates all in place, so the work
in Python does not grow with the number of parameters. ``state`` stays the only place where
state is kept: what a user reads or puts there is what the next step sees.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core

__all__ = ["Optimizer", "required"]


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


class Optimizer:
    """Base class: a subclass defines ``step``.

    Args:
        params: tensors, named tensors (pairs), or dictionaries with such under "params" and
            settings of their own.
        defaults: the settings of groups that do not give theirs; the value ``required``
            stands for a setting without a default.

    Raises:
        TypeError: ``params`` is or holds something else.
        ValueError: no parameters, a parameter twice, or one that is no leaf.
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        name = type(self).__name__
        if not isinstance(defaults, dict):
            _arguments.refuse(name, "defaults", "dict", defaults)
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                f"dicts, but got {_type_name(params)}"
            )
        self.defaults = defaults
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(
            _arguments.elements(name, "params", params, "an iterable of Tensors or dicts")
        )
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters once; the result of ``closure``, called before, if it is given."""
        raise NotImplementedError

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        for group in self.param_groups:
            _core._zero_grad(group["params"], set_to_none)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, with settings of their own where they differ from the defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params, names = _unpacked(param_group["params"])
        param_group["params"] = params
        if names:
            param_group["param_names"] = names
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, "
                    f"but one of the params is {_type_name(param)}"
                )
            if not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor. " + param._origin)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization "
                    f"parameter {name}"
                )
            param_group.setdefault(name, default)
        if len(params) != len({id(param) for param in params}):
            _core._warn(
                "optimizer contains a parameter group with duplicate parameters; "
                "in future, this will cause an error",
            )
        for group in self.param_groups:
            if ("param_names" in param_group) != ("param_names" in group):
                kind = "with" if "param_names" in param_group else "without"
                raise ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {kind} names to the optimizer"
                )
        known = {id(param) for group in self.param_groups for param in group["params"]}
        if any(id(param) in known for param in params):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    def state_dict(self) -> dict[str, Any]:
        """Settings and state, with numbers in the place of the parameters."""
        numbers: dict[int, int] = {}
        groups = []
        start = 0
        for group in self.param_groups:
            for number, param in enumerate(group["params"], start):
                numbers.setdefault(id(param), number)
            start += len(group["params"])
            packed = {name: value for name, value in group.items() if name != "params"}
            packed["params"] = [numbers[id(param)] for param in group["params"]]
            groups.append(packed)
        state = {
            numbers[id(key)] if isinstance(key, Tensor) else key: value
            for key, value in self.state.items()
        }
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over settings and state; the parameters are matched by their order.

        Raises:
            ValueError: the groups differ in number or size.
        """
        saved = copy.deepcopy(state_dict["param_groups"])
        groups = self.param_groups
        if len(groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(
            len(ours["params"]) != len(theirs["params"])
            for ours, theirs in zip(groups, saved, strict=True)
        ):
            raise ValueError(
                "loaded state dict contains a parameter group "
                "that doesn't match the size of optimizer's group"
            )
        param_of = dict(
            zip(
                chain.from_iterable(group["params"] for group in saved),
                chain.from_iterable(group["params"] for group in groups),
                strict=True,
            )
        )
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in param_of:
                state[param_of[key]] = _cast(param_of[key], value)
            else:
                state[key] = value
        for ours, theirs in zip(groups, saved, strict=True):
            theirs["params"] = ours["params"]
            if "param_names" in ours:
                theirs.setdefault("param_names", ours["param_names"])
        self.__setstate__({"state": state, "param_groups": saved})

    def __getstate__(self) -> dict[str, Any]:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)

    def __repr__(self) -> str:
        groups = []
        for number, group in enumerate(self.param_groups):
            settings = [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
            groups.append("\n".join([f"Parameter Group {number}", *settings, ""]))
        return f"{type(self).__name__} (\n" + "\n".join(groups) + ")"


def evaluated(closure: Callable[[], Any]) -> Any:
    """The loss that a closure gives, with recording switched on."""
    with pb.enable_grad():
        return closure()


def check_rate(lr: Any) -> None:
    """A learning rate is a number or a tensor of one, and not negative."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if not lr >= 0.0:
        raise ValueError(f"Invalid learning rate: {lr}")


def check_variant(name: str, **flags: Any) -> None:
    """Refuse what only another implementation of a step could do.

    ``foreach`` and ``fused`` ask for an implementation with the same results, which the one
    that there is has; both at once contradict each other.
    """
    for flag in ("differentiable", "capturable"):
        if flags.pop(flag, False):
            raise RuntimeError(
                f"{name}: {flag}=True is not supported: the step is computed in place, "
                "unrecorded, on the CPU."
            )
    if flags["fused"] and flags["foreach"]:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def _unpacked(params: Any) -> tuple[list[Any], list[str]]:
    """Parameters and, if they came as pairs, their names."""
    if isinstance(params, Tensor):
        return [params], []
    if isinstance(params, (set, frozenset)):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the "
            "ordering of tensors in sets will change between runs. Please use a list instead."
        )
    items = list(params)
    names = [item[0] for item in items if isinstance(item, tuple)]
    if names and len(names) != len(items):
        raise ValueError(
            "all optimizer params should be with/without names. Some param names are missing"
        )
    return [item[1] for item in items] if names else items, names


def _cast(param: Any, value: Any, name: str = "") -> Any:
    """State for ``param``: its floating tensors in the dtype of the parameter, ``step`` as is."""
    if isinstance(value, Tensor):
        if name == "step" or not param.is_floating_point():
            return value
        return value.to(param.dtype)
    if isinstance(value, dict):
        return {key: _cast(param, item, key) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return type(value)(_cast(param, item) for item in value)  # type: ignore[call-arg]
    return value


def _type_name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
