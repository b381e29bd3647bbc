"""Complex numbers: how they come in and go out, their parts as views, and the gradients of these.

Everything that PyTorch has is compared with it in parity/test_complex.py.
"""

from __future__ import annotations

import copy
import pickle
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from complex_rows import GIVES, NOT_HERE, ROWS, outcome, samples_of, table
from pullback.autograd import gradcheck, gradgradcheck
from samples import Sample
from table import Case, Op, results

VALUES = np.array([[1 + 2j, -3.5j, 0.25], [complex("nan"), complex("inf"), -1e30 + 1j]])

DOORS: dict[str, Callable[[Any], Any]] = {
    "from_numpy": pb.from_numpy,
    "tensor": pb.tensor,
    "as_tensor": pb.as_tensor,
    "asarray": pb.asarray,
    "from_dlpack": pb.from_dlpack,
    "nested lists": lambda a: pb.tensor(a.tolist(), dtype=pb.from_numpy(a).dtype),
    "frombuffer": lambda a: pb.frombuffer(
        bytearray(a.tobytes()), dtype=pb.from_numpy(a).dtype
    ).reshape(a.shape),
    "pickle": lambda a: pickle.loads(pickle.dumps(pb.from_numpy(a))),
    "deepcopy": lambda a: copy.deepcopy(pb.from_numpy(a)),
    "pairs": lambda a: pb.view_as_complex(pb.from_numpy(np.stack([a.real, a.imag], axis=-1))),
    "memory": lambda a: pb.from_numpy(np.asarray(memoryview(pb.from_numpy(a)))),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_numbers_come_in_and_go_out(door: str, dtype: str) -> None:
    array = VALUES.astype(dtype)
    tensor = DOORS[door](array)
    assert tensor.dtype == getattr(pb, dtype)
    assert tensor.is_complex()
    assert not tensor.is_floating_point()
    np.testing.assert_array_equal(tensor.numpy(), array)
    np.testing.assert_array_equal(np.array(tensor.tolist()), array)


def test_numbers() -> None:
    z = pb.tensor(1 - 2j)
    assert z.dtype == pb.complex64
    assert (z.item(), complex(z), bool(z), f"{z:.1f}") == (1 - 2j, 1 - 2j, True, "1.0-2.0j")
    assert complex(pb.tensor(2)) == 2
    for convert in (float, int):
        assert convert(pb.tensor(3 + 0j)) == 3
        with pytest.raises(RuntimeError, match="without overflow"):
            convert(z)
    with pytest.raises(TypeError, match="must be real number, not complex"):
        pb.tensor([1j], dtype=pb.float32)
    with pytest.raises(RuntimeError, match="value cannot be converted"):
        pb.zeros(2).fill_(1j)
    # The name of a dtype that no tensor has.
    assert pb.complex32 is pb.chalf
    assert repr(pb.complex32) == "torch.complex32"
    assert pb.complex32 != z.dtype
    assert pb.complex32.is_complex
    assert pb.complex32.to_real() == pb.float16
    for make in (z.to, z.sum, lambda dtype: pb.zeros(2, dtype=dtype)):
        with pytest.raises(TypeError, match=r"torch\.dtype, not complex32"):
            make(dtype=pb.complex32)
    with pytest.raises(TypeError, match="must be float, not complex"):
        pb.zeros(2).normal_(1j)


def test_the_default_dtype_decides_on_complex_numbers() -> None:
    pb.set_default_dtype(pb.float64)
    try:
        assert pb.tensor([1j]).dtype == pb.complex128
        assert pb.full((1,), 1j).dtype == pb.complex128
        assert "dtype" not in repr(pb.tensor([1j]))
    finally:
        pb.set_default_dtype(pb.float32)
    assert pb.tensor([1j, 2, True]).dtype == pb.complex64
    with pytest.raises(TypeError, match="only floating-point types"):
        pb.set_default_dtype(pb.complex64)


def test_a_cast_that_loses_imaginary_parts_says_so() -> None:
    z = pb.tensor([1 + 2j, 3j], requires_grad=True)
    for cast in (pb.Tensor.float, pb.Tensor.long, lambda t: pb.zeros(2).copy_(t)):
        with pytest.warns(UserWarning, match="discards the imaginary part"):
            cast(z)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert z.bool().tolist() == [True, True]
        assert z.cdouble().dtype == pb.complex128
        assert z.real.tolist() == [1, 0]


def test_parts_are_views() -> None:
    z = pb.zeros(2, 3, dtype=pb.complex128)
    z.real = pb.arange(3.0, dtype=pb.float64)
    z.imag[0] = 7
    pb.view_as_real(z)[1, 2, 1] = 5
    assert z.tolist() == [[7j, 1 + 7j, 2 + 7j], [0, 1, 2 + 5j]]
    assert z.T.imag.tolist() == [[7, 0], [7, 0], [7, 5]]
    assert z.real.data_ptr() == z.data_ptr()
    assert not z.conj().is_conj()
    assert z.conj().data_ptr() != z.data_ptr()
    pairs = pb.zeros(3, 2)
    pb.view_as_complex(pairs)[1] = 3 - 4j
    assert pairs.tolist() == [[0, 0], [3, -4], [0, 0]]
    real = pb.ones(2)
    assert real.real is real
    assert real.conj() is real
    with pytest.raises(RuntimeError, match="imag is not implemented for tensors with non-complex"):
        real.imag  # noqa: B018
    for wrong in (pb.ones(2, 3), pb.tensor(1.0), pb.ones(2, 4)[:, ::2], pb.ones(2, 2).long()):
        with pytest.raises(RuntimeError):
            pb.view_as_complex(wrong)


def test_a_gradient_of_parts_with_any_strides_where_there_is_one_element() -> None:
    z = pb.ones(1, 3, dtype=pb.complex128, requires_grad=True)
    gradient = pb.arange(6, dtype=pb.float64).as_strided((1, 3, 2), (1, 2, 1))
    (found,) = pb.autograd.grad(pb.view_as_real(z), z, gradient)
    assert found.tolist() == [[1j, 2 + 3j, 4 + 5j]]


def test_complex_factors_are_saved_whole() -> None:
    z = pb.ones(2, dtype=pb.complex64, requires_grad=True)
    assert pb.add(z, z, alpha=2 - 1j).grad_fn._saved_alpha == 2 - 1j
    assert pb.sub(z, z, alpha=2 - 1j).grad_fn._saved_alpha == 2 - 1j
    assert pb.add(z, z, alpha=2).grad_fn._saved_alpha == 2
    assert pb.addcmul(z, z, z, value=2j).grad_fn._saved_value == 2j
    assert pb.addcdiv(z, z, z, value=2j).grad_fn._saved_value == 2j
    (gradient,) = pb.autograd.grad(pb.add(z, z.detach(), alpha=1j).sum().real, z)
    assert gradient.tolist() == [1, 1]


def test_jacobians_are_of_real_numbers() -> None:
    z, x = pb.ones(2, dtype=pb.complex64), pb.ones(2)
    for transform in (pb.func.jacrev, pb.func.jacfwd):
        with pytest.raises(RuntimeError, match=r"all inputs to be real .* input idx: 0"):
            transform(pb.abs)(z)
        with pytest.raises(RuntimeError, match=r"all inputs to be real .* input idx: 1"):
            transform(lambda x, z: x * z.abs())(x, z)
        with pytest.raises(RuntimeError, match=r"all outputs to be real .* output idx: 1"):
            transform(lambda x: (x, x * 1j))(x)
    # Through the parts both modes agree, and with the derivative of a holomorphic function.
    pairs = pb.tensor([[0.5, -1.5]], dtype=pb.float64)

    def of_pairs(pairs: Any) -> Any:
        z = pb.view_as_complex(pairs)
        return pb.view_as_real(z * pb.exp(z))

    forward, reverse = (t(of_pairs)(pairs)[0, :, 0] for t in (pb.func.jacfwd, pb.func.jacrev))
    assert pb.allclose(forward, reverse)
    slope = ((1 + pb.view_as_complex(pairs)) * pb.exp(pb.view_as_complex(pairs))).item()
    expected = [[slope.real, -slope.imag], [slope.imag, slope.real]]
    assert pb.allclose(forward, pb.tensor(expected, dtype=pb.float64))


def leaf(*shape: int) -> Any:
    parts = pb.arange(2.0 * int(np.prod(shape)) or 1, dtype=pb.float64).reshape(*shape, 2)
    return pb.view_as_complex((parts - 2.5) / 3).clone().requires_grad_()


def written_through_parts(z: Any) -> Any:
    copied = z.clone()
    copied.real = z.imag.sin()
    copied.imag[0] = 2
    return copied


def written_below_parts(z: Any) -> Any:
    copied = z.clone()
    imag = copied.imag
    copied[0].zero_()
    return imag.exp()


def written_through_pairs(z: Any) -> Any:
    pairs = pb.view_as_real(z).clone()
    seen = pb.view_as_complex(pairs)
    seen[1] = z[0].conj()
    return pairs.cos()


def scattered(z: Any) -> Any:
    index = pb.tensor([[0, 1, 1], [0, 0, 1]])
    ways = ("sum", "prod", "mean")
    return tuple(z.scatter_reduce(0, index, z.sin(), how) for how in ways)


MOVED: dict[str, Callable[[Any], Any]] = {
    "scattered": scattered,
    "view_as_real": pb.view_as_real,
    "real": lambda z: z.real.exp(),
    "imag": lambda z: z.T.imag.square(),
    "conj": lambda z: z.conj().flip(0),
    "mH": lambda z: z.mH[1:],
    "pairs": lambda z: pb.view_as_complex(pb.view_as_real(z).sin()),
    "real to complex": lambda z: z.real.to(pb.complex128),
    "complex to real": lambda z: z.to(pb.float64).sin(),
    "written through parts": written_through_parts,
    "written below parts": written_below_parts,
    "written through pairs": written_through_pairs,
    "sums": lambda z: (z.sum(0), z.cumsum(1), z.real.mean()),
    "products": lambda z: (z.prod(1), z.cumprod(0)),
    "var": lambda z: (z.var(1), z.std()),
    "norm": lambda z: pb.linalg.vector_norm(z, dim=0),
    "matrices": lambda z: (z @ z.mH, z.mT.mm(z.real.to(pb.complex128))),
    "vectors": lambda z: (z @ z[0], pb.vdot(z[0], z[1]), pb.dot(z[0], z[1])),
    "index": lambda z: (z[[0, 0, 1]], z.clone().index_put_((pb.tensor([0, 0]),), z[1], True)),
}


@pytest.mark.filterwarnings("ignore:Casting complex")
@pytest.mark.parametrize("name", MOVED)
def test_derivatives(name: str) -> None:
    z = leaf(2, 3)
    assert gradcheck(MOVED[name], (z,), check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(MOVED[name], (z,), check_fwd_over_rev=True)


# Rows of which these samples are refused, as in PyTorch, and others taken.
TAKES_SOME = {"cov", "div", "divide", "istft", "mse_loss", "poisson_nll_loss"}
CHECKED = [
    pytest.param(op, sample, id=f"{op.id}({sample})")
    for op in ROWS
    if op.differentiable and not op.random and table().get(op.name) == GIVES
    for sample in samples_of(op)
    if any(leaf.grad for leaf in sample.leaves)
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("op", "sample"), CHECKED)
def test_derivatives_of_every_row(op: Op, sample: Sample) -> None:
    """In both modes and of both orders, where the operator takes these tensors."""
    tensors = tuple(sample.tensors(pb))
    call = Case(op, sample).smooth(pb)
    found = outcome(op, sample, pb)
    if isinstance(found, RuntimeError):
        assert op.name in TAKES_SOME or op.name in NOT_HERE, found
        return
    assert gradcheck(call, tensors, check_forward_ad=True, fast_mode=True)
    assert gradgradcheck(call, tensors, fast_mode=True, check_fwd_over_rev=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("op", "sample"), CHECKED)
def test_examples_of_every_row(op: Op, sample: Sample) -> None:
    """A batch of complex tensors is a loop over its examples."""
    if op.name.startswith("as_strided"):  # whose strides are those of one example's memory
        return
    call = op.of_tensors(pb, sample)
    found = outcome(op, sample, pb)
    if isinstance(found, RuntimeError):
        assert op.name in TAKES_SOME or op.name in NOT_HERE, found
        return

    def example(number: int) -> list[Any]:
        tensors = [t.detach().clone() for t in sample.tensors(pb)]
        return [t * (1 - 0.25j) ** number if t.is_complex() else t for t in tensors]

    dims = tuple(0 if t.is_complex() else None for t in example(0))
    given = [
        pb.stack(pair) if dim == 0 else pair[0]
        for dim, pair in zip(dims, zip(example(0), example(1), strict=True), strict=True)
    ]
    together = results(pb, pb.vmap(call, dims)(*given))
    for number in range(2):
        apart = results(pb, call(*example(number)))
        for a, b in zip(together, apart, strict=True):
            assert pb.allclose(a[number], b, equal_nan=True)


def test_poisson_of_half_precision_in_vmap() -> None:
    rates = pb.full((3, 4), 2.0, dtype=pb.float16)
    drawn = pb.vmap(pb.poisson, randomness="different")(rates)
    assert drawn.dtype == pb.float16
    assert drawn.shape == (3, 4)


def test_complex_numbers_have_no_order() -> None:
    z = leaf(2, 3).detach()
    index = pb.zeros(2, 3, dtype=pb.int64)
    for how in ("amax", "amin"):
        with pytest.raises(NotImplementedError, match=f"scatter_reduce_{how}"):
            z.scatter_reduce(0, index, z, how)
    for name in ("max", "min", "argmax", "argmin"):
        with pytest.raises(RuntimeError, match=rf"{name}\(\): does not support complex input"):
            getattr(z, name)(0)
    for call in (pb.sort, pb.argsort, pb.msort, lambda z: pb.topk(z, 1)):
        with pytest.raises(RuntimeError, match="does not support complex dtypes on CPU"):
            call(z)


@pytest.mark.parametrize(("given", "wanted"), [("complex64", "float32"), ("int64", "complex64")])
def test_a_custom_function_gives_gradients_of_the_kind_of_its_input(
    given: str, wanted: str
) -> None:
    class Odd(pb.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return pb.ones(2, dtype=getattr(pb, given))

    x = pb.ones(2, dtype=getattr(pb, wanted), requires_grad=True)
    with pytest.raises(RuntimeError, match=f"got {given} but expected {wanted}"):
        Odd.apply(x).abs().sum().backward()


def test_gradcheck_finds_wrong_parts() -> None:
    class Wrong(pb.autograd.Function):
        @staticmethod
        def forward(ctx: Any, z: Any) -> Any:
            return z.conj()

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return gradient

    with pytest.raises(RuntimeError) as found:
        gradcheck(Wrong.apply, (leaf(2),))
    assert "While considering the imaginary part of complex outputs only" in str(found.value)


def test_seeds_of_complex_outputs() -> None:
    z = leaf(1)
    with pytest.raises(RuntimeError, match="only for real scalar outputs but got"):
        z.sum().backward()
    with pytest.raises(RuntimeError, match="required to have the same dtype"):
        z.sum().backward(pb.tensor(1.0, dtype=pb.float64))
    z.sum().backward(pb.tensor(1j, dtype=pb.complex128))
    assert z.grad.tolist() == [1j]


def test_a_real_leaf_gets_a_real_gradient() -> None:
    x = pb.ones(2, requires_grad=True)
    x.to(pb.complex64).backward(pb.tensor([1 + 2j, 3j]))
    assert x.grad.dtype == pb.float32
    assert x.grad.tolist() == [1, 0]


def test_a_product_of_large_matrices_is_the_same_on_every_thread() -> None:
    a = pb.randn(130, 70, dtype=pb.complex64)
    expected = a.numpy() @ a.numpy().T
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(a @ a.T)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    for each in found:
        assert each.tolist() == found[0].tolist()
        np.testing.assert_allclose(each.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_what_has_no_order_refuses() -> None:
    z = pb.tensor([1j, 2])
    for call in (pb.sort, pb.argmax, pb.max, pb.median, pb.cummax, pb.arange):
        arguments = (z, 0) if call is pb.cummax else (5j,) if call is pb.arange else (z,)
        with pytest.raises(RuntimeError):
            call(*arguments)


@pytest.mark.parametrize("shape", [(2, 2, *[1] * 62), (3, *[1] * 62, 5), (0,) * 64])
@pytest.mark.parametrize("draw", [pb.rand, pb.randn])
def test_numbers_drawn_in_as_many_dimensions_as_there_may_be(draw: Any, shape: Any) -> None:
    pb.manual_seed(0)
    many = draw(shape, dtype=pb.complex64)
    pb.manual_seed(0)
    few = draw([size for size in shape if size != 1], dtype=pb.complex64)
    assert many.flatten().tolist() == few.flatten().tolist()
