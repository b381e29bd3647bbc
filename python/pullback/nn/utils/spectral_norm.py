"""A weight divided by its largest singular value, which power iteration estimates.

T. Miyato et al., "Spectral Normalization for Generative Adversarial Networks" (2018).
``parametrizations.spectral_norm`` is the form that PyTorch recommends now.
"""

from __future__ import annotations

from typing import Any, TypeVar

import pullback as pb
from pullback import Tensor
from pullback.nn import functional as F
from pullback.nn.modules.module import Module
from pullback.nn.parameter import Parameter

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]

_M = TypeVar("_M", bound=Module)


class SpectralNorm:
    """The hook that computes the weight before each call of the module."""

    _version = 1

    def __init__(
        self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.name = name
        self.dim = dim
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def reshape_weight_to_matrix(self, weight: Tensor) -> Tensor:
        """The weight as a matrix whose rows are those along ``dim``."""
        if self.dim != 0:
            weight = weight.movedim(self.dim, 0)
        return weight.reshape(weight.size(0), -1)

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """The weight; in training the vectors of the power iteration are brought on first."""
        weight = getattr(module, f"{self.name}_orig")
        u, v = getattr(module, f"{self.name}_u"), getattr(module, f"{self.name}_v")
        matrix = self.reshape_weight_to_matrix(weight)
        if do_power_iteration:
            with pb.no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(pb.mv(matrix.t(), u), dim=0, eps=self.eps))
                    u.copy_(F.normalize(pb.mv(matrix, v), dim=0, eps=self.eps))
                # Saved tensors must not be those that the next call writes.
                u, v = u.clone(), v.clone()
        result: Tensor = weight / pb.dot(u, pb.mv(matrix, v))
        return result

    def remove(self, module: Module) -> None:
        """Makes the weight a parameter again."""
        with pb.no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        delattr(module, self.name)
        for part in ("u", "v", "orig"):
            delattr(module, f"{self.name}_{part}")
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Module, inputs: Any) -> None:
        del inputs
        setattr(module, self.name, self.compute_weight(module, module.training))

    @staticmethod
    def apply(
        module: Module, name: str, n_power_iterations: int, dim: int, eps: float
    ) -> SpectralNorm:
        """Puts the hook on a module, with the original weight and two vectors beside it."""
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, SpectralNorm) and hook.name == name:
                raise RuntimeError(
                    f"Cannot register two spectral_norm hooks on the same parameter {name}"
                )
        made = SpectralNorm(name, n_power_iterations, dim, eps)
        weight = module._parameters[name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
        with pb.no_grad():
            rows, columns = made.reshape_weight_to_matrix(weight).size()
            u = F.normalize(weight.new_empty(rows).normal_(0, 1), dim=0, eps=eps)
            v = F.normalize(weight.new_empty(columns).normal_(0, 1), dim=0, eps=eps)
        del module._parameters[name]
        module.register_parameter(f"{name}_orig", weight)
        # As a plain attribute: programs look at it before the first call.
        setattr(module, name, weight.data)
        module.register_buffer(f"{name}_u", u)
        module.register_buffer(f"{name}_v", v)
        module.register_forward_pre_hook(made)
        return made


def _is_transposed(module: Module) -> bool:
    nn = pb.nn
    return isinstance(module, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d))


def spectral_norm(
    module: _M,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> _M:
    """Divide a weight by its largest singular value before each call.

    Args:
        module: the module; it gets a parameter ``<name>_orig`` and buffers ``<name>_u``,
            ``<name>_v``.
        name: the parameter.
        n_power_iterations: iterations before each call in training mode.
        eps: the smallest norm of a vector.
        dim: the dimension of the outputs; by default 0, 1 for transposed convolutions.

    Returns:
        The module.

    Raises:
        ValueError: no iterations, or the parameter is None.
        RuntimeError: this weight has the hook already.

    Example:
        >>> import pullback as pb
        >>> layer = pb.nn.utils.spectral_norm(pb.nn.Linear(20, 40))
        >>> layer.weight_u.shape
        torch.Size([40])
    """
    if dim is None:
        dim = 1 if _is_transposed(module) else 0
    SpectralNorm.apply(module, name, n_power_iterations, dim, eps)
    return module


def remove_spectral_norm(module: _M, name: str = "weight") -> _M:
    """Make the weight an ordinary parameter again.

    Args:
        module: the module.
        name: the parameter.

    Raises:
        ValueError: it has no such hook.
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"spectral_norm of '{name}' not found in {module}")
