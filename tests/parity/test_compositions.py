"""``gradient``, ``renorm``, ``index_reduce`` and their like beside PyTorch.

A case is a call in the library's words; results, gradients by the first tensor, and the kinds of
errors are compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

CASES = """
lib.gradient(x)
lib.gradient(x, dim=1, spacing=2.0, edge_order=2)
lib.gradient(x, spacing=(0.5, 2.0), dim=(0, -1))
lib.gradient(x, spacing=(lib.tensor([0.0, 1.0, 4.0]), lib.tensor([0.0, 1.0, 2.0, 5.0])))
lib.gradient(x, spacing=[lib.tensor([0.0, 1.0, 4.0, 6.0])], dim=1, edge_order=2)
lib.gradient(x[:2], dim=0)
lib.gradient(x.detach().int(), dim=0)
lib.gradient(lib.tensor(1.0))
lib.gradient(x, spacing=lib.tensor(2.0))
lib.gradient(x, dim=5)
lib.gradient(x, dim=(0, 0))
lib.gradient(x, edge_order=3)
lib.gradient(lib.ones(1))
lib.gradient(lib.ones(2), edge_order=2)
lib.gradient(x, spacing=[1.0, 2.0, 3.0])
lib.gradient(x, spacing=[2.0, 1.0], dim=[0])
lib.renorm(x, 2, 0, 1.5)
lib.renorm(x, 1, -1, 0.5)
lib.renorm(x, float("inf"), 1, 0.7)
lib.renorm(x, -1, 0, 5)
lib.renorm(x, 2, 0, -5)
lib.renorm(x[0], 2, 0, 5)
lib.renorm(x, 2, 7, 5)
x.renorm(2, 0, 1.5)
x.detach().clone().renorm_(2, 0, 1.5)
lib.pdist(x)
lib.pdist(x, 1.0)
lib.pdist(x[0])
lib.index_reduce(x, 0, lib.tensor([0, 0, 2]), x.detach() + 1, "prod")
lib.index_reduce(x, 0, lib.tensor([0, 0, 2]), x.detach() + 1, "mean")
lib.index_reduce(x, 1, lib.tensor([0, 3]), x.detach()[:, 1:3], "amax")
lib.index_reduce(x, 0, lib.tensor([0, 0, 2]), x.detach() + 1, "amin", include_self=False)
lib.index_reduce(x, 0, lib.tensor([0, 0, 2]), x.detach(), "sum")
lib.index_reduce(x, 0, lib.tensor([0, 0]), x.detach(), "mean")
lib.index_reduce(x, 0, lib.tensor([0, 0, 3]), x.detach(), "mean")
lib.index_reduce(x, 0, lib.tensor([0.0, 0.0, 2.0]), x.detach(), "mean")
lib.index_reduce(x, 0, lib.tensor([0, 0, 2]), x.detach().float(), "mean")
x.index_reduce(0, lib.tensor([1]), x.detach()[:1], "prod")
x.detach().clone().index_reduce_(0, lib.tensor([1]), x.detach()[:1], "prod")
lib.unravel_index(lib.tensor([5, 7]), (3, 4))
lib.unravel_index(lib.tensor([5, 12, -1]), (3, 4))
lib.unravel_index(lib.tensor(5), 12)
lib.unravel_index(lib.tensor([], dtype=lib.int64), (0, 4))
lib.unravel_index(lib.tensor([5.0]), (3, 4))
lib.unravel_index(lib.tensor(5), (3, -4))
lib.unravel_index(lib.tensor(5), [3.0, 4.0])
lib.unravel_index(lib.tensor(5), lib.tensor([3, 4]))
lib.nonzero_static(x.detach() > 0, size=3)
lib.nonzero_static(x.detach() > 0, size=20, fill_value=-7)
lib.nonzero_static(lib.tensor(1.0), size=2)
lib.nonzero_static(x.detach(), size=-1)
lib.as_strided_scatter(x.detach(), lib.ones(2, 2, dtype=x.dtype), (2, 2), (1, 2), 1)
lib.as_strided_scatter(x, lib.ones(2, 3, dtype=x.dtype), (2, 2), (1, 2))
x.detach().as_strided_scatter(lib.ones(2, dtype=x.dtype), (2,), (5,))
lib.unfold_copy(x, 1, 2, 1)
lib.unsafe_chunk(x, 2, 1)
lib.empty_strided((2, 3), (1, 2)).stride()
lib.empty_strided((2, 3), (1,))
lib.empty_strided((2, 3), (-1, 2))
lib.empty_permuted((2, 3, 4), (1, 0, 2)).stride()
lib.empty_permuted((2, 3), (1, 1))
x.new_empty_strided((2, 3), (3, 1)).dtype == x.dtype
x.detach().clone().fill_diagonal_(5)
lib.zeros(7, 3).fill_diagonal_(5, wrap=True)
lib.zeros(3, 3, 3).fill_diagonal_(1)
lib.zeros(3, 2, 3).fill_diagonal_(1)
lib.zeros(3).fill_diagonal_(1)
(x * 1).fill_diagonal_(2)
lib.zeros(2, 2).map_(lib.ones(2), lambda a, b: a + b + 1)
lib.zeros(2, 2).map2_(lib.ones(2), lib.ones(2, 2), lambda a, b, c: a + b - 3 * c)
lib.zeros(2, 2).apply_(lambda a: a + 0.5)
lib.zeros(2).map_(lib.ones(2, dtype=lib.int64), lambda a, b: a)
x.apply_(lambda a: a)
lib.zeros(2).apply_(lambda a: "x")
x.t().dim_order()
lib.layer_norm(x, (4,))
lib.group_norm(x, 2)
lib.rms_norm(x, (4,))
lib.kl_div(x, x.detach().abs(), 2)
lib.binary_cross_entropy_with_logits(x, x.detach().sigmoid())
lib.poisson_nll_loss(x, x.detach().abs(), True, False, 1e-8, 1)
lib.constant_pad_nd(x, (1, 2), 3.0)
lib.convolution(x[None], lib.ones(2, 3, 3, dtype=x.dtype), None, [1], [1], [1], False, [0], 1)
lib.ldexp(x, lib.tensor([1, -2, 0, 3])).detach()
x.detach().clone().ldexp_(lib.tensor([1, -2, 0, 3]))
lib.unsafe_split(x, 2, 1)
lib.unsafe_split_with_sizes(x, [1, 3], 1)
lib.narrow_copy(x.detach(), 1, 1, 2)
lib.slice_copy(x, 1, 1, None, 2)
lib.slice_copy(x, 1, 1, None, 0)
lib.view_as_complex_copy(x.detach().reshape(3, 2, 2))
lib.adaptive_max_pool1d(x, 2)
lib.max_pool1d_with_indices(x, 2)
lib.gru_cell(x, lib.ones(3, 1, dtype=x.dtype), x.detach(), lib.ones(3, 1, dtype=x.dtype))
lib.rnn_tanh_cell(x, lib.ones(3, 3, dtype=x.dtype), x.detach(), lib.ones(3, 3, dtype=x.dtype))
""".strip().splitlines()


def outcome(lib: Any, text: str) -> tuple[Any, ...]:
    """Results and the gradient of their sum, as arrays; or the type of the error."""
    values = np.random.default_rng(3).normal(size=(3, 4))
    x = lib.tensor(values, dtype=lib.float64, requires_grad=True)
    try:
        result = eval(text, {"lib": lib, "x": x})
    except Exception as error:  # noqa: BLE001 - compared
        return (type(error).__name__,)
    several = list(result) if isinstance(result, tuple) else [result]
    arrays = [r.detach().numpy() if isinstance(r, lib.Tensor) else np.asarray(r) for r in several]
    loss = [r.sin().sum() for r in several if isinstance(r, lib.Tensor) and r.requires_grad]
    if loss:
        arrays += [g.numpy() for g in lib.autograd.grad(sum(loss), x)]
    return tuple(arrays)


@pytest.mark.parametrize("text", CASES)
def test_as_in_torch(text: str) -> None:
    ours, theirs = outcome(pb, text), outcome(torch, text)
    assert len(ours) == len(theirs), (ours, theirs)
    for a, b in zip(ours, theirs, strict=True):
        if isinstance(a, str) or isinstance(b, str):
            assert a == b
            continue
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_gradient_of_what_is_replaced_is_zero() -> None:
    """In PyTorch that of the input is put where the source's belongs."""
    x = pb.ones(2, 3, requires_grad=True)
    src = pb.full((2,), 5.0, requires_grad=True)
    (pb.as_strided_scatter(x, src, (2,), (4,)) ** 2).sum().backward()
    assert x.grad.tolist() == [[0.0, 2.0, 2.0], [2.0, 0.0, 2.0]]
    assert src.grad.tolist() == [10.0, 10.0]
