"""What the distributions of absolute values of symmetric numbers around 0 have in common."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions import constraints
from pullback.distributions._maps import AbsTransform
from pullback.distributions.distribution import Distribution
from pullback.distributions.transformed_distribution import TransformedDistribution


class HalfDistribution(TransformedDistribution):
    """Absolute values of a symmetric distribution that has a ``scale``."""

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _parameters = {}

    def __init__(self, whole: Distribution, validate_args: bool | None) -> None:
        super().__init__(whole, AbsTransform(), validate_args=validate_args)

    @property
    def scale(self) -> Tensor:
        """The scale of the numbers whose absolute values these are."""
        found: Tensor = self.base_dist.scale
        return found

    @property
    def mode(self) -> Tensor:
        return pb.zeros_like(self.scale)

    def log_prob(self, value: Any) -> Tensor:
        self._checked(value)
        return pb.where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -math.inf)

    def cdf(self, value: Tensor) -> Tensor:
        self._checked(value)
        found: Tensor = self.base_dist.cdf(value)
        return 2 * found - 1

    def icdf(self, prob: Tensor) -> Tensor:
        found: Tensor = self.base_dist.icdf((prob + 1) / 2)
        return found

    def entropy(self) -> Tensor:
        found: Tensor = self.base_dist.entropy()
        return found - math.log(2)
