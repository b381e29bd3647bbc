"""The inverse gamma distribution."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions import constraints
from pullback.distributions._maps import PowerTransform
from pullback.distributions.gamma import Gamma
from pullback.distributions.transformed_distribution import TransformedDistribution

__all__ = ["InverseGamma"]


class InverseGamma(TransformedDistribution):
    """Reciprocals of gamma numbers.

    Raises:
        ValueError: a parameter is not positive, and arguments are validated.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.InverseGamma(3.0, 1.0).mean
        tensor(0.5000)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _parameters = {}

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args=validate_args)
        power = PowerTransform(-base.rate.new_ones(()))
        super().__init__(base, power, validate_args=validate_args)

    @property
    def concentration(self) -> Tensor:
        """The shape of the gamma numbers."""
        found: Tensor = self.base_dist.concentration
        return found

    @property
    def rate(self) -> Tensor:
        """The rate of the gamma numbers."""
        found: Tensor = self.base_dist.rate
        return found

    @property
    def mean(self) -> Tensor:
        a = self.concentration
        return pb.where(a > 1, self.rate / (a - 1), math.inf)

    @property
    def mode(self) -> Tensor:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Tensor:
        a = self.concentration
        return pb.where(a > 2, self.rate.square() / ((a - 1).square() * (a - 2)), math.inf)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()
