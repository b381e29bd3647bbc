"""``torch.distributed.autograd``: no graph goes through several processes."""

from __future__ import annotations

from typing import Any

from pullback._missing import refuse, refusing

__all__ = ["backward", "context", "get_gradients", "is_available"]


def is_available() -> bool:
    """Always False.

    Example:
        >>> from pullback.distributed import autograd
        >>> autograd.is_available()
        False
    """
    return False


class context:
    """The block of a backward pass through several processes, which raises where it is made."""

    def __init__(self, *_: Any, **__: Any) -> None:
        refuse("distributed.autograd.context")


backward = refusing("distributed.autograd.backward")
get_gradients = refusing("distributed.autograd.get_gradients")
