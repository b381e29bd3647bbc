"""What the normal and Wishart distributions of several dimensions have in common."""

from __future__ import annotations

import math

import pullback as pb
from pullback import Tensor
from pullback.distributions._factor import solve_lower

__all__ = []


def log_multigamma(a: Tensor, p: int) -> Tensor:
    """The logarithm of the gamma function of p dimensions."""
    steps = pb.arange(p, dtype=a.dtype) * 0.5
    return 0.25 * p * (p - 1) * math.log(math.pi) + pb.lgamma(a.unsqueeze(-1) - steps).sum(-1)


def multidigamma(a: Tensor, p: int) -> Tensor:
    """The derivative of ``log_multigamma``."""
    steps = pb.arange(p, dtype=a.dtype) * 0.5
    return pb.digamma(a.unsqueeze(-1) - steps).sum(-1)


def times_vector(matrix: Tensor, vector: Tensor) -> Tensor:
    """The products of matrices and vectors."""
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def log_diagonal(factor: Tensor) -> Tensor:
    """Half the logarithm of the determinant of what the factor is the Cholesky factor of."""
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def distance(factor: Tensor, difference: Tensor) -> Tensor:
    """The squared Mahalanobis distance by the Cholesky factor of the covariance."""
    return solve_lower(factor, difference.unsqueeze(-1)).squeeze(-1).pow(2).sum(-1)


def identity_like(matrix: Tensor) -> Tensor:
    """An identity matrix of the same sizes."""
    return pb.eye(matrix.size(-1), dtype=matrix.dtype)
