"""``MultiheadAttention``: attention of several heads, with its projections."""

from __future__ import annotations

from typing import Any

import pullback as pb
from pullback import Tensor
from pullback.nn import functional as F
from pullback.nn import init
from pullback.nn.modules.linear import NonDynamicallyQuantizableLinear
from pullback.nn.modules.module import Module
from pullback.nn.parameter import Parameter

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Attention of ``num_heads`` parts of the features, each projected by itself.

    Args:
        embed_dim: features of queries and of the result.
        num_heads: into how many parts the features are cut.
        dropout: probability of zeros among the weights while training.
        bias: whether the projections have biases.
        add_bias_kv: whether one more key and value are learned.
        add_zero_attn: whether one more key and value of zeros are added.
        kdim: features of keys, by default ``embed_dim``.
        vdim: features of values, by default ``embed_dim``.
        batch_first: inputs and result are [batch, length, features], not [length, batch, features].
        device: "cpu".
        dtype: of the parameters, by default the default dtype.

    Raises:
        ValueError: ``embed_dim`` or ``num_heads`` is not positive.
        AssertionError: ``embed_dim`` is not divisible by ``num_heads``.

    Example:
        >>> import pullback as pb
        >>> x = pb.ones(5, 2, 4)
        >>> out, weights = pb.nn.MultiheadAttention(4, 2)(x, x, x)
        >>> out.shape, weights.shape
        (torch.Size([5, 2, 4]), torch.Size([2, 5, 5]))
    """

    in_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, "
                f"got embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = kdim if kdim is not None else embed_dim
        self.vdim = vdim if vdim is not None else embed_dim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError(
                f"embed_dim must be divisible by num_heads: got {embed_dim} and {num_heads}"
            )
        kind = {"device": device, "dtype": dtype}

        def parameter(name: str, wanted: bool, *shape: int) -> None:
            made = Parameter(pb.empty(shape, **kind)) if wanted else None
            self.register_parameter(name, made)

        joined = self._qkv_same_embed_dim
        if joined:
            parameter("in_proj_weight", True, 3 * embed_dim, embed_dim)
        parameter("q_proj_weight", not joined, embed_dim, embed_dim)
        parameter("k_proj_weight", not joined, embed_dim, self.kdim)
        parameter("v_proj_weight", not joined, embed_dim, self.vdim)
        if not joined:
            parameter("in_proj_weight", False)
        parameter("in_proj_bias", bias, 3 * embed_dim)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, **kind)
        parameter("bias_k", add_bias_kv, 1, 1, embed_dim)
        parameter("bias_v", add_bias_kv, 1, 1, embed_dim)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (
            self.in_proj_weight,
            self.q_proj_weight,
            self.k_proj_weight,
            self.v_proj_weight,
        ):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            assert self.out_proj.bias is not None
            init.zeros_(self.out_proj.bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The result, and the weights if needed; see ``F.multi_head_attention_forward``."""
        turned = self.batch_first and query.dim() == 3
        if turned:
            first = query.transpose(0, 1)
            second = first if key is query else key.transpose(0, 1)
            third = second if value is key else value.transpose(0, 1)
            query, key, value = first, second, third
        out, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (out.transpose(0, 1) if turned else out), weights
