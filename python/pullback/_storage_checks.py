"""What the methods of storages take, and need; the types of the errors are those of PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pullback as pb
from pullback import _arguments


def expect_storage(source: object, function: str) -> None:
    from pullback.storage import TypedStorage, UntypedStorage

    if not isinstance(source, (UntypedStorage, TypedStorage)):
        raise TypeError(
            f"{function}(): argument 'src' (position 1) must be torch.Storage, not "
            + type(source).__name__
        )


def expect_layout(dtype: object, byte_order: object) -> None:
    """A dtype, and an order of bytes where its elements have several."""
    if not isinstance(dtype, pb.dtype):
        raise RuntimeError(
            "UntypedStorage.from_buffer: argument 'dtype' must be of type torch.dtype, not "
            + type(dtype).__name__
        )
    if dtype.itemsize > 1 and byte_order is None:
        raise RuntimeError(
            "UntypedStorage.from_buffer: missing required argument 'byte_order': expected "
            "'native', 'little' or 'big'"
        )
    if dtype.itemsize > 1 and byte_order not in ("native", "little", "big"):
        raise ValueError(
            f"invalid byte_order {byte_order!r}: expected 'native', 'little' or 'big'."
        )


def expect_byte(value: object, function: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise RuntimeError(
            f"{function} of a torch.UntypedStorage expects an int, but got {type(value).__name__}"
        )


def expect_place(index: object, size: int) -> None:
    """Where a byte is read, also from the end."""
    if isinstance(index, bool) or not isinstance(index, int):
        raise TypeError(f"can't index a torch.UntypedStorage with {type(index).__name__}")
    if not -size <= index < size:
        raise IndexError(f"index {index} out of range for storage of size {size}")


def expect_target(index: object, size: int) -> None:
    """Where a byte is written, only from the front."""
    if isinstance(index, bool) or not isinstance(index, int):
        raise RuntimeError(f"can't index a torch.UntypedStorage with {type(index).__name__}")
    if not 0 <= index < size:
        raise RuntimeError(
            f"out of bounds: got index {index}, expected one from 0 to {size - 1}. To write at the "
            "end count from the front."
        )


def expect_whole(index: slice) -> None:
    if index.step not in (None, 1):
        raise RuntimeError(
            f"Trying to slice with a step of {index.step}, but only a step of 1 is supported"
        )


def expect_element(index: object) -> None:
    """A number that says which element of a TypedStorage is meant."""
    if isinstance(index, bool) or not isinstance(index, int):
        kind = TypeError if isinstance(index, bool) else RuntimeError
        raise kind(f"can't index a torch.TypedStorage with {type(index).__name__}")


def expect_elements(dtype: object, size: int) -> None:
    """A dtype of whose elements there are so many bytes."""
    if not isinstance(dtype, pb.dtype):
        raise RuntimeError(f"byteswap: expected torch.dtype, but got {type(dtype).__name__}")
    if size % dtype.itemsize != 0:
        raise RuntimeError(
            f"byteswap: the length of data is not a multiple of {dtype.itemsize}: got {size} bytes"
        )


def shared_memory() -> ModuleType:
    """The module of shared memory, which loads multiprocessing: few programs need it."""
    from pullback import _shared_memory

    return _shared_memory


def filled(function: str, name: str, data: Any, dtype: Any, device: Any) -> Any:
    """A tensor of so many elements, or of those of a sequence."""
    if device is not None:
        if not isinstance(device, (str, int, pb.device)):
            _arguments.refuse(function, "device", "torch.device", device)
        if pb.device(device).type != "cpu":
            raise RuntimeError(
                f"{function}: got device={device!r}, expected 'cpu': pullback runs on the CPU only."
            )
    is_number = isinstance(data, int) and not isinstance(data, bool)
    if not is_number and (not isinstance(data, Sequence) or isinstance(data, str)):
        _arguments.refuse(function, name, "the number of elements or a sequence of them", data)
    if isinstance(data, int):
        if data < 0:
            raise RuntimeError(f"{function}: got size {data}, expected no negative number.")
        return pb.empty(data, dtype=dtype)
    return pb.tensor(list(data), dtype=dtype)
