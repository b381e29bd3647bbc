"""``Parameter`` and ``Buffer``: the tensors that a module finds among its attributes.

A parameter is a leaf that shares the memory of the tensor it is made from, and an optimizer trains
it. Results of operations on it are plain tensors: its class has no say (``bind/overrides.h``). A
buffer is a plain tensor with a mark. Those that are not initialized have a dtype and no shape yet:
lazy modules (``modules/lazy.py``) give them one, and operations on them are refused.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pullback as pb
from pullback import Tensor, _core

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "UninitializedTensorMixin",
    "is_lazy",
]


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


class _BufferMeta(type):
    """Every tensor with the mark is a buffer."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if super().__instancecheck__(instance):
            return True
        return (
            cls is Buffer
            and isinstance(instance, Tensor)
            and getattr(instance, "_is_buffer", False) is True
        )


class Buffer(Tensor, metaclass=_BufferMeta):
    """A tensor that becomes a buffer of a module when it is assigned to one of its attributes.

    Args:
        data: the tensor whose memory it shares; without it, an empty one.
        persistent: whether it is part of ``state_dict``.

    Example:
        >>> import pullback as pb
        >>> class Counter(pb.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.seen = pb.nn.Buffer(pb.zeros(1))
        >>> list(Counter().state_dict())
        ['seen']
    """

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Self:
        """A tensor that shares the memory of ``data``."""
        if data is None:
            data = pb.empty(0)
        if not isinstance(data, Tensor):
            raise TypeError(
                f"Buffer: data must be a Tensor: got {type(data).__name__}. Make one with "
                "pullback.tensor(...)."
            )
        if not isinstance(persistent, bool):
            raise TypeError(f"Buffer: persistent must be bool: got {type(persistent).__name__}.")
        made: Any = data.detach().requires_grad_(data.requires_grad)
        made.persistent = persistent
        made._is_buffer = True
        marked: Self = made
        return marked

    persistent: bool


# What may be done with a tensor that has no shape yet, besides reading its properties.
_ALLOWED = frozenset(
    {
        *("__hash__", "size", "copy_", "is_complex", "is_floating_point", "half", "float"),
        *("double", "char", "short", "int", "long", "cpu", "cuda", "to", "get_device"),
    }
)
_UNINITIALIZED = (
    "This error happens when you are using a `LazyModule` or explicitly manipulating "
    "`torch.nn.parameter.{name}` objects. When using LazyModules Call `forward` with a dummy batch "
    "to initialize the parameters before calling torch functions"
)


class UninitializedTensorMixin:
    """What parameters and buffers without a shape have in common."""

    cls_to_become: type[Tensor]
    data: Tensor
    dtype: Any
    device: Any
    requires_grad: bool

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary parameter or buffer of this shape; its elements are not set.

        Args:
            shape: of the tensor.
            device: "cpu".
            dtype: by default the one it was made with.
        """
        self.data = pb.empty(shape, device=device, dtype=dtype or self.dtype)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]

    @property
    def shape(self) -> Any:
        """There is none: raises RuntimeError."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    def share_memory_(self) -> Any:
        """There is none: raises RuntimeError."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to "
            "initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self), (self.requires_grad, None, self.dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        known: Self | None = memo.get(id(self))
        if known is None:
            make: Any = type(self)
            known = memo[id(self)] = make(self.requires_grad, dtype=self.dtype)
        return known

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Properties and conversions only."""
        name = getattr(func, "__name__", "")
        if name in _ALLOWED or type(func).__name__ == "method-wrapper":
            above: Any = super()
            return above.__torch_function__(func, types, args, kwargs or {})
        raise ValueError(
            f"Attempted to use an uninitialized parameter in {func}. "
            + _UNINITIALIZED.format(name=cls.__name__)
        )


def is_lazy(param: Any) -> bool:
    """Whether a parameter or buffer has no shape yet."""
    return isinstance(param, UninitializedTensorMixin)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter that has no shape yet; ``materialize`` gives it one.

    Args:
        requires_grad: whether operations on it will be recorded.
        device: "cpu".
        dtype: by default the default dtype.

    Raises:
        ValueError: an operation on it.
        RuntimeError: its shape is asked for.

    Example:
        >>> import pullback as pb
        >>> later = pb.nn.UninitializedParameter()
        >>> later
        <UninitializedParameter>
        >>> later.materialize((2, 3))
        >>> later.shape
        torch.Size([2, 3])
    """

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Self:
        """Without memory."""
        made: Self = Tensor._make_subclass(
            cls, pb.empty(0, device=device, dtype=dtype), requires_grad
        )
        return made


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer that has no shape yet; ``materialize`` gives it one.

    Args:
        requires_grad: whether operations on it will be recorded.
        device: "cpu".
        dtype: by default the default dtype.
        persistent: whether it is part of ``state_dict``.
    """

    cls_to_become = Tensor
    persistent: bool
    _is_buffer: bool

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> Self:
        """Without memory."""
        made: Self = Tensor._make_subclass(
            cls, pb.empty(0, device=device, dtype=dtype), requires_grad
        )
        made.persistent = persistent
        made._is_buffer = True
        return made
