"""``torch._utils``: helpers of PyTorch that public programs read."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import pullback as pb
from pullback import Tensor

__all__ = ["ExceptionWrapper", "_flatten_dense_tensors", "_unflatten_dense_tensors"]


def _flatten_dense_tensors(tensors: Sequence[Tensor]) -> Tensor:
    """The elements of all tensors, one after the other."""
    return pb.cat([each.reshape(-1) for each in tensors])


def _unflatten_dense_tensors(flat: Tensor, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Parts of a vector in the shapes of these tensors."""
    parts = flat.split([each.numel() for each in tensors])
    return tuple(part.view_as(each) for part, each in zip(parts, tensors, strict=True))


def _get_device_index(device: Any, optional: bool = False, allow_cpu: bool = False) -> int:
    """-1, which stands for the CPU."""
    if not (optional or allow_cpu):
        raise ValueError(f"Expected a non cpu device, but got: {device}")
    return -1


class ExceptionWrapper:
    """An error of another thread or process, with the text of its traceback.

    Args:
        exc_info: what ``sys.exc_info()`` gives.
        where: where it happened, for the text.
    """

    def __init__(self, exc_info: Any, where: str = "in background") -> None:
        self.exc_type = exc_info[0]
        self.exc_msg = "".join(traceback.format_exception(*exc_info))
        self.where = where

    def reraise(self) -> NoReturn:
        """Raise an error of the same type with the text."""
        text = f"Caught {self.exc_type.__name__} {self.where}.\nOriginal {self.exc_msg}"
        try:
            error = self.exc_type(text)
        except TypeError:
            raise RuntimeError(text) from None
        raise error
