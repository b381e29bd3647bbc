"""``Muon``.

K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
https://kellerjordan.github.io/posts/muon/.
"""

from __future__ import annotations

import math
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments
from pullback.optim._each import EachOptimizer
from pullback.optim._settings import check_settings

__all__ = ["Muon"]


class Muon(EachOptimizer):
    """Momentum whose step is made orthogonal, for the matrices inside of a network.

    Jordan et al., 2024. With ``buffer = momentum * buffer + (1 - momentum) * g``, and with
    ``nesterov`` the same mean of ``g`` and the buffer in its place, the step is ``-lr`` times the
    nearly orthogonal matrix to which ``ns_steps`` iterations of Newton and Schulz bring it,
    ``X = a X + (b A + c A A) X`` with ``A = X X^T``; in bfloat16, as in PyTorch. The rate is first
    multiplied by ``sqrt(max(1, rows / columns))``, or by ``0.2 * sqrt(max(rows, columns))`` for
    ``adjust_lr_fn="match_rms_adamw"`` (J. Liu et al., arXiv:2502.16982).

    Args:
        params: matrices of a floating dtype, named ones (pairs), or groups.
        lr: the rate.
        weight_decay: taken off the parameter, times ``lr``.
        momentum: weight of the past.
        nesterov: look ahead.
        ns_coefficients: ``a``, ``b`` and ``c``.
        eps: the smallest norm that is divided by.
        ns_steps: number of iterations, below 100.
        adjust_lr_fn: "original" (None stands for it) or "match_rms_adamw".

    The state of a parameter: ``momentum_buffer``.

    Raises:
        ValueError: a setting outside of its domain, or a parameter that is no matrix.

    Example:
        >>> import pullback as pb
        >>> w = pb.eye(2).requires_grad_()
        >>> optimizer = pb.optim.Muon([w], lr=0.5, weight_decay=0.0, ns_steps=30)
        >>> (w * pb.tensor([[0.0, 1.0], [-1.0, 0.0]])).sum().backward()
        >>> optimizer.step()
        >>> w.round(decimals=0).tolist()
        [[1.0, -0.0], [0.0, 1.0]]
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        name = type(self).__name__
        settings = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        kinds = dict.fromkeys(settings, "number")
        kinds |= {"nesterov": "flag", "ns_coefficients": "", "adjust_lr_fn": ""}
        check_settings(name, settings, kinds)
        _arguments.elements(name, "ns_coefficients", ns_coefficients, "three numbers")
        if adjust_lr_fn is not None:
            _arguments.texts(name, adjust_lr_fn=adjust_lr_fn)
        for condition, message in (
            (lr >= 0.0, f"Learning rate should be >= 0 but is: {lr}"),
            (momentum >= 0.0, f"momentum should be >= 0 but is: {momentum}"),
            (weight_decay >= 0.0, f"weight decay should be >= 0 but is: {weight_decay}"),
            (
                adjust_lr_fn in (None, "original", "match_rms_adamw"),
                f"Adjust learning rate function {adjust_lr_fn} is not supported",
            ),
        ):
            if not condition:
                raise ValueError(message)
        super().__init__(params, settings)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter with size: "
                        f"{p.size()}"
                    )

    def _update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        if p.is_complex():
            raise RuntimeError("Muon does not support complex parameters")
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = pb.zeros_like(g)
        momentum = group["momentum"]
        mean = state["momentum_buffer"].lerp_(g, 1 - momentum)
        mean = g.lerp(mean, momentum) if group["nesterov"] else mean
        update = _orthogonal(mean, group["ns_coefficients"], group["ns_steps"], group["eps"])
        rate = float(group["lr"])
        p.mul_(1 - rate * group["weight_decay"])
        p.add_(update, alpha=-rate * _rate_factor(group["adjust_lr_fn"], *p.shape))


def _orthogonal(matrix: Tensor, coefficients: Any, steps: int, eps: float) -> Tensor:
    """The matrix with its singular values near 1, in bfloat16."""
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = matrix.size(0) > matrix.size(1)
    x = matrix.to(pb.bfloat16)
    x = x.T if tall else x
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = pb.addmm(x, pb.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


def _rate_factor(kind: str | None, rows: int, columns: int) -> float:
    if kind == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))
