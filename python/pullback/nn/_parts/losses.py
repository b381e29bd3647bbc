"""Losses that take what the operator table cannot: a function, a number in place of a tensor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback.nn import _operators

__all__ = ["gaussian_nll_loss", "linear_cross_entropy", "triplet_margin_with_distance_loss"]


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


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """``cross_entropy`` of ``input @ linear_weight.T + linear_bias``.

    Args:
        input: [batch, features], or [features].
        linear_weight: [classes, features], or [classes, ..., features] for more dimensions.
        target: classes [batch, ...], int64, or probabilities [batch, classes, ...].
        linear_bias: in the shape of ``linear_weight`` without the features.
        weight: of each class.
        reduction: "mean", "sum" or "none".
        ignore_index: a class that does not count, None for -100; only with classes.
        label_smoothing: from 0 to 1.
        options: a ``LinearCrossEntropyOptions``, with which the logits of the whole batch are never
            there at the same time. Counts for classes without label smoothing and more dimensions.

    Raises:
        RuntimeError: shapes or dtypes that do not fit.

    Example:
        >>> import pullback as pb
        >>> x, weight = pb.ones(2, 3), pb.zeros(4, 3)
        >>> pb.nn.functional.linear_cross_entropy(x, weight, pb.tensor([0, 1]))
        tensor(1.3863)
    """
    name = "linear_cross_entropy"
    _arguments.tensors(name, input=input, linear_weight=linear_weight, target=target)
    _arguments.maybe(_arguments.tensors, name, linear_bias=linear_bias, weight=weight)
    _arguments.maybe(_arguments.integers, name, ignore_index=ignore_index)
    _arguments.numbers(name, label_smoothing=label_smoothing)
    _check_reduction(name, reduction)
    _check_linear(input, linear_weight, linear_bias)
    floating = target.is_floating_point()
    if floating and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    settings = (weight, reduction, -100 if ignore_index is None else ignore_index, label_smoothing)
    outer = linear_weight.shape[1:-1]
    if options is not None and _can_chunk(options, input, target, linear_bias, outer, settings):
        return _chunked(options, input, linear_weight, target, linear_bias, settings)
    flat = linear_weight.flatten(0, -2) if outer else linear_weight
    bias = linear_bias.flatten() if outer and linear_bias is not None else linear_bias
    logits = _operators.linear(input, flat, bias)
    if outer:
        logits = logits.unflatten(1, linear_weight.shape[:-1])
    return _cross_entropy(logits, target, *settings)


def _cross_entropy(
    logits: Tensor, target: Tensor, weight: Any, reduction: str, ignored: int, smoothing: float
) -> Tensor:
    return _operators.cross_entropy(
        logits,
        target,
        weight,
        ignore_index=ignored,
        reduction=reduction,
        label_smoothing=smoothing,
    )


def _check_linear(input: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    if input.dim() not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.dim()}")
    if weight.dim() < 2:
        raise RuntimeError(
            f"expected linear_weight with dimensionality at least 2, got {weight.dim()}"
        )
    if input.shape[-1] != weight.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and {weight.shape[-1]}, respectively"
        )
    if weight.dim() > 2 and input.dim() == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(weight.shape)} requires "
            f"batched input, (N, {input.shape[0]}), got unbatched input with shape "
            f"{tuple(input.shape)}"
        )
    if bias is not None and bias.shape != weight.shape[:-1]:
        raise RuntimeError(
            f"expected linear_bias shape {tuple(weight.shape[:-1])}, got {tuple(bias.shape)}"
        )


def _can_chunk(
    options: Any,
    input: Tensor,
    target: Tensor,
    bias: Tensor | None,
    outer: Any,
    settings: tuple[Any, ...],
) -> bool:
    """Whether ``options`` count; a warning where they do not."""
    if not hasattr(options, "batch_chunk_size"):
        _arguments.refuse("linear_cross_entropy", "options", "LinearCrossEntropyOptions", options)
    wanted = options.acc_dtype
    narrow = input.dtype in (pb.float16, pb.bfloat16)
    if wanted not in (None, pb.float32 if narrow else input.dtype):
        raise RuntimeError(
            "linear_cross_entropy supports float32 acc_dtype with float16/bfloat16 inputs, but got "
            f"{wanted} acc_dtype and {input.dtype} inputs."
        )
    _, reduction, _, smoothing = settings
    if smoothing == 0 and target.dtype == pb.int64 and not outer:
        return True
    shape = None if bias is None else tuple(bias.shape)
    _core._warn(
        "linear_cross_entropy: ``options`` ignored; chunked path needs reduction in "
        "{'mean','sum','none'}, label_smoothing == 0, target.dtype == int64, out_features == (). "
        f"Got reduction={reduction!r}, label_smoothing={smoothing}, target.dtype={target.dtype}, "
        f"out_features={tuple(outer)}, tracing=False, linear_bias.shape={shape}."
    )
    return False


def _chunked(
    options: Any,
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    bias: Tensor | None,
    settings: tuple[Any, ...],
) -> Tensor:
    """The losses of one chunk after the other; their logits are computed again when needed."""
    weight, reduction, ignored, _ = settings
    if input.dim() == 1 or input.shape[0] == 0 or target.shape != input.shape[:1]:
        return _cross_entropy(_operators.linear(input, linear_weight, bias), target, *settings)
    kind = "none" if reduction == "none" else "sum"
    # Sums over chunks are float32 for narrow dtypes, also those of the weights' gradients.
    narrow = input.dtype
    wide = pb.float32 if narrow in (pb.float16, pb.bfloat16) else narrow
    if weight is not None and weight.dtype == narrow:
        weight = weight.to(wide)
    wide_weight = linear_weight.to(wide)
    wide_bias = None if bias is None else bias.to(wide)

    def losses(rows: Tensor, classes: Tensor) -> Tensor:
        own_bias = None if wide_bias is None else wide_bias.to(narrow)
        logits = _operators.linear(rows, wide_weight.to(narrow), own_bias).to(wide)
        return _cross_entropy(logits, classes, weight, kind, ignored, 0.0)

    count = options._rows(input.shape[0], input.shape[1], linear_weight.shape[0])
    parts = [
        pb.utils.checkpoint.checkpoint(losses, *part, use_reentrant=False)
        for part in zip(input.split(count), target.split(count), strict=True)
    ]
    if reduction == "none":
        return pb.cat(parts).to(input.dtype)
    total = pb.stack(parts).sum()
    if reduction == "mean":
        counted = target != ignored
        total = total / (
            counted.sum()
            if weight is None
            else (weight[pb.where(counted, target, 0)] * counted).sum()
        )
    return total.to(input.dtype)
