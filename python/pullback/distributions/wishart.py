"""The Wishart distribution."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

import pullback as pb
from pullback import Tensor, broadcast_shapes
from pullback.distributions import constraints
from pullback.distributions._factor import solve_lower
from pullback.distributions._gaussian import log_diagonal, log_multigamma, multidigamma
from pullback.distributions._scale_matrix import ScaleMatrix, given_one
from pullback.distributions.chi2 import Chi2
from pullback.distributions.exp_family import ExponentialFamily
from pullback.distributions.utils import needs, text_of, vec_to_tril_matrix

__all__ = ["Wishart"]


class Wishart(ScaleMatrix, ExponentialFamily):
    """Sums of ``df`` outer products of normal vectors with themselves, as random matrices.

    Exactly one of ``covariance_matrix``, ``precision_matrix``, its inverse, and ``scale_tril``, its
    Cholesky factor, is given.  Samples are drawn by Bartlett's decomposition.

    Raises:
        ValueError: ``df`` is not above the dimension less 1, a shape has too few dimensions, or,
            when arguments are validated, a matrix is not what it is said to be.
        AssertionError: not exactly one matrix is given.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.Wishart(pb.tensor(3.0), pb.eye(2)).mean
        tensor([[3., 0.],
                [0., 3.]])
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _parameters = {
        "df": 0,
        "covariance_matrix": 2,
        "precision_matrix": 2,
        "scale_tril": 2,
    }
    _parts = (("_dist_chi2", 1),)

    def __init__(
        self,
        df: Any,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        name, matrix = given_one(
            AssertionError,
            covariance_matrix=covariance_matrix,
            precision_matrix=precision_matrix,
            scale_tril=scale_tril,
        )
        needs(matrix, "dim", "Wishart", name, "Tensor")
        if matrix.dim() < 2:
            raise ValueError(
                "scale_tril must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        degrees = pb.tensor(df, dtype=matrix.dtype) if isinstance(df, numbers.Number) else df
        needs(degrees, "shape", "Wishart", "df", "Tensor or a number")
        batch = broadcast_shapes(degrees.shape, matrix.shape[:-2])
        event = matrix.shape[-2:]
        self.df = degrees.expand(batch)
        self.__dict__[name] = matrix.expand((*batch, *event))
        dim = event[-1]
        if self.df.le(dim - 1).any():
            raise ValueError(
                f"Value of df={text_of(df)} expected to be greater than ndim - 1 = {dim - 1}."
            )
        super().__init__(batch, event, validate_args=validate_args)
        if self.df.lt(dim).any():
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for "
                "ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        self._take_factor(name, matrix)
        self._dist_chi2 = Chi2(df=self.df.unsqueeze(-1) - pb.arange(dim, dtype=matrix.dtype))

    @property
    def arg_constraints(self) -> Any:
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self.event_shape[-1] - 1),
        }

    @property
    def mean(self) -> Tensor:
        return self.df.view((*self._batch_shape, 1, 1)) * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = (self.df - self.covariance_matrix.shape[-1] - 1).view((*self._batch_shape, 1, 1))
        return pb.where(factor <= 0, math.nan, factor * self.covariance_matrix)

    @property
    def variance(self) -> Tensor:
        matrix = self.covariance_matrix
        diagonal = matrix.diagonal(dim1=-2, dim2=-1)
        squares = matrix.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
        return self.df.view((*self._batch_shape, 1, 1)) * squares

    def _draw(self, sample_shape: Any) -> Tensor:
        dim = self._event_shape[-1]
        diagonal = self._dist_chi2.rsample(sample_shape).sqrt()
        shape = (*sample_shape, *self._batch_shape, dim * (dim - 1) // 2)
        below = pb.randn(shape, dtype=self.df.dtype)
        noise = diagonal.diag_embed()
        if dim > 1:
            noise = noise + vec_to_tril_matrix(below, diag=-1)
        factor = self._unbroadcasted_scale_tril @ noise
        return factor @ factor.mT

    def rsample(self, sample_shape: Any = (), max_try_correction: int | None = None) -> Tensor:
        """Random matrices; singular ones are drawn again, ``max_try_correction`` times at most."""
        # As in torch the first matrices are never those that are returned.
        self._draw(sample_shape)
        drawn = self._draw(sample_shape)
        tries = max_try_correction
        if tries is None:
            tries = 3 if self._batch_shape else 10
        for _ in range(tries):
            singular = ~self.support.check(drawn)
            if not singular.any():
                break
            warnings.warn("Singular sample detected.", stacklevel=2)
            again = self._draw(sample_shape)
            drawn = pb.where(singular.unsqueeze(-1).unsqueeze(-1), again, drawn)
        return drawn

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        nu, dim = self.df, self._event_shape[-1]
        factor = self._unbroadcasted_scale_tril
        root = pb.linalg.cholesky(value)
        trace = solve_lower(factor, root).pow(2).sum((-2, -1))
        return (
            -nu * (dim * math.log(2) / 2 + log_diagonal(factor))
            - log_multigamma(nu / 2, dim)
            + (nu - dim - 1) * log_diagonal(root)
            - trace / 2
        )

    def entropy(self) -> Tensor:
        nu, dim = self.df, self._event_shape[-1]
        return (
            (dim + 1) * (dim * math.log(2) / 2 + log_diagonal(self._unbroadcasted_scale_tril))
            + log_multigamma(nu / 2, dim)
            - (nu - dim - 1) / 2 * multidigamma(nu / 2, dim)
            + nu * dim / 2
        )

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        x, y = natural_params
        dim = self._event_shape[-1]
        half = y + (dim + 1) / 2
        log_det = 2 * log_diagonal(pb.linalg.cholesky(-2 * x))
        return half * (dim * math.log(2) - log_det) + log_multigamma(half, dim)
