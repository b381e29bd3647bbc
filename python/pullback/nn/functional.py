"""The computations of ``pullback.nn`` as functions.

What the core computes in one kernel with one derivative is taken over as it is, with the
signature that it has there (``inplace=``, ``reduction=``, ...); only what is truly put together
from other operators is written here.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback import Tensor, _core
from pullback._misc import _check_tensor

# What nn.modules calls of the core; the update below binds these and the other names.
binary_cross_entropy: Callable[..., Tensor]
binary_cross_entropy_with_logits: Callable[..., Tensor]
celu: Callable[..., Tensor]
cosine_similarity: Callable[..., Tensor]
cross_entropy: Callable[..., Tensor]
elu: Callable[..., Tensor]
gelu: Callable[..., Tensor]
glu: Callable[..., Tensor]
hardsigmoid: Callable[..., Tensor]
hardswish: Callable[..., Tensor]
hardtanh: Callable[..., Tensor]
huber_loss: Callable[..., Tensor]
kl_div: Callable[..., Tensor]
l1_loss: Callable[..., Tensor]
leaky_relu: Callable[..., Tensor]
linear: Callable[..., Tensor]
log_softmax: Callable[..., Tensor]
logsigmoid: Callable[..., Tensor]
mish: Callable[..., Tensor]
mse_loss: Callable[..., Tensor]
nll_loss: Callable[..., Tensor]
pairwise_distance: Callable[..., Tensor]
prelu: Callable[..., Tensor]
relu: Callable[..., Tensor]
relu6: Callable[..., Tensor]
selu: Callable[..., Tensor]
silu: Callable[..., Tensor]
smooth_l1_loss: Callable[..., Tensor]
softmax: Callable[..., Tensor]
softmin: Callable[..., Tensor]
softplus: Callable[..., Tensor]
softsign: Callable[..., Tensor]
tanhshrink: Callable[..., Tensor]
threshold: Callable[..., Tensor]
globals().update({name: f for name, f in vars(_core._nn).items() if not name.startswith("_")})

sigmoid: Callable[..., Tensor] = pb.sigmoid
tanh: Callable[..., Tensor] = pb.tanh


def _in_place(name: str, *arguments: object) -> Tensor:
    result: Tensor = getattr(_core._nn, name)(*arguments, inplace=True)
    return result


def relu_(input: Tensor) -> Tensor:
    """``relu`` in place."""
    return _in_place("relu", input)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """``leaky_relu`` in place."""
    return _in_place("leaky_relu", input, negative_slope)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """``elu`` in place."""
    return _in_place("elu", input, alpha)


def selu_(input: Tensor) -> Tensor:
    """``selu`` in place."""
    return _in_place("selu", input)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """``celu`` in place."""
    return _in_place("celu", input, alpha)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """``hardtanh`` in place."""
    return _in_place("hardtanh", input, min_val, max_val)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """``threshold`` in place."""
    return _in_place("threshold", input, threshold, value)


def _check_probability(name: str, p: object) -> None:
    """Refuse a ``p`` that is no probability, in the name of the function or module ``name``."""
    if isinstance(p, pb.Tensor) and p.ndim == 0 and not p.requires_grad:
        p = p.item()
    # As everywhere a Fraction is no number; NumPy's are.
    if not isinstance(p, numbers.Real) or (
        isinstance(p, numbers.Rational) and not isinstance(p, numbers.Integral)
    ):
        raise TypeError(f"{name}: p must be a number: got {type(p).__name__}.")
    if not 0.0 <= float(p) <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set each element to zero with probability ``p`` and divide the others by ``1 - p``.

    Without ``training`` (or with ``p == 0``) the input itself is returned.

    Raises:
        ValueError: ``p`` is not a probability.
    """
    _check_probability("dropout", p)
    if p == 0 or not training or input.numel() == 0:
        return input
    if p == 1:
        return input.mul_(0.0) if inplace else input * pb.zeros_like(input)
    # Made anew, so that vmap decides by its randomness; numbers are drawn in the order of memory.
    if input.is_contiguous():
        kept = pb.bernoulli(pb.empty(input.shape, dtype=input.dtype), 1 - p).div_(1 - p)
    else:
        drawn = pb.rand_like(input.detach(), dtype=pb.float64)
        kept = (drawn < 1 - p).to(input.dtype).div_(1 - p)
    return input.mul_(kept) if inplace else input * kept


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """Divide by the ``p``-norm along ``dim``, which counts as ``eps`` where it is smaller."""
    length = input.norm(p, dim, keepdim=True).clamp_min(eps)
    return input / length if out is None else pb.div(input, length, out=out)


def _index(function: str, name: str, value: Any) -> int:
    kind = type(value).__name__
    if isinstance(value, Tensor) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{function}(): argument {name!r} (position 2) must be int, not {kind}")
    return int(value)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A new last dimension that is 1 at the index given by the element, 0 elsewhere.

    Args:
        tensor: int64 class numbers of any shape.
        num_classes: length of the new dimension; -1: one more than the largest class number.

    Raises:
        RuntimeError: wrong dtype, or a class number outside ``[0, num_classes)``.
    """
    _check_tensor("one_hot", "input", tensor)
    num_classes = _index("one_hot", "num_classes", num_classes)
    if tensor.dtype != pb.int64:
        raise RuntimeError(
            "one_hot is only applicable to index tensor of type LongTensor: "
            f"got {tensor.dtype}, expected {pb.int64}."
        )
    if _core._batch_of(tensor) is not None:
        # The examples' numbers cannot be read: one that is out of range has zeros everywhere.
        if num_classes <= 0:
            raise RuntimeError(
                "When vmap-ing torch.nn.functional.one_hot, please provide an explicit positive "
                "num_classes argument."
            )
    elif tensor.numel() == 0:
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
        tensor = tensor.contiguous()
    classes = pb.arange(num_classes)
    return (tensor.unsqueeze(-1) == classes).to(pb.int64)
