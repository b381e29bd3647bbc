"""Factors of covariances and precisions, beyond what ``linalg`` gives."""

from __future__ import annotations

import pullback as pb
from pullback import Tensor


def solve_lower(factor: Tensor, right: Tensor) -> Tensor:
    """``x`` with ``factor @ x = right``, for lower triangular factors and columns on the right."""
    return pb.linalg.solve_triangular(factor, right, upper=False)


def precision_to_factor(precision: Tensor) -> Tensor:
    """The Cholesky factor of the inverse of a precision matrix."""
    # The factor of the matrix with rows and columns in reverse order gives one of the inverse.
    reversed_factor = pb.linalg.cholesky(pb.flip(precision, (-2, -1)))
    eye = pb.eye(precision.size(-1), dtype=precision.dtype)
    return solve_lower(pb.flip(reversed_factor, (-2, -1)).mT, eye)
