"""Complex numbers beside PyTorch, and all twelve element types with each other.

The second half takes every row of the operator table with complex tensors (complex_rows.py):
values, gradients and tangents, or a refusal of the same kind. Rows that are different stand in the
tables below.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from complex_rows import GIVES, NOT_HERE, ROWS, outcome, samples_of, table
from table import Case, Op, results, weights

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

REALS = ["bool", "uint8", "int8", "int16", "int32", "int64"]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
COMPLEX = ["complex64", "complex128"]
DTYPES = REALS + FLOATS + COMPLEX
VALUES = [[0, 1, 2.75], [-3.5, 100, 1e-3]]

of_every = pytest.mark.parametrize("dtype", DTYPES)
of_pairs = pytest.mark.parametrize("other", DTYPES)


def values_for(dtype: str) -> list[list[Any]]:
    if dtype in COMPLEX:
        return [[v + (0.5 - k) * 1j for k, v in enumerate(row)] for row in VALUES]
    if dtype in FLOATS:
        return VALUES
    if dtype == "bool":
        return [[bool(v) for v in row] for row in VALUES]
    return [[abs(int(v)) if dtype == "uint8" else int(v) for v in row] for row in VALUES]


def made(lib: Any, dtype: str) -> Any:
    return lib.tensor(values_for(dtype), dtype=getattr(lib, dtype))


def called(call: Callable[..., Any], lib: Any, *dtypes: str) -> Any:
    """What comes out, or the type of the error."""
    try:
        out = call(lib, *(made(lib, dtype) for dtype in dtypes))
    except Exception as error:  # noqa: BLE001 - compared
        name = type(error).__name__
        return "RuntimeError" if name == "NotImplementedError" else name
    return [told(each) for each in out] if isinstance(out, (list, tuple)) else told(out)


def told(value: Any) -> Any:
    """A tensor as dtype, shape and numbers, an array as it is, anything else as text."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.strides, value.astype(complex)
    if not hasattr(value, "detach"):
        return str(value).replace("pullback.", "torch.")
    plain = value.detach().resolve_conj()
    wide = plain.cdouble() if value.is_complex() else plain.double()
    return str(value.dtype), tuple(value.shape), np.array(wide.numpy(), dtype=complex)


def tolerance(told: Any) -> tuple[float, float]:
    """PyTorch's for float32 and float64; half and bfloat16 and whole numbers are exact."""
    name = told[0].rpartition(".")[2]
    return (1.3e-6, 1e-5) if name in ("float32", "complex64", "<f4", "<c8") else (1e-7, 1e-7)


def same(ours: Any, theirs: Any, what: str) -> None:
    if isinstance(theirs, list) and isinstance(ours, list):
        assert len(ours) == len(theirs), what
        for a, b in zip(ours, theirs, strict=True):
            same(a, b, what)
    elif isinstance(theirs, tuple) and isinstance(ours, tuple):
        assert ours[:2] == theirs[:2], what
        rtol, atol = tolerance(theirs)
        np.testing.assert_allclose(ours[2], theirs[2], rtol=rtol, atol=atol, err_msg=what)
    else:
        assert ours == theirs, what


def check(call: Callable[..., Any], *dtypes: str) -> None:
    same(called(call, pb, *dtypes), called(call, torch, *dtypes), " ".join(dtypes))


def of(lib: Any, dtype: str) -> Any:
    return getattr(lib, dtype)


CREATED: dict[str, Callable[[Any, Any], Any]] = {
    "zeros": lambda t, d: t.zeros(2, 3, dtype=d),
    "ones": lambda t, d: t.ones(2, dtype=d),
    "full": lambda t, d: t.full((2,), 3, dtype=d),
    "full complex": lambda t, d: t.full((2,), 3 - 1j, dtype=d),
    "eye": lambda t, d: t.eye(3, dtype=d),
    "arange": lambda t, d: t.arange(5, dtype=d),
    "linspace": lambda t, d: t.linspace(0, 10, 3, dtype=d),
    "linspace complex": lambda t, d: t.linspace(0, 2 + 1j, 3, dtype=d),
    "logspace": lambda t, d: t.logspace(0, 1, 3, base=4, dtype=d),
    "scalar_tensor": lambda t, d: t.scalar_tensor(2, dtype=d),
    "tensor": lambda t, d: t.tensor([[1, True], [0, 2]], dtype=d),
    "tensor of complex": lambda t, d: t.tensor([1j, 2], dtype=d),
    "empty": lambda t, d: t.empty(0, 2, dtype=d),
    "zeros_like": lambda t, d: t.zeros_like(t.ones(2), dtype=d),
    "randperm": lambda t, d: (t.manual_seed(0), t.randperm(4, dtype=d))[1],
    "rand": lambda t, d: (t.manual_seed(0), t.rand(4, dtype=d))[1],
    "randn": lambda t, d: (
        (t.manual_seed(0), t.randn(4, dtype=d))[1].abs() > 0
        if not d.is_complex
        else (t.manual_seed(0), t.view_as_real(t.randn(4, dtype=d)))[1]
    ),
    "normal_": lambda t, d: (t.manual_seed(0), t.zeros(3, dtype=d).normal_(1, 2))[1],
    "uniform_": lambda t, d: (t.manual_seed(0), t.zeros(3, dtype=d).uniform_(1, 2))[1],
    "randint": lambda t, d: (t.manual_seed(0), t.randint(9, (4,), dtype=d))[1],
    "bernoulli_": lambda t, d: (t.manual_seed(0), t.zeros(3, dtype=d).bernoulli_())[1],
    "requires_grad": lambda t, d: t.ones(1, dtype=d, requires_grad=True).requires_grad,
    "limits": lambda t, d: repr((t.finfo(d), t.finfo(d).bits, t.finfo(d).max)),
    "whole limits": lambda t, d: repr(t.iinfo(d)),
    "questions": lambda t, d: (d.is_complex, d.is_floating_point, d.is_signed, d.itemsize),
    "real dtype": lambda t, d: d.to_real(),
    "default": lambda t, d: (t.set_default_dtype(d), t.set_default_dtype(t.float32))[0],
}


@pytest.mark.parametrize("how", CREATED)
@of_every
def test_creation(how: str, dtype: str) -> None:
    check(lambda t: CREATED[how](t, of(t, dtype)))


OF_ONE: dict[str, Callable[[Any, Any], Any]] = {
    "sum": lambda t, x: x.sum(),
    "sum along": lambda t, x: x.sum(1, keepdim=True),
    "prod": lambda t, x: x.prod(0),
    "mean": lambda t, x: x.mean() if x.element_size() > 2 else x.mean().dtype,
    "cumsum": lambda t, x: x[:, :2].cumsum(1),
    "all": lambda t, x: x.all(),
    "any": lambda t, x: x.any(0),
    "max": lambda t, x: x.max(),
    "argmax": lambda t, x: x.argmax(),
    "sort": lambda t, x: x.sort(),
    "unique": lambda t, x: x.unique(),
    "var": lambda t, x: x.var() if x.element_size() > 2 else x.var().dtype,
    "trace": lambda t, x: x[:, :2].trace(),
    "nonzero": lambda t, x: x.nonzero(),
    "count_nonzero": lambda t, x: x.count_nonzero(),
    "vector_norm": lambda t, x: t.linalg.vector_norm(x[0]),
    "rows": lambda t, x: x[[1, 0, 1]],
    "mask": lambda t, x: x[x != 0],
    "slice": lambda t, x: x[:, ::2],
    "select": lambda t, x: x[0, 1],
    "write": lambda t, x: x.index_fill_(1, t.tensor([1]), 1),
    "write a number": lambda t, x: x.__setitem__((0, 0), 1) or x,
    "write a complex number": lambda t, x: x.__setitem__((0, 0), 1 + 2j) or x,
    "gather": lambda t, x: x.gather(1, t.tensor([[2], [0]])),
    "scatter_add": lambda t, x: x.scatter_add(1, t.tensor([[2], [2]]), x),
    "accumulate": lambda t, x: x.index_put((t.tensor([0, 0]),), x, accumulate=True),
    "index_add": lambda t, x: x.index_add(0, t.tensor([1, 1]), x),
    "take": lambda t, x: x.take(t.tensor([5, 0])),
    "flip": lambda t, x: x.flip(0, 1),
    "roll": lambda t, x: x.roll(1, 1),
    "tril": lambda t, x: x.tril(),
    "diag": lambda t, x: x.diag(1),
    "cat": lambda t, x: t.cat([x, x], 1),
    "repeat": lambda t, x: x.repeat(2, 1),
    "item": lambda t, x: [each.item() for each in x.flatten()],
    "numbers": lambda t, x: (complex(x[0, 1]), bool(x[0, 0]), f"{x[1, 1]}"),
    "float": lambda t, x: float(x[0, 2]),
    "text": lambda t, x: repr(x),
    "text of parts": lambda t, x: repr(x[:, 1:] if x.dtype.is_complex else x.double()),
    "numpy": lambda t, x: x.numpy() if x.dtype != t.bfloat16 else None,
    "numpy and back": lambda t, x: t.from_numpy(x.T.numpy()) if x.dtype != t.bfloat16 else x,
    "pickle": lambda t, x: pickle.loads(pickle.dumps(x)),
    "file": lambda t, x: _loaded(t, x),
    "type": lambda t, x: x.type(),
    "bytes": lambda t, x: x.view(t.uint8),
    "real": lambda t, x: x.real,
    "imag": lambda t, x: x.imag,
    "conj": lambda t, x: x.conj(),
    "isreal": lambda t, x: t.isreal(x),
    "mH": lambda t, x: x.mH,
    "view_as_real": lambda t, x: t.view_as_real(x),
    "view_as_complex": lambda t, x: (
        t.view_as_complex(x[:, :2].contiguous()) if x.dtype != t.float16 else None
    ),
    "neg": lambda t, x: -x,
    "square": lambda t, x: x * x,
    "half": lambda t, x: x / 2 if x.dtype not in (t.float16, t.bfloat16) else None,
    "product of matrices": lambda t, x: (x[:, :2] @ x[:, :2]).dtype,
}


def _loaded(t: Any, x: Any) -> Any:
    file = io.BytesIO()
    t.save(x, file)
    return t.load(io.BytesIO(file.getvalue()))


@pytest.mark.parametrize("how", OF_ONE)
@of_every
def test_of_one_type(how: str, dtype: str) -> None:
    check(lambda t, x: OF_ONE[how](t, x), dtype)


OF_TWO: dict[str, Callable[[Any, Any, Any], Any]] = {
    "cast": lambda t, x, y: x.to(y.dtype),
    "copy_": lambda t, x, y: y.copy_(x),
    "promotion": lambda t, x, y: t.promote_types(x.dtype, y.dtype),
    "can_cast": lambda t, x, y: t.can_cast(x.dtype, y.dtype),
    "result of a number": lambda t, x, y: t.result_type(x, y[0, 0]),
    "add": lambda t, x, y: x + y,
    "add_": lambda t, x, y: x.add_(y),
    "mul": lambda t, x, y: x * y[:, :1],
    "sub": lambda t, x, y: x - y,
    "eq": lambda t, x, y: x == y,
    "ne": lambda t, x, y: x != y,
    "lt": lambda t, x, y: x < y,
    "where": lambda t, x, y: t.where(t.tensor([True, False, True]), x, y),
    "cat": lambda t, x, y: t.cat([x, y]),
    "sum in the other": lambda t, x, y: x[0, :2].sum(dtype=y.dtype),
    "set item": lambda t, x, y: x.__setitem__(0, y[1]) or x,
}
# half with a complex number would be complex32, which is not here.
AS_COMPLEX32 = {"float16"}


@pytest.mark.parametrize("how", OF_TWO)
@of_every
def test_of_two_types(how: str, dtype: str) -> None:
    for other in DTYPES:
        pair = {dtype, other}
        if pair & AS_COMPLEX32 and pair & set(COMPLEX) and how == "result of a number":
            continue
        check(lambda t, x, y: OF_TWO[how](t, x, y), dtype, other)


PRINTED = [
    "t.tensor(1.5 - 2j)",
    "t.tensor([1e5 + 1j, 1e-5j])",
    "t.tensor([complex('nan'), complex('inf'), -1j])",
    "t.tensor([0j, 1.5 + 100000j, 1000000])",
    "t.zeros(0, dtype=t.complex64)",
    "t.zeros(2, 0, dtype=t.complex128)",
    "t.arange(2000).to(t.complex64)",
    "t.tensor([[-1.5 - 2.5j, -0.25 + 1e-3j]] * 30, dtype=t.complex128)",
    "t.tensor(3j, requires_grad=True)",
    "t.tensor([1j], requires_grad=True).clone()",
    "t.view_as_complex(t.linspace(-3, 3, 60).reshape(30, 2))",
    "t.view_as_complex(t.arange(30.).as_strided((1, 2), (1, 1)))",
    "t.view_as_complex(t.arange(30.).as_strided((2, 1, 2), (4, 3, 1), 2))",
]


@pytest.mark.parametrize("code", PRINTED)
def test_printing(code: str) -> None:
    assert repr(eval(code, {"t": pb})) == repr(eval(code, {"t": torch}))


# --- derivatives ---


def numbers(t: Any, *shape: int) -> Any:
    parts = t.arange(2.0 * int(np.prod(shape)), dtype=t.float64).reshape(*shape, 2)
    return t.view_as_complex((parts - 2.5) / 3)


def of_leaves(loss: Callable[[Any, Any], Any], *shape: int) -> Callable[[Any], Any]:
    def run(t: Any) -> Any:
        z = numbers(t, *shape).requires_grad_()
        loss(t, z).backward()
        return z.grad

    return run


def real_leaf(t: Any) -> Any:
    x = t.ones(2, dtype=t.float64, requires_grad=True)
    (x * t.tensor([1j, 2 + 1j]) * (1 + 1j)).abs().sum().backward()
    return x.grad


def accumulated(t: Any) -> Any:
    z = numbers(t, 3).requires_grad_()
    for _ in range(2):
        (z * z.conj()).real.sum().backward()
    return z.grad


def descent(t: Any) -> Any:
    z = numbers(t, 3).requires_grad_()
    for _ in range(5):
        (grad,) = t.autograd.grad((z * z - (1 + 2j)).abs().square().sum(), z)
        z = (z - 0.01 * grad).detach().requires_grad_()
    return z


def seeded(t: Any, dtype: str) -> Any:
    z = numbers(t, 2).requires_grad_()
    (z * z).backward(t.ones(2, dtype=getattr(t, dtype)))
    return z.grad


def tangent(t: Any) -> Any:
    with t.autograd.forward_ad.dual_level():
        z = t.autograd.forward_ad.make_dual(numbers(t, 3), numbers(t, 3) * 1j)
        return tuple(t.autograd.forward_ad.unpack_dual(each).tangent for each in (z * z, z.abs()))


def holomorphic(z: Any) -> Any:
    return z * z * z.exp()


def mixed(z: Any) -> Any:
    return z.real * z.conj() + z.abs()


DIFFERENTIATED: dict[str, Callable[[Any], Any]] = {
    "square of the absolute value": of_leaves(lambda t, z: (z * z.conj()).real.sum(), 3),
    "real part": of_leaves(lambda t, z: (z * z).real.sum(), 2, 3),
    "angle": of_leaves(lambda t, z: z.angle().sum(), 3),
    "abs at zero": of_leaves(lambda t, z: (z - z.detach()).abs().sum(), 3),
    "product of matrices": of_leaves(lambda t, z: (z @ z.mH @ z).abs().sum(), 2, 3),
    "complex scalar": of_leaves(lambda t, z: z.sum(), 3),
    "sum of a cast": of_leaves(lambda t, z: z.to(t.float64).sin().sum(), 3),
    "a real leaf": real_leaf,
    "accumulated": accumulated,
    "descent": descent,
    "a real seed": lambda t: seeded(t, "float64"),
    "a seed in complex64": lambda t: seeded(t, "complex64"),
    "tangent": tangent,
    "grad": lambda t: t.func.grad(lambda z: holomorphic(z).abs().sum())(numbers(t, 3)),
    "grad of a complex value": lambda t: t.func.grad(lambda z: z.sum())(numbers(t, 3)),
    "jacrev": lambda t: t.func.jacrev(holomorphic)(numbers(t, 3)),
    "jacfwd": lambda t: t.func.jacfwd(holomorphic)(numbers(t, 3)),
    "jacrev of a mixed one": lambda t: t.func.jacrev(mixed)(numbers(t, 3)),
    "jacfwd of a mixed one": lambda t: t.func.jacfwd(mixed)(numbers(t, 3)),
    "hessian": lambda t: t.func.hessian(lambda z: (z * z.conj()).real.sum())(numbers(t, 3)),
    "jvp": lambda t: t.func.jvp(mixed, (numbers(t, 3),), (numbers(t, 3) * 1j,)),
    "vjp": lambda t: t.func.vjp(mixed, numbers(t, 3))[1](numbers(t, 3) * 1j)[0],
    "vmap": lambda t: t.func.vmap(lambda z: z.conj() * z.real)(numbers(t, 2, 3)),
    "jacobian": lambda t: t.autograd.functional.jacobian(mixed, numbers(t, 3)),
    "functional hessian": lambda t: t.autograd.functional.hessian(
        lambda z: (z * z.conj()).real.sum(), numbers(t, 3)
    ),
    "functional vjp": lambda t: t.autograd.functional.vjp(mixed, numbers(t, 3), numbers(t, 3)),
    "functional jvp": lambda t: t.autograd.functional.jvp(mixed, numbers(t, 3), numbers(t, 3)),
    "gradcheck": lambda t: t.autograd.gradcheck(mixed, (numbers(t, 3).requires_grad_(),)),
    "gradgradcheck": lambda t: t.autograd.gradgradcheck(
        holomorphic, (numbers(t, 3).requires_grad_(),)
    ),
}


@pytest.mark.parametrize("name", DIFFERENTIATED)
def test_derivatives(name: str) -> None:
    check(DIFFERENTIATED[name])


# --- every row of the table ---

# Supported here though PyTorch refuses, in its gradient or at all.
HERE_ONLY = {
    "_sampled_product": "pullback.sparse",
    "_sparse_product": "pullback.sparse",
    "bilinear": "PyTorch refuses to record it",
    "embedding": "PyTorch refuses to record it",
    "log_softmax": "of nothing: PyTorch refuses to record it",
    "nan_to_num": "PyTorch refuses to record it",
    "scatter_reduce": "PyTorch refuses to record it",
    "select_copy": "PyTorch refuses to record it",
    "select_scatter": "PyTorch refuses to record it",
    "silu": "PyTorch refuses to record it",
    "slice_scatter": "PyTorch refuses to record it",
    "soft_margin_loss": "PyTorch refuses to record it",
    "softmax": "of nothing: PyTorch refuses to record it",
    "softmin": "of nothing: PyTorch refuses to record it",
}
# There the reason is that of real numbers (unlike_torch.py).
NO_GRADIENT_IN_TORCH = {"cond", "ldl_solve", "scatter", "scatter_add", "vander"}
# By what is compared.
# PyTorch reads some imaginary parts on the diagonal of a factor, not all.
OTHER_VALUES = {
    "cholesky_inverse(x(3,3, low=0.5, high=2) [complex])",
    "cholesky_inverse(x(2,3,3, low=0.5, high=2), True [complex])",
}
# The half of the factor, the last operand, that is not read has a gradient in PyTorch, and counts
# in that of the other: the factors are triangular, and halves are compared.
HALVES = {"cholesky_solve", "cholesky_inverse"}
UNSET = {"empty_like", "new_empty", "resize_", "resize_as_"}


def is_error(value: Any) -> bool:
    return isinstance(value, Exception)


def same_kind(ours: Exception, theirs: Exception) -> bool:
    kinds = {type(ours).__name__, type(theirs).__name__}
    return len(kinds) == 1 or kinds == {"RuntimeError", "NotImplementedError"}


def array(tensor: Any) -> np.ndarray:
    tensor = tensor.detach()
    return np.array((tensor.resolve_conj().resolve_neg()).numpy())


def gradients(lib: Any, op: Op, sample: Any, out: Any, tensors: list[Any]) -> Any:
    outputs = [each for each in results(lib, out) if each.requires_grad]
    wanted = [each for each in tensors if each.requires_grad]
    if not outputs or not wanted:
        return []
    try:
        return lib.autograd.grad(
            outputs, wanted, [weights(lib, each) for each in outputs], allow_unused=True
        )
    except Exception as error:  # noqa: BLE001 - compared
        return error


def compare(ours: Any, theirs: Any, what: str, op: Op | None = None) -> None:
    assert len(ours) == len(theirs), what
    for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a is None or b is None:
            filled = a if b is None else b
            assert filled is None or not array(filled).any(), what
            continue
        assert str(a.dtype) == str(b.dtype), what
        found, wanted = array(a), array(b)
        found = found if op is None else op.checks.settled(found, wanted, k)
        np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-7, err_msg=what)


def test_every_row_is_in_the_table() -> None:
    assert sorted({op.name for op in ROWS}) == sorted(table())


def half_of(sample: Any, factor: Any) -> Any:
    return factor.triu() if "True" in str(sample) else factor.tril()


@pytest.mark.parametrize("op", ROWS, ids=lambda op: op.id)
def test_row(op: Op) -> None:
    gives = False
    for sample in samples_of(op):
        what = f"{op.name}({sample})"
        runs = []
        for lib in (pb, torch):
            tensors = sample.tensors(lib)
            if op.name in HALVES:
                tensors[-1] = half_of(sample, tensors[-1].detach()).requires_grad_()
            try:
                out = op.of_tensors(lib, sample)(*tensors)
            except Exception as error:  # noqa: BLE001 - compared
                out = error
            runs.append((out, tensors))
        (ours, our_tensors), (theirs, their_tensors) = runs
        if is_error(theirs):
            if op.name in HERE_ONLY and not is_error(ours):
                continue
            assert is_error(ours), f"{what}: PyTorch raises {theirs!r}"
            assert op.name in NOT_HERE or same_kind(ours, theirs), f"{what}: {ours!r} {theirs!r}"
            continue
        gives = True
        if is_error(ours) and op.name in NOT_HERE:
            assert isinstance(ours, RuntimeError), what
            continue
        assert not is_error(ours), f"{what}: {ours!r}"
        left, right = results(pb, ours), results(torch, theirs)
        if op.name in UNSET:
            assert [str(t.dtype) for t in left] == [str(t.dtype) for t in right]
            continue
        if what in OTHER_VALUES:
            with pytest.raises(AssertionError):
                compare(left, right, what, op)
            continue
        compare(left, right, what, op)
        if op.differentiable:
            ours, theirs = map(Case(op, sample).without_phases, (ours, theirs))
            a = gradients(pb, op, sample, ours, our_tensors)
            b = gradients(torch, op, sample, theirs, their_tensors)
            assert not is_error(a), f"{what}: {a!r}"
            if is_error(b):
                assert op.name in NO_GRADIENT_IN_TORCH, f"{what}: {b!r}"
                continue
            if op.name in HALVES:
                a, b = ((*each[:-1], half_of(sample, each[-1])) for each in (a, b))
                if sample.leaves[-1].symmetric:  # both halves, made of one
                    a, b = a[:-1], b[:-1]
            compare(a, b, f"gradient of {what}")
    assert not gives or table()[op.name] == GIVES


@pytest.mark.filterwarnings("ignore")
def test_the_tables_name_what_differs() -> None:
    not_here, here_only = set(), set()
    for op in ROWS:
        for sample in samples_of(op):
            ours, theirs = (outcome(op, sample, lib) for lib in (pb, torch))
            if is_error(ours) and not (is_error(theirs) and same_kind(ours, theirs)):
                not_here.add(op.name)
            if is_error(theirs) and not is_error(ours):
                here_only.add(op.name)
    assert not_here == set(NOT_HERE), not_here ^ set(NOT_HERE)
    assert here_only == set(HERE_ONLY), here_only ^ set(HERE_ONLY)
