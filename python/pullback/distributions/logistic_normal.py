"""The logistic normal distribution."""

from __future__ import annotations

from typing import Any

from pullback import Tensor
from pullback.distributions import constraints
from pullback.distributions._event_maps import StickBreakingTransform
from pullback.distributions.normal import Normal
from pullback.distributions.transformed_distribution import TransformedDistribution

__all__ = ["LogisticNormal"]


class LogisticNormal(TransformedDistribution):
    """Points of the simplex that normal numbers break from a stick.

    Raises:
        ValueError: ``scale`` is not positive, and arguments are validated.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.LogisticNormal(pb.zeros(2), 1.0).event_shape
        torch.Size([3])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True
    _parameters = {}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    @property
    def loc(self) -> Tensor:
        """The means of the normal numbers."""
        found: Tensor = self.base_dist.base_dist.loc
        return found

    @property
    def scale(self) -> Tensor:
        """The deviations of the normal numbers."""
        found: Tensor = self.base_dist.base_dist.scale
        return found
