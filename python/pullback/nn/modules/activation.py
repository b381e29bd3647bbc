"""Activations: each a function of ``nn.functional`` with its settings kept.

``_Activation`` names that function in ``function`` and its settings in ``settings``; the
settings are attributes, so they can be changed after construction as in PyTorch.
"""

from __future__ import annotations

from typing import Any

from pullback import Tensor
from pullback.nn import functional as F
from pullback.nn.modules.module import Module

__all__ = [
    "ELU",
    "GELU",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]


class _Activation(Module):
    function = ""
    settings: tuple[str, ...] = ()

    def forward(self, input: Tensor) -> Tensor:
        kwargs = {name: getattr(self, name) for name in self.settings}
        if self.__dict__.get("inplace"):
            kwargs["inplace"] = True
        result: Tensor = getattr(F, self.function)(input, **kwargs)
        return result

    def extra_repr(self) -> str:
        shown = [f"{name}={_quoted(getattr(self, name))}" for name in self.settings]
        if self.__dict__.get("inplace"):
            shown.append("inplace=True")
        return ", ".join(shown)


class ReLU(_Activation):
    """``max(x, 0)``."""

    function = "relu"

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class LeakyReLU(_Activation):
    """``x`` where positive, ``negative_slope * x`` elsewhere."""

    function = "leaky_relu"
    settings = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace


class ELU(_Activation):
    """``x`` where positive, ``alpha * (exp(x) - 1)`` elsewhere."""

    function = "elu"
    settings = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace


class SiLU(_Activation):
    """``x * sigmoid(x)``."""

    function = "silu"

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class GELU(_Activation):
    """``x`` times the normal distribution function, exact or by ``approximate="tanh"``."""

    function = "gelu"
    settings = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate


class Softplus(_Activation):
    """``log(1 + exp(beta * x)) / beta``; ``x`` itself where ``beta * x`` is above threshold."""

    function = "softplus"
    settings = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold


class Softmax(_Activation):
    """Exponentials divided by their sum along ``dim``."""

    function = "softmax"
    settings = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim


class LogSoftmax(_Activation):
    """The logarithm of ``Softmax``, without its overflow."""

    function = "log_softmax"
    settings = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim


class Tanh(_Activation):
    """Hyperbolic tangent."""

    function = "tanh"


class Sigmoid(_Activation):
    """``1 / (1 + exp(-x))``."""

    function = "sigmoid"


class LogSigmoid(_Activation):
    """The logarithm of ``Sigmoid``, without its overflow."""

    function = "logsigmoid"


def _quoted(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)
