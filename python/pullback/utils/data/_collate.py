"""How samples become a batch: ``default_collate`` and ``default_convert``."""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import pullback as pb

__all__ = ["default_collate", "default_convert"]

REFUSAL = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)


def _is_array(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic))


def _is_text_array(value: Any) -> bool:
    return value.dtype.kind in "SUOV"


def _rebuilt(example: Any, values: Any) -> Any:
    """The values in a copy of the example, which keeps its attributes, or in a plain container."""
    mapping = isinstance(example, Mapping)
    plain = dict(values) if mapping else list(values)
    if type(example) in (dict, list):
        return plain
    try:
        if mapping and isinstance(example, MutableMapping):
            table: Any = copy.copy(example)
            table.update(plain)
            return table
        if not mapping and isinstance(example, MutableSequence):
            row: Any = copy.copy(example)
            for place, value in enumerate(plain):
                row[place] = value
            return row
        return type(example)(plain)
    except TypeError:
        return plain


def default_convert(data: Any) -> Any:
    """Arrays as tensors, in containers, too; everything else as it is.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> pb.utils.data.default_convert([np.array([0, 1]), "a"])
        [tensor([0, 1]), 'a']
    """
    if isinstance(data, pb.Tensor):
        return data
    if _is_array(data):
        return data if _is_text_array(data) else pb.as_tensor(data)
    if isinstance(data, Mapping):
        return _rebuilt(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, tuple):
        return [default_convert(value) for value in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _rebuilt(data, [default_convert(value) for value in data])
    return data


def default_collate(batch: Any) -> Any:
    """Samples as a batch: tensors and numbers are stacked, containers are gone through.

    Raises:
        TypeError: samples of another kind.
        RuntimeError: samples of different sizes.

    Example:
        >>> import pullback as pb
        >>> pb.utils.data.default_collate([(1, "a"), (2, "b")])
        [tensor([1, 2]), ('a', 'b')]
    """
    first = batch[0]
    if isinstance(first, pb.Tensor):
        return pb.stack(list(batch), 0)
    if _is_array(first):
        if _is_text_array(first):
            raise _refusal(first.dtype)
        if first.shape == ():
            return pb.as_tensor(batch)
        return default_collate([pb.as_tensor(each) for each in batch])
    if isinstance(first, float):
        return pb.tensor(batch, dtype=pb.float64)
    if isinstance(first, int):
        return pb.tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        columns = {key: default_collate([each[key] for each in batch]) for key in first}
        return _rebuilt(first, columns)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(column) for column in zip(*batch, strict=True)))
    if isinstance(first, Sequence):
        if any(len(each) != len(first) for each in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        made = [default_collate(column) for column in zip(*batch, strict=True)]
        return made if isinstance(first, tuple) else _rebuilt(first, made)
    raise _refusal(type(first))


def _refusal(kind: object) -> TypeError:
    return TypeError(REFUSAL.format(kind))
