"""Optimizers: PyTorch's ``torch.optim``.

``optimizer.py`` holds what they share, and why their step is cheap; ``_rules.py`` makes the classes
of those that the core knows, the others have a file each. The types are in ``__init__.pyi``, which
``tools/stubs.py`` writes.
"""

from __future__ import annotations

from typing import Any

from pullback.optim import _rules
from pullback.optim._adafactor import Adafactor
from pullback.optim._muon import Muon
from pullback.optim._sparse_adam import SparseAdam
from pullback.optim.lbfgs import LBFGS
from pullback.optim.optimizer import Optimizer

_WRITTEN = (Adafactor, LBFGS, Muon, Optimizer, SparseAdam)
_MODULES = ("lr_scheduler", "swa_utils")
for _each in _WRITTEN:
    _each.__module__ = __name__
globals().update(_rules.CLASSES)

__all__ = sorted([*_MODULES, *_rules.CLASSES, *(_each.__name__ for _each in _WRITTEN)])  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        from importlib import import_module

        return import_module(f"pullback.optim.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
