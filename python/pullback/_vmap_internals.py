"""``torch._vmap_internals``: the path at which older programs find ``vmap``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from pullback.func import vmap

__all__ = ["vmap"]


def _vmap(
    func: Callable[..., Any],
    in_dims: int | tuple[Any, ...] = 0,
    out_dims: int | tuple[int, ...] = 0,
    allow_none_pass_through: bool = False,
) -> Callable[..., Any]:
    """``vmap`` of a function that, if so allowed, returns None in place of some tensors."""
    if not allow_none_pass_through:
        return vmap(func, in_dims, out_dims)

    @wraps(func)
    def wrapped(*args: Any) -> Any:
        returned: Any = None

        def tensors(*examples: Any) -> Any:
            nonlocal returned
            returned = func(*examples)
            every = returned if isinstance(returned, tuple) else (returned,)
            return tuple(each for each in every if each is not None)

        if isinstance(out_dims, tuple):
            raise ValueError("_vmap: out_dims must be an int where None is allowed in results")
        found = iter(vmap(tensors, in_dims, out_dims)(*args))
        if not isinstance(returned, tuple):
            return None if returned is None else next(found)
        return tuple(None if each is None else next(found) for each in returned)

    return wrapped
