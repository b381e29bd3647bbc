"""``vmap`` and ``grad``, and ``vmap`` in a number of parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from pullback.func import grad, grad_and_value, vmap
from pullback.func._vmap import _batch_size, _flat_in_dims

__all__ = ["chunk_vmap", "grad", "grad_and_value", "vmap"]


def chunk_vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    chunks: int = 2,
) -> Callable[..., Any]:
    """``vmap`` that computes the examples in so many parts, one after the other.

    Args:
        func: as in ``vmap``, as the next three.
        in_dims: the dimension to map over.
        out_dims: where the results have it.
        randomness: what random numbers do.
        chunks: the number of parts; 1 is ``vmap``.

    Example:
        >>> import pullback as pb
        >>> from pullback._functorch.apis import chunk_vmap
        >>> chunk_vmap(pb.sum, chunks=3)(pb.ones(5, 2))
        tensor([2., 2., 2., 2., 2.])
    """
    if chunks < 1:
        raise ValueError(f"chunk_vmap: got chunks={chunks}, expected at least 1.")

    @wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        flat = _flat_in_dims(args, in_dims, func)
        size = _batch_size(flat[0], flat[1])
        chunk_size = max(1, -(-size // chunks))
        mapped = vmap(func, in_dims, out_dims, randomness, chunk_size=chunk_size)
        return mapped(*args, **kwargs)

    return wrapped
