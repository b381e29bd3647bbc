"""The generalized Pareto distribution."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions import constraints
from pullback.distributions.distribution import Distribution
from pullback.distributions.utils import broadcast_all, uniform

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """What exceeds a high threshold: power tails, exponential ones, or bounded ones.

    The density is ``(1 + concentration * z) ** (-1 - 1 / concentration) / scale`` at
    ``z = (x - loc) / scale``, its limit for concentration 0.

    Raises:
        ValueError: ``scale`` is not positive, and arguments are validated.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.GeneralizedPareto(0.0, 1.0, 0.5).mean
        tensor(2.)
    """

    arg_constraints = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    _parameters = {"loc": 0, "scale": 0, "concentration": 0}

    def __init__(
        self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.size(), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        end = self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, pb.where(self.concentration < 0, end, math.inf))

    def _is_exponential(self) -> Tensor:
        return pb.isclose(self.concentration, pb.zeros_like(self.concentration))

    def _shape(self) -> Tensor:
        """The concentration, and 1 where the exponential limit stands."""
        return pb.where(self._is_exponential(), 1.0, self.concentration)

    def _z(self, x: Tensor) -> Tensor:
        return (x - self.loc) / self.scale

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(uniform(self._extended_shape(sample_shape), self.loc.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        z, k = self._z(value), self._shape()
        power = -(1 + 1 / k) * pb.log1p(k * z)
        return pb.where(self._is_exponential(), -z, power) - self.scale.log()

    def log_survival_function(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of a sample above ``value``."""
        self._checked(value)
        z, k = self._z(value), self._shape()
        return pb.where(self._is_exponential(), -z, -pb.log1p(k * z) / k)

    def log_cdf(self, value: Tensor) -> Tensor:
        """The logarithm of ``cdf``."""
        return pb.log1p(-pb.exp(self.log_survival_function(value)))

    def cdf(self, value: Tensor) -> Tensor:
        return 1 - pb.exp(self.log_survival_function(value))

    def icdf(self, value: Tensor) -> Tensor:
        k = self._shape()
        log_rest = pb.log1p(-value)
        quantile = pb.where(self._is_exponential(), -log_rest, pb.expm1(-k * log_rest) / k)
        return self.loc + self.scale * quantile

    @property
    def mean(self) -> Tensor:
        k = self.concentration
        valid = k < 1
        finite = self.loc + self.scale / (1 - pb.where(valid, k, 0.5))
        return pb.where(valid, finite, math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        k = self.concentration
        valid = k < 0.5
        inside = pb.where(valid, k, 0.25)
        finite = self.scale**2 / ((1 - inside) ** 2 * (1 - 2 * inside))
        return pb.where(valid, finite, math.nan)

    def entropy(self) -> Tensor:
        return pb.log(self.scale) + self.concentration + 1
