"""Attributes of modules that are computed from others each time they are read.

``register_parametrization(layer, "weight", f)`` moves the parameter to
``layer.parametrizations.weight.original``, gives the layer a class of its own, and to that a
property ``weight`` that computes ``f(original)``. Start at ``register_parametrization``.
"""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments
from pullback.nn.modules.container import ModuleDict, ModuleList
from pullback.nn.modules.module import Module
from pullback.nn.parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]


class _Cache(threading.local):
    """What was computed inside of ``cached``, of this thread."""

    depth = 0

    def __init__(self) -> None:
        self.values: dict[tuple[int, str], Tensor] = {}


_cache = _Cache()


@contextmanager
def cached() -> Iterator[None]:
    """Inside, each parametrized attribute is computed once, when it is first read.

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.utils import parametrize
        >>> class Double(pb.nn.Module):
        ...     def forward(self, x):
        ...         return 2 * x
        >>> layer = parametrize.register_parametrization(pb.nn.Linear(2, 2), "weight", Double())
        >>> with parametrize.cached():
        ...     layer.weight is layer.weight
        True
        >>> layer.weight is layer.weight
        False
    """
    _cache.depth += 1
    try:
        yield
    finally:
        _cache.depth -= 1
        if not _cache.depth:
            _cache.values.clear()


def _register(module: Module, name: str, value: Tensor | None) -> None:
    if isinstance(value, Parameter):
        module.register_parameter(name, value)
    else:
        module.register_buffer(name, value)


def _checked_same(what: str, made: Any, original: Tensor) -> None:
    """A parametrization may not change what an attribute is."""
    if not isinstance(made, Tensor):
        raise ValueError(f"{what} must return a tensor. Got {type(made).__name__}.")
    for name in ("dtype", "shape"):
        if getattr(made, name) != getattr(original, name):
            raise ValueError(
                f"Registering a parametrization may not change the {name} of the tensor, unless "
                f"`unsafe` flag is enabled: {what} gave {getattr(made, name)}, expected "
                f"{getattr(original, name)}."
            )


class ParametrizationList(ModuleList):
    """The parametrizations of one attribute, with the tensors that they compute it from.

    Attributes:
        original: the tensor; ``original0``, ``original1``, ... if the first parametrization
            has a ``right_inverse`` that gives several.
        is_tensor: whether it is one tensor.
        unsafe: whether checks are left out.
    """

    original: Any
    is_tensor: bool
    unsafe: bool

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        made: Any = original
        # One that cannot invert starts from the tensor as it is.
        with pb.no_grad(), contextlib.suppress(NotImplementedError):
            for each in reversed(list(modules)):
                if hasattr(each, "right_inverse"):
                    made = each.right_inverse(made)
        if not isinstance(made, Tensor) and not isinstance(made, Sequence):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(made).__name__}"
            )
        self.is_tensor = isinstance(made, Tensor)
        self.ntensors = 1 if self.is_tensor else len(made)
        if isinstance(made, Tensor):
            self._take(original, made)
        else:
            for index, each in enumerate(made):
                if not isinstance(each, Tensor):
                    raise ValueError(
                        "'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                        f"tuple...). Got element {index} of the sequence with type "
                        f"{type(each).__name__}."
                    )
                wants = original.requires_grad
                own = Parameter(each, wants) if isinstance(original, Parameter) else each
                _register(self, f"original{index}", own)
        if not unsafe:
            _checked_same("A parametrization", self(), original)

    def _take(self, original: Tensor, value: Tensor) -> None:
        """The tensor itself stays the parameter, with what the inverse gave as its value."""
        if value is not original:
            if value.dtype != original.dtype and not self.unsafe:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype: got "
                    f"{value.dtype}, expected {original.dtype}."
                )
            original.data = value.detach()
        _register(self, "original", original)

    def _originals(self) -> list[Tensor]:
        return [getattr(self, f"original{index}") for index in range(self.ntensors)]

    def right_inverse(self, value: Tensor) -> None:
        """Gives the original the values from which the parametrizations compute ``value``."""
        with pb.no_grad():
            made: Any = value
            for each in reversed(list(self)):
                if not hasattr(each, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(each).__name__} does not implement right_inverse."
                    )
                made = each.right_inverse(made)
            if self.is_tensor:
                if not isinstance(made, Tensor):
                    raise ValueError(
                        f"`right_inverse` should return a tensor. Got {type(made).__name__}"
                    )
                if made.dtype != self.original.dtype:
                    raise ValueError(
                        f"The tensor returned by `right_inverse` has dtype {made.dtype} while "
                        f"`original` has dtype {self.original.dtype}"
                    )
                self.original.data = made.clone() if made is value else made.detach()
                return
            if not isinstance(made, Sequence):
                raise ValueError(
                    f"'right_inverse' must return a sequence of tensors. Got {type(made)}."
                )
            if len(made) != self.ntensors:
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors of length "
                    f"{self.ntensors}. Got a sequence of length {len(made)}."
                )
            for original, each in zip(self._originals(), made, strict=True):
                original.data = each.clone() if each is value else each.detach()

    def forward(self) -> Tensor:
        """The value of the attribute."""
        modules: list[Module] = list(self)
        made: Any = modules[0](self.original) if self.is_tensor else modules[0](*self._originals())
        for each in modules[1:]:
            made = each(made)
        value: Tensor = made
        return value


def _own_class(module: Module) -> None:
    """Gives a module a class of its own, which can have properties for it alone."""
    base = type(module)

    def refuse_state(self: Any) -> Any:
        del self
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(). See: "
            "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
            "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training"
        )

    def deep_copied(self: Any, memo: dict[int, Any]) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        copied = self.__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__ = copy.deepcopy(self.__dict__, memo)
        # The copy is parametrized by itself: taking that back must leave this module as it is.
        copied.__class__ = type(
            type(self).__name__,
            (base,),
            {k: v for k, v in vars(type(self)).items() if k not in ("__dict__", "__weakref__")},
        )
        return copied

    members: dict[str, Any] = {"__getstate__": refuse_state}
    if not hasattr(base, "__deepcopy__"):
        members["__deepcopy__"] = deep_copied
    module.__class__ = type(f"Parametrized{base.__name__}", (base,), members)


def _give_property(module: Module, name: str) -> None:
    def get(self: Any) -> Tensor:
        parametrizations = self.parametrizations[name]
        if not _cache.depth:
            value: Tensor = parametrizations()
            return value
        key = (id(self), name)
        if key not in _cache.values:
            _cache.values[key] = parametrizations()
        return _cache.values[key]

    def set(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(get, set))


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Compute a parameter or buffer from another tensor whenever it is read.

    Args:
        module: the module that has it.
        tensor_name: the attribute.
        parametrization: a module that computes the value; several apply one after the other.
            Its ``right_inverse``, if it has one, gives the tensor for an assigned value.
        unsafe: leave out the checks that dtype and shape stay.

    Returns:
        The module.

    Raises:
        ValueError: there is no such parameter or buffer, or its dtype or shape would change.

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.utils.parametrize import register_parametrization
        >>> class Symmetric(pb.nn.Module):
        ...     def forward(self, x):
        ...         return x.triu() + x.triu(1).mT
        >>> layer = register_parametrization(pb.nn.Linear(3, 3), "weight", Symmetric())
        >>> bool((layer.weight == layer.weight.mT).all())
        True
        >>> [name for name, _ in layer.named_parameters()]
        ['bias', 'parametrizations.weight.original']
    """
    for name, value in (("module", module), ("parametrization", parametrization)):
        if not isinstance(value, Module):
            _arguments.refuse("register_parametrization", name, "Module", value)
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        _append(module, tensor_name, parametrization, unsafe)
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        if original is None:
            raise ValueError(f"{tensor_name} of {module} is None and cannot be parametrized.")
        parametrizations = ParametrizationList([parametrization], original, unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _own_class(module)
            module.parametrizations = ModuleDict()
        _give_property(module, tensor_name)
        _lists(module)[tensor_name] = parametrizations
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    return module


def _lists(module: Module) -> Any:
    return module.parametrizations


def _append(module: Module, name: str, parametrization: Module, unsafe: bool) -> None:
    lists = _lists(module)[name]
    if not unsafe:
        value = getattr(module, name)
        made = parametrization(value)
        _checked_same(type(parametrization).__name__, made, value)
        if hasattr(parametrization, "right_inverse"):
            with contextlib.suppress(NotImplementedError):
                inverse = parametrization.right_inverse(made)
                _checked_same(f"right_inverse of {type(parametrization).__name__}", inverse, value)
    # The originals stay, so that the value is that of the new one of the value before.
    lists.append(parametrization)
    lists.unsafe |= unsafe


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module, or one of its attributes, has parametrizations.

    Example:
        >>> import pullback as pb
        >>> pb.nn.utils.parametrize.is_parametrized(pb.nn.Linear(2, 2))
        False
    """
    lists = getattr(module, "parametrizations", None)
    if not isinstance(lists, ModuleDict):
        return False
    return len(lists) > 0 if tensor_name is None else tensor_name in lists


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make an attribute an ordinary parameter or buffer again.

    Args:
        module: the module.
        tensor_name: the attribute.
        leave_parametrized: whether it keeps the value that was computed, or gets the original.

    Returns:
        The module.

    Raises:
        ValueError: the attribute is not parametrized; or the original, which is wanted, is several
            tensors.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    lists = _lists(module)[tensor_name]
    if not leave_parametrized and not lists.is_tensor:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            "parametrized in terms of a sequence of tensors."
        )
    first = lists.original if lists.is_tensor else lists._originals()[0]
    result = first
    if leave_parametrized:
        value = getattr(module, tensor_name).detach()
        if lists.is_tensor:
            result.data = value
        else:
            is_parameter = isinstance(first, Parameter)
            result = Parameter(value, first.requires_grad) if is_parameter else value
    delattr(type(module), tensor_name)
    del _lists(module)[tensor_name]
    _register(module, tensor_name, result)
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class of a module without the one that parametrizations gave it.

    Example:
        >>> import pullback as pb
        >>> pb.nn.utils.parametrize.type_before_parametrizations(pb.nn.Linear(2, 2)).__name__
        'Linear'
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Give another module the parametrizations, and copies of the tensors behind them.

    Args:
        from_module: the parametrized module.
        to_module: the module that gets the same.
        tensor_name: one attribute; by default all.

    Returns:
        ``to_module``.

    Raises:
        ValueError: this attribute is not parametrized, although others are.
    """
    if not is_parametrized(from_module):
        return to_module
    if not is_parametrized(from_module, tensor_name):
        raise ValueError(
            f"transfer_parametrizations_and_params: got tensor_name={tensor_name!r}, expected one "
            f"of {list(_lists(from_module))}, which are parametrized."
        )
    names = list(_lists(from_module)) if tensor_name is None else [tensor_name]
    for name in names:
        source = _lists(from_module)[name]
        if not hasattr(to_module, name):
            _register(to_module, name, copy.deepcopy(getattr(from_module, name).detach()))
            if isinstance(source.original if source.is_tensor else source.original0, Parameter):
                value = to_module._buffers.pop(name)
                to_module.register_parameter(name, Parameter(value))
        for each in source:
            register_parametrization(to_module, name, each, unsafe=source.unsafe)
        target = _lists(to_module)[name]
        tensors = (
            ["original"]
            if source.is_tensor
            else [f"original{index}" for index in range(source.ntensors)]
        )
        for each in tensors:
            getattr(target, each).data = copy.deepcopy(getattr(source, each).detach())
    return to_module
