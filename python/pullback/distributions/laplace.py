"""The Laplace distribution."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions import constraints
from pullback.distributions.distribution import Distribution
from pullback.distributions.utils import broadcast_all

__all__ = ["Laplace"]


class Laplace(Distribution):
    """Two exponential tails of mean length ``scale`` at ``loc``.

    Raises:
        ValueError: ``scale`` is not positive, and arguments are validated.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.Laplace(0.0, 1.0).variance
        tensor(2.)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _parameters = {"loc": 0, "scale": 0}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.size(), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return 2 * self.scale.pow(2)

    @property
    def stddev(self) -> Tensor:
        return math.sqrt(2) * self.scale

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        # Uniform numbers of (-1, 1): the ends have no finite logarithm.
        shape = self._extended_shape(sample_shape)
        drawn = pb.empty(shape, dtype=self.loc.dtype)
        drawn.uniform_(pb.finfo(self.loc.dtype).eps - 1, 1)
        return self.loc - self.scale * drawn.sign() * pb.log1p(-drawn.abs())

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        return -pb.log(2 * self.scale) - pb.abs(value - self.loc) / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        self._checked(value)
        distance = value - self.loc
        return 0.5 - 0.5 * distance.sign() * pb.expm1(-distance.abs() / self.scale)

    def icdf(self, value: Tensor) -> Tensor:
        side = value - 0.5
        return self.loc - self.scale * side.sign() * pb.log1p(-2 * side.abs())

    def entropy(self) -> Tensor:
        return 1 + pb.log(2 * self.scale)
