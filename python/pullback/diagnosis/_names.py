"""Names of leaves: those of the model that they belong to, as ``named_parameters`` gives them.

A parameter does not know its module. So the modules that are alive are looked through, which costs
nothing before somebody asks. Start reading at ``names_of``.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from pullback import _arguments

__all__ = ["name_of", "names_in", "names_of", "names_of_memory"]


def names_in(model: Any) -> dict[int, str]:
    """Names by ``id`` of the tensor: of a module's parameters and buffers, or of a mapping."""
    if isinstance(model, Mapping):
        return {id(tensor): name for name, tensor in model.items()}
    if not hasattr(model, "named_parameters"):
        _arguments.refuse("draw", "names", "a Module or a mapping of names to Tensors", model)
    found: dict[int, str] = {}
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        found.setdefault(id(tensor), name)
    return found


def _roots() -> list[Any]:
    """The modules that are part of no other one, the largest first."""
    package = sys.modules.get("pullback.nn")
    if package is None:
        return []
    modules = [
        each
        for each in gc.get_objects()
        if issubclass(type(each), package.Module) and "_modules" in each.__dict__
    ]
    inner = {id(child) for each in modules for child in each.__dict__["_modules"].values()}
    outer = [each for each in modules if id(each) not in inner]
    return sorted(outer, key=lambda each: -len(list(each.modules())))


def names_of(tensors: Iterable[Any], model: Any = None) -> dict[int, str]:
    """Names by ``id`` of those tensors that belong to the model, or to any that is alive.

    The model is a module, or a mapping of names to tensors. Otherwise the name is the one in the
    largest module, with the type of that module when the tensors belong to several.

    Raises a TypeError for a model that is neither.
    """
    if model is not None:
        return names_in(model)
    wanted = {id(tensor) for tensor in tensors}
    found: dict[int, str] = {}
    owners = []
    for module in _roots():
        names = {key: name for key, name in names_in(module).items() if key in wanted}
        new = {key: name for key, name in names.items() if key not in found}
        if new:
            owners.append((module, new))
            found.update(new)
    if len(owners) > 1:
        for module, new in owners:
            for key, name in new.items():
                found[key] = f"{type(module).__name__}.{name}"
    return found


def names_of_memory() -> dict[int, str]:
    """Names of all parameters of modules that are alive, by the address of their memory."""
    found: dict[int, str] = {}
    for module in _roots():
        for name, tensor in module.named_parameters():
            found.setdefault(tensor._storage_ptr(), name)
    return found


def name_of(tensor: Any) -> str:
    """The name of one tensor, or an empty string."""
    return names_of([tensor]).get(id(tensor), "")
