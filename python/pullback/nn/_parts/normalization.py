"""Normalisation by neighbouring channels."""

from __future__ import annotations

import pullback as pb
from pullback import Tensor, _arguments
from pullback.nn import _operators

__all__ = ["local_response_norm"]


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """``input / (k + alpha * m) ** beta`` with the mean ``m`` of the squares of ``size`` channels.

    Args:
        input: [batch, channels, ...].
        size: how many neighbouring channels are seen; zeros stand beyond the first and last.
        alpha: factor of the mean.
        beta: the exponent.
        k: the summand.

    Raises:
        ValueError: fewer than three dimensions.

    Example:
        >>> import pullback as pb
        >>> pb.nn.functional.local_response_norm(pb.ones(1, 2, 1), 1, alpha=3.0, beta=0.5)
        tensor([[[0.5000],
                 [0.5000]]])
    """
    _arguments.tensors("local_response_norm", input=input)
    _arguments.integers("local_response_norm", size=size)
    _arguments.numbers("local_response_norm", alpha=alpha, beta=beta, k=k)
    if input.dim() < 3:
        raise ValueError(
            "local_response_norm: Expected 3D or higher dimensionality input "
            f"(got {input.dim()} dimensions)"
        )
    if input.numel() == 0:
        return input
    squares = input.square().flatten(2).transpose(1, 2)
    padded = _operators.pad(squares, (size // 2, (size - 1) // 2))
    means = pb.avg_pool1d(padded, size, 1).transpose(1, 2).reshape(input.shape)
    return input / (means * alpha + k).pow(beta)
