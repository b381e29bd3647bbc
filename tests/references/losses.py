"""What softmax and the losses give, written from their formulas with NumPy.

A reference takes the arguments of a sample with arrays in the places of the tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def softmax(input: Any, dim: int) -> Any:
    if input.ndim == 0:
        return np.ones((), input.dtype)
    powers = np.exp(input)
    return powers / powers.sum(axis=dim, keepdims=True)


def log_softmax(input: Any, dim: int) -> Any:
    return np.log(softmax(input, dim))


def reduced(values: Any, reduction: str, weight: Any = None) -> Any:
    """Weighted values; their mean is over the sum of the weights."""
    if weight is not None:
        values = values * weight
    if reduction == "none":
        return values
    if reduction == "batchmean":
        return values.sum() / values.shape[0]
    total = values.size if weight is None else np.broadcast_to(weight, values.shape).sum()
    return values.sum() / (total if reduction == "mean" else 1)


def loss(of_difference: Callable[..., Any]) -> Callable[..., Any]:
    """A loss that sees the difference alone."""

    def call(
        input: Any, target: Any, *, reduction: str = "mean", weight: Any = None, **kwargs: Any
    ) -> Any:
        return reduced(of_difference(np.abs(input - target), **kwargs), reduction, weight)

    return call


def smooth(size: Any, beta: float = 1.0) -> Any:
    return np.where(size < beta, size * size / (2 * beta), size - beta / 2)


def huber(size: Any, delta: float = 1.0) -> Any:
    return np.where(size < delta, size * size / 2, delta * (size - delta / 2))


def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean"
) -> Any:
    values = -(target * np.log(input) + (1 - target) * np.log(1 - input))
    return reduced(values * (1 if weight is None else weight), reduction)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = 1
) -> Any:
    share = 1 / (1 + np.exp(-input))
    values = -(pos_weight * target * np.log(share) + (1 - target) * np.log(1 - share))
    return reduced(values * (1 if weight is None else weight), reduction)


def kl_div(input: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Any:
    if log_target:
        return reduced(np.exp(target) * (target - input), reduction)
    return reduced(target * (np.log(target) - input), reduction)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    def length(x: Any) -> Any:
        return np.maximum(np.sqrt((x * x).sum(axis=dim, keepdims=True)), eps)

    return (x1 / length(x1) * (x2 / length(x2))).sum(axis=dim)


def by_class(
    chances: Any,
    target: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    """Of logarithms with the classes in dimension 1, or 0 of a vector; one example at a time."""
    classes = chances.shape[1] if chances.ndim > 1 else chances.shape[0]
    weight = np.ones(classes) if weight is None else weight
    rows = np.moveaxis(chances, 1, -1).reshape(-1, classes) if chances.ndim > 1 else chances[None]
    values, weights = [], []
    for row, one in zip(rows, target.reshape(-1), strict=True):
        if one == ignore_index:
            values.append(np.longdouble(0))
            weights.append(0.0)
            continue
        evenly = -(weight * row).sum() / classes
        values.append((1 - label_smoothing) * -weight[one] * row[one] + label_smoothing * evenly)
        weights.append(weight[one])
    if reduction == "none":
        return np.array(values).reshape(target.shape)
    return sum(values) / (sum(weights) if reduction == "mean" else 1)


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    return by_class(input, target, weight, ignore_index, reduction, 0.0)


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    chances = log_softmax(input, 1 if input.ndim > 1 else 0)
    if target.dtype.kind == "i":
        return by_class(chances, target, weight, ignore_index, reduction, label_smoothing)
    assert weight is None
    assert label_smoothing == 0
    values = -(chances * target).sum(axis=1)
    return reduced(values, reduction)


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean"
) -> Any:
    return reduced(np.maximum(margin - target * (input1 - input2), 0), reduction)


def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, *, reduction: str = "mean"
) -> Any:
    input, target = np.broadcast_arrays(input, target)
    apart = np.maximum(margin - input, 0)
    return reduced(np.select([target == 1, target == -1], [input, apart], input + apart), reduction)


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean"
) -> Any:
    squares = ((input1**2).sum(axis=-1) + 1e-12) * ((input2**2).sum(axis=-1) + 1e-12)
    cosine = (input1 * input2).sum(axis=-1) / np.sqrt(squares)
    apart = np.maximum(cosine - margin, 0)
    return reduced(np.select([target == 1, target == -1], [1 - cosine, apart], 0), reduction)


def soft_margin_loss(input: Any, target: Any, *, reduction: str = "mean") -> Any:
    return reduced(np.logaddexp(0, -target * input), reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    *,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    def distance(a: Any, b: Any) -> Any:
        return (np.abs(a - b + 1e-6) ** p).sum(axis=-1) ** (1 / p)

    far = distance(anchor, negative)
    if swap:
        far = np.minimum(far, distance(positive, negative))
    return reduced(np.maximum(margin + distance(anchor, positive) - far, 0), reduction)


def multilabel_soft_margin_loss(
    input: Any, target: Any, weight: Any = 1, *, reduction: str = "mean"
) -> Any:
    values = target * np.logaddexp(0, -input) + (1 - target) * np.logaddexp(0, input)
    return reduced((weight * values).mean(axis=-1), reduction)


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    *,
    reduction: str = "mean",
) -> Any:
    values = np.exp(input) - target * input if log_input else input - target * np.log(input + 1e-8)
    if full:
        stirling = target * np.log(target) - target + np.log(2 * np.pi * target) / 2
        values = values + np.where(target > 1, stirling, 0)
    return reduced(values, reduction)


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    *,
    reduction: str = "mean",
) -> Any:
    values = []
    for row, one in zip(np.atleast_2d(input), target.reshape(-1), strict=True):
        others = [margin - row[one] + x for i, x in enumerate(row) if i != one]
        factor = 1 if weight is None else weight[one]
        values.append(sum(factor * max(x, 0) ** p for x in others) / len(row))
    out = np.array(values) if input.ndim == 2 else np.array(values[0])
    return reduced(out, reduction)


def multilabel_margin_loss(input: Any, target: Any, *, reduction: str = "mean") -> Any:
    values = []
    for row, labels in zip(np.atleast_2d(input), np.atleast_2d(target), strict=True):
        count = list(labels).index(-1) if -1 in labels else len(labels)
        wanted = list(labels[:count])
        others = [x for i, x in enumerate(row) if i not in wanted]
        pairs = [max(1 - row[j] + x, 0) for j in wanted for x in others]
        values.append(np.longdouble(sum(pairs)) / len(row))
    out = np.array(values) if input.ndim == 2 else np.array(values[0])
    return reduced(out, reduction)


REFERENCES: dict[str, Callable[..., Any]] = {
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "cosine_similarity": cosine_similarity,
    "cross_entropy": cross_entropy,
    "huber_loss": loss(huber),
    "kl_div": kl_div,
    "l1_loss": loss(lambda size: size),
    "log_softmax": log_softmax,
    "mse_loss": loss(lambda size: size * size),
    "nll_loss": nll_loss,
    "cosine_embedding_loss": cosine_embedding_loss,
    "hinge_embedding_loss": hinge_embedding_loss,
    "margin_ranking_loss": margin_ranking_loss,
    "multi_margin_loss": multi_margin_loss,
    "multilabel_margin_loss": multilabel_margin_loss,
    "multilabel_soft_margin_loss": multilabel_soft_margin_loss,
    "poisson_nll_loss": poisson_nll_loss,
    "soft_margin_loss": soft_margin_loss,
    "triplet_margin_loss": triplet_margin_loss,
    "smooth_l1_loss": loss(smooth),
    "softmax": softmax,
    "softmin": lambda input, dim: softmax(-input, dim),
}

OTHER_NAMES: dict[str, str] = {}
