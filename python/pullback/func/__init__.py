"""Transforms of functions: derivatives and batches that nest in any order, as in ``torch.func``.

``grad``, ``vjp``, ``jacrev`` by reverse mode (``_reverse``), ``jvp``, ``linearize``, ``jacfwd``,
``hessian`` by forward mode (``_forward``), ``vmap`` (``_vmap``), modules as functions
(``_module``). How nested transforms are kept apart: NOTE [Levels] in csrc/graph/level.h.
"""

from __future__ import annotations

from typing import Any

from pullback.func._forward import hessian, jacfwd, jvp, linearize
from pullback.func._reverse import grad, grad_and_value, jacrev, vjp
from pullback.func._vmap import vmap

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "vjp",
    "vmap",
]


def __getattr__(name: str) -> Any:
    if name in ("functional_call", "stack_module_state"):
        from pullback.func import _module

        return getattr(_module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
