"""``functional_call`` under its old name."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from pullback import Tensor, _core, func
from pullback.func import _module
from pullback.nn.modules.module import Module

__all__ = ["functional_call"]


def _reparametrize_module(
    module: Module,
    parameters_and_buffers: dict[str, Tensor],
    tie_weights: bool = False,
    strict: bool = False,
) -> AbstractContextManager[None]:
    """A block in which the module has these tensors; they are taken out again behind it."""
    return _module.swapped(module, parameters_and_buffers, tie_weights, strict)


def functional_call(
    module: Module,
    parameters_and_buffers: dict[str, Tensor],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """``pullback.func.functional_call``, with a warning that this is its name now."""
    _core._warn(
        "`torch.nn.utils.stateless.functional_call` is deprecated as of PyTorch 2.0 and will be "
        "removed in a future version of PyTorch. Please use `torch.func.functional_call` instead "
        "which is a drop-in replacement.",
        FutureWarning,
    )
    return func.functional_call(
        module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict
    )
