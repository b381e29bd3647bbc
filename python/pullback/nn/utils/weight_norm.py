"""A weight as a direction and a length: ``weight = g * v / ||v||``.

T. Salimans, D. Kingma, "Weight Normalization" (2016). ``parametrizations.weight_norm`` is the form
that PyTorch recommends now; both compute with the functions here.
"""

from __future__ import annotations

from typing import Any, TypeVar

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback.nn.modules.module import Module
from pullback.nn.parameter import Parameter

__all__ = ["WeightNorm", "norm_except_dim", "remove_weight_norm", "weight_norm"]

_M = TypeVar("_M", bound=Module)


@_core._overridable
def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norms of the slices along one dimension.

    Args:
        v: any shape.
        pow: the exponent of the norm.
        dim: the dimension that stays; -1 for one norm of all elements.

    Returns:
        A tensor of as many dimensions, all of size 1 but ``dim``; with -1 one without dimensions.

    Example:
        >>> import pullback as pb
        >>> pb.norm_except_dim(pb.tensor([[3.0, 4.0], [0.0, 2.0]]))
        tensor([[5.],
                [2.]])
    """
    _arguments.tensors("norm_except_dim", v=v)
    _arguments.integers("norm_except_dim", pow=pow, dim=dim)
    if dim == -1:
        return pb.norm(v, pow)
    if not -v.dim() <= dim < v.dim():
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-v.dim()}, {v.dim() - 1}], but "
            f"got {dim})"
        )
    others = [d for d in range(v.dim()) if d != dim % v.dim()]
    return pb.linalg.vector_norm(v, pow, others, keepdim=True) if others else v.abs()


def _weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    """``g * v / ||v||``, the norms as in ``norm_except_dim``."""
    return v * (g / norm_except_dim(v, 2, dim))


class WeightNorm:
    """The hook that computes the weight before each call of the module."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """The weight of a module that has its two parts."""
        g, v = getattr(module, f"{self.name}_g"), getattr(module, f"{self.name}_v")
        return _weight_norm(v, g, self.dim)

    @staticmethod
    def apply(module: Module, name: str, dim: int | None) -> WeightNorm:
        """Puts the two parts in place of a weight, and the hook on the module."""
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, WeightNorm) and hook.name == name:
                raise RuntimeError(
                    f"Cannot register two weight_norm hooks on the same parameter {name}"
                )
        made = WeightNorm(name, dim)
        weight = getattr(module, name)
        del module._parameters[name]
        module.register_parameter(
            f"{name}_g", Parameter(norm_except_dim(weight, 2, made.dim).detach())
        )
        module.register_parameter(f"{name}_v", Parameter(weight.detach()))
        setattr(module, name, made.compute_weight(module))
        module.register_forward_pre_hook(made)
        return made

    def remove(self, module: Module) -> None:
        """Makes the weight a parameter again."""
        weight = self.compute_weight(module)
        delattr(module, self.name)
        del module._parameters[f"{self.name}_g"], module._parameters[f"{self.name}_v"]
        setattr(module, self.name, Parameter(weight.detach()))

    def __call__(self, module: Module, inputs: Any) -> None:
        del inputs
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: _M, name: str = "weight", dim: int = 0) -> _M:
    """Replace a weight by its direction and its length; it warns of its new form.

    Args:
        module: the module; it gets parameters ``<name>_g`` and ``<name>_v``.
        name: the parameter.
        dim: the dimension along which there is a length each; None for one length of all.

    Returns:
        The module.

    Raises:
        RuntimeError: this weight has the hook already.

    Example:
        >>> import warnings
        >>> import pullback as pb
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     layer = pb.nn.utils.weight_norm(pb.nn.Linear(20, 40))
        >>> layer.weight_g.shape, layer.weight_v.shape
        (torch.Size([40, 1]), torch.Size([40, 20]))
    """
    _core._warn(
        "`torch.nn.utils.weight_norm` is deprecated in favor of "
        "`torch.nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
    )
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module: _M, name: str = "weight") -> _M:
    """Make the weight an ordinary parameter again.

    Args:
        module: the module.
        name: the parameter.

    Raises:
        ValueError: it has no such hook.
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
