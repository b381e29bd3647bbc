"""Bernoulli distributions relaxed to numbers between 0 and 1."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Size, Tensor
from pullback.distributions import constraints
from pullback.distributions._chances import BinaryChances
from pullback.distributions._maps import SigmoidTransform
from pullback.distributions._relaxed import RelaxedDistribution
from pullback.distributions.distribution import Distribution
from pullback.distributions.utils import broadcast_all, clamp_probs, uniform

__all__ = ["LogitRelaxedBernoulli", "RelaxedBernoulli"]


class LogitRelaxedBernoulli(BinaryChances, Distribution):
    """The log odds of relaxed Bernoulli numbers.

    Maddison, Mnih and Teh, "The concrete distribution" (2016): logistic numbers, shifted by the
    logits and divided by ``temperature``.

    Raises:
        ValueError: not exactly one of ``probs`` and ``logits`` is given, or, when arguments are
            validated, ``probs`` is outside of [0, 1].

    Example:
        >>> import pullback as pb
        >>> from pullback.distributions.relaxed_bernoulli import LogitRelaxedBernoulli
        >>> LogitRelaxedBernoulli(pb.tensor(1.0), 0.5).log_prob(pb.tensor(0.0))
        tensor(-1.3863)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.real
    _parameters = BinaryChances._parameters

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        self._take(probs, logits)
        super().__init__(self._param.size(), validate_args=validate_args)

    def _finish_expand(self, new: Any, shape: Size) -> None:
        new.temperature = self.temperature
        super()._finish_expand(new, shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        probs = clamp_probs(self.probs.expand(shape))
        drawn = clamp_probs(uniform(shape, probs.dtype))
        logistic = drawn.log() - (-drawn).log1p()
        found: Tensor = (logistic + probs.log() - (-probs).log1p()) / self.temperature
        return found

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        distance = logits - value.mul(self.temperature)
        log_temperature = pb.as_tensor(self.temperature).log()
        return log_temperature + distance - 2 * distance.exp().log1p()


class RelaxedBernoulli(RelaxedDistribution):
    """Numbers between 0 and 1 that come near to Bernoulli numbers for a small ``temperature``.

    Raises:
        ValueError: not exactly one of ``probs`` and ``logits`` is given, or, when arguments are
            validated, ``probs`` is outside of [0, 1].

    Example:
        >>> import pullback as pb
        >>> pb.distributions.RelaxedBernoulli(pb.tensor(1.0), 0.5).log_prob(pb.tensor(0.5))
        tensor(0.)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    _parameters = {}

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)
