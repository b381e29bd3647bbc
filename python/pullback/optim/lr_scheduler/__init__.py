"""Learning rates that follow a schedule: PyTorch's ``torch.optim.lr_scheduler``.

A scheduler writes ``lr`` of its optimizer's groups when it is made and at every ``step``, which
belongs after the step of the optimizer. Start reading at ``_base.py``.
"""

from __future__ import annotations

from pullback.optim.lr_scheduler._base import LRScheduler
from pullback.optim.lr_scheduler._base import _LRScheduler as _LRScheduler
from pullback.optim.lr_scheduler._combined import ChainedScheduler, SequentialLR
from pullback.optim.lr_scheduler._cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from pullback.optim.lr_scheduler._falling import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from pullback.optim.lr_scheduler._plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
