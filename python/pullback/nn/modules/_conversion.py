"""The part of ``Module`` that converts its tensors: dtypes, memory formats, new memory.

All of it is ``_apply``, which puts a function's results in the places of the tensors; parameters
stay the objects that they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pullback as pb
from pullback import Tensor, _core
from pullback.nn.parameter import Parameter

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Converted", "type_name"]


class Converted:
    """The part of ``Module`` that converts its parameters and buffers."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    children: Callable[[], Iterator[Any]]

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert floating parameters and buffers in place: ``to(dtype)``, ``to("cpu", dtype)``.

        Takes what ``Tensor.to`` takes; a ``memory_format`` counts for tensors of four and five
        dimensions. Parameters stay the same objects, so an optimizer made before keeps working on
        them.

        Raises:
            TypeError: the dtype is not a floating or complex one.
        """
        device, dtype, non_blocking, memory_format = _parse_to(args, kwargs)
        if dtype is not None:
            if not (dtype.is_floating_point or dtype.is_complex):
                raise TypeError(
                    "nn.Module.to only accepts floating point or complex dtypes, "
                    f"but got desired dtype={dtype}"
                )
            if dtype.is_complex:
                _core._warn(
                    "Complex modules are a new feature under active development whose design may "
                    "change, and some modules might not work as expected when using complex "
                    "tensors as parameters or buffers."
                )

        def convert(tensor: Tensor) -> Tensor:
            wanted = dtype if tensor.is_floating_point() or tensor.is_complex() else None
            if memory_format is not None and tensor.dim() in (4, 5):
                return tensor.to(device, wanted, non_blocking, memory_format=memory_format)
            return tensor.to(device, wanted, non_blocking)

        return self._apply(convert)

    def float(self) -> Self:
        """Convert floating parameters and buffers to float32 in place; complex ones stay."""
        return self._apply(_floating_to(pb.float32))

    def half(self) -> Self:
        """Convert floating parameters and buffers to float16 in place; complex ones stay."""
        return self._apply(_floating_to(pb.float16))

    def bfloat16(self) -> Self:
        """Convert floating parameters and buffers to bfloat16 in place; complex ones stay."""
        return self._apply(_floating_to(pb.bfloat16))

    def double(self) -> Self:
        """Convert floating parameters and buffers to float64 in place; complex ones stay."""
        return self._apply(_floating_to(pb.float64))

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers, whatever their dtype, in place."""
        return self._apply(lambda tensor: tensor.type(dst_type))

    def cpu(self) -> Self:
        """Everything is on the CPU already."""
        return self

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Give all parameters and buffers new memory, whose elements are not set.

        Args:
            device: "cpu", or None.
            recurse: whether the modules below get new memory, too.
        """
        return self._apply(lambda tensor: pb.empty_like(tensor, device=device), recurse=recurse)

    def cuda(self, device: Any = None) -> Self:
        """Refused: there is one device, the CPU."""
        return self.to("cuda" if device is None else device)

    def xpu(self, device: Any = None) -> Self:
        """Refused: there is one device, the CPU."""
        return self.to("xpu" if device is None else device)

    def ipu(self, device: Any = None) -> Self:
        """Refused: there is one device, the CPU."""
        return self.to("ipu" if device is None else device)

    def mtia(self, device: Any = None) -> Self:
        """Refused: there is one device, the CPU."""
        return self.to("mtia" if device is None else device)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace every tensor by ``fn`` of it; parameters and their gradients stay the objects."""
        if recurse:
            for child in self.children():
                child._apply(fn)
        with pb.no_grad():
            for param in self._parameters.values():
                if param is None:
                    continue
                changed = fn(param)
                grad = param.grad
                # A gradient has the dtype of its tensor at every moment.
                param.grad = None
                param.data = changed
                if grad is not None:
                    grad.data = fn(grad)
                    param.grad = grad
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self


def _floating_to(dtype: pb.dtype) -> Callable[[Tensor], Tensor]:
    return lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor


def _parse_to(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, bool, Any]:
    """The device, dtype, non_blocking and memory format of a call of ``Module.to``."""
    if "copy" in kwargs:
        raise RuntimeError(".to() does not accept copy argument")

    def by_device(
        device: Any = None,
        dtype: Any = None,
        non_blocking: bool = False,
        *,
        memory_format: Any = None,
    ) -> tuple[Any, Any, bool, Any]:
        return device, dtype, non_blocking, memory_format

    def by_dtype(
        dtype: Any, non_blocking: bool = False, *, memory_format: Any = None
    ) -> tuple[Any, Any, bool, Any]:
        return None, dtype, non_blocking, memory_format

    def by_tensor(
        tensor: Tensor, non_blocking: bool = False, *, memory_format: Any = None
    ) -> tuple[Any, Any, bool, Any]:
        return tensor.device, tensor.dtype, non_blocking, memory_format

    first = args[0] if args else kwargs.get("tensor")
    form: Callable[..., tuple[Any, Any, bool, Any]] = by_device
    if isinstance(first, pb.dtype):
        form = by_dtype
    elif isinstance(first, Tensor):
        form = by_tensor
    try:
        device, dtype, non_blocking, memory_format = form(*args, **kwargs)
        fits = isinstance(non_blocking, bool) and (dtype is None or isinstance(dtype, pb.dtype))
    except TypeError:
        fits = False
    if not fits:
        got = ", ".join(
            [type_name(arg) for arg in args]
            + [f"{name}={type_name(value)}" for name, value in kwargs.items()]
        )
        raise TypeError(
            f"to() received an invalid combination of arguments: got ({got}), expected "
            "(device=None, dtype=None, non_blocking=False), (dtype, non_blocking=False) or "
            "(tensor, non_blocking=False), each with memory_format=None."
        )
    return None if device is None else pb.device(device), dtype, non_blocking, memory_format


def type_name(value: object) -> str:
    """The class of a value as messages name it."""
    cls = value if isinstance(value, type) else type(value)
    name = cls.__qualname__
    return name if cls.__module__ == "builtins" else f"{cls.__module__}.{name}"
