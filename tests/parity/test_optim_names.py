"""What is public in torch.optim is here, or docs/differences.md has a line with the reason."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

DIFFERENCES = Path(__file__).parents[2] / "docs" / "differences.md"
SPACES = ("optim", "optim.optimizer", "optim.lr_scheduler", "optim.swa_utils")


def names(space: str) -> list[str]:
    """What ``__all__`` says, and the classes and functions that the module defines."""
    module = importlib.import_module(f"torch.{space}")
    own = [
        name
        for name, value in vars(module).items()
        if callable(value) and not name.startswith("__")
        if getattr(value, "__module__", "") == module.__name__
        if not name.startswith("_") or name == "_LRScheduler"
    ]
    return sorted({*module.__all__, *own})


@pytest.mark.parametrize(
    ("space", "name"), [(space, name) for space in SPACES for name in names(space)]
)
def test_a_name_is_here_or_has_a_reason(space: str, name: str) -> None:
    ours = importlib.import_module(f"pullback.{space}")
    if hasattr(ours, name):
        assert type(getattr(ours, name)) is type(
            getattr(importlib.import_module(f"torch.{space}"), name)
        )
    else:
        assert f"`{name}`" in DIFFERENCES.read_text()


def parameters(value: Any) -> list[tuple[str, Any, Any]]:
    return [(p.name, p.default, p.kind) for p in inspect.signature(value).parameters.values()]


@pytest.mark.parametrize(
    ("space", "name"),
    [
        (space, name)
        for space in SPACES
        for name in names(space)
        if inspect.isclass(getattr(importlib.import_module(f"torch.{space}"), name))
    ],
)
def test_constructors_and_methods_have_the_parameters_of_torch(space: str, name: str) -> None:
    ours, theirs = (
        getattr(importlib.import_module(f"{lib}.{space}"), name) for lib in ("pullback", "torch")
    )
    assert parameters(ours.__init__) == parameters(theirs.__init__)
    for method in vars(theirs):
        value = getattr(theirs, method)
        if method.startswith("_") or not inspect.isfunction(value):
            continue
        if method == "share_memory":
            assert f"`Adagrad.{method}`" in DIFFERENCES.read_text()
            continue
        assert [p[:2] for p in parameters(getattr(ours, method))] == [
            p[:2] for p in parameters(value)
        ], method


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in torch.optim.__all__
        if inspect.isclass(getattr(torch.optim, name)) and name not in ("Optimizer", "LBFGS")
    ],
)
def test_settings_are_stored_in_the_order_of_torch(name: str) -> None:
    """A state that is printed or written shows it."""

    def stored(t: Any) -> tuple[list[str], list[str]]:
        made = getattr(t.optim, name)([t.ones(2, 2, requires_grad=True)])
        return list(made.defaults), list(made.state_dict()["param_groups"][0])

    assert stored(importlib.import_module("pullback")) == stored(torch)
