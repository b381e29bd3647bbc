"""Normal distributions of several dimensions."""

from __future__ import annotations

import math
from typing import Any

from pullback import Tensor, broadcast_shapes
from pullback.distributions import constraints, distribution
from pullback.distributions._factor import precision_to_factor
from pullback.distributions._gaussian import distance, log_diagonal, times_vector
from pullback.distributions._scale_matrix import ScaleMatrix, given_one
from pullback.distributions.utils import _standard_normal, needs

__all__ = ["MultivariateNormal"]

# Where programs import them from.
Distribution = distribution.Distribution
_batch_mahalanobis = distance
_batch_mv = times_vector
_precision_to_scale_tril = precision_to_factor


class MultivariateNormal(ScaleMatrix):
    """Vectors ``loc + scale_tril @ z`` of independent normal numbers z.

    Exactly one of ``covariance_matrix``, ``precision_matrix``, its inverse, and ``scale_tril``, its
    Cholesky factor, is given.

    Raises:
        ValueError: not exactly one is given, a shape has too few dimensions, or, when arguments are
            validated, a matrix is not what it is said to be.

    Example:
        >>> import pullback as pb
        >>> normal = pb.distributions.MultivariateNormal(pb.zeros(2), pb.eye(2))
        >>> normal.log_prob(pb.zeros(2))
        tensor(-1.8379)
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True
    _parameters = {
        "loc": 1,
        "covariance_matrix": 2,
        "precision_matrix": 2,
        "scale_tril": 2,
    }

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        needs(loc, "dim", "MultivariateNormal", "loc", "Tensor")
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        name, matrix = given_one(
            ValueError,
            covariance_matrix=covariance_matrix,
            precision_matrix=precision_matrix,
            scale_tril=scale_tril,
        )
        needs(matrix, "dim", "MultivariateNormal", name, "Tensor")
        if matrix.dim() < 2:
            raise ValueError(
                f"{'scale_tril matrix' if name == 'scale_tril' else name} must be at least "
                "two-dimensional, with optional leading batch dimensions"
            )
        batch = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self.__dict__[name] = matrix.expand((*batch, *matrix.shape[-2:]))
        self.loc = loc.expand((*batch, loc.shape[-1]))
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        self._take_factor(name, matrix)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        squares = self._unbroadcasted_scale_tril.pow(2).sum(-1)
        return squares.expand((*self._batch_shape, *self._event_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = _standard_normal(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + times_vector(self._unbroadcasted_scale_tril, drawn)

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        factor = self._unbroadcasted_scale_tril
        squares = distance(factor, value - self.loc)
        n = self._event_shape[0]
        return -0.5 * (n * math.log(2 * math.pi) + squares) - log_diagonal(factor)

    def entropy(self) -> Tensor:
        n = self._event_shape[0]
        half = 0.5 * n * (1.0 + math.log(2 * math.pi))
        return (half + log_diagonal(self._unbroadcasted_scale_tril)).expand(self._batch_shape)
