"""The half-Cauchy distribution."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions import constraints
from pullback.distributions._maps import AbsTransform
from pullback.distributions.cauchy import Cauchy
from pullback.distributions.transformed_distribution import TransformedDistribution

__all__ = ["HalfCauchy"]


class HalfCauchy(TransformedDistribution):
    """Absolute values of Cauchy numbers around 0.

    Raises:
        ValueError: ``scale`` is not positive, and arguments are validated.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.HalfCauchy(1.0).icdf(pb.tensor(0.5))
        tensor(1.)
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _parameters = {}

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        base = Cauchy(0, scale, validate_args=False)
        super().__init__(base, AbsTransform(), validate_args=validate_args)

    @property
    def scale(self) -> Tensor:
        """The half width at half maximum of the Cauchy numbers."""
        found: Tensor = self.base_dist.scale
        return found

    @property
    def mean(self) -> Tensor:
        return pb.full(self._extended_shape(), math.inf, dtype=self.scale.dtype)

    @property
    def mode(self) -> Tensor:
        return pb.zeros_like(self.scale)

    @property
    def variance(self) -> Tensor:
        found: Tensor = self.base_dist.variance
        return found

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        value = pb.as_tensor(value, dtype=self.scale.dtype)
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
