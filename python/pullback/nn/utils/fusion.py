"""A normalisation in evaluation mode that follows a layer becomes part of the layer's weights."""

from __future__ import annotations

import copy
from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.nn.parameter import Parameter

__all__ = [
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
]


def _check_modes(function: str, layer: Any, bn: Any) -> None:
    if layer.training or bn.training:
        raise AssertionError(f"{function}: fusion is only for modules in eval mode.")


def _scale(mean: Tensor, var: Tensor, eps: float, weight: Any, bias: Any) -> tuple[Any, Any, Any]:
    gain = (pb.ones_like(mean) if weight is None else weight) * pb.rsqrt(var + eps)
    return gain, mean, pb.zeros_like(mean) if bias is None else bias


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a convolution followed by a batch normalisation.

    Args:
        conv_w: weight, shape ``[out, in, *]``, with ``transpose`` ``[in, out, *]``.
        conv_b: bias, shape ``[out]``, or None.
        bn_rm: running mean, shape ``[out]``.
        bn_rv: running variance, shape ``[out]``.
        bn_eps: what is added to the variance.
        bn_w: gain of the normalisation, or None for ones.
        bn_b: its bias, or None for zeros.
        transpose: whether the convolution is a transposed one.
    """
    gain, mean, shift = _scale(bn_rm, bn_rv, bn_eps, bn_w, bn_b)
    shape = [1] * conv_w.dim()
    shape[1 if transpose else 0] = -1
    weight = (conv_w * gain.reshape(shape)).to(conv_w.dtype)
    bias = ((pb.zeros_like(mean) if conv_b is None else conv_b) - mean) * gain + shift
    wants = conv_w.requires_grad
    return (
        Parameter(weight.detach(), wants),
        Parameter(bias.detach(), wants if conv_b is None else conv_b.requires_grad),
    )


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A copy of a convolution that does what it and the normalisation behind it do.

    Args:
        conv: a convolution in evaluation mode.
        bn: a batch normalisation in evaluation mode, with running statistics.
        transpose: whether the convolution is a transposed one.

    Raises:
        AssertionError: one of them is in training mode, or has no running statistics.
    """
    _check_modes("fuse_conv_bn_eval", conv, bn)
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("fuse_conv_bn_eval: bn must have running statistics.")
    fused = copy.deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight,
        fused.bias,
        bn.running_mean,
        bn.running_var,
        bn.eps,
        bn.weight,
        bn.bias,
        transpose,
    )
    return fused


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor,
    bn_b: Tensor,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a linear layer followed by a batch normalisation.

    Args:
        linear_w: weight, shape ``[out, in]``.
        linear_b: bias, shape ``[out]``, or None.
        bn_rm: running mean, shape ``[out]``.
        bn_rv: running variance, shape ``[out]``.
        bn_eps: what is added to the variance.
        bn_w: gain of the normalisation.
        bn_b: its bias.

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.utils import fuse_linear_bn_weights
        >>> one = pb.ones(1)
        >>> w, b = fuse_linear_bn_weights(pb.ones(1, 2), None, one, 4 * one, 0.0, one, one)
        >>> w.tolist(), b.tolist()
        ([[0.5, 0.5]], [0.5])
    """
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A copy of a linear layer that does what it and the normalisation behind it do.

    Args:
        linear: a linear layer in evaluation mode.
        bn: a batch normalisation in evaluation mode, of as many features as the layer gives, or
            of one.

    Raises:
        AssertionError: one of them is in training mode, or the numbers of features differ.
    """
    _check_modes("fuse_linear_bn_eval", linear, bn)
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1"
        )
    fused = copy.deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused
