"""mpi4py, imported when the first process group is made, and tensors as messages."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterator
from typing import Any

from pullback import Tensor

__all__ = ["chunks", "has_mpi", "load", "message", "set_chunk_bytes"]

_settings = {"chunk": 1 << 26}


def set_chunk_bytes(size: int) -> int:
    """The largest message from now on, in bytes, a multiple of 16; gives the one before."""
    if size < 16 or size % 16:
        raise ValueError(f"set_chunk_bytes: got {size}, expected a positive multiple of 16.")
    before = _settings["chunk"]
    _settings["chunk"] = size
    return before


@functools.cache
def has_mpi() -> bool:
    """Whether mpi4py is installed; it is not imported."""
    return importlib.util.find_spec("mpi4py") is not None


@functools.cache
def load() -> Any:
    """``mpi4py.MPI``, which starts MPI.

    Raises:
        RuntimeError: it is not installed, or finds no MPI library.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise RuntimeError(
            f"torch.distributed needs mpi4py and an MPI library: {error}. "
            'Install both with pip install "pullback[mpi]".'
        ) from error
    return MPI


def message(mpi: Any, tensor: Tensor, start: int, stop: int) -> list[Any]:
    """Bytes of a contiguous tensor's memory, as mpi4py wants them; nothing is copied."""
    memory = mpi.buffer.fromaddress(tensor.data_ptr() + start, stop - start)
    return [memory, stop - start, mpi.BYTE]


def chunks(tensor: Tensor) -> Iterator[tuple[int, int]]:
    """Where the messages of a tensor begin and end, in bytes; none if it is empty."""
    size = tensor.numel() * tensor.element_size()
    step = _settings["chunk"]
    return ((start, min(start + step, size)) for start in range(0, size, step))
