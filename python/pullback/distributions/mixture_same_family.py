"""Mixtures of distributions of one family."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Size, Tensor
from pullback.distributions import constraints
from pullback.distributions.categorical import Categorical
from pullback.distributions.distribution import Distribution
from pullback.nn import functional as F

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A component, drawn by ``mixture_distribution``, of the last batch dimension of the other.

    Raises:
        ValueError: the first is no ``Categorical``, the second no distribution, or their shapes do
            not fit.

    Example:
        >>> import pullback as pb
        >>> from pullback.distributions import Categorical, MixtureSameFamily, Normal
        >>> two = Normal(pb.tensor([0.0, 2.0]), pb.ones(2))
        >>> MixtureSameFamily(Categorical(pb.tensor([1.0, 3.0])), two).mean
        tensor(1.5000)
    """

    arg_constraints = {}
    has_rsample = False
    _mixture_distribution: Categorical
    _component_distribution: Any

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                " The Mixture distribution needs to be an  instance of torch.distributions"
                ".Categorical"
            )
        if not isinstance(component_distribution, Distribution):
            raise ValueError(
                "The Component distribution needs to be an instance of "
                "torch.distributions.Distribution"
            )
        mixing = mixture_distribution.batch_shape
        components = component_distribution.batch_shape[:-1]
        for i, j in zip(reversed(mixing), reversed(components), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({mixing}) is not compatible with "
                    f"`component_distribution.batch_shape`({components})"
                )
        k = mixture_distribution.logits.shape[-1]
        k_component = component_distribution.batch_shape[-1]
        if k != k_component:
            raise ValueError(
                f"`mixture_distribution component` ({k}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({k_component})"
            )
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        self._num_component = k
        self._event_ndims = len(component_distribution.event_shape)
        super().__init__(components, component_distribution.event_shape, validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(MixtureSameFamily, _instance)
        components = (*batch_shape, self._num_component)
        new._component_distribution = self._component_distribution.expand(Size(components))
        new._mixture_distribution = self._mixture_distribution.expand(Size(batch_shape))
        new._num_component = self._num_component
        new._event_ndims = self._event_ndims
        self._finish_expand(new, Size(batch_shape))
        return new

    @constraints.dependent_property
    def support(self) -> Any:
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Any:
        """What draws the components."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Any:
        """The components."""
        return self._component_distribution

    def _chances(self) -> Tensor:
        chances: Tensor = self._mixture_distribution.probs
        return chances.reshape((*chances.shape, *(1,) * self._event_ndims))

    def _mixed(self, values: Tensor) -> Tensor:
        """The mean over the components."""
        return (self._chances() * values).sum(-1 - self._event_ndims)

    def _pad(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1 - self._event_ndims)

    @property
    def mean(self) -> Tensor:
        return self._mixed(self._component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        parts = self._component_distribution
        within = self._mixed(parts.variance)
        return within + self._mixed((parts.mean - self._pad(self.mean)).pow(2.0))

    def cdf(self, x: Tensor) -> Tensor:
        parts: Tensor = self._component_distribution.cdf(self._pad(x))
        return (parts * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, x: Tensor) -> Tensor:
        self._checked(x)
        parts: Tensor = self._component_distribution.log_prob(self._pad(x))
        chances = F.log_softmax(self._mixture_distribution.logits, dim=-1)
        return (parts + chances).logsumexp(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with pb.no_grad():
            dim = len(sample_shape) + len(self.batch_shape)
            event = self.event_shape
            chosen = self._mixture_distribution.sample(sample_shape)
            drawn: Tensor = self._component_distribution.sample(sample_shape)
            chosen = chosen.reshape((*chosen.shape, *(1,) * (len(event) + 1)))
            chosen = chosen.expand((*drawn.shape[:dim], 1, *event))
            return drawn.gather(dim, chosen).squeeze(dim)

    def __repr__(self) -> str:
        parts = f"\n  {self._mixture_distribution},\n  {self._component_distribution}"
        return f"MixtureSameFamily({parts})"
