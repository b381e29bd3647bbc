"""Attention with a function of the user's for each score: ``flex_attention``.

There is no compiler here: the scores [B, H, queries, keys] are formed, the functions run over all
of them at once by ``vmap``, and everything has derivatives of every order, the tensors that the
functions close over, too.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias, TypedDict

import pullback as pb
from pullback import Tensor, _arguments
from pullback.nn.attention._block_mask import (
    DEFAULT_SIZE,
    WHOLE,
    BlockMask,
    _of_a_slice,
    and_masks,
    create_block_mask,
    create_mask,
    noop_mask,
    or_masks,
    over_all_scores,
    positions,
)

__all__ = [
    "AuxOutput",
    "AuxRequest",
    "BlockMask",
    "FlexKernelOptions",
    "and_masks",
    "create_block_mask",
    "create_mask",
    "flex_attention",
    "noop_mask",
    "or_masks",
]

_DEFAULT_SPARSE_BLOCK_SIZE = DEFAULT_SIZE
_BACKENDS = ("AUTO", "TRITON", "FLASH", "TRITON_DECODE")
_Backend: TypeAlias = Literal["AUTO", "TRITON", "FLASH", "TRITON_DECODE"]

for _each in (BlockMask, and_masks, create_block_mask, create_mask, noop_mask, or_masks):
    _each.__module__ = __name__


class FlexKernelOptions(TypedDict, total=False):
    """Hints for PyTorch's kernels of GPUs; they change nothing here."""

    num_warps: int
    num_stages: int
    BLOCK_M: int
    BLOCK_N: int
    BLOCK_M1: int
    BLOCK_N1: int
    BLOCK_M2: int
    BLOCK_N2: int
    PRESCALE_QK: bool
    ROWS_GUARANTEED_SAFE: bool
    BLOCKS_ARE_CONTIGUOUS: bool
    WRITE_DQ: bool
    FORCE_USE_FLEX_ATTENTION: bool
    USE_TMA: bool
    kpack: int
    matrix_instr_nonkdim: int
    waves_per_eu: int
    BACKEND: _Backend


class AuxRequest(NamedTuple):
    """What ``flex_attention`` is to return beside the values."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What it returns: None for what was not asked for."""

    lse: Tensor | None = None
    max_scores: Tensor | None = None


def _check_operands(
    query: Tensor, key: Tensor, value: Tensor, gqa: bool, block_mask: BlockMask | None
) -> None:
    for name, operand in (("query", query), ("key", key), ("value", value)):
        if not isinstance(operand, Tensor):
            _arguments.refuse("flex_attention", name, "Tensor", operand)
    dims = (query.dim(), key.dim(), value.dim())
    if min(dims) < 2:
        raise ValueError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{dims[0]}, key.dim: {dims[1]} and value.dim: {dims[2]} instead."
        )
    if query.size(-1) != key.size(-1):
        raise ValueError(
            "Expect query and key/value to have the same embedding dimension "
            f"but got E={query.size(-1)} and E={key.size(-1)}."
        )
    if dims != (4, 4, 4):
        raise NotImplementedError(
            f"NYI: query, key, and value must be 4D tensors: got {dims} dimensions"
        )
    heads, kv_heads = query.size(1), key.size(1)
    if not gqa and heads != kv_heads:
        raise ValueError(
            "Expect query and key/value to have the same number of heads but got "
            f"Hq={heads} and Hkv={kv_heads}. Try setting enable_gqa=True for GQA."
        )
    if gqa and heads % kv_heads != 0:
        raise ValueError(
            "Expect number of query heads to be a multiple of kv heads for GQA but got "
            f"Hq={heads} and Hkv={kv_heads}."
        )
    batch, kv_batch = query.size(0), key.size(0)
    if batch != kv_batch:
        if block_mask is None:
            raise ValueError(
                "Expect query and key/value to have the same batch size, or non-none block_mask, "
                f"but got block_mask=None, Bq={batch}, and Bkv={kv_batch}."
            )
        if block_mask.kv_num_blocks.size(0) != batch:
            raise ValueError(
                "Expect query and key/value to have the same batch size, or block_mask and query "
                f"to have the same batch size, but got Bq={batch}, Bkv={kv_batch}, "
                f"B_block_mask={block_mask.kv_num_blocks.size(0)}."
            )
        if kv_batch != 1:
            raise RuntimeError(f"Bq and Bkv must broadcast. Got Bq={batch} and Bkv={kv_batch}")


def _check_mask(block_mask: BlockMask, queries: int, keys: int) -> None:
    if block_mask.mask_mod is _of_a_slice:
        raise RuntimeError("Cannot use mask_mod from a sliced BlockMask")
    if block_mask.BLOCK_SIZE == (WHOLE, WHOLE):
        return
    lengths = tuple(block_mask.shape[-2:])
    if lengths == (queries, keys):
        return
    said = (
        f"block_mask was created for block_mask.shape={block_mask.shape} but got "
        f"q_len={queries} and kv_len={keys}. "
    )
    if queries > lengths[0] or keys > lengths[1]:
        raise ValueError(
            said + "As the block mask was created for a smaller length than you're using it for, "
            "you likely need to create a new block mask."
        )
    raise ValueError(
        said + "As the block mask was created for a larger length than you're using it for, create "
        "a new one with the right length, or crop it to its upper left corner, which does not "
        "suit every mask_mod: block_mask._adjust(q_len, kv_len)."
    )


def _check_options(options: FlexKernelOptions | None) -> None:
    backend = (options or {}).get("BACKEND", "AUTO")
    if backend not in _BACKENDS:
        raise ValueError(f"Invalid BACKEND value '{backend}'. Must be one of {_BACKENDS}")


def flex_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    score_mod: Callable[..., Tensor] | None = None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: FlexKernelOptions | None = None,
    *,
    return_aux: AuxRequest | None = None,
) -> Any:
    """``softmax(score_mod(scale * query @ key.mT)) @ value`` where the mask lets it through.

    Scores are float32, float64 for operands of float64. A query that reads no key gives zeros.

    Args:
        query: [B, Hq, L, E].
        key: [B, Hkv, S, E]; B may be 1 when the block mask has the batch of the query.
        value: [B, Hkv, S, Ev].
        score_mod: ``score_mod(score, batch, head, query, key)``, a function of one score and its
            four positions, all of them 0-d tensors. It may read other tensors.
        block_mask: what is read; see ``create_block_mask``.
        scale: the factor of the scores, by default ``1 / sqrt(E)``.
        enable_gqa: whether there may be fewer heads of keys than of queries.
        return_lse: given up by PyTorch for ``return_aux``.
        kernel_options: hints for kernels of GPUs; they change nothing.
        return_aux: what else is returned.

    Returns:
        [B, Hq, L, Ev] in the dtype of the query; with ``return_aux`` a pair of that and an
        ``AuxOutput`` of [B, Hq, L] each, with ``return_lse`` a pair with the log-sum-exp.

    Raises:
        ValueError: shapes do not fit, or the mask is one of other lengths.
        NotImplementedError: an operand has not four dimensions.
        RuntimeError: the mask is a slice whose ``mask_mod`` was not set anew.

    Example:
        >>> import pullback as pb
        >>> from pullback.nn.attention.flex_attention import create_block_mask, flex_attention
        >>> slopes = pb.tensor([0.5, 0.25], requires_grad=True)
        >>> q = pb.ones(1, 2, 3, 4)
        >>> causal = create_block_mask(lambda b, h, q, k: q >= k, None, None, 3, 3)
        >>> def alibi(score, b, h, q, k):
        ...     return score - slopes[h] * (q - k)
        >>> out = flex_attention(q, q, pb.arange(24.0).reshape(1, 2, 3, 4), alibi, causal)
        >>> out[0, :, :, 0]
        tensor([[ 0.0000,  2.4898,  5.2806],
                [12.0000, 14.2487, 16.6598]], grad_fn=<SelectBackward0>)
        >>> pb.autograd.grad(out.sum(), slopes)[0]
        tensor([13.2049, 14.2789])
    """
    _check_operands(query, key, value, enable_gqa, block_mask)
    _check_options(kernel_options)
    if block_mask is not None:
        _check_mask(block_mask, query.size(2), key.size(2))
    if return_lse and return_aux is not None:
        raise ValueError(
            "Cannot specify both return_lse and return_aux. return_lse is deprecated, please use "
            "return_aux=AuxRequest(lse=True) instead."
        )
    if return_lse:
        warnings.warn(
            "return_lse is deprecated. Please use return_aux=AuxRequest(lse=True) instead.",
            FutureWarning,
            stacklevel=2,
        )
    factor = 1 / math.sqrt(query.size(-1)) if scale is None else scale
    scores = _scores(query, key, factor, score_mod, block_mask)
    masked = (scores == -math.inf).all(-1, keepdim=True)
    # A row without a key has no softmax: its scores are taken for zeros, and its result is zero.
    weights = scores.masked_fill(masked, 0).softmax(-1).masked_fill(masked, 0)
    out = weights.to(query.dtype) @ _of_query_heads(value, query).to(query.dtype)
    request = AuxRequest(lse=return_lse) if return_aux is None else return_aux
    if not request.lse and not request.max_scores:
        return out if return_aux is None else (out, AuxOutput())
    lse = scores.masked_fill(masked, 0).logsumexp(-1).masked_fill(masked.squeeze(-1), -math.inf)
    if return_aux is None:
        return out, lse
    most = scores.amax(-1) if request.max_scores else None
    return out, AuxOutput(lse if request.lse else None, most)


def _of_query_heads(operand: Tensor, query: Tensor) -> Tensor:
    """Keys or values with the heads and the batch of the query."""
    repeated = operand.repeat_interleave(query.size(1) // operand.size(1), dim=1)
    return repeated.expand(query.size(0), *repeated.shape[1:])


def _scores(
    query: Tensor,
    key: Tensor,
    factor: float,
    score_mod: Callable[..., Tensor] | None,
    block_mask: BlockMask | None,
) -> Tensor:
    """[B, H, L, S], minus infinity where nothing is read."""
    dtype = pb.float64 if query.dtype == pb.float64 else pb.float32
    scores = query.to(dtype) @ _of_query_heads(key, query).to(dtype).mT * factor
    at = positions(tuple(scores.shape))
    if score_mod is not None:
        scores = over_all_scores(score_mod, with_scores=True)(scores, *at).to(dtype)
    if block_mask is not None:
        scores = scores.masked_fill(~block_mask.read(*at), -math.inf)
    return scores
