"""``Optimizer``: parameter groups with their settings, a state for each parameter, and hooks.

NOTE [One call a step]: the step of an optimizer of ``_rules.py`` hands its parameter groups and its
state dictionary to one function of the core. It reads the settings and the gradients, skips the
parameters that have none, finds or makes the tensors of the state and updates all in place, so
the work in Python does not grow with the number of parameters. ``state`` stays the only place
where state is kept: what a user reads or puts there is what the next step sees.

NOTE [Hooks of a step]: hooks of the optimizer and of all optimizers run around ``step``. The class
of an optimizer gets a wrapped ``step`` when the first one is made, unless its function says that it
runs hooks itself (``hooked``). A step inside of a step, by ``super().step()``, runs none again.
"""

from __future__ import annotations

import copy
import functools
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback.optim import _private
from pullback.utils.hooks import RemovableHandle

__all__ = [
    "Optimizer",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
]

Hook = Callable[..., Any]

_global_optimizer_pre_hooks: OrderedDict[int, Hook] = OrderedDict()
_global_optimizer_post_hooks: OrderedDict[int, Hook] = OrderedDict()
# The dictionaries of hooks that an optimizer has.
_HOOKS = tuple(
    f"_optimizer_{name}_hooks"
    for name in (
        "step_pre",
        "step_post",
        "state_dict_pre",
        "state_dict_post",
        "load_state_dict_pre",
        "load_state_dict_post",
    )
)


def register_optimizer_step_pre_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before each step of every optimizer.

    A hook may return new ``(args, kwargs)``.

    Example:
        >>> import pullback as pb
        >>> from pullback.optim.optimizer import register_optimizer_step_pre_hook
        >>> w = pb.ones(1, requires_grad=True)
        >>> optimizer = pb.optim.SGD([w], lr=0.1)
        >>> with register_optimizer_step_pre_hook(lambda o, args, kwargs: print(type(o).__name__)):
        ...     optimizer.step()
        SGD
    """
    _arguments.functions("register_optimizer_step_pre_hook", hook=hook)
    return _registered(_global_optimizer_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after each step of every optimizer.

    Example:
        >>> import pullback as pb
        >>> from pullback.optim.optimizer import register_optimizer_step_post_hook
        >>> w = pb.ones(1, requires_grad=True)
        >>> optimizer = pb.optim.SGD([w], lr=0.1)
        >>> with register_optimizer_step_post_hook(lambda o, args, kwargs: print("after")):
        ...     optimizer.step()
        after
    """
    _arguments.functions("register_optimizer_step_post_hook", hook=hook)
    return _registered(_global_optimizer_post_hooks, hook)


def _registered(hooks: Any, hook: Hook, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


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

    Example:
        >>> import pullback as pb
        >>> class Signs(pb.optim.Optimizer):
        ...     def step(self):
        ...         with pb.no_grad():
        ...             for group in self.param_groups:
        ...                 for p in group["params"]:
        ...                     p.sub_(p.grad.sign() * group["lr"])
        >>> w = pb.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = Signs([w], {"lr": 0.5})
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.5000, 1.5000], requires_grad=True)
    """

    _optimizer_step_pre_hooks: OrderedDict[int, Hook]
    _optimizer_step_post_hooks: OrderedDict[int, Hook]
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Hook]
    _optimizer_state_dict_post_hooks: OrderedDict[int, Hook]
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Hook]
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Hook]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        name = type(self).__name__
        self._have_hooks()
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

    def _have_hooks(self) -> None:
        """See NOTE [Hooks of a step]."""
        for name in _HOOKS:
            if not hasattr(self, name):
                setattr(self, name, OrderedDict())
        owner: Any = type(self)
        if not getattr(owner.step, "hooked", False):
            owner.step = self.profile_hook_step(owner.step)

    @staticmethod
    def profile_hook_step(func: Callable[..., Any]) -> Callable[..., Any]:
        """``func``, a method ``step``, with the hooks around it."""

        @functools.wraps(func)
        def step(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
            return self._hooked_step(func, (self, *args), kwargs)

        vars(step)["hooked"] = True
        return step

    def _hooked_step(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if self.__dict__.get("_runs_hooks"):
            return func(*args, **kwargs)
        for hook in [
            *_global_optimizer_pre_hooks.values(),
            *self._optimizer_step_pre_hooks.values(),
        ]:
            given = hook(self, args, kwargs)
            if given is None:
                continue
            if not isinstance(given, tuple) or len(given) != 2:
                raise RuntimeError(
                    f"{func} must return None or a tuple of (new_args, new_kwargs), "
                    f"but got {given}."
                )
            args, kwargs = given
        self._runs_hooks = True
        try:
            result = func(*args, **kwargs)
        finally:
            del self._runs_hooks
        for hook in [
            *self._optimizer_step_post_hooks.values(),
            *_global_optimizer_post_hooks.values(),
        ]:
            hook(self, args, kwargs)
        return result

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return new ones."""
        _arguments.functions("register_step_pre_hook", hook=hook)
        return _registered(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        _arguments.functions("register_step_post_hook", hook=hook)
        return _registered(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before ``state_dict``."""
        _arguments.functions("register_state_dict_pre_hook", hook=hook)
        return _registered(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after ``state_dict``; it may return another one."""
        _arguments.functions("register_state_dict_post_hook", hook=hook)
        return _registered(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Hook, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` first in ``load_state_dict``, with a shallow copy.

        It may return another one.
        """
        _arguments.functions("register_load_state_dict_pre_hook", hook=hook)
        return _registered(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Hook, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` after ``load_state_dict``."""
        _arguments.functions("register_load_state_dict_post_hook", hook=hook)
        return _registered(self._optimizer_load_state_dict_post_hooks, hook, prepend)

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
            differentiable = self.defaults.get("differentiable")
            if not (differentiable or param.is_leaf or param.retains_grad):
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
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
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
        result = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            given = hook(self, result)
            result = result if given is None else given
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over settings and state; the parameters are matched by their order.

        Raises:
            ValueError: the groups differ in number or size.
        """
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            given = hook(self, state_dict)
            state_dict = state_dict if given is None else given
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
        group_of = {key: group for group in saved for key in group["params"]}
        for key, value in state_dict["state"].items():
            if key in param_of:
                group = group_of[key]
                single = bool(group.get("capturable") or group.get("fused"))
                state[param_of[key]] = _cast(param_of[key], value, single)
            else:
                state[key] = value
        for ours, theirs in zip(groups, saved, strict=True):
            theirs["params"] = ours["params"]
            if "param_names" in ours:
                theirs.setdefault("param_names", ours["param_names"])
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._have_hooks()
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)

    def __repr__(self) -> str:
        groups = []
        for number, group in enumerate(self.param_groups):
            settings = [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
            groups.append("\n".join([f"Parameter Group {number}", *settings, ""]))
        return f"{type(self).__name__} (\n" + "\n".join(groups) + ")"


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


def _cast(param: Any, value: Any, single: bool, name: Any = None) -> Any:
    """State for ``param``: its floating tensors in the dtype of the parameter, ``step`` as is."""
    if isinstance(value, Tensor):
        if name == "step":
            return value.to(pb.float32) if single else value
        return value.to(param.dtype) if param.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _cast(param, item, single, key) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return type(value)(_cast(param, item, single) for item in value)  # type: ignore[call-arg]
    return value


def _type_name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def __getattr__(name: str) -> Any:
    if name in _private.__all__:
        return getattr(_private, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
