"""``vmap``."""

from pullback.func import vmap

__all__ = ["vmap"]
