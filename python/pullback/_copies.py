"""Copies and pickles of tensors: what ``copy.copy``, ``copy.deepcopy`` and ``pickle`` ask of one.

A shallow copy shares the memory. A deep copy has a copy of all of the memory, so that tensors that
share it still do when they are copied together. A pickle holds the part of the memory that the
tensor spans, with its strides. None of them keeps a history; all keep what Python hangs on the
tensor, but not its hooks. Inside a transform there is nothing to copy but numbers of the transform,
which is refused (``_core._memory``).
"""

from __future__ import annotations

from pullback import _core
from pullback._core import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def shallow(tensor: Any) -> Any:
    """``copy.copy``: a leaf over the same memory."""
    _core._memory(tensor)
    _warn_of_hooks(tensor)
    made = Tensor._make_subclass(type(tensor), tensor, tensor.requires_grad)
    if tensor.__dict__:
        made.__dict__.update(tensor.__dict__)
    return made


def deep(tensor: Any, memo: dict[Any, Any]) -> Any:
    """``copy.deepcopy`` of a leaf, with its gradient; what has a history refuses, as in torch."""
    if not tensor.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment. Use x.detach().clone() to copy the value. " + tensor._origin
        )
    known = memo.get(id(tensor))
    if known is not None:
        return known
    import copy

    memory = _core._memory(tensor)
    offset = tensor.data_ptr() - memory.data_ptr()
    copied = _copied_memory(memory, memo)
    made = _core._over(copied, tensor.dtype, offset, tensor.shape, tensor.stride())
    if type(tensor) is not Tensor:
        made = Tensor._make_subclass(type(tensor), made, tensor.requires_grad)
    made.requires_grad_(tensor.requires_grad)
    if tensor.grad is not None:
        made.grad = copy.deepcopy(tensor.grad, memo)
    memo[id(tensor)] = made
    if tensor.__dict__:
        made.__dict__.update(copy.deepcopy(tensor.__dict__, memo))
    return made


def _copied_memory(memory: Any, memo: dict[Any, Any]) -> Any:
    """One copy for all tensors over that memory; the memo keeps the original, thus its address."""
    if memory.numel() == 0:
        return memory.clone()
    key = "memory of tensors", memory.data_ptr()
    if key not in memo:
        memo[key] = memory, memory.clone()
    return memo[key][1]


def reduced(tensor: Any) -> Any:
    """``pickle``: the values, the strides, and whether a gradient is required."""
    _core._memory(tensor)
    _warn_of_hooks(tensor)
    sizes, strides = tensor.shape, tensor.stride()
    span = 1 + sum((n - 1) * step for n, step in zip(sizes, strides, strict=True))
    if tensor.numel() == 0:
        span = 0
    values = tensor.detach().as_strided((span,), (1,), tensor.storage_offset())
    # NumPy has no bfloat16: its bits.
    flat = (values.view(_core.int16) if tensor.dtype is _core.bfloat16 else values).numpy()
    arguments = type(tensor), flat, tuple(sizes), strides, tensor.requires_grad, tensor.dtype
    return rebuilt, arguments, tensor.__dict__ or None


def rebuilt(
    cls: Any, flat: Any, sizes: Any, strides: Any, requires_grad: bool, dtype: Any = None
) -> Any:
    """The tensor of a pickle; ``dtype`` is in it since NumPy does not know all of them."""
    values = _core.tensor(flat)
    if dtype is _core.bfloat16:
        values = values.view(dtype)
    made = values.as_strided(sizes, strides).detach()
    if cls is not Tensor:
        return Tensor._make_subclass(cls, made, requires_grad)
    return made.requires_grad_(requires_grad)


def _warn_of_hooks(tensor: Any) -> None:
    if tensor._backward_hooks:
        from pullback.utils.hooks import warn_if_has_hooks

        warn_if_has_hooks(tensor)
