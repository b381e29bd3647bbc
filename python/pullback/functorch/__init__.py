"""``functorch``: the package that ``torch.func`` came from, as PyTorch ships it."""

from __future__ import annotations

from pullback._functorch.apis import chunk_vmap, grad, grad_and_value, vmap
from pullback._functorch.make_functional import (
    FunctionalModule,
    FunctionalModuleWithBuffers,
    combine_state_for_ensemble,
    make_functional,
    make_functional_with_buffers,
)
from pullback._functorch.python_key import make_fx
from pullback.func import functionalize, hessian, jacfwd, jacrev, jvp, vjp

__all__ = [
    "FunctionalModule",
    "FunctionalModuleWithBuffers",
    "chunk_vmap",
    "combine_state_for_ensemble",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "make_functional",
    "make_functional_with_buffers",
    "make_fx",
    "vjp",
    "vmap",
]
