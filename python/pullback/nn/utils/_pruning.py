"""What the methods of pruning have in common: ``BasePruningMethod``, ``PruningContainer``.

A pruned parameter ``w`` becomes the parameter ``w_orig`` and the buffer ``w_mask``; a hook computes
``w`` as their product before each call. Pruning it again gives a ``PruningContainer``, whose last
method chooses among what is left. Start at ``BasePruningMethod.apply``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import pullback as pb
from pullback import Tensor
from pullback.nn.modules.module import Module

__all__ = ["BasePruningMethod", "PruningContainer", "hooks_of"]


class BasePruningMethod(ABC):
    """A way to choose the elements that become zero: subclass it and define ``compute_mask``.

    Attributes:
        PRUNING_TYPE: what a container shows the method of a tensor that is pruned already:
            "unstructured" the elements that are left, "structured" the slices that are left,
            "global" everything.
    """

    PRUNING_TYPE: ClassVar[str] = "global"
    _tensor_name: str

    def __call__(self, module: Module, inputs: Any) -> None:
        del inputs
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask of a tensor: 0 where it is pruned.

        Args:
            t: the values by which the elements are chosen.
            default_mask: the mask so far, of the same shape.
        """

    def apply_mask(self, module: Module) -> Tensor:
        """The product of mask and original; gradients flow to the original."""
        if not hasattr(self, "_tensor_name"):
            raise AssertionError(f"Module {module} has to be pruned")
        name = self._tensor_name
        original = getattr(module, f"{name}_orig")
        masked: Tensor = getattr(module, f"{name}_mask").to(dtype=original.dtype) * original
        return masked

    @classmethod
    def apply(
        cls,
        module: Module,
        name: str,
        *args: Any,
        importance_scores: Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        """Prune a parameter of a module, by a method made of the other arguments.

        Args:
            module: the module.
            name: the parameter.
            args: for the constructor of the class.
            importance_scores: the values by which the elements are chosen; by default the
                parameter itself.
            kwargs: for the constructor.

        Returns:
            The hook: the method, or a container of all methods of this parameter.
        """
        own = [key for key, hook in hooks_of(module) if hook._tensor_name == name]
        if len(own) > 1:
            raise AssertionError(
                f"Avoid adding multiple pruning hooks to the same tensor {name} of module {module}."
                " Use a PruningContainer."
            )
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        value = getattr(module, name)
        scores = value if importance_scores is None else importance_scores
        if scores.shape != value.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}"
            )
        if own:
            before: Any = module._forward_pre_hooks[own[0]]
            container = before if isinstance(before, PruningContainer) else PruningContainer(before)
            container._tensor_name = name
            container.add_pruning_method(method)
            mask = container.compute_mask(scores, getattr(module, f"{name}_mask").detach().clone())
            del module._forward_pre_hooks[own[0]]
            method = container
        else:
            original: Any = module._parameters[name]
            mask = method.compute_mask(scores, pb.ones_like(original))
            module.register_parameter(f"{name}_orig", original)
            del module._parameters[name]
        module.register_buffer(f"{name}_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self,
        t: Tensor,
        default_mask: Tensor | None = None,
        importance_scores: Tensor | None = None,
    ) -> Tensor:
        """A tensor times its mask.

        Args:
            t: the tensor.
            default_mask: a mask that it has already.
            importance_scores: the values by which the elements are chosen.
        """
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError("importance_scores should have the same shape as tensor t")
        mask = pb.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, mask)

    def remove(self, module: Module) -> None:
        """Make the product an ordinary parameter: what is zero stays zero."""
        name = self._tensor_name
        weight = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        original: Any = module._parameters[f"{name}_orig"]
        original.data = weight.data
        del module._parameters[f"{name}_orig"], module._buffers[f"{name}_mask"]
        setattr(module, name, original)


def hooks_of(module: Module) -> list[tuple[Any, BasePruningMethod]]:
    return [
        (key, hook)
        for key, hook in module._forward_pre_hooks.items()
        if isinstance(hook, BasePruningMethod)
    ]


class PruningContainer(BasePruningMethod):
    """Several methods for one parameter, one after the other.

    Args:
        args: methods, or an iterable of methods.
    """

    def __init__(self, *args: Any) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if len(args) == 1 and not isinstance(args[0], Iterable):
            self._tensor_name = args[0]._tensor_name
            self.add_pruning_method(args[0])
            return
        listed = args[0] if len(args) == 1 else args
        for method in listed:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod | None) -> None:
        """Put another method at the end.

        Raises:
            TypeError: it is no method.
            ValueError: it is for another parameter.
        """
        if not isinstance(method, BasePruningMethod) and method is not None:
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method is None:
            return
        own = getattr(self, "_tensor_name", None)
        if own is not None and own != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{own}' to PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: Any) -> Any:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask with what the last method takes of what was left."""
        method = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype)
        left: Any
        if method.PRUNING_TYPE == "unstructured":
            left = mask == 1
        elif method.PRUNING_TYPE == "structured":
            dim: int = getattr(method, "dim", 0)
            dim = dim + t.dim() if dim < 0 else dim
            kept = mask.sum(dim=[d for d in range(t.dim()) if d != dim]) != 0
            left = (*[slice(None)] * dim, kept)
        elif method.PRUNING_TYPE == "global":
            left = (slice(None),) * t.dim()
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        new = mask.clone()
        new[left] = method.compute_mask(t[left], mask[left]).to(dtype=mask.dtype)
        return new
