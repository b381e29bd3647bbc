"""Transforms of functions: derivatives and batches that nest in any order, as in ``torch.func``.

``grad``, ``vjp``, ``jacrev`` by reverse mode (``_reverse``), ``jvp``, ``linearize``, ``jacfwd``,
``hessian`` by forward mode (``_forward``), ``vmap`` (``_vmap``), modules as functions
(``_module``), dimensions by name (``_rearrange``), what PyTorch's transforms need beside
(``_functionalize``). How nested ones are kept apart: NOTE [Levels] in csrc/graph/level.h.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pullback.func._forward import hessian, jacfwd, jvp, linearize
from pullback.func._reverse import grad, grad_and_value, jacrev, vjp
from pullback.func._vmap import vmap

__all__ = [
    "debug_unwrap",
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "rearrange",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "vjp",
    "vmap",
]


# Names that are imported when they are first used, and where they live.
_LAZY = {
    "debug_unwrap": "_functionalize",
    "functional_call": "_module",
    "functionalize": "_functionalize",
    "rearrange": "_rearrange",
    "replace_all_batch_norm_modules_": "_functionalize",
    "stack_module_state": "_module",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"pullback.func.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
