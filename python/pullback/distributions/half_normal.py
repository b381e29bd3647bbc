"""The half-normal distribution."""

from __future__ import annotations

import math
from typing import Any

from pullback import Tensor
from pullback.distributions._half import HalfDistribution
from pullback.distributions.normal import Normal

__all__ = ["HalfNormal"]


class HalfNormal(HalfDistribution):
    """Absolute values of normal numbers of mean 0 and deviation ``scale``.

    Raises:
        ValueError: ``scale`` is not positive, and arguments are validated.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.HalfNormal(1.0).mean
        tensor(0.7979)
    """

    _parameters = {}

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(0, scale, validate_args=False), validate_args)

    @property
    def mean(self) -> Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Tensor:
        return self.scale.pow(2) * (1 - 2 / math.pi)
