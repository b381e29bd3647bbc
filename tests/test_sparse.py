"""Compressed rows: products, solutions, gradients on the pattern, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback import sparse

DENSE = [[2.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, -3.0, 0.5], [4.0, 0.0, 0.0]]
DTYPES = [pb.float32, pb.float64, pb.complex64, pb.complex128]


def matrix(dtype: pb.dtype = pb.float64) -> sparse.CSRMatrix:
    return sparse.from_dense(pb.tensor(DENSE, dtype=dtype))


def regular(n: int, dtype: pb.dtype = pb.float64) -> sparse.CSRMatrix:
    """A matrix far from singular, with one place that has two values."""
    random = np.random.RandomState(n)
    dense = np.where(random.rand(n, n) < 0.3, random.randn(n, n), 0) + 4 * np.eye(n)
    whole = sparse.from_dense(pb.tensor(dense, dtype=dtype))
    start = whole.crow_indices.clone()
    start[1:] += 1
    column = pb.cat([pb.tensor([0]), whole.col_indices])
    values = pb.cat([pb.tensor([0.5], dtype=dtype), whole.values])
    return sparse.CSRMatrix(start, column, values, (n, n))


def numbers(*shape: int, dtype: pb.dtype = pb.float64, seed: int = 0) -> pb.Tensor:
    random = np.random.RandomState(seed)
    parts = random.randn(*shape) + 1j * random.randn(*shape)
    return pb.tensor(parts if dtype.is_complex else parts.real, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_products(dtype: pb.dtype) -> None:
    a = matrix(dtype)
    dense = pb.tensor(DENSE, dtype=dtype)
    assert a.shape == (4, 3)
    assert a.values.shape == (5,)
    assert pb.equal(a.to_dense(), dense)
    for width in ((), (1,), (5,), (17,), (0,)):
        x, y = numbers(3, *width, dtype=dtype), numbers(*width, 4, dtype=dtype)
        assert pb.allclose(a @ x, dense @ x)
        assert pb.allclose(y @ a, y @ dense)
        assert pb.allclose(a.T @ y.T if width else a.T @ y, dense.T @ (y.T if width else y))
    assert pb.equal(a.T.to_dense(), dense.T)
    assert pb.equal(a.T.T.to_dense(), dense)
    assert pb.equal((2 * a * 0.5).to_dense(), dense)
    assert pb.equal((-a).to_dense(), -dense)


def test_promotion() -> None:
    assert (matrix(pb.float32) @ numbers(3)).dtype == pb.float64
    assert (matrix(pb.float64) @ numbers(3, dtype=pb.complex64)).dtype == pb.complex128
    assert (matrix(pb.float64) @ pb.tensor([1, 2, 3])).dtype == pb.float64


def test_low_precision() -> None:
    a = sparse.from_dense(pb.tensor(DENSE, dtype=pb.bfloat16))
    assert (a @ pb.ones(3, dtype=pb.bfloat16)).tolist() == [3.0, 0.0, -2.5, 4.0]


@pytest.mark.parametrize("dtype", [pb.float64, pb.complex128])
def test_derivatives_of_products(dtype: pb.dtype) -> None:
    a = matrix(dtype)
    v = numbers(5, dtype=dtype).requires_grad_()
    x, y = numbers(3, 2, dtype=dtype).requires_grad_(), numbers(4, dtype=dtype).requires_grad_()
    functions: list[tuple[Callable[..., Any], tuple[pb.Tensor, ...]]] = [
        (lambda v, x: a.with_values(v) @ x, (v, x)),
        (lambda v, y: y @ a.with_values(v), (v, y)),
        (lambda v, y: a.with_values(v).T @ y, (v, y)),
        (lambda v: a.with_values(v).to_dense(), (v,)),
    ]
    for function, inputs in functions:
        assert pb.autograd.gradcheck(function, inputs, check_forward_ad=True)
        assert pb.autograd.gradgradcheck(function, inputs)


def test_gradients_are_those_of_the_dense_product_on_the_pattern() -> None:
    a, x = matrix(), numbers(3, 9)
    v = a.values.detach().requires_grad_()
    dense = a.to_dense().detach().requires_grad_()
    weight = numbers(4, 9, seed=1)
    ((a.with_values(v) @ x) * weight).sum().backward()
    ((dense @ x) * weight).sum().backward()
    assert pb.allclose(v.grad, dense.grad[a.row_indices, a.col_indices])


def test_batches() -> None:
    a = matrix()
    v, x = numbers(6, 5), numbers(6, 3, 2)
    found = pb.func.vmap(lambda v, x: a.with_values(v) @ x)(v, x)
    assert pb.allclose(found, pb.stack([a.with_values(v[i]) @ x[i] for i in range(6)]))
    slopes = pb.func.vmap(pb.func.grad(lambda v, x: (a.with_values(v) @ x).square().sum()))(v, x)
    for i in range(6):
        alone = pb.func.grad(lambda v, i=i: (a.with_values(v) @ x[i]).square().sum())(v[i])
        assert pb.allclose(slopes[i], alone)


def test_many_elements_have_the_same_bits_at_any_number_of_threads() -> None:
    random = np.random.RandomState(0)
    row, column = random.randint(0, 700, 20000), random.randint(0, 900, 20000)
    values, x = numbers(20000), numbers(900, 7)
    threads = pb.get_num_threads()
    try:
        found = []
        for count in (1, 3):
            pb.set_num_threads(count)
            # In the order of the rows, and in none.
            for order in (np.argsort(row, kind="stable"), np.arange(20000)):
                at, to = pb.tensor(row[order]), pb.tensor(column[order])
                of = values[pb.tensor(order)]
                found.append(pb._sparse_product(of, at, to, x, 700))
        assert pb.equal(found[0], found[2])
        assert pb.equal(found[1], found[3])
    finally:
        pb.set_num_threads(threads)
    dense = np.zeros((700, 900))
    np.add.at(dense, (row, column), values.numpy())
    for each in found:
        np.testing.assert_allclose(each.numpy(), dense @ x.numpy(), rtol=1e-10, atol=1e-10)


def test_without_rows_columns_or_elements() -> None:
    for rows, columns in ((0, 0), (0, 3), (3, 0), (2, 2)):
        start = pb.zeros(rows + 1, dtype=pb.int64)
        a = sparse.CSRMatrix(start, pb.zeros(0, dtype=pb.int64), pb.zeros(0), (rows, columns))
        assert (a @ pb.ones(columns)).tolist() == [0.0] * rows
        assert a.T.to_dense().shape == (columns, rows)
        assert a.to_dense().shape == (rows, columns)


def test_coordinates_are_sorted_and_added() -> None:
    v = pb.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    row, column = pb.tensor([2, 0, 2, 0]), pb.tensor([1, 2, 1, 0])
    a = sparse.from_coordinates(row, column, v, (3, 3))
    assert a.to_dense().tolist() == [[4.0, 0.0, 2.0], [0.0, 0.0, 0.0], [0.0, 4.0, 0.0]]
    assert a.crow_indices.tolist() == [0, 2, 2, 3]
    (a @ pb.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert v.grad is not None
    assert v.grad.tolist() == [10.0, 100.0, 10.0, 1.0]


REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: sparse.CSRMatrix(pb.tensor([0, 1]), pb.tensor([3]), pb.ones(1), (1, 3)),
        ValueError,
        "expected 0 to 2",
    ),
    (lambda: sparse.CSRMatrix(pb.tensor([0, 2]), pb.tensor([0]), pb.ones(1)), ValueError, "end wi"),
    (lambda: sparse.CSRMatrix(pb.tensor([0, 1]), pb.tensor([0]), pb.ones(2)), ValueError, "length"),
    (
        lambda: sparse.CSRMatrix(pb.tensor([0, 1]), pb.tensor([0]), pb.ones(1), (2, 1)),
        ValueError,
        "expected 3",
    ),
    (
        lambda: sparse.CSRMatrix(pb.ones(2), pb.tensor([0]), pb.ones(1)),
        ValueError,
        "int32 or int64",
    ),
    (
        lambda: sparse.CSRMatrix(pb.tensor([0, 1]), pb.tensor([0]), pb.tensor([1])),
        ValueError,
        "floating-point",
    ),
    (lambda: matrix() @ pb.ones(4), RuntimeError, "with 3 rows"),
    (lambda: pb.ones(3) @ matrix(), RuntimeError, "with 4 rows"),
    (lambda: matrix() @ matrix(), TypeError, "unsupported operand"),
    (lambda: matrix() + matrix(), TypeError, "unsupported operand"),  # type: ignore[operator]
    (lambda: matrix().with_values(pb.ones(4)), ValueError, "expected"),
    (lambda: sparse.from_dense(pb.ones(2)), ValueError, "expected a matrix"),
    (
        lambda: sparse.from_coordinates(pb.tensor([0]), pb.tensor([2]), pb.ones(1), (1, 2)),
        ValueError,
        "expected 0 to 1",
    ),
    (
        lambda: sparse.from_coordinates(pb.tensor([-1]), pb.tensor([0]), pb.ones(1), (1, 2)),
        ValueError,
        "expected 0 to 0",
    ),
    (lambda: sparse.spsolve(matrix(), pb.ones(4)), RuntimeError, "square"),
    (lambda: sparse.from_scipy([[1.0]]), TypeError, "scipy.sparse"),
    (lambda: sparse.mm, AttributeError, "CSRMatrix"),
    (
        lambda: pb._sparse_product(pb.ones(1), pb.tensor([5]), pb.tensor([0]), pb.ones(1, 1), 2),
        IndexError,
        "got a row with the number 5, expected 0 to 1",
    ),
    (
        lambda: pb._sparse_product(pb.ones(1), pb.tensor([0]), pb.tensor([-1]), pb.ones(1, 1), 2),
        IndexError,
        "got a column with the number -1",
    ),
    (
        lambda: pb._sampled_product(pb.ones(1, 1), pb.ones(1, 1), pb.tensor([1]), pb.tensor([0])),
        IndexError,
        "got a row",
    ),
]


@pytest.mark.parametrize(("call", "error", "sentence"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(call: Callable[[], Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [(), (1,), (4,)])
def test_solutions(width: tuple[int, ...], dtype: pb.dtype) -> None:
    pytest.importorskip("scipy")
    a, b = regular(7, dtype), numbers(7, *width, dtype=dtype)
    x = sparse.spsolve(a, b)
    assert x.dtype == dtype
    assert pb.allclose(a @ x, b, atol=1e-4)
    assert pb.allclose(x, pb.linalg.solve(a.to_dense(), b), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("dtype", [pb.float64, pb.complex128])
def test_derivatives_of_solutions(dtype: pb.dtype) -> None:
    pytest.importorskip("scipy")
    a = regular(4, dtype)
    v = (a.values * (1 + 0.2j) if dtype.is_complex else a.values).detach().requires_grad_()
    for b in (numbers(4, dtype=dtype), numbers(4, 2, dtype=dtype)):
        inputs = (v, b.requires_grad_())

        def solution(v: pb.Tensor, b: pb.Tensor) -> pb.Tensor:
            return sparse.spsolve(a.with_values(v), b)

        assert pb.autograd.gradcheck(solution, inputs, check_forward_ad=True)
        assert pb.autograd.gradgradcheck(solution, inputs)


def test_scipy_there_and_back() -> None:
    scipy = pytest.importorskip("scipy.sparse")
    a = sparse.from_scipy(scipy.coo_matrix(np.array(DENSE)), requires_grad=True)
    assert a.values.requires_grad
    assert pb.equal(a.to_dense().detach(), pb.tensor(DENSE, dtype=pb.float64))
    np.testing.assert_array_equal(a.to_scipy().toarray(), np.array(DENSE))


def test_singular_matrices() -> None:
    pytest.importorskip("scipy")
    a = sparse.from_dense(pb.tensor([[1.0, 1.0], [1.0, 1.0]]))
    with pytest.raises(pb.linalg.LinAlgError, match="singular"):
        sparse.spsolve(a, pb.ones(2))
