"""Attention with several heads, around the operator ``scaled_dot_product_attention``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pullback as pb
from pullback import Tensor, _arguments, _core
from pullback.nn import _operators

__all__ = ["multi_head_attention_forward"]

_linear: Callable[..., Tensor] = _operators.linear
_softmax: Callable[..., Tensor] = pb.softmax
_attention: Callable[..., Tensor] = _operators.scaled_dot_product_attention


def _dropped(weights: Tensor, p: float) -> Tensor:
    if p <= 0.0:
        return weights
    if not p <= 1.0:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
    if p == 1.0:
        return weights * 0.0
    return weights * _core._dropout_mask(weights, p)


def _canonical(mask: Tensor | None, name: str, dtype: Any) -> Tensor | None:
    """A mask of ``MultiheadAttention``, whose bools say where attention may not go."""
    if mask is None:
        return None
    if mask.dtype == pb.bool:
        return pb.zeros(mask.shape, dtype=dtype).masked_fill(mask, -math.inf)
    if not mask.is_floating_point():
        raise AssertionError(
            f"only bool and floating types of {name} are supported: got {mask.dtype}"
        )
    return mask


def _check_heads(
    query: Tensor,
    key: Tensor,
    key_padding_mask: Tensor | None,
    attn_mask: Tensor | None,
    num: int,
) -> bool:
    """Whether there is a batch."""
    if query.dim() not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.dim()}-D query"
        )
    batched = query.dim() == 3
    if key.dim() != query.dim():
        raise AssertionError(
            f"For {'batched' if batched else 'unbatched'} query, expected key and value to be "
            f"{query.dim()}-D but found {key.dim()}-D key"
        )
    if key_padding_mask is not None and key_padding_mask.dim() != query.dim() - 1:
        raise AssertionError(
            f"expected key_padding_mask to be {query.dim() - 1}-D but found "
            f"{key_padding_mask.dim()}-D"
        )
    if attn_mask is not None:
        if attn_mask.dim() not in (2, 3):
            raise AssertionError(
                f"expected attn_mask to be 2-D or 3-D but found {attn_mask.dim()}-D"
            )
        if not batched and attn_mask.dim() == 3 and attn_mask.size(0) != num:
            raise AssertionError(
                f"Expected attn_mask to be of size {num} in dimension 0, got {attn_mask.size(0)}"
            )
    return batched


def _projected(
    inputs: tuple[Tensor, Tensor, Tensor],
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    separate: tuple[Tensor | None, Tensor | None, Tensor | None] | None,
) -> list[Tensor]:
    biases = [None] * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
    query, key, value = inputs
    if separate is None:
        if in_proj_weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        if query is key and key is value:
            return list(_linear(query, in_proj_weight, in_proj_bias).chunk(3, -1))
        weights: Any = in_proj_weight.chunk(3)
    else:
        weights = separate
        for name, weight in zip("qkv", weights, strict=True):
            if weight is None:
                raise AssertionError(
                    f"use_separate_proj_weight is True but {name}_proj_weight is None"
                )
    return [_linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=True)]


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention of ``num_heads`` parts of the projected features; see ``MultiheadAttention``.

    Args:
        query: [targets, batch, features], or without the batch.
        key: [sources, batch, features].
        value: as ``key``.
        embed_dim_to_check: the features of ``query``.
        num_heads: into how many parts the features are cut.
        in_proj_weight: of the projections of all three, one above the other.
        in_proj_bias: of the same.
        bias_k: one more source, added to the keys.
        bias_v: its value.
        add_zero_attn: one more source of zeros.
        dropout_p: probability of zeros among the weights while training.
        out_proj_weight: of the projection of the result.
        out_proj_bias: of the same.
        training: whether there is dropout.
        key_padding_mask: [batch, sources], true where attention may not go.
        need_weights: give the weights, too.
        attn_mask: [targets, sources] or [batch * num_heads, targets, sources].
        use_separate_proj_weight: the three weights that follow replace ``in_proj_weight``.
        q_proj_weight: of queries.
        k_proj_weight: of keys.
        v_proj_weight: of values.
        static_k: keys [batch * num_heads, sources, features] in place of the projected ones.
        static_v: values likewise.
        average_attn_weights: give the mean of the weights over the heads.
        is_causal: says that ``attn_mask`` is causal; without ``need_weights`` it stands for it.

    Returns:
        The result in the shape of ``query``, and the weights or None.

    Raises:
        AssertionError: shapes or dtypes that do not fit.
        RuntimeError: ``is_causal`` without ``attn_mask``.
    """
    name = "multi_head_attention_forward"
    _arguments.tensors(name, query=query, key=key, value=value, out_proj_weight=out_proj_weight)
    given = {
        "in_proj_weight": in_proj_weight,
        "in_proj_bias": in_proj_bias,
        "bias_k": bias_k,
        "bias_v": bias_v,
        "out_proj_bias": out_proj_bias,
        "key_padding_mask": key_padding_mask,
        "attn_mask": attn_mask,
        "q_proj_weight": q_proj_weight,
        "k_proj_weight": k_proj_weight,
        "v_proj_weight": v_proj_weight,
        "static_k": static_k,
        "static_v": static_v,
    }
    _arguments.maybe(_arguments.tensors, name, **given)
    _arguments.integers(name, embed_dim_to_check=embed_dim_to_check, num_heads=num_heads)
    _arguments.numbers(name, dropout_p=dropout_p)
    _arguments.bools(
        name,
        add_zero_attn=add_zero_attn,
        training=training,
        need_weights=need_weights,
        use_separate_proj_weight=use_separate_proj_weight,
        average_attn_weights=average_attn_weights,
        is_causal=is_causal,
    )
    batched = _check_heads(query, key, key_padding_mask, attn_mask, num_heads)
    inputs = (query, key, value)
    if not batched:
        same = query is key and key is value
        query = query.unsqueeze(1)
        inputs = (query, query, query) if same else (query, key.unsqueeze(1), value.unsqueeze(1))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    targets, batch, features = query.shape
    if features != embed_dim_to_check:
        raise AssertionError(
            f"was expecting embedding dimension of {embed_dim_to_check}, but got {features}"
        )
    if features % num_heads != 0:
        raise AssertionError(f"embed_dim {features} not divisible by num_heads {num_heads}")
    if inputs[1].shape[:2] != inputs[2].shape[:2]:
        raise AssertionError(
            f"key's sequence and batch dims {tuple(inputs[1].shape[:2])} do not match value's "
            f"{tuple(inputs[2].shape[:2])}"
        )
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    padding = _canonical(key_padding_mask, "key_padding_mask", query.dtype)
    use_causal = is_causal and padding is None and not need_weights
    mask = None if use_causal else _canonical(attn_mask, "attn_mask", query.dtype)
    if mask is not None:
        size = (targets, inputs[1].size(0))
        expected = size if mask.dim() == 2 else (batch * num_heads, *size)
        if tuple(mask.shape) != expected:
            raise RuntimeError(
                f"The shape of the {mask.dim()}D attn_mask is {mask.shape}, but should "
                f"be {expected}."
            )

    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    q, k, v = _projected(inputs, in_proj_weight, in_proj_bias, separate)
    if mask is not None and mask.dim() == 2:
        mask = mask.unsqueeze(0)

    def longer(masks: Tensor | None) -> Tensor | None:
        return None if masks is None else _operators.pad(masks, (0, 1))

    if (bias_k is None) != (bias_v is None):
        one, other = ("bias_v", "bias_k") if bias_k is None else ("bias_k", "bias_v")
        raise AssertionError(f"{one} is set but {other} is None: both are needed, or neither")
    if bias_k is not None and bias_v is not None:
        k = pb.cat([k, bias_k.repeat(1, batch, 1)])
        v = pb.cat([v, bias_v.repeat(1, batch, 1)])
        mask, padding = longer(mask), longer(padding)
    width = features // num_heads

    def heads(x: Tensor) -> Tensor:
        return x.reshape(x.size(0), batch * num_heads, -1).transpose(0, 1)

    q = heads(q)
    k = heads(k) if static_k is None else static_k
    v = heads(v) if static_v is None else static_v
    if add_zero_attn:
        k = pb.cat([k, pb.zeros(batch * num_heads, 1, k.size(2), dtype=k.dtype)], 1)
        v = pb.cat([v, pb.zeros(batch * num_heads, 1, v.size(2), dtype=v.dtype)], 1)
        mask, padding = longer(mask), longer(padding)
    sources = k.size(1)
    if padding is not None:
        if tuple(padding.shape) != (batch, sources):
            raise AssertionError(
                f"expecting key_padding_mask shape of {(batch, sources)}, but got "
                f"{tuple(padding.shape)}"
            )
        spread = padding.reshape(batch, 1, 1, sources).expand(-1, num_heads, -1, -1)
        spread = spread.reshape(batch * num_heads, 1, sources)
        mask = spread if mask is None else mask + spread
    p = float(dropout_p) if training else 0.0

    if need_weights:
        scores = (q * math.sqrt(1.0 / width)) @ k.transpose(-2, -1)
        weights = _softmax(scores if mask is None else scores + mask, -1)
        weights = _dropped(weights, p)
        out = (weights @ v).transpose(0, 1).reshape(targets * batch, features)
        out = _linear(out, out_proj_weight, out_proj_bias)
        out = out.reshape(targets, batch, -1)
        weights = weights.reshape(batch, num_heads, targets, sources)
        if average_attn_weights:
            weights = weights.mean(1)
        return (out, weights) if batched else (out.squeeze(1), weights.squeeze(0))

    def apart(x: Tensor) -> Tensor:
        return x.reshape(batch, num_heads, x.size(1), -1)

    if mask is not None:
        mask = mask.unsqueeze(0) if mask.size(0) == 1 else apart(mask)
    out = _attention(apart(q), apart(k), apart(v), mask, p, use_causal)
    out = out.permute(2, 0, 1, 3).reshape(targets * batch, features)
    out = _linear(out, out_proj_weight, out_proj_bias).reshape(targets, batch, -1)
    return (out if batched else out.squeeze(1)), None
