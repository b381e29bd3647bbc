"""``safe_gradients``: a gradient of zero absorbs infinity and NaN in the backward pass."""

from __future__ import annotations

from pullback import _core
from pullback._grad_mode import _Mode

__all__ = ["safe_gradients"]


class safe_gradients(_Mode):
    """Inside the block a backward pass takes zero times anything for zero.

    Where the gradient that arrives at an elementwise operation is zero, the one that it gives is
    zero, too, also if its slope is infinite or NaN there. The same holds for the terms of products
    of matrices, and for the rows of softmaxes, norms, deviations, products and losses. Any other
    operation gives zeros when only zeros arrive. So a branch that ``where`` masks out does not
    poison the gradient. Values that the loss really depends on are not touched: a NaN there stays
    a NaN. It also decorates functions, and belongs to the thread.

    Example:
        >>> import pullback as pb
        >>> x = pb.tensor([0.0, 4.0], requires_grad=True)
        >>> loss = pb.where(x > 0, x.sqrt(), 0.0).sum()
        >>> with pb.safe_gradients():
        ...     loss.backward()
        >>> x.grad
        tensor([0.0000, 0.2500])
    """

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(_core._set_absorb(True))

    def __exit__(self, *exc: object) -> None:
        _core._set_absorb(self._before.pop())
