"""The private functions of ``torch.optim.optimizer`` that optimizers of programs import.

Such optimizers are written after PyTorch's own files; with these they run as they are, by their
loop over single tensors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import pullback as pb
from pullback import Tensor

__all__ = [
    "ParamsT",
    "_default_to_fused_or_foreach",
    "_disable_dynamo_if_unsupported",
    "_get_capturable_supported_devices",
    "_get_scalar_dtype",
    "_get_value",
    "_stack_if_compiling",
    "_to_scalar",
    "_use_grad_for_differentiable",
    "_view_as_real",
]

ParamsT = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]


def _use_grad_for_differentiable(func: Callable[..., Any]) -> Callable[..., Any]:
    """A ``step`` that is recorded where the optimizer's default ``differentiable`` says so."""

    @functools.wraps(func)
    def step(*args: Any, **kwargs: Any) -> Any:
        with pb.set_grad_enabled(args[0].defaults["differentiable"]):
            return func(*args, **kwargs)

    return step


def _get_value(x: Any) -> Any:
    """The number in a tensor; anything else as it is."""
    return x.item() if isinstance(x, Tensor) else x


def _to_scalar(x: Any) -> Any:
    """A tensor of one value without dimensions; a number as it is."""
    return x.squeeze() if isinstance(x, Tensor) and x.dim() != 0 else x


def _stack_if_compiling(x: Any) -> Any:
    return x


def _default_to_fused_or_foreach(
    params: list[Tensor],
    differentiable: bool,
    use_fused: bool = False,
) -> tuple[bool, bool]:
    """Neither: loops over single tensors are as fast here."""
    del params, differentiable, use_fused
    return False, False


def _get_scalar_dtype(is_fused: bool | None = None) -> pb.dtype:
    """The dtype of a count of steps."""
    double = not is_fused and pb.get_default_dtype() == pb.float64
    return pb.float64 if double else pb.float32


def _get_capturable_supported_devices(supports_xla: bool = True) -> list[str]:
    devices = ["cuda", "xpu", "hpu", "privateuseone"]
    return [*devices, "xla"] if supports_xla else devices


def _view_as_real(params: list[Tensor], *state_and_grads: list[Tensor]) -> None:
    """Puts views of pairs of real numbers in place of the complex tensors of the lists."""
    for i, param in enumerate(params):
        if param.is_complex():
            params[i] = pb.view_as_real(param)
            for values in state_and_grads:
                values[i] = pb.view_as_real(values[i])


def _disable_dynamo_if_unsupported(
    single_tensor_fn: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    del single_tensor_fn
    return lambda func: func
