"""What the package ``functorch`` of an installed PyTorch takes its names from."""

from pullback._functorch.apis import grad, grad_and_value, vmap
from pullback._functorch.make_functional import (
    combine_state_for_ensemble,
    make_functional,
    make_functional_with_buffers,
)
from pullback.func import functionalize, hessian, jacfwd, jacrev, jvp, vjp

__all__ = [
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
    "vjp",
    "vmap",
]
