"""Hooks of all modules that see what is registered: parameters, buffers and submodules.

``Module`` gives every tensor and module that gets a name to one of three functions, which return
what is kept in its place.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from pullback.nn.modules._hooks import insert_hook
from pullback.utils.hooks import RemovableHandle

__all__ = [
    "buffer",
    "module",
    "parameter",
    "register_module_buffer_registration_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

Hook = Callable[[Any, str, Any], Any]

_of_buffers: OrderedDict[int, Hook] = OrderedDict()
_of_modules: OrderedDict[int, Hook] = OrderedDict()
_of_parameters: OrderedDict[int, Hook] = OrderedDict()


def _seen(hooks: OrderedDict[int, Hook], owner: Any, name: str, value: Any) -> Any:
    for hook in hooks.values():
        replaced = hook(owner, name, value)
        if replaced is not None:
            value = replaced
    return value


def buffer(owner: Any, name: str, value: Any) -> Any:
    """What is kept as the buffer ``name``."""
    return _seen(_of_buffers, owner, name, value) if _of_buffers else value


def module(owner: Any, name: str, value: Any) -> Any:
    """What is kept as the submodule ``name``."""
    return _seen(_of_modules, owner, name, value) if _of_modules else value


def parameter(owner: Any, name: str, value: Any) -> Any:
    """What is kept as the parameter ``name``; no hook sees that there is none."""
    if value is None or not _of_parameters:
        return value
    return _seen(_of_parameters, owner, name, value)


def register_module_buffer_registration_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` for every buffer that a module gets.

    What it returns, unless it is None, is registered in place of the buffer.
    """
    return insert_hook(_of_buffers, hook)


def register_module_module_registration_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` for every submodule that a module gets.

    What it returns, unless it is None, is registered in place of the submodule.
    """
    return insert_hook(_of_modules, hook)


def register_module_parameter_registration_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, name, parameter)`` for every parameter that a module gets.

    What it returns, unless it is None, is registered in place of the parameter.

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.modules import module
        >>> names = []
        >>> handle = module.register_module_parameter_registration_hook(
        ...     lambda owner, name, parameter: names.append(name)
        ... )
        >>> layer = pb.nn.Linear(1, 1)
        >>> handle.remove()
        >>> names
        ['weight', 'bias']
    """
    return insert_hook(_of_parameters, hook)
