"""Cholesky factors of random correlation matrices."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Size, Tensor
from pullback.distributions import constraints
from pullback.distributions._gaussian import log_multigamma
from pullback.distributions.beta import Beta
from pullback.distributions.distribution import Distribution
from pullback.distributions.utils import broadcast_all

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Cholesky factors of correlation matrices, dense as the power ``concentration - 1`` of det.

    Lewandowski, Kurowicka and Joe, "Generating random correlation matrices based on vines and
    extended onion method" (2009); samples are drawn by the onion method.

    Raises:
        ValueError: ``dim`` is below 2, or, when arguments are validated, ``concentration`` is not
            positive.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.LKJCholesky(3, 1.0).sample().shape
        torch.Size([3, 3])
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _parameters = {"concentration": 0}
    _parts = (("_beta", 1),)

    def __init__(
        self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        if dim < 2:
            raise ValueError(
                f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}."
            )
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        # The squared distance of row i from the axis is a beta number.
        marginal = self.concentration + 0.5 * (dim - 2)
        before = pb.arange(dim - 1, dtype=self.concentration.dtype)
        before = pb.cat([before.new_zeros((1,)), before])
        self._beta = Beta(before + 0.5, marginal.unsqueeze(-1) - 0.5 * before)
        super().__init__(self.concentration.size(), (dim, dim), validate_args)

    def _finish_expand(self, new: Any, shape: Size) -> None:
        new.dim = self.dim
        super()._finish_expand(new, shape)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with pb.no_grad():
            y = self._beta.sample(sample_shape).unsqueeze(-1)
            normal = pb.randn(self._extended_shape(sample_shape), dtype=y.dtype).tril(-1)
            direction = normal / normal.norm(dim=-1, keepdim=True)
            # The first row has no direction: all of it is on the diagonal.
            direction[..., 0, :].fill_(0.0)
            row = pb.sqrt(y) * direction
            rest = (1 - (row**2).sum(-1)).clamp(min=pb.finfo(row.dtype).tiny)
            return row + pb.diag_embed(rest.sqrt())

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        dim = self.dim
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        order = pb.arange(2, dim + 1, dtype=self.concentration.dtype)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + dim - order
        density = (order * diagonal.log()).sum(-1)
        n = dim - 1
        alpha = self.concentration + 0.5 * n
        norm = 0.5 * n * math.log(math.pi) + log_multigamma(alpha - 0.5, n) - pb.lgamma(alpha) * n
        return density - norm
