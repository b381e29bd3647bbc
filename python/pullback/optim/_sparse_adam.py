"""``SparseAdam``, for gradients that there are none of here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pullback.optim._settings import check_settings, evaluated
from pullback.optim.optimizer import Optimizer

__all__ = ["SparseAdam"]


class SparseAdam(Optimizer):
    """``Adam`` for sparse gradients; a gradient here is dense, which its ``step`` refuses.

    Args:
        params: tensors of a floating dtype and any shape, named tensors (pairs), or groups.
        lr: the rate, positive.
        betas: weights of the past.
        eps: positive.
        maximize: follow the gradient upwards.

    Raises:
        ValueError: a setting outside of its domain.
        RuntimeError: ``step`` where a parameter has a gradient.

    Example:
        >>> import pullback as pb
        >>> w = pb.ones(2, requires_grad=True)
        >>> optimizer = pb.optim.SparseAdam([w])
        >>> w.sum().backward()
        >>> optimizer.step()
        Traceback (most recent call last):
        RuntimeError: SparseAdam does not support dense gradients, please consider Adam instead
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize}
        kinds = {"lr": "number", "betas": "numbers", "eps": "number", "maximize": "flag"}
        check_settings(type(self).__name__, settings, kinds)
        if not lr > 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps > 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for index in (0, 1):
            if not 0.0 <= betas[index] < 1.0:
                raise ValueError(f"Invalid beta parameter at index {index}: {betas[index]}")
        super().__init__(params, settings)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """The result of ``closure``, if it is given and no parameter has a gradient after it."""
        loss = None if closure is None else evaluated(closure)
        for group in self.param_groups:
            if any(p.grad is not None for p in group["params"]):
                raise RuntimeError(
                    "SparseAdam does not support dense gradients, please consider Adam instead"
                )
        return loss
