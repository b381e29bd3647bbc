"""``gradient``, ``renorm``, ``index_reduce`` and their like beside PyTorch.

A case is a call in the library's words; results, gradients by the first tensor, and the kinds of
errors are compared.
"""

from __future__ import annotations

from fractions import Fraction
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
lib.zeros(2, 2).map_(other=lib.ones(2), callable=lambda a, b: a + b + 1)
lib.zeros(2).map_(tensor=lib.ones(2), callable=lambda a, b: a)
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
lib.gradient(x.detach().int().to(lib.uint8))
lib.gradient(lib.tensor([1.0, 3, 6], dtype=lib.float16), spacing=[lib.tensor([0, 1, 4])])
lib.gradient(x, dim=0, spacing=[lib.tensor([0, 1, 4])])
lib.gradient(x, dim=0, spacing=[lib.tensor([False, True, False])])
lib.index_reduce(x, 0, lib.tensor([0, 0]), x.detach()[:2, :3], "prod")
lib.index_reduce(x, 0, lib.tensor([0, 0]), x.detach()[:2, :1], "amax")
lib.index_reduce(x, 0, lib.tensor([0]), x.detach()[0], "mean")
lib.index_reduce(x, 1, lib.tensor([], dtype=lib.int64), x.detach()[:2, :0], "prod")
lib.index_reduce(x, 1, lib.tensor([], dtype=lib.int64), x.detach()[:, :0], "prod")
lib.index_reduce(x[0, 0], 0, lib.tensor([0]), x.detach()[1, 1], "prod")
lib.index_reduce(x[0, 0], -1, lib.tensor(0), x.detach()[1, 1], "mean", include_self=False)
lib.index_reduce(x[0, 0], 0, lib.tensor([0]), x.detach()[1, 1:2], "prod")
lib.index_reduce(x[0, 0], 0, lib.tensor([1]), x.detach()[1, 1], "prod")
lib.index_reduce(x[0], 0, lib.tensor(1), x.detach()[1, 1], "prod")
lib.index_reduce(x, 0, lib.tensor([-1]), x.detach()[:1], "prod")
lib.index_reduce(x[:0], 0, lib.tensor([0]), x.detach()[:1], "prod")
x.detach()[0, 0].clone().index_reduce_(0, lib.tensor([0]), x.detach()[1, 1], "prod")
x.detach().clone().index_reduce_(0, lib.tensor([0]), x.detach()[:1, :2], "prod")
lib.vmap(lambda i: lib.index_reduce(x, 0, i, x.detach()[:2], "mean"))(lib.tensor([[0, 1], [2, 2]]))
lib.vmap(lambda a: lib.index_reduce(a, 0, lib.tensor([0]), a.detach()[:1], "amax"))(x)
lib.unravel_index(lib.tensor([5, 100], dtype=lib.int8), (300, 400))
lib.unravel_index(lib.tensor([5, 200], dtype=lib.uint8), (300, 400))
lib.unravel_index(lib.tensor([5, 7], dtype=lib.int32), (3, 4))
lib.unravel_index(lib.tensor([5, 7], dtype=lib.int16), ())
lib.unravel_index(lib.tensor([5, 7]), (3, 0))
lib.as_strided_scatter(x.detach().t(), lib.ones(2, 2, dtype=x.dtype), (2, 2), (1, 2), 1)
lib.as_strided_scatter(x.detach()[1:], lib.ones(3, dtype=x.dtype), (3,), (2,))
lib.as_strided_scatter(x.detach()[1:], lib.ones(3, dtype=x.dtype), (3,), (2,), 1)
lib.as_strided_scatter(x.detach()[:, ::2], lib.ones(2, 2, dtype=x.dtype), (2, 2), (4, 2))
lib.as_strided_scatter(x.detach()[:, ::2], lib.ones(2, 2, dtype=x.dtype), (2, 2), (4, 2)).stride()
lib.as_strided_scatter(x.detach()[:2], lib.ones(2, dtype=x.dtype), (2,), (1,), 8)
lib.as_strided_scatter(x.detach()[:2], lib.ones(2, dtype=x.dtype), (2,), (1,), 11)
lib.as_strided_scatter(x.detach()[0].expand(3, 4), lib.ones(2, dtype=x.dtype), (2,), (5,))
lib.ldexp(lib.tensor([0.0, 1.5, -3.0, 1e-30, 1e30, float("inf"), float("nan")]), lib.tensor(-200))
lib.ldexp(lib.tensor([0.0, 1.5, -3.0, 1e-30, 1e30, float("inf"), float("nan")]), lib.tensor([200]))
lib.ldexp(lib.tensor([0.0, 1.5, -3.0, 1e-30, 1e30, float("inf"), float("nan")]), lib.tensor(2000))
lib.ldexp(lib.tensor([1.5e-45, 1.0, 0.75]), lib.tensor([276, -149, -149]))
lib.ldexp(lib.tensor([1e300, 1e-300, 0.0], dtype=lib.float64), lib.tensor([-2000, 2000, 3000]))
lib.ldexp(lib.tensor([1.5, 0.0], dtype=lib.float16), lib.tensor([-24, 16]))
lib.ldexp(x, lib.tensor([3, 0, 2, 5]))
lib.ldexp(lib.tensor([3, 5]), lib.tensor([1, 2]))
lib.ldexp(lib.tensor([3, 5]), lib.tensor(0.5))
lib.ldexp(lib.tensor([3, 5]), lib.tensor([1 + 1j, 2 - 1j]))
lib.ldexp(lib.tensor([1.5, 2.0]), lib.tensor([1 + 1j, 2 - 1j]))
lib.ldexp(lib.tensor([1 + 1j, 2 - 1j]), lib.tensor([1, 2]))
lib.tensor([3, 5]).ldexp_(lib.tensor([1, 2]))
lib.tensor([3.0, 5.0]).ldexp_(lib.tensor([1j, 2]))
lib.tensor([3.0, 5.0]).ldexp_(lib.tensor([1.0, 2.0], dtype=lib.float64))
lib.empty_strided((2,), (1,), out=lib.zeros(2))
lib.empty_strided((2,), (1,), memory_format=lib.contiguous_format)
lib.empty_strided((2,), (1,), layout=lib.strided, device="cpu").dtype == lib.float32
lib.empty_strided((2,), (1,), pin_memory=False).stride()
lib.empty_strided((2,), (1,), pin_memory=3)
lib.empty_strided((2,), (1,), layout=3)
lib.empty_strided((2,), (1,), requires_grad=3)
lib.empty_strided(2, 1)
lib.empty_strided((2, -3), (1, 1))
lib.empty_permuted((2, -3), (1, 0))
lib.empty_permuted((2, 3), (1, 2))
lib.empty_permuted((2, 3), (1, 0), out=lib.zeros(2, 3))
lib.empty_permuted((2, 3), (1, 0), memory_format=lib.contiguous_format)
lib.empty_permuted((2, 3), (1, 0), dtype=None).dtype == lib.float32
x.new_empty_strided((2,), (1,), dtype=None).dtype == lib.float64
x.new_empty_strided((2,), (1,), dtype=lib.int32, requires_grad=False).dtype == lib.int32
x.new_empty_strided((2,), (1,), out=lib.zeros(2))
x.new_empty_strided((2,), (1,), memory_format=lib.contiguous_format)
lib.zeros(2).apply_(lambda a: np.float32(2.5))
lib.zeros(2).apply_(lambda a: lib.tensor(2.5))
lib.zeros(2).apply_(lambda a: Fraction(5, 2))
lib.zeros(2).apply_(lambda a: 1j)
lib.zeros(2, dtype=lib.complex64).apply_(lambda a: Fraction(5, 2))
lib.zeros(2, dtype=lib.complex64).apply_(lambda a: np.complex64(1 + 2j))
lib.zeros(2, dtype=lib.int64).apply_(lambda a: np.int64(3))
lib.zeros(2, dtype=lib.int64).apply_(lambda a: 2.75)
lib.zeros(2, dtype=lib.int64).apply_(lambda a: np.float32(3))
lib.zeros(2, dtype=lib.int64).apply_(lambda a: Fraction(5, 2))
lib.zeros(2, dtype=lib.uint8).apply_(lambda a: lib.tensor(7))
lib.zeros(2, dtype=lib.bool).apply_(lambda a: np.bool_(True))
lib.zeros(2, dtype=lib.bool).apply_(lambda a: 1j)
lib.zeros(2).map_(lib.ones(2), lambda a, b: np.float64(a + b))
lib.range(0, 3, dtype=lib.bool)
lib.grid_sampler(x[None, None], lib.zeros(1, 2, 2, 2, dtype=x.dtype), True, 0, False)
lib.grid_sampler(x[None, None], lib.zeros(1, 2, 2, 2, dtype=x.dtype), 0, False, False)
lib.kl_div(x, x.detach().abs(), True)
lib.hinge_embedding_loss(x, x.detach().sign(), False)
lib.poisson_nll_loss(x, x.detach().abs(), True, False, 1e-8, True)
lib.channel_shuffle(lib.ones(1, 4, 2, 2), True)
lib.pixel_shuffle(lib.ones(1, 4, 2, 2), True)
lib.pixel_unshuffle(lib.ones(1, 4, 2, 2), True)
lib.renorm(x, 2, True, 1.5)
lib.nonzero_static(x.detach(), size=True)
lib.index_reduce(x, False, lib.tensor([0]), x.detach()[:1], "prod")
lib.gradient(x, edge_order=True)
lib.gradient(x, dim=False)
lib.slice_copy(x, 0, True)
lib.narrow_copy(x, False, 0, 1)
lib.empty_strided((True,), (1,))
lib.histogram(x.detach(), True)
lib.histogram(x.detach(), np.int64(3))
lib.histogramdd(x.detach(), True)[0]
lib.histogramdd(x.detach(), np.int64(2))[0]
lib.histogramdd(x.detach(), lib.tensor(2))[0]
lib.histogramdd(x.detach(), [True, 2, 2, 2])[0]
lib.histogramdd(x.detach(), [2.0])[0]
x.eig()
x.symeig()
x.solve(x)
x.solve()
x.lstsq(x)
x.reinforce(1)
lib.range(0, 3, dtype=lib.complex64)
""".strip().splitlines()

SHAPES = """
lib.ones(2, 3)
lib.ones(2, 3).t()
lib.ones(1, 3)
lib.ones(3, 1)
lib.ones(2, 1, 3)
lib.ones(())
lib.ones(0, 3)
lib.ones(2, 0, 3)
lib.ones(3).expand(2, 3)
lib.ones(4).as_strided((2, 2), (1, 1))
lib.ones(2, 3)[:, :2]
lib.ones(2, 3, 4).permute(2, 0, 1)
lib.ones(2, 3, 4, 5)
lib.ones(2, 1, 4, 5)
lib.ones(2, 3, 1, 1)
lib.ones(1, 1, 1, 1)
lib.ones(2, 3, 4, 5).to(memory_format=lib.channels_last)
lib.ones(2, 1, 1, 3).to(memory_format=lib.channels_last)
lib.ones(2, 3, 4, 5, 6).to(memory_format=lib.channels_last_3d)
""".strip().splitlines()
CHECKS = [
    "False",
    "True",
    "[]",
    "[lib.contiguous_format]",
    "[lib.channels_last]",
    "[lib.contiguous_format, lib.channels_last]",
    "(lib.contiguous_format,)",
    "lib.contiguous_format",
    "[3]",
    "None",
]
CASES += [f"{x}.dim_order(ambiguity_check={check})" for x in SHAPES for check in CHECKS]


def outcome(lib: Any, text: str) -> tuple[Any, ...]:
    """Results and the gradient of their sum, as arrays; or the type of the error."""
    values = np.random.default_rng(3).normal(size=(3, 4))
    x = lib.tensor(values, dtype=lib.float64, requires_grad=True)
    try:
        result = eval(text, {"lib": lib, "x": x, "np": np, "Fraction": Fraction})
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


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_ldexp_rounds_once(dtype: str) -> None:
    """Beside Python's own, in numbers near both ends of the range and far outside of it."""
    random = np.random.default_rng(0)
    wide = dtype == "float64"
    least, most = (-1075, 1024) if wide else (-26, 16) if dtype == "float16" else (-150, 128)
    x = random.normal(size=500) * 2.0 ** random.integers(least, most, size=500)
    x = pb.tensor([*x, 0.0, -0.0, float("inf"), float("nan")], dtype=pb.float64).to(
        getattr(pb, dtype)
    )
    powers = random.integers(2 * least - 20, 2 * most + 20, size=x.numel())
    powers[:4] = [2**62, -(2**62), 10**5, -(10**5)]
    with np.errstate(over="ignore"):
        exact = np.ldexp(x.double().numpy(), powers.clip(-5000, 5000))
    expected = torch.tensor(exact).to(getattr(torch, dtype)).double().numpy()
    result = pb.ldexp(x, pb.tensor(powers)).double().numpy()
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(np.signbit(result), np.signbit(expected))


def test_as_strided_scatter_of_a_part_of_memory_has_the_gradients_of_its_elements() -> None:
    """Where PyTorch asserts inside: what is shown of the input is counted by its own places."""
    x = pb.arange(24.0, dtype=pb.float64, requires_grad=True)
    src = pb.ones(2, dtype=pb.float64, requires_grad=True)

    def scattered(x: Any, src: Any) -> Any:
        return pb.as_strided_scatter((x * 1)[2::2], src, (2,), (4,), 4).sin()

    assert pb.autograd.gradcheck(scattered, (x, src))
    assert pb.autograd.gradgradcheck(scattered, (x, src))
    tangents = pb.ones(24, dtype=pb.float64), pb.full((2,), 2.0, dtype=pb.float64)
    moved = pb.func.jvp(
        lambda x, s: pb.as_strided_scatter(x[2::2], s, (2,), (4,), 4), (x, src), tangents
    )
    assert moved[1].tolist() == [1, 2, 1, 2, 1, 1, 1, 1, 1, 1, 1]


def test_ldexp_by_integers_below_zero_has_the_slope_that_it_is() -> None:
    """PyTorch computes the power in the integers there, and gives zero."""
    x = pb.tensor([1.5, -2.0], dtype=pb.float64, requires_grad=True)
    pb.ldexp(x, pb.tensor([-3, 2])).sum().backward()
    assert x.grad.tolist() == [0.125, 4]


def test_ldexp_of_a_narrower_exponent_has_the_power_in_the_wider_dtype() -> None:
    """In PyTorch it depends on whether the exponent has dimensions."""
    x, power = pb.tensor([1.5, 0.0], dtype=pb.float64), pb.tensor([200.0, 200.0])
    assert pb.ldexp(x, power).tolist() == [1.5 * 2.0**200, 0]


def test_as_strided_scatter_of_examples_is_theirs_or_refused() -> None:
    x, src = pb.arange(12.0).reshape(2, 6), pb.tensor([-1.0, -2.0])

    def scattered(row: Any) -> Any:
        return pb.as_strided_scatter(row, src, (2,), (2,), 1)

    assert pb.vmap(scattered)(x).tolist() == [scattered(row.clone()).tolist() for row in x]
    for other in (lambda row: scattered(row[1:]), lambda row: scattered(row[::2])):
        with pytest.raises(RuntimeError, match="batched"):
            pb.vmap(other)(x)
    with pytest.raises(RuntimeError, match="batched"):
        pb.vmap(scattered, in_dims=1)(x.t().contiguous())


def test_where_an_example_begins_is_known() -> None:
    seen: dict[Any, list[Any]] = {pb: [], torch: []}
    for lib, offsets in seen.items():
        whole = lib.arange(60.0)[12:].reshape(4, 12)

        def look(row: Any, offsets: Any = offsets) -> Any:
            offsets.append((row.storage_offset(), row[2:].storage_offset()))
            return row

        lib.vmap(look)(whole)
        lib.vmap(look, in_dims=1)(whole)
        lib.vmap(lib.vmap(look))(whole.reshape(2, 2, 12))
        pairs = lib.arange(9.0)[1:].reshape(2, 2, 2)
        with pytest.raises(RuntimeError, match="storage_offset divisible by 2"):
            lib.vmap(lib.view_as_complex)(pairs)
        with pytest.raises(RuntimeError, match=r"storage_offset\(\) must be divisible"):
            lib.vmap(lambda row, lib=lib: row.view(lib.float64))(pairs)
    assert seen[pb] == seen[torch]


def test_differences_of_narrow_integers_are_exact() -> None:
    """In PyTorch they wrap around, those of the coordinates, too."""
    (found,) = pb.gradient(pb.tensor([100, 0, -100, 50], dtype=pb.int8))
    assert found.tolist() == [-100, -100, 25, 150]
    x = pb.tensor([1.0, 3.0, 2.0, 9.0])
    for dtype in (pb.uint8, pb.int8, pb.int32):
        places = pb.tensor([7, 5, 2, 0], dtype=dtype)
        assert pb.equal(
            pb.gradient(x, spacing=[places])[0], pb.gradient(x, spacing=[places.float()])[0]
        )
    far = pb.tensor([2**40, 2**40 + 1, 2**40 + 3])
    assert pb.gradient(pb.tensor([0.0, 1.0, 3.0]), spacing=[far])[0].tolist() == [1, 1, 1]
