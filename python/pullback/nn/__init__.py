"""Neural network modules: PyTorch's ``torch.nn`` in its small form.

``parameter.py`` holds the tensor that a module owns, ``modules/`` the modules (start with
``modules/module.py``), ``functional.py`` the same computations as functions, ``init.py`` the
ways to fill a parameter. Nothing here is on a path that runs once per recorded operation.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pullback.nn import functional, init, modules
from pullback.nn.modules import *  # noqa: F403
from pullback.nn.parameter import (
    Buffer,
    Parameter,
    UninitializedBuffer,
    UninitializedParameter,
)

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter"]
__all__ += ["functional", "init", "modules"]
__all__ += modules.__all__

# Loaded when they are first asked for.
_SUBMODULES = frozenset(["attention", "grad", "parallel", "utils"])


def __getattr__(name: str) -> Any:
    if name == "DataParallel":
        return import_module("pullback.nn.parallel").DataParallel
    if name in _SUBMODULES:
        return import_module(f"pullback.nn.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
