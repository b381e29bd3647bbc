"""Transforms of vectors to points of the simplex, and to matrices."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributions import constraints
from pullback.distributions._maps import _Plain, clipped_sigmoid
from pullback.distributions._transform import Transform
from pullback.distributions.utils import tril_matrix_to_vec, vec_to_tril_matrix
from pullback.nn import functional as F

__all__ = [
    "CorrCholeskyTransform",
    "LowerCholeskyTransform",
    "PositiveDefiniteTransform",
    "SoftmaxTransform",
    "StickBreakingTransform",
]


def _longer(shape: Any, by: int) -> Any:
    if len(shape) < 1:
        raise ValueError("Too few dimensions on input")
    return type(shape)((*shape[:-1], shape[-1] + by))


def _with_ones(x: Tensor, *, front: bool = False) -> Tensor:
    """A one at the end, or in front, of each row."""
    one = pb.ones_like(x[..., :1])
    return pb.cat([one, x] if front else [x, one], -1)


def _stick_offset(x: Tensor) -> Tensor:
    """The logarithms of how many pieces are still to be broken off."""
    return pb.arange(x.shape[-1], 0, -1, dtype=x.dtype).log()


class SoftmaxTransform(_Plain):
    """Exponentials divided by their sum; the inverse is the logarithm.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.SoftmaxTransform()(pb.zeros(2))
        tensor([0.5000, 0.5000])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        return F.softmax(x, -1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def forward_shape(self, shape: Any) -> Any:
        _longer(shape, 0)
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        _longer(shape, 0)
        return shape


class StickBreakingTransform(_Plain):
    """Vectors to points of the simplex with one coordinate more.

    Each coordinate in turn says which part of the rest is broken off; zero breaks the stick into
    equal pieces.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.StickBreakingTransform()(pb.zeros(3))
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        part = clipped_sigmoid(x - _stick_offset(x))
        rest = (1 - part).cumprod(-1)
        return _with_ones(part) * _with_ones(rest, front=True)

    def _inverse(self, y: Tensor) -> Tensor:
        pieces = y[..., :-1]
        rest = (1 - pieces.cumsum(-1)).clamp(min=pb.finfo(y.dtype).tiny)
        return pieces.log() - rest.log() + _stick_offset(pieces)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        x = x - _stick_offset(x)
        return (-x + F.logsigmoid(x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        return _longer(shape, 1)

    def inverse_shape(self, shape: Any) -> Any:
        return _longer(shape, -1)


class LowerCholeskyTransform(_Plain):
    """Matrices to lower triangular ones with a positive diagonal, its exponential.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.LowerCholeskyTransform()(pb.zeros(2, 2))
        tensor([[1., 0.],
                [0., 1.]])
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(_Plain):
    """Matrices to positive definite ones, by their Cholesky factors.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.PositiveDefiniteTransform()(pb.zeros(2, 2))
        tensor([[1., 0.],
                [0., 1.]])
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Tensor) -> Tensor:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Tensor) -> Tensor:
        found: Tensor = LowerCholeskyTransform().inv(pb.linalg.cholesky(y))
        return found


class CorrCholeskyTransform(Transform):
    """Vectors to the Cholesky factors of correlation matrices.

    The hyperbolic tangents of a vector of ``n * (n - 1) / 2`` numbers are partial correlations,
    which break the length 1 of each row into pieces.

    Example:
        >>> import pullback as pb
        >>> pb.distributions.CorrCholeskyTransform()(pb.zeros(1))
        tensor([[1., 0.],
                [0., 1.]])
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        eps = pb.finfo(x.dtype).eps
        partial = pb.tanh(x).clamp(min=-1 + eps, max=1 - eps)
        matrix = vec_to_tril_matrix(partial, diag=-1)
        rest = (1 - matrix**2).sqrt().cumprod(-1)
        matrix = matrix + pb.eye(matrix.shape[-1], dtype=x.dtype)
        return matrix * _with_ones(rest[..., :-1], front=True)

    def _inverse(self, y: Tensor) -> Tensor:
        rest = 1 - (y * y).cumsum(-1)
        before = _with_ones(rest[..., :-1], front=True)
        partial = tril_matrix_to_vec(y, -1) / tril_matrix_to_vec(before, -1).sqrt()
        return (partial.log1p() - partial.neg().log1p()) / 2

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        rest = tril_matrix_to_vec(1 - (y * y).cumsum(-1), diag=-2)
        breaking = 0.5 * rest.log().sum(-1)
        return breaking - 2 * (x + F.softplus(-2 * x) - math.log(2.0)).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        length = shape[-1]
        side = round((0.25 + 2 * length) ** 0.5 + 0.5)
        if side * (side - 1) // 2 != length:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return type(shape)((*shape[:-1], side, side))

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 2:
            raise ValueError("Too few dimensions on input")
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        side = shape[-1]
        return type(shape)((*shape[:-2], side * (side - 1) // 2))
