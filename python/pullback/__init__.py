"""pullback: automatic differentiation on the CPU with the API of torch.autograd.

``import pullback as torch`` runs eager CPU PyTorch code.  The operators come from the table in the
C++ core; importing the package imports neither NumPy nor ``nn``, ``optim`` and the other
subpackages, which are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

from pullback import _core
from pullback._core import (  # noqa: F401 - the public names
    Size,
    Tensor,
    bool,
    dtype,
    float32,
    float64,
    get_default_dtype,
    int32,
    int64,
    is_grad_enabled,
    is_inference_mode_enabled,
    set_default_dtype,
    tensor,
    uint8,
)
from pullback._device import device  # noqa: F401
from pullback._grad_mode import (  # noqa: F401
    enable_grad,
    inference_mode,
    no_grad,
    set_grad_enabled,
)
from pullback._printing import (  # noqa: F401
    get_printoptions,
    printoptions,
    set_printoptions,
)
from pullback._tensor import graft

__version__: str = _core.__version__

float = float32
double = float64
int = int32
long = int64

globals().update({k: v for k, v in vars(_core._functions).items() if not k.startswith("__")})
graft()
_core._init_provenance(__file__.removesuffix("__init__.py"))

_SUBMODULES = frozenset(
    {"autograd", "linalg", "memory", "nn", "optim", "random", "special", "utils"}
)

# Names that are loaded with their module when they are first used.
_LAZY = {"draw": "pullback._drawing"}


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"pullback.{name}")
    if name in _LAZY:
        value = globals()[name] = getattr(importlib.import_module(_LAZY[name]), name)
        return value
    raise AttributeError(f"module 'pullback' has no attribute {name!r}")
