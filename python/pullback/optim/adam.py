"""``Adam`` and ``AdamW``. See NOTE [One call a group]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback.optim.optimizer import Optimizer, check_rate, check_variant, evaluated

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Gradient descent with running means of the gradient and of its square.

    The state of a parameter is ``step`` (a 0-d tensor), ``exp_avg``, ``exp_avg_sq`` and, with
    ``amsgrad``, ``max_exp_avg_sq``. Weight decay is added to the gradient, or with
    ``decoupled_weight_decay`` taken off the parameter.

    Raises:
        ValueError: a setting outside its domain.
        RuntimeError: ``differentiable`` or ``capturable`` is asked for.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        name = type(self).__name__
        _arguments.numbers(name, lr=lr, eps=eps, weight_decay=weight_decay)
        if len(_arguments.elements(name, "betas", betas, "two numbers")) != 2:
            raise ValueError(f"{name}(): argument 'betas' must be two numbers, not {betas!r}")
        _arguments.numbers(name, **{"betas[0]": betas[0], "betas[1]": betas[1]})
        _arguments.flags(
            name,
            amsgrad=amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=decoupled_weight_decay,
        )
        check_rate(lr)
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for index in (0, 1):
            if not 0.0 <= betas[index] < 1.0:
                raise ValueError(f"Invalid beta parameter at index {index}: {betas[index]}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        kinds = [next((k for k in (float, Tensor) if isinstance(b, k)), None) for b in betas]
        if kinds[0] is None or kinds[0] is not kinds[1]:
            raise ValueError("betas must be either both floats or both Tensors")
        check_variant(
            type(self).__name__,
            foreach=foreach,
            fused=fused,
            differentiable=differentiable,
            capturable=capturable,
        )
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": (float(betas[0]), float(betas[1])),
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        # A state that somebody wrote with plain numbers for the step is welcome, too.
        for known in self.state.values():
            if "step" in known and not isinstance(known["step"], Tensor):
                known["step"] = pb.tensor(float(known["step"]))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters once; the result of ``closure``, called before, if it is given."""
        loss = None if closure is None else evaluated(closure)
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            _core._adam_step(
                group["params"],
                self.state,
                group["lr"],
                beta1,
                beta2,
                group["eps"],
                group["weight_decay"],
                group["amsgrad"],
                group["maximize"],
                group["decoupled_weight_decay"],
            )
        return loss


class AdamW(Adam):
    """``Adam`` whose weight decay is taken off the parameter instead of joining the gradient."""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
