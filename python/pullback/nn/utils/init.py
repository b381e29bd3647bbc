"""``skip_init``: a module without the work of filling its parameters."""

from __future__ import annotations

import inspect
from typing import Any

from pullback.nn.modules.module import Module
from pullback.random import fork_rng

__all__ = ["skip_init"]


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """A module whose parameters have no particular values; no random numbers are used up.

    Args:
        module_cls: a class of modules that takes ``device``.
        args: its arguments.
        kwargs: its named arguments.

    Raises:
        RuntimeError: it is no class of modules, or does not take ``device``.

    Example:
        >>> import pullback as pb
        >>> pb.nn.utils.skip_init(pb.nn.Linear, 2, 3)
        Linear(in_features=2, out_features=3, bias=True)
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    with fork_rng():
        return module_cls(*args, **kwargs)
