"""``AdaptiveLogSoftmaxWithLoss``: a softmax of many classes, rare ones in clusters."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import pullback as pb
from pullback import Tensor
from pullback.nn import functional as F
from pullback.nn.modules.container import ModuleList, Sequential
from pullback.nn.modules.linear import Linear
from pullback.nn.modules.module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]


class _ASMoutput(NamedTuple):
    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-probabilities of frequent classes at once, those of rare ones by their cluster.

    Grave et al., 2017, "Efficient softmax approximation for GPUs".

    Args:
        in_features: features of the input.
        n_classes: the number of classes, the most frequent ones first.
        cutoffs: where the clusters begin.
        div_value: each cluster's projection has so many times fewer features than the one before.
        head_bias: whether the head has a bias.
        device: "cpu".
        dtype: of the parameters, by default the default dtype.

    Raises:
        ValueError: cutoffs that do not rise, or are not inside of the classes.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        kind = {"device": device, "dtype": dtype}
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        rising = all(a < b for a, b in itertools.pairwise(cutoffs))
        if not rising or min(cutoffs) <= 0 or max(cutoffs) > n_classes - 1:
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing "
                f"order, where each value is between 1 and n_classes-1: got {cutoffs}"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, **kind)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            hidden = int(in_features // (div_value ** (i + 1)))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, bias=False, **kind),
                    Linear(hidden, size, bias=False, **kind),
                )
            )

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        self.head.reset_parameters()
        for tail in self.tail:
            for layer in tail:  # type: ignore[attr-defined]
                layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """The log-probability of each target, and minus their mean."""
        if input_.dim() not in (1, 2) or input_.dim() != target_.dim() + 1:
            raise RuntimeError(
                "Input and target should have the same size in the batch dimension: got "
                f"{tuple(input_.shape)} and {tuple(target_.shape)}"
            )
        batched = input_.dim() == 2
        rows = input_ if batched else input_.unsqueeze(0)
        targets = target_ if batched else target_.unsqueeze(0)
        if rows.size(0) != targets.size(0):
            raise RuntimeError(
                "Input and target should have the same size in the batch dimension: got "
                f"{rows.size(0)} and {targets.size(0)}"
            )
        inside = (targets >= 0) & (targets < self.n_classes)
        if not bool(inside.all()):
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{int(targets.min())}, {int(targets.max())}] were found. "
            )
        output = self.log_prob(rows).gather(1, targets.unsqueeze(1)).squeeze(1)
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes, [batch, n_classes]."""
        head = F.log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i, tail in enumerate(self.tail):
            inside = F.log_softmax(tail(input), 1)
            parts.append(inside + head[:, self.shortlist_size + i].unsqueeze(1))
        return pb.cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each row."""
        return self.log_prob(input).argmax(1)
