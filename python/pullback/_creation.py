"""The factories that are not in the operator table and rarely called: asarray, frombuffer."""

from __future__ import annotations

from typing import Any

from pullback import _core
from pullback._core import Tensor, dtype

__all__ = ["asarray", "frombuffer"]

_FORMATS = {
    _core.float32: "f",
    _core.float64: "d",
    _core.int32: "i",
    _core.int64: "q",
    _core.uint8: "B",
    _core.bool: "?",
}


def asarray(
    obj: Any,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of ``obj``: it shares memory with tensors, arrays, buffers and DLPack where it can.

    Args:
        obj: a tensor, an array, an object with ``__dlpack__`` or the buffer protocol, a number or
            nested sequences.
        dtype: the dtype of the result; another one than that of ``obj`` makes a copy.
        device: the CPU.
        copy: True always copies, False refuses to.
        requires_grad: whether the result wants a gradient.

    Example:
        >>> import pullback as pb
        >>> pb.asarray([1, 2], dtype=pb.float64)
        tensor([1., 2.], dtype=torch.float64)
    """
    made: Tensor | None = _shared(obj)
    shares = made is not None
    if made is None:
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        made = _core.tensor(obj, dtype=dtype)
    wanted = made.dtype if dtype is None else dtype
    if shares and copy is False and wanted is not made.dtype:
        raise ValueError(f"can't alias tensor with dtype '{made.dtype}' into dtype '{wanted}'.")
    made = made.to(device=device, dtype=wanted, copy=bool(copy) and shares)
    if isinstance(obj, Tensor) and requires_grad == made.requires_grad:
        return made
    made = made.detach()
    return made.requires_grad_() if requires_grad else made


def _shared(obj: Any) -> Tensor | None:
    if isinstance(obj, Tensor):
        return obj
    if hasattr(obj, "__array_interface__") and getattr(obj, "shape", None) != ():
        return _core.as_tensor(obj)
    if hasattr(obj, "__dlpack__"):
        return _core.from_dlpack(obj)
    if isinstance(obj, (bytes, bytearray, memoryview)) or type(obj).__name__ == "array":
        shared: Tensor = _core._from_buffer(obj)
        return shared
    return None


def frombuffer(
    buffer: Any, *, dtype: dtype, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A one-dimensional tensor over the bytes of a buffer; read-only if the buffer is.

    Args:
        buffer: an object with the buffer protocol.
        dtype: how to read the bytes.
        count: how many elements; -1 for all.
        offset: bytes to skip at the start.
        requires_grad: whether the result wants a gradient.

    Example:
        >>> import pullback as pb
        >>> pb.frombuffer(bytearray(b"abc"), dtype=pb.uint8, offset=1)
        tensor([98, 99], dtype=torch.uint8)
    """
    view = memoryview(buffer).cast("B")
    total, size = len(view), dtype.itemsize
    if total == 0 or count == 0:
        raise ValueError(f"both buffer length ({total}) and count ({count}) must not be 0")
    if not 0 <= offset < total:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({total} bytes) minus 1"
        )
    if count < 0:
        if (total - offset) % size:
            raise ValueError(
                f"buffer length ({total - offset} bytes) after offset ({offset} bytes) must be a "
                f"multiple of element size ({size})"
            )
        count = (total - offset) // size
    if offset + count * size > total:
        raise ValueError(
            f"requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) must "
            f"not be greater than actual buffer length ({total} bytes)"
        )
    view = view[offset : offset + count * size].cast(_FORMATS[dtype])  # type: ignore[call-overload]
    made: Tensor = _core._from_buffer(view)
    return made.requires_grad_(requires_grad)
