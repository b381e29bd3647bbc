"""Optimizers: PyTorch's ``torch.optim`` in its small form.

``optimizer.py`` holds what they share, and why their step is cheap; ``lr_scheduler`` is imported
when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pullback.optim.adam import Adam, AdamW
from pullback.optim.optimizer import Optimizer
from pullback.optim.sgd import SGD

if TYPE_CHECKING:
    from pullback.optim import lr_scheduler

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "lr_scheduler"]


def __getattr__(name: str) -> Any:
    if name == "lr_scheduler":
        from importlib import import_module

        return import_module("pullback.optim.lr_scheduler")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
