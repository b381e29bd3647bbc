"""``nn.attention.bias`` and ``nn.attention.flex_attention`` beside torch's, run eagerly."""

from __future__ import annotations

import importlib
import math
from typing import Any

import pytest

import pullback as pb
from parity_both import same
from pullback.nn.attention import flex_attention as flex

torch = pytest.importorskip("torch")
MODULES = ("nn.attention.bias", "nn.attention.flex_attention")
HEAD = """
X, B = torch.nn.attention.flex_attention, torch.nn.attention.bias
X._FLEX_ATTENTION_DISABLE_COMPILE_DEBUG = True
F = torch.nn.functional
def r(*shape, step=1.7):
    count = 1
    for size in shape: count *= size
    return (torch.arange(float(count)) * step).sin().reshape(shape)
def causal(b, h, q, k): return q >= k
def window(b, h, q, k): return (q - k).abs() < 30
def second(b, h, q, k): return (q >= k) | (h == 1)
def late(b, h, q, k): return (q > k) & (k > 2)
q, k = r(2, 4, 40, 8), r(2, 4, 50, 8, step=0.9)
v, t = r(2, 4, 50, 6, step=0.3), r(4, 50)
def blocks(mod=causal, b=None, h=None, **given):
    return X.create_block_mask(mod, b, h, 40, 50, **{'BLOCK_SIZE': 16} | given)
"""
LINES = """
str(blocks()), repr(blocks()), blocks().to_dense(), blocks().shape, blocks().numel(), blocks().sparsity()
blocks().seq_lengths, blocks().BLOCK_SIZE, list(blocks().as_tuple()[:10]), list(blocks().as_tuple(False)[:9])
len(blocks().as_tuple()), len(blocks().as_tuple(False)), blocks().as_tuple()[-1] is causal
list(blocks(window, 2, 3, BLOCK_SIZE=(8, 32)).as_tuple()[:10])
list(blocks(second, 2, 3, separate_full_blocks=False).as_tuple()[:10])
str(X.create_block_mask(second, 2, 3, 500, 700, BLOCK_SIZE=16))
X.create_block_mask(second, 2, 3, 500, 700).to_string(grid_size=3, limit=2)
blocks(second, 2, 3, BLOCK_SIZE=4).to_string(grid_size=-1, limit=1)
X.create_mask(second, 2, 3, 4, 5)
X.create_mask(lambda s, b, h, q, k: torch.where(q >= k, s, -float('inf')), None, None, 4, 5)
X.create_mask(lambda b, h: b, None, None, 4, 5)
X.create_block_mask(lambda s, b, h, q, k: s, None, None, 4, 5)
X.create_block_mask(lambda b, h, q, k: q + k, None, None, 4, 5)
X.create_mask(X.and_masks(causal, window), None, None, 40, 50)
X.create_mask(X.or_masks(late, window), None, None, 40, 50)
X.and_masks(causal, 3)
X.or_masks(3)
X.create_mask(X.noop_mask, 2, None, 4, 5)
blocks(dq_kv_order=3)
X.flex_attention(q, k, v)
X.flex_attention(q, k, v, block_mask=blocks())
X.flex_attention(q, k, v, lambda s, b, h, i, j: s * 2 + h - b * (i - j) * 0.01, blocks(), 0.3)
X.flex_attention(q, k, v, lambda s, b, h, i, j: s + t[h, j], blocks(second, 2, 4))
X.flex_attention(q, k, v, block_mask=blocks(late))
X.flex_attention(q.double(), k.double(), v.double(), block_mask=blocks())
X.flex_attention(q, k[:, :2], v[:, :2], enable_gqa=True)
X.flex_attention(q, k[:, :3], v[:, :3], enable_gqa=True)
X.flex_attention(q, k[:, :2], v[:, :2])
X.flex_attention(q, k[:1], v[:1], block_mask=blocks(b=2))
X.flex_attention(q, k[:1], v[:1], block_mask=blocks())
X.flex_attention(q, k[:1], v[:1])
X.flex_attention(q, k[..., :3], v)
X.flex_attention(q[0], k[0], v[0])
X.flex_attention(q[0, 0, 0], k, v)
X.flex_attention(q[:, :, :30], k, v, block_mask=blocks())
X.flex_attention(r(2, 4, 70, 8), k, v, block_mask=blocks())
X.flex_attention(q, k, v, block_mask=blocks()[0])
X.flex_attention(q[:, :, :30], k[:, :, :30], v[:, :, :30], block_mask=blocks()._adjust(30, 30))
list(blocks()._adjust(20, 33).as_tuple()[:4])
list(blocks(b=2)[0].as_tuple()[:10]), blocks()[0, 0].shape, blocks()[:, :, 1].kv_indices, blocks(b=2)[-1].shape
blocks()[5].shape, blocks(b=3)[torch.tensor([0, 2])].kv_num_blocks, blocks()[0].mask_mod(1, 2, 3, 4)
blocks().to('cpu').kv_indices
X.flex_attention(q, k, v, return_aux=X.AuxRequest(lse=True))[1].lse
X.flex_attention(q, k, v, block_mask=blocks(late), return_aux=X.AuxRequest(lse=True))[1].lse
X.flex_attention(q, k, v, return_aux=X.AuxRequest())[1].lse
X.flex_attention(q, k, v, return_lse=True)[1]
X.flex_attention(q, k, v, return_lse=True, return_aux=X.AuxRequest())
X.flex_attention(q, k, v, kernel_options={'BACKEND': 'other'})
X.flex_attention(q, k, v, kernel_options={'BLOCK_M': 3, 'BACKEND': 'TRITON'})
X.BlockMask.from_kv_blocks(torch.tensor([1]), torch.tensor([0]))
X.BlockMask.from_kv_blocks(torch.tensor([[[1]]]), torch.tensor([[[[0]]]]), torch.tensor(1))
list(X.BlockMask.from_kv_blocks(torch.tensor([[[1, 2]]]), torch.tensor([[[[0, 1], [0, 1]]]]), BLOCK_SIZE=4).as_tuple()[:6])
str(B.causal_upper_left(3, 4)), str(B.causal_lower_right(3, 4)), int(B.causal_lower_right(3, 4).variant), repr(B.CausalVariant(1))
B.causal_upper_left(3)
B.causal_lower_right(3, 4, 5)
B.CausalBias(1, 2, 3)
F.scaled_dot_product_attention(q, k, v, B.causal_upper_left(40, 50))
F.scaled_dot_product_attention(q, k, v, B.causal_lower_right(40, 50))
F.scaled_dot_product_attention(q, k, v, attn_mask=B.causal_lower_right(40, 50), scale=0.2)
F.scaled_dot_product_attention(q, k, v, B.causal_lower_right(40, 50), 0.0, True)
F.scaled_dot_product_attention(k, q, q, B.causal_lower_right(50, 40))
F.scaled_dot_product_attention(q, k[:, :2], v[:, :2], B.causal_lower_right(40, 50), enable_gqa=True)
(w := q.clone().requires_grad_(), F.scaled_dot_product_attention(w, k, v, B.causal_lower_right(40, 50)).square().sum().backward(), w.grad)[2]
""".strip().split("\n")


@pytest.mark.parametrize("line", LINES)
def test_a_line(line: str) -> None:
    same(HEAD + line, MODULES, tolerance=(1e-5, 1e-5))


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_narrow_operands(name: str) -> None:
    def made(t: Any) -> Any:
        module = importlib.import_module(f"{t.__name__}.nn.attention.flex_attention")
        x = (t.arange(96.0) * 1.3).sin().reshape(1, 2, 6, 8).to(getattr(t, name))
        return module.flex_attention(x, x, x, lambda s, b, h, i, j: s + h)

    ours, theirs = made(pb), made(torch)
    assert str(ours.dtype) == str(theirs.dtype)
    rough = {"float16": 1e-3, "bfloat16": 1e-2}[name]
    torch.testing.assert_close(
        torch.tensor(ours.float().tolist()), theirs.float(), atol=rough, rtol=rough
    )


def test_derivatives_reach_what_the_functions_read() -> None:
    """In PyTorch there are none on the CPU."""
    x = [(pb.arange(24.0, dtype=pb.float64) * step).sin() for step in (1.7, 0.9, 0.4)]
    q, k, v = (each.reshape(1, 2, 3, 4).requires_grad_() for each in x)
    slopes = pb.tensor([0.7, 1.2], dtype=pb.float64, requires_grad=True)
    mask = flex.create_block_mask(
        lambda b, h, q, k: (q >= k) & (q > 0), None, None, 3, 3, BLOCK_SIZE=2
    )

    def out(*operands: Any) -> Any:
        def score(s: Any, b: Any, h: Any, i: Any, j: Any) -> Any:
            return s * operands[3][h] + (i - j)

        aux = flex.AuxRequest(lse=True, max_scores=True)
        made, (lse, most) = flex.flex_attention(*operands[:3], score, mask, return_aux=aux)
        return made, lse[:, :, 1:], most[:, :, 1:]

    operands = (q, k, v, slopes)
    assert pb.autograd.gradcheck(out, operands, check_forward_ad=True, check_batched_grad=True)
    assert pb.autograd.gradgradcheck(out, operands)
    # The first query reads nothing: zeros, and gradients that are numbers.
    made = out(*operands)[0]
    assert made[:, :, 0].tolist() == [[[0.0] * 4] * 2]
    aux = flex.flex_attention(q, k, v, None, mask, return_aux=flex.AuxRequest(True, True))[1]
    assert aux.lse[0, 0, 0].item() == aux.max_scores[0, 0, 0].item() == -math.inf
    (slope,) = pb.autograd.grad(made.sum(), q)
    assert bool(slope.isfinite().all())


def test_blocks_that_are_not_listed_are_not_read() -> None:
    """PyTorch's eager form reads ``mask_mod`` alone; its kernels read the lists, as here."""
    counts = pb.tensor([[[1, 1]]], dtype=pb.int32)
    columns = pb.tensor([[[[1, 0], [0, 1]]]], dtype=pb.int32)
    mask = flex.BlockMask.from_kv_blocks(counts, columns, BLOCK_SIZE=2)
    full = flex.BlockMask.from_kv_blocks(
        counts * 0, columns, counts, columns, 2, mask_mod=lambda b, h, q, k: q < 0
    )
    x = pb.randn(1, 1, 4, 3)
    dense = pb.tensor([[0, 0, 1, 1]] * 2 + [[1, 1, 0, 0]] * 2, dtype=pb.bool)
    expected = pb.nn.functional.scaled_dot_product_attention(x, x, x, dense)
    for each in (mask, full):
        pb.testing.assert_close(flex.flex_attention(x, x, x, block_mask=each), expected)


def test_what_is_refused_or_warned_of() -> None:
    with pytest.raises(NotImplementedError, match="compute_dq_write_order=True, expected False"):
        flex.create_block_mask(flex.noop_mask, 1, 1, 4, 4, compute_dq_write_order=True)
    with pytest.warns(DeprecationWarning, match="_compile changes nothing"):
        flex.create_block_mask(flex.noop_mask, 1, 1, 4, 4, _compile=True)
    x = pb.ones(1, 1, 4, 4)
    with pytest.warns(FutureWarning, match="return_lse is deprecated"):
        flex.flex_attention(x, x, x, return_lse=True)
    with pytest.raises(TypeError, match="query"):
        flex.flex_attention([1.0], x, x)  # type: ignore[arg-type]


def test_a_causal_mask_is_a_matrix_of_bools_elsewhere() -> None:
    bias = importlib.import_module("pullback.nn.attention.bias")
    mask = bias.causal_lower_right(2, 3)
    assert mask.shape == (2, 3)
    assert mask.dtype == pb.bool
    assert (~mask).tolist() == [[False, False, True], [False, False, False]]
    assert pb.cat([mask, mask]).sum().item() == 10
    with pytest.warns(UserWarning, match="got 3 queries and 2 keys"):
        bias.causal_lower_right(3, 2)
    with pytest.raises(RuntimeError, match="query has 4 rows, expected 2"):
        pb.nn.functional.scaled_dot_product_attention(*[pb.ones(4, 2)] * 3, mask)
