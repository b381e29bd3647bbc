"""``Parameter``: the tensor that a module finds among its attributes and an optimizer trains.

It is a leaf that shares the memory of the tensor it is made from. Results of operations on it
are plain tensors: its class has no say (``bind/overrides.h``).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pullback as pb
from pullback import Tensor, _core

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Parameter"]


class _ParameterMeta(type):
    """Objects of other subclasses of Tensor are parameters when ``Parameter`` made them."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if super().__instancecheck__(instance):
            return True
        return (
            cls is Parameter
            and isinstance(instance, Tensor)
            and getattr(instance, "_is_param", False) is True
        )


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A tensor that becomes part of a module when it is assigned to one of its attributes.

    Args:
        data: the tensor whose memory it shares; without it, an empty one.
        requires_grad: whether operations on it are recorded, ``no_grad`` or not.

    Example:
        >>> import pullback as pb
        >>> pb.nn.Parameter(pb.ones(2))
        Parameter containing:
        tensor([1., 1.], requires_grad=True)
    """

    __torch_function__ = _core._disabled_torch_function_impl

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Self:
        """A leaf that shares the memory of ``data``."""
        if data is None:
            data = pb.empty(0)
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Parameter: data must be a Tensor: got {type(data).__name__}. Make one with "
                "pullback.tensor(...)."
            )
        if not isinstance(requires_grad, bool):
            raise TypeError(
                f"Parameter: requires_grad must be bool: got {type(requires_grad).__name__}."
            )
        if type(data) is Tensor or issubclass(type(data), Parameter):
            made: Self = Tensor._make_subclass(cls, data, requires_grad)
            return made
        kept: Self = _of_subclass(data, requires_grad)
        return kept

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        known: Self | None = memo.get(id(self))
        if known is None:
            known = memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
            if self.__dict__:
                known.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return known

    def __repr__(self) -> str:
        text = super().__repr__()
        if type(self) is not Parameter:
            text = f"Parameter({text})"
        return "Parameter containing:\n" + text

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        state = self.__dict__ or None
        return _rebuild, (type(self), self.data, self.requires_grad), state


def _of_subclass(data: Any, requires_grad: bool) -> Any:
    """Data of another subclass of Tensor stays of its class, and is a parameter all the same."""
    made = data.detach().requires_grad_(requires_grad)
    if type(made) is not type(data):
        raise RuntimeError(
            f"Creating a Parameter from an instance of type {type(data).__name__} requires that "
            f"detach() returns an instance of the same type, but return type {type(made).__name__} "
            "was found instead. To use the type as a Parameter, please correct the detach() "
            "semantics defined by its __torch_function__() implementation."
        )
    made._is_param = True
    return made


def _rebuild(cls: type[Parameter], data: Tensor, requires_grad: bool) -> Parameter:
    return cls(data, requires_grad)
