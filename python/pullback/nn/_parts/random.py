"""Functions that draw: whole channels dropped, the dropout that keeps moments, random slopes."""

from __future__ import annotations

import math

import pullback as pb
from pullback import Tensor, _arguments, _core

__all__ = [
    "alpha_dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
    "gumbel_softmax",
    "rrelu",
    "rrelu_",
]

# Where SELU saturates on the left, with the other sign: its scale times its alpha.
_SATURATION = 1.7580993408473766


def _check(name: str, input: object, p: float, training: object, inplace: object) -> None:
    _arguments.tensors(name, input=input)
    _arguments.numbers(name, p=p)
    _arguments.bools(name, training=training)
    _arguments.flags(name, inplace=inplace)
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropped(
    input: Tensor, p: float, training: bool, inplace: bool, *, channels: bool, alpha: bool
) -> Tensor:
    if p == 0 or not training or input.numel() == 0:
        return input
    if p == 1:
        return input.mul_(0.0) if inplace else input * 0.0
    kept = pb.empty_like(input.detach())  # in the order of its memory
    if channels:
        if input.dim() < 2:
            raise RuntimeError(
                "Feature dropout requires at least 2 dimensions in the input: got "
                f"{input.dim()}, expected (batch, channels, ...)."
            )
        kept = input.detach().new_empty(input.shape[:2] + (1,) * (input.dim() - 2))
    kept.bernoulli_(1 - p)
    if not alpha:
        kept = kept.div_(1 - p)
        return input.mul_(kept) if inplace else input * kept
    scale = 1 / math.sqrt((_SATURATION**2 * p + 1) * (1 - p))
    shift = (kept - 1).mul_(_SATURATION * scale).add_(_SATURATION * scale * p)
    kept = kept.mul_(scale)
    return input.mul_(kept).add_(shift) if inplace else input * kept + shift


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Set elements to the value at which SELU saturates, and keep the mean and the variance.

    Raises:
        ValueError: ``p`` is not a probability.
    """
    _check("alpha_dropout", input, p, training, inplace)
    return dropped(input, p, training, inplace, channels=False, alpha=True)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """``alpha_dropout`` of whole channels, dimension 1.

    Raises:
        ValueError: ``p`` is not a probability.
        RuntimeError: the input has fewer than two dimensions.
    """
    _check("feature_alpha_dropout", input, p, training, inplace)
    return dropped(input, p, training, inplace, channels=True, alpha=True)


def _of_channels(
    name: str, input: Tensor, p: float, training: bool, inplace: bool, *, batched: bool
) -> Tensor:
    _check(name, input, p, training, inplace)
    one = input if batched else input.unsqueeze(0)
    out = dropped(one, p, training, inplace, channels=True, alpha=False)
    return out if batched else out.squeeze(0)


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """``dropout`` of whole channels of an input (batch, channels, length) or (channels, length).

    Raises:
        ValueError: ``p`` is not a probability.
        RuntimeError: the input has another number of dimensions.
    """
    _arguments.tensors("dropout1d", input=input)
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input. Note that "
            "dropout1d drops channels of inputs with one spatial dimension; use dropout for others."
        )
    return _of_channels("dropout1d", input, p, training, inplace, batched=input.dim() == 3)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """``dropout`` of whole channels of an input (batch, channels, height, width).

    As in PyTorch an input of three dimensions is a batch, with a warning.

    Raises:
        ValueError: ``p`` is not a probability.
    """
    _arguments.tensors("dropout2d", input=input)
    if input.dim() not in (3, 4):
        _core._warn(
            f"dropout2d: Received a {input.dim()}-D input to dropout2d, which is deprecated and "
            "will result in an error in a future release. To retain the behavior and silence this "
            "warning, please use dropout instead.",
        )
    if input.dim() == 3:
        _core._warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L). Use dropout1d.",
        )
    return _of_channels("dropout2d", input, p, training, inplace, batched=True)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """``dropout`` of whole channels of an input ([batch], channels, depth, height, width).

    Raises:
        ValueError: ``p`` is not a probability.
    """
    _arguments.tensors("dropout3d", input=input)
    if input.dim() not in (4, 5):
        _core._warn(
            f"dropout3d: Received a {input.dim()}-D input to dropout3d, which is deprecated and "
            "will result in an error in a future release. To retain the behavior and silence this "
            "warning, please use dropout instead.",
        )
    return _of_channels("dropout3d", input, p, training, inplace, batched=input.dim() == 5)


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """``leaky_relu`` whose slopes are drawn from ``[lower, upper]``, in eval their mean.

    Raises:
        RuntimeError: ``lower`` is above ``upper``.
    """
    return _leaked(input, lower, upper, training, inplace, None)


def _leaked(
    input: Tensor,
    lower: float,
    upper: float,
    training: bool,
    inplace: bool,
    generator: pb.Generator | None,
) -> Tensor:
    """``rrelu`` with the generator of ``torch.rrelu``; slopes are drawn in float64, as there."""
    _arguments.tensors("rrelu", input=input)
    _arguments.numbers("rrelu", lower=lower, upper=upper)
    _arguments.bools("rrelu", training=training)
    _arguments.flags("rrelu", inplace=inplace)
    _arguments.generators("rrelu", generator=generator)
    if lower > upper:
        raise RuntimeError(
            f"Lower bound should be less than or equal to the upper bound: got {lower} and {upper}"
        )
    if not training or upper - lower <= 1e-6:
        return pb.nn.functional.leaky_relu(input, (lower + upper) / 2, inplace)
    with pb.no_grad():
        values = input.detach()
        below = values <= 0
        drawn = pb.empty(int(below.sum()), dtype=pb.float64).uniform_(generator=generator)
        low, high = pb.tensor([lower, upper], dtype=values.dtype).tolist()
        drawn = drawn.mul_(high - low).add_(low).to(values.dtype)
        slopes = pb.ones_like(values).masked_scatter(below, drawn)
    return input.mul_(slopes) if inplace else input * slopes


def rrelu_(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """``rrelu`` in place."""
    return rrelu(input, lower, upper, training, inplace=True)


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """Draw from the relaxed categorical distributions of ``logits`` along ``dim``.

    Args:
        logits: unnormalised logarithms of the probabilities.
        tau: temperature.
        hard: give one-hot vectors, whose gradient is that of the relaxed ones.
        eps: no longer has an effect.
        dim: along which the probabilities lie.
    """
    _arguments.tensors("gumbel_softmax", logits=logits)
    _arguments.numbers("gumbel_softmax", tau=tau, eps=eps)
    _arguments.flags("gumbel_softmax", hard=hard)
    _arguments.integers("gumbel_softmax", dim=dim)
    if eps != 1e-10:
        _core._warn("`eps` parameter is deprecated and has no effect.")
    drawn = pb.empty_like(logits, memory_format=pb.contiguous_format).detach()
    noise = -drawn.exponential_().log()
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    largest = soft.max(dim, keepdim=True)[1]
    ones = pb.zeros_like(logits).detach().scatter_(dim, largest, 1.0)
    return ones - soft.detach() + soft
