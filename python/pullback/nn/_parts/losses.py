"""Losses that take what the operator table cannot: a function, a number in place of a tensor."""

from __future__ import annotations

import math
from collections.abc import Callable

import pullback as pb
from pullback import Tensor, _arguments

__all__ = ["gaussian_nll_loss", "triplet_margin_with_distance_loss"]


def _reduced(losses: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()


def _check_reduction(function: str, reduction: str) -> None:
    _arguments.texts(function, reduction=reduction)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-likelihood of ``target`` under normal distributions.

    Args:
        input: their means.
        target: what was observed.
        var: their variances, in the shape of ``input``, or one for the last dimension, or a number.
        full: whether the constant ``log(2 pi) / 2`` is in it.
        eps: variances below count as it; their gradient is as if they were not changed.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: ``reduction``, a negative variance, or the shape of ``var``.
    """
    name = "gaussian_nll_loss"
    _arguments.tensors(name, input=input, target=target)
    _arguments.flags(name, full=full)
    _arguments.numbers(name, eps=eps)
    _check_reduction(name, reduction)
    if not isinstance(var, Tensor):
        _arguments.numbers(name, var=var)
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = input.detach().new_full(input.shape, var)
    elif bool((var.detach() < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = var.unsqueeze(-1)
        elif input.shape[:-1] != var.shape[:-1] or var.size(-1) != 1:
            raise ValueError(
                f"var is of incorrect size: got {tuple(var.shape)} for an input of "
                f"{tuple(input.shape)}"
            )
    var = var.clone()
    with pb.no_grad():
        var.clamp_(min=eps)
    losses = 0.5 * (var.log() + (input - target) ** 2 / var)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return _reduced(losses, reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """``triplet_margin_loss`` of any distance, by default ``pairwise_distance``.

    Raises:
        ValueError: ``margin`` is not positive, or ``reduction``.
        RuntimeError: the tensors have different numbers of dimensions.
    """
    name = "triplet_margin_with_distance_loss"
    _arguments.tensors(name, anchor=anchor, positive=positive, negative=negative)
    _arguments.numbers(name, margin=margin)
    _arguments.flags(name, swap=swap)
    _arguments.maybe(_arguments.functions, name, distance_function=distance_function)
    _check_reduction(name, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.dim()}D, positive {positive.dim()}D, and "
            f"negative {negative.dim()}D inputs"
        )
    distance = pb.pairwise_distance if distance_function is None else distance_function
    far = distance(anchor, negative)
    if swap:
        far = pb.minimum(far, distance(positive, negative))
    return _reduced((distance(anchor, positive) - far + margin).clamp_min(0), reduction)
