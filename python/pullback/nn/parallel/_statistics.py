"""Means and variances of the batches of several processes, for ``SyncBatchNorm``."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.distributed._calls import named
from pullback.distributed._group import default_group
from pullback.distributed.nn import functional as collectives

__all__ = ["normalised_over_processes"]


def normalised_over_processes(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    share: float,
    eps: float,
    process_group: Any,
) -> Tensor:
    """Batch normalisation by the statistics of all processes.

    Each process gives the mean and the sum of squared deviations of its batch, and its size; sums
    over all are put together as in Chan, Golub and LeVeque, "Updating formulae and a pairwise
    algorithm for computing sample variances" (1979).

    Args:
        input: [batch, channels, ...].
        running_mean: [channels], updated; None if there is none.
        running_var: the same of variances.
        weight: [channels] or None.
        bias: [channels] or None.
        share: how much of the running statistics is replaced.
        eps: added to the variance.
        process_group: the processes, None for all.

    Raises:
        ValueError: one value per channel in all processes together.
    """
    group = default_group() if process_group is None else process_group
    half = input.dtype in (pb.float16, pb.bfloat16)
    x = input.float() if half else input
    channels = x.shape[1]
    others = [dim for dim in range(x.dim()) if dim != 1]
    shape = [1, channels] + [1] * (x.dim() - 2)
    count = x.numel() // max(channels, 1)
    own_mean = x.sum(others) / max(count, 1)
    own_squares = (x - own_mean.view(shape)).square().sum(others)
    with named("SyncBatchNorm"):
        rows = pb.stack(
            collectives.all_gather(pb.cat([own_mean, own_squares, x.new_full((1,), count)]), group)
        )
    counts = rows[:, -1:].detach()
    total = float(counts.sum())
    if total <= 1:
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"{input.size()} in all processes together"
        )
    means, squares = rows[:, :channels], rows[:, channels:-1]
    mean = (means * counts).sum(0) / total
    deviations = (squares + counts * (means - mean).square()).sum(0)
    variance = deviations / total
    with pb.no_grad():
        for running, value in (
            (running_mean, mean),
            (running_var, deviations / (total - 1)),
        ):
            if running is not None:
                running.mul_(1 - share).add_(value.detach() * share)
    result = (x - mean.view(shape)) * (variance + eps).rsqrt().view(shape)
    if weight is not None:
        result = result * weight.view(shape)
    if bias is not None:
        result = result + bias.view(shape)
    return result.to(input.dtype) if half else result
