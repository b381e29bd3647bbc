"""Weights of which some elements are set to zero by a mask.

The methods are classes, and a function for each; how a method is put on a module, and put on
another one, is in ``_pruning.py``.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.nn.modules.module import Module
from pullback.nn.utils._pruning import BasePruningMethod, PruningContainer, hooks_of

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]


class Identity(BasePruningMethod):
    """Prunes nothing: the parameter gets a mask of ones."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask so far."""
        del t
        return default_mask

    @classmethod
    def apply(cls, module: Module, name: str) -> Any:  # type: ignore[override]
        """See ``identity``."""
        return super().apply(module, name)


# --- how much ---


def _check_amount(amount: Any) -> None:
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    whole = isinstance(amount, numbers.Integral)
    if (whole and amount < 0) or (not whole and not 0.0 <= float(amount) <= 1.0):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative "
            "integer"
        )


def _how_many(amount: Any, size: int) -> int:
    """The number of elements or slices to prune among ``size``."""
    if not hasattr(amount, "__index__"):
        return round(float(amount) * size)
    if amount > size:
        raise ValueError(
            f"amount={amount} should be smaller than the number of parameters to prune={size}"
        )
    return int(amount)


def _check_structured(t: Tensor, dim: int) -> None:
    if t.dim() <= 1:
        raise ValueError(
            "Structured pruning can only be applied to multidimensional tensors. Found tensor of "
            f"shape {t.shape} with {t.dim()} dims"
        )
    if dim >= t.dim():
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")


def _slices(t: Tensor, dim: int, chosen: Tensor) -> Tensor:
    """A mask that is 1 in the chosen slices along a dimension."""
    mask = pb.zeros_like(t)
    index: list[Any] = [slice(None)] * t.dim()
    index[dim] = chosen
    mask[tuple(index)] = 1
    return mask


# --- the methods ---


class RandomUnstructured(BasePruningMethod):
    """Prunes elements by chance.

    Args:
        amount: how many, as an int, or which part of them, as a float.
    """

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: Any) -> None:
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask without the elements with the largest random numbers."""
        count = _how_many(self.amount, t.nelement())
        mask = default_mask.clone(memory_format=pb.contiguous_format)
        if count:
            chance = pb.rand_like(t)
            mask.view(-1)[pb.topk(chance.view(-1), k=count).indices] = 0
        return mask

    @classmethod
    def apply(cls, module: Module, name: str, amount: Any) -> Any:  # type: ignore[override]
        """See ``random_unstructured``."""
        return super().apply(module, name, amount=amount)


class L1Unstructured(BasePruningMethod):
    """Prunes the elements that are smallest in absolute value.

    Args:
        amount: how many, as an int, or which part of them, as a float.
    """

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: Any) -> None:
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask without the smallest elements."""
        count = _how_many(self.amount, t.nelement())
        mask = default_mask.clone(memory_format=pb.contiguous_format)
        if count:
            smallest = pb.topk(pb.abs(t).reshape(-1), k=count, largest=False)
            mask.view(-1)[smallest.indices] = 0
        return mask

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Module, name: str, amount: Any, importance_scores: Tensor | None = None
    ) -> Any:
        """See ``l1_unstructured``."""
        return super().apply(module, name, amount=amount, importance_scores=importance_scores)


class RandomStructured(BasePruningMethod):
    """Prunes slices along a dimension by chance.

    Args:
        amount: how many slices, as an int, or which part of them, as a float.
        dim: the dimension.
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask without the slices with the smallest random numbers."""
        _check_structured(t, self.dim)
        channels = t.shape[self.dim]
        count = _how_many(self.amount, channels)
        if not count:
            return default_mask
        chance = pb.rand(channels)
        threshold = pb.kthvalue(chance, k=count).values
        return _slices(t, self.dim, chance > threshold) * default_mask.to(dtype=t.dtype)

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Module, name: str, amount: Any, dim: int = -1
    ) -> Any:
        """See ``random_structured``."""
        return super().apply(module, name, amount=amount, dim=dim)


class LnStructured(BasePruningMethod):
    """Prunes the slices along a dimension that have the smallest norms.

    Args:
        amount: how many slices, as an int, or which part of them, as a float.
        n: the exponent of the norm.
        dim: the dimension.
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.n = n
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask without the smallest slices."""
        _check_structured(t, self.dim)
        channels = t.shape[self.dim]
        count = _how_many(self.amount, channels)
        if not count:
            return default_mask
        own = self.dim % t.dim()
        norms = pb.norm(t, p=self.n, dim=[d for d in range(t.dim()) if d != own])
        kept = pb.topk(norms, k=channels - count, largest=True).indices
        return _slices(t, self.dim, kept) * default_mask.to(dtype=t.dtype)

    @classmethod
    def apply(  # type: ignore[override]
        cls,
        module: Module,
        name: str,
        amount: Any,
        n: Any,
        dim: int,
        importance_scores: Tensor | None = None,
    ) -> Any:
        """See ``ln_structured``."""
        return super().apply(
            module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores
        )


class CustomFromMask(BasePruningMethod):
    """Prunes what a given mask says.

    Args:
        mask: of the shape of the parameter, 0 where it is pruned.
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The product of the masks."""
        del t
        return default_mask * self.mask.to(dtype=default_mask.dtype)

    @classmethod
    def apply(cls, module: Module, name: str, mask: Tensor) -> Any:  # type: ignore[override]
        """See ``custom_from_mask``."""
        return super().apply(module, name, mask=mask)


# --- the functions ---


def identity(module: Any, name: str) -> Any:
    """Give a parameter a mask of ones.

    Args:
        module: the module, which is returned.
        name: the parameter.
    """
    Identity.apply(module, name)
    return module


def random_unstructured(module: Any, name: str, amount: Any) -> Any:
    """Prune elements of a parameter by chance.

    Args:
        module: the module, which is returned.
        name: the parameter.
        amount: how many, as an int, or which part of them, as a float.
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: Any, name: str, amount: Any, importance_scores: Tensor | None = None
) -> Any:
    """Prune the elements of a parameter that are smallest in absolute value.

    Args:
        module: the module, which is returned.
        name: the parameter.
        amount: how many, as an int, or which part of them, as a float.
        importance_scores: values to be compared instead of the parameter's.

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.utils import prune
        >>> layer = pb.nn.Linear(3, 1, bias=False)
        >>> _ = pb.nn.init.constant_(layer.weight, 1.0)
        >>> layer.weight.data[0, 1] = 0.5
        >>> prune.l1_unstructured(layer, "weight", amount=1).weight_mask
        tensor([[1., 0., 1.]])
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Any, name: str, amount: Any, dim: int) -> Any:
    """Prune slices of a parameter by chance.

    Args:
        module: the module, which is returned.
        name: the parameter.
        amount: how many slices, as an int, or which part of them, as a float.
        dim: the dimension.
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Any, name: str, amount: Any, n: Any, dim: int, importance_scores: Tensor | None = None
) -> Any:
    """Prune the slices of a parameter that have the smallest norms.

    Args:
        module: the module, which is returned.
        name: the parameter.
        amount: how many slices, as an int, or which part of them, as a float.
        n: the exponent of the norm.
        dim: the dimension.
        importance_scores: values to be compared instead of the parameter's.
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Any, name: str, mask: Tensor) -> Any:
    """Prune what a mask says.

    Args:
        module: the module, which is returned.
        name: the parameter.
        mask: of its shape, 0 where it is pruned.
    """
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune several parameters as if they were one.

    Args:
        parameters: pairs of a module and the name of a parameter.
        pruning_method: a class of methods that choose single elements.
        importance_scores: values to be compared instead of the parameters', by such pairs.
        kwargs: for the constructor of the class.

    Raises:
        TypeError: the pairs are no iterable, or the method chooses more than single elements.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    pairs = list(parameters)
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    values = [scores.get((m, n), getattr(m, n)) for m, n in pairs]
    masks = [getattr(m, f"{n}_mask", pb.ones_like(getattr(m, n))) for m, n in pairs]
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    container = PruningContainer(method)
    mask = container.compute_mask(
        pb.cat([each.reshape(-1) for each in values]), pb.cat([each.reshape(-1) for each in masks])
    )
    begin = 0
    for module, name in pairs:
        parameter = getattr(module, name)
        end = begin + parameter.numel()
        custom_from_mask(module, name, mask[begin:end].view_as(parameter))
        begin = end


def remove(module: Any, name: str) -> Any:
    """Make a pruned parameter an ordinary one: what is zero stays zero.

    Args:
        module: the module, which is returned.
        name: the parameter.

    Raises:
        ValueError: it is not pruned.
    """
    for key, hook in hooks_of(module):
        if hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(
        f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
    )


def is_pruned(module: Module) -> bool:
    """Whether a module, or one below it, has a pruned parameter.

    Example:
        >>> import pullback as pb
        >>> pb.nn.utils.prune.is_pruned(pb.nn.Linear(2, 2))
        False
    """
    return any(hooks_of(each) for each in module.modules())
