"""Normal distributions whose covariance is of low rank and diagonal."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Size, Tensor, broadcast_shapes
from pullback.distributions import constraints
from pullback.distributions._factor import solve_lower
from pullback.distributions._gaussian import distance, log_diagonal, times_vector
from pullback.distributions.distribution import Distribution
from pullback.distributions.utils import _standard_normal, lazy_property, needs

__all__ = ["LowRankMultivariateNormal"]


class LowRankMultivariateNormal(Distribution):
    """Normal vectors with covariance ``cov_factor @ cov_factor.mT + diag(cov_diag)``.

    Only matrices of the rank's size are factored (Woodbury's identity).

    Raises:
        ValueError: a shape does not fit, or, when arguments are validated, ``cov_diag`` is not
            positive.

    Example:
        >>> import pullback as pb
        >>> from pullback.distributions import LowRankMultivariateNormal
        >>> LowRankMultivariateNormal(pb.zeros(2), pb.ones(2, 1), pb.ones(2)).covariance_matrix
        tensor([[2., 1.],
                [1., 2.]])
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True
    _unbroadcasted_cov_factor: Tensor
    _unbroadcasted_cov_diag: Tensor
    _capacitance_tril: Tensor
    _parameters = {
        "loc": 1,
        "cov_factor": 2,
        "cov_diag": 1,
        "scale_tril": 2,
        "covariance_matrix": 2,
        "precision_matrix": 2,
    }

    def __init__(
        self,
        loc: Tensor,
        cov_factor: Tensor,
        cov_diag: Tensor,
        validate_args: bool | None = None,
    ) -> None:
        given = {"loc": loc, "cov_factor": cov_factor, "cov_diag": cov_diag}
        for name, tensor in given.items():
            needs(tensor, "dim", "LowRankMultivariateNormal", name, "Tensor")
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError(
                "cov_factor must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event[0]} x m")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}")
        try:
            batch = broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except RuntimeError as e:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, "
                f"cov_diag {cov_diag.shape}"
            ) from e
        self.loc = loc.expand((*batch, *event))
        self.cov_factor = cov_factor.expand((*batch, *cov_factor.shape[-2:]))
        self.cov_diag = cov_diag.expand((*batch, *event))
        super().__init__(batch, event, validate_args=validate_args)
        self._unbroadcasted_cov_factor = cov_factor
        self._unbroadcasted_cov_diag = cov_diag
        scaled = cov_factor.mT / cov_diag.unsqueeze(-2)
        self._capacitance_tril = pb.linalg.cholesky(scaled @ cov_factor + self._rank_identity())

    def _rank_identity(self) -> Tensor:
        factor = self._unbroadcasted_cov_factor
        return pb.eye(factor.size(-1), dtype=factor.dtype)

    def _finish_expand(self, new: Any, shape: Size) -> None:
        for name in ("_unbroadcasted_cov_factor", "_unbroadcasted_cov_diag", "_capacitance_tril"):
            setattr(new, name, getattr(self, name))
        super()._finish_expand(new, shape)

    def _expanded(self, matrix: Tensor) -> Tensor:
        return matrix.expand((*self._batch_shape, *self._event_shape, *self._event_shape))

    def _scaled_factor(self) -> Tensor:
        """The transposed factor times the inverse of the diagonal."""
        return self._unbroadcasted_cov_factor.mT / self._unbroadcasted_cov_diag.unsqueeze(-2)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        # That of a matrix near the identity, scaled.
        root = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        factor = self._unbroadcasted_cov_factor / root
        near = factor @ factor.mT + pb.eye(factor.size(-2), dtype=factor.dtype)
        return self._expanded(root * pb.linalg.cholesky(near))

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        factor = self._unbroadcasted_cov_factor
        return self._expanded(factor @ factor.mT + pb.diag_embed(self._unbroadcasted_cov_diag))

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        part = solve_lower(self._capacitance_tril, self._scaled_factor())
        inverse = pb.diag_embed(self._unbroadcasted_cov_diag.reciprocal()) - part.mT @ part
        return self._expanded(inverse)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> Tensor:
        """The variance of each coordinate."""
        squares = self._unbroadcasted_cov_factor.pow(2).sum(-1) + self._unbroadcasted_cov_diag
        return squares.expand((*self._batch_shape, *self._event_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        rank = self.cov_factor.shape[-1]
        low = _standard_normal((*shape[:-1], rank), self.loc.dtype)
        own = _standard_normal(shape, self.loc.dtype)
        return (
            self.loc
            + times_vector(self._unbroadcasted_cov_factor, low)
            + self._unbroadcasted_cov_diag.sqrt() * own
        )

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        difference = value - self.loc
        along = times_vector(self._scaled_factor(), difference)
        squares = (difference.pow(2) / self._unbroadcasted_cov_diag).sum(-1)
        squares = squares - distance(self._capacitance_tril, along)
        n = self._event_shape[0]
        return -0.5 * (n * math.log(2 * math.pi) + squares) - self._half_log_det()

    def _half_log_det(self) -> Tensor:
        return log_diagonal(self._capacitance_tril) + 0.5 * self._unbroadcasted_cov_diag.log().sum(
            -1
        )

    def entropy(self) -> Tensor:
        n = self._event_shape[0]
        half = 0.5 * n * (1.0 + math.log(2 * math.pi))
        return (half + self._half_log_det()).expand(self._batch_shape)
