"""The Bernoulli distribution."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions import constraints
from pullback.distributions._chances import BinaryChances
from pullback.distributions.exp_family import ExponentialFamily
from pullback.distributions.utils import broadcast_all
from pullback.nn import functional as F

__all__ = ["Bernoulli"]


class Bernoulli(BinaryChances, ExponentialFamily):
    """Ones with probability ``probs``, or with log odds ``logits``, else zeros.

    Raises:
        ValueError: not exactly one of the two is given, or, when arguments are validated, ``probs``
            is outside of [0, 1].

    Example:
        >>> import pullback as pb
        >>> pb.distributions.Bernoulli(0.5).entropy()
        tensor(0.6931)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True
    _mean_carrier_measure = 0
    _parameters = BinaryChances._parameters

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._take(probs, logits)
        super().__init__(self._param.size(), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        mode = (self.probs >= 0.5).to(self.probs.dtype)
        return pb.where(self.probs == 0.5, math.nan, mode)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with pb.no_grad():
            return pb.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        return -F.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return F.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = pb.arange(2, dtype=self._param.dtype)
        values = values.view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (pb.logit(self.probs),)

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        return pb.log1p(pb.exp(natural_params[0]))
