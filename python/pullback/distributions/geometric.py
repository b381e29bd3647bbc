"""The geometric distribution."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions import constraints
from pullback.distributions._chances import BinaryChances
from pullback.distributions.distribution import Distribution
from pullback.distributions.utils import broadcast_all
from pullback.nn import functional as F

__all__ = ["Geometric"]


class Geometric(BinaryChances, Distribution):
    """Numbers of failures before the first success, of probability ``probs``.

    Raises:
        ValueError: not exactly one of ``probs`` and ``logits`` is given, or, when arguments are
            validated, ``probs`` is outside of (0, 1].

    Example:
        >>> import pullback as pb
        >>> pb.distributions.Geometric(0.25).mean
        tensor(3.)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer
    _parameters = BinaryChances._parameters

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._take(probs, logits)
        super().__init__(self._param.size(), validate_args=validate_args)
        if self._validate_args and probs is not None:
            value = self.probs
            valid = value > 0
            if not valid.all():
                raise ValueError(
                    "Expected parameter probs "
                    f"({type(value).__name__} of shape {tuple(value.shape)}) "
                    f"of distribution {self!r} "
                    f"to be positive but found invalid values:\n{value[~valid]}"
                )

    @property
    def mean(self) -> Tensor:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Tensor:
        return pb.zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with pb.no_grad():
            drawn = pb.empty(shape, dtype=self.probs.dtype)
            drawn.uniform_(pb.finfo(drawn.dtype).tiny, 1)
            return (drawn.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        value, probs = broadcast_all(value, self.probs)
        certain = (probs == 1) & (value == 0)
        probs = pb.where(certain, 0, probs)
        return value * (-probs).log1p() + self.probs.log()

    def entropy(self) -> Tensor:
        both = F.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")
        return both / self.probs
