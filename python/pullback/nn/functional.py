"""The computations of ``pullback.nn`` as functions.

What the core computes in one kernel with one derivative is handed through as it is, when it is
first asked for (``_FROM_CORE``, ``_FROM_TOP``). Only what is truly put together from other
operators is written here.
"""

from __future__ import annotations

from typing import Any

import pullback
from pullback import Tensor, _core

# Operators whose signature here (inplace=, reduction=, ...) is that of torch.nn.functional.
_FROM_CORE = (
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "elu",
    "gelu",
    "l1_loss",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mse_loss",
    "nll_loss",
    "relu",
    "silu",
    "softmax",
    "softplus",
)
# Operators that are the same function in the package itself.
_FROM_TOP = ("sigmoid", "tanh")

__all__ = [*_FROM_CORE, *_FROM_TOP, "dropout", "logsigmoid", "normalize", "one_hot"]


def __getattr__(name: str) -> Any:
    if name in _FROM_CORE:
        found = getattr(_core._nn, name)
    elif name in _FROM_TOP:
        found = getattr(pullback, name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set each element to zero with probability ``p`` and divide the others by ``1 - p``.

    Without ``training`` (or with ``p == 0``) the input itself is returned.

    Raises:
        ValueError: ``p`` is not a probability.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if p == 0 or not training or input.numel() == 0:
        return input
    if p == 1:
        kept = pullback.zeros_like(input)
    else:
        kept = pullback.empty_like(input).bernoulli_(1 - p).div_(1 - p)
    return input.mul_(kept) if inplace else input * kept


def logsigmoid(input: Tensor) -> Tensor:
    """``log(sigmoid(input))`` without overflow at either end."""
    # Above 40, log(1 + exp(x)) is x to the last bit of a float64.
    result: Tensor = -_core._nn.softplus(-input, threshold=40.0)
    return result


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """Divide by the ``p``-norm along ``dim``, which counts as ``eps`` where it is smaller."""
    length = input.norm(p, dim, keepdim=True).clamp_min(eps)
    return input / length if out is None else pullback.div(input, length, out=out)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A new last dimension that is 1 at the index given by the element, 0 elsewhere.

    Args:
        tensor: int64 class numbers of any shape.
        num_classes: length of the new dimension; -1: one more than the largest class number.

    Raises:
        RuntimeError: wrong dtype, or a class number outside ``[0, num_classes)``.
    """
    if tensor.dtype != pullback.int64:
        raise RuntimeError(
            "one_hot is only applicable to index tensor of type LongTensor: "
            f"got {tensor.dtype}, expected {pullback.int64}."
        )
    if tensor.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
    else:
        if int(tensor.min()) < 0:
            raise RuntimeError("Class values must be non-negative.")
        largest = int(tensor.max())
        if num_classes == -1:
            num_classes = largest + 1
        elif num_classes < 1:
            raise RuntimeError("num_classes should be positive")
        elif largest >= num_classes:
            raise RuntimeError(
                "Class values must be smaller than num_classes: "
                f"got {largest}, expected less than {num_classes}."
            )
    classes = pullback.arange(num_classes)
    return (tensor.unsqueeze(-1) == classes).to(pullback.int64)
