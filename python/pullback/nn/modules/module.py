"""``Module``: a tree of named parameters, buffers and submodules with one computation.

An attribute that is a ``Parameter`` or a ``Module`` is kept in ``_parameters`` or ``_modules``,
and a tensor given to ``register_buffer`` in ``_buffers``, not among the plain attributes;
a name is in at most one of these places. ``__setattr__`` sorts, ``__getattr__`` finds. All
else is a walk over the tree: names, conversion, and ``state_dict`` out and in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import pullback as pb
from pullback import Tensor, _core
from pullback.nn.modules import _registration, _state
from pullback.nn.modules._conversion import Converted, type_name
from pullback.nn.modules._hooks import (
    HOOKS_OF_ALL,
    Hooked,
    register_module_backward_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from pullback.nn.modules._registration import (
    register_module_buffer_registration_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from pullback.nn.parameter import Buffer, Parameter

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Module",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

_IncompatibleKeys = _state._IncompatibleKeys  # where programs import it from


class Module(Converted, _state.Stateful, Hooked):
    """Base class of all modules: subclass it, call ``super().__init__()``, define ``forward``.

    Example:
        >>> import pullback as pb
        >>> class Scale(pb.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.factor = pb.nn.Parameter(pb.tensor(2.0))
        ...
        ...     def forward(self, x):
        ...         return self.factor * x
        >>> Scale()(pb.tensor(3.0))
        tensor(6., grad_fn=<MulBackward0>)
    """

    training: bool
    call_super_init: bool = False
    dump_patches: bool = False
    T_destination = TypeVar("T_destination", bound=dict[str, Any])
    _version = 1
    _modules: dict[str, Module | None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init and (args or kwargs):
            what = (
                f"got an unexpected keyword argument '{next(iter(kwargs))}'"
                if kwargs
                else f"takes 1 positional argument but {len(args) + 1} were given"
            )
            raise TypeError(f"{type(self).__name__}.__init__() {what}")
        self.__dict__.update(
            training=True,
            _parameters={},
            _buffers={},
            _non_persistent_buffers_set=set(),
            _modules={},
        )
        self._init_hooks()
        self._init_state_hooks()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Files of older versions lack some of the dictionaries."""
        self._init_hooks()
        self._init_state_hooks()
        self.__dict__["_non_persistent_buffers_set"] = set()
        self.__dict__.update(state)

    def _no_forward(self, *input: Any) -> Any:
        """The computation; every subclass defines its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    # Declared as a value, so that a subclass may give it whatever parameters it likes.
    forward: Callable[..., Any] = _no_forward

    # --- attributes ---

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _give_slots(cls)

    # Asked for what the slot of _give_module_attributes does not find, and by ``super()``.
    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        for place in ("_parameters", "_buffers", "_modules"):
            if place in own and name in own[place]:
                return own[place][name]
        hint = (
            ""
            if "_parameters" in own
            else ": Module.__init__() was not called. Begin __init__ with super().__init__()."
        )
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'{hint}")

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, Parameter):
            if "_parameters" not in own:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._vacate(name, "_parameters")
            self.register_parameter(name, value)
        elif name in own.get("_parameters", ()):
            self._check_value("parameter", name, value, Parameter, "torch.nn.Parameter or None")
            self.register_parameter(name, None)
        elif isinstance(value, Module):
            if "_modules" not in own:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._vacate(name, "_modules")
            own["_modules"][name] = _registration.module(self, name, value)
        elif name in own.get("_modules", ()):
            self._check_value("child module", name, value, Module, "torch.nn.Module or None")
            own["_modules"][name] = _registration.module(self, name, None)
        elif name in own.get("_buffers", ()):
            expected = "torch.nn.Buffer, torch.Tensor or None"
            self._check_value("buffer", name, value, Tensor, expected)
            if isinstance(value, Buffer):
                self.register_buffer(name, value, value.persistent)
            else:
                own["_buffers"][name] = _registration.buffer(self, name, value)
        elif isinstance(value, Buffer):
            if "_buffers" not in own:
                raise AttributeError("cannot assign buffer before Module.__init__() call")
            self.register_buffer(name, value, value.persistent)
        else:
            super().__setattr__(name, value)

    @staticmethod
    def _check_value(kind: str, name: str, value: Any, wanted: type, expected: str) -> None:
        if value is not None and not isinstance(value, wanted):
            raise TypeError(
                f"cannot assign '{type_name(value)}' as {kind} '{name}' ({expected} expected)"
            )

    def __delattr__(self, name: str) -> None:
        own = self.__dict__
        for place in ("_parameters", "_buffers", "_modules"):
            if place in own and name in own[place]:
                del own[place][name]
                own["_non_persistent_buffers_set"].discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        names = {*super().__dir__(), *self._parameters, *self._buffers, *self._modules}
        return sorted(name for name in names if not name[:1].isdigit())

    def _vacate(self, name: str, place: str) -> None:
        """Forget what ``name`` stood for anywhere but in ``place``."""
        own = self.__dict__
        own.pop(name, None)
        for other in ("_parameters", "_buffers", "_modules"):
            if other != place:
                own[other].pop(name, None)
        own["_non_persistent_buffers_set"].discard(name)

    def _check_name(self, kind: str, name: Any, place: str) -> None:
        if place not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type_name(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if name not in self.__dict__[place] and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or a place for one with None."""
        self._check_name("parameter", name, "_parameters")
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{type_name(param)}' object to parameter '{name}' "
                    "(nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    f"be created explicitly. To express '{name}' as a function of another "
                    "Tensor, compute the value in the forward() method."
                )
        self._parameters[name] = _registration.parameter(self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the state but is not trained.

        Args:
            name: the attribute under which it is found.
            tensor: the tensor, or None for a place without one.
            persistent: whether it is part of ``state_dict``.
        """
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type_name(tensor)}' object to buffer '{name}' "
                "(Tensor or None required)"
            )
        self._buffers[name] = _registration.buffer(self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a submodule, or a place for one with None."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type_name(module)} is not a Module subclass")
        self._check_name("module", name, "_modules")
        self._modules[name] = _registration.module(self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """``add_module``."""
        self.add_module(name, module)

    # --- walks ---

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it with their dotted names, each once, parents first."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                yield from child.named_modules(memo, _dotted(prefix, name), remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and all below it, each once."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below this one, with their names, each once."""
        seen = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        """The modules directly below this one, each once."""
        for _, child in self.named_children():
            yield child

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Parameters with their dotted names, each once; of this module only without recurse."""
        return self._named_members(
            lambda module: module._parameters.items(), prefix, recurse, remove_duplicate
        )

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Parameters, each once; what one hands to an optimizer."""
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Buffers with their dotted names, each once; of this module only without recurse."""
        return self._named_members(
            lambda module: module._buffers.items(), prefix, recurse, remove_duplicate
        )

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Buffers, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def _named_members(
        self,
        get_members_fn: Callable[[Any], Any],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        """What ``get_members_fn`` gives of the modules, with dotted names."""
        seen: set[int] = set()
        owners = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for owner_name, owner in owners:
            for name, value in get_members_fn(owner):
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield _dotted(owner_name, name), value

    def get_submodule(self, target: str) -> Module:
        """The module with this dotted name; AttributeError when there is none."""
        found: Any = self
        for part in target.split(".") if target else ():
            if not hasattr(found, part):
                raise AttributeError(f"{found._get_name()} has no attribute `{part}`")
            found = getattr(found, part)
            if not isinstance(found, Module):
                raise AttributeError(f"`{part}` is not an nn.Module")
        module: Module = found
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put ``module`` in the place with this dotted name.

        Args:
            target: the name.
            module: what is found there afterwards.
            strict: refuse a name where there is no module yet.

        Raises:
            ValueError: no name, or ``module`` is none.
            AttributeError: there is no module in which it could be put, or, if strict, none that it
                could replace.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        *path, name = target.split(".")
        if "" in (*path, name):
            raise AttributeError(f"{self._get_name()} has no attribute ``: got {target!r}.")
        owner = self.get_submodule(".".join(path))
        if strict or hasattr(owner, name):
            owner.get_submodule(name)
        setattr(owner, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with this dotted name; AttributeError when there is none."""
        owner, name = self._owner(target)
        found = getattr(owner, name)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer with this dotted name; AttributeError when there is none."""
        owner, name = self._owner(target)
        if name not in owner._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        found: Tensor = getattr(owner, name)
        return found

    def _owner(self, target: str) -> tuple[Module, str]:
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if not hasattr(owner, name):
            raise AttributeError(f"{owner._get_name()} has no attribute `{name}`")
        return owner, name

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn`` on every module of the tree, children first."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set ``training`` in the whole tree; dropout and its like look at it."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """``train(False)``."""
        return self.train(False)

    def share_memory(self) -> Self:
        """Move the parameters, their gradients and the buffers to where other processes see them.

        Raises:
            RuntimeError: other tensors have the memory of one of them.
        """
        for tensor in (*self.parameters(), *self.buffers()):
            tensor.share_memory_()
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad.share_memory_()
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set ``requires_grad`` of all parameters; False freezes the module."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        _core._zero_grad(list(self.parameters()), set_to_none)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is compiled: the forward runs as it is, see ``pullback.compile``."""
        pb.compile(self, *args, **kwargs)

    # --- text ---

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What a subclass wants to show between the brackets."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr().split("\n") if self.extra_repr() else []
        children = [f"({name}): {_addindent(repr(m), 2)}" for name, m in self._modules.items()]
        if len(extra) == 1 and not children:
            return f"{self._get_name()}({extra[0]})"
        return _bracketed(self._get_name(), extra + children)


def _give_slots(cls: type[Module]) -> None:
    """What every class of modules has in C++, unless it does the same in a way of its own."""
    _core._give_module_attributes(cls, Module.__getattr__)
    _core._give_module_calls(cls, Hooked.__call__, HOOKS_OF_ALL)


_give_slots(Module)


def _dotted(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _addindent(s_: str, numSpaces: int) -> str:
    """The text with all lines but the first moved to the right; its names are PyTorch's."""
    first, *rest = s_.split("\n")
    return "\n".join([first, *(" " * numSpaces + x if x.strip() else "" for x in rest)])


def _bracketed(name: str, lines: list[str]) -> str:
    """``name(...)`` with one item a line."""
    return f"{name}(\n  " + "\n  ".join(lines) + "\n)" if lines else f"{name}()"
