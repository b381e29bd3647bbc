"""``Adafactor``.

N. Shazeer, M. Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", ICML 2018.
"""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Tensor, _arguments
from pullback.optim._each import EachOptimizer
from pullback.optim._settings import check_settings, number_dtype, numbers_as_tensors

__all__ = ["Adafactor"]


class Adafactor(EachOptimizer):
    """``Adam`` without a mean gradient, whose mean squares of a matrix are a row and a column.

    Shazeer and Stern, ICML 2018, algorithms 4 and 5. With the weight ``step**beta2_decay`` of the
    newest square, the estimate ``v`` of the mean squares of a parameter with several dimensions is
    the product of the means over the last two dimensions, divided by the mean of both;
    ``u = g / sqrt(max(v, eps[0]**2))`` is divided by ``max(1, rms(u) / d)``, and the step is
    ``-max(eps[1], rms(p)) * min(lr, 1 / sqrt(step)) * u``.

    Args:
        params: tensors of a floating dtype and any shape, named tensors (pairs), or groups.
        lr: upper bound of the relative rate.
        beta2_decay: not positive; how fast the past is trusted.
        eps: the smallest root of ``v`` (None: the ``eps`` of the dtype), and of ``rms(p)``.
        d: threshold of the clipping, at least 1.
        weight_decay: taken off the parameter, times ``lr``.
        foreach: changes nothing.
        maximize: follow the gradient upwards.

    The state of a parameter: ``step``, then ``row_var`` and ``col_var``, or ``variance`` when it
    has fewer than two dimensions.

    Raises:
        ValueError: a setting outside of its domain.

    Example:
        >>> import pullback as pb
        >>> w = pb.tensor([1.0, 2.0], requires_grad=True)
        >>> optimizer = pb.optim.Adafactor([w], lr=0.1)
        >>> w.sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0.8419, 1.8419], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        name = type(self).__name__
        settings = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        kinds = dict.fromkeys(("lr", "beta2_decay", "d", "weight_decay"), "number")
        check_settings(name, settings, {**kinds, "eps": "", "foreach": "flag", "maximize": "flag"})
        _arguments.elements(name, "eps", eps, "two numbers")
        for condition, message in (
            (lr >= 0.0, f"Learning rate should be >= 0 but is: {lr}"),
            (beta2_decay <= 0.0, f"beta2_decay should be <= 0 but is: {beta2_decay}"),
            (eps[0] is None or eps[0] >= 0.0, f"epsilon1 should be >= 0 but is: {eps[0]}"),
            (eps[1] >= 0.0, f"epsilon2 should be >= 0 but is: {eps[1]}"),
            (d >= 1.0, f"Clipping threshold d should be >= 1 but is: {d}"),
            (weight_decay >= 0.0, f"weight_decay should be >= 0 but is: {weight_decay}"),
        ):
            if not condition:
                raise ValueError(message)
        super().__init__(params, settings)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        numbers_as_tensors(self.state, ["step"])

    def _update(self, p: Any, g: Any, state: dict[str, Any], group: dict[str, Any]) -> None:
        if p.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        if not state:
            state["step"] = pb.zeros((), dtype=number_dtype())
            if g.dim() > 1:
                state["row_var"] = g.new_zeros((*g.shape[:-1], 1))
                state["col_var"] = g.new_zeros((*g.shape[:-2], 1, g.shape[-1]))
            else:
                state["variance"] = pb.zeros_like(g)
        g = -g if group["maximize"] else g
        smallest, scale = group["eps"]
        smallest = pb.finfo(p.dtype).eps if smallest is None else smallest
        state["step"] += 1
        step = state["step"].item()
        rate = float(group["lr"])
        relative = min(rate, step**-0.5) * max(scale, _rms(p))
        if group["weight_decay"] != 0:
            p.mul_(1 - rate * group["weight_decay"])
        newest = step ** group["beta2_decay"]
        if g.dim() > 1:
            rows, columns = state["row_var"], state["col_var"]
            rows.lerp_(_mean_square(g, -1), newest)
            columns.lerp_(_mean_square(g, -2), newest)
            square = (rows @ columns) / rows.mean(dim=-2, keepdim=True).clamp(min=smallest)
        else:
            square = state["variance"].lerp_(g * g, newest)
        update = square.clamp(min=smallest * smallest).rsqrt() * g
        p.add_(update, alpha=-relative / max(1.0, _rms(update) / group["d"]))


def _rms(x: Tensor) -> float:
    """The root of the mean square."""
    return float(x.norm(2).item() / x.numel() ** 0.5) if x.numel() else 0.0


def _mean_square(x: Tensor, dim: int) -> Tensor:
    return pb.linalg.vector_norm(x, dim=dim, keepdim=True).square() / x.size(dim)
