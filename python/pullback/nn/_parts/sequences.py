"""The loss of sequences without an alignment, distances of pairs, and a convolution over time."""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments
from pullback.nn import _operators

__all__ = ["conv_tbc", "ctc_loss", "pdist"]


def _lengths(name: str, what: str, lengths: Any, batch: int) -> Tensor:
    if not isinstance(lengths, Tensor):
        _arguments.sizes(name, **{what: lengths})
        lengths = pb.tensor(lengths if isinstance(lengths, int) else list(lengths))
    found: Tensor = lengths.to(pb.int64).reshape(-1)
    if found.numel() != batch:
        raise RuntimeError(
            f"{name}: {what} must be of size batch_size: got {found.numel()}, expected {batch}"
        )
    least = min(found.tolist(), default=0)
    if least < 0:
        raise RuntimeError(
            f"{name}: Expected {what} to have value at least 0, but got value {least}"
        )
    return found


def _padded_targets(name: str, targets: Tensor, lengths: Tensor, batch: int) -> Tensor:
    """[batch, longest], from rows or from all targets one behind the other."""
    counts = lengths.tolist()
    longest = max(counts, default=0)
    if targets.dim() == 2:
        if targets.size(0) != batch or targets.size(1) < longest:
            raise RuntimeError(
                f"{name}: Expected tensor targets to have size at least {longest} at dimension 1 "
                f"and {batch} at dimension 0, but got size {tuple(targets.shape)}"
            )
        return targets[:, :longest]
    if targets.dim() != 1 or targets.numel() != sum(counts):
        raise RuntimeError(
            f"{name}: Expected targets of one dimension with {sum(counts)} elements, or two "
            f"dimensions: got size {tuple(targets.shape)}"
        )
    rows = targets.split(counts)
    return pb.stack([_operators.pad(row, (0, longest - row.numel())) for row in rows])


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Minus the logarithm of the probability of a sequence, summed over all its alignments.

    Connectionist temporal classification: Graves et al., 2006, "Connectionist Temporal
    Classification: Labelling Unsegmented Sequence Data with Recurrent Neural Networks".

    Args:
        log_probs: [steps, batch, classes], or without the batch; from ``log_softmax``.
        targets: [batch, length], or all targets one behind the other.
        input_lengths: steps of each example.
        target_lengths: length of each target.
        blank: the class that stands for nothing.
        reduction: "none", "sum", or "mean" of the losses divided by the lengths of the targets.
        zero_infinity: a target that does not fit its steps gives zero and not infinity.

    Raises:
        RuntimeError: sizes that do not fit, or ``blank`` is no class.
        ValueError: an unknown ``reduction``.
    """
    name = "ctc_loss"
    _arguments.tensors(name, log_probs=log_probs, targets=targets)
    _arguments.integers(name, blank=blank)
    _arguments.texts(name, reduction=reduction)
    _arguments.bools(name, zero_infinity=zero_infinity)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if log_probs.dim() not in (2, 3):
        raise RuntimeError(f"{name}: log_probs must have 2 or 3 dimensions: got {log_probs.dim()}")
    batched = log_probs.dim() == 3
    if not batched:
        log_probs = log_probs.unsqueeze(1)
        targets = targets.unsqueeze(0)
    steps, batch, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"{name}: blank must be in label range: got {blank} of {classes}")
    durations = _lengths(name, "input_lengths", input_lengths, batch)
    lengths = _lengths(name, "target_lengths", target_lengths, batch)
    if max(durations.tolist(), default=0) > steps:
        raise RuntimeError(
            f"{name}: Expected input_lengths to have value at most {steps}, but got value "
            f"{max(durations.tolist())}"
        )
    labels = _padded_targets(name, targets.to(pb.int64), lengths, batch)
    losses = -_alignments(log_probs, labels, durations, lengths, blank)
    if zero_infinity:
        losses = losses.masked_fill(losses.detach() == math.inf, 0.0)
    if reduction == "sum":
        return losses.sum()
    if reduction == "mean":
        return (losses / lengths.clamp_min(1)).mean()
    return losses if batched else losses.squeeze(0)


def _alignments(
    log_probs: Tensor, labels: Tensor, durations: Tensor, lengths: Tensor, blank: int
) -> Tensor:
    """The logarithm of the sum over all alignments: the forward variables of Graves et al."""
    batch, longest = labels.shape
    width = 2 * longest + 1
    with_blanks = pb.full((batch, width), blank, dtype=pb.int64)
    # What pads a target need not be a class.
    real = pb.arange(longest) < lengths.unsqueeze(1)
    with_blanks[:, 1::2] = pb.where(real, labels, blank)
    # From a label to the next one, if the blank between them may be left out.
    skips = pb.zeros(batch, width, dtype=pb.bool)
    skips[:, 2:] = with_blanks[:, 2:] != with_blanks[:, :-2]

    def behind(x: Tensor, places: int) -> Tensor:
        return _operators.pad(x, (places, 0), "constant", -math.inf)[:, :width]

    first = pb.arange(width) < 2
    seen = log_probs[0].gather(1, with_blanks)
    forward = seen.masked_fill(first.logical_not(), -math.inf)
    for t in range(1, log_probs.size(0)):
        stay = pb.logaddexp(forward, behind(forward, 1))
        jump = behind(forward, 2).masked_fill(skips.logical_not(), -math.inf)
        new = pb.logaddexp(stay, jump) + log_probs[t].gather(1, with_blanks)
        forward = pb.where((durations > t).unsqueeze(1), new, forward)
    last = (2 * lengths).unsqueeze(1)
    at_blank = forward.gather(1, last)
    at_label = forward.gather(1, (last - 1).clamp_min(0))
    at_label = at_label.masked_fill((lengths == 0).unsqueeze(1), -math.inf)
    found = pb.logaddexp(at_blank, at_label).squeeze(1)
    # Without steps only the empty target is certain.
    without_steps = pb.where(lengths == 0, 0.0, -math.inf).to(found.dtype)
    return pb.where(durations == 0, without_steps, found)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The ``p``-norm distances of all pairs of rows, one for each pair.

    Example:
        >>> import pullback as pb
        >>> pb.nn.functional.pdist(pb.tensor([[0.0, 0.0], [3.0, 4.0]]))
        tensor([5.])
    """
    _arguments.tensors("pdist", input=input)
    _arguments.numbers("pdist", p=p)
    if input.dim() != 2:
        raise RuntimeError(
            f"pdist only supports 2D tensors, got: {input.dim()}D: a row for each point"
        )
    if p < 0:
        raise RuntimeError(f"pdist only supports non-negative p values: got {p}")
    first, second = pb.triu_indices(input.size(0), input.size(0), 1).unbind(0)
    return (input.index_select(0, first) - input.index_select(0, second)).norm(p, 1)


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """A convolution of [time, batch, channels] with a weight [kernel, channels, out].

    Raises:
        RuntimeError: shapes that do not fit.
    """
    _arguments.tensors("conv_tbc", input=input, weight=weight, bias=bias)
    _arguments.whole("conv_tbc", pad=pad)
    if input.dim() != 3 or weight.dim() != 3 or bias.dim() != 1:
        raise RuntimeError(
            "conv_tbc: Input and weight must have 3 dimensions and bias 1: got "
            f"{input.dim()}, {weight.dim()} and {bias.dim()}"
        )
    out = pb.conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, 1, pad)
    return out.permute(2, 0, 1)
