"""The continuous Bernoulli distribution."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Size, Tensor
from pullback.distributions import constraints
from pullback.distributions._chances import BinaryChances
from pullback.distributions.exp_family import ExponentialFamily
from pullback.distributions.utils import broadcast_all, clamp_probs, uniform
from pullback.nn import functional as F

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(BinaryChances, ExponentialFamily):
    """Numbers of [0, 1] with a density proportional to ``probs**x * (1 - probs)**(1 - x)``.

    Loaiza-Ganem and Cunningham, "The continuous Bernoulli" (2019). Between the two ``lims`` the
    formulas, which divide by ``1 - 2 * probs``, are replaced by their Taylor polynomials.

    Raises:
        ValueError: not exactly one of ``probs`` and ``logits`` is given, or, when arguments are
            validated, ``probs`` is outside of [0, 1].

    Example:
        >>> import pullback as pb
        >>> pb.distributions.ContinuousBernoulli(0.5).mean
        tensor(0.5000)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0
    _parameters = BinaryChances._parameters

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._take(probs, logits)
        if probs is not None:
            given = self.probs
            if validate_args is not None and not constraints.unit_interval.check(given).all():
                raise ValueError("The parameter probs has invalid values")
            # Nothing here is defined at 0 and 1.
            self._param = self.probs = clamp_probs(given)
        self._lims = lims
        super().__init__(self._param.size(), validate_args=validate_args)

    def _finish_expand(self, new: Any, shape: Size) -> None:
        new._lims = self._lims
        super()._finish_expand(new, shape)

    def _away(self) -> Tensor:
        """Where the formulas hold."""
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut(self) -> Tensor:
        """The chances, moved to a limit where the formulas do not hold."""
        return pb.where(self._away(), self.probs, self._lims[0])

    def _cont_bern_log_norm(self) -> Tensor:
        """The logarithm of what the density is multiplied by."""
        cut = self._cut()
        below = pb.where(cut <= 0.5, cut, 0.0)
        above = pb.where(cut >= 0.5, cut, 1.0)
        gap = pb.where(cut <= 0.5, pb.log1p(-2.0 * below), pb.log(2.0 * above - 1.0))
        exact = pb.log(pb.abs(pb.log1p(-cut) - pb.log(cut))) - gap
        x = pb.pow(self.probs - 0.5, 2)
        near = math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x
        return pb.where(self._away(), exact, near)

    @property
    def mean(self) -> Tensor:
        cut = self._cut()
        exact = cut / (2.0 * cut - 1.0) + 1.0 / (pb.log1p(-cut) - pb.log(cut))
        x = self.probs - 0.5
        near = 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * pb.pow(x, 2)) * x
        return pb.where(self._away(), exact, near)

    @property
    def stddev(self) -> Tensor:
        return pb.sqrt(self.variance)

    @property
    def variance(self) -> Tensor:
        cut = self._cut()
        exact = cut * (cut - 1.0) / pb.pow(1.0 - 2.0 * cut, 2) + 1.0 / pb.pow(
            pb.log1p(-cut) - pb.log(cut), 2
        )
        x = pb.pow(self.probs - 0.5, 2)
        near = 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x
        return pb.where(self._away(), exact, near)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(uniform(self._extended_shape(sample_shape), self.probs.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        both = F.binary_cross_entropy_with_logits(logits, value, reduction="none")
        return self._cont_bern_log_norm() - both

    def cdf(self, value: Tensor) -> Tensor:
        self._checked(value)
        cut = self._cut()
        powers = pb.pow(cut, value) * pb.pow(1.0 - cut, 1.0 - value)
        exact = (powers + cut - 1.0) / (2.0 * cut - 1.0)
        found = pb.where(self._away(), exact, value)
        return pb.where(pb.le(value, 0.0), 0.0, pb.where(pb.ge(value, 1.0), 1.0, found))

    def icdf(self, value: Tensor) -> Tensor:
        cut = self._cut()
        ratio = pb.log1p(-cut + value * (2.0 * cut - 1.0)) - pb.log1p(-cut)
        exact = ratio / (pb.log(cut) - pb.log1p(-cut))
        return pb.where(self._away(), exact, value)

    def entropy(self) -> Tensor:
        log0 = pb.log1p(-self.probs)
        log1 = pb.log(self.probs)
        return self.mean * (log0 - log1) - self._cont_bern_log_norm() - log0

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        (x,) = natural_params
        outside = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        cut = pb.where(outside, x, (self._lims[0] - 0.5) * pb.ones_like(x))
        exact = pb.log(pb.abs(pb.expm1(cut))) - pb.log(pb.abs(cut))
        near = 0.5 * x + pb.pow(x, 2) / 24.0 - pb.pow(x, 4) / 2880.0
        return pb.where(outside, exact, near)
