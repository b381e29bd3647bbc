"""Reductions and normalisations of the elements that a mask shows, under PyTorch's names.

Compositions of recorded operators: what the mask hides becomes the number that the operation does
not notice, so values there, also NaN, reach neither results nor gradients. Start reading at
``_mask.shown``.
"""

from __future__ import annotations

from pullback.masked._along import (
    cumprod,
    cumsum,
    log_softmax,
    logaddexp,
    normalize,
    softmax,
    softmin,
)
from pullback.masked._reductions import (
    amax,
    amin,
    argmax,
    argmin,
    logsumexp,
    mean,
    median,
    norm,
    prod,
    std,
    sum,
    var,
)

__all__ = [
    "amax",
    "amin",
    "argmax",
    "argmin",
    "cumprod",
    "cumsum",
    "log_softmax",
    "logaddexp",
    "logsumexp",
    "mean",
    "median",
    "norm",
    "normalize",
    "prod",
    "softmax",
    "softmin",
    "std",
    "sum",
    "var",
]


def __getattr__(name: str) -> object:
    from pullback._missing import of_module

    raise AttributeError(of_module(__name__, name))
