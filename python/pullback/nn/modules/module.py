"""``Module``: a tree of named parameters, buffers and submodules with one computation.

An attribute that is a ``Parameter`` or a ``Module`` is kept in ``_parameters`` or ``_modules``,
and a tensor given to ``register_buffer`` in ``_buffers``, not among the plain attributes;
a name is in at most one of these places. ``__setattr__`` sorts, ``__getattr__`` finds. All
else is a walk over the tree: names, conversion, and ``state_dict`` out and in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pullback as pb
from pullback import Tensor, _core
from pullback.nn.modules._hooks import (
    Hooked,
    register_module_backward_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from pullback.nn.parameter import Parameter

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Module",
    "register_module_backward_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
]


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` returns."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys!r}, "
            f"unexpected_keys={self.unexpected_keys!r})"
        )


class Module(Hooked):
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
    _version = 1
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _non_persistent_buffers_set: set[str]
    _modules: dict[str, Module | None]

    def __init__(self) -> None:
        self.__dict__.update(
            training=True,
            _parameters={},
            _buffers={},
            _non_persistent_buffers_set=set(),
            _modules={},
        )
        self._init_hooks()

    def _no_forward(self, *input: Any) -> Any:
        """The computation; every subclass defines its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    # Declared as a value, so that a subclass may give it whatever parameters it likes.
    forward: Callable[..., Any] = _no_forward

    # --- attributes ---

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        for place in ("_parameters", "_buffers", "_modules"):
            if place in own and name in own[place]:
                return own[place][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, Parameter):
            if "_parameters" not in own:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._vacate(name, "_parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if "_modules" not in own:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._vacate(name, "_modules")
            own["_modules"][name] = value
        elif name in own.get("_parameters", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as parameter '{name}' "
                    "(nn.Parameter or None expected)"
                )
            own["_parameters"][name] = None
        elif name in own.get("_modules", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as child module '{name}' "
                    "(nn.Module or None expected)"
                )
            own["_modules"][name] = None
        elif name in own.get("_buffers", ()):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as buffer '{name}' "
                    "(Tensor or None expected)"
                )
            own["_buffers"][name] = value
        else:
            super().__setattr__(name, value)

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
            raise TypeError(f"{kind} name should be a string. Got {_type_name(name)}")
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
                    f"cannot assign '{_type_name(param)}' object to parameter '{name}' "
                    "(nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    f"be created explicitly. To express '{name}' as a function of another "
                    "Tensor, compute the value in the forward() method."
                )
        self._parameters[name] = param

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
                f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' "
                "(Tensor or None required)"
            )
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a submodule, or a place for one with None."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        self._check_name("module", name, "_modules")
        self._modules[name] = module

    register_module = add_module

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
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Parameters, each once; what one hands to an optimizer."""
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Buffers with their dotted names, each once; of this module only without recurse."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Buffers, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def _named(self, place: str, prefix: str, recurse: bool, once: bool) -> Iterator[Any]:
        seen: set[int] = set()
        owners = (
            self.named_modules(prefix=prefix, remove_duplicate=once)
            if recurse
            else [(prefix, self)]
        )
        for owner_name, owner in owners:
            for name, value in owner.__dict__[place].items():
                if value is None or id(value) in seen:
                    continue
                if once:
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

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set ``requires_grad`` of all parameters; False freezes the module."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        _core._zero_grad(list(self.parameters()), set_to_none)

    # --- conversion ---

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert floating parameters and buffers in place: ``to(dtype)``, ``to("cpu", dtype)``.

        Takes what ``Tensor.to`` takes. Parameters stay the same objects, so an optimizer made
        before keeps working on them.

        Raises:
            TypeError: the dtype is not a floating one.
        """
        dtype = kwargs.pop("dtype", None)
        rest: list[Any] = []
        for arg in args:
            if isinstance(arg, pb.dtype):
                dtype = arg
            elif isinstance(arg, Tensor):
                dtype = arg.dtype
            elif arg is not None:
                rest.append(arg)
        if dtype is not None and not dtype.is_floating_point:
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, "
                f"but got desired dtype={dtype}"
            )
        if rest:
            kwargs["device"] = rest.pop(0)
        if rest:
            kwargs["non_blocking"] = rest.pop(0)
        if rest:
            raise TypeError(
                f"Module.to: too many arguments: got {args}, expected device and dtype."
            )

        def convert(tensor: Tensor) -> Tensor:
            if dtype is not None and tensor.is_floating_point():
                return tensor.to(dtype=dtype, **kwargs)
            return tensor.to(**kwargs) if kwargs else tensor

        return self._apply(convert)

    def float(self) -> Self:
        """Convert floating parameters and buffers to float32 in place."""
        return self.to(pb.float32)

    def double(self) -> Self:
        """Convert floating parameters and buffers to float64 in place."""
        return self.to(pb.float64)

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers, whatever their dtype, in place."""
        return self._apply(lambda tensor: tensor.to(dtype=dst_type))

    def cpu(self) -> Self:
        """Everything is on the CPU already."""
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor]) -> Self:
        for child in self.children():
            child._apply(fn)
        with pb.no_grad():
            for param in self._parameters.values():
                if param is None:
                    continue
                grad = param.grad
                if grad is not None:
                    # A gradient has the dtype of its tensor at every moment.
                    param.grad = None
                param.data = fn(param.data)
                if grad is not None:
                    param.grad = fn(grad)
            for name, buffer in self._buffers.items():
                if buffer is not None:
                    self._buffers[name] = fn(buffer)
        return self

    # --- state ---

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Parameters and persistent buffers by dotted name, sharing memory with the module.

        Args:
            destination: a mapping to add to instead of a new one.
            prefix: put in front of every name.
            keep_vars: give the tensors themselves instead of detached ones.
        """
        if destination is None:
            destination = _StateDict()
        if isinstance(destination, _StateDict):
            destination._metadata[prefix[:-1]] = {"version": self._version}
        for name, tensor in self._state().items():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        state: dict[str, Any] = destination
        return state

    def _state(self) -> dict[str, Tensor]:
        """What of the state belongs to this module itself, by name."""
        places: list[tuple[str, Any]] = list(self._parameters.items())
        places += [
            (name, buffer)
            for name, buffer in self._buffers.items()
            if name not in self._non_persistent_buffers_set
        ]
        return {name: tensor for name, tensor in places if tensor is not None}

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy a ``state_dict`` into the module and all below it.

        Args:
            state_dict: tensors by dotted name.
            strict: refuse missing and unexpected names.
            assign: take the tensors themselves instead of copying their values.

        Returns:
            ``missing_keys`` and ``unexpected_keys``.

        Raises:
            RuntimeError: lists all that does not fit; what does fit has been copied by then.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        result = IncompatibleKeys([], [])
        errors: list[str] = []
        self._load(state_dict, "", list(state_dict), assign, result, errors)
        if strict:
            for kind, keys in (
                ("Unexpected", result.unexpected_keys),
                ("Missing", result.missing_keys),
            ):
                if keys:
                    names = ", ".join(f'"{key}"' for key in keys)
                    errors.insert(0, f"{kind} key(s) in state_dict: {names}. ")
        if errors:
            listing = "\n\t".join(errors)
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{listing}"
            )
        return result

    def _load(
        self,
        source: Mapping[str, Any],
        prefix: str,
        keys: list[str],
        assign: bool,
        result: IncompatibleKeys,
        errors: list[str],
    ) -> None:
        state = self._state()
        for name, tensor in state.items():
            key = prefix + name
            if key not in source:
                result.missing_keys.append(key)
                continue
            problem = self._load_one(name, tensor, key, source[key], assign)
            if problem:
                errors.append(problem)
        for key in keys:
            head, dot, _ = key[len(prefix) :].partition(".")
            if head not in (self._modules if dot else state):
                result.unexpected_keys.append(key)
        for name, child in self._modules.items():
            if child is not None:
                below = f"{prefix}{name}."
                theirs = [key for key in keys if key.startswith(below)]
                child._load(source, below, theirs, assign, result, errors)

    def _load_one(self, name: str, tensor: Tensor, key: str, given: Any, assign: bool) -> str:
        """Take over one tensor; the text of the problem if that cannot be done."""
        if not isinstance(given, Tensor):
            return (
                f'While copying the parameter named "{key}", expected torch.Tensor or '
                f"Tensor-like object from checkpoint but received {type(given)}"
            )
        if tensor.dim() == 0 and given.dim() == 1 and given.shape[0] == 1:
            given = given[0]
        if given.shape != tensor.shape:
            return (
                f"size mismatch for {key}: copying a param with shape {given.shape} from "
                f"checkpoint, the shape in current model is {tensor.shape}."
            )
        if not assign:
            with pb.no_grad():
                tensor.copy_(given)
        elif isinstance(tensor, Parameter):
            setattr(self, name, Parameter(given, tensor.requires_grad))
        else:
            setattr(self, name, given)
        return ""

    # --- text ---

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What a subclass wants to show between the brackets."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr().split("\n") if self.extra_repr() else []
        children = [f"({name}): {_indented(repr(m))}" for name, m in self._modules.items()]
        if len(extra) == 1 and not children:
            return f"{self._get_name()}({extra[0]})"
        return _bracketed(self._get_name(), extra + children)


class _StateDict(OrderedDict[str, Any]):
    """An ordered dictionary that also knows the version of each module it came from."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._metadata: OrderedDict[str, dict[str, int]] = OrderedDict()


def _dotted(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _type_name(value: object) -> str:
    cls = value if isinstance(value, type) else type(value)
    name = cls.__qualname__
    return name if cls.__module__ == "builtins" else f"{cls.__module__}.{name}"


def _indented(text: str) -> str:
    """``text`` with all lines but the first moved two columns to the right."""
    first, *rest = text.split("\n")
    return "\n".join([first, *(f"  {line}" if line.strip() else "" for line in rest)])


def _bracketed(name: str, lines: list[str]) -> str:
    """``name(...)`` with one item a line."""
    return f"{name}(\n  " + "\n  ".join(lines) + "\n)" if lines else f"{name}()"
