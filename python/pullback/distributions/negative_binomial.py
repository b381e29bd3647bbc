"""The negative binomial distribution."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions import constraints
from pullback.distributions._chances import BinaryChances
from pullback.distributions.distribution import Distribution
from pullback.distributions.gamma import Gamma
from pullback.distributions.utils import lazy_property
from pullback.nn import functional as F

__all__ = ["NegativeBinomial"]


class NegativeBinomial(BinaryChances, Distribution):
    """Numbers of successes, of probability ``probs``, before ``total_count`` failures.

    Raises:
        ValueError: not exactly one of ``probs`` and ``logits`` is given, or, when arguments are
            validated, a parameter is outside its domain.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.NegativeBinomial(3, pb.tensor(0.5)).mean
        tensor(3.)
    """

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    _parameters = {**BinaryChances._parameters, "total_count": 0}

    def __init__(
        self,
        total_count: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        (count,) = self._take(probs, logits, total_count)
        self.total_count = count.type_as(self._param)
        super().__init__(self._param.size(), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * pb.exp(self.logits)

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        return self.mean / pb.sigmoid(-self.logits)

    @lazy_property
    def _gamma(self) -> Gamma:
        """The rates of the Poisson numbers."""
        return Gamma(self.total_count, pb.exp(-self.logits), validate_args=False)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with pb.no_grad():
            return pb.poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        n = self.total_count
        chance = n * F.logsigmoid(-self.logits) + value * F.logsigmoid(self.logits)
        norm = pb.lgamma(1.0 + value) + pb.lgamma(n) - pb.lgamma(n + value)
        return chance - norm.masked_fill(n + value == 0.0, 0.0)
