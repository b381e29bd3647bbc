"""Infinite gradients, numbers at the ends of their range, and complex numbers without an order.

Beside PyTorch: the same values, or the same error in the same words. An infinite gradient times a
share of zero is NaN, so who gives shares must choose and not multiply.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import pullback as pb
from parity_both import same

torch = pytest.importorskip("torch")

INFINITE = """
nan, inf = float('nan'), float('inf')
i, v = torch.tensor([0, 0, 1]), [1.0, 2.0, 3.0]
"""

GRADIENTS = """
def run(function, *values, by=1.0, dtype=torch.float32):
    leaves = [torch.tensor(v, dtype=dtype, requires_grad=True) for v in values]
    out = function(*leaves)
    return out, torch.autograd.grad(out, leaves, torch.full_like(out, by))
def tangent(function, value, tangent):
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(torch.tensor(value), torch.tensor(tangent))
        return torch.autograd.forward_ad.unpack_dual(function(dual))[1]
"""


@pytest.mark.parametrize(
    "call",
    """
run(torch.max, [1.0, 3.0, 3.0], by=inf)
run(torch.min, [1.0, 3.0, 1.0], by=inf)
run(torch.amax, [1.0, 3.0, 2.0], by=inf)
run(torch.max, [[1.0, nan], [nan, 2.0]], by=-inf)
run(torch.median, [1.0, 3.0, 2.0], by=inf)
run(torch.nanmedian, [1.0, nan, 3.0, 2.0], by=inf)
run(lambda x: torch.aminmax(x).min, [1.0, 3.0])
tangent(torch.amax, [1.0, 3.0, 2.0], [inf, 1.0, inf])
tangent(lambda x: torch.aminmax(x).max, [1.0, 3.0, 2.0], [inf, 1.0, inf])
run(torch.xlogy, [0.0, 1.0, 0.0, 2.0], [inf, inf, 0.0, -1.0], by=0.0)
run(torch.xlogy, [0.0, 1.0, 0.0, 0.0], [inf, inf, 0.0, 2.0], by=inf)
run(lambda x: torch.xlogy(x, 0.0), [0.0, 1.0, -2.0], by=inf)
run(lambda x: torch.xlogy(x, inf), [0.0, 1.0], by=0.0)
run(lambda x: torch.xlogy(x, -1.0), [0.0, 1.0], by=inf)
run(lambda y: torch.xlogy(0.0, y), [0.0, inf, nan], by=1.0)
run(lambda x: x.logcumsumexp(0), [1.0, inf, 2.0, 3.0])
run(lambda x: x.logcumsumexp(0), [1.0, 2.0, inf])
run(lambda x: x.logcumsumexp(0), [inf, inf, 1.0])
run(lambda x: x.logcumsumexp(1), [[1.0, inf, 2.0], [0.0, 1.0, 2.0]])
run(torch.std, [1e30, 0.3])
run(torch.std, [1e-30, 2e-30])
run(lambda x: torch.std(x, 1), [[1e30, 0.3, -1e30], [1e-25, 0.0, 1e-30]])
run(lambda x: torch.std_mean(x)[0], [1e30, 0.3])
run(torch.var, [1e30, 0.3])
run(torch.std, [inf, 0.3])
run(torch.std, [0.5, 0.5])
run(lambda x, s: x.scatter_reduce(0, i, s, "sum", include_self=False), [1.0, 2.0], v, by=inf)
run(lambda x, s: x.scatter_reduce(0, i, s, "prod", include_self=False), [1.0, 2.0], v, by=inf)
run(lambda x, s: x.scatter_reduce(0, i, s, "mean", include_self=False), [1.0, 2.0], v, by=inf)
run(lambda x, s: x.scatter_reduce(0, i, s, "amax", include_self=False), [9.0, 9.0], v, by=inf)
run(lambda x: torch.linalg.vector_norm(x, nan), [])
run(lambda x: torch.linalg.vector_norm(x, nan, 0), [[], []])
run(lambda x: torch.linalg.vector_norm(x, 3.0), [0.0, 1.0, -2.0])
run(lambda x: torch.linalg.vector_norm(x, 3.0), [0.0, 0.0], by=inf)
run(lambda x: torch.linalg.vector_norm(x, -2.0), [3.0, 1.0, 0.0])
torch.std(torch.tensor([60000.0, 1.0], dtype=torch.float16))
torch.std(torch.tensor([1e-8, 3e-8], dtype=torch.bfloat16), correction=0)
""".strip().splitlines(),
)
def test_gradients(call: str) -> None:
    same(INFINITE + GRADIENTS + call)


@pytest.mark.parametrize("function", [pb.max, pb.amax, pb.median, pb.nanmedian])
def test_tangents_of_what_was_not_taken_are_not_read(function: Any) -> None:
    """In PyTorch an infinite one makes that of ``max()`` and of ``median()`` NaN."""
    x, t = pb.tensor([1.0, 3.0, 2.0]), pb.tensor([float("inf"), 1.0, 1.0])
    assert pb.func.jvp(function, (x,), (t,))[1].item() == 1.0


def test_tangents_behind_an_infinite_sum_are_those_of_its_element() -> None:
    x, t = pb.tensor([1.0, float("inf"), 2.0]), pb.tensor([5.0, 0.0, 1.0])
    moved = pb.func.jvp(lambda x: x.logcumsumexp(0), (x,), (t,))[1].tolist()
    assert moved[0] == 5
    x = pb.tensor([1.0, float("inf"), 2.0], requires_grad=True)
    out = x.logcumsumexp(0)
    slope = pb.autograd.grad(out[0] + out[2], x)[0].tolist()
    assert (slope[0], slope[2]) == (1, 0)


def test_the_spread_of_complex_numbers_does_not_overflow() -> None:
    """PyTorch gives an infinite one, whose gradient is zero."""
    z = pb.tensor([1e30 + 1e30j, 0.3], requires_grad=True)
    found = z.std()
    found.backward()
    wanted = pb.tensor([1e30 + 1e30j, 0.3], dtype=pb.complex128, requires_grad=True)
    wanted.std().backward()
    assert found.item() == pytest.approx(1e30, rel=1e-6)
    assert z.grad.tolist() == pytest.approx(wanted.grad.tolist(), rel=1e-6)


@pytest.mark.parametrize("unit", [1e-20, 1.0, 1e20])
@pytest.mark.parametrize("order", [1.5, 2.0, 3.0, 4.5, -2.0, -1.0])
def test_gradients_of_norms_do_not_depend_on_the_unit(order: float, unit: float) -> None:
    """Powers of the elements and of the norm overflow, or vanish; PyTorch's do, too."""
    x = pb.tensor([3 * unit, -unit, 2 * unit], requires_grad=True)
    norm = pb.linalg.vector_norm(x, order)
    (found,) = pb.autograd.grad(norm, x, create_graph=True)
    one = pb.tensor([3.0, -1.0, 2.0], dtype=pb.float64, requires_grad=True)
    expected = pb.linalg.vector_norm(one, order)
    (slope,) = pb.autograd.grad(expected, one, create_graph=True)
    assert norm.item() == pytest.approx(expected.item() * unit, rel=1e-5)
    assert found.tolist() == pytest.approx(slope.tolist(), rel=1e-5)
    (second,) = pb.autograd.grad(found[0], x)
    (curve,) = pb.autograd.grad(slope[0], one)
    assert second.tolist() == pytest.approx((curve / unit).tolist(), rel=1e-4)


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 64, 100, 1001])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "complex64"])
def test_points_of_a_line_are_the_same_bits(dtype: str, steps: int) -> None:
    for start, end in itertools.product((0, -3.3, 1, 5), (1, 5.7, -5, 100)):
        same(
            f"torch.linspace({start}, {end}, {steps}, dtype=torch.{dtype})",
            tolerance=(0.0, 0.0),
        )


@pytest.mark.parametrize("dtype", ["int64", "int32", "int8", "uint8"])
def test_points_of_a_line_in_integers(dtype: str) -> None:
    for end, steps in itertools.product((1, 5, 100), (2, 3, 7, 50)):
        same(f"torch.linspace(0, {end}, {steps}, dtype=torch.{dtype})")


NUMBERS = "[0.0, -0.0, 1.0, -1.0, inf, -inf, nan, 1e30, 1e-30, -3.7, 2.2]"
COMPLEX = "[0j, 1 + 0j, 2 + 0j, -1 + 0j, 1j, complex(inf, 0), complex(-inf, inf), 1 + 2j, 1e30j]"


@pytest.mark.parametrize("form", ["number", "0-d", "one element", "column"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_powers_of_a_number_and_of_a_tensor_of_one_element(dtype: str, form: str) -> None:
    """A root and a power differ at -inf and -0: only exponents that are numbers are roots."""
    values = COMPLEX if dtype.startswith("complex") else NUMBERS
    made = {
        "number": "{}",
        "0-d": "torch.tensor({}, dtype=dtype)",
        "one element": "torch.tensor([{}], dtype=dtype)",
        "column": "torch.tensor([[{}], [{}]], dtype=dtype)",
    }[form]
    head = f"{INFINITE}dtype = torch.{dtype}\nx = torch.tensor({values}, dtype=dtype)\n"
    for exponent in (2.0, -1.0, 0.5, -0.5, 0.0, 1.0, 3.0, -2.0, 1.5):
        same(f"{head}torch.pow(x, {made.replace('{}', str(exponent))})")
    for base in (0.0, 1.0, 2.0):
        same(f"{head}torch.pow({made.replace('{}', str(base))}, x)")
    if form == "number":
        same(f"{head}x ** 0.5, x ** -0.5, 1.0 ** x, x.pow(0.5).sum(), x.float_power(0.5)")


@pytest.mark.parametrize(
    "call",
    """
torch.argmax(z)
torch.argmin(z, 0)
torch.argmax(z, 5)
torch.argmax(z[:0])
torch.max(z)
torch.min(z)
torch.max(z, 0)
torch.min(z, 5)
torch.max(z[:0], 0)
torch.amax(z)
torch.amin(z, 0)
torch.amax(z[:0], 0)
torch.aminmax(z)
torch.aminmax(z, dim=0)
torch.aminmax(z[0], dim=0)
torch.sort(z)
torch.sort(z, 5)
torch.sort(z, stable=True)
torch.sort(z[0])
torch.argsort(z)
torch.msort(z)
torch.topk(z, 1)
torch.topk(z, 9)
torch.topk(z, 1, 5)
torch.topk(z.real > 0, 9)
torch.topk(z.real > 0, 1)
torch.kthvalue(z, 1)
torch.kthvalue(z, 9)
torch.median(z)
torch.median(z, 0)
torch.nanmedian(z)
torch.nanmedian(z, 0)
torch.mode(z)
torch.cummax(z, 0)
torch.cummin(z, 3)
torch.searchsorted(z.real, z)
torch.searchsorted(z, z.real)
torch.bucketize(z, z)
torch.unique(z)
torch.unique_consecutive(z)
torch.isin(z, z)
torch.bincount(z)
torch.bincount(z[:0])
""".strip().splitlines(),
)
def test_complex_numbers_have_no_order(call: str) -> None:
    same(f"z = torch.tensor([1 + 1j, 2.0, 0.5j])\n{call}", words=True)


@pytest.mark.parametrize(
    "call",
    """
torch.topk(torch.tensor(1.0), 0)
torch.topk(torch.tensor(1.0), 0, largest=False)
torch.topk(torch.tensor(1.0), 1)
torch.topk(torch.tensor(1.0), 2)
torch.topk(torch.tensor(1.0), 0, dim=1)
torch.autograd.grad(torch.topk(x.sum(), 0)[0], x)
torch.tensordot(torch.ones(2, 1), torch.arange(6.0).reshape(3, 2), dims=1)
torch.tensordot(torch.arange(6.0).reshape(2, 3), torch.ones(1, 2), dims=1)
torch.tensordot(torch.ones(2, 1, 4), torch.ones(3, 4, 2), dims=([1, 2], [0, 1]))
torch.tensordot(torch.ones(2, 1, 4), torch.ones(3, 1, 2), dims=([1, 2], [0, 1]))
torch.tensordot(torch.ones(2, 1), torch.ones(0, 2), dims=1)
torch.tensordot(torch.ones(2, 2), torch.ones(3, 2), dims=1)
torch.autograd.grad(torch.tensordot(x.reshape(3, 1), w, dims=1).sum(), (x, w))
torch.autograd.grad(torch.tensordot(w.t(), x.reshape(1, 3), dims=1).sum(), (x, w))
""".strip().splitlines(),
)
def test_sizes_of_one_and_none(call: str) -> None:
    head = "x = torch.arange(3.0, requires_grad=True)\nw = torch.ones(2, 2, requires_grad=True)\n"
    same(head + call)


@pytest.mark.parametrize(
    "call",
    """
z.sum()
z.sum(0)
z.sum(tuple(range(63)))
z.mean(-1)
z.cumsum(5)
z.prod(3)
(z * 2 + z.conj())
z.clone() == z
z.permute(*reversed(range(64))).contiguous()
z.all()
z.permute(*reversed(range(64))).sum(0)
z.abs()
torch.gather(z, 63, torch.zeros([1] * 64, dtype=torch.int64))
torch.cat([z, z], 7).sum(7)
z.index_select(63, torch.tensor([1, 0, 1]))
z.masked_fill(z == 1, 3)
z.flip(0, 63)
torch.zeros([0] * 64, dtype=torch.complex64).sum(3).shape
torch.zeros([0] * 64, dtype=torch.complex64).sum().shape
torch.zeros([0] * 64, dtype=torch.complex64).cumsum(3).shape
""".strip().splitlines(),
)
def test_complex_numbers_in_64_dimensions(call: str) -> None:
    """Kernels that see pairs of real numbers see 65."""
    same(f"z = torch.tensor([1 + 2j, 3 - 1j]).reshape([1] * 63 + [2])\n{call}")
