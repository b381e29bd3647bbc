"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.autograd.function import Function
from pullback.distributions import constraints
from pullback.distributions.exp_family import ExponentialFamily
from pullback.distributions.utils import needs
from pullback.nn import functional as F

__all__ = ["Dirichlet"]


class _Sample(Function):
    """A point as a function of the concentrations.

    When one concentration grows, the coordinate moves along its own beta distribution, and the
    others shrink by one factor.
    """

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        point: Tensor = pb._sample_dirichlet(concentration)
        ctx.save_for_backward(point, concentration)
        return point

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        point, concentration = ctx.saved_tensors
        total = concentration.sum(-1, True).expand_as(concentration)
        moved: Tensor = pb._dirichlet_grad(point, concentration, total)
        along: Tensor = grad_output - (point * grad_output).sum(-1, True)
        return moved * along


class Dirichlet(ExponentialFamily):
    """Points of the simplex: gamma numbers of the concentrations, divided by their sum.

    Raises:
        ValueError: ``concentration`` has no dimension, or, when arguments are validated, is not
            positive.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.Dirichlet(pb.tensor([1.0, 3.0])).mean
        tensor([0.2500, 0.7500])
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True
    _parameters = {"concentration": 1}

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        needs(concentration, "dim", "Dirichlet", "concentration", "Tensor")
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Tensor:
        above = (self.concentration - 1).clamp(min=0.0)
        point = above / above.sum(-1, True)
        # Below 1 all mass is at the corners; the one of the first largest stands for them.
        corners = (self.concentration < 1).all(-1, True)
        corner = F.one_hot(point.argmax(-1), point.size(-1)).to(point.dtype)
        return pb.where(corners, corner, point)

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        point: Tensor = _Sample.apply(self.concentration.expand(shape))
        return point

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        return (
            pb.xlogy(self.concentration - 1.0, value).sum(-1)
            + pb.lgamma(self.concentration.sum(-1))
            - pb.lgamma(self.concentration).sum(-1)
        )

    def entropy(self) -> Tensor:
        a = self.concentration
        total = a.sum(-1)
        return (
            pb.lgamma(a).sum(-1)
            - pb.lgamma(total)
            - (a.size(-1) - total) * pb.digamma(total)
            - ((a - 1.0) * pb.digamma(a)).sum(-1)
        )

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.concentration,)

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        (x,) = natural_params
        return x.lgamma().sum(-1) - pb.lgamma(x.sum(-1))
