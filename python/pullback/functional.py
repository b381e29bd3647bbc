"""``torch.functional``: functions of the package under the path that PyTorch has them under."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    block_diag,
    broadcast_tensors,
    cartesian_prod,
    cdist,
    chain_matmul,
    einsum,
    meshgrid,
    norm,
    split,
    tensordot,
    unique,
    unique_consecutive,
)

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block_diag",
    "broadcast_tensors",
    "cartesian_prod",
    "cdist",
    "chain_matmul",
    "einsum",
    "meshgrid",
    "norm",
    "split",
    "tensordot",
    "unique",
    "unique_consecutive",
]


def __getattr__(name: str) -> Any:
    # Those that come later are here without a line.
    if name[0] != "_" and callable(getattr(pb, name, None)):
        return getattr(pb, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
