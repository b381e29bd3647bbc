"""The binomial distribution."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions import constraints
from pullback.distributions._chances import BinaryChances
from pullback.distributions.distribution import Distribution

__all__ = ["Binomial"]


def _positive_part(x: Tensor) -> Tensor:
    """The larger of x and 0, with slope 1/2 at 0."""
    return (x.clamp(min=0) + x - x.clamp(max=0)) / 2


class Binomial(BinaryChances, Distribution):
    """How many of ``total_count`` trials succeed, each with probability ``probs``.

    Raises:
        ValueError: not exactly one of ``probs`` and ``logits`` is given, or, when arguments are
            validated, a parameter is outside its domain.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.Binomial(4, pb.tensor(0.5)).log_prob(pb.tensor(2.0)).exp()
        tensor(0.3750)
    """

    arg_constraints = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True
    _parameters = {**BinaryChances._parameters, "total_count": 0}

    def __init__(
        self,
        total_count: Any = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        (count,) = self._take(probs, logits, total_count)
        self.total_count = count.type_as(self._param)
        super().__init__(self._param.size(), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with pb.no_grad():
            return pb.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        n = self.total_count
        # log(1 + e^x) = max(x, 0) + log(1 + e^-|x|).
        norm = n * (_positive_part(self.logits) + pb.log1p(pb.exp(-pb.abs(self.logits))))
        ways = pb.lgamma(n + 1) - pb.lgamma(value + 1) - pb.lgamma(n - value + 1)
        return value * self.logits + ways - norm

    def _total(self, method: str) -> int:
        total = int(self.total_count.max())
        if not self.total_count.min() == total:
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{method}`.")
        return total

    def entropy(self) -> Tensor:
        self._total("entropy")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(pb.exp(log_prob) * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = pb.arange(1 + self._total("enumerate_support"), dtype=self._param.dtype)
        values = values.view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values
