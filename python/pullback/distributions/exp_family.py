"""Distributions of the exponential families, and their entropy by Bregman's divergence."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions.distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """A density ``exp(t(x) . theta - F(theta) + k(x))``.

    A subclass has the natural parameters theta (``_natural_params``), the logarithm F of the norm
    (``_log_normalizer``) and the mean of k (``_mean_carrier_measure``); entropies and divergences
    follow from the gradient of F.

    Example:
        >>> import pullback as pb
        >>> isinstance(pb.distributions.Normal(0.0, 1.0), pb.distributions.ExponentialFamily)
        True
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> Any:
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The entropy, in nats: F minus theta times its gradient, less the mean of k."""
        carrier = self._mean_carrier_measure
        thetas = [p.detach().requires_grad_() for p in self._natural_params]
        with pb.enable_grad():
            norm = self._log_normalizer(*thetas)
            gradients = pb.autograd.grad(norm.sum(), thetas, create_graph=True)
        result: Tensor = norm - carrier
        for theta, gradient in zip(thetas, gradients, strict=True):
            result = result - (theta * gradient).reshape((*self._batch_shape, -1)).sum(-1)
        return result
