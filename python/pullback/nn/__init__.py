"""Neural network modules: PyTorch's ``torch.nn`` in its small form.

``parameter.py`` holds the tensor that a module owns, ``modules/`` the modules (start with
``modules/module.py``), ``functional.py`` the same computations as functions, ``init.py`` the
ways to fill a parameter. Nothing here is on a path that runs once per recorded operation.
"""

from __future__ import annotations

from pullback.nn import functional, init, modules
from pullback.nn.modules import *  # noqa: F403
from pullback.nn.parameter import Parameter

__all__ = ["Parameter", "functional", "init", "modules"]
__all__ += modules.__all__
