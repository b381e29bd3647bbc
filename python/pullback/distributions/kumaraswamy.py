"""The Kumaraswamy distribution."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions import constraints
from pullback.distributions._maps import AffineTransform, PowerTransform
from pullback.distributions.transformed_distribution import TransformedDistribution
from pullback.distributions.uniform import Uniform
from pullback.distributions.utils import broadcast_all, euler_constant

__all__ = ["Kumaraswamy"]


class Kumaraswamy(TransformedDistribution):
    """Numbers of [0, 1] with the distribution function ``1 - (1 - x**a)**b``.

    Here a is ``concentration1`` and b is ``concentration0``.

    Raises:
        ValueError: a concentration is not positive, and arguments are validated.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.Kumaraswamy(1.0, 1.0).mean
        tensor(0.5000)
    """

    arg_constraints = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    support = constraints.unit_interval
    has_rsample = True
    _parameters = {"concentration1": 0, "concentration0": 0}

    def __init__(
        self, concentration1: Any, concentration0: Any, validate_args: bool | None = None
    ) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        zeros = pb.zeros_like(self.concentration0)
        base = Uniform(zeros, pb.ones_like(zeros), validate_args=validate_args)
        transforms = [
            PowerTransform(exponent=self.concentration0.reciprocal()),
            AffineTransform(loc=1.0, scale=-1.0),
            PowerTransform(exponent=self.concentration1.reciprocal()),
        ]
        super().__init__(base, transforms, validate_args=validate_args)

    def _moment(self, n: int) -> Tensor:
        """The mean of the n-th power, ``b * B(1 + n / a, b)``."""
        a, b = 1 + n / self.concentration1, self.concentration0
        return b * pb.exp(a.lgamma() + b.lgamma() - pb.lgamma(a + b))

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        mode = (a.reciprocal() * ((-a).log1p() - (-a * b).log1p())).exp()
        return pb.where((a < 1) | (b < 1), math.nan, mode)

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - self._moment(1).pow(2)

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        harmonic = pb.digamma(b + 1) + euler_constant
        return (1 - b.reciprocal()) + (1 - a.reciprocal()) * harmonic - pb.log(a) - pb.log(b)
