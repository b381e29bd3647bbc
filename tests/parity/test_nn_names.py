"""Every public name of ``torch.nn`` and the modules below it is here, or listed with the reason.

What a module has only imported (``Literal``, ``TypeVar``, the names of other modules) is no name of
its own, except in ``nn`` and ``nn.functional``, where programs look for everything.
"""

from __future__ import annotations

import importlib
import inspect
import types
from typing import Any

import pytest

import nn_names
import pullback as pb

torch = pytest.importorskip("torch")

WHOLE = ("nn", "nn.functional")
PARTS = """
nn.init nn.parameter nn.common_types nn.parallel nn.utils nn.utils.clip_grad
nn.utils.convert_parameters nn.utils.fusion nn.utils.init nn.utils.memory_format
nn.utils.parametrizations nn.utils.parametrize nn.utils.prune nn.utils.rnn nn.utils.spectral_norm
nn.utils.stateless nn.utils.weight_norm nn.modules.lazy
"""


def public(space: Any) -> set[str]:
    return {
        name
        for name in dir(space)
        if name[0] != "_" and not isinstance(getattr(space, name), types.ModuleType)
    }


def own(space: Any) -> set[str]:
    """What ``__all__`` says, and what the module defines."""
    defined = {
        name
        for name in public(space)
        if getattr(getattr(space, name), "__module__", "") == space.__name__
    }
    return defined | set(getattr(space, "__all__", ()))


def spaces(name: str) -> tuple[Any, Any]:
    """The module of ours and of theirs; a function of the same name does not hide it."""
    return (
        importlib.import_module(f"pullback.{name}"),
        importlib.import_module(f"torch.{name}"),
    )


@pytest.mark.parametrize("space", [*WHOLE, *PARTS.split()])
def test_every_name_is_here_or_listed(space: str) -> None:
    ours, theirs = spaces(space)
    wanted = public(theirs) if space in WHOLE else own(theirs)
    missing = {name for name in wanted if not hasattr(ours, name)}
    listed = nn_names.MISSING.get(space, {})
    assert missing - set(listed) == set(), "neither here nor listed"
    assert set(listed) - missing == set(), "listed, and here or not in PyTorch"
    assert all(listed.values())


def test_every_module_of_the_utilities_is_looked_at() -> None:
    found = {name for name in dir(torch.nn.utils) if name[0] != "_"}
    modules = {
        name for name in found if isinstance(getattr(torch.nn.utils, name), types.ModuleType)
    }
    assert {f"nn.utils.{name}" for name in modules} <= set(PARTS.split())


CLASSES = sorted(
    name
    for name in public(torch.nn)
    if inspect.isclass(getattr(torch.nn, name)) and hasattr(pb.nn, name)
    if issubclass(getattr(torch.nn, name), torch.nn.Module)
)


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_method_and_attribute_of_a_class_is_here(name: str) -> None:
    ours, theirs = getattr(pb.nn, name), getattr(torch.nn, name)
    missing = {each for each in public(theirs) if not hasattr(ours, each)}
    assert missing == set(nn_names.OF_CLASSES.get(name, "").split())


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in sorted(public(torch.nn.Module))
        if inspect.isfunction(getattr(torch.nn.Module, name)) and name != "forward"
    ],
)
def test_the_methods_of_a_module_have_the_parameters_of_torch(name: str) -> None:
    ours, theirs = (
        [(p.name, p.kind) for p in inspect.signature(getattr(module, name)).parameters.values()]
        for module in (pb.nn.Module, torch.nn.Module)
    )
    assert ours == theirs
