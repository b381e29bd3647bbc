"""What distributions by a covariance, its inverse or its Cholesky factor have in common."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Size, Tensor
from pullback.distributions._factor import precision_to_factor
from pullback.distributions.distribution import Distribution
from pullback.distributions.utils import lazy_property


def given_one(error: type[Exception], **matrices: Tensor | None) -> tuple[str, Tensor]:
    """The name and the matrix that was given.

    Raises:
        error: none is given, or several.
    """
    found = [(name, matrix) for name, matrix in matrices.items() if matrix is not None]
    if len(found) != 1:
        raise error(
            "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
        )
    return found[0]


class ScaleMatrix(Distribution):
    """The Cholesky factor as it was given, before it is expanded, and the three matrices of it."""

    _unbroadcasted_scale_tril: Tensor

    def _take_factor(self, name: str, matrix: Tensor) -> None:
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = pb.linalg.cholesky(matrix)
        else:
            self._unbroadcasted_scale_tril = precision_to_factor(matrix)

    def _finish_expand(self, new: Any, shape: Size) -> None:
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        super()._finish_expand(new, shape)

    def _expanded(self, matrix: Tensor) -> Tensor:
        return matrix.expand((*self._batch_shape, *matrix.shape[-2:]))

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        return self._expanded(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        factor = self._unbroadcasted_scale_tril
        return self._expanded(factor @ factor.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        return self._expanded(pb.cholesky_inverse(self._unbroadcasted_scale_tril))
