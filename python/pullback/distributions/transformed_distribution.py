"""Distributions of functions of samples."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Size, Tensor
from pullback.distributions import constraints
from pullback.distributions._transform import ComposeTransform, Transform
from pullback.distributions.distribution import Distribution
from pullback.distributions.independent import Independent
from pullback.distributions.utils import _sum_rightmost, needs

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """Samples of ``base_distribution`` that go through ``transforms``, one after the other.

    Raises:
        ValueError: ``transforms`` is neither a transform nor a list of them, or the base has fewer
            dimensions than they need.

    Example:
        >>> import pullback as pb
        >>> from pullback.distributions import ExpTransform, Normal, TransformedDistribution
        >>> log_normal = TransformedDistribution(Normal(0.0, 1.0), [ExpTransform()])
        >>> log_normal.log_prob(pb.tensor(1.0))
        tensor(-0.9189)
    """

    arg_constraints = {}
    _parameters = {}
    base_dist: Any
    transforms: list[Transform]

    def __init__(
        self, base_distribution: Distribution, transforms: Any, validate_args: bool | None = None
    ) -> None:
        if isinstance(transforms, Transform):
            self.transforms = [transforms]
        elif isinstance(transforms, list):
            if not all(isinstance(t, Transform) for t in transforms):
                raise ValueError("transforms must be a Transform or a list of Transforms")
            self.transforms = transforms
        else:
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        function, argument = "TransformedDistribution", "base_distribution"
        needs(base_distribution, "batch_shape", function, argument, "Distribution")
        # The base gets the shape and the event dimensions that the transforms need.
        base_shape = Size(base_distribution.batch_shape + base_distribution.event_shape)
        base_event_dim = len(base_distribution.event_shape)
        transform = ComposeTransform(self.transforms)
        event_dim = transform.domain.event_dim
        if len(base_shape) < event_dim:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {event_dim}, "
                f"but got {base_shape}."
            )
        shape = transform.forward_shape(base_shape)
        wanted = transform.inverse_shape(shape)
        if base_shape != wanted:
            base_distribution = base_distribution.expand(wanted[: len(wanted) - base_event_dim])
        if event_dim > base_event_dim:
            base_distribution = Independent(base_distribution, event_dim - base_event_dim)
        self.base_dist = base_distribution
        own_event_dim = transform.codomain.event_dim + max(base_event_dim - event_dim, 0)
        cut = len(shape) - own_event_dim
        super().__init__(shape[:cut], shape[cut:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        owner = next(c for c in type(self).__mro__ if "_parameters" in c.__dict__)
        new = self._get_checked_instance(owner, _instance)
        new.transforms = self.transforms
        shape = Size((*batch_shape, *self.event_shape))
        for transform in reversed(self.transforms):
            shape = transform.inverse_shape(shape)
        base_batch = shape[: len(shape) - len(self.base_dist.event_shape)]
        new.base_dist = self.base_dist.expand(base_batch)
        for name, event_dim in owner._parameters.items():  # type: ignore[attr-defined]
            value = self.__dict__[name]
            event = value.shape[value.dim() - event_dim :]
            new.__dict__[name] = value.expand((*batch_shape, *event))
        self._finish_expand(new, Size(batch_shape))
        return new

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        more = len(self.event_shape) - support.event_dim
        return constraints.independent(support, more) if more > 0 else support

    @property
    def has_rsample(self) -> Any:
        """Whether the base has."""
        return self.base_dist.has_rsample

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with pb.no_grad():
            x: Tensor = self.base_dist.sample(sample_shape)
            for transform in self.transforms:
                x = transform(x)
            return x

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        x: Tensor = self.base_dist.rsample(sample_shape)
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        event_dim = len(self.event_shape)
        result: Any = 0.0
        y = value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            slope = transform.log_abs_det_jacobian(x, y)
            result = result - _sum_rightmost(slope, event_dim - transform.domain.event_dim)
            y = x
        base = self.base_dist.log_prob(y)
        found: Tensor = result + _sum_rightmost(base, event_dim - len(self.base_dist.event_shape))
        return found

    def _monotonize_cdf(self, value: Tensor) -> Tensor:
        """Mirrored where the transforms fall."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        if isinstance(sign, int) and sign == 1:
            return value
        turned: Tensor = sign * (value - 0.5) + 0.5
        return turned

    def cdf(self, value: Tensor) -> Tensor:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._monotonize_cdf(self.base_dist.cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        x: Tensor = self.base_dist.icdf(self._monotonize_cdf(value))
        for transform in self.transforms:
            x = transform(x)
        return x
