"""Optimizers: PyTorch's ``torch.optim``.

``optimizer.py`` holds what they share, and why their step is cheap; ``_rules.py`` makes the classes
of those that the core knows. The types are in ``__init__.pyi``, which ``tools/stubs.py`` writes.
"""

from __future__ import annotations

from typing import Any

from pullback.optim._rules import CLASSES
from pullback.optim.optimizer import Optimizer as Optimizer

globals().update(CLASSES)

__all__ = sorted(["Optimizer", "lr_scheduler", *CLASSES])  # noqa: PLE0605

_MODULES = ("lr_scheduler",)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        from importlib import import_module

        return import_module(f"pullback.optim.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
