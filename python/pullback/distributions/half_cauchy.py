"""The half-Cauchy distribution."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions._half import HalfDistribution
from pullback.distributions.cauchy import Cauchy

__all__ = ["HalfCauchy"]


class HalfCauchy(HalfDistribution):
    """Absolute values of Cauchy numbers around 0.

    Raises:
        ValueError: ``scale`` is not positive, and arguments are validated.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.HalfCauchy(1.0).icdf(pb.tensor(0.5))
        tensor(1.)
    """

    _parameters = {}

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Cauchy(0, scale, validate_args=False), validate_args)

    @property
    def mean(self) -> Tensor:
        return pb.full(self._extended_shape(), math.inf, dtype=self.scale.dtype)

    @property
    def variance(self) -> Tensor:
        found: Tensor = self.base_dist.variance
        return found

    def log_prob(self, value: Any) -> Tensor:
        self._checked(value)
        return super().log_prob(pb.as_tensor(value, dtype=self.scale.dtype))
