"""What attention gives, one target at a time.

A reference takes the arguments of a sample with arrays in the places of the tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def mean_of_values(query: Any, key: Any, value: Any, bias: Any, scale: float) -> Any:
    scores = np.array([(query * k).sum() * scale for k in key]) + bias
    if not scores.size or scores.max() == -np.inf:
        return np.zeros(value.shape[1], value.dtype)
    weights = np.exp(scores - scores.max())
    return (weights[:, None] * value).sum(axis=0) / weights.sum()


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    assert dropout_p == 0
    if enable_gqa:
        heads = query.shape[-3]
        key = np.repeat(key, heads // key.shape[-3], axis=-3)
        value = np.repeat(value, heads // value.shape[-3], axis=-3)
    leading = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
    targets, sources = query.shape[-2], key.shape[-2]
    bias = np.zeros((*leading, targets, sources), query.dtype)
    if is_causal:
        bias[..., np.arange(sources) > np.arange(targets)[:, None]] = -np.inf
    elif attn_mask is not None and attn_mask.dtype == bool:
        bias[np.broadcast_to(~attn_mask, bias.shape)] = -np.inf
    elif attn_mask is not None:
        bias = bias + attn_mask
    factor = 1 / np.sqrt(query.dtype.type(query.shape[-1])) if scale is None else scale
    query, key, value = (np.broadcast_to(x, (*leading, *x.shape[-2:])) for x in (query, key, value))
    out = np.zeros((*leading, targets, value.shape[-1]), query.dtype)
    for place in np.ndindex(*leading, targets):
        lead = place[:-1]
        out[place] = mean_of_values(query[place], key[lead], value[lead], bias[place], factor)
    return out


REFERENCES: dict[str, Callable[..., Any]] = {
    "scaled_dot_product_attention": scaled_dot_product_attention,
}

OTHER_NAMES: dict[str, str] = {}
