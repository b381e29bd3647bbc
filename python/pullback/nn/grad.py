"""``torch.nn.grad``: the gradients of a convolution by its input and by its weight.

Each is that of the convolution itself, so that it can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.nn import functional as F

__all__ = [
    "conv1d_input",
    "conv1d_weight",
    "conv2d_input",
    "conv2d_weight",
    "conv3d_input",
    "conv3d_weight",
]


def _gradient(
    convolved: Callable[[Tensor, Tensor], Tensor],
    sizes: Sequence[int],
    other: Tensor,
    grad_output: Tensor,
) -> Tensor:
    """Of ``convolved(x, other)`` by an ``x`` of the sizes, on which it does not depend."""
    recorded = pb.is_grad_enabled() and (other.requires_grad or grad_output.requires_grad)
    with pb.enable_grad():
        x = grad_output.new_zeros(sizes).requires_grad_()
        result = convolved(x, other if recorded else other.detach())
    given = grad_output if recorded else grad_output.detach()
    found: Tensor = pb.autograd.grad(result, x, given, create_graph=recorded)[0]
    return found


def conv1d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of ``F.conv1d`` by its input of the sizes ``input_size`` [N, C, L].

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.grad import conv1d_input
        >>> conv1d_input((1, 1, 4), pb.ones(1, 1, 2), pb.ones(1, 1, 3)).shape
        torch.Size([1, 1, 4])
    """
    return _gradient(
        lambda x, w: F.conv1d(x, w, None, stride, padding, dilation, groups),
        input_size,
        weight,
        grad_output,
    )


def conv1d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of ``F.conv1d`` by its weight of the sizes ``weight_size``.

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.grad import conv1d_weight
        >>> conv1d_weight(pb.ones(1, 1, 4), (1, 1, 2), pb.ones(1, 1, 3)).shape
        torch.Size([1, 1, 2])
    """
    return _gradient(
        lambda w, x: F.conv1d(x, w, None, stride, padding, dilation, groups),
        weight_size,
        input,
        grad_output,
    )


def conv2d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of ``F.conv2d`` by its input of the sizes ``input_size`` [N, C, H, W].

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.grad import conv2d_input
        >>> conv2d_input((1, 1, 4, 4), pb.ones(1, 1, 2, 2), pb.ones(1, 1, 3, 3)).shape
        torch.Size([1, 1, 4, 4])
    """
    return _gradient(
        lambda x, w: F.conv2d(x, w, None, stride, padding, dilation, groups),
        input_size,
        weight,
        grad_output,
    )


def conv2d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of ``F.conv2d`` by its weight of the sizes ``weight_size``.

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.grad import conv2d_weight
        >>> conv2d_weight(pb.ones(1, 1, 4, 4), (1, 1, 2, 2), pb.ones(1, 1, 3, 3)).shape
        torch.Size([1, 1, 2, 2])
    """
    return _gradient(
        lambda w, x: F.conv2d(x, w, None, stride, padding, dilation, groups),
        weight_size,
        input,
        grad_output,
    )


def conv3d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of ``F.conv3d`` by its input of the sizes ``input_size`` [N, C, D, H, W].

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.grad import conv3d_input
        >>> conv3d_input((1, 1, 4, 4, 4), pb.ones(1, 1, 2, 2, 2), pb.ones(1, 1, 3, 3, 3)).shape
        torch.Size([1, 1, 4, 4, 4])
    """
    return _gradient(
        lambda x, w: F.conv3d(x, w, None, stride, padding, dilation, groups),
        input_size,
        weight,
        grad_output,
    )


def conv3d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of ``F.conv3d`` by its weight of the sizes ``weight_size``.

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.grad import conv3d_weight
        >>> conv3d_weight(pb.ones(1, 1, 4, 4, 4), (1, 1, 2, 2, 2), pb.ones(1, 1, 3, 3, 3)).shape
        torch.Size([1, 1, 2, 2, 2])
    """
    return _gradient(
        lambda w, x: F.conv3d(x, w, None, stride, padding, dilation, groups),
        weight_size,
        input,
        grad_output,
    )
