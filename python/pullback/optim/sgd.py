"""``SGD``: stochastic gradient descent with momentum. See NOTE [One call a group]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pullback import _arguments, _core
from pullback.optim.optimizer import Optimizer, check_rate, check_variant, evaluated

__all__ = ["SGD"]


class SGD(Optimizer):
    """Gradient descent; the state of a parameter is its ``momentum_buffer``.

    With ``g = grad + weight_decay * p`` (``-grad`` to maximize), the buffer starts as ``g`` and
    then is ``momentum * buffer + (1 - dampening) * g``; the step is ``-lr`` times the buffer,
    with ``nesterov`` times ``g + momentum * buffer``, without momentum times ``g``.

    Raises:
        ValueError: a negative setting, or ``nesterov`` without momentum or with dampening.
        RuntimeError: ``differentiable`` is asked for.

    Example:
        >>> import pullback as pb
        >>> w = pb.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = pb.optim.SGD([w], lr=0.1, momentum=0.9)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.9000, 1.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        _arguments.numbers(
            "SGD", lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay
        )
        _arguments.flags(
            "SGD",
            nesterov=nesterov,
            maximize=maximize,
            foreach=foreach,
            differentiable=differentiable,
            fused=fused,
        )
        check_rate(lr)
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_variant("SGD", foreach=foreach, fused=fused, differentiable=differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters once; the result of ``closure``, called before, if it is given."""
        loss = None if closure is None else evaluated(closure)
        for group in self.param_groups:
            _core._sgd_step(
                group["params"],
                self.state,
                group["lr"],
                group["momentum"],
                group["dampening"],
                group["weight_decay"],
                group["nesterov"],
                group["maximize"],
            )
        return loss
