"""``SparseAdam``, for gradients that there are none of here."""

from __future__ import annotations

from typing import Any

from pullback.optim._each import EachOptimizer
from pullback.optim._settings import check_settings

__all__ = ["SparseAdam"]


class SparseAdam(EachOptimizer):
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
        complex_params = [
            [at, number]
            for at, group in enumerate(self.param_groups)
            for number, p in enumerate(group["params"])
            if p.is_complex()
        ]
        if complex_params:
            raise ValueError(
                f"Complex params at indices {complex_params}: SparseAdam does not support complex "
                "parameters"
            )

    def _update(self, *_: Any) -> None:
        raise RuntimeError(
            "SparseAdam does not support dense gradients, please consider Adam instead"
        )
