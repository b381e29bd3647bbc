"""What the relaxed distributions have in common: chances and a temperature of their base."""

from __future__ import annotations

from typing import Any

from pullback import Tensor
from pullback.distributions.transformed_distribution import TransformedDistribution


class RelaxedDistribution(TransformedDistribution):
    """A map of a distribution with a ``temperature`` and chances."""

    has_rsample = True
    _parameters = {}

    @property
    def temperature(self) -> Any:
        """How far from zeros and ones the numbers are."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """The chances as logarithms: log odds of ones, or log chances of the classes."""
        found: Tensor = self.base_dist.logits
        return found

    @property
    def probs(self) -> Tensor:
        """The chances."""
        found: Tensor = self.base_dist.probs
        return found
