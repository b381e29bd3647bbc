"""Modules taken apart into a function and its parameters; ``func.functional_call`` is newer."""

from __future__ import annotations

import copy
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments
from pullback.func._module import functional_call
from pullback.nn import Module

__all__ = [
    "FunctionalModule",
    "FunctionalModuleWithBuffers",
    "combine_state_for_ensemble",
    "make_functional",
    "make_functional_with_buffers",
]

_Tensors = tuple[Tensor, ...]


class FunctionalModuleWithBuffers(Module):
    """A module as ``f(parameters, buffers, *args)``; made by ``make_functional_with_buffers``.

    Attributes:
        stateless_model: the module.
        param_names: the names of the parameters, in their order.
        buffer_names: the names of the buffers.
    """

    def __init__(self, stateless_model: Module) -> None:
        super().__init__()
        self.stateless_model = stateless_model
        self.param_names = tuple(name for name, _ in stateless_model.named_parameters())
        self.buffer_names = tuple(name for name, _ in stateless_model.named_buffers())

    def forward(self, params: Any, buffers: Any, *args: Any, **kwargs: Any) -> Any:
        """The module with these parameters and buffers."""
        tensors = dict(zip(self.param_names, params, strict=True))
        tensors.update(zip(self.buffer_names, buffers, strict=True))
        return functional_call(self.stateless_model, tensors, args, kwargs)


class FunctionalModule(FunctionalModuleWithBuffers):
    """A module without buffers as ``f(parameters, *args)``; made by ``make_functional``."""

    def forward(self, params: Any, *args: Any, **kwargs: Any) -> Any:
        """The module with these parameters."""
        return super().forward(params, (), *args, **kwargs)


def _copied(function: str, model: Any, disable_autograd_tracking: bool) -> Module:
    if not isinstance(model, Module):
        _arguments.refuse(function, "model", "Module", model)
    made = copy.deepcopy(model)
    if disable_autograd_tracking:
        made.requires_grad_(False)
    return made


def make_functional(
    model: Module, disable_autograd_tracking: bool = False
) -> tuple[FunctionalModule, _Tensors]:
    """A function of parameters and inputs, and copies of the parameters.

    Args:
        model: a module without buffers.
        disable_autograd_tracking: the parameters do not require gradients.

    Raises:
        RuntimeError: the module has buffers.

    Example:
        >>> import pullback as pb
        >>> from pullback import functorch
        >>> f, params = functorch.make_functional(pb.nn.Linear(2, 1))
        >>> f(params, pb.ones(3, 2)).shape
        torch.Size([3, 1])
    """
    if list(getattr(model, "buffers", list)()):
        raise RuntimeError(
            "make_functional(model): `model` has buffers. Please use "
            "make_functional_with_buffers(model) instead."
        )
    made = _copied("make_functional", model, disable_autograd_tracking)
    return FunctionalModule(made), tuple(made.parameters())


def make_functional_with_buffers(
    model: Module, disable_autograd_tracking: bool = False
) -> tuple[FunctionalModuleWithBuffers, _Tensors, _Tensors]:
    """A function of parameters, buffers and inputs, and copies of parameters and buffers.

    Args:
        model: a module.
        disable_autograd_tracking: the parameters do not require gradients.
    """
    made = _copied("make_functional_with_buffers", model, disable_autograd_tracking)
    return FunctionalModuleWithBuffers(made), tuple(made.parameters()), tuple(made.buffers())


def combine_state_for_ensemble(
    models: list[Module],
) -> tuple[FunctionalModuleWithBuffers, _Tensors, _Tensors]:
    """The same of several modules of one class, their parameters and buffers stacked.

    Args:
        models: modules of one class, all in training mode or all in evaluation mode.

    Raises:
        RuntimeError: there are no modules, or they differ in class or mode.

    Example:
        >>> import pullback as pb
        >>> from pullback import functorch
        >>> models = [pb.nn.Linear(2, 1) for _ in range(5)]
        >>> f, params, buffers = functorch.combine_state_for_ensemble(models)
        >>> pb.vmap(f, (0, 0, None))(params, buffers, pb.ones(3, 2)).shape
        torch.Size([5, 3, 1])
    """
    where = "combine_state_for_ensemble: Expected"
    if not models:
        raise RuntimeError(f"{where} at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError(f"{where} all models to have the same training/eval mode.")
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError(f"{where} all models to be of the same class.")
    parts = [make_functional_with_buffers(each) for each in models]

    def stacked(which: int) -> tuple[Any, ...]:
        columns: Any = zip(*(part[which] for part in parts), strict=True)
        return tuple(pb.stack(column).detach() for column in columns)

    return parts[0][0], stacked(1), stacked(2)
