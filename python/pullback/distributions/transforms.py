"""Functions between regions, for ``TransformedDistribution`` and for unconstrained parameters."""

from __future__ import annotations

from pullback.distributions import _transform
from pullback.distributions._event_maps import (
    CorrCholeskyTransform,
    LowerCholeskyTransform,
    PositiveDefiniteTransform,
    SoftmaxTransform,
    StickBreakingTransform,
)
from pullback.distributions._maps import (
    AbsTransform,
    AffineTransform,
    CumulativeDistributionTransform,
    ExpTransform,
    PowerTransform,
    SigmoidTransform,
    SoftplusTransform,
    TanhTransform,
)
from pullback.distributions._part_maps import CatTransform, ReshapeTransform, StackTransform
from pullback.distributions._transform import (
    ComposeTransform,
    IndependentTransform,
    Transform,
)

__all__ = [
    "AbsTransform",
    "AffineTransform",
    "CatTransform",
    "ComposeTransform",
    "CorrCholeskyTransform",
    "CumulativeDistributionTransform",
    "ExpTransform",
    "IndependentTransform",
    "LowerCholeskyTransform",
    "PositiveDefiniteTransform",
    "PowerTransform",
    "ReshapeTransform",
    "SigmoidTransform",
    "SoftmaxTransform",
    "SoftplusTransform",
    "StackTransform",
    "StickBreakingTransform",
    "TanhTransform",
    "Transform",
    "identity_transform",
]

_InverseTransform = _transform._InverseTransform  # where torch has it

identity_transform = ComposeTransform([])
