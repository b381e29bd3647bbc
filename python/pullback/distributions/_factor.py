"""Cholesky factors and triangular systems, of recorded operators, one column at a time."""

from __future__ import annotations

import pullback as pb
from pullback import Tensor


def _columns(matrix: Tensor) -> tuple[list[Tensor], Tensor]:
    """The columns of the factor from the diagonal down, and the squares of the diagonal."""
    rest = matrix
    columns, pivots = [], []
    for _ in range(matrix.size(-1)):
        pivot = rest[..., 0, 0]
        column = rest[..., :, 0] / pivot.sqrt().unsqueeze(-1)
        pivots.append(pivot)
        columns.append(column)
        below = column[..., 1:]
        rest = rest[..., 1:, 1:] - below.unsqueeze(-1) * below.unsqueeze(-2)
    return columns, pb.stack(pivots, -1) if pivots else matrix.new_zeros(matrix.shape[:-1])


def cholesky(matrix: Tensor) -> Tensor:
    """The lower triangular factor of symmetric matrices.

    Raises:
        RuntimeError: a matrix is not positive definite.
    """
    # Both halves are read, so that the gradient is symmetric.
    columns, pivots = _columns((matrix + matrix.mT) / 2)
    good = pivots.detach() > 0
    if not good.all():
        n = matrix.size(-1)
        order = int((~good).reshape(-1, n).any(0).long().argmax()) + 1
        raise RuntimeError(
            "linalg.cholesky: The factorization could not be completed because the input is not "
            f"positive-definite (the leading minor of order {order} is not positive-definite)."
        )
    n = matrix.size(-1)
    padded = [pb.cat([c.new_zeros((*c.shape[:-1], n - c.size(-1))), c], -1) for c in columns]
    return pb.stack(padded, -1)


def is_positive_definite(matrix: Tensor, *, semi: bool = False) -> Tensor:
    """Whether each of a batch of symmetric matrices is."""
    with pb.no_grad():
        if semi:
            slack = 1e-6 * pb.eye(matrix.size(-1), dtype=matrix.dtype)
            matrix = matrix + slack
        return (_columns(matrix)[1] > 0).all(-1)


def solve_lower(factor: Tensor, right: Tensor) -> Tensor:
    """``x`` with ``factor @ x = right``, for lower triangular factors and columns on the right."""
    rows: list[Tensor] = []
    for i in range(factor.size(-1)):
        known = right[..., i, :]
        if rows:
            solved = pb.stack(rows, -2)
            known = known - (factor[..., i, :i].unsqueeze(-1) * solved).sum(-2)
        rows.append(known / factor[..., i, i].unsqueeze(-1))
    return pb.stack(rows, -2)


def inverse_lower(factor: Tensor) -> Tensor:
    """The inverse of lower triangular factors."""
    eye = pb.eye(factor.size(-1), dtype=factor.dtype).expand(factor.shape)
    return solve_lower(factor, eye)


def inverse_from_factor(factor: Tensor) -> Tensor:
    """The inverse of ``factor @ factor.mT``."""
    inverse = inverse_lower(factor)
    return inverse.mT @ inverse


def precision_to_factor(precision: Tensor) -> Tensor:
    """The Cholesky factor of the inverse of a precision matrix."""
    # The factor of the matrix with rows and columns in reverse order gives one of the inverse.
    reversed_factor = cholesky(pb.flip(precision, (-2, -1)))
    return inverse_lower(pb.flip(reversed_factor, (-2, -1)).mT)
