"""What ``functorch`` tried out: most of it is in ``func`` now."""

from pullback._functorch.apis import chunk_vmap
from pullback.func import functionalize, hessian, jacfwd, jvp, replace_all_batch_norm_modules_

__all__ = [
    "chunk_vmap",
    "functionalize",
    "hessian",
    "jacfwd",
    "jvp",
    "replace_all_batch_norm_modules_",
]
