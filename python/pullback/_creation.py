"""The factories that are not in the operator table: asarray, frombuffer, from_file, range."""

from __future__ import annotations

import math
import mmap
import os
import sys
from typing import Any

from pullback import _arguments, _core, _out
from pullback._core import Tensor, dtype

__all__ = ["asarray", "from_file", "frombuffer", "range"]

_FORMATS = {
    _core.float32: "f",
    _core.float64: "d",
    _core.complex64: "f",
    _core.complex128: "d",
    _core.int8: "b",
    _core.int16: "h",
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
    requires_grad: bool | None = None,
) -> Tensor:
    """A tensor of ``obj``: it shares memory with tensors, arrays, buffers and DLPack where it can.

    Args:
        obj: a tensor, an array, an object with ``__dlpack__`` or the buffer protocol, a number or
            nested sequences.
        dtype: the dtype of the result; another one than that of ``obj`` makes a copy. The bytes of
            a buffer that is no array are read as this dtype.
        device: the CPU.
        copy: True always copies, False refuses to.
        requires_grad: whether the result wants a gradient; left out, as ``obj`` does. A tensor that
            is not copied is returned itself, and its flag is set.

    Example:
        >>> import pullback as pb
        >>> pb.asarray([1, 2], dtype=pb.float64)
        tensor([1., 2.], dtype=torch.float64)
    """
    if dtype is not None:
        _dtype(dtype, "asarray")
    _arguments.factory("asarray", dtype=None, layout=None, device=device)
    _check_flag("copy", copy)
    _check_flag("requires_grad", requires_grad)
    made = _shared(obj, dtype, copy)
    if made is None:
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        made = _core.tensor(obj, dtype=dtype, device=device)
    wanted = made.dtype if dtype is None else _dtype(dtype, "asarray")
    if copy is False and wanted is not made.dtype:
        raise ValueError(f"can't alias tensor with dtype '{made.dtype}' into dtype '{wanted}'.")
    if copy and wanted is made.dtype and made is obj:
        made = made.clone()
    made = made.to(device=device, dtype=wanted)
    if requires_grad is None:
        requires_grad = isinstance(obj, Tensor) and obj.requires_grad
    if not requires_grad and not made.is_leaf:
        return made.detach()
    return made.requires_grad_(requires_grad)


def _check_flag(name: str, value: Any) -> None:
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"asarray(): argument {name!r} must be bool, not {type(value).__name__}")


def _shared(obj: Any, dtype: dtype | None, copy: bool | None) -> Tensor | None:
    """A tensor over the memory of the object, or a copy if one is wanted; None if it has none."""
    made: Tensor
    if isinstance(obj, Tensor):
        return obj
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(obj, numpy.generic):
        if copy is False:
            raise RuntimeError(
                "can't alias NumPy scalars. Either remove copy=False or transform it in a ndarray."
            )
        return None
    if numpy is not None and isinstance(obj, numpy.ndarray):
        if copy:
            made = _core.tensor(obj)
        elif copy is False:
            made = _core.as_tensor(obj)
        else:
            made = _core.as_tensor(obj, dtype=dtype)
        return made
    if hasattr(obj, "__dlpack__"):
        made = _core.from_dlpack(obj)
    elif _has_buffer(obj):
        made = _core._from_buffer(obj) if dtype is None else frombuffer(obj, dtype=dtype)
    else:
        return None
    return made.clone() if copy else made


def _has_buffer(obj: Any) -> bool:
    try:
        memoryview(obj)
    except TypeError:
        return False
    return True


def _dtype(value: Any, function: str) -> dtype:
    """The dtype that a type of Python stands for, or the dtype itself."""
    of_type: dict[Any, Any] = {
        complex: _core.complex128,
        float: _core.float64,
        int: _core.int64,
        bool: _core.bool,
    }
    found = of_type.get(value, value) if isinstance(value, (type, dtype)) else value
    if not isinstance(found, dtype):
        raise TypeError(
            f"{function}(): argument 'dtype' must be torch.dtype, not {type(value).__name__}"
        )
    return found


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
    _arguments.whole("frombuffer", count=count, offset=offset)
    _arguments.flags("frombuffer", requires_grad=requires_grad)
    if isinstance(buffer, Tensor) or not _has_buffer(buffer):
        raise ValueError("object does not implement Python buffer protocol.")
    dtype = _dtype(dtype, "frombuffer")
    view = memoryview(buffer)
    if not view.c_contiguous:
        raise RuntimeError("could not retrieve buffer from object: it is not contiguous.")
    if view.readonly:
        _core._warn(
            "The given buffer is not writable, so the tensor is read-only: writing to it raises an "
            "error. You may want to copy the buffer to protect its data or make it writable before "
            "converting it to a tensor."
        )
    view = view.cast("B")
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
    view = view[offset : offset + count * size].cast(_FORMATS.get(dtype, "h"))  # type: ignore[call-overload]
    made: Tensor = _core._from_buffer(view)
    if dtype.is_complex or dtype in (
        _core.float16,
        _core.bfloat16,
    ):  # which memoryview does not cast to
        made = made.view(dtype)
    return made.requires_grad_(requires_grad)


def from_file(
    filename: str,
    shared: bool | None = None,
    size: int = 0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """A vector whose memory is a file.

    Args:
        filename: the file.
        shared: whether what is written to the tensor goes into the file; the file is then made, or
            made longer, where it is too short.
        size: the number of elements.
        dtype: of the elements, the default dtype if left out.
        layout: strided.
        device: the CPU.
        pin_memory: without meaning here.

    Raises:
        RuntimeError: there is no such file, or it is too short.

    Example:
        >>> import pathlib, tempfile
        >>> import pullback as pb
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "numbers"
        ...     _ = path.write_bytes(bytes([1, 2, 3]))
        ...     pb.from_file(str(path), size=3, dtype=pb.uint8)
        tensor([1, 2, 3], dtype=torch.uint8)
    """
    _arguments.texts("from_file", filename=filename)
    _arguments.whole("from_file", size=size)
    _arguments.maybe(_arguments.bools, "from_file", shared=shared)
    _arguments.bools("from_file", pin_memory=pin_memory)
    _arguments.factory("from_file", dtype=None, layout=layout, device=device)
    kind = _core.get_default_dtype() if dtype is None else _dtype(dtype, "from_file")
    if size < 0:
        raise RuntimeError(f"from_file: got size {size}, expected a number that is not negative")
    if size == 0:
        nothing: Tensor = _core._functions.empty(0, dtype=kind, layout=layout, device=device)
        return nothing
    needed = size * kind.itemsize
    try:
        descriptor = os.open(filename, os.O_RDWR | os.O_CREAT if shared else os.O_RDONLY, 0o666)
        try:
            length = os.fstat(descriptor).st_size
            if length < needed:
                if not shared:
                    raise RuntimeError(
                        f"file {filename!r} size {length} is smaller than the required mapping "
                        f"size {needed}"
                    )
                os.ftruncate(descriptor, needed)
            access = mmap.ACCESS_WRITE if shared else mmap.ACCESS_COPY
            memory = mmap.mmap(descriptor, needed, access=access)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise RuntimeError(
            f"unable to open file {filename!r} in {'read-write' if shared else 'read-only'} mode: "
            f"{error.strerror} ({error.errno})"
        ) from error
    return frombuffer(memory, dtype=kind)


def range(
    start: float,
    end: float,
    step: float = 1,
    *,
    out: Tensor | None = None,
    dtype: dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers from ``start`` to ``end``, which is one of them; ``arange`` leaves it out.

    The dtype is the default one, also of integers, or that of ``out``, to which the numbers are
    written then.

    Raises:
        RuntimeError: the step is zero, or leads away from ``end``, or ``out`` has another dtype
            than the one that is asked for.
        NotImplementedError: the dtype is bool or a complex one.

    Example:
        >>> import warnings
        >>> import pullback as pb
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     pb.range(1, 2, 0.5)
        tensor([1.0000, 1.5000, 2.0000])
    """
    _arguments.numbers("range", start=start, end=end, step=step)
    _arguments.factory("range", dtype=dtype, layout=layout, device=device)
    _arguments.bools("range", requires_grad=requires_grad)
    _out.check("range", out, dtype=dtype)
    if dtype is None and out is not None:
        dtype = out.dtype
    _core._warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is "
        "inconsistent with Python's range builtin. Instead, use torch.arange, which produces "
        "values in [start, end)."
    )
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: got {start} to {end} by "
            f"{step}"
        )
    count = math.floor((end - start) / step) + 1
    kind = _core.get_default_dtype() if dtype is None else dtype
    if kind is _core.bool or kind.is_complex:
        raise NotImplementedError(f'"range" not implemented for {kind}')
    whole = not kind.is_floating_point
    start, step = (int(start), int(step)) if whole else (start, step)
    numbers = _core._functions.arange(count, dtype=_core.int64 if whole else _core.float64)
    made: Tensor = _core._functions.empty(
        count, dtype=kind, layout=layout, device=device, requires_grad=False
    ).copy_(numbers * step + start)
    return _out.write(made, out).requires_grad_(requires_grad)
