"""What constructors and steps of optimizers do with what they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments


def evaluated(closure: Callable[[], Any]) -> Any:
    """The loss that a closure gives, with recording switched on."""
    with pb.enable_grad():
        return closure()


def check_settings(name: str, settings: dict[str, Any], kinds: dict[str, str]) -> None:
    """Settings are numbers, tuples of numbers or flags; tensors in tuples become numbers."""
    for key, value in settings.items():
        if kinds[key] == "number":
            _arguments.numbers(name, **{key: value})
            if isinstance(value, Tensor) and value.numel() != 1:
                raise ValueError(f"Tensor {key} must be 1-element")
        elif kinds[key] == "flag":
            _arguments.flags(name, **{key: value})
        elif kinds[key] == "numbers":
            items = _arguments.elements(name, key, value, "two numbers")
            if len(items) != 2:
                raise ValueError(f"{name}(): argument {key!r} must be two numbers, not {value!r}")
            _arguments.numbers(name, **{f"{key}[{i}]": item for i, item in enumerate(items)})
            for i, item in enumerate(items):
                if isinstance(item, Tensor) and item.numel() != 1:
                    raise ValueError(f"Tensor {key}[{i}] must be 1-element")
                if isinstance(item, Tensor) and item.requires_grad:
                    raise RuntimeError(
                        f"{name}: {key}[{i}] requires a gradient, which a step does not give to "
                        "settings. Detach it."
                    )


def as_numbers(value: Any) -> Any:
    """A tuple with its tensors as numbers."""
    if isinstance(value, tuple) and any(isinstance(item, Tensor) for item in value):
        return tuple(item.item() if isinstance(item, Tensor) else item for item in value)
    return value


def number_dtype() -> Any:
    """Of the 0-d tensors in a state: float32, or float64 where that is the default."""
    return pb.float64 if pb.get_default_dtype() == pb.float64 else pb.float32


def numbers_as_tensors(state: Any, names: list[str]) -> None:
    """A state with plain numbers, which old checkpoints have, is welcome, too."""
    for known in state.values():
        for name in names:
            if name in known and not isinstance(known[name], Tensor):
                known[name] = pb.tensor(float(known[name]), dtype=number_dtype())
