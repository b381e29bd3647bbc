"""Embeddings: the rows of a table by their numbers, and what ``max_norm`` does to them first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pullback as pb
from pullback import Tensor, _arguments
from pullback.nn import _operators

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["embedding", "embedding_bag"]

_bags: Callable[..., Tensor] = _operators.embedding_bag


def _check(
    name: str,
    input: object,
    weight: object,
    padding_idx: object,
    max_norm: object,
    norm_type: object,
) -> None:
    _arguments.tensors(name, input=input, weight=weight)
    _arguments.maybe(_arguments.integers, name, padding_idx=padding_idx)
    _arguments.maybe(_arguments.numbers, name, max_norm=max_norm, norm_type=norm_type)


def _limit_norms(weight: Tensor, input: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows that will be read down to ``max_norm``, in place and not recorded."""
    with pb.no_grad():
        rows = input.reshape(-1).unique()
        if rows.numel() == 0:
            return
        values = weight.index_select(0, rows)
        norms = values.norm(norm_type, 1, keepdim=True)
        scaled = pb.where(norms > max_norm, values * (max_norm / (norms + 1e-7)), values)
        weight.index_copy_(0, rows.to(pb.int64), scaled)


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of ``weight`` whose numbers are in ``input``.

    Args:
        input: int64 or int32, of any shape.
        weight: [rows, width].
        padding_idx: a row that gets no gradient; negative ones count from the end.
        max_norm: rows that are read and longer are first scaled down to it, in place.
        norm_type: of which norm ``max_norm`` speaks.
        scale_grad_by_freq: divide the gradient of a row by how often it was read.
        sparse: must be False.

    Returns:
        A tensor in the shape of ``input`` with ``width`` behind.

    Raises:
        IndexError: a number is no row.
        RuntimeError: the dtype or shape does not fit, or ``sparse``.

    Example:
        >>> import pullback as pb
        >>> table = pb.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> pb.nn.functional.embedding(pb.tensor([1, 0]), table)
        tensor([[3., 4.],
                [1., 2.]])
    """
    _check("embedding", input, weight, padding_idx, max_norm, norm_type)
    if padding_idx is None:
        padding_idx = -1
    else:
        rows = weight.size(0)
        if not -rows <= padding_idx < rows:
            raise AssertionError(
                "Padding_idx must be within num_embeddings: "
                f"got {padding_idx}, expected {-rows} to {rows - 1}"
            )
        padding_idx %= rows
    if max_norm is not None:
        _limit_norms(weight, input, max_norm, norm_type)
    return pb.embedding(weight, input, padding_idx, scale_grad_by_freq, sparse)


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of the rows of ``weight`` in each bag.

    Args:
        input: numbers of rows; [bags, length], or one-dimensional with ``offsets``.
        weight: [rows, width].
        offsets: where each bag begins in a one-dimensional ``input``.
        max_norm: rows that are read and longer are first scaled down to it, in place.
        norm_type: of which norm ``max_norm`` speaks.
        scale_grad_by_freq: divide the gradient of a row by how often it was read.
        mode: "sum", "mean" or "max"; a bag without rows gives zeros.
        sparse: must be False.
        per_sample_weights: factors in the shape of ``input``, for ``mode="sum"``.
        include_last_offset: the last offset is the end of the last bag.
        padding_idx: a row that counts in no bag.

    Returns:
        A tensor [bags, width].

    Raises:
        ValueError: ``mode``, or the shapes of ``input``, ``offsets`` and weights.
        IndexError: a number is no row.
        NotImplementedError: ``per_sample_weights`` with another mode than "sum".

    Example:
        >>> import pullback as pb
        >>> table = pb.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> pb.nn.functional.embedding_bag(pb.tensor([[1, 0]]), table)
        tensor([[2., 3.]])
    """
    _check("embedding_bag", input, weight, padding_idx, max_norm, norm_type)
    if max_norm is not None:
        _limit_norms(weight, input, max_norm, norm_type)
    return _bags(
        input,
        weight,
        offsets,
        None,
        norm_type,
        scale_grad_by_freq,
        mode,
        sparse,
        per_sample_weights,
        include_last_offset,
        padding_idx,
    )
